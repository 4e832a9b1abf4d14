"""What a preflight found on a host, and what follows from it, as immutable values.

``None`` is unknown everywhere; `Preflight.unread` says why a whole part is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.dns.survey import Named
from engine.programs.containers import ContainerState
from engine.programs.sockets import Listening
from engine.successor import Successor

Level = Literal["stops", "warns", "tells"]
Engine = Literal["postgresql", "mysql", "mariadb", "redis", "sqlite", "mongodb"]


@dataclass(frozen=True, slots=True)
class Owner:
    """A user and group that own something at the top of a volume."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What a volume lies on.

    Attributes:
        point: Where it is mounted.
        uuid: Its identifier; None where there is none (network, memory) or it isn't known.
    """

    point: str
    kind: str
    source: str
    uuid: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Volume:
    """One directory of data.

    Attributes:
        state: ``other`` is a file or the like; ``hidden``: it can't be looked for without root.
        real: Where it lies when every link is followed.
        inner: Mount points below it, which a sync of its own file system leaves out.
        declared: The mount point nearest above it in /etc/fstab, with its kind; None: only "/".
        used_bytes: On its own file system alone, as it takes room there.
        entries: Files, directories and links below it.
        whole: Everything below it could be counted.
        free_bytes: Of its file system, for root.
        acl_at_top: Access lists are in use on what lies at its top.
    """

    service: str
    path: str
    state: Literal["directory", "missing", "dangling", "other", "hidden", "unknown"]
    real: str | None = None
    filesystem: FileSystem | None = None
    inner: tuple[str, ...] = ()
    declared: tuple[str, str] | None = None
    readable: bool | None = None
    used_bytes: int | None = None
    entries: int | None = None
    whole: bool | None = None
    free_bytes: int | None = None
    owners: tuple[Owner, ...] = ()
    acl_at_top: bool | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """A database in a volume, recognised by the files that its engine keeps.

    Attributes:
        path: Its directory, or its file.
        version: As its files tell it: PostgreSQL's major version.
        held_by: Names of processes that have it open; empty: nobody has.
    """

    service: str
    volume: str
    engine: Engine
    path: str
    version: str | None = None
    held_by: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that a service of the host names; the states are systemd's words."""

    service: str
    name: str
    load: str | None = None
    active: str | None = None
    enabled: str | None = None


@dataclass(frozen=True, slots=True)
class NamedContainer:
    """A container that a service of the host names; no state: it isn't there."""

    service: str
    name: str
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A file or directory of the host, and how many commands, mails or lines are in it."""

    path: str
    count: int


@dataclass(frozen=True, slots=True)
class Accounts:
    """Names of users and groups by their numbers, of /etc/passwd and /etc/group."""

    users: tuple[tuple[int, str], ...] = ()
    groups: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """A line of configuration that holds the host's own name or address."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Firewall:
    """What filters packets here: configuration files, and rules in the kernel.

    Attributes:
        rules: Lines of nftables' rules; None where the kernel has none or they can't be asked for.
    """

    files: tuple[str, ...] = ()
    rules: int | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A TLS certificate and how it is renewed.

    Attributes:
        client: ``certbot``, ``acme.sh``, ``dehydrated``, ``caddy``; ``file``: a key without any.
        challenge: ``http`` fails on a successor before the DNS turns; ``dns`` doesn't.
        name: The certificate's name, or the file that tells of it.
    """

    client: str
    challenge: Literal["http", "dns", "unknown"]
    name: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a replacement has to know before anything is built.

    Attributes:
        level: ``stops``: no replacement before it is mended; ``warns``: a person decides;
            ``tells``: to be known, also what is not known yet.
    """

    id: str
    level: Level
    message: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Preflight:
    """What one look at a host found that its replacement has to know.

    Attributes:
        privileged: It was looked at as root.
        libc, icu: Versions that decide how text is sorted, hence the indexes of a database.
        rsync: Its version; empty where it isn't installed.
        databases_whole: Every volume was searched to the depth that is searched.
        timers, cron, queues: What writes by itself; those of the distribution are left out.
        addresses: Interface and address of each that others can reach.
        ipv6: The kernel speaks it.
        unread: ``PART: why``, for what is None.
        not_root: Why it wasn't looked at as root.
    """

    host: str
    taken_at: datetime
    privileged: bool
    libc: str | None = None
    icu: tuple[str, ...] = ()
    rsync: str | None = None
    volumes: tuple[Volume, ...] = ()
    databases: tuple[Database, ...] | None = None
    databases_whole: bool = False
    units: tuple[Unit, ...] | None = None
    containers: tuple[NamedContainer, ...] | None = None
    other_containers: tuple[ContainerState, ...] | None = None
    sockets: tuple[Listening, ...] | None = None
    timers: tuple[str, ...] | None = None
    cron: tuple[Counted, ...] | None = None
    queues: tuple[Counted, ...] | None = None
    accounts: Accounts | None = None
    addresses: tuple[tuple[str, str], ...] | None = None
    ipv6: bool | None = None
    mentions: tuple[Mention, ...] | None = None
    mentions_whole: bool = False
    firewall: Firewall | None = None
    certificates: tuple[Certificate, ...] | None = None
    unread: tuple[str, ...] = ()
    not_root: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A preflight with what follows from it.

    Attributes:
        findings: The gravest first.
        names: What each name server answers for the services' names; None: nobody was asked.
    """

    successor: Successor
    found: Preflight
    findings: tuple[Finding, ...]
    names: tuple[Named, ...] | None = None
