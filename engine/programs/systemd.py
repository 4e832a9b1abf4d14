"""systemctl(1) and systemd-detect-virt(1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.model.facts import AutoUpdate
from engine.programs.lines import cleaned_lines, single

Units = dict[str, dict[str, str]]

_UPDATERS = (
    "zincati.service",
    "rpm-ostreed-automatic.timer",
    "bootc-fetch-apply-updates.timer",
    "update-engine.service",
    "locksmithd.service",
    "transactional-update.timer",
    "rebootmgr.service",
    "dnf-automatic.timer",
    "dnf-automatic-install.timer",
    "uupd.timer",
)
_PASSING = re.compile(
    # hostshift's jobs, those of systemd-run(1) without a name of their own, sessions, and what
    # serves one connection of a socket with Accept=yes (systemd.socket(5))
    r"hostshift-|run-(?:u?\d+|r[0-9a-f]{32}|p\d+-i\d+)\.|session-|user@|user-runtime-dir@|.*\.scope$"
    r"|.*@\d+-[0-9a-f.:-]+:\d+-[0-9a-f.:]+:\d+\.service$"
)
_CONTAINERS = frozenset(
    [
        "openvz",
        "lxc",
        "lxc-libvirt",
        "systemd-nspawn",
        "docker",
        "podman",
        "rkt",
        "wsl",
        "proot",
        "pouch",
        "container-other",
    ]
)


def parse_failed(output: bytes, exit_status: int | None) -> tuple[str, ...] | None:
    """Units of ``list-units --state=failed --plain --no-legend``; None where it failed."""
    if exit_status != 0:
        return None
    found = set()
    for line in cleaned_lines(output):
        words = line.split()
        if words and words[0] in ("*", "\u25cf"):
            words = words[1:]
        if words and "." in words[0]:
            found.add(words[0])
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that runs.

    Attributes:
        lasting: It is meant to run on, and not only while somebody needs it.
        started: Another word after each start (InvocationID, systemd.exec(5)); None: not known.
    """

    name: str
    lasting: bool
    started: str | None = None


def parse_services(output: bytes, exit_status: int | None) -> tuple[RunningService, ...] | None:
    """Running services by name, of `systemctl show`; None where it failed."""
    if exit_status != 0:
        return None
    units = parse_show(output)
    if output.strip() and not units:
        return None
    return tuple(
        RunningService(name, _is_lasting(name, unit), unit.get("InvocationID") or None)
        for name, unit in sorted(units.items())
    )


def passing(unit: str) -> bool:
    """Whether a unit comes and goes: with a session, a connection, a job, a systemd-run(1)."""
    return _PASSING.match(unit) is not None


def _is_lasting(name: str, unit: dict[str, str]) -> bool:
    """What the boot starts runs on, and so does what an administrator has started by hand.

    What a timer, a socket, a path or the bus starts ends by itself when it isn't needed; so does a
    unit without an [Install] section that nothing wants (UnitFileState "static", systemctl(1)):
    some program starts it.
    """
    if passing(name) or unit.get("Transient") == "yes":
        return False
    wanted_by = (unit.get(word, "") for word in ("WantedBy", "RequiredBy", "UpheldBy"))
    if any(not passing(word) for words in wanted_by for word in words.split()):
        return True
    on_demand = unit.get("TriggeredBy") or unit.get("Type") in ("dbus", "oneshot")
    return not on_demand and unit.get("UnitFileState") != "static"


def parse_show(output: bytes) -> Units:
    """Properties by unit of ``systemctl show -p Id -p ... UNITS``: a blank line between units."""
    found: Units = {}
    for block in output.split(b"\n\n"):
        fields = single(block)
        if "Id" in fields:
            found[fields["Id"]] = fields
    return found


def runs_by_itself(unit: dict[str, str] | None) -> bool | None:
    """Whether a unit is active or will be at the next boot; None where it isn't there."""
    if unit is None or unit.get("LoadState") in (None, "not-found"):
        return None
    if unit.get("LoadState") == "masked":
        return False
    return unit.get("ActiveState") in ("active", "activating", "reloading") or unit.get(
        "UnitFileState"
    ) in ("enabled", "enabled-runtime")


def updaters(units: Units) -> tuple[AutoUpdate, ...]:
    """Programs that update image-based hosts and others by themselves, of those that are there.

    Those of apt need its configuration too: see `engine.programs.unattended`.
    """
    found = []
    for name in _UPDATERS:
        enabled = runs_by_itself(units.get(name))
        if enabled is not None:
            found.append(AutoUpdate(name.rpartition(".")[0], enabled))
    return tuple(found)


def parse_virtualization(output: bytes) -> str | None:
    """What systemd-detect-virt says ("none" on real hardware), else what a few files tell."""
    found = single(output)
    if detected := found.get("detected"):
        return detected if " " not in detected else None
    if container := found.get("container"):
        return container
    if marker := found.get("marker"):
        return "docker" if "docker" in marker else "podman"
    vendor = f"{found.get('vendor', '')} {found.get('product', '')}".lower()
    for word, name in (
        ("qemu", "qemu"),
        ("kvm", "kvm"),
        ("vmware", "vmware"),
        ("virtualbox", "oracle"),
        ("xen", "xen"),
        ("amazon ec2", "amazon"),
        ("google", "google"),
        ("microsoft corporation virtual", "microsoft"),
    ):
        if word in vendor:
            return name
    if found.get("hypervisor") == "xen":
        return "xen"
    return None


def is_container(virtualization: str | None) -> bool:
    """Whether that virtualization has no kernel of its own (systemd-detect-virt(1), table)."""
    return virtualization in _CONTAINERS
