"""The inventory as a value: hosts with defaults applied and references resolved."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from engine.errors import InputError
from engine.inventory.errors import InventoryError
from engine.model.host import Host

DAY_S = 24 * 60 * 60
DEFAULT_RETENTION_S = 90 * DAY_S
DEFAULT_AT_ONCE = 8

KeyAlgorithm = Literal[
    "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1", "hmac-md5"
]


@dataclass(frozen=True, slots=True)
class Zone:
    """A DNS zone that hostshift may change: by RFC 2136 (``server``) or by a ``command``.

    Attributes:
        name: Lower case, without the final dot.
        key_name: The TSIG key's name (RFC 8945); None for an unsigned update.
        watch: Secondaries and resolvers to watch besides the zone's NS set.
    """

    name: str
    server: str | None = None
    port: int = 53
    key_name: str | None = None
    key_algorithm: KeyAlgorithm = "hmac-sha256"
    key_file: Path | None = None
    key_env: str | None = None
    key_command: str | None = None
    command: str | None = None
    watch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hooks:
    """Commands of this machine that are told of events (JSON on standard input).

    Attributes:
        deadline_s: Within how many seconds each must end.
    """

    before: str | None = None
    after: str | None = None
    notify: str | None = None
    deadline_s: int = 300


@dataclass(frozen=True)
class Inventory:
    """One inventory file, read.

    Attributes:
        hosts: In the order of the file, defaults, services and replacement resolved.
        at_once: How many runs may act at once.
        retention_runs_s: How long finished runs are kept.
        store_url: Where runs are recorded; None means the user's state directory.
        data_addresses: Other places for published data, by their keys in ``[data]``.
        warnings: Faults that don't forbid looking at the fleet, such as a missing script.
    """

    path: Path
    hosts: tuple[Host, ...] = ()
    zones: tuple[Zone, ...] = ()
    hooks: Hooks = Hooks()
    at_once: int = DEFAULT_AT_ONCE
    retention_runs_s: int = DEFAULT_RETENTION_S
    store_url: str | None = field(default=None, repr=False)  # it may hold a password
    data_addresses: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[InventoryError, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Host]:
        return {host.name: host for host in self.hosts}

    def has(self, name: str) -> bool:
        """Whether a host of that name is in the inventory."""
        return name in self._by_name

    def whole_groups(self, names: Iterable[str]) -> frozenset[str]:
        """The redundancies of several hosts that have all of their hosts among these."""
        chosen = set(names)
        groups: dict[str, list[str]] = {}
        for host in self.hosts:
            if host.redundancy is not None:
                groups.setdefault(host.redundancy, []).append(host.name)
        return frozenset(
            group for group, all_ in groups.items() if len(all_) > 1 and chosen.issuperset(all_)
        )

    def host(self, name: str) -> Host:
        """The host of that name.

        Raises:
            InputError: the inventory has no such host.
        """
        found = self._by_name.get(name)
        if found is not None:
            return found
        near = difflib.get_close_matches(name, self._by_name, n=3)
        raise InputError(
            f"No host {name!r} in {self.path}.",
            hint=f"Did you mean {' or '.join(near)}?" if near else "`hostshift status` lists them.",
        )
