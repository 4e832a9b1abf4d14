"""All parsers of host-side programs under one signature, for tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from engine.programs import (
    access,
    apt_list,
    apt_lists,
    apt_simulation,
    containers,
    dpkg,
    dpkg_files,
    filesystems,
    host_lock,
    inhibitors,
    kernel,
    logins,
    maintainer_scripts,
    mounts,
    needrestart,
    os_release,
    release_upgrader,
    routes,
    rpm_ostree,
    sockets,
    systemd,
    unattended,
)

Parser = Callable[[bytes, bytes, int], Any]
NOW = datetime(2026, 11, 23, 3, 5, tzinfo=UTC)


def _dpkg(output: bytes, errors: bytes, status: int) -> Any:
    packages = dpkg.parse_unusual(output)
    if packages is None:
        return None
    return {"held": dpkg.held(packages), "broken": dpkg.broken(packages)}


def _kernel(output: bytes, errors: bytes, status: int) -> Any:
    signs = kernel.parse(output)
    rebuilt = (dpkg.Installed("ii", "linux-image-6.1.0-28-amd64", "amd64", "6.1.123-1"),)
    return {
        "kernel": kernel.kernel(signs, in_container=False),
        "reasons": kernel.reasons(signs, rebuilt, in_container=False),
    }


def _rpm_ostree(output: bytes, errors: bytes, status: int) -> Any:
    found = rpm_ostree.parse(output, status)
    pending = rpm_ostree.next_boot(found.deployments) if found else None
    return {"status": found, "next_boot": pending.version if pending else None}


def _units(output: bytes, errors: bytes, status: int) -> Any:
    units = systemd.parse_show(output)
    return {"units": units, "updaters": systemd.updaters(units)}


def _unit_files(output: bytes, errors: bytes, status: int) -> Any:
    owners = dpkg_files.parse_unit_files(output)
    running = ("postgresql@15-main.service", "ssh.service", *sorted(owners)[:2])
    return {
        "owners": {service: sorted(packages) for service, packages in sorted(owners.items())},
        "running": dpkg_files.package_services(running, owners),
    }


PARSERS: dict[str, Parser] = {
    "access": lambda output, errors, status: access.parse(output),
    "apt_config": lambda output, errors, status: unattended.auto_updates(
        unattended.parse_config(output), None, installed=True
    ),
    "apt_list": lambda output, errors, status: apt_list.parse(output),
    "apt_simulation": apt_simulation.parse,
    "apt_size": lambda output, errors, status: apt_simulation.parse_size(output, status),
    "containers": lambda output, errors, status: containers.parse(output, status),
    "container_states": lambda output, errors, status: containers.parse_states(output, status),
    "conffiles": lambda output, errors, status: dpkg_files.parse_conffiles(output),
    "dpkg": _dpkg,
    "dpkg_journal": lambda output, errors, status: dpkg.parse_journal(output),
    "dpkg_lock": lambda output, errors, status: dpkg.parse_lock(output),
    "failed_units": lambda output, errors, status: systemd.parse_failed(output, status),
    "filesystems": lambda output, errors, status: filesystems.parse(output),
    "host_lock": lambda output, errors, status: host_lock.parse(output, NOW),
    "inhibitors": lambda output, errors, status: inhibitors.parse(output),
    "kernel": _kernel,
    "lists": lambda output, errors, status: apt_lists.parse(output),
    "logins": lambda output, errors, status: logins.parse(output),
    "attached": lambda output, errors, status: mounts.parse_attached(output, status),
    "mounts": lambda output, errors, status: mounts.parse(output, status),
    "needrestart": lambda output, errors, status: needrestart.parse(output, status),
    "read_only": lambda output, errors, status: filesystems.parse_read_only(output),
    "os_release": lambda output, errors, status: os_release.parse(output),
    "release_upgrader": lambda output, errors, status: release_upgrader.parse(
        output, status, "jammy"
    ),
    "routes": lambda output, errors, status: routes.parse(output, status),
    "rpm_ostree": _rpm_ostree,
    "service_acts": lambda output, errors, status: {
        package: sorted(names)
        for package, names in sorted((maintainer_scripts.parse(output) or {}).items())
    },
    "services": lambda output, errors, status: systemd.parse_services(output, status),
    "sockets": lambda output, errors, status: sockets.parse(output, status),
    "sources": lambda output, errors, status: sorted(dpkg.parse_sources(output).items()),
    "targets": lambda output, errors, status: apt_lists.parse_targets(output),
    "unit_files": _unit_files,
    "units_show": _units,
    "virtualization": lambda output, errors, status: systemd.parse_virtualization(output),
}
