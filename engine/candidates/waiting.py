"""The risk of not acting: a tree of questions, each answer with its reason; no sum.

Days follow the bands of CISA's BOD 26-04 for holes whose urgency isn't known: 14 days where the
host can be reached from the internet, 60 elsewhere. The words are ordered low to critical; each
question can only raise the level.
"""

from __future__ import annotations

from datetime import datetime

from engine.model.candidate import Level, Waiting
from engine.model.facts import Facts, Packages
from engine.model.host import Host

_ORDER: tuple[Level, ...] = ("low", "moderate", "high", "critical")
EXPOSED_DAYS = 14
INNER_DAYS = 60
ENDED_DAYS = 3
"""Support has ended and the internet reaches the host: the shortest band."""
ENDS_SOON_DAYS = 60
LISTS_OLD_S = 86_400
"""Package lists older than this say little about what is pending today."""
LISTS_STALE_S = 7 * 86_400

Answer = tuple[Level, int | None, str]


def waiting(host: Host, facts: Facts, now: datetime) -> Waiting:
    """How much there is against waiting, by when, and why."""
    # Not answered counts as exposed: the worse of the two.
    exposed = host.exposed is not False
    answers = [
        *_security(facts.packages, exposed),
        *_support(facts, now, exposed),
        *_reboot(facts),
        *_dpkg(facts),
        *_lists(facts),
    ]
    if host.exposed is None and any(due is not None for _, due, _ in answers):
        answers.append(
            ("low", None, "the inventory doesn't say whether the internet reaches it: taken as yes")
        )
    if not answers:
        answers = [("low", None, "nothing that is known to be pending")]
    dues = [due for _, due, _ in answers if due is not None]
    return Waiting(
        level=max((level for level, _, _ in answers), key=_ORDER.index),
        due_days=min(dues, default=None),
        reasons=tuple(reason for _, _, reason in answers),
    )


def _security(packages: Packages | None, exposed: bool) -> list[Answer]:
    if packages is None:
        return []
    if packages.security is None:
        return [("moderate", None, "how many security updates are pending is not known")]
    found: list[Answer] = []
    if packages.security:
        number = packages.security
        what = "1 security update" if number == 1 else f"{number} security updates"
        level: Level = "high" if exposed else "moderate"
        due = EXPOSED_DAYS if exposed else INNER_DAYS
        found.append(
            (level, due, f"{what} pending; how urgent and how old they are is not looked at yet")
        )
    elif packages.upgradable:
        found.append(("low", None, f"{packages.upgradable} updates pending, none for security"))
    if packages.esm:
        found.append(
            ("moderate", None, f"{len(packages.esm)} security fixes exist only by subscription")
        )
    return found


def _support(facts: Facts, now: datetime, exposed: bool) -> list[Answer]:
    name = facts.os.pretty_name or facts.os.id or "the system"
    booted = next((d for d in facts.deployments or () if d.booted), None)
    if booted is not None and booted.end_of_life:
        reason = f"the booted deployment is at its end of life: {booted.end_of_life}"
        return [_ended(reason, exposed)]
    ends = facts.os.support_ends
    if ends is None:
        return []
    left = (ends - now.date()).days
    if left < 0:
        return [_ended(f"{name} has had no security support since {ends.isoformat()}", exposed)]
    if left <= ENDS_SOON_DAYS:
        return [("moderate", left, f"security support of {name} ends on {ends.isoformat()}")]
    return []


def _ended(reason: str, exposed: bool) -> Answer:
    return ("critical", ENDED_DAYS, reason) if exposed else ("high", EXPOSED_DAYS, reason)


def _reboot(facts: Facts) -> list[Answer]:
    kernel = facts.kernel
    if kernel.running and kernel.expected and kernel.running != kernel.expected:
        return [
            (
                "moderate",
                None,
                (
                    f"kernel {kernel.running} runs; {kernel.expected} is installed and waits for a "
                    "reboot, and until then its fixes protect nobody"
                ),
            )
        ]
    if facts.reboot.required:
        why = f": {'; '.join(facts.reboot.reasons[:3])}" if facts.reboot.reasons else ""
        return [("moderate", None, f"a reboot is due{why}")]
    return []


def _dpkg(facts: Facts) -> list[Answer]:
    packages = facts.packages
    if facts.packages_at_work:
        return []
    if packages is not None and (packages.interrupted or packages.broken):
        return [("moderate", None, "dpkg is half-way: no update arrives until it is repaired")]
    return []


def _lists(facts: Facts) -> list[Answer]:
    age = facts.lists_age_s
    if facts.packages is None:
        return []
    if age is None:
        return [("moderate", None, "how old the package lists are is not known")]
    # A source that has failed for long hides behind others that were refreshed today.
    lagging: list[Answer] = [
        ("low", None, p.message) for p in facts.problems if p.section == "lists"
    ]
    if age <= LISTS_OLD_S:
        return lagging
    level: Level = "moderate" if age > LISTS_STALE_S else "low"
    days = age // 86_400
    shown = "1 day" if days == 1 else f"{days} days"
    return [*lagging, (level, None, f"the package lists are {shown} old: more may be pending")]
