"""What dpkg and apt say of a host: packages, what upgrades would change, why to reboot."""

from __future__ import annotations

from dataclasses import replace

from engine.families.apt import effects
from engine.families.apt.transactions import packages_of
from engine.families.problems import needs_root, unread
from engine.families.protocol import Sections
from engine.model.facts import Facts, LockHolder, Problem, Reboot, ReleaseUpgrader
from engine.programs import (
    apt_lists,
    apt_simulation,
    dpkg,
    kernel,
    lines,
    needrestart,
    release_upgrader,
    systemd,
    unattended,
)

_SECURITY = ("-security", "/updates")
"""How the suites end that bring security fixes; the latter before Debian 11."""


def observe(sections: Sections, facts: Facts) -> tuple[Facts, tuple[Problem, ...]]:
    """Add apt's side to the common facts."""
    problems: list[Problem] = []
    facts, lists = _lists(sections, facts, problems)
    packages, more = packages_of(sections, facts.depth, lists_known=lists is None or lists.present)
    problems.extend(more)
    if facts.depth == "full":
        packages, more = effects.observe(
            sections, packages, privileged=facts.privileged, systemd_runs=facts.systemd
        )
        problems.extend(more)
    if lists is not None and any(name.endswith(_SECURITY) for name in lists.missing):
        # What the others offer is no count of what the archive for it would.
        packages = replace(packages, security=None)
    packages = replace(packages, repair_removes=repair_removes(sections))
    facts = replace(facts, packages=packages)
    facts = _lock(sections, facts, problems)
    facts = _updaters(sections, facts, problems)
    facts = replace(facts, release_upgrader=_release_upgrader(sections, facts))
    report = _needrestart(sections, facts, problems)
    facts = replace(
        facts,
        services_to_restart=report.units if report else None,
        reboot=_reboot(sections, facts, report),
    )
    return facts, tuple(problems)


def repair_removes(sections: Sections) -> tuple[str, ...] | None:
    """What finishing what is half done would remove; None where nothing is, or it can't be told."""
    section = sections.get("fix-broken")
    if section is None or section.truncated or not section.output.strip():
        return None
    seen = apt_simulation.parse(section.output, section.errors, section.exit_status)
    if seen is None or seen.error is not None:
        return None
    return tuple(change.name for change in seen.changes if change.action == "remove")


def _output(sections: Sections, name: str) -> bytes:
    section = sections.get(name)
    return section.output if section else b""


def _installed(sections: Sections) -> tuple[dpkg.Installed, ...]:
    return dpkg.parse_packages(_output(sections, "dpkg-kernels"))


def _lists(
    sections: Sections, facts: Facts, problems: list[Problem]
) -> tuple[Facts, apt_lists.Lists | None]:
    """The age of the lists, and what is known of them."""
    section = sections.get("lists")
    if section is None or section.exit_status != 0:
        problems.append(unread(section, "lists", "The age of the package lists"))
        return facts, None
    targets = _targets(sections, problems)
    found = apt_lists.parse(section.output, targets)
    if not found.present:
        problems.append(_no_lists(facts, found, configured=targets is None or bool(targets)))
        return facts, found
    problems.extend(
        Problem(
            "lists",
            f"The package source {source} is configured and its list was never fetched: "
            "what it offers isn't known.",
            f"hostshift plan {facts.host} refresh",
        )
        for source in found.missing
    )
    problems.extend(
        Problem(
            "lists",
            f"{name} was last refreshed more than a day before the other package lists.",
            "Run apt-get update on the host and read why this source fails.",
        )
        for name in found.lagging
    )
    now = lines.whole_number(lines.single(_output(sections, "host")).get("now"), 2**40)
    age = None
    if now is not None and found.refreshed_at is not None:
        age = max(0, now - found.refreshed_at)
    return replace(facts, lists_age_s=age), found


def _targets(sections: Sections, problems: list[Problem]) -> tuple[apt_lists.Target, ...] | None:
    """The lists that the configured sources want; None where that can't be told."""
    section = sections.get("targets")
    found = None
    if section is not None and section.exit_status == 0 and not section.truncated:
        found = apt_lists.parse_targets(section.output)
    if found is None:
        problems.append(unread(section, "targets", "Which package sources are configured"))
    return found


def _no_lists(facts: Facts, found: apt_lists.Lists, *, configured: bool) -> Problem:
    refresh = f"hostshift plan {facts.host} refresh"
    if not configured:
        return Problem(
            "lists",
            "No package source is configured on this host, so that nothing can be upgraded.",
            f"Add one below /etc/apt/sources.list.d, then: {refresh}",
        )
    which = f" of {', '.join(found.missing[:5])}" if found.missing else ""
    return Problem(
        "lists",
        f"The package lists{which} were never fetched on this host, or are gone; until they are, "
        "nobody can tell what could be upgraded.",
        refresh,
    )


def _lock(sections: Sections, facts: Facts, problems: list[Problem]) -> Facts:
    section = sections.get("dpkg-lock")
    looked, holder = dpkg.parse_lock(section.output) if section else (False, None)
    if not looked:
        problems.append(unread(section, "dpkg-lock", "Who holds dpkg's lock"))
    return replace(facts, dpkg_lock=holder, busy=facts.busy or _held_by(holder))


def _held_by(holder: LockHolder | None) -> str | None:
    if holder is None:
        return None
    who = holder.command or "a process"
    number = f" (process {holder.pid})" if holder.pid else ""
    return f"{who}{number} holds dpkg's lock"


def _updaters(sections: Sections, facts: Facts, problems: list[Problem]) -> Facts:
    section = sections.get("periodic")
    if section is None or section.exit_status != 0:
        problems.append(unread(section, "periodic", "What updates this host by itself"))
        return replace(facts, auto_updates=None)
    shown = sections.get("updaters")
    units = None
    if shown is not None:
        if shown.exit_status != 0:
            return facts
        units = systemd.parse_show(shown.output)
    installed = any(p.name == "unattended-upgrades" and p.present for p in _installed(sections))
    found = unattended.auto_updates(unattended.parse_config(section.output), units, installed)
    return replace(facts, auto_updates=(*found, *(facts.auto_updates or ())))


def _release_upgrader(sections: Sections, facts: Facts) -> ReleaseUpgrader | None:
    section = sections.get("release-upgrader")
    if section is None or section.truncated:
        return None
    return release_upgrader.parse(section.output, section.exit_status, facts.os.codename)


def _needrestart(
    sections: Sections, facts: Facts, problems: list[Problem]
) -> needrestart.NeedRestart | None:
    section = sections.get("needrestart")
    if section is None:
        return None
    if not facts.privileged:
        problems.append(needs_root("needrestart", "Services to restart"))
        return None
    report = needrestart.parse(section.output, section.exit_status)
    if report is None:
        problems.append(unread(section, "needrestart", "Services to restart"))
    return report


def _reboot(sections: Sections, facts: Facts, report: needrestart.NeedRestart | None) -> Reboot:
    signs = kernel.parse(_output(sections, "kernel"))
    installed = _installed(sections)
    contained = systemd.is_container(facts.virtualization)
    reasons = kernel.reasons(signs, installed, contained)
    if report is not None and report.kernel_state in (2, 3) and not reasons:
        reasons += (f"needrestart expects kernel {report.kernel_expected or 'of a newer build'}",)
    if report is not None and report.microcode_state == 2:
        reasons += ("needrestart expects newer microcode for the processor",)
    if reasons:
        return Reboot(True, reasons)
    flag_is_kept = any(p.name == "update-notifier-common" and p.present for p in installed)
    # Without a kernel of its own (a container, a kernel that the hypervisor brings), or with the
    # newest one running, or where Ubuntu's flag would be there, nothing asks for a reboot.
    kernel_tells = contained or facts.kernel.expected is not None
    return Reboot(False if kernel_tells or flag_is_kept or _no_kernel(signs, installed) else None)


def _no_kernel(signs: kernel.KernelSigns, installed: tuple[dpkg.Installed, ...]) -> bool:
    return not signs.images and not any(p.name.startswith(kernel.PACKAGES) for p in installed)
