"""observe: the only place where the state of a run is decided, from evidence and nothing else.

No I/O and no clock. Read the tests' table (tests/unit/runs/test_observe.py) beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.guard.state import GuardState, verdict
from engine.jobs.layout import NOT_DOWNLOADED, SIMULATION_FAILED, STOPPED, WOULD_REMOVE
from engine.model.plan import LOCK_HELD, PLAN_CHANGED
from engine.model.run import State

_SHOWN = 20
"""Lines of a list that a reason repeats; the log has them all."""
_GUARD_LINES = 8
"""Lines of a guard's log that a reason repeats: what failed, what it restored, what came of it."""


@dataclass(frozen=True, slots=True)
class JobEvidence:
    """What was last read of a job on its host. None: not said, not known.

    Attributes:
        missing: The host was asked and has no trace of the job.
        begun: Whether the job's script was begun.
        alive: Whether its process or unit was there.
        same_boot: Whether the host still runs the boot in which the job was started.
        exit_status: The job's own result; once read it stays true, whatever the link does.
        end: The service manager's last word.
        killed: When it was ended by a hard stop.
        untouched: The job's own statement that it changed nothing.
        errors: The last errors in its log, where it failed.
        kept: Configuration files that stayed as they were on the host, in words.
        beside: What came to lie beside them, as the host tells it.
    """

    missing: bool = False
    begun: bool = True
    alive: bool | None = None
    same_boot: bool | None = None
    exit_status: int | None = None
    end: str | None = None
    killed: str | None = None
    untouched: bool = False
    holder: str | None = None
    difference: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Nothing of this job happens any more."""
        return self.exit_status is not None or self.missing or self.alive is False


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a change has stopped, if only for a moment; does it want a reboot? None: unknown."""

    units: tuple[str, ...] | None = None
    containers: tuple[str, ...] | None = None
    reboot_due: bool | None = None


@dataclass(frozen=True, slots=True)
class After:
    """The host looked at again, after the job.

    Attributes:
        wrong: Planned changes that are not there, in words.
        unclean: What dpkg has half done, in words.
        new_failed: Units that fail now and didn't before.
        worse: What worked before and doesn't now, in words.
        full: Where dpkg has no room to write, in words.
        unread: What could not be looked at, in words; nothing is claimed then.
        checked: What was looked at and found well, in words.
        stopped: What was stopped or started anew since the baseline.
    """

    wrong: tuple[str, ...] = ()
    unclean: tuple[str, ...] = ()
    new_failed: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    stopped: Stopped = Stopped()

    @property
    def bad(self) -> tuple[str, ...]:
        """Everything that is not as it should be, in words."""
        failed = (f"new failed unit: {unit}" for unit in self.new_failed)
        return tuple(dict.fromkeys((*self.full, *self.wrong, *self.unclean, *failed, *self.worse)))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a state may depend on.

    Attributes:
        unreachable: Why the host can't be asked now; None when it answered last.
        job: The job in hand; None when none was begun.
        after: None when the host has not been looked at since the job ended.
        needs_after: The plan wants that look before success.
        more: Further steps follow.
        guard: How the guard around the job stands, once it was asked to end; None: there is none.
    """

    unreachable: str | None = None
    job: JobEvidence | None = None
    after: After | None = None
    needs_after: bool = True
    more: bool = False
    guard: GuardState | None = None

    @property
    def settled(self) -> bool:
        """The job is over, and what must be looked at for that was looked at."""
        job = self.job
        if job is None or not job.over:
            return False
        return (
            job.untouched
            or self.after is not None
            or (job.exit_status == 0 and not self.needs_after)
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """A state with what binds it: reasons, one line each, and what a person can do.

    Attributes:
        question: What a person is asked, where the run waits for one.
    """

    state: State
    reason: tuple[str, ...] = ()
    hint: str | None = None
    question: str | None = None


REMOVING = "Read what it would remove. Where that may go: plan the chore repair:removing."
REPAIR = "Carry out the chore repair: it finishes what dpkg was interrupted in."
MAKE_ROOM = "Make room on the host first. "
AS_BEFORE = (
    "The host is as it was before the run. See why the new deployment failed before it is tried "
    "again; a program that updates by itself may do that without asking."
)
LOOK_THERE = "Look at the log and at the host, then decide; nothing more happens by itself."


def observe(evidence: Evidence) -> Observation:
    """The one state that the evidence allows."""
    observed = _observe(evidence)
    if evidence.guard is None or not evidence.settled or observed.state == "unknown":
        return observed
    untouched = evidence.job is not None and evidence.job.untouched
    return guarded(evidence.guard, observed, begun=not untouched)


def _observe(evidence: Evidence) -> Observation:
    job = evidence.job
    if job is None:
        return _before(evidence)
    if job.exit_status is not None:
        return _ended(evidence, job, job.exit_status)
    if evidence.unreachable is not None:
        return _lost(evidence.unreachable, "Whether the job still runs is not known")
    return _without_result(evidence, job)


def _before(evidence: Evidence) -> Observation:
    if evidence.unreachable is not None:
        return _lost(evidence.unreachable, "No job is known to have begun")
    return Observation("planned", ("No job has begun yet.",))


def out_of_reach(why: str) -> Observation:
    """A step goes on, and its host can't be asked."""
    return _lost(why, "What goes on there is not known")


def _lost(why: str, what: str) -> Observation:
    return Observation(
        "unknown",
        (f"{what}: the host can't be asked.", why),
        "A job goes on without hostshift; its state is read as soon as the host answers.",
    )


def _without_result(evidence: Evidence, job: JobEvidence) -> Observation:
    if job.missing:
        return Observation(
            "attention",
            ("The host has no trace of the job, although it was begun.",),
            "Somebody removed it, or the host's disk is another one. " + LOOK_THERE,
        )
    if not job.begun:
        return Observation(
            "attention",
            ("The job's directory is on the host, but the job never began.",),
            LOOK_THERE,
        )
    if job.same_boot is False:
        return _torn(
            evidence,
            "The host was started anew while the job ran, and the job has left no result.",
        )
    if job.alive:
        return Observation("running", ("The job's process is alive on the host.",))
    if job.alive is None:
        return Observation("unknown", ("Whether the job still runs could not be read.",))
    if job.killed:
        return _torn(evidence, f"The job was ended by a hard stop ({job.killed}).")
    words = f" (the service manager says: {job.end})" if job.end else ""
    return _torn(evidence, f"The job is gone and has left no result{words}: it was killed.")


def _torn(evidence: Evidence, why: str) -> Observation:
    unclean = evidence.after.unclean if evidence.after else ()
    if unclean:
        return Observation("attention", (why, *unclean), REPAIR)
    return Observation("attention", (why,), LOOK_THERE)


def _ended(evidence: Evidence, job: JobEvidence, status: int) -> Observation:
    if job.untouched:
        return _untouched(job, status)
    after = evidence.after
    kept = _some(job.kept)
    result: tuple[str, ...] = (f"The job ended with exit status {status}.",)
    if job.same_boot is False:
        result += ("The host was started anew after the job had begun.",)
    if status == 0 and not evidence.needs_after:
        return Observation("running" if evidence.more else "succeeded", (*result, *kept))
    if after is None:
        if evidence.unreachable is not None:
            return _lost(evidence.unreachable, f"{result[0]} What it left is not known")
        return Observation("running", (*result, "The host is being looked at again."))
    bad = after.bad
    if status != 0:
        why = (*result, *job.errors, *bad)
        if after.unclean:
            return Observation("attention", (*why, *kept), _hint(after))
        if status == STOPPED:
            stopped = "It ended as it was asked to, before its next command; what was done stays."
            return Observation("cancelled", (stopped, *bad, *kept))
        if status == WOULD_REMOVE:
            removes = ("Nothing more was changed: it would have removed packages.",)
            return Observation("attention", (*removes, *_some(job.difference), *bad), REMOVING)
        return Observation("failed", (*why, *after.unread, *kept), "The log's end tells why.")
    return _proven(after, evidence.more, result, kept)


def observe_look(after: After, *, more: bool) -> Observation:
    """The state of a look that stands alone, without a job before it."""
    return _proven(after, more, (), ())


def _proven(
    after: After, more: bool, before: tuple[str, ...], kept: tuple[str, ...]
) -> Observation:
    if after.bad:
        return Observation("attention", (*before, *after.bad, *kept), _hint(after))
    if after.unread:
        return Observation(
            "attention",
            (*before, "It could not be shown that all is well:", *after.unread, *kept),
            LOOK_THERE,
        )
    return Observation("running" if more else "succeeded", (*before, *after.checked, *kept))


def observe_guard(guard: GuardState, *, begun: bool = True) -> Observation:
    """The state of the step that ends a guard.

    Args:
        begun: Something was done that it guards; otherwise only one that fired has done anything.
    """
    words = verdict(guard)
    if guard.state in ("confirmed", "withdrawn"):
        return Observation("succeeded", (words,))
    if guard.state == "fired":
        reason = (words, *guard.log[-_GUARD_LINES:])
        if guard.undone:
            return Observation("rolled-back", reason, AS_BEFORE)
        return Observation("attention", reason, LOOK_THERE)
    if not begun:
        return Observation("cancelled", (words,))
    match guard.state:
        case "stood-down":
            calm = "Nothing was put back; look whether all is well."
            return Observation("attention", (words,), calm)
        case "missing":
            words = "The guard that was armed is gone from the host."
        case _:
            words = f"The host was reached anew, but the guard could not be ended. {words}"
    return Observation("attention", (words,), LOOK_THERE)


def guarded(guard: GuardState, observed: Observation, *, begun: bool = True) -> Observation:
    """The state of what a guard stood around, once the guard has ended."""
    own = observe_guard(guard, begun=begun)
    if own.state == "succeeded":
        return observed
    if own.state == "cancelled":
        return replace(observed, reason=(*observed.reason, *own.reason))
    repair = observed.hint is not None and observed.hint.endswith(REPAIR)
    hint = observed.hint if repair else own.hint
    return Observation(own.state, (*own.reason, *observed.reason), hint)


def ended_by_guard(end: Observation, guard: Observation) -> Observation:
    """A run's end where the guard's came after it: what the host did itself is newer evidence."""
    if guard.state in ("running", "succeeded", "cancelled"):
        return replace(end, reason=(*end.reason, *guard.reason))
    hint = end.hint if guard.state == end.state else guard.hint
    return Observation(guard.state, (*guard.reason, *end.reason), hint)


def _hint(after: After) -> str:
    hint = REPAIR if after.unclean else LOOK_THERE
    return MAKE_ROOM + hint if after.full else hint


def _some(lines: tuple[str, ...]) -> tuple[str, ...]:
    cut = len(lines) - _SHOWN
    return (*lines[:_SHOWN], f"... and {cut} more, on the host") if cut > 0 else lines


def _untouched(job: JobEvidence, status: int) -> Observation:
    nothing = "Nothing was changed."
    match status:
        case 0:
            return Observation("succeeded", (nothing,))
        case _ if status == PLAN_CHANGED:
            cut = len(job.difference) - _SHOWN
            more = (f"... and {cut} more, see the log",) if cut > 0 else ()
            return Observation(
                "cancelled",
                (
                    nothing,
                    "The host would now change something else than planned (- planned, + now):",
                    *job.difference[:_SHOWN],
                    *more,
                ),
                "Plan again, look at the difference and confirm the new plan.",
            )
        case _ if status == LOCK_HELD:
            return Observation(
                "cancelled",
                (nothing, f"The package manager's lock is held by {job.holder or 'another'}."),
                "Wait until that has ended, then start again.",
            )
        case _ if status == STOPPED:
            return Observation("cancelled", (nothing, "The job was asked to stop."))
        case _ if status == SIMULATION_FAILED:
            return Observation(
                "failed",
                (nothing, "The simulation right before acting could not be made.", *job.errors),
                "The log's end tells why.",
            )
        case _ if status == NOT_DOWNLOADED:
            return Observation(
                "failed",
                (nothing, "The packages could not be downloaded.", *job.errors),
                "Look at the mirror and at the host's way there; then plan and confirm again.",
            )
        case _:
            return Observation(
                "failed",
                (nothing, f"The job ended with exit status {status}.", *job.errors),
                LOOK_THERE,
            )
