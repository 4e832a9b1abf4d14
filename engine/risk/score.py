"""The score of acting: chances and minutes put together, and handed out to the factors again."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from engine.model.candidate import Candidate, Factor, FactorOrigin, Level, OutageMinutes, Risk
from engine.model.facts import Facts
from engine.model.host import Host, Outage
from engine.risk.case import BY_PACKAGES, ORDINARY, Case, Circumstances, case
from engine.risk.modes import Mode, Part, modes
from engine.risk.parameters import Parameters, parameters

DAY_MINUTES = 24 * 60
STEP = 5
"""Scores are multiples of this: more would pretend to know more."""
RAREST = 1_000_000
"""No chance is shown as rarer than one in this many."""
_NO_RISK = Risk(score=0, level="low", outage_minutes=OutageMinutes(0, 0))
_NEVER_LOOKED = BY_PACKAGES - {"release-upgrade"}


class Stakes(NamedTuple):
    """How much a minute of outage counts, and the words for it."""

    times: float
    part: Part


def assess(
    host: Host,
    facts: Facts,
    candidate: Candidate,
    today: date,
    around: Circumstances = ORDINARY,
) -> Risk | None:
    """The risk of one candidate, or None where it isn't known what it would change. Pure.

    Args:
        today: The day of the question, for the age of updates and of failover tests.
    """
    if candidate.changes is None and candidate.kind in _NEVER_LOOKED:
        return None
    if candidate.kind == "decommission":
        return None  # nothing here says what still leans on the server; its run gathers that
    numbers = parameters(host.risk)
    stakes = _stakes(numbers, host.outage, host.outage_cost_per_hour)
    if candidate.kind == "replace":
        return _replacement(numbers, stakes, around.cutover_s, around.rehearsed)
    if candidate.kind == "none":
        return _NO_RISK
    asked = case(host, facts, candidate, today, around, numbers)
    if not asked.acts:
        return _NO_RISK
    lost, told = _lost(asked)
    found = modes(asked, lost)
    times = numbers["all_at_once"] if around.whole_group else 1.0
    if times != 1:
        told = (*told, _all_at_once(numbers, found, times))
    return _risk(numbers, stakes, (*_planned(asked), *told), found, lost, times)


def planned_minutes(host: Host, facts: Facts, candidate: Candidate, today: date) -> int | None:
    """Minutes for which services are down when all goes well; None where that isn't known."""
    if candidate.changes is None and candidate.kind in _NEVER_LOOKED:
        return None
    numbers = parameters(host.risk)
    if candidate.kind == "replace":
        return round(numbers["planned_cutover"])
    asked = case(host, facts, candidate, today, ORDINARY, numbers)
    return round(sum(part.minutes for part in _planned(asked))) if asked.acts else 0


# -- minutes that are certain ------------------------------------------------------------------


def _planned(asked: Case) -> Iterator[Part]:
    numbers = asked.numbers
    containers = asked.facts.containers
    if asked.candidate.kind in BY_PACKAGES:
        yield _certain(numbers, "planned_packages", "daemons restart", "with their packages")
    runtime = asked.scope.has("container-runtime") and asked.stops_containers
    if runtime and containers != ():
        yield _certain(
            numbers, "planned_containers",
            "containers not known" if containers is None else f"{len(containers)} stop",
            "and start again with their runtime", unknown=containers is None,
        )  # fmt: skip
    if asked.reboots:
        yield _certain(numbers, "planned_reboot", "reboots", "everything on the host stops")
    if asked.release:
        yield _certain(numbers, "planned_release", "release upgrade", "one that goes well")


def _certain(
    numbers: Parameters, number: str, value: str, evidence: str, *, unknown: bool = False
) -> Part:
    return Part(
        number.replace("_", "-"), "planned", numbers[number], value, evidence,
        "unknown" if unknown else numbers.origins[number], unknown,
    )  # fmt: skip


@lru_cache(maxsize=1_024)
def _replacement(
    numbers: Parameters, stakes: Stakes, measured: int | None, rehearsed: bool | None
) -> Risk:
    """A cutover; one that fails costs one more, since the old server was not touched."""
    minutes = numbers["planned_cutover"] if measured is None else measured / 60
    planned = Part(
        "planned-cutover", "planned", minutes, f"{minutes:.2g} min",
        "stop, last sync, start, names; " + ("never measured" if measured is None else "measured"),
        "unknown" if measured is None else "measured", measured is None,
    )  # fmt: skip
    worst = max("cutover_fails", "cutover_fails_rehearsed", key=lambda name: numbers[name])
    number = "cutover_fails_rehearsed" if rehearsed else worst
    back = Part(
        "cutover-fails", "cutover", numbers[number] * minutes,
        "rehearsed" if rehearsed else "not rehearsed" if rehearsed is False else "not known",
        "one more cutover goes back to the old server",
        "unknown" if rehearsed is None else numbers.origins[number], rehearsed is None,
    )  # fmt: skip
    found = [Mode("cutover", numbers[number], minutes, [back])]
    return _risk(numbers, stakes, (planned,), found, 1.0, 1.0)


# -- how many at once --------------------------------------------------------------------------


def _lost(asked: Case) -> tuple[float, tuple[Part, ...]]:
    """The share of the service that is lost with this host, and the words for redundancy."""
    host, numbers = asked.host, asked.numbers
    if host.redundancy is None:
        return 1.0, ()
    tested, counts = host.failover_tested, False
    if tested is None:
        value = "failover never tested"
    else:
        days = max(0, (asked.today - tested).days)
        value = f"failover tested {days} days ago"
        counts = days <= numbers["failover_days"] and not asked.around.whole_group
    share = f"{numbers['failover_lost']:.0%} of an outage is counted"
    evidence = f"{host.redundancy}: {share if counts else 'not counted as redundant'}"
    origin: FactorOrigin = "unknown" if tested is None else numbers.origins["failover_lost"]
    told = Part("redundancy", "service", 0.0, value, evidence, origin, told=True)
    return numbers["failover_lost"] if counts else 1.0, (told,)


# -- putting it together -----------------------------------------------------------------------


def _risk(
    numbers: Parameters,
    stakes: Stakes,
    besides: Sequence[Part],
    found: Sequence[Mode],
    lost: float,
    times: float,
) -> Risk:
    """Everything that is shown.

    Args:
        besides: Parts that are no mode's, planned minutes above all.
        times: How many times longer a repair takes than the modes say.
    """
    parts = [*besides, *(part for mode in found for part in mode.parts)]
    certain = math.fsum(part.minutes for part in besides if part.mode == "planned")
    expected = math.fsum(part.minutes for part in parts)
    whole, plain = _points(expected * stakes.times), _points(expected)
    score = int(round(whole, 6) / STEP + 0.5) * STEP
    bad, well, lost_day, least = 0.0, 1.0, 0.0, numbers["bad_day_chance"]
    for mode in found:
        minutes = mode.minutes * times
        well *= 1 - mode.chance
        lost_day += mode.chance * _longer_than_a_day(minutes, numbers)
        if mode.chance >= least and minutes > bad:
            bad = minutes
    return Risk(
        score=score,
        level=_level(numbers, score),
        outage_minutes=OutageMinutes(_whole(expected), _whole(max(certain + lost * bad, expected))),
        one_in=_one_in(1 - well),
        lost_day_one_in=_one_in(lost * lost_day),
        factors=_factors(parts, stakes.part, score, max(0.0, 1 - plain / whole) if whole else 0.0),
        chances=tuple([(mode.name, mode.chance) for mode in found]),
    )


def _all_at_once(numbers: Parameters, found: Iterable[Mode], times: float) -> Part:
    """All at once takes longer to mend: nothing is left that works."""
    failing = math.fsum(mode.chance * mode.minutes for mode in found)
    return Part(
        "all-at-once", "service", failing * (times - 1), "all at once",
        "no host is left that works, and the repair is needed everywhere",
        numbers.origins["all_at_once"],
    )  # fmt: skip


def _points(minutes: float) -> float:
    """0 for no outage, 100 for a day; each trebling adds about 15."""
    return min(100.0, 100 * math.log1p(minutes) / math.log1p(DAY_MINUTES))


@lru_cache(maxsize=1_024)
def _stakes(numbers: Parameters, outage: Outage | None, cost: float | None) -> Stakes:
    """How much a minute counts, by the operator's answer to the one-day question, or by money."""
    if cost is not None:
        times = max(numbers["stakes_tolerable"], cost / numbers["stakes_money"])
        return _stake(times, f"{cost:g} an hour", numbers.origins["stakes_money"])
    if outage is None:
        return _stake(numbers["stakes_costly"], "not answered, counts as costly", "unknown")
    return _stake(numbers[f"stakes_{outage}"], outage, numbers.origins[f"stakes_{outage}"])


def _stake(times: float, value: str, origin: FactorOrigin) -> Stakes:
    evidence = "what a day without this server would mean"
    return Stakes(
        times, Part("stakes", "stakes", 0.0, value, evidence, origin, origin == "unknown")
    )


@lru_cache(maxsize=8_192)
def _longer_than_a_day(minutes: float, numbers: Parameters) -> float:
    """The chance that a repair of this median, spread log-normally, takes longer than a day."""
    if minutes <= 0:
        return 0.0
    distance = math.log(DAY_MINUTES / minutes) / numbers["spread"]
    return 0.5 * math.erfc(distance / math.sqrt(2))


def _factors(parts: list[Part], stake: Part, score: int, stakes_share: float) -> tuple[Factor, ...]:
    """The score handed out: the stakes' share first, the rest by minutes; largest remainders.

    Each factor once: what it adds to several modes counts together.
    """
    shown: dict[str, Part] = {}
    minutes: dict[str, float] = {}
    for part in parts:
        name = part.id
        if name in shown:
            minutes[name] += part.minutes
        else:
            shown[name], minutes[name] = part, part.minutes
    total = math.fsum(minutes.values())
    rest = score * (1 - stakes_share)
    each = rest / total if total else 0.0
    shown["stakes"], minutes["stakes"] = stake, (score - rest) / each if each else 0.0
    points: dict[str, int] = {}
    left = []
    for name, share in minutes.items():
        quota = share * each
        points[name] = whole = int(quota + 1e-9)
        # Rounded, so that the last bits of another machine's logarithm can't change the order.
        left.append((int((whole - quota) * 1e6), name))
    left.sort()
    for _, name in left[: score - sum(points.values())]:
        points[name] += 1
    factors = [
        Factor(part.id, part.mode, points[name], part.value, part.evidence, part.origin)
        for name, part in shown.items()
        if points[name] or part.told
    ]
    factors.sort(key=lambda factor: (-factor.points, factor.id))
    return tuple(factors)


def _level(numbers: Parameters, score: int) -> Level:
    if score >= numbers["level_critical"]:
        return "critical"
    if score >= numbers["level_high"]:
        return "high"
    return "moderate" if score >= numbers["level_moderate"] else "low"


# -- numbers that don't pretend ----------------------------------------------------------------


def _whole(minutes: float) -> int:
    """Whole minutes in two significant digits; none only where there is no outage at all."""
    minutes = round(minutes, 6)
    if minutes <= 0:
        return 0
    size: int = 10 ** max(0, len(str(int(minutes))) - 2)
    return max(1, int(minutes / size + 0.5) * size)


_STEPS: list[int] = [
    digit * size for size in (1, 10, 100, 1_000, 10_000, 100_000) for digit in (1, 2, 3, 5)
] + [RAREST]


def _one_in(chance: float) -> int | None:
    """About one in 1, 2, 3, 5, 10, ...: the nearest by ratio. None for no chance at all."""
    if chance <= 0:
        return None
    times = 1 / chance
    if times >= RAREST:
        return RAREST
    at = bisect_right(_STEPS, times)
    below, above = _STEPS[max(0, at - 1)], _STEPS[at]
    return below if round(times * times, 3) < above * below else above
