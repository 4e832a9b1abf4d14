"""What the tables of an inventory say of each other: references, loops, contradictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from engine.inventory.draft import Draft
from engine.inventory.faults import Fault, Nearest
from engine.inventory.lines import KeyPath
from engine.inventory.resolve import after_of, jump_of, setting
from engine.inventory.schema import ServiceTable, ZoneTable
from engine.inventory.wrong import shown

SSH_PORT: Final = 22


def faults(draft: Draft) -> Iterator[Fault]:
    """Everything that contradicts itself; it runs on what could be read, faults or not."""
    yield from _unknown_hosts(draft)
    yield from _loops(draft, "after", lambda name: after_of(draft, name))
    yield from _loops(draft, "jump", lambda name: _jump_as_list(draft, name))
    yield from _same_machine(draft)
    yield from _same_but_case(draft)
    yield from _named_after_a_service(draft)
    yield from _same_dns_name(draft)
    yield from _overlapping_volumes(draft)
    for name, service in draft.services.items():
        yield from _freeze(draft, ("services", name), service)
        yield from _workers(("services", name), service)
        yield from _checks(("services", name), service)
    for name, zone in draft.zones.items():
        yield from _zone(draft, ("zones", name), zone)


def _unknown_hosts(draft: Draft) -> Iterator[Fault]:
    known = draft.host_names
    near = Nearest(known)
    for name, service in draft.services.items():
        if service.host is None:
            if not draft.lacks(("services", name), "host", service):
                continue
            yield Fault(
                ("services", name), 'the key "host" is missing', _where_it_lives(name, draft)
            )
        elif service.host not in known:
            yield _no_such_host(("services", name, "host"), service.host, near)
    for name, host in draft.hosts.items():
        if host.successor is not None and host.successor not in known:
            yield _no_such_host(("hosts", name, "successor"), host.successor, near)
    places = [(("hosts", name, "after"), host.after) for name, host in draft.hosts.items()]
    for place, after in [(("defaults", "after"), draft.defaults.after), *places]:
        for index, wanted in enumerate(after or ()):
            if wanted not in known:
                yield _no_such_host((*place, index), wanted, near)


def _no_such_host(path: KeyPath, name: str, near: Nearest) -> Fault:
    return Fault(path, f"there is no host {shown(name)} in this inventory", near.to(name))


def _where_it_lives(service: str, draft: Draft) -> str:
    only = next(iter(draft.host_names)) if len(draft.host_names) == 1 else "NAME"
    return f'host = "{only}" says on which server {service} lives'


def _jump_as_list(draft: Draft, name: str) -> tuple[KeyPath, tuple[str, ...]]:
    place, jump = jump_of(draft, name)
    return place, (jump,) if jump is not None else ()


def _loops(
    draft: Draft, key: str, edges: Callable[[str], tuple[KeyPath, tuple[str, ...]]]
) -> Iterator[Fault]:
    """Depth first without recursion: a chain may be as long as the fleet."""
    done: set[str] = set()
    for start in draft.hosts:
        if start in done:
            continue
        trail: list[str] = [start]
        on_trail = {start}
        rest = [iter(edges(start)[1])]
        while trail:
            following = next(rest[-1], None)
            if following is None:
                rest.pop()
                done.add(trail[-1])
                on_trail.discard(trail.pop())
            elif following in on_trail:
                loop = trail[trail.index(following) :]
                yield _loop(key, [*loop, following], edges(trail[-1])[0])
            elif following in draft.hosts and following not in done:
                trail.append(following)
                on_trail.add(following)
                rest.append(iter(edges(following)[1]))


def _loop(key: str, loop: list[str], place: KeyPath) -> Fault:
    if len(loop) == 2:
        return Fault(place, f"{loop[0]} names itself")
    trail = " -> ".join(loop if len(loop) <= 10 else [*loop[:5], "...", *loop[-4:]])
    what = "no host of it would ever be reached" if key == "jump" else "none would ever be first"
    return Fault(place, f"a loop: {trail}", f"{what}; take one {key} out")


def _same_machine(draft: Draft) -> Iterator[Fault]:
    # The same login twice is one host twice; two logins of one server are two views of it, and
    # whoever writes them down may have a reason.
    first: dict[tuple[object, ...], str] = {}
    for name, host in draft.hosts.items():
        if setting(draft, name, "transport")[1] == "local":
            machine: tuple[object, ...] = ("local",)
        else:
            port = setting(draft, name, "port")[1] or SSH_PORT
            user = setting(draft, name, "user")[1]
            machine = ((host.address or name).lower(), port, user, jump_of(draft, name)[1])
        other = first.setdefault(machine, name)
        if other == name:
            continue
        message = (
            f"this machine itself, as is {other}"
            if machine == ("local",)
            else f"the same address, port and user as {other}"
        )
        key = "transport" if machine == ("local",) else "address"
        path: KeyPath = ("hosts", name, key) if getattr(host, key) else ("hosts", name)
        yield Fault(path, message, "a server stands in the inventory once", ("hosts", other))


def _same_but_case(draft: Draft) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name in draft.hosts:
        other = first.setdefault(name.lower(), name)
        if other != name:
            yield Fault(
                ("hosts", name),
                f"differs from {other} by upper and lower case alone",
                other=("hosts", other),
            )


def _named_after_a_service(draft: Draft) -> Iterator[Fault]:
    owners = {
        dns: ("services", name, "names", index)
        for name, service in draft.services.items()
        for index, dns in enumerate(service.names or ())
    }
    for name, host in draft.hosts.items():
        for path, text in ((("hosts", name), name), (("hosts", name, "address"), host.address)):
            dns = (text or "").removesuffix(".").lower()
            owner = owners.get(dns)
            if owner is None or (path[-1] == "address" and dns == name.lower()):
                continue
            yield Fault(
                path,
                f"{dns} is a DNS name of the service {owner[1]}; servers are never named after a "
                "service, else its name could not move to a successor",
                "give the server a name of its own, such as server1",
                owner,
            )


def _same_dns_name(draft: Draft) -> Iterator[Fault]:
    first: dict[str, KeyPath] = {}
    for name, service in draft.services.items():
        for index, dns in enumerate(service.names or ()):
            path: KeyPath = ("services", name, "names", index)
            other = first.setdefault(dns, path)
            if other != path:
                yield Fault(path, f"{dns} already belongs to {other[1]}", other=other)
    zones: dict[str, str] = {}
    for name in draft.zones:
        same = zones.setdefault(name.removesuffix(".").lower(), name)
        if same != name:
            yield Fault(("zones", name), "the same zone a second time", other=("zones", same))


def _overlapping_volumes(draft: Draft) -> Iterator[Fault]:
    by_host: dict[str | None, dict[str, KeyPath]] = {}
    for name, service in draft.services.items():
        for index, volume in enumerate(service.volumes or ()):
            path: KeyPath = ("services", name, "volumes", index)
            taken = by_host.setdefault(service.host, {})
            if volume in taken:
                yield Fault(path, f"{volume} is named twice", other=taken[volume])
            taken.setdefault(volume, path)
    for taken in by_host.values():
        for volume, path in taken.items():
            parent = _parent_in(volume, taken)
            if parent is not None:
                yield Fault(
                    path,
                    f"{volume} lies in the volume {parent}; it would be copied twice",
                    "name only one of them",
                    taken[parent],
                )


def _parent_in(volume: str, taken: Mapping[str, KeyPath]) -> str | None:
    parent = volume.rpartition("/")[0]
    while parent:
        if parent in taken:
            return parent
        parent = parent.rpartition("/")[0]
    return None


_STOPPABLE: Final = ("units", "containers")


def _has(draft: Draft, path: KeyPath, service: ServiceTable, key: str) -> bool:
    return bool(getattr(service, key)) or (*path, key) in draft.wrong or (*path, key) in draft.kept


def _freeze(draft: Draft, path: KeyPath, service: ServiceTable) -> Iterator[Fault]:
    if service.freeze_is_command and draft.lacks(path, "thaw", service):
        yield Fault(
            (*path, "freeze"),
            "freeze is a command, and thaw is missing",
            "the way back needs the command that undoes it: thaw = ...",
        )
    if service.freeze == "stop" and not any(_has(draft, path, service, key) for key in _STOPPABLE):
        yield Fault(
            (*path, "freeze"),
            '"stop" has nothing to stop: the service has neither units nor containers',
            "name them, or give a command",
        )


def _workers(path: KeyPath, service: ServiceTable) -> Iterator[Fault]:
    units = service.units or ()
    near = Nearest(units)
    for index, worker in enumerate(service.workers or ()):
        if worker not in units:
            words = f"{shown(worker)} is not among the units of this service"
            yield Fault((*path, "workers", index), words, near.to(worker))


def _checks(path: KeyPath, service: ServiceTable) -> Iterator[Fault]:
    for index, check in enumerate(service.checks or ()):
        place, kinds = (*path, "checks", index), check.kinds()
        if not kinds:
            yield Fault(place, "a check without a kind", "one of http, tcp, unit, command")
        elif len(kinds) > 1:
            together = " and ".join(kinds)
            yield Fault(place, f"{together} in one check", "write each as a check of its own")
        if check.expect is not None and check.http is None:
            yield Fault((*place, "expect"), "expect goes with http only", "take it out")


_ONLY_WITH_SERVER: Final = (
    "port",
    "key_name",
    "key_algorithm",
    "key_file",
    "key_env",
    "key_command",
)
_KEY_SOURCES: Final = ("key_file", "key_env", "key_command")


def _zone(draft: Draft, path: KeyPath, zone: ZoneTable) -> Iterator[Fault]:
    without_server = draft.lacks(path, "server", zone)
    if without_server and draft.lacks(path, "command", zone):
        yield Fault(
            path,
            "neither server nor command: nothing says how this zone is changed",
            "server = the primary that takes RFC 2136 updates, or command = a script",
        )
    if zone.server is not None and zone.command is not None:
        yield Fault((*path, "command"), "server and command in one zone", "keep one of them")
    for key in _ONLY_WITH_SERVER:
        if without_server and getattr(zone, key) is not None:
            yield Fault((*path, key), f"{key} goes with server only")
    sources = [key for key in _KEY_SOURCES if getattr(zone, key) is not None]
    if len(sources) > 1:
        yield Fault((*path, sources[1]), f"{' and '.join(sources)} in one zone", "keep one of them")
    if sources and draft.lacks(path, "key_name", zone):
        yield Fault((*path, sources[0]), "the key has no name", "key_name = the TSIG key's name")
    if zone.key_name is not None and all(draft.lacks(path, key, zone) for key in _KEY_SOURCES):
        yield Fault(
            (*path, "key_name"), "nothing says where the key's secret is",
            "one of key_file, key_env, key_command",
        )  # fmt: skip
