"""How far a run is: its snapshot, its steps with intent and result, its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, insert, select, update

from engine.model.run import ENDED, State
from engine.store.claims import NO_OWNER
from engine.store.database import Database, Write
from engine.store.errors import ChangedError, HostBusyError, OpenStepError
from engine.store.fencing import busy, change, fenced, note, row
from engine.store.tables import run_hosts, steps
from engine.store.values import Event, Json, StepEnd, StoredStep

BEGUN = "begun"
"""State of a step whose intent is recorded and whose result isn't."""
_NONE: Final[Mapping[int, Any]] = MappingProxyType({})


class Progress:
    """The part of the store that says how far runs are. Every write is for the owner only."""

    _database: Database

    def save(
        self,
        run_id: str,
        owner: str,
        epoch: int,
        *,
        state: State,
        snapshot: Json,
        event: Event | None = None,
        acting: bool = True,
        begun: Mapping[int, str] = _NONE,
        ended: Mapping[int, StepEnd] = _NONE,
    ) -> None:
        """Record a run's state and snapshot; a change of the state comes into the journal.

        Args:
            event: What to write there; without it a change of the state gets a plain one.
            acting: Whether it counts against the bound; a run that waits for a person doesn't.
            begun: The names of steps that begin, by number, as by `begin_step`. They come with the
                snapshot that tells of them, so that whoever carries on never finds one without the
                other.
            ended: Steps that end, as by `end_step`.

        Raises:
            ChangedError: a step is recorded otherwise.
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            found = fenced(write.connection, run_id, owner, epoch)
            for number, name in begun.items():
                _begin_step(write, run_id, number, name, None)
            for number, end in ended.items():
                _end_step(write, run_id, number, end)
            change(
                write, run_id, state=state, snapshot=snapshot, acting=acting and state != "waiting"
            )
            if event is None and state != found.state:
                event = Event("state")
            if event is not None:
                note(write, run_id, state, event)

    def begin_step(
        self,
        run_id: str,
        owner: str,
        epoch: int,
        number: int,
        name: str,
        input: Json | None = None,  # noqa: A002 # what the column and the value call it
    ) -> StoredStep:
        """Record the intent of a step; it is kept when this returns, before anything is done.

        A step that was begun before counts one more attempt and keeps its first beginning and
        input; one that has ended is returned as it is and must not be carried out again.

        Raises:
            ChangedError: the recorded step of this number has another name.
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            fenced(write.connection, run_id, owner, epoch)
            if _begin_step(write, run_id, number, name, input):
                change(write, run_id)
            return stored_step(write.connection.execute(_of(run_id, number)).one())

    def end_step(
        self,
        run_id: str,
        owner: str,
        epoch: int,
        number: int,
        *,
        state: str,
        result: Json | None,
        evidence: tuple[str, ...],
    ) -> None:
        """Record the result of a step, for good. Harmless when done twice with the same result.

        Args:
            evidence: What was read that proves it. Without any there is no result: a lost
                connection, a shutdown or a missing password leave the step begun.

        Raises:
            ValueError: no evidence, or a state that is no end.
            ChangedError: the step was not begun, or has ended otherwise.
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            fenced(write.connection, run_id, owner, epoch)
            if _end_step(write, run_id, number, StepEnd(state, result, evidence)):
                change(write, run_id)

    def finish(self, run_id: str, owner: str, epoch: int, *, state: State, snapshot: Json) -> None:
        """End a run for good, let go of its hosts and of the lease. Harmless when done twice.

        Raises:
            ValueError: a run doesn't end in this state.
            OpenStepError: a step has no result, so it may still be at work on a host.
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        if state not in ENDED:
            raise ValueError(f"{state} is no end of a run")
        with self._database.writing() as write:
            found = row(write.connection, run_id)
            if found.ended_at is not None and (found.epoch, found.state) == (epoch, state):
                return
            fenced(write.connection, run_id, owner, epoch)
            _must_be_closed(write.connection, run_id)
            _hold(write.connection, run_id, active=False)
            change(
                write,
                run_id,
                state=state,
                snapshot=snapshot,
                ended_at=write.moment.now,
                **NO_OWNER,
            )
            note(write, run_id, state, Event("ended"))

    def free_hosts(self, run_id: str, owner: str, epoch: int) -> None:
        """Let other runs have the hosts of a run that goes on, such as one in ``attention``.

        Raises:
            OpenStepError: a step has no result, so it may still be at work on a host.
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            found = fenced(write.connection, run_id, owner, epoch)
            _must_be_closed(write.connection, run_id)
            _hold(write.connection, run_id, active=False)
            change(write, run_id)
            note(write, run_id, found.state, Event("hosts-freed"))

    def hold_hosts(self, run_id: str, owner: str, epoch: int) -> None:
        """Keep the hosts that were let go of from other runs again, before acting on them.

        Raises:
            HostBusyError: another run has one of them by now.
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            found = fenced(write.connection, run_id, owner, epoch)
            held = busy(write.connection, found.hosts, but=run_id)
            if held is not None:
                raise HostBusyError(*held)
            _hold(write.connection, run_id, active=True)
            change(write, run_id)
            note(write, run_id, found.state, Event("hosts-held"))


def stored_step(found: Row[Any]) -> StoredStep:
    """A row of the table as a value."""
    return StoredStep(
        run=found.run,
        number=found.number,
        name=found.name,
        state=found.state,
        attempt=found.attempt,
        started_at=found.started_at,
        input=found.input,
        ended_at=found.ended_at,
        result=found.result,
        evidence=tuple(found.evidence),
    )


def _of(run_id: str, number: int) -> Select[Any]:
    return select(steps).where(steps.c.run == run_id, steps.c.number == number)


def _begin_step(write: Write, run_id: str, number: int, name: str, given: Json | None) -> bool:
    """Record an intent; False when the step has ended already."""
    before = write.connection.execute(_of(run_id, number)).first()
    if before is None:
        write.connection.execute(
            insert(steps).values(
                run=run_id,
                number=number,
                name=name,
                state=BEGUN,
                attempt=1,
                started_at=write.moment.now,
                input=given,
                evidence=[],
            )
        )
    elif before.name != name:
        raise ChangedError(run_id, number, before.name, name)
    elif before.ended_at is None:
        _change_step(write.connection, run_id, number, attempt=before.attempt + 1)
    else:
        return False
    return True


def _end_step(write: Write, run_id: str, number: int, end: StepEnd) -> bool:
    """Record a result; False when it is on record already."""
    if not end.evidence or end.state == BEGUN:
        raise ValueError("a step ends only with evidence")
    before = write.connection.execute(_of(run_id, number)).first()
    if before is None:
        raise ChangedError(run_id, number, "never begun", end.state)
    if before.ended_at is not None:
        same = (before.state, before.result, before.evidence)
        if same == (end.state, json.loads(json.dumps(end.result)), list(end.evidence)):
            return False
        raise ChangedError(run_id, number, before.state, end.state)
    _change_step(
        write.connection,
        run_id,
        number,
        state=end.state,
        result=end.result,
        evidence=list(end.evidence),
        ended_at=write.moment.now,
    )
    return True


def _change_step(connection: Connection, run_id: str, number: int, **values: object) -> None:
    connection.execute(
        update(steps).where(steps.c.run == run_id, steps.c.number == number).values(**values)
    )


def _hold(connection: Connection, run_id: str, *, active: bool) -> None:
    connection.execute(update(run_hosts).where(run_hosts.c.run == run_id).values(active=active))


def _must_be_closed(connection: Connection, run_id: str) -> None:
    begun = select(steps.c.name).where(steps.c.run == run_id, steps.c.ended_at.is_(None))
    names = connection.execute(begun.order_by(steps.c.number)).scalars().all()
    if names:
        raise OpenStepError(run_id, tuple(names))
