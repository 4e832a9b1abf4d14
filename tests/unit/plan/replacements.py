"""A host that can be replaced, and the plan for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.inventory import Inventory
from engine.inventory.value import Hooks, Zone
from engine.model.host import Check, Host, Replacement
from engine.model.plan import Plan
from engine.plan import make_plan, replacing
from tests.unit.builders import NOW, facts, replaceable, service

SCRIPTS = Replacement("/iac/provision.sh", "/iac/decommission.sh", soak_s=432_000, ttl_s=30)
GIT = service("git", volumes=("/srv/git",), freeze="stop", checks=(Check(http="https://a/"),))
SHOP = service("shop", sync="/sync/shop.sh", verify="/verify/shop.sh", volumes=("/srv/shop",))


def declared(**fields: Any) -> Host:
    whole: dict[str, Any] = {"services": (GIT, SHOP), "replacement": SCRIPTS, **fields}
    return replaceable(**whole)


def planned(
    host: Host | None = None,
    *zones: str,
    hooks: Hooks | None = None,
    back_to: Host | None = None,
    taken_in_dns: tuple[str, ...] | None = None,
) -> Plan:
    """Args:
    back_to: The host's predecessor, to which the plan leads.
    """
    old = host or declared()
    if back_to is not None:
        old = replace(old, predecessor=back_to.name)
    hosts = (old,) if back_to is None else (back_to, old)
    candidate = "replace" if back_to is None else f"replace:to={back_to.name}"
    where = tuple(Zone(z) for z in zones or ("example.com",))
    found = facts(taken_in_dns=taken_in_dns)
    about = replacing(Inventory(Path("inventory.toml"), hosts, where), old, found)
    return make_plan(old, found, candidate, NOW, hooks or Hooks(), about=about)
