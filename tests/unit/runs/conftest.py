"""A session on a host in a directory: real scripts and jobs, a stubbed look and plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.clock import Clock, SystemClock
from engine.inventory import Inventory
from engine.model.candidate import Effects
from engine.model.facts import Change, Facts, Failure, HostLock, Look, Packages
from engine.model.host import Host
from engine.model.plan import JobAct, OutageWindow, Plan, Step, VerifyAct
from engine.model.run import Run
from engine.runs import RunDesk
from engine.session import Session
from engine.transport.credentials import Credentials
from tests.unit.jobs.local_host import LocalHost

CHANGE = Change("lab-lib", "upgrade", "1.0", "2.0", "Lab:v2")


class HastyClock(SystemClock):
    """The real time, with short waits, so that retries don't take a test's minute."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.05))


def plan_of(script: str, *, changes: tuple[Change, ...] = (), verify: bool = True) -> Plan:
    """A plan of one job that runs a line of sh, and the look after it."""
    steps = [Step("upgrade", "Upgrade", "host", JobAct(commands=(("sh", "-c", script),)))]
    if verify:
        act = VerifyAct(changes=changes, failed_units_before=("old.service",))
        steps.append(Step("verify", "Look again", "host", act))
    return Plan(
        host="h1",
        candidate="upgrade",
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        steps=tuple(steps),
        effects=Effects(),
        risk=None,
        outage_window=OutageWindow(None, "unknown"),
        changes=changes,
    )


def healthy() -> Facts:
    """A host on which nothing is half done."""
    return Facts(
        host="h1",
        taken_at=datetime(2026, 11, 23, tzinfo=UTC),
        depth="full",
        privileged=True,
        family="apt",
        failed_units=("old.service",),
        packages=Packages(broken=(), interrupted=False),
    )


@dataclass
class World:
    """A host, what a look at it finds, and what is planned for it."""

    lan: LocalHost
    state_dir: Path
    plan: Plan = field(default_factory=lambda: plan_of("echo acted"))
    facts: Facts = field(default_factory=healthy)
    lost: Failure | None = None
    desks: list[RunDesk] = field(default_factory=list)

    def desk(
        self,
        *,
        operator: str = "eve@laptop",
        state: str = "state",
        inventory: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        **more: object,
    ) -> RunDesk:
        """A hostshift of its own; the same state directory is the same controller."""
        (self.state_dir / state).mkdir(mode=0o700, exist_ok=True)
        session = Session(
            inventory=Inventory(
                path=Path("inventory.toml"), hosts=(self.lan.host,), **(inventory or {})
            ),
            transport=self.lan,
            credentials=Credentials(),
            state_dir=self.state_dir / state,
            clock=clock or HastyClock(),
            operator=operator,
            **more,  # type: ignore[arg-type]
        )
        made = RunDesk(session, self.look_at, lambda host, look, plan, now: self.plan)
        self.desks.append(made)
        return made

    async def look_at(self, session: Session, host: Host, depth: str) -> Look:
        now = session.clock.now()
        if self.lost is not None or not self.lan.link:
            why = self.lost or Failure("unreachable", "no route to host", "look at the cable")
            return Look(host.name, now, error=why)
        return Look(host.name, now, facts=self.facts)

    async def look_at_now(self) -> Look:
        return Look("h1", datetime(2026, 11, 23, tzinfo=UTC), facts=self.facts)

    def locked(self, run: str, **fields: object) -> Look:
        """A look that found a run's lock."""
        lock = HostLock(
            run=run, host="h1", candidate="upgrade", step="upgrade", operator="eve@laptop",
            since=None, digest=None, boot_id=None, job_alive=True, job_exit=None,
            heartbeat_age_s=1,
        )  # fmt: skip
        facts = replace(self.facts, lock=replace(lock, **fields))  # type: ignore[arg-type]
        return Look("h1", datetime(2026, 11, 23, tzinfo=UTC), facts=facts)

    def has_lock(self) -> bool:
        return (self.lan.home / "lock").exists()

    def job(self, run: str) -> Path:
        return self.lan.home / "runs" / run / "upgrade"

    def mirror(self, run: str, state: str = "state") -> Path:
        return self.state_dir / state / "runs" / run / "upgrade" / "log"


def has_state(desk: RunDesk, run: str, *states: str) -> Callable[[], bool]:
    """Whether a run is in one of some states."""
    return lambda: desk.get(run).state in states


def steps_of(run: Run) -> dict[str, str]:
    return {step.id: step.state for step in run.steps}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(LocalHost(tmp_path / "host"), tmp_path)
    made.lan.hasten()
    made.lan.double("dpkg-query", r"printf 'ii \tlab-lib\tall\t2.0\nrc \told\tall\t1\n'" + "\n")
    try:
        yield made
        for desk in made.desks:
            await desk.close()
    finally:
        made.lan.end()
