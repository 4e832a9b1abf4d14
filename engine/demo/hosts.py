"""What a demo host consists of: plain values, written down in `engine.demo.fleet`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Login = Literal["root", "sudo", "plain"]


@dataclass(frozen=True, slots=True)
class Archive:
    """A package archive with the words of its Release file (apt-secure(8), wiki RepositoryFormat).

    Attributes:
        base: URI as it stands in the sources list.
        version: Empty where the archive tells none.
    """

    base: str
    label: str
    suite: str
    version: str
    codename: str

    @property
    def dist(self) -> str:
        """Its directory below ``dists``: Debian's are named for the release, others as suites."""
        return self.codename if self.label.startswith("Debian") else self.suite


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a demo host, on it or on offer.

    Attributes:
        old: The version on the host; None for one that isn't there yet.
        new: The version on offer; None for one that is up to date.
        archives: Where the offer comes from; the distribution's own when empty.
        breaks, depends: As in a control file; they decide what is new, removed, kept back.
        phased: Percentage of hosts that the update has reached so far (Ubuntu).
        state: dpkg's state on the host, such as ``half-configured``.
        says: What the maintainer scripts print; ``+2 text`` comes two seconds later.
        fails: The words with which the maintainer script fails.
        failed_unit: A unit that has failed after that.
        restarts: Units that go on running the old files.
        reboot: Leaves Ubuntu's flag that the host wants a reboot.
        fresh: On offer only after the package lists were fetched anew.
        units: Unit files that it owns.
        conffiles: Its configuration files; changed on the host where the host's own files tell so.
    """

    name: str
    old: str | None
    new: str | None = None
    archives: tuple[Archive, ...] = ()
    size: int = 180_000
    grows_kib: int = 0
    arch: str = "amd64"
    source: str | None = None
    depends: str = ""
    breaks: str = ""
    phased: int | None = None
    held: bool = False
    state: str = "installed"
    says: tuple[str, ...] = ()
    fails: str | None = None
    failed_unit: str | None = None
    restarts: tuple[str, ...] = ()
    reboot: bool = False
    same: bool = False
    fresh: bool = False
    summary: str = ""
    units: tuple[str, ...] = ()
    conffiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A systemd unit of a demo host."""

    name: str
    active: str = "active"
    sub: str = "running"
    enabled: str = "enabled"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A running container of a demo host."""

    name: str
    image: str
    restart_policy: str = "unless-stopped"


@dataclass(frozen=True, slots=True)
class System:
    """An operating system release: os-release(5), its kernel's words and its archives.

    Attributes:
        kernel_build: What ``uname -v`` prints; ``{version}`` is the kernel package's version.
        archives: The distribution's own, the first being where packages come from by default.
        programs: The doubles that stand on such a host.
        base: Packages that every host of it has, up to date.
    """

    os_release: str
    kernel_build: str
    archives: tuple[Archive, ...] = ()
    programs: tuple[str, ...] = ()
    base: tuple[Package, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoHost:
    """One host of the demo, as it is when the demo starts.

    Attributes:
        inventory: The host's table in the inventory, as TOML lines.
        services: Further tables of the inventory that belong to it.
        lists_age_h: Hours since its package lists were fetched.
        answer_delay_s: How long it takes to answer a login.
        listening: Whether anything listens at its port.
        files: Further files, by path below the host's root.
        processes: Names of processes that its /proc shows.
        free_mib: Free space of / and /boot.
    """

    name: str
    tells: str
    system: System
    kernel: str
    packages: tuple[Package, ...] = ()
    inventory: str = ""
    services: str = ""
    login: Login = "root"
    kernels: tuple[str, ...] = ()
    virtualization: str = "kvm"
    uptime_d: float = 40.0
    lists_age_h: float = 4.0
    units: tuple[Unit, ...] = ()
    failed_units: tuple[str, ...] = ()
    containers: tuple[Container, ...] = ()
    restarts: tuple[str, ...] = ()
    interrupted: bool = False
    programs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    free_mib: tuple[int, int] = (18_400, 620)
    rpm_ostree: str | None = None
    answer_delay_s: float = 0.0
    listening: bool = True
