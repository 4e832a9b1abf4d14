"""The demo's inventory, written as a team would write it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.demo.hosts import DemoHost
from engine.demo.keys import DOMAIN

_HEAD = """\
# The inventory of `hostshift demo`, made for this start and removed at its end.
# Every host is a directory of this machine, served over SSH on 127.0.0.1.

[defaults]
user = "root"
"""
_SCRIPTS = (
    "backup/age.sh",
    "deploy/gitlab.sh",
    "dns/update.sh",
    "iac/decommission.sh",
    "iac/provision.sh",
)


def write_inventory(place: Path, hosts: Iterable[DemoHost]) -> Path:
    """Write inventory.toml and the scripts it names; returns its path."""
    parts = [_HEAD]
    services = []
    for host in hosts:
        login = {"root": "", "sudo": 'user = "ops"\nbecome = "sudo"\n', "plain": 'user = "ops"\n'}
        parts.append(
            f"\n# {host.tells}\n[hosts.{host.name}]\n"
            f'address = "{host.name}.{DOMAIN}"\n{login[host.login]}{host.inventory}'
        )
        if host.services:
            services.append(f"\n{host.services}")
    path = place / "inventory.toml"
    path.write_text("".join([*parts, *services]), "utf-8")
    for name in _SCRIPTS:
        script = place / name
        script.parent.mkdir(exist_ok=True)
        script.write_text("#!/bin/sh\necho 'Nothing behind this script in a demo.'\n", "utf-8")
        script.chmod(0o755)
    return path
