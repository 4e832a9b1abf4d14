"""The tree: which holes are open and how soon they are to be closed, whether support has ended,
how old the oldest fix is. The path is told in words, in the order in which it was walked.

A level and its days are the same thing twice: critical 3 days, high 14, moderate 60, low with the
next upgrade. Most answers say "at least this"; an end of support and old fixes raise whatever was
found by a step, so they are asked last. Nothing ever lowers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from engine.model.candidate import Level, Waiting
from engine.model.facts import Change, Cve, Deployment, Facts, Packages
from engine.model.host import Host
from engine.published import KEV_OLD_DAYS, bundled
from engine.risk.waiting.holes import (
    Band,
    band,
    band_of,
    is_automatable,
    is_exploited,
    is_total,
)

LEVELS: tuple[Level, ...] = ("low", "moderate", "high", "critical")
DAYS: tuple[int | None, ...] = (None, 60, 14, 3)
"""Within how many days each level wants something done: the bands of BOD 26-04."""
_LOW, _MODERATE, _HIGH, _CRITICAL = range(4)
ENDS_SOON_DAYS = 60
QUARTER_DAYS = 91
OLD_DAYS = 60
"""A fix that has been out for longer has missed the longest deadline of BOD 26-04. A judgement."""
LISTS_OLD_S = 86_400
"""Package lists older than this say little about what is pending today."""
LISTS_STALE_S = 7 * 86_400


class _Path:
    """What has been answered so far."""

    def __init__(self, host: Host) -> None:
        self.exposed = host.exposed is not False  # not answered: the worse of the two
        self.level = _LOW
        self.due: int | None = None
        self.reasons: list[str] = []
        self._reach = {
            True: "the internet reaches it",
            False: "the internet doesn't reach it",
            None: "the inventory doesn't say whether the internet reaches it: taken as yes",
        }[host.exposed]

    def say(self, *reasons: str) -> None:
        self.reasons += reasons

    def at_least(self, level: int, due: int | None) -> None:
        self.level = max(self.level, level)
        self.due = _sooner(self.due, due)

    def up(self, steps: int) -> None:
        self.level = min(_CRITICAL, self.level + steps)
        self.due = _sooner(self.due, DAYS[self.level])

    def reach(self) -> None:
        """Say whether the internet reaches it, once."""
        if self._reach not in self.reasons:
            self.say(self._reach)


def waiting(
    host: Host,
    facts: Facts,
    now: datetime,
    cves: Sequence[Cve] | None = None,
    unread: Sequence[str] = (),
) -> Waiting:
    """How much there is against waiting, by when, and why. Pure.

    Args:
        cves: The holes that the pending updates are known to close; None where none is known.
        unread: Source packages with pending security updates of which no hole is known.
    """
    path = _Path(host)
    _holes(path, facts, cves, unread)
    _dpkg(path, facts)
    _lists(path, facts)
    _support(path, facts, now.date())
    _age(path, facts, now.date())
    return Waiting(
        LEVELS[path.level],
        path.due,
        tuple(path.reasons) or ("nothing that is known to be pending",),
    )


def _sooner(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


# -- open holes --------------------------------------------------------------------------------


def _holes(path: _Path, facts: Facts, cves: Sequence[Cve] | None, unread: Sequence[str]) -> None:
    unknown = _unread(unread) if cves else _uncounted(facts)
    if cves:
        _most_urgent(path, cves, facts)
    unknown += _waits_for_a_reboot(facts)
    if unknown:
        path.say(*unknown)
        path.reach()
        found = band(exploited=False, exposed=path.exposed, automatable=True, total=False)
        _apply(path, found, "taken with caution as a hole whose attack can be automated: ")
    packages = facts.packages or Packages()
    if not cves and not packages.security and packages.upgradable and not unknown:
        number = _count(packages.upgradable, "update", "updates")
        path.say(f"{number} pending, none for security")
    if packages.esm:
        path.at_least(_MODERATE, None)
        number = _count(len(packages.esm), "security fix exists", "security fixes exist")
        path.say(f"{number} only by subscription")
    if facts.reboot.required and not _waits_for_a_reboot(facts):
        path.at_least(_MODERATE, None)
        why = f": {'; '.join(facts.reboot.reasons[:3])}" if facts.reboot.reasons else ""
        path.say(f"a reboot is due{why}")


def _uncounted(facts: Facts) -> list[str]:
    """Updates of which no hole is known."""
    packages = facts.packages
    if packages is None:
        return [] if facts.deployments is not None else ["what is pending is not known"]
    if packages.security is None:
        return ["how many security updates are pending is not known"]
    if not packages.security:
        return []
    what = _count(packages.security, "security update", "security updates")
    return [f"{what} of unknown urgency: there are no CVE data"]


def _unread(sources: Sequence[str]) -> list[str]:
    if not sources:
        return []
    what = _count(len(sources), "security update", "security updates")
    names = f"{', '.join(sources[:3])}{', ...' if len(sources) > 3 else ''}"
    return [f"{what} of unknown urgency besides, for which no CVE is known: {names}"]


def kernel_waits(facts: Facts) -> bool:
    """Another kernel than the running one is installed: what it closes is still open."""
    kernel = facts.kernel
    return bool(kernel.running and kernel.expected and kernel.running != kernel.expected)


def _waits_for_a_reboot(facts: Facts) -> list[str]:
    """What is installed and doesn't run yet counts as open: what runs decides."""
    kernel = facts.kernel
    found = []
    if kernel_waits(facts):
        found.append(
            f"kernel {kernel.running} runs and {kernel.expected} waits for a reboot: what it "
            "closes counts as open"
        )
    following = next(iter(facts.deployments or ()), None)
    booted = next((d for d in facts.deployments or () if d.booted), None)
    if following and booted and not following.booted and not _is_older(following, booted):
        name = following.version or "another deployment"
        found.append(f"{name} is deployed and waits for a reboot: what it closes counts as open")
    return found


def _is_older(one: Deployment, other: Deployment) -> bool:
    if one.timestamp is None or other.timestamp is None:
        return False
    return one.timestamp < other.timestamp


def _most_urgent(path: _Path, cves: Sequence[Cve], facts: Facts) -> None:
    """Of several holes the worst decides: the others only wait for the same update."""

    def badness(cve: Cve) -> tuple[tuple[int, bool], bool, str, str]:
        urgency = band_of(cve, exposed=path.exposed).urgency
        return urgency, is_exploited(cve), cve.id, cve.vector or ""

    worst = max(cves, key=badness)
    number = len({cve.id for cve in cves})
    which = worst.id if number == 1 else f"{worst.id} is the most urgent of {number} holes"
    day = (facts.packages.kev_date if facts.packages else None) or bundled().kev_date
    in_kev = f"{'' if is_exploited(worst) else 'not '}known to be exploited (KEV of {day})"
    predicted = ", expected to be exploited soon (EPSS)" if worst.predicted else ""
    path.say(f"{which}: {in_kev}{predicted}, {_of_vector(worst.vector)}")
    if not is_exploited(worst) and (old := (facts.taken_at.date() - day).days) > KEV_OLD_DAYS:
        path.say(f"the list of exploited holes is {old} days old: `hostshift data refresh`")
    path.reach()
    _apply(path, band_of(worst, exposed=path.exposed), "")


def _of_vector(vector: str | None) -> str:
    automatable = is_automatable(vector)
    if automatable is None:
        return "without a CVSS vector that can be read: taken as one that can be automated"
    first = "can be automated" if automatable else "can't be automated"
    return f"{first}, {'total' if is_total(vector) else 'partial'} control"


def _apply(path: _Path, found: Band, prefix: str) -> None:
    path.at_least(DAYS.index(found.days), found.days)
    within = "with the next upgrade" if found.days is None else f"within {found.days} days"
    more = ", and look for signs of a break-in" if found.forensics else ""
    path.say(f"{prefix}{within}{more} (BOD 26-04)")


# -- what keeps updates from being seen or installed -------------------------------------------


def _dpkg(path: _Path, facts: Facts) -> None:
    packages = facts.packages
    if facts.packages_at_work or packages is None:
        return
    if packages.interrupted or packages.broken:
        path.at_least(_MODERATE, None)
        path.say("dpkg is half-way: no update arrives until it is repaired")


def _lists(path: _Path, facts: Facts) -> None:
    age = facts.lists_age_s
    if facts.packages is None:
        return
    if age is None:
        path.at_least(_MODERATE, None)
        path.say("how old the package lists are is not known")
        return
    # A source that has failed for long hides behind others that were refreshed today.
    path.say(*(p.message for p in facts.problems if p.section == "lists"))
    if age > LISTS_OLD_S:
        days = _count(age // 86_400, "day", "days")
        path.at_least(_MODERATE if age > LISTS_STALE_S else _LOW, None)
        path.say(f"the package lists are {days} old: more may be pending")


# -- what raises all of it ---------------------------------------------------------------------


def _support(path: _Path, facts: Facts, today: date) -> None:
    name = facts.os.pretty_name or facts.os.id or "the system"
    booted = next((d for d in facts.deployments or () if d.booted), None)
    if booted is not None and booted.end_of_life:
        _ended(path, f"the booted deployment is at its end of life: {booted.end_of_life}", 0)
    _packages_ended(path, facts, today)
    ends = facts.os.support_ends
    if ends is None:
        return
    left = (ends - today).days
    if left < 0:
        reason = f"{name} has had no security support since {ends.isoformat()}"
        _ended(path, reason, -left // QUARTER_DAYS)
    elif left <= ENDS_SOON_DAYS:
        path.at_least(_MODERATE, left)
        path.say(f"security support of {name} ends on {ends.isoformat()}")


def _packages_ended(path: _Path, facts: Facts, today: date) -> None:
    """Single packages get no more fixes: no update that is pending or will come closes that.

    Not as urgent as a release without support, whose every package it is, and not raised each
    quarter: that would call for acting at once where nothing on the host can be acted on.
    """
    found = [one for one in facts.packages.ended if one.ends < today] if facts.packages else []
    if not found:
        return
    names = ", ".join(f"{one.source} since {one.ends.isoformat()}" for one in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    path.say(f"without security support though the release has it: {names}{more}")
    path.reach()
    level = _HIGH if path.exposed else _MODERATE
    path.at_least(level, DAYS[level])
    path.say("no update closes that: replace what they do, or move to a newer release")


def _ended(path: _Path, reason: str, quarters: int) -> None:
    """No fix comes any more, so each hole from now on stays open.

    A step worse than whatever else there is, and at least "14 days to a plan"; where the internet
    reaches it: at once. Each quarter since then adds a step.
    """
    path.say(reason)
    path.reach()
    path.up(1)
    level = _CRITICAL if path.exposed else _HIGH
    path.at_least(level, DAYS[level])
    path.up(quarters)
    if path.level < _CRITICAL:
        path.say("no more fixes come: a plan within 14 days, and more urgent each quarter")
    elif path.exposed:
        path.say("no more fixes come: act now")
    elif quarters:
        over = _count(quarters, "quarter", "quarters")
        path.say(f"no more fixes come, for {over} already: act now")
    else:
        path.say("no more fixes come: more urgent by a step")


def _age(path: _Path, facts: Facts, today: date) -> None:
    packages = facts.packages
    if packages is None or not packages.security:
        return
    found = ages(_security_sources(packages), packages, today)
    if found.oldest is not None and found.oldest > OLD_DAYS:
        path.up(1)
        path.say(
            f"the oldest of the fixes has been out for {found.oldest} days: more urgent by a step"
        )
    elif not found.complete and path.level < _CRITICAL:
        path.say(
            f"how long the fixes have been out is not known: over {OLD_DAYS} days is a step more"
        )


@dataclass(frozen=True, slots=True)
class Ages:
    """Days since the oldest and the newest of some updates came out, of those that are known.

    Attributes:
        complete: It is known of all of them.
    """

    oldest: int | None = None
    newest: int | None = None
    complete: bool = False


def ages(sources: Iterable[str], packages: Packages, today: date) -> Ages:
    """How old these source packages' pending updates are; one dated later came out today."""
    if not packages.updates:
        return Ages()
    wanted = set(sources)
    known = {u for u in packages.updates if u.source in wanted}
    days = [max(0, (today - u.published).days) for u in known if u.published is not None]
    if not days:
        return Ages()
    oldest = (max(0, (today - u.oldest).days) for u in known if u.oldest is not None)
    dated = {u.source for u in known} - {u.source for u in known if u.published is None}
    return Ages(max([*days, *oldest]), min(days), wanted <= dated)


def source_of(change: Change) -> str:
    """A change's source package; the binary's own name where that isn't known."""
    return change.source or change.name.partition(":")[0]


def known_holes(packages: Packages | None) -> tuple[tuple[Cve, ...], tuple[str, ...]]:
    """The holes that pending updates are known to close, and security updates without any.

    A changelog that names no CVE, or doesn't go back far enough, doesn't say that there is none.
    """
    if packages is None or not packages.updates:
        return (), ()
    ids = sorted({cve for update in packages.updates for cve in update.cve_ids})
    read = {update.source for update in packages.updates if update.cve_ids and update.cves}
    known = {cve.id: cve for cve in packages.cves}
    unread = tuple(sorted(_security_sources(packages) - read))
    return tuple(known.get(one, Cve(one)) for one in ids), unread


def _security_sources(packages: Packages) -> set[str]:
    if not packages.updates:
        return set()
    every = (c for transaction in packages.transactions or () for c in transaction.changes)
    return {source_of(change) for change in every if change.security}


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"
