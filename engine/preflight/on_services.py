"""What follows from the services: databases, writers, what runs, accounts, tools. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from engine.inventory.references import SSH_PORT
from engine.model.host import Host, Service
from engine.preflight.values import Database, Finding, Preflight
from engine.preflight.words import some

_ENGINES: Final = {
    "postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "redis": "Redis",
    "sqlite": "SQLite", "mongodb": "MongoDB",
}  # fmt: skip
_EVERY_SERVERS: Final = frozenset((
    "sshd", "systemd-resolve", "systemd-network", "systemd-timesyn", "chronyd", "ntpd",
    "systemd", "dhclient", "dhcpcd",
))  # fmt: skip
"""Programs that listen on any server and are no service's; names as the kernel cuts them."""
_FIRST_OF_PEOPLE: Final = 1000
"""The first uid of people's accounts (login.defs(5), UID_MIN); 65534 is nobody."""


def databases(host: Host, found: Preflight) -> Iterator[Finding]:
    """What a copy of their files would be worth."""
    services = {service.name: service for service in host.services}
    for database in found.databases or ():
        service = services.get(database.service)
        if service is not None:
            yield _database(database, service, found)
    if found.databases is not None and not found.databases_whole:
        yield Finding(
            "databases-unknown", "warns",
            "Not every volume could be searched to the end for databases.",
            "see for yourself, and give such a service a `sync` script",
        )  # fmt: skip


def _database(database: Database, service: Service, found: Preflight) -> Finding:
    name = _ENGINES[database.engine] + (f" {database.version}" if database.version else "")
    held = database.held_by
    state = (
        "whether it is in use isn't known" if held is None
        else f"in use by {some(held)}" if held
        else "not in use now"
    )  # fmt: skip
    what = f"{name} in {database.path} ({service.name}), {state}"
    if service.sync is not None:
        return Finding("database", "tells", f"{what}: its own `sync` script copies it.")
    copied = f"{what}. Files that are copied while it runs don't count"
    sorting = ""
    if database.engine == "postgresql":
        sorting = (
            f" PostgreSQL's files stand neither another major version nor another collation "
            f"({_collation(found)}); what the successor has isn't known yet."
        )
    remedy = f'[services.{service.name}] sync = "./sync/{service.name}.sh"'
    if _stops_writers(service):
        return Finding(
            "database-by-files", "warns",
            f"{copied}; only the final pass does, with the writers stopped.{sorting}",
            remedy,
        )  # fmt: skip
    return Finding(
        "database-live", "stops",
        f"{copied}, and nothing says how its writers are stopped.{sorting}",
        f'{remedy}, or freeze = "stop" with its units',
    )  # fmt: skip


def _collation(found: Preflight) -> str:
    libc = found.libc or "C library unknown"
    return (
        f"here {libc}"
        + (f", ICU {some(found.icu)}" if found.icu else "")
        + ("; a container has its own")
    )


def _stops_writers(service: Service) -> bool:
    return service.freeze not in (None, "none")


def freezes(host: Host, found: Preflight) -> Iterator[Finding]:
    """Whether something says how the writers are stopped, where there are any."""
    live = {d.service for d in found.databases or () if d.held_by}
    for service in host.services:
        key = f"[services.{service.name}] freeze"
        if not service.volumes or service.sync is not None or service.name in live:
            continue  # of a live database it is said already
        if service.freeze is None:
            yield Finding(
                "freeze-open", "stops",
                f"Nothing says how the writers of {service.name} are stopped for the final sync.",
                f'{key} = "stop", or a command',
            )  # fmt: skip
        elif service.freeze == "none" and (writers := _writes(service, found)):
            yield Finding(
                "writers-not-frozen", "stops",
                f'freeze = "none" says that nothing writes the data of {service.name}, but '
                f"{some(writers)} may.",
                f'{key} = "stop", or a command',
            )  # fmt: skip


def _writes(service: Service, found: Preflight) -> list[str]:
    """What of a service runs: its units, its containers."""
    return [
        *(u.name for u in found.units or () if u.service == service.name and u.active == "active"),
        *(
            f"container {c.name}"
            for c in found.containers or ()
            if c.service == service.name and c.state == "running"
        ),
    ]


def runs(host: Host, found: Preflight) -> Iterator[Finding]:
    """What is missing, stopped, or runs here besides the services."""
    for unit in found.units or ():
        if unit.load == "not-found":
            yield Finding(
                "unit-missing", "stops",
                f"The unit {unit.name} ({unit.service}) isn't there.",
                f"mend [services.{unit.service}] units",
            )  # fmt: skip
        elif unit.load == "masked":
            yield Finding(
                "unit-masked", "warns", f"The unit {unit.name} ({unit.service}) is masked."
            )
        elif unit.active != "active":
            yield Finding(
                "unit-stopped", "warns",
                f"The unit {unit.name} ({unit.service}) is {unit.active or 'in an unknown state'}: "
                "a replacement would begin with a service that isn't well.",
            )  # fmt: skip
    for container in found.containers or ():
        if container.state is None:
            yield Finding(
                "container-missing", "stops",
                f"The container {container.name} ({container.service}) isn't there, or a stopped "
                "one of podman's, which can't be seen.",
                f"mend [services.{container.service}] containers",
            )  # fmt: skip
        elif container.state != "running":
            yield Finding(
                "container-stopped", "warns",
                f"The container {container.name} ({container.service}) is {container.state}.",
            )  # fmt: skip
    yield from _not_named(host, found)


def _not_named(host: Host, found: Preflight) -> Iterator[Finding]:
    """What runs here besides the services: it would stay behind."""
    if found.other_containers:
        yield Finding(
            "containers-unnamed", "warns",
            "No service of the inventory names these running containers, so they would stay "
            f"behind: {some(c.name for c in found.other_containers)}.",
            "add them to a service's containers, or let them stay knowingly",
        )  # fmt: skip
    units = {unit.name for unit in found.units or ()}
    listening: dict[str, set[str]] = defaultdict(set)
    for socket in found.sockets or ():
        local = socket.address == "::1" or socket.address.startswith("127.")
        program = socket.program or "unknown program"
        known = socket.place in units or program in _EVERY_SERVERS
        known = known or (socket.protocol == "tcp" and socket.port == (host.port or SSH_PORT))
        if not (local or socket.ephemeral or known):
            listening[program].add(f"{socket.protocol}/{socket.port}")
    if listening:
        ports = (
            f"{program} ({', '.join(sorted(listening[program]))})" for program in sorted(listening)
        )
        yield Finding(
            "ports-unnamed", "tells",
            "These listen for others too and belong to no unit that a service names; clients may "
            f"hang on them: {some(ports)}.",
        )  # fmt: skip


def writers(found: Preflight) -> Iterator[Finding]:
    """What writes by itself: schedules and queues."""
    if found.timers or found.cron:
        names = [*(found.timers or ()), *(c.path for c in found.cron or ())]
        yield Finding(
            "schedules", "tells",
            f"These start by themselves and may write: {some(names)}. They have to rest on both "
            "servers while the data moves, and the deploy scripts have to bring them along.",
        )  # fmt: skip
    for queue in found.queues or ():
        yield Finding(
            "queue", "warns",
            f"{queue.count} {'job' if 'atjobs' in queue.path else 'mail'}"
            f"{'' if queue.count == 1 else 's'} wait in {queue.path}; a replacement leaves them.",
            "let the queue run empty before the cutover",
        )  # fmt: skip


def owners(found: Preflight) -> Iterator[Finding]:
    """Which accounts the data and its people need over there."""
    if found.accounts is None:
        return
    users, groups = dict(found.accounts.users), dict(found.accounts.groups)
    owners = {owner for volume in found.volumes for owner in volume.owners}
    uids, gids = {o.uid for o in owners}, {o.gid for o in owners}
    nameless = [f"uid {uid}" for uid in sorted(uids) if uid not in users]
    nameless += [f"gid {gid}" for gid in sorted(gids) if gid not in groups]
    if nameless:
        yield Finding(
            "owners-nameless", "tells",
            f"Data belongs to {some(nameless)}, which have no name here (a container's, or an "
            "account that is gone). They are copied as numbers.",
        )  # fmt: skip
    named = [f"{users[uid]} ({uid})" for uid in sorted(uids) if uid in users and uid != 0]
    people = [
        f"{name} ({uid})"
        for uid, name in found.accounts.users
        if uid >= _FIRST_OF_PEOPLE and uid != 65534 and uid not in uids
    ]
    if named or people:
        own = f"owners of data: {some(named)}" if named else ""
        theirs = f"accounts of people: {some(people)}" if people else ""
        yield Finding(
            "accounts", "tells",
            "Files are copied with their numbers, so these accounts need the same ones on the "
            f"successor ({'; '.join(filter(None, (own, theirs)))}).",
        )  # fmt: skip


def tools(host: Host, found: Preflight) -> Iterator[Finding]:
    """What the copying itself needs."""
    by_rsync = [s.name for s in host.services if s.volumes and s.sync is None]
    if by_rsync and found.rsync == "":
        yield Finding(
            "rsync-missing", "stops",
            f"rsync isn't installed here, and the volumes of {some(by_rsync)} are copied by it.",
            f"install rsync on {host.name}",
        )  # fmt: skip
    elif by_rsync and found.rsync is None:
        yield Finding("rsync-unknown", "warns", "Whether rsync is installed here isn't known.")
    if host.services and found.libc is None:
        yield Finding("libc-unknown", "tells", "The version of the C library here isn't known.")
