"""The whole way once, through the screens, on booted hosts: look, confirm, act, look again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine import door
from engine.session import Session
from tests.lab.conftest import NewHost
from tests.lab.inventory import isolated_home, write_inventory
from tests.lab.machine import Machine
from tests.lab.scenarios import (
    clean,
    interrupted_dpkg,
    lab_packages,
    package_state,
    switch_to,
    with_security_updates,
)
from tui.app import HostshiftApp
from tui.screens.run import RunScreen
from tui.widgets.line_table import LineTable

SIZE = (140, 44)
LOOK_S = 120
UPGRADE_S = 420


async def until(pilot: Pilot[int], true: Callable[[], bool], what: str, patience_s: float) -> None:
    """Let the screens work until something is so, or fail with what is on the screen."""
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for: {what}\n{on_screen(pilot)}")
        await pilot.pause(0.1)


def on_screen(pilot: Pilot[int]) -> str:
    """What a person would read now."""
    lines = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in lines)


def session_on(inventory: Path, state: Path) -> Session:
    """A session as a fresh start of hostshift makes it, with a state directory of the test."""
    return door.open_session(door.load(inventory), state_dir=state)


def in_full(app: HostshiftApp, *names: str) -> bool:
    """Whether these hosts were looked at in full and nothing is under way."""
    known = [app.bridge.known(name) for name in names]
    return all(not k.looking and k.facts is not None and k.facts.depth == "full" for k in known)


async def given_back(pilot: Pilot[int], machine: Machine) -> None:
    """Wait for the host's lock to be gone: a run's end is shown before it is given back."""
    lock = machine.root / "var/lib/hostshift/lock"
    await until(pilot, lambda: not lock.exists(), "the lock to be given back", 20)


async def plan_and_confirm(pilot: Pilot[int], name: str) -> None:
    """From the fleet: cursor on the host, plan its upgrade, confirm by its name."""
    pilot.app.screen.query_one("#fleet", LineTable).move_to_key(name)
    await pilot.press("u")
    await until(pilot, lambda: bool(getattr(pilot.app.screen, "plans", ())), "the plan", LOOK_S)
    await pilot.press("y")
    await until(pilot, lambda: bool(pilot.app.screen.query("#typed")), "the confirmation", 20)
    await pilot.press("enter")
    assert not isinstance(pilot.app.screen, RunScreen), "confirmed without the name"
    await pilot.press(*name, "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen), "the run", 60)


async def test_from_inventory_to_a_real_upgrade(new_host: NewHost, tmp_path: Path) -> None:
    names = ("web1", "db1", "mail1")
    web1, db1, mail1 = (new_host(name) for name in names)
    with ThreadPoolExecutor(3) as pool:
        list(
            pool.map(
                lambda job: job[0](job[1]),
                ((with_security_updates, web1), (clean, db1), (interrupted_dpkg, mail1)),
            )
        )
    inventory = write_inventory(
        tmp_path, (web1, db1, mail1), hosts={n: {"outage": "tolerable"} for n in names}
    )
    app = HostshiftApp(session_on(inventory, tmp_path / "state"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: in_full(app, *names), "all hosts in full", LOOK_S)

        pending = app.bridge.known("web1")
        assert pending.facts is not None
        assert pending.facts.packages is not None
        assert (pending.facts.packages.security or 0) >= 5
        assert pending.foresight is not None
        assert pending.foresight.recommendation is not None
        assert pending.foresight.recommendation.kind == "upgrade"

        quiet = app.bridge.known("db1")
        assert quiet.foresight is not None
        assert quiet.foresight.recommendation is not None
        assert quiet.foresight.recommendation.kind == "none"

        blocked = app.bridge.known("mail1")
        assert blocked.foresight is not None
        upgrade = blocked.foresight.candidate("upgrade")
        assert upgrade is not None
        remedies = {blocker.id: blocker.remedy for blocker in upgrade.blockers}
        assert "dpkg --configure -a" in remedies["dpkg-interrupted"]
        shown = on_screen(pilot)
        assert "blocked" in shown
        assert all(name in shown for name in names)

        await plan_and_confirm(pilot, "web1")
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: "Unpacking" in on_screen(pilot), "the log to stream", UPGRADE_S)
        await until(
            pilot,
            lambda: screen.run_now is not None and screen.run_now.ended,
            "the end of the run",
            UPGRADE_S,
        )
        run = screen.run_now
        assert run is not None
        assert run.state == "succeeded", run.reason
        assert any("It happened as foreseen" in line for line in run.reason), run.reason
        assert not any("Foreseen otherwise" in line for line in run.reason), run.reason

        def nothing_pending() -> bool:
            facts = app.bridge.known("web1").facts
            return (
                facts is not None and facts.packages is not None and not facts.packages.upgradable
            )

        await until(pilot, nothing_pending, "the look after the run", LOOK_S)
        await pilot.press("q")
        await until(pilot, lambda: "up to date" in on_screen(pilot), "the new state", 20)
        await given_back(pilot, web1)
    left = web1.inside("apt-get -s -o Debug::NoLocking=1 upgrade | grep -c ^Inst", check=False)
    assert left.stdout.strip() == "0"
    log = tmp_path / "state/runs" / run.id / "upgrade/log"
    on_host = web1.root / "var/lib/hostshift/runs" / run.id / "upgrade/log"
    assert log.read_bytes() == on_host.read_bytes()


DRIVE = """
import asyncio, sys
from pathlib import Path
from tests.lab import test_end_to_end as story

asyncio.run(story.start_and_watch(Path(sys.argv[1]), Path(sys.argv[2])))
"""


async def start_and_watch(inventory: Path, state: Path) -> None:
    """The first hostshift of the next test: it confirms, watches, and is killed from outside."""
    app = HostshiftApp(session_on(inventory, state))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: in_full(app, "web1"), "the host in full", LOOK_S)
        await plan_and_confirm(pilot, "web1")
        await until(pilot, lambda: "lab-slow: step 3" in on_screen(pilot), "the log", LOOK_S)
        sys.stdout.write("seen\n")
        sys.stdout.flush()
        await asyncio.sleep(UPGRADE_S)


def wait_for(true: Callable[[], bool], what: str, patience_s: float) -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for: {what}")
        time.sleep(0.1)


async def killed_in_the_middle(web1: Machine, inventory: Path, tmp_path: Path) -> Path:
    """Start a run in another process, kill that with SIGKILL, and return the job's directory."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DRIVE,
        str(inventory),
        str(tmp_path / "state"),
        cwd=Path(__file__).parents[2],
        env=isolated_home(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the process has no output")
        async with asyncio.timeout(LOOK_S * 2):
            assert await process.stdout.readline() == b"seen\n"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    (job,) = (web1.root / "var/lib/hostshift/runs").glob("*/upgrade")
    return job


@pytest.mark.parametrize("when", ["while it runs", "after it has ended"])
async def test_a_killed_hostshift_loses_nothing(
    new_host: NewHost, tmp_path: Path, when: str
) -> None:
    web1 = new_host("web1")
    lab_packages(web1, "v1", ["lab-slow", "lab-lib"])
    switch_to(web1, "v2")
    (web1.root / "etc/lab").mkdir(exist_ok=True)
    (web1.root / "etc/lab/slow").write_text("15\n")
    inventory = write_inventory(tmp_path, [web1], hosts={"web1": {"outage": "tolerable"}})

    job = await killed_in_the_middle(web1, inventory, tmp_path)
    assert not (job / "exit").exists(), "the run was over before hostshift was killed"
    if when == "after it has ended":
        wait_for((job / "exit").exists, "the job to end by itself", UPGRADE_S)

    app = HostshiftApp(session_on(inventory, tmp_path / "state"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: in_full(app, "web1"), "the host", LOOK_S)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen), "the run", LOOK_S)
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        await until(
            pilot,
            lambda: screen.run_now is not None and screen.run_now.ended,
            "the end of the run",
            UPGRADE_S,
        )
        run = screen.run_now
        assert run is not None
        assert run.state == "succeeded", run.reason
        assert run.id == job.parent.name
        await until(pilot, lambda: "step 15 of 15" in on_screen(pilot), "the whole log", 20)
        await given_back(pilot, web1)
    on_host = (job / "log").read_bytes()
    assert (tmp_path / "state/runs" / run.id / "upgrade/log").read_bytes() == on_host
    assert all(f"lab-slow: step {n} of 15".encode() in on_host for n in range(1, 16))
    assert (job / "exit").read_text().strip() == "0"
    assert package_state(web1, "lab-slow") == "ii"
