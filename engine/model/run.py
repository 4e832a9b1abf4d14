"""Run: a plan being carried out on one host, as evidence shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

State = Literal[
    "planned",
    "waiting",
    "running",
    "attention",
    "succeeded",
    "failed",
    "rolled-back",
    "cancelled",
    "unknown",
]
ENDED: frozenset[State] = frozenset({"succeeded", "failed", "rolled-back", "cancelled"})
"""States in which nothing of the run happens any more."""
SNAPSHOT: Final = "snapshot"
"""Id of the step that takes a snapshot, and what its script is called in the inventory."""
SNAPSHOT_RESTORE: Final = "snapshot_restore"
SNAPSHOT_REMOVE: Final = "snapshot_remove"
"""The inventory's keys of the scripts that put a snapshot back, and remove it."""


def snapshot_name(run_id: str) -> str:
    """What the host's scripts call the snapshot of a run."""
    return f"hostshift-{run_id}"


@dataclass(frozen=True, slots=True)
class Progress:
    """What the host's program says of its own progress.

    ``percent`` is of the phase (download, install), 0 to 100, not of the whole run.
    """

    phase: str
    percent: float | None
    text: str


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of a run. ``evidence`` is what was read that binds the state, in words."""

    id: str
    title: str
    state: State
    started_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: tuple[str, ...] = ()
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A snapshot of a run; a new one replaces it when anything changes.

    Attributes:
        state: Bound to evidence: a lost connection is ``unknown`` since ``since``.
        reason: Why it is in that state, in words, one line each.
        hint: What a person can do now, where there is something to do.
        waits_for: The question at the gate where the run waits.
        owner: The hostshift that drives it, as it was last read; None: nobody does.
        owner_alive: Whether that hostshift was heard of lately.
    """

    id: str
    host: str
    candidate: str
    state: State
    operator: str
    digest: str
    started_at: datetime
    steps: tuple[StepState, ...]
    since: datetime
    ended_at: datetime | None = None
    reason: tuple[str, ...] = ()
    hint: str | None = None
    waits_for: str | None = None
    owner: str | None = None
    owner_alive: bool | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing happens any more without a person."""
        return self.state in ENDED or self.state == "attention"
