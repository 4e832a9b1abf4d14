"""The sections of preflight.sh as a value. Pure, and total for whatever a host sends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, TypeVar, cast, get_args

from engine.families.protocol import Section
from engine.families.reading import Reading, why_unread
from engine.model.host import Host
from engine.preflight import distributions_own
from engine.preflight.values import (
    Accounts,
    Certificate,
    Counted,
    Database,
    Engine,
    FileSystem,
    Firewall,
    Mention,
    NamedContainer,
    Owner,
    Preflight,
    Unit,
    Volume,
)
from engine.programs import containers, mounts, sockets, systemd
from engine.programs.lines import cleaned_lines, pairs, single, whole_number

T = TypeVar("T")
TIMED_OUT: Final = 124
"""What timeout(1) and the script itself say of a command that was ended for its time."""
_MENTION: Final = re.compile(r"(/[^\n]*?):([0-9]{1,9}):(.+)")
_STATES: Final = {"directory": "directory", "missing": "missing", "dangling link": "dangling",
                  "hidden": "hidden"}  # fmt: skip
_PASSING: Final = re.compile(r"(lo$|docker|br-|veth|virbr|cni|podman|lxc|lxd|vnet|tap)")
"""Interfaces of containers and virtual machines: their networks are made anew."""


def read(
    host: Host,
    sections: Mapping[str, Section],
    now: datetime,
    *,
    privileged: bool,
    not_root: str | None = None,
) -> Preflight:
    """What preflight.sh told of a host. Never raises."""
    told = Reading(sections, of_systemd=("units", "timers"))
    parsed, about = told.parsed, told.about
    units: tuple[Unit, ...] | None = ()
    if units_of(host):
        units = parsed("units", lambda out, status: _units(host, out, status), "units")
    running = parsed("containers", containers.parse_states, "containers")
    attached = parsed("mounts", mounts.parse_attached, "mounts") or ()
    links = parsed("devices", links_of, "identifiers of file systems") or {}
    fstab = parsed("fstab", _fstab, "/etc/fstab") or ()
    volumes = tuple(
        volume_of(service, path, sections.get(f"volume-{number}"), attached, links, fstab)
        for number, (service, path) in enumerate(volumes_of(host))
    )
    told.unread += [
        f"volume {volume.path}: {why_unread(section) if section else 'the host did not tell'}"
        for number, volume in enumerate(volumes)
        if volume.state == "unknown"
        for section in (sections.get(f"volume-{number}"),)
    ]
    found, whole = parsed(
        "databases", lambda out, status: _databases(host, out, status), "databases"
    ) or (None, False)
    mentioned, mentions_whole = parsed("mentions", _mentions, "own name and address in /etc") or (
        None,
        False,
    )
    addresses = parsed("addresses", _addresses, "addresses")
    return Preflight(
        host=host.name,
        taken_at=now,
        privileged=privileged,
        libc=about.get("libc") or None,
        icu=tuple(sorted({value for key, value in _host_pairs(sections) if key == "icu"})),
        rsync=None if "rsync" not in about else about["rsync"].removeprefix("none"),
        volumes=volumes,
        databases=found,
        databases_whole=whole,
        units=units,
        containers=None if running is None else _named(host, running),
        other_containers=None if running is None else _others(host, running),
        sockets=parsed("sockets", sockets.parse, "listening sockets"),
        timers=parsed("timers", _timers, "timers"),
        cron=parsed("cron", lambda out, _: _counted(out, "cron"), "crontabs"),
        queues=parsed("queues", lambda out, _: _counted(out, "queue"), "queues"),
        accounts=parsed("accounts", _accounts, "users and groups"),
        addresses=addresses,
        ipv6=_yes_no(single(sections["addresses"].output).get("ipv6"))
        if "addresses" in sections
        else None,
        mentions=mentioned,
        mentions_whole=mentions_whole,
        firewall=parsed("firewall", _firewall, "firewall"),
        certificates=parsed("certificates", _certificates, "certificates"),
        unread=(*told.unread, *_hidden(sections)),
        not_root=not_root,
    )


def volumes_of(host: Host) -> tuple[tuple[str, str], ...]:
    """Service and path of every volume, in the order in which the script is asked."""
    return tuple((s.name, path) for s in host.services for path in s.volumes)


def units_of(host: Host) -> tuple[tuple[str, str], ...]:
    """Service and name of every unit of the host's services; without a suffix it is a service."""
    return tuple(
        (s.name, unit if "." in unit else f"{unit}.service")
        for s in host.services
        for unit in s.units
    )


def _hidden(sections: Mapping[str, Section]) -> Iterator[str]:
    """Places that only root can look into."""
    for name in ("cron", "queues", "certificates"):
        if name in sections:
            for key, value in pairs(sections[name].output):
                if key == "hidden":
                    yield f"{value}: only root can look there"


def _host_pairs(sections: Mapping[str, Section]) -> Iterable[tuple[str, str]]:
    return pairs(sections["host"].output) if "host" in sections else ()


def _yes_no(word: str | None) -> bool | None:
    return {"yes": True, "no": False}.get(word or "")


def _whole(output: bytes) -> bool:
    return single(output).get("seen") == "all"


def _units(host: Host, output: bytes, status: int | None) -> tuple[Unit, ...] | None:
    if status != 0:
        return None
    shown = systemd.parse_show(output)
    by_name = dict(shown)
    for fields in shown.values():  # an alias has the name of another as its Id
        for name in fields.get("Names", "").split():
            by_name.setdefault(name, fields)
    found = []
    for service, name in units_of(host):
        unit = by_name.get(name)
        if unit is None:
            return None
        load, active, enabled = (
            unit.get(key) or None for key in ("LoadState", "ActiveState", "UnitFileState")
        )
        found.append(Unit(service, name, load, active, enabled))
    return tuple(found)


def _named(
    host: Host, running: tuple[containers.ContainerState, ...]
) -> tuple[NamedContainer, ...]:
    states = {container.name: container.state for container in running}
    return tuple(
        NamedContainer(s.name, name, states.get(name))
        for s in host.services
        for name in s.containers
    )


def _others(
    host: Host, running: tuple[containers.ContainerState, ...]
) -> tuple[containers.ContainerState, ...]:
    named = {name for s in host.services for name in s.containers}
    return tuple(c for c in running if c.name not in named and c.state == "running")


def _timers(output: bytes, status: int | None) -> tuple[str, ...] | None:
    found = systemd.parse_failed(output, status)  # any list of units has this form
    if found is None:
        return None
    return tuple(t for t in found if t not in distributions_own.TIMERS and not systemd.passing(t))


def _counted(output: bytes, word: str) -> tuple[Counted, ...] | None:
    if not _whole(output):
        return None
    found: dict[str, int] = {}
    for key, value in pairs(output):
        number, _, path = value.partition(" ")
        count = whole_number(number)
        if key == word and count and path.startswith("/") and path not in distributions_own.CRON:
            found[path] = count
    return tuple(Counted(path, found[path]) for path in sorted(found))


def _accounts(output: bytes, status: int | None) -> Accounts | None:
    if status != 0 or not _whole(output):
        return None
    users: dict[int, str] = {}
    groups: dict[int, str] = {}
    for line in cleaned_lines(output):
        words = line.split(" ", 3)
        number = whole_number(words[1]) if len(words) > 1 else None
        if number is None:
            continue
        if words[0] == "user" and len(words) == 4:
            users.setdefault(number, words[3])
        elif words[0] == "group" and len(words) == 3:
            groups.setdefault(number, words[2])
    return Accounts(tuple(sorted(users.items())), tuple(sorted(groups.items())))


def links_of(output: bytes, status: int | None) -> dict[str, str] | None:
    """What the sources of mounts are called otherwise: link and what it leads to."""
    if not _whole(output):
        return None
    found = {}
    for key, value in pairs(output):
        link, _, target = value.partition(" ")
        if key == "link" and target:
            found[link] = target
    return found


def _fstab(output: bytes, status: int | None) -> tuple[tuple[str, str], ...] | None:
    if status != 0:
        return None
    found = []
    for line in cleaned_lines(output):
        words = line.split(" ")
        if words[0] == "fstab" and len(words) == 3 and words[2].startswith("/"):
            found.append((words[2].rstrip("/") or "/", words[1]))
    return tuple(found)


def below(path: str, top: str) -> bool:
    """Whether a path is another or lies below it; both absolute and without a slash at the end."""
    return path == top or path.startswith(f"{top.rstrip('/')}/")


def volume_of(
    service: str,
    path: str,
    section: Section | None,
    attached: tuple[mounts.Attached, ...],
    links: Mapping[str, str],
    fstab: tuple[tuple[str, str], ...],
) -> Volume:
    """What a section of volumes.sh says of one volume."""
    fields = single(section.output) if section is not None and not section.truncated else {}
    kind = fields.get("kind")
    if kind is None:
        return Volume(service, path, "unknown")
    state = cast(
        "Literal['directory', 'missing', 'dangling', 'hidden', 'other']", _STATES.get(kind, "other")
    )
    real = fields.get("real") if state == "directory" else None
    place = real or path
    declared = [entry for entry in fstab if entry[0] != "/" and below(place, entry[0])]
    lines, kilobytes = (
        whole_number(fields.get("lines")),
        whole_number(fields.get("kilobytes"), 2**50),
    )
    status = whole_number(fields.get("counted"))
    counted = status in (0, 1) and lines is not None and lines >= 2
    room = [whole_number(word, 2**63) for word in fields.get("room", "").split()]
    owners = {
        Owner(*numbers)
        for key, value in pairs(section.output if section else b"")
        if key == "owner" and len(numbers := _numbers(value)) == 2
    }
    return Volume(
        service=service,
        path=path,
        state=state,
        real=real,
        filesystem=_filesystem(real, attached, links) if real else None,
        inner=tuple(sorted({a.point for a in attached if a.point != real and below(a.point, real)}))
        if real
        else (),
        declared=max(declared, key=lambda entry: len(entry[0]), default=None),
        readable=_yes_no(fields.get("readable")),
        used_bytes=kilobytes * 1024 if counted and kilobytes is not None else None,
        entries=lines - 2 if counted and lines is not None else None,
        whole=None if status is None else status == 0,
        free_bytes=room[0] * room[1]
        if len(room) == 4 and room[0] is not None and room[1]
        else None,
        owners=tuple(sorted(owners, key=lambda owner: (owner.uid, owner.gid))),
        acl_at_top=None if not fields.get("acl", "").isdigit() else fields["acl"] != "0",
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(n for n in (whole_number(word, 2**32) for word in text.split()) if n is not None)


def _filesystem(
    real: str, attached: tuple[mounts.Attached, ...], links: Mapping[str, str]
) -> FileSystem | None:
    over = [a for a in attached if below(real, a.point)]
    if not over:
        return None
    found = max(reversed(over), key=lambda a: len(a.point))  # the last of those at one point
    device = links.get(found.source, found.source)
    uuids = sorted(
        link.rpartition("/")[2]
        for link, target in links.items()
        if target == device and link.startswith("/dev/disk/by-uuid/")
    )
    return FileSystem(
        found.point,
        found.kind,
        found.source,
        uuids[0] if uuids else None,
        found.options,
    )


def _databases(
    host: Host, output: bytes, status: int | None
) -> tuple[tuple[Database, ...], bool] | None:
    if status != 0:
        return None
    asked = volumes_of(host)
    searched: dict[int, bool] = {}
    holders: dict[str, set[str]] = {}
    held_known = False
    found: dict[tuple[int, str, str], tuple[str | None, set[str]]] = {}
    for line in cleaned_lines(output):
        words = line.split(" ", 5)
        number = whole_number(words[1], len(asked) - 1) if len(words) > 1 and asked else None
        if words[0] == "searched" and number is not None and len(words) == 3:
            searched[number] = searched.get(number, True) and words[2] == "0"
        elif words[0] == "database" and number is not None and len(words) == 6:
            if words[2] not in get_args(Engine) or not words[5].startswith("/"):
                continue
            key = (number, words[2], words[5])
            inodes = set(words[4].split(","))
            version = None if words[3] == "-" else words[3]
            former = found.get(key)
            if former is not None:
                inodes, version = inodes | former[1], version or former[0]
            found[key] = (version, inodes)
        elif words[0] == "open" and len(words) >= 4:
            holders.setdefault(words[1], set()).add(" ".join(words[3:]))
        elif line == "holders=all":
            held_known = True
    databases = []
    for (number, engine, path), (version, inodes) in sorted(found.items()):
        names = {name for inode in inodes for name in holders.get(inode, ())}
        service, volume = asked[number]
        held = tuple(sorted(names)) if names or held_known else None
        databases.append(Database(service, volume, cast("Engine", engine), path, version, held))
    return tuple(databases), len(searched) == len(asked) and all(searched.values())


def _addresses(output: bytes, status: int | None) -> tuple[tuple[str, str], ...] | None:
    if not _whole(output):
        return None
    found = []
    for line in cleaned_lines(output):
        words = line.split(" ")
        if words[0] == "address" and len(words) == 3 and not _PASSING.match(words[1]):
            found.append((words[1], words[2]))
    return tuple(dict.fromkeys(found))


def _mentions(output: bytes, status: int | None) -> tuple[tuple[Mention, ...], bool] | None:
    end = None
    found = set()
    for line in cleaned_lines(output):
        if line.startswith("end="):
            end = line.removeprefix("end=")
        elif match := _MENTION.fullmatch(line):
            found.add((match[1], int(match[2]), match[3]))
    if end is None and not found:
        return None
    # 2: some file could not be read, which without root is the rule.
    return tuple(Mention(*mention) for mention in sorted(found)), end in ("0", "1")


def _firewall(output: bytes, status: int | None) -> Firewall | None:
    if not _whole(output):
        return None
    fields = list(pairs(output))
    files = tuple(sorted(value for key, value in fields if key == "file"))
    rules = whole_number(dict(fields).get("rules"))
    if rules is None:
        tables = sum(key == "table" for key, _ in fields)
        rules = tables or None
    return Firewall(files, rules)


def _certificates(output: bytes, status: int | None) -> tuple[Certificate, ...] | None:
    if not _whole(output):
        return None
    found = []
    for key, value in pairs(output):
        words = value.split(" ", 2)
        if key == "certificate" and len(words) == 3:
            found.append(Certificate(words[0], _challenge(words[1]), words[2]))
    return tuple(sorted(found, key=lambda c: (c.client, c.name)))


def _challenge(word: str) -> Literal["http", "dns", "unknown"]:
    """By certbot's names of authenticators (dns-cloudflare, webroot, ...) and other clients' own.

    TLS-ALPN needs the name to lead to the server too, as http does.
    """
    if word.startswith("dns"):
        return "dns"
    if word in ("webroot", "standalone", "nginx", "apache", "http", "tls"):
        return "http"
    return "unknown"
