"""Who drives a run: recorded, claimed, kept alive, given back, taken over."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, func, insert, select, update

from engine.store.database import Database, Moment
from engine.store.errors import (
    BoundReachedError,
    DuplicateRunError,
    HostBusyError,
    LeaseHeldError,
    LostRunError,
)
from engine.store.fencing import alive, busy, change, fenced, lease_alive, note, row
from engine.store.tables import run_hosts, runs
from engine.store.values import Event, NewRun
from engine.text import clean_line


class Claims:
    """The part of the store that says who drives what."""

    _database: Database

    def create(self, run: NewRun) -> None:
        """Record a run and keep its hosts from all others. Harmless when done twice.

        Raises:
            HostBusyError: a host has an active run.
            DuplicateRunError: another run has this id.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            same = write.connection.execute(select(runs).where(runs.c.id == run.id)).first()
            if same is not None:
                if (same.digest, same.operator) != (run.digest, run.operator):
                    raise DuplicateRunError(run.id)
                return
            held = busy(write.connection, run.hosts)
            if held is not None:
                raise HostBusyError(*held)
            write.connection.execute(
                insert(runs).values(
                    id=run.id,
                    kind=run.kind,
                    plan=run.plan,
                    digest=run.digest,
                    workflow_version=run.workflow_version,
                    hosts=list(run.hosts),
                    operator=run.operator,
                    epoch=0,
                    acting=False,
                    state="planned",
                    snapshot=run.snapshot,
                    started_at=run.started_at,
                    version=write.version,
                )
            )
            for host in dict.fromkeys(run.hosts):
                write.connection.execute(
                    insert(run_hosts).values(run=run.id, host=host, active=True)
                )
            note(write, run.id, "planned", Event("created", run.operator, {"digest": run.digest}))

    def claim(
        self,
        run_id: str,
        owner: str,
        *,
        lease_s: float,
        bound: int | None = None,
        acting: bool = True,
        reason: str | None = None,
    ) -> int:
        """Become the one who drives a run, from now on and for ``lease_s`` seconds unless `beat`.

        A claimed run acts until it waits or ends, and counts against the bound of others; also
        when its owner died, because its jobs go on.

        Args:
            bound: How many runs may act at once, this one included; None: not asked.
            acting: False: it only waits for a place (`act_again`), and counts against nobody.
            reason: Take over from an owner who may be alive; recorded with both names.

        Returns:
            The new epoch, one more than before. Whoever has an older one can't write any more.

        Raises:
            LeaseHeldError: another owner's lease is alive, and no reason was given.
            BoundReachedError: as many act already.
            RunEndedError: there is nothing left to drive.
            NoRunError: there is no such run.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            found = alive(write.connection, run_id)
            lives = lease_alive(found, write.moment.mark)
            if lives and found.owner != owner and reason is None:
                raise LeaseHeldError(run_id, found.owner, found.lease_until)
            _must_have_room(write.connection, run_id, bound if acting else None)
            epoch = int(found.epoch) + 1
            lease = _lease(write.moment, lease_s)
            change(write, run_id, owner=owner, epoch=epoch, acting=acting, **lease)
            body: dict[str, object] = {"epoch": epoch}
            if found.owner not in (None, owner):
                body |= {"from": found.owner, "lease_alive": lives}
            if reason is not None:
                body["reason"] = clean_line(reason)
            kind = "claimed" if reason is None else "taken-over"
            note(write, run_id, found.state, Event(kind, owner, body))
            return epoch

    def act_again(self, run_id: str, owner: str, epoch: int, *, bound: int) -> None:
        """Count a run that has waited as acting again, before it acts.

        Raises:
            BoundReachedError: as many act already; it goes on waiting.
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            fenced(write.connection, run_id, owner, epoch)
            _must_have_room(write.connection, run_id, bound)
            change(write, run_id, acting=True)

    def beat(self, run_id: str, owner: str, epoch: int, *, lease_s: float) -> None:
        """Say that the owner lives: the lease holds for ``lease_s`` seconds from now.

        Raises:
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.unnumbered() as connection:
            moment = self._database.moment(connection)
            fenced(connection, run_id, owner, epoch)
            connection.execute(
                update(runs).where(runs.c.id == run_id).values(**_lease(moment, lease_s))
            )

    def yield_lease(self, run_id: str, owner: str, epoch: int) -> None:
        """Stop driving a run; another may claim it at once. Harmless when done twice.

        Raises:
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            found = row(write.connection, run_id)
            if found.owner is None and found.epoch == epoch:
                return
            if found.owner != owner or found.epoch != epoch:
                raise LostRunError(run_id, found.owner, found.state)
            change(write, run_id, **NO_OWNER)
            note(write, run_id, found.state, Event("yielded", owner))


NO_OWNER: dict[str, object] = {
    "owner": None,
    "lease_from": None,
    "lease_to": None,
    "lease_until": None,
    "acting": False,
}
"""What a run's row holds while nobody drives it."""


def _lease(moment: Moment, lease_s: float) -> dict[str, object]:
    return {
        "lease_from": moment.mark,
        "lease_to": moment.mark + lease_s,
        "lease_until": moment.now + timedelta(seconds=lease_s),
    }


def _must_have_room(connection: Connection, run_id: str, bound: int | None) -> None:
    # Exact, because writers come one by one (`Database.writing`).
    if bound is None:
        return
    others = select(func.count()).select_from(runs).where(runs.c.acting, runs.c.id != run_id)
    if connection.execute(others).scalar_one() >= bound:
        raise BoundReachedError(bound)
