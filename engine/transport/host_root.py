"""The host-side root: empty on real hosts, a directory of its own for each of the demo's."""

from __future__ import annotations

from collections.abc import Callable

from engine.model.host import Host

HostRoot = str | Callable[[Host], str]


def root_of(host_root: HostRoot, host: Host) -> str:
    """The root that a host's scripts get as their first parameter."""
    return host_root if isinstance(host_root, str) else host_root(host)
