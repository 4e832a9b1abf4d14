"""A hostshift that stops between its plan and its act, for what a host may do in between."""

from __future__ import annotations

import subprocess
import sys

from tests.lab.controller import Controller

IN_STEPS = """
import asyncio, dataclasses, sys
from pathlib import Path
from engine import door
from engine.runs import RunDesk

async def main():
    session = door.open_session(door.load(Path(sys.argv[1])))
    host = session.inventory.hosts[0]
    look = await door.look_at(session, host, "full")
    plan = door.make_plan(host, look.facts, "upgrade", session.clock.now())
    (at,) = [n for n, step in enumerate(plan.steps) if step.id == "upgrade"]
    steps = list(plan.steps)
    act = dataclasses.replace(steps[at].act, lock_wait_s=int(sys.argv[2]))
    steps[at] = dataclasses.replace(steps[at], act=act)
    plan = dataclasses.replace(plan, steps=tuple(steps))
    desk = RunDesk(session, make_plan=lambda *words: plan)
    print("planned", flush=True)
    sys.stdin.readline()
    ended = await desk.wait(await desk.start(plan, plan.digest, look))
    print(ended.state, *ended.reason, sep="\\n")
    await desk.close()
    await session.transport.close()

asyncio.run(main())
"""
"""A run with a pause between the plan and the act, for what happens in between."""


class Paused:
    """A hostshift that has planned and waits for a word before it acts."""

    def __init__(self, eve: Controller, lock_wait_s: int = 600) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", IN_STEPS, str(eve.inventory), str(lock_wait_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=eve.environment,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "planned\n"

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def ended(self) -> str:
        """The run's state and reasons, a line each."""
        said, _ = self._process.communicate(timeout=180)
        assert self._process.returncode == 0
        return said
