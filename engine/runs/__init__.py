"""Carrying out plans: start, adopt, follow, and the true state of every run (docs/runs.md).

Driving happens in tasks that belong to the engine; whoever shows a run pulls snapshots.
"""

from __future__ import annotations

from engine.model.cutover import CutoverView
from engine.model.facts import Look
from engine.model.journal import JournalEntry
from engine.model.plan import Plan
from engine.model.run import Run
from engine.runs.desk import RunDesk
from engine.runs.errors import PlanChangedError
from engine.session import Session

__all__ = [
    "PlanChangedError",
    "RunDesk",
    "adopt",
    "answer",
    "break_lock",
    "close",
    "cutover_view",
    "desk",
    "export",
    "get",
    "journal",
    "lacking_logs",
    "list_runs",
    "lock_evidence",
    "measured_plan",
    "open_runs",
    "plan_of",
    "read_log",
    "resume",
    "start",
    "stop",
    "take_over",
    "wait",
]


def desk(session: Session) -> RunDesk:
    """The session's one desk."""
    kept = session.rooms.setdefault("runs", None) or RunDesk(session)
    session.rooms["runs"] = kept
    if not isinstance(kept, RunDesk):
        raise TypeError("another room keeps something under the name runs")
    return kept


async def open_runs(session: Session) -> None:
    """Open the store of runs, so that `get` and `list_runs` know what is in it. Harmless twice.

    Raises:
        StoreError: it can't be used; the hint says what to do.
    """
    await desk(session).open()


async def start(
    session: Session, plan: Plan, confirmation: str, *, fresh: Look | None = None
) -> str:
    """Carry out a confirmed plan.

    Args:
        confirmation: The digest that the person confirmed.
        fresh: A full look of this moment; without it the host is looked at once more.

    Returns:
        The run's id. The host's lock is taken then, and the job is on its way; where as many runs
        act as may (`Inventory.at_once`), it waits for a free place instead.

    Raises:
        ReadOnlyError: this session may not change anything.
        PlanChangedError: planned anew right now, it is another plan; it carries that plan.
        LockedError, HostBusyError: another run has the host.
        RefusedError: the confirmation is for another plan, or there is a blocker.
        UnreachableError, NeedsPersonError: the host could not be looked at.
        StoreError: the store of runs can't be used, so nothing was begun.
    """
    return await desk(session).start(plan, confirmation, fresh)


async def adopt(session: Session, look: Look) -> str | None:
    """Follow the run that holds a host's lock, whoever started it.

    A run of this operator that nobody drives is carried on to its observed end, and its lock given
    back then. One whose hostshift died is looked at until somebody takes it over. A colleague's is
    only looked at; its lock stays theirs, unless its job has ended and their hostshift has not
    been heard of for `STALE_S` seconds.

    Returns:
        The run's id, or None when there is no lock or nothing to follow behind it.

    Raises:
        UnreachableError, NeedsPersonError, RefusedError: the host could not be asked (root only).
        HostOutputError: what the host keeps of the run can't be read.
        StoreError: the store of runs can't be used.
    """
    return await desk(session).adopt(look)


def get(session: Session, run_id: str) -> Run:
    """A run as it is known now.

    Raises:
        InputError: it isn't known here.
    """
    return desk(session).get(run_id)


def list_runs(session: Session) -> tuple[Run, ...]:
    """Every run of the store (see `open_runs`), the newest first."""
    return desk(session).list_runs()


def plan_of(session: Session, run_id: str) -> Plan | None:
    """What a known run was to do."""
    return desk(session).plan(run_id)


def measured_plan(session: Session, plan: Plan) -> Plan:
    """The plan with how long its steps took on this host before, as far as the store knows.

    The digest stays the same: it is about what is done.
    """
    return desk(session).measured(plan)


def cutover_view(session: Session, run_id: str) -> CutoverView | None:
    """The cutover of a known run as it is known now; None where nothing is replaced."""
    return desk(session).cutover(run_id)


async def journal(session: Session, run_id: str) -> tuple[JournalEntry, ...]:
    """What happened in a run, in order.

    Raises:
        InputError: it isn't known here.
        StoreError: the store of runs can't be used.
    """
    return await desk(session).journal(run_id)


def resume(session: Session, run_id: str, *, take_over: bool = False) -> bool:
    """Follow a known run again; False when it has ended and nothing is left to do.

    Of one that has ended elsewhere the logs are copied that are not on this machine.

    Args:
        take_over: Carry it on, too, once the hostshift that drives it is gone.
    """
    return desk(session).resume(run_id, take_over=take_over)


async def take_over(session: Session, run_id: str, reason: str) -> None:
    """Drive a run whose hostshift is gone, or (with a reason) one that another still drives.

    Raises:
        RefusedError: its hostshift lives and no reason is given, or the run has ended.
        ReadOnlyError: this session may not change anything.
    """
    await desk(session).take_over(run_id, reason)


async def answer(
    session: Session,
    run_id: str,
    step_id: str | None,
    answer: str,
    *,
    words: str = "",
    confirmation: str = "",
) -> None:
    """Answer the gate at which a run waits; whichever hostshift drives the run takes it.

    Args:
        step_id: The gate's step; None: whichever it waits at.
        answer: ``go-on`` or ``end``.
        words: Why, for the journal.
        confirmation: The host's name, which ``go-on`` wants.

    Raises:
        RefusedError: it doesn't wait there, or the confirmation isn't the host's name.
        ReadOnlyError: this session may not change anything.
    """
    await desk(session).answer(run_id, step_id, answer, words, confirmation)


async def stop(
    session: Session, run_id: str, *, hard: bool = False, confirmation: str = ""
) -> None:
    """Ask a run to stop: before its next step, and its job after the transaction in hand.

    Args:
        hard: End the job's processes at once; what that may leave is `engine.jobs.stop`'s to say.
        confirmation: The host's name, which a hard stop wants.

    Raises:
        RefusedError: it has ended, nobody drives it, or the confirmation isn't the host's name.
        ReadOnlyError: this session may not change anything.
    """
    await desk(session).stop(run_id, hard, confirmation)


async def lock_evidence(session: Session, host_name: str) -> tuple[str, ...]:
    """What speaks for and against breaking the lock of a host, read there, in words."""
    return await desk(session).lock_evidence(host_name)


async def break_lock(session: Session, host_name: str, *, confirmation: str, reason: str) -> None:
    """Break another run's lock, on evidence only; the host keeps a record of it.

    Raises:
        RefusedError: the evidence is against it, or the confirmation isn't the host's name.
        ReadOnlyError: this session may not change anything.
    """
    await desk(session).break_lock(host_name, confirmation, reason)


async def export(session: Session, run_id: str, *, with_logs: bool) -> str:
    """A run as Markdown, for the post-mortem. Logs may hold secrets: ask before adding them."""
    return await desk(session).export(run_id, with_logs)


def read_log(session: Session, run_id: str, step_id: str, offset: int, limit: int) -> bytes:
    """A part of the local copy of a step's log: raw bytes, to be cleaned where they are shown.

    Raises:
        InputError: these can't be the ids of a run and a step.
    """
    return desk(session).read_log(run_id, step_id, offset, limit)


def lacking_logs(session: Session, run_id: str) -> tuple[str, ...]:
    """The jobs of a known run whose logs nobody has copied to this machine yet."""
    return desk(session).lacking_logs(run_id)


async def wait(session: Session, run_id: str, *, patience_s: float | None = None) -> Run:
    """Wait until nothing more happens in a run: its end, or a person is needed.

    Args:
        patience_s: Return also when the host, or the store that it waits for, has been out of
            reach for so long; at once when the store fails in a way that wants a person; and of a
            run that has ended, when its host's lock could not be given back within half a minute.

    Raises:
        InputError: the run isn't known here.
    """
    return await desk(session).wait(run_id, patience_s)


async def close(session: Session) -> None:
    """Stop driving. Jobs go on, locks stay; the next hostshift carries on."""
    await desk(session).close()
