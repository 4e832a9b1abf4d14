"""Host: what the inventory says of one server, defaults applied and references resolved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

Outage = Literal["tolerable", "costly", "unacceptable"]
Become = Literal["sudo", "none"]
TransportKind = Literal["ssh", "local"]
Guarding = Literal["normal", "strict", "off"]


@dataclass(frozen=True, slots=True)
class Check:
    """A health check of a service: exactly one of http, tcp, unit, command is set."""

    http: str | None = None
    tcp: int | None = None
    unit: str | None = None
    command: str | None = None
    expect: int | None = None

    @property
    def shown(self) -> str:
        """The check in words, such as ``http https://... expects 200``."""
        if self.http is not None:
            return f"http {self.http}" + (f" expects {self.expect}" if self.expect else "")
        if self.tcp is not None:
            return f"tcp {self.tcp}"
        if self.unit is not None:
            return f"unit {self.unit}"
        return f"command {self.command}"


@dataclass(frozen=True, slots=True)
class Service:
    """What runs on a host under its own DNS names. Paths are absolute.

    Attributes:
        workers: Those of the units that act by themselves.
        stays: A replacement of its host leaves it where it is, and so that host goes on.
    """

    name: str
    host: str
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    freeze: str | None = None
    thaw: str | None = None
    sync: str | None = None
    verify: str | None = None
    deploy: str | None = None
    restore: str | None = None
    backup_age: str | None = None
    stays: bool = False
    workers: tuple[str, ...] = ()
    test: str | None = None
    final_backup: str | None = None
    checks: tuple[Check, ...] = ()


SNAPSHOT_KEEP_S: Final = 5 * 86_400


@dataclass(frozen=True, slots=True)
class Replacement:
    """How server(n+1) is made and server(n) is ended.

    Attributes:
        ttl_s: To how much the TTL of the services' names is lowered before the cutover.
        thaw_after_s: After so long without hostshift a frozen server(n) serves again.
        bandwidth_kib: KiB a second for copying while server(n) serves; None: no bound.
        checksum: The pass that verifies compares contents, and so reads all on both sides.
        checksum_below_kib: Files smaller than this are compared by their sums in any case.
        start_within_s: How long started services may take to pass their checks.
        forward: After the cutover server(n) passes on what still comes to it.
        references: A script that lists what still names server(n), before it is ended.
    """

    provision: str | None = None
    decommission: str | None = None
    soak_s: int | None = None
    ttl_s: int = 60
    thaw_after_s: int = 1800
    bandwidth_kib: int | None = None
    checksum: bool = False
    checksum_below_kib: int = 64
    start_within_s: int = 120
    forward: bool = False
    references: str | None = None


BUSY = (
    *("borg", "borgmatic", "restic", "rustic", "duplicity", "duply", "rsnapshot", "rdiff-backup"),
    *("vzdump", "pgbackrest", "barman", "pg_dump", "pg_dumpall", "pg_basebackup", "pg_restore"),
    *("mysqldump", "mariadb-dump", "mariadb-backup", "mariabackup", "xtrabackup", "mongodump"),
)
"""Backup and dump programs that a reboot must not interrupt, unless the inventory says which.

Programs that also run all day as a server (rsync, bacula-fd, kopia) would forbid every reboot, so
whoever wants them names them in the inventory.
"""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds within which an operation on this host must end."""

    connect_s: float = 10
    light_probe_s: float = 30
    full_probe_s: float = 120
    reboot_s: float = 900
    guard_s: float = 900
    """Without a confirmation for so long the host judges. A judgement: hostshift confirms within
    seconds, a laptop that changes networks is back within minutes, and who is locked out doesn't
    want to wait for longer."""


@dataclass(frozen=True, slots=True)
class Host:
    """One server as the inventory tells it.

    Attributes:
        name: The table's name, unique in the inventory.
        address: Where SSH connects to, before the OpenSSH client configuration is applied.
        user: None means: what the OpenSSH client configuration says, else the local user.
        outage: None where the operator has not answered the one-day question.
        services: The services that live on this host, in the inventory's order.
        zones_cover: Whether every DNS name of its services lies in a zone of the inventory.
        busy: Programs that a reboot must not interrupt, by the names of their processes.
        guard: When a guard reverts; see docs/guard.md.
        retiring: True for a server(n) that a replacement has already succeeded.
        predecessor: The retiring host whose services this one has taken over; None: there is none.
        risk: Numbers of the risk model that the inventory gives another value, sorted by name.
    """

    name: str
    address: str
    transport: TransportKind = "ssh"
    user: str | None = None
    port: int | None = None
    identity: Path | None = None
    known_hosts: Path | None = None
    jump: str | None = None
    become: Become = "none"
    groups: tuple[str, ...] = ()
    redundancy: str | None = None
    outage: Outage | None = None
    exposed: bool | None = None
    console: bool | None = None
    guard: Guarding = "normal"
    retiring: bool = False
    predecessor: str | None = None
    after: tuple[str, ...] = ()
    window: str | None = None
    exclude: tuple[str, ...] = ()
    busy: tuple[str, ...] = BUSY
    failover_tested: date | None = None
    outage_cost_per_hour: float | None = None
    snapshot: str | None = None
    snapshot_restore: str | None = None
    snapshot_remove: str | None = None
    snapshot_keep_s: int = SNAPSHOT_KEEP_S
    clone: str | None = None
    destroy: str | None = None
    deadlines: Deadlines = Deadlines()
    replacement: Replacement = Replacement()
    services: tuple[Service, ...] = ()
    zones_cover: bool = False
    risk: tuple[tuple[str, float], ...] = ()
