"""The ways of going wrong, each with its chance, how long it takes to mend, and the parts of both.

A mode's minutes are its chance times its duration. They are handed out to its parts: the base gets
its own chance, each weight its share of what all weights add, and what makes the repair slower
gets the minutes that it adds. So the parts of all modes add up to the minutes that are expected.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from engine.model.candidate import FactorOrigin
from engine.risk.case import DEPLOYS, Case
from engine.risk.parameters import Parameters
from engine.risk.scope import CORE, KERNEL, known_updates, named
from engine.risk.vendor import history, still_there
from engine.risk.weights import MODES, Weight, active


class Part(NamedTuple):
    """A named part of the expected minutes.

    Attributes:
        told: It is shown even when it adds nothing, because it names something unknown.
    """

    id: str
    mode: str
    minutes: float
    value: str
    evidence: str
    origin: FactorOrigin
    told: bool = False


class Mode(NamedTuple):
    """One way of going wrong.

    Attributes:
        chance: That it happens.
        minutes: Until it is mended, as a median.
        parts: They add up to ``chance * minutes``, times the share of the service that is lost.
    """

    name: str
    chance: float
    minutes: float
    parts: list[Part]


class Slow(NamedTuple):
    """What makes a repair take longer than it need."""

    id: str
    mode: str
    minutes: float
    value: str
    evidence: str
    origin: FactorOrigin


Duration = tuple[float, tuple[Slow, ...]]
"""Minutes of a repair at best, and what makes it longer."""


@lru_cache(maxsize=8_192)
def logistic(x: float) -> float:
    """The chance that goes with log-odds."""
    return 1 / (1 + math.exp(-x))


def modes(case: Case, lost: float) -> list[Mode]:
    """Every way in which carrying it out can go wrong, without those of a replacement.

    Args:
        lost: The share of the service that is lost with this host.
    """
    durations = {name: _duration(case, name) for name in active(case)}
    found = [
        _mode(case.numbers, name, tuple(MODES[name](case)), duration, lost)
        for name, duration in durations.items()
    ]
    return [*found, *_regressions(case, durations, lost)]


# -- the failure modes -------------------------------------------------------------------------

_WHAT = {
    "boot": "it doesn't come up, for no reason that was seen",
    "access": "nobody gets in any more, for no reason that was seen",
    "service": "something doesn't work as before, for no reason that was seen",
    "data": "data are lost or wrong, for no reason that was seen",
    "state": "packages are left half-way, for no reason that was seen",
}
_BASES = {name: f"{name}_base" for name in _WHAT}
_BASE_IDS = {name: f"{name}-base" for name in _WHAT}


@lru_cache(maxsize=8_192)  # the hosts of a fleet are much alike
def _mode(
    numbers: Parameters, name: str, weights: tuple[Weight, ...], duration: Duration, lost: float
) -> Mode:
    number, minutes = _BASES[name], duration[0]
    chance = least = logistic(numbers.values[number])
    parts = [
        Part(
            _BASE_IDS[name], name, least * minutes * lost, "any update", _WHAT[name],
            numbers.origins[number],
        )
    ]  # fmt: skip
    if weights:
        added = [_added(numbers, weight) for weight in weights]
        total = math.fsum(added)
        chance = logistic(round(numbers.values[number] + total, 9))
        each = (chance - least) * minutes * lost / total if total else 0.0
        for weight, odds in zip(weights, added, strict=True):
            unknown = weight.unknown
            parts.append(
                Part(
                    weight.id, name, each * odds, weight.value, weight.evidence,
                    "unknown" if unknown else numbers.origins[weight.number], unknown,
                )
            )  # fmt: skip
    return Mode(name, chance, _slowed(parts, duration, chance * lost), parts)


def _added(numbers: Parameters, weight: Weight) -> float:
    odds = numbers.values[weight.number] * weight.times
    return odds if weight.most is None else min(odds, numbers.values[weight.most])


def _slowed(parts: list[Part], duration: Duration, chance: float) -> float:
    """Add the parts of what makes a repair slower; the minutes of the whole repair."""
    minutes, slow = duration
    for one in slow:
        minutes += one.minutes
        parts.append(
            Part(
                one.id, one.mode, chance * one.minutes, one.value, one.evidence, one.origin,
                one.origin == "unknown",
            )
        )  # fmt: skip
    return minutes


# -- how long it takes -------------------------------------------------------------------------


def _duration(case: Case, name: str) -> Duration:
    """Minutes at best, and what makes it longer."""
    numbers = case.numbers
    good = numbers[f"{name}_minutes"]
    more = max(0.0, numbers[f"{name}_minutes_bad"] - good)
    slow = _SLOW[name](case, more)
    if case.candidate.kind not in DEPLOYS:
        return good, slow
    # The deployment that runs now stays and can be booted again: that bounds the repair.
    bound = min(good, numbers["deployment_minutes"])
    if not _way_back(case):
        known = case.facts.failed_units is not None and case.facts.deployments is not None
        back = Slow(
            "way-back", "boot", good - bound, "no sound deployment to go back to",
            "none is booted, or units have failed" if known else "what runs now wasn't looked at",
            "judgement" if known else "unknown",
        )  # fmt: skip
        return bound, (back, *slow)
    if name == "boot" and slow:
        # Without a console nobody is there to choose it.
        return bound, (slow[0]._replace(minutes=slow[0].minutes + good - bound),)
    return bound, ()


def _way_back(case: Case) -> bool:
    booted = any(d.booted for d in case.facts.deployments or ())
    return booted and case.facts.failed_units == ()


def _no_console(case: Case, more: float) -> tuple[Slow, ...]:
    console = case.host.console
    if console:
        return ()
    return (
        Slow(
            "no-console", "access", more,
            "console not known" if console is None else "no console",
            "what doesn't boot or can't be reached waits for somebody on the spot",
            "unknown" if console is None else "judgement",
        ),
    )  # fmt: skip


def _no_checks(case: Case, more: float) -> tuple[Slow, ...]:
    services = case.host.services
    bare = [s.name for s in services if not s.checks]
    if services and not bare:
        return ()
    return (
        Slow(
            "no-checks", "service", more,
            "no health check" if services else "services not known",
            named(bare) if services else "the inventory names none: who would tell that one fails?",
            case.numbers.origins["service_minutes_bad"] if services else "unknown",
        ),
    )  # fmt: skip


def _no_backup(case: Case, more: float) -> tuple[Slow, ...]:
    age = case.facts.backup_age_s
    if age is not None and age <= case.numbers["backup_hours"] * 3600:
        return ()
    return (
        Slow(
            "backup", "data", more,
            "backup not known" if age is None else f"{age // 3600} h old",
            "when data could be restored from it", "unknown" if age is None else "judgement",
        ),
    )  # fmt: skip


def _half_way(case: Case, more: float) -> tuple[Slow, ...]:
    if case.half_way is False:
        return ()
    return (
        Slow(
            "state-dpkg", "state", more,
            "dpkg half-way" if case.half_way else "dpkg's state not known",
            "before it even begins", "judgement" if case.half_way else "unknown",
        ),
    )  # fmt: skip


_SLOW = {
    "boot": _no_console,
    "access": _no_console,
    "service": _no_checks,
    "data": _no_backup,
    "state": _half_way,
}


# -- the vendor's own mistakes -----------------------------------------------------------------


_CORE_BITS = 1 << CORE | 1 << (CORE | KERNEL)
_IMAGE_BITS = 1 << (CORE | KERNEL)
_Counted = dict[tuple[int, int, int], int]
"""How many source packages have these binaries (bits), CVEs and days of age; -1 for not known."""


def _regressions(case: Case, durations: dict[str, Duration], lost: float) -> list[Mode]:
    """Regressions among what boots and connects the host, and among all the rest."""
    updates, today = known_updates(case.packages.updates), case.today
    core: list[str] = []
    rest: list[str] = []
    of_core: _Counted = {}
    of_rest: _Counted = {}
    for source, bits in case.scope.sources.items():
        cves = age = -1
        if source in updates:
            known = updates[source]
            cves = -1 if known.cves is None else known.cves
            age = -1 if known.published is None else max(0, (today - known.published).days)
        names, counted = (core, of_core) if bits & _CORE_BITS else (rest, of_rest)
        names.append(source)
        update = bits, cves, age
        counted[update] = counted.get(update, 0) + 1
    if not case.scope.known:
        of_core[_IMAGE_BITS, -1, -1] = of_core.get((_IMAGE_BITS, -1, -1), 0) + 1
    found = []
    if of_core:
        name = "boot" if "boot" in durations else "access"
        found.append(_vendor(case, "regression-core", name, durations[name], core, of_core, lost))
    if of_rest:
        duration = durations["service"]
        found.append(_vendor(case, "regression", "service", duration, rest, of_rest, lost))
    return found


def _vendor(
    case: Case,
    name: str,
    mode: str,
    duration: Duration,
    sources: list[str],
    counted: _Counted,
    lost: float,
) -> Mode:
    numbers, kept = case.numbers, 1.0
    for update, number in sorted(counted.items()):
        kept *= (1 - _chance(numbers, *update)) ** number
    unknown = any(cves < 0 or age < 0 for _, cves, age in counted)
    parts = [
        Part(
            name, mode, (1 - kept) * duration[0] * lost,
            f"{len(sources)} source{'' if len(sources) == 1 else 's'}" if sources
            else "not compared", _vendor_words(numbers, counted, sources),
            "unknown" if unknown else numbers.origins["regression_base"],
            told=True,  # for its evidence, also where it is too small to count
        )
    ]  # fmt: skip
    return Mode(mode, 1 - kept, _slowed(parts, duration, (1 - kept) * lost), parts)


@lru_cache(maxsize=8_192)
def _chance(numbers: Parameters, bits: int, cves: int, age: int) -> float:
    """The chance that one update has a regression that is an outage here: of its worst binary."""
    cves = int(numbers["unknown_cves"]) if cves < 0 else cves
    there = still_there(numbers["unknown_age_days"] if age < 0 else age)
    size = numbers["regression_base"] + numbers["regression_doubling"] * math.log2(1 + cves)
    found = []
    for kind in (0, CORE, KERNEL, CORE | KERNEL):
        if bits >> kind & 1:
            odds = numbers["regression_kernel"] if kind & KERNEL else size
            outage = numbers["regression_core" if kind & CORE else "regression_other"]
            found.append(logistic(odds) * outage * numbers["regression_here"] * there)
    return max(found)


def _vendor_words(numbers: Parameters, counted: _Counted, sources: list[str]) -> str:
    words = [named(sources, 3)] if sources else []
    cves = [update[1] for update in counted]
    ages = [update[2] for update in counted]
    words.append(_size_words(numbers, min(cves), max(cves), min(ages)))
    if past := history(set(sources)):
        words.append(f"regressions before: {past}")
    return "; ".join(words)


@lru_cache(maxsize=1_024)
def _size_words(numbers: Parameters, least: int, most: int, age: int) -> str:
    size = f"at most {most} CVEs in one"
    out = f"out for {age} days or more"
    if least < 0:
        size = f"CVEs not known, {numbers['unknown_cves']:g} are taken"
    if age < 0:
        out = f"age not known, {numbers['unknown_age_days']:g} days are taken"
    return f"{size}; {out}"
