"""Opening the app on a fleet in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from textual.pilot import Pilot

from engine.model.facts import Look
from engine.model.host import Host
from tests.tui.fake_bridge import FakeVerbs, fake_session, small_fleet
from tui.app import HostshiftApp
from tui.bridge import Bridge
from tui.widgets.command_bar import CommandBar
from tui.widgets.line_table import LineTable

PATIENCE_S = 60.0


@dataclass
class Opened:
    """An open app, with a pilot at its keys."""

    app: HostshiftApp
    pilot: Pilot[int]
    verbs: FakeVerbs

    @property
    def bridge(self) -> Bridge:
        return self.app.bridge

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so; fail when it isn't in time."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not so in {PATIENCE_S} s: {condition}")
            await self.pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*text)

    async def scanned(self) -> None:
        """Wait for the first scan; leave the host keys it may have shown."""
        await self.until(lambda: self.bridge.scan_progress.total)
        await self.until(lambda: not self.bridge.scan_progress.active)
        await self.settle()
        if self.bridge.key_offers:
            await self.on("HostKeysScreen")
            await self.press("q")
            await self.on("FleetScreen")
        await self.settle()

    async def settle(self) -> None:
        """Wait until all news have reached the screens and are painted."""
        self.bridge.tell()
        await self.pilot.pause()
        for screen in self.app.screen_stack:
            for table in screen.query("LineTable"):
                cast("LineTable[object]", table).flush()
        await self.pilot.pause()
        await asyncio.sleep(0)

    async def on(self, name: str) -> None:
        """Wait for a screen by the name of its class."""
        await self.until(lambda: type(self.app.screen).__name__ == name)
        await self.pilot.pause()

    def text(self) -> str:
        """What can be read on the screen now."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    def line_with(self, word: str) -> str:
        """The first line on the screen with a word in it."""
        return next((line for line in self.text().split("\n") if word in line), "")


@asynccontextmanager
async def opened(
    hosts: Sequence[Host] | None = None,
    looks: dict[str, Look] | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    read_only: bool = False,
    demo: bool = False,
    verbs: FakeVerbs | None = None,
    theme: str = "hostshift-dark",
    state_dir: Path = Path("/nonexistent"),
) -> AsyncIterator[Opened]:
    """The app on a fleet, by default the small one."""
    if hosts is None or looks is None:
        hosts, looks = small_fleet()
    verbs = verbs or FakeVerbs(dict(looks))
    session = fake_session(hosts, read_only=read_only, demo=demo, state_dir=state_dir)
    app = HostshiftApp(session, verbs, theme=theme)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Opened(app, pilot, verbs)


def in_bar(it: Opened) -> str:
    """The bar of commands of the screen on top."""
    return it.app.screen.query_one(CommandBar).render().plain
