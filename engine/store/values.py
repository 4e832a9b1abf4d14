"""What the run store takes and gives: frozen values of JSON-friendly parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.model.run import State

Json = dict[str, Any]
"""A JSON object. What can't be written as JSON is refused with a TypeError or ValueError."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is about to be recorded; it begins in the state ``planned``.

    Attributes:
        kind: What carries it out; together with ``workflow_version`` it says who can resume it.
        hosts: Hosts that no other active run may touch until this one lets go of them.
        snapshot: What faces show of the run, as the executor writes it.
    """

    id: str
    kind: str
    plan: Json
    digest: str
    workflow_version: int
    hosts: tuple[str, ...]
    operator: str
    snapshot: Json
    started_at: datetime


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as the store knows it.

    Attributes:
        owner: Who drives it; None: nobody does.
        epoch: How often it was claimed; only who made the last claim can write.
        lease_until: Until when the owner's lease holds, by the store's clock.
        lease_alive: Whether it held when this was read. Without it the run may be taken over.
        holds_hosts: Whether its hosts are still kept from other runs.
        ended_at: When it ended for good; None also for a run in ``attention``.
        version: Rises with each change of any run (`Store.changed_since`); not with a heartbeat.
    """

    id: str
    kind: str
    plan: Json
    digest: str
    workflow_version: int
    hosts: tuple[str, ...]
    operator: str
    owner: str | None
    epoch: int
    lease_until: datetime | None
    lease_alive: bool
    holds_hosts: bool
    state: State
    snapshot: Json
    started_at: datetime
    ended_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class StoredStep:
    """One step of a run: its intent, and its result once there is evidence.

    Attributes:
        state: ``begun`` until it ends; then what it ended as.
        attempt: How often it was begun; more than one after an interruption.
        started_at: When it was begun first.
        input: What it was begun with the first time, such as an absolute deadline.
    """

    run: str
    number: int
    name: str
    state: str
    attempt: int
    started_at: datetime
    input: Json | None = None
    ended_at: datetime | None = None
    result: Json | None = None
    evidence: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it has a result, which never changes."""
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth remembering that happened to a run.

    Attributes:
        kind: A short stable word, such as ``taken-over``.
        by: Who did it; empty: the run itself.
    """

    kind: str
    by: str = ""
    body: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step ended.

    Attributes:
        evidence: What was read that proves it; without any it has not ended.
    """

    state: str
    result: Json | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One line of the journal, which is never changed. ``state`` is the run's after the event."""

    id: int
    run: str
    at: datetime
    state: State
    kind: str
    by: str
    body: Json


@dataclass(frozen=True, slots=True)
class Message:
    """What someone asked of a run: an answer to a gate, a stop.

    Attributes:
        taken_by: Number of the step that took it; None: it waits.
    """

    id: int
    run: str
    topic: str
    body: Json
    sender: str
    sent_at: datetime
    taken_by: int | None = None
    taken_at: datetime | None = None
