"""``release-upgrade`` of a Debian host: to which release, and what must be so before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.families.apt.candidates import dpkg_blockers, simulation_blockers
from engine.families.apt.effects import changed_conffiles
from engine.families.apt.soundness import boot_loader_blockers
from engine.families.booting import booted_once
from engine.families.guarding import guarded_reboot
from engine.model.candidate import Blocker, Candidate, Effects, Kind
from engine.model.facts import Facts, Packages
from engine.model.host import Host
from engine.model.plan import RebootAct, Step, VerifyAct
from engine.programs.distro_info import Release, known_until, next_release

KIND: Final = "release-upgrade"
FUNCTIONS: Final = "release.sh"
"""What its jobs call, below ``engine/host``."""
_FIRST: tuple[Kind, ...] = ("upgrade", "dist-upgrade")


@dataclass(frozen=True, slots=True)
class Ahead:
    """The release whose name the sources have now, and the next one."""

    old: str
    new: Release


def ahead(facts: Facts) -> Ahead | None:
    """What a release upgrade leads to: the next release, as none may be skipped."""
    following = next_release(facts.os)
    return Ahead(facts.os.codename, following) if following and facts.os.codename else None


def candidates(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """The one of a Debian host that a release follows; what it changes is told when it is run."""
    found = picked(host, facts, KIND) if ahead(facts) is not None else None
    return (found,) if found is not None else ()


def picked(host: Host, facts: Facts, candidate: str) -> Candidate | None:
    """The same for whoever asks by its id, where it says that no release follows."""
    if candidate != KIND or facts.os.id != "debian":
        return None
    running = facts.containers
    changed = changed_conffiles(facts.packages or Packages())
    leads = ahead(facts)
    here = f"Debian {facts.os.version_id or '?'}"
    title = f"{here} to {leads.new.version} ({leads.new.codename})" if leads else f"{here}: no next"
    return Candidate(
        id=KIND,
        kind=KIND,
        title=title,
        changes=None,
        effects=Effects(
            reboot=True,
            containers=None if running is None else tuple(sorted(c.name for c in running)),
            conffiles=None if changed is None else tuple(one.path for one in changed),
        ),
        blockers=(_newest(here),) if leads is None else tuple(before_any(host, facts, here)),
    )


def _newest(here: str) -> Blocker:
    return Blocker(
        "no-next-release",
        f"{here} is followed by no stable release that this hostshift knows of (its data are of "
        f"{known_until()}).",
        "https://www.debian.org/releases/",
    )


def before_any(host: Host, facts: Facts, here: str) -> list[Blocker]:
    """What must be so before a release upgrade of any distribution begins."""
    packages = facts.packages or Packages()
    found = [*dpkg_blockers(facts, packages), *boot_loader_blockers(facts)]
    for kind in _FIRST:
        transaction = packages.transaction(kind)
        found += simulation_blockers(host, facts, kind, transaction)
        if transaction is not None and not transaction.error and transaction.changes:
            number = len(transaction.changes)
            found.append(
                Blocker(
                    "updates-first",
                    f"{here} is not up to date ({number} pending), and a release upgrade is only "
                    "proven from a system that is.",
                    f"hostshift plan {host.name} {kind}",
                )
            )
        if found:
            break
    if packages.held:
        names = " ".join(packages.held[:10])
        found.append(
            Blocker(
                "held",
                f"On hold, which the next release may not allow: {names}.",
                f"hostshift plan {host.name} unhold:{names.replace(' ', ',')}",
            )
        )
    if host.exclude:
        found.append(
            Blocker(
                "excluded",
                f"The inventory excludes {', '.join(host.exclude)}, and a release upgrade can "
                "leave no package behind.",
                f"[hosts.{host.name}] exclude = []",
            )
        )
    if facts.systemd is False:
        found.append(
            Blocker(
                "no-systemd",
                "systemd is not process 1 here, so the reboot into the new release can't be "
                "watched over.",
                f"hostshift plan {host.name} replace",
            )
        )
    return found


def restarted(host: Host, facts: Facts) -> tuple[Step, ...]:
    """The reboot of any release upgrade, and the look that proves the host well."""
    act = RebootAct(busy=host.busy, deadline_s=int(host.deadlines.reboot_s), next_release=True)
    reboot = Step("reboot", "Reboot, and wait until it has settled", "host", act)
    verify = VerifyAct(failed_units_before=facts.failed_units)
    steps = (
        *guarded_reboot(host, facts, reboot, new_kernel=True),
        Step("settled", "Look again: units, containers, checks", "host", verify, reversible=True),
    )
    return booted_once(facts, steps, None)
