"""What was predicted of past runs against what came of them, and what a team could learn. Pure.

Both are in the record of runs: the plan holds the prediction, the run its end. Nothing moves by
itself: what is learned is numbers for the inventory's ``[risk]``, which a person puts in and takes
out again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.model.plan import ConfirmAct, Plan, PutBackAct, RebootAct
from engine.model.run import Run, State
from engine.risk.parameters import Parameters
from engine.runs.observe import REPAIR

PSEUDO = 20
"""Runs that the model's own numbers count for: some 50 of a team's own begin to outweigh them."""
LEAST_EVENTS = 10
"""Runs that went wrong, below which nothing is learned."""
MODES = ("boot", "access", "service", "data", "state")
WENT_WRONG: frozenset[State] = frozenset({"failed", "rolled-back", "attention"})
_COUNTED: frozenset[State] = WENT_WRONG | {"succeeded"}
_UNTOUCHED = "Nothing was changed."
_Z = 1.959964
"""Of the normal distribution, for an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run that acted, predicted and observed.

    Attributes:
        kind: The candidate's, without the part that was taken.
        chance: That it goes wrong, as it was predicted; a rounded number (docs/risk.md).
        expected: Minutes of outage on average; bad_day: on a bad day.
        wrong: It ended in failure, was rolled back, wanted a person, or a repair came after it.
        repaired: The next run on its host was a `repair`.
        outage_s: As measured from outside; None: it wasn't.
        model: Digest of the numbers that the prediction was made with.
        chances: Of each way of going wrong, as predicted; none: the plan is of before they were
            kept.
        mode: The way it went wrong, as far as the record tells (`_way`); None: it went well.
    """

    run: str
    host: str
    kind: str
    chance: float
    expected: int
    bad_day: int
    state: State
    wrong: bool
    repaired: bool
    outage_s: float | None
    model: str | None
    chances: tuple[tuple[str, float], ...] = ()
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Some runs together.

    Attributes:
        predicted: How many would go wrong.
        low: Of the share that goes wrong; with `high` Wilson's interval of 95 %.
    """

    kind: str
    runs: int
    predicted: float
    wrong: int
    repaired: int
    low: float
    high: float

    @property
    def fits(self) -> bool:
        """The predicted share lies within what the observed one leaves open."""
        return self.low <= self.predicted / self.runs <= self.high


@dataclass(frozen=True, slots=True)
class Lesson:
    """Other numbers for the model.

    Attributes:
        runs: That were predicted with the numbers of today, and so can say something of them.
        wrong: How many of these went wrong.
        ways: How many of them in which way.
        numbers: Names of the model's numbers with their new values; none: too few went wrong.
    """

    runs: int
    wrong: int
    ways: tuple[tuple[str, int], ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()


def outcomes(
    recorded: Iterable[tuple[Run, Plan, float | None]],
) -> tuple[Outcome, ...]:
    """The runs that acted and have ended, the oldest first.

    Left out: chores, what has no prediction, what a person ended, and what says that nothing was
    changed (a mirror that can't be reached is no outage).

    Args:
        recorded: Runs with their plans and the outage in seconds, where one was measured.
    """
    ordered = sorted(recorded, key=lambda one: (one[0].started_at, one[0].id))
    found = []
    for number, (run, plan, outage_s) in enumerate(ordered):
        risk = plan.risk
        if risk is None or risk.one_in is None or run.state not in _COUNTED:
            continue
        if any(_UNTOUCHED in line for line in run.reason):
            continue
        following = (later for later, *_ in ordered[number + 1 :] if later.host == run.host)
        after = next(following, None)
        repaired = after is not None and after.candidate.partition(":")[0] == "repair"
        minutes, wrong = risk.outage_minutes, run.state in WENT_WRONG or repaired
        found.append(
            Outcome(
                run.id, run.host, run.candidate.partition(":")[0], 1 / risk.one_in,
                minutes.expected, minutes.bad_day, run.state,
                wrong, repaired, outage_s, plan.model, risk.chances,
                _way(run, plan, repaired=repaired) if wrong else None,
            )
        )  # fmt: skip
    return tuple(found)


def _way(run: Run, plan: Plan, *, repaired: bool) -> str:
    """Which of the model's ways a run went wrong in.

    The record tells it by where the run ended: what dpkg has half done, a repair after it, or a
    snapshot that was put back, is the packages' state; what a guard took back, or could not, is
    access; a host that was being rebooted is boot. All else was seen by looking at what runs
    there: service. That data were lost no record tells.
    """
    if repaired or (run.hint or "").endswith(REPAIR):
        return "state"
    put_back = {step.id for step in plan.steps if isinstance(step.act, PutBackAct)}
    if any(state.id in put_back and state.state == "rolled-back" for state in run.steps):
        return "state"
    begun = {state.id for state in run.steps if state.state != "planned"}
    acts = [step.act for step in plan.steps if step.id in begun]
    if run.state == "rolled-back" or (acts and isinstance(acts[-1], ConfirmAct)):
        return "access"
    return "boot" if acts and isinstance(acts[-1], RebootAct) else "service"


def lines(found: Sequence[Outcome]) -> tuple[Line, ...]:
    """One for each kind, by name, and ``all`` where there are several."""
    kinds = sorted({one.kind for one in found})
    made = [_line(kind, [one for one in found if one.kind == kind]) for kind in kinds]
    return (*made, _line("all", found)) if len(kinds) > 1 else tuple(made)


def _line(kind: str, found: Sequence[Outcome]) -> Line:
    wrong = sum(one.wrong for one in found)
    low, high = wilson(wrong, len(found))
    predicted = math.fsum(one.chance for one in found)
    repaired = sum(one.repaired for one in found)
    return Line(kind, len(found), predicted, wrong, repaired, low, high)


def wilson(events: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval of 95 % for a share (Wilson, JASA 22, 1927); (0, 1) for no trial."""
    if trials == 0:
        return 0.0, 1.0
    share, square = events / trials, _Z * _Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = share * (1 - share) / trials + square / (4 * trials * trials)
    half = _Z * math.sqrt(spread) / (1 + square / trials)
    # Rounding must not put a share of 0 or 1 outside of its own interval.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def lesson(found: Iterable[Outcome], numbers: Parameters) -> Lesson:
    """What these runs say of the model's numbers.

    Each way of going wrong for itself: the predicted share counts as `PSEUDO` runs, the observed
    one as many as there are, and its base moves by what that changes in log-odds. Runs that were
    predicted with other numbers don't count: what was learned once isn't learned again. Nor do
    those of a replacement, which has no such ways.
    """
    told = [(one, dict(one.chances)) for one in found if one.model == numbers.model.digest]
    counted = [(one, chances) for one, chances in told if chances.keys() & set(MODES)]
    wrong, runs = sum(one.wrong for one, _ in counted), len(counted)
    ways = tuple((mode, sum(one.mode == mode for one, _ in counted)) for mode in MODES)
    if wrong < LEAST_EVENTS:
        return Lesson(runs, wrong, ways)
    moved = []
    for mode in MODES:
        # Only runs in which it could have happened say anything of it.
        able = [(one, chances[mode]) for one, chances in counted if mode in chances]
        if not able:
            continue
        before = _inside(math.fsum(chance for _, chance in able) / len(able))
        events = sum(one.mode == mode for one, _ in able)
        after = _inside((PSEUDO * before + events) / (PSEUDO + len(able)))
        value = numbers[f"{mode}_base"] + _logit(after) - _logit(before)
        moved.append((f"{mode}_base", min(5.0, max(-20.0, round(value, 2)))))
    return Lesson(runs, wrong, ways, tuple(moved))


def _inside(share: float) -> float:
    return min(0.999, max(1e-6, share))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
