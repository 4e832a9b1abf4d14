"""What the tests of scripts share: a run, an act, a start."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.jobs.follow import Seen
from engine.model.plan import ScriptAct
from engine.model.run import Run
from engine.scripts import environment, event, follow, start
from engine.session import Session

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
RUN, STEP = "20261123T030000-ab12cd", "before"


def run_of(**fields: Any) -> Run:
    known: dict[str, Any] = {
        "id": RUN,
        "host": "server1",
        "candidate": "upgrade",
        "state": "running",
        "operator": "eve@laptop",
        "digest": "d" * 64,
        "started_at": NOW,
        "steps": (),
        "since": NOW,
    }
    return Run(**{**known, **fields})


def sh(text: str, *words: str, name: str = "before", deadline_s: int = 20) -> ScriptAct:
    return ScriptAct(("sh", "-c", text, "sh", *words), name, deadline_s)


async def begin(session: Session, act: ScriptAct, step: str = STEP, **more: Any) -> str:
    told = event(act.event, run_of(), step, "begins", NOW)
    variables = environment(RUN, session.inventory.host("server1"))
    return await start(session, RUN, step, act, told, variables, **more)


async def ended(session: Session, step: str = STEP) -> Seen:
    """Follow a script until it is over."""
    seen = await follow(session, RUN, step, seconds=20)
    assert not seen.alive, "it still runs"
    return seen


def place(session: Session, step: str = STEP) -> Path:
    return session.state_dir / "runs" / RUN / step


def log(session: Session, step: str = STEP) -> str:
    return (place(session, step) / "log").read_text()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
