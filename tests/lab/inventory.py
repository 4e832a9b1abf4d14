"""What hostshift needs to know of lab hosts, kept away from the user's own files."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import tomlkit

from tests.lab.machine import Machine

Extra = Mapping[str, Mapping[str, object]]


def write_known_hosts(path: Path, machines: Iterable[Machine]) -> Path:
    """Write the real host keys of the machines: known, because we made them."""
    path.write_text("".join(machine.known_hosts_line() for machine in machines))
    return path


def write_inventory(
    directory: Path,
    machines: Iterable[Machine],
    *,
    user: str = "admin",
    become: str = "sudo",
    hosts: Extra | None = None,
    tables: Mapping[str, object] | None = None,
) -> Path:
    """Write `inventory.toml` and a strict known_hosts file for some machines.

    Args:
        directory: where both go.
        machines: the hosts; their names become the inventory's.
        user: who logs in, with their key.
        become: how they become root.
        hosts: more keys for hosts, by name.
        tables: more top-level tables (services, zones, ...).
    """
    machines = list(machines)
    known_hosts = write_known_hosts(directory / "known_hosts", machines)
    document: dict[str, object] = {
        "defaults": {"user": user, "become": become},
        "hosts": {
            machine.name: {
                "address": machine.address,
                "identity": str(machine.identities[user]),
                "known_hosts": str(known_hosts),
                **(hosts or {}).get(machine.name, {}),
            }
            for machine in machines
        },
        **(tables or {}),
    }
    path = directory / "inventory.toml"
    path.write_text(tomlkit.dumps(document))
    return path


def isolated_home(directory: Path) -> dict[str, str]:
    """An environment whose home, and whatever follows from it, is below a directory of its own."""
    home = directory / "home"
    places = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_STATE_HOME": home / ".local/state",
        "XDG_DATA_HOME": home / ".local/share",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_RUNTIME_DIR": home / ".run",
    }
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "HOSTSHIFT_", "SSH_"))
    }
    return {**kept, **{name: str(place) for name, place in places.items()}}
