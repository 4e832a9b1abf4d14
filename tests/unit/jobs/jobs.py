"""What the tests of the host-side scripts share: a run, a plan, a start and a look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from engine.jobs import lock
from engine.jobs.follow import Seen, follow
from engine.jobs.layout import LOG_BOUND
from engine.jobs.mirror import Mirror
from engine.jobs.start import start
from engine.model.candidate import Effects
from engine.model.plan import JobAct, OutageWindow, Plan, Step
from engine.model.run import Progress
from tests.unit.jobs.local_host import LocalHost

RUN, STEP = "20261123T031500-ab12cd", "upgrade"
FIELDS: Mapping[str, str] = {
    "host": "h1",
    "candidate": "upgrade",
    "operator": 'eve "the \\" admin"@laptop',
    "digest": "d" * 64,
}


def plan_of(act: JobAct) -> Plan:
    return Plan(
        host="h1",
        candidate="upgrade",
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        steps=(Step(STEP, "Upgrade", "host", act),),
        effects=Effects(),
        risk=None,
        outage_window=OutageWindow(None, "unknown"),
    )


def sh(text: str, **more: object) -> JobAct:
    return JobAct(commands=(("sh", "-c", text),), **more)  # type: ignore[arg-type]


async def begin(lan: LocalHost, act: JobAct, *, log_bound: int = LOG_BOUND) -> str:
    await lock.take(lan, lan.host, RUN, FIELDS, 0)
    plan = plan_of(act)
    return await start(lan, lan.host, plan, RUN, STEP, act, FIELDS, log_bound=log_bound)


async def see(lan: LocalHost, mirror: Mirror, seconds: int = 10) -> Seen:
    said: list[Progress | None] = []
    return await follow(lan, lan.host, RUN, STEP, mirror, said.append, seconds=seconds)


def job_dir(lan: LocalHost) -> Path:
    return lan.home / "runs" / RUN / STEP
