"""What may happen to hostshift itself while its job works on a host."""

from __future__ import annotations

import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.conftest import NewFault
from tests.lab.controller import (
    SLOW_WORKS,
    Controller,
    exit_of,
    has_lock,
    job_file,
    let_finish,
    log_of,
    slow_for,
    wait_for_exit,
    wait_for_log,
)
from tests.lab.faults.truth import end_of
from tests.lab.machine import Machine
from tests.lab.processes import wait_until

LONG = 300
"""Seconds that a job takes which is to be let go by `let_finish`."""
TAKE_OVER = ("--take-over", "its hostshift was killed")
"""Without waiting until the lease of the dead hostshift has run out."""


def test_killed_during_the_job(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    case = fault("hostshift killed during the job, then attach", "succeeded, exit 0")
    slow_for(upgradable, LONG)
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        process.kill()
    run = eve.last()
    assert run["state"] == "running"
    assert has_lock(upgradable)
    assert exit_of(upgradable) is None
    let_finish(upgradable)
    done = eve.call("attach", run["id"])
    assert done.stdout == log_of(upgradable)
    case.observed(f"{end_of(eve, run['id'])}, exit {done.returncode}")


def test_a_job_that_ended_while_nobody_looked(
    eve: Controller, upgradable: Machine, fault: NewFault
) -> None:
    case = fault("hostshift killed, attach after the job's end", "succeeded, exit 0")
    slow_for(upgradable, LONG)
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        process.kill()
    let_finish(upgradable)
    wait_for_exit(upgradable)
    run = eve.told_run()
    done = eve.call("attach", run, *TAKE_OVER)
    case.observed(f"{end_of(eve, run)}, exit {done.returncode}")


MOMENTS: tuple[tuple[str, Callable[[Machine], bool]], ...] = (
    ("the lock", has_lock),
    ("the job's start", lambda host: job_file(host, "begun").exists()),
    ("the job's end", lambda host: exit_of(host) is not None),
)


@pytest.mark.parametrize("seed", range(len(MOMENTS)))
def test_killed_at_a_random_moment(
    eve: Controller, upgradable: Machine, fault: NewFault, seed: int
) -> None:
    name, has_come = MOMENTS[seed]
    later = random.Random(seed).uniform(0, 1)
    # until its job has begun, a run may be withdrawn
    expected = "cancelled or succeeded" if name == "the lock" else "succeeded"
    case = fault(f"hostshift killed {later:.2f} s after {name}, then attach", expected)
    slow_for(upgradable, 3)
    with eve.running() as process:
        wait_until(lambda: has_come(upgradable), name, timeout=90)
        time.sleep(later)  # not a wait: this is the moment
        process.kill()
    run = eve.last()
    done = eve.call("attach", run["id"], *(() if run["ended_at"] else TAKE_OVER), check=None)
    end = end_of(eve, run["id"])
    assert done.returncode == {"succeeded": 0, "cancelled": 5}[end]
    case.observed(expected if end in expected else end)


def test_ctrl_c_ends_following_only(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    case = fault("Ctrl-C in a headless run, then attach", "exit 4, then succeeded")
    slow_for(upgradable, LONG)
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert exit_of(upgradable) is None
    let_finish(upgradable)
    run = eve.told_run()
    assert f"hostshift attach {run}" in eve.said()
    assert "Traceback" not in eve.said()
    eve.call("attach", run)
    case.observed(f"exit {process.returncode}, then {end_of(eve, run)}")


def test_a_second_ctrl_c_waits_for_nothing(
    eve: Controller, upgradable: Machine, fault: NewFault
) -> None:
    expected = "ended by SIGINT at once, then succeeded"
    case = fault("Ctrl-C twice in a headless run, then attach", expected)
    slow_for(upgradable, LONG)
    store = Path(eve.environment["XDG_STATE_HOME"]) / "hostshift/runs.db"
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # ten seconds that an orderly end would wait for
            process.send_signal(signal.SIGINT)
            wait_until(lambda: "hostshift attach" in eve.said(), "the first word")
            process.send_signal(signal.SIGINT)
            process.wait(5)
    assert exit_of(upgradable) is None
    let_finish(upgradable)
    assert "Traceback" not in eve.said()
    run = eve.told_run()
    eve.call("attach", run, *TAKE_OVER)
    at_once = process.returncode == -signal.SIGINT
    end = "ended by SIGINT at once" if at_once else f"exit {process.returncode}"
    case.observed(f"{end}, then {end_of(eve, run)}")


JUMPING = """
import sys
from datetime import timedelta
from pathlib import Path
from engine.clock import SystemClock
from tui.__main__ import main

right = SystemClock.now

def now(clock):
    try:
        hours = float(Path(sys.argv[1]).read_text())
    except OSError:
        hours = 0.0
    return right(clock) + timedelta(hours=hours)

SystemClock.now = now
sys.exit(main(sys.argv[2:]))
"""
"""hostshift with a wall clock that jumps by the hours in a file.

A time namespace shifts no wall clock, and the machine's own belongs to everybody on it. The engine
reads the wall clock through this one method only; the monotonic clock goes on as it does in life.
"""


class JumpingController(Controller):
    """An operator whose machine's clock can be set."""

    @property
    def jump(self) -> Path:
        return self.directory / "jump"

    def words(self, *arguments: str) -> list[str]:
        _python, _module, _name, *words = super().words(*arguments)
        return [sys.executable, "-c", JUMPING, str(self.jump), *words]


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_clock_jumps(tmp_path: Path, upgradable: Machine, fault: NewFault, hours: int) -> None:
    case = fault(f"the controller's clock jumps by {hours:+} h", "succeeded, exit 0")
    eve = JumpingController(tmp_path, upgradable)
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        eve.jump.write_text(str(hours))
        let_finish(upgradable)
        process.wait(120)
    run = eve.last()
    case.observed(f"{end_of(eve, run['id'])}, exit {process.returncode}")
    for each in (run, *run["steps"]):
        assert each["started_at"] <= each["ended_at"]
