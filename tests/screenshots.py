"""Draw the pictures of `screenshots/` from the demo: ``python -m tests.screenshots``.

The screens are the real ones on the demo's fleet over SSH, with a clock that stands still; so the
pictures change only when the screens or the fleet do (but for a run's id, which is random).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from engine.clock import FixedClock
from engine.demo import open_demo
from engine.session import Session
from tui.app import HostshiftApp
from tui.screens.run import RunScreen
from tui.theme import THEMES
from tui.widgets.line_table import LineTable

NOW = datetime(2026, 3, 25, 9, 30, tzinfo=UTC)
CLOCK = FixedClock(NOW)
HERE = Path(__file__).parents[1] / "screenshots"
SIZE = (132, 32)
PATIENCE_S = 60

Shot = Callable[[str], None]


async def until(pilot: Pilot[int], true: Callable[[], bool], what: str) -> None:
    """Let the screens work until something is so.

    Raises:
        TimeoutError: it has not come to pass within a minute.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for: {what}")
        await pilot.pause(0.05)
    await pilot.pause(0.3)


def app_of(pilot: Pilot[int]) -> HostshiftApp:
    """The app that a pilot drives."""
    app = pilot.app
    if not isinstance(app, HostshiftApp):
        raise TypeError("this is the pilot of another app")
    return app


async def scanned(pilot: Pilot[int]) -> None:
    """Wait until every host was looked at in full, or can't be."""
    bridge = app_of(pilot).bridge

    def done() -> bool:
        known = [bridge.known(host.name) for host in bridge.hosts]
        return all(
            not one.looking
            and not one.examining
            and one.look is not None
            and (one.look.error is not None or (one.facts and one.facts.depth == "full"))
            for one in known
        )

    await until(pilot, done, "the scan of the fleet")


async def open_host(pilot: Pilot[int], name: str) -> None:
    """Open a host from the fleet."""
    table = pilot.app.screen.query_one("#fleet", LineTable)
    table.move_to_key(name)
    await pilot.press("enter")
    await until(pilot, lambda: bool(pilot.app.screen.query("#facts-sheet")), f"{name}'s screen")
    await scanned(pilot)


async def type_name(pilot: Pilot[int], name: str) -> None:
    """Type a host's name as the confirmation wants it."""
    await until(pilot, lambda: bool(pilot.app.screen.query("#typed")), "the confirmation")
    await pilot.press(*name)
    await pilot.pause(0.2)


async def looking_around(pilot: Pilot[int], shot: Shot) -> None:
    """The fleet, hosts of several stories, a plan and its confirmation."""
    await scanned(pilot)
    shot("fleet")
    for name, picture in (
        ("server1", "host-replace"),
        ("server2", "host-upgrade"),
        ("server5", "host-blocked"),
        ("server9", "host-rpm-ostree"),
    ):
        await open_host(pilot, name)
        shot(picture)
        await pilot.press("escape")
        await pilot.pause(0.2)
    await open_host(pilot, "server2")
    await pilot.press("u")
    await until(pilot, lambda: bool(getattr(pilot.app.screen, "plans", ())), "the plan")
    shot("plan")
    await pilot.press("y")
    await type_name(pilot, "server2")
    shot("confirmation")


async def watching_runs(pilot: Pilot[int], shot: Shot) -> None:
    """An upgrade in the middle, and one that has failed."""
    await scanned(pilot)
    for name, picture, seen in (("server7", "run", b"Unpacking"), ("server8", "run-failed", None)):
        table = pilot.app.screen.query_one("#fleet", LineTable)
        table.move_to_key(name)
        await pilot.press("u")
        await until(pilot, lambda: bool(getattr(pilot.app.screen, "plans", ())), "the plan")
        await pilot.press("y")
        await type_name(pilot, name)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen), "the run's screen")
        CLOCK.advance(38)
        await until(pilot, partial(_got_there, pilot, seen), "the run")
        shot(picture)
        await pilot.press("escape")
        await pilot.pause(0.2)


def _got_there(pilot: Pilot[int], seen: bytes | None) -> bool:
    """Whether the run that is shown has printed something a dozen times, or else has ended."""
    screen, bridge = pilot.app.screen, app_of(pilot).bridge
    run = screen.run_now if isinstance(screen, RunScreen) else None
    if run is None or seen is None:
        return run is not None and run.ended
    return any(bridge.read_log(run.id, s.id, 0, 1 << 20).count(seen) > 12 for s in run.steps)


async def draw(
    session: AbstractAsyncContextManager[Session],
    story: Callable[[Pilot[int], Shot], Awaitable[None]],
) -> None:
    """Open the screens on the demo and go through a story."""
    async with session as opened:
        app = HostshiftApp(opened, theme=THEMES[0].name)
        async with app.run_test(size=SIZE) as pilot:

            def shot(name: str) -> None:
                HERE.joinpath(f"{name}.svg").write_text(app.export_screenshot(), "utf-8")
                print(f"screenshots/{name}.svg")  # noqa: T201

            await story(pilot, shot)


async def main() -> None:
    """Draw all pictures."""
    HERE.mkdir(exist_ok=True)
    await draw(open_demo(clock=CLOCK, speed=0), looking_around)
    await draw(open_demo(clock=CLOCK, speed=0.15), watching_runs)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
