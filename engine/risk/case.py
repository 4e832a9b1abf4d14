"""What the model is asked about: one candidate on one host, and what is known around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.model.candidate import Candidate
from engine.model.facts import Change, Facts, Packages
from engine.model.host import Host
from engine.risk.parameters import Parameters
from engine.risk.scope import Scope, scope

BY_PACKAGES = frozenset({"upgrade", "dist-upgrade", "release-upgrade"})
REBOOTS = frozenset({"reboot", "deploy-finalize", "deploy-rollback"})
DEPLOYS = frozenset({"deploy-upgrade", "deploy-finalize", "deploy-rollback"})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What neither the host nor its facts say.

    Attributes:
        whole_group: All hosts of its redundancy (or, without one, of the fleet) change at once.
        cutover_s: How long a cutover of this host took when it was measured.
        rehearsed: Whether the cutover was rehearsed; None: not known.
    """

    whole_group: bool = False
    cutover_s: int | None = None
    rehearsed: bool | None = None


ORDINARY = Circumstances()


@dataclass(frozen=True, slots=True)
class Case:
    """One candidate with what it would change.

    Attributes:
        acts: Carrying it out does anything at all.
        reboots: Carrying it out reboots the host.
        release: It goes to another release.
        boots_differently: The next boot is another one than the last: now, or whenever it comes.
        stops_containers: The containers that run on the host stop, if there are any.
        half_way: dpkg has something half done; None where that isn't known.
        days_up: Whole days since the last boot; None where that isn't known.
        packages: The package side of the facts; all of it unknown where there is none.
    """

    host: Host
    facts: Facts
    candidate: Candidate
    today: date
    around: Circumstances
    numbers: Parameters
    scope: Scope
    acts: bool
    reboots: bool
    release: bool
    boots_differently: bool
    stops_containers: bool
    half_way: bool | None
    days_up: int | None
    packages: Packages


_NO_PACKAGES = Packages()


def case(
    host: Host,
    facts: Facts,
    candidate: Candidate,
    today: date,
    around: Circumstances,
    numbers: Parameters,
) -> Case:
    """Gather it. A release upgrade holds what dist-upgrade would change too."""
    kind, known = candidate.kind, candidate.changes is not None
    found = scope(_changes(facts, candidate), facts.os.id, known=known)
    idle = kind == "none" or (kind in DEPLOYS and candidate.changes == ())
    reboots, release = kind in REBOOTS, kind == "release-upgrade"
    return Case(
        host=host,
        facts=facts,
        candidate=candidate,
        today=today,
        around=around,
        numbers=numbers,
        scope=found,
        acts=not idle and (kind not in BY_PACKAGES or bool(found.names) or not known),
        reboots=reboots,
        release=release,
        boots_differently=reboots or release or kind in DEPLOYS or "boot" in found.traits,
        stops_containers=reboots
        or release
        or ("container-runtime" in found.traits and candidate.effects.containers != ()),
        half_way=_half_way(facts),
        days_up=None if facts.uptime_s is None else facts.uptime_s // 86_400,
        packages=facts.packages or _NO_PACKAGES,
    )


def _changes(facts: Facts, candidate: Candidate) -> tuple[Change, ...]:
    changes = candidate.changes or ()
    if candidate.kind != "release-upgrade" or facts.packages is None:
        return changes
    smaller = facts.packages.transaction("dist-upgrade")
    if smaller is None:
        return changes
    seen = {(change.name, change.action) for change in changes}
    return (*changes, *(c for c in smaller.changes if (c.name, c.action) not in seen))


def _half_way(facts: Facts) -> bool | None:
    packages = facts.packages
    if packages is None:
        return None if facts.deployments is None else False
    if packages.interrupted or packages.broken:
        return True
    return None if packages.interrupted is None or packages.broken is None else False
