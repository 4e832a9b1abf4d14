"""From the file's tables to the values of the model: defaults applied, paths absolute."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from engine.inventory.draft import Draft
from engine.inventory.lines import KeyPath
from engine.inventory.schema import (
    CheckTable,
    DeadlinesTable,
    HostTable,
    ReplacementTable,
    ServiceTable,
    ZoneTable,
)
from engine.inventory.value import DEFAULT_AT_ONCE, DEFAULT_RETENTION_S, Hooks, Inventory, Zone
from engine.model.host import BUSY, SNAPSHOT_KEEP_S, Check, Deadlines, Host, Replacement, Service

NO_JUMP = "none"
"""Not through the jump host of [defaults]; the OpenSSH client configuration still holds."""

V = TypeVar("V")
Absolute = Callable[[str], str]


def setting(draft: Draft, name: str, key: str) -> tuple[KeyPath, object]:
    """What holds for a host, and the place it is written at.

    A default of ``jump`` or ``after`` doesn't hold for the very hosts that it names, so that
    ``[defaults] jump = "bastion"`` can be said of a fleet that the bastion is a part of.
    """
    own = getattr(draft.hosts[name], key, None)
    if own is not None:
        return ("hosts", name, key), own
    default = getattr(draft.defaults, key, None)
    if (key == "jump" and default == name) or (key == "after" and name in (default or ())):
        return ("defaults", key), None
    return ("defaults", key), default


def jump_of(draft: Draft, name: str) -> tuple[KeyPath, str | None]:
    """Through what a host is reached, and where that is written."""
    place, value = setting(draft, name, "jump")
    over_ssh = setting(draft, name, "transport")[1] != "local"
    return place, value if over_ssh and isinstance(value, str) and value != NO_JUMP else None


def after_of(draft: Draft, name: str) -> tuple[KeyPath, tuple[str, ...]]:
    """After which hosts a host's turn comes, and where that is written."""
    place, value = setting(draft, name, "after")
    return place, tuple(value) if isinstance(value, list) else ()


def program_words(text: str, base: Path) -> list[str]:
    """A program and its arguments: a path is absolute, counted from the inventory's directory."""
    words = shlex.split(text)
    if "/" in words[0] or words[0].startswith("~"):
        words[0] = absolute_path(words[0], base)
    return words


def absolute_path(text: str, base: Path) -> str:
    """A path of this machine: ``~`` expanded, relative ones counted from ``base``."""
    return os.path.normpath(base / os.path.expanduser(text))


def zone_of(dns_name: str, zones: Mapping[str, object]) -> str | None:
    """The longest zone that a DNS name lies in (both lower case, without final dot)."""
    labels = dns_name.split(".")
    for start in range(len(labels)):
        candidate = ".".join(labels[start:])
        if candidate in zones:
            return candidate
    return None


def resolve(draft: Draft, path: Path, base: Path) -> Inventory:
    """The inventory's value, of a draft without faults."""
    absolute = cache(lambda text: shlex.join(program_words(text, base)))
    zones = {
        zone.name: zone
        for zone in (_zone(name, table, absolute, base) for name, table in draft.zones.items())
    }
    services: dict[str, list[Service]] = {}
    for name, table in draft.services.items():
        services.setdefault(table.host or "", []).append(_service(name, table, absolute))
    risk = tuple(sorted(draft.risk.model_dump(exclude_none=True).items()))
    former = {
        table.successor: name
        for name, table in draft.hosts.items()
        if table.successor is not None and table.retiring
    }
    hosts = tuple(
        replace(
            _host(draft, name, tuple(services.get(name, ())), zones, absolute, base, risk),
            predecessor=former.get(name),
        )
        for name in draft.hosts
    )
    hooks = draft.hooks
    return Inventory(
        path=path,
        hosts=hosts,
        zones=tuple(zones.values()),
        hooks=Hooks(
            before=_given(hooks.before, absolute),
            after=_given(hooks.after, absolute),
            notify=_given(hooks.notify, absolute),
            deadline_s=hooks.deadline or Hooks().deadline_s,
        ),
        at_once=draft.limits.at_once or DEFAULT_AT_ONCE,
        retention_runs_s=draft.retention.runs or DEFAULT_RETENTION_S,
        store_url=draft.store.url,
        data_addresses=draft.data.model_dump(exclude_none=True),
    )


def _given(value: V | None, change: Callable[[V], V]) -> V | None:
    return None if value is None else change(value)


def _path(value: str | None, base: Path) -> Path | None:
    return None if value is None else Path(absolute_path(value, base))


def _host(
    draft: Draft,
    name: str,
    services: tuple[Service, ...],
    zones: Mapping[str, Zone],
    absolute: Absolute,
    base: Path,
    risk: tuple[tuple[str, float], ...],
) -> Host:
    own, default = draft.hosts[name], draft.defaults
    return Host(
        name=name,
        address=own.address or name,
        transport=own.transport or default.transport or "ssh",
        user=own.user or default.user,
        port=own.port or default.port,
        identity=_path(own.identity or default.identity, base),
        known_hosts=_path(own.known_hosts or default.known_hosts, base),
        jump=jump_of(draft, name)[1],
        become=own.become or default.become or "none",
        groups=tuple(_either(own.groups, default.groups) or ()),
        redundancy=own.redundancy or default.redundancy,
        outage=own.outage or default.outage,
        exposed=_either(own.exposed, default.exposed),
        console=_either(own.console, default.console),
        guard=own.guard or default.guard or "normal",
        retiring=_either(own.retiring, default.retiring) or False,
        after=after_of(draft, name)[1],
        window=own.window or default.window,
        exclude=tuple(_either(own.exclude, default.exclude) or ()),
        busy=BUSY if (busy := _either(own.busy, default.busy)) is None else tuple(busy),
        failover_tested=own.failover_tested or default.failover_tested,
        outage_cost_per_hour=_either(own.outage_cost_per_hour, default.outage_cost_per_hour),
        snapshot=_given(own.snapshot or default.snapshot, absolute),
        snapshot_restore=_given(own.snapshot_restore or default.snapshot_restore, absolute),
        snapshot_remove=_given(own.snapshot_remove or default.snapshot_remove, absolute),
        snapshot_keep_s=SNAPSHOT_KEEP_S
        if (keep := _either(own.snapshot_keep, default.snapshot_keep)) is None
        else keep,
        clone=_given(own.clone or default.clone, absolute),
        destroy=_given(own.destroy or default.destroy, absolute),
        deadlines=_deadlines(own.deadlines, default.deadlines),
        replacement=_replacement(own, draft.replacement, absolute),
        services=services,
        zones_cover=all(zone_of(dns, zones) for service in services for dns in service.names),
        risk=risk,
    )


def _either(own: V | None, default: V | None) -> V | None:
    return default if own is None else own


def _deadlines(own: DeadlinesTable | None, default: DeadlinesTable | None) -> Deadlines:
    if own is None and default is None:
        return Deadlines()
    mine, theirs, built_in = own or DeadlinesTable(), default or DeadlinesTable(), Deadlines()
    return Deadlines(
        connect_s=mine.connect or theirs.connect or built_in.connect_s,
        light_probe_s=mine.light_probe or theirs.light_probe or built_in.light_probe_s,
        full_probe_s=mine.full_probe or theirs.full_probe or built_in.full_probe_s,
        reboot_s=mine.reboot or theirs.reboot or built_in.reboot_s,
        guard_s=mine.guard or theirs.guard or built_in.guard_s,
    )


def _replacement(own: HostTable, default: ReplacementTable, absolute: Absolute) -> Replacement:
    mine = own.replacement or ReplacementTable()
    below = _either(mine.checksum_below, default.checksum_below)
    return Replacement(
        provision=_given(mine.provision or default.provision, absolute),
        decommission=_given(mine.decommission or default.decommission, absolute),
        soak_s=_either(mine.soak, default.soak),
        ttl_s=mine.ttl or default.ttl or Replacement().ttl_s,
        thaw_after_s=mine.thaw_after or default.thaw_after or Replacement().thaw_after_s,
        bandwidth_kib=mine.bandwidth or default.bandwidth,
        checksum=_either(mine.checksum, default.checksum) or False,
        checksum_below_kib=Replacement().checksum_below_kib if below is None else below,
        start_within_s=mine.start_within or default.start_within or Replacement().start_within_s,
        forward=_either(mine.forward, default.forward) or False,
        references=_given(mine.references or default.references, absolute),
    )


def _service(name: str, table: ServiceTable, absolute: Absolute) -> Service:
    return Service(
        name=name,
        host=table.host or "",
        names=tuple(table.names or ()),
        units=tuple(table.units or ()),
        workers=tuple(table.workers or ()),
        containers=tuple(table.containers or ()),
        volumes=tuple(table.volumes or ()),
        freeze=table.freeze,
        thaw=table.thaw,
        sync=_given(table.sync, absolute),
        verify=_given(table.verify, absolute),
        deploy=_given(table.deploy, absolute),
        restore=_given(table.restore, absolute),
        backup_age=_given(table.backup_age, absolute),
        stays=table.stays or False,
        test=_given(table.test, absolute),
        final_backup=_given(table.final_backup, absolute),
        checks=tuple(_check(check) for check in table.checks or ()),
    )


def _check(table: CheckTable) -> Check:
    return Check(table.http, table.tcp, table.unit, table.command, table.expect)


def _zone(name: str, table: ZoneTable, absolute: Absolute, base: Path) -> Zone:
    return Zone(
        name=name.removesuffix(".").lower(),
        server=table.server,
        port=table.port or 53,
        key_name=table.key_name,
        key_algorithm=table.key_algorithm or "hmac-sha256",
        key_file=_path(table.key_file, base),
        key_env=table.key_env,
        key_command=_given(table.key_command, absolute),
        command=_given(table.command, absolute),
        watch=tuple(table.watch or ()),
    )
