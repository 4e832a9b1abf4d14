"""Facts that every host has, whatever its family."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from engine.families.problems import unread
from engine.families.protocol import Section, Sections
from engine.model.facts import Depth, Facts, OperatingSystem, Problem, Reboot
from engine.programs import (
    access,
    built_successor,
    containers,
    filesystems,
    grub,
    host_lock,
    kernel,
    lines,
    os_release,
    systemd,
    taken_snapshots,
)
from engine.text import clean_line


def observe(host: str, sections: Sections, depth: Depth, taken_at: datetime) -> Facts:
    """The common facts of one probe, with family ``unknown``; problems are in the facts."""
    problems: list[Problem] = []
    signs = lines.single(_output(sections, "host"))
    facts = Facts(
        host=host,
        taken_at=taken_at,
        depth=depth,
        privileged=signs.get("uid") == "0",
        family="unknown",
        boot_id=_word(signs.get("boot_id")),
        uptime_s=_uptime(signs.get("uptime")),
        systemd={"yes": True, "no": False}.get(signs.get("systemd", "")),
        os=_operating_system(sections, problems),
    )
    if "host" not in sections:
        problems.append(unread(None, "host", "What the host is"))
    here = host_time(sections)
    if here is not None:
        facts = replace(facts, clock_off_s=round((here - taken_at).total_seconds()))
    facts = _machine(sections, facts, problems, signs.get("root", ""))
    facts = _running(sections, facts, problems)
    return replace(facts, problems=tuple(problems))


def host_time(sections: Sections) -> datetime | None:
    """The host's own clock at the probe."""
    seconds = lines.whole_number(lines.single(_output(sections, "host")).get("now"), 2**36)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _output(sections: Sections, name: str) -> bytes:
    section = sections.get(name)
    return section.output if section else b""


def _word(text: str | None) -> str | None:
    return clean_line(text, 100) if text and " " not in text else None


def _uptime(text: str | None) -> int | None:
    return lines.whole_number((text or "").partition(" ")[0].partition(".")[0], 2**40)


def _operating_system(sections: Sections, problems: list[Problem]) -> OperatingSystem:
    section = sections.get("os-release")
    system = os_release.parse(section.output) if section else None
    if system is None:
        problems.append(unread(section, "os-release", "The operating system"))
        return OperatingSystem()
    return OperatingSystem(
        system.id,
        system.version_id,
        system.codename,
        system.pretty_name,
        system.id_like,
        system.variant_id,
    )


def _machine(sections: Sections, facts: Facts, problems: list[Problem], root: str) -> Facts:
    virtualization = systemd.parse_virtualization(_output(sections, "virtualization"))
    section = sections.get("filesystems")
    found = filesystems.parse(section.output, root) if section else None
    if found is None:
        problems.append(unread(section, "filesystems", "Free space"))
    signs = kernel.parse(_output(sections, "kernel"))
    contained = systemd.is_container(virtualization)
    reasons = kernel.reasons(signs, (), contained)
    return replace(
        facts,
        virtualization=virtualization,
        kubernetes_node=_kubernetes(sections.get("kubernetes")),
        filesystems=found,
        read_only=filesystems.parse_read_only(_output(sections, "writable")),
        kernel=kernel.kernel(signs, contained),
        reboot=Reboot(True if reasons else None, reasons),
    )


def _running(sections: Sections, facts: Facts, problems: list[Problem]) -> Facts:
    failed = None
    units = sections.get("units")
    if units is not None:
        failed = systemd.parse_failed(units.output, units.exit_status)
        if failed is None:
            problems.append(unread(units, "units", "Failed units"))
    section = sections.get("containers")
    running = containers.parse(section.output, section.exit_status) if section else None
    said = lines.single(section.output) if section else {}
    if running is None:
        problems.append(unread(section, "containers", "Containers"))
    shown = sections.get("updaters")
    updaters = None
    if shown is not None and shown.exit_status == 0:
        updaters = systemd.updaters(systemd.parse_show(shown.output))
    elif shown is not None:
        problems.append(unread(shown, "updaters", "What updates this host by itself"))
    there, lock = host_lock.parse(_output(sections, "lock"), host_time(sections))
    if there and lock is None:
        problems.append(
            Problem(
                "lock",
                "There is a hostshift's lock on this host, and it can't be read.",
                "Look at /var/lib/hostshift/lock on the host.",
            )
        )
    tested = sections.get("access") if facts.privileged else None
    return replace(
        facts,
        failed_units=failed,
        containers=running,
        live_restore={"true": True, "false": False}.get(said.get("live_restore", "")),
        docker_bound=said.get("docker_bound") == "yes",
        auto_updates=updaters,
        lock=lock,
        grub=grub.parse(_output(sections, "grub")),
        grub_devices_gone=grub.devices_gone(_output(sections, "grub-devices")),
        snapshots=taken_snapshots.parse(_output(sections, "snapshots")),
        successor=built_successor.parse(_output(sections, "successor")),
        refused_configs=None if tested is None else access.parse(tested.output),
    )


def _kubernetes(section: Section | None) -> bool | None:
    found = lines.single(section.output) if section else {}
    if "process" in found or "file" in found:
        return True
    return False if "seen" in found else None
