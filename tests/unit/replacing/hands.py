"""One step of a replacement in the hand of a real driver, on a transport that answers as told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.clock import FixedClock
from engine.inventory import Inventory
from engine.inventory.value import Zone
from engine.model.facts import Look
from engine.model.host import Host
from engine.model.plan import Plan
from engine.model.replacing import PROVISION, REACH
from engine.model.run import Run, StepState
from engine.runs.acts.replacing.hand import Hand
from engine.runs.drive import Driver
from engine.runs.records import Logs, Record
from engine.session import Session
from engine.shell import Script
from engine.transport.credentials import Credentials
from engine.transport.protocol import AsRoot, Completed
from tests.unit.builders import NOW
from tests.unit.transport.doubles import NoTunnels

RUN = "20261126t030000-abcd"
Say = Callable[[Host, Script], Completed]


class Told(NoTunnels):
    """Answers each script as it was told to."""

    def __init__(self, say: Say) -> None:
        self._say = say

    async def run(
        self,
        host: Host,
        script: Script,
        *,
        as_root: AsRoot = "no",
        deadline_s: float,
        limit_bytes: int = 0,
        sink: Callable[[bytes], None] | None = None,
    ) -> Completed:
        return self._say(host, script)

    async def forget(self, host_name: str) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""


def silent(host: Host, script: Script) -> Completed:
    return Completed(0, b"", b"", as_root=True)


def hand(
    place: Path,
    plan: Plan,
    old: Host,
    step_id: str,
    *zones: str,
    say: Say = silent,
    begun: tuple[str, ...] = (),
) -> Hand:
    """The step with this id; the successor is known and reached, and ``begun`` is under way."""
    steps = tuple(StepState(step.id, step.title, "planned") for step in plan.steps)
    run = Run(RUN, old.name, "replace", "running", "eve@laptop", plan.digest, NOW, steps, NOW)
    record = Record(
        plan,
        run,
        begun=dict.fromkeys((REACH, *begun), NOW),
        results={PROVISION: {"address": "192.0.2.2"}},
    )
    session = Session(
        inventory=Inventory(
            place / "inventory.toml", (old,), tuple(Zone(z) for z in zones or ("example.com",))
        ),
        transport=Told(say),
        credentials=Credentials(),
        state_dir=place,
        clock=FixedClock(NOW),
    )

    async def look_at(*_: object) -> Look:
        raise AssertionError("nobody looks at it here")

    driver = Driver(session, old, record, None, look_at, Logs(place), resumed=False)
    return Hand(driver, next(s for s in plan.steps if s.id == step_id), more=True)
