"""The plan that removes a successor before the cutover."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.inventory import Inventory
from engine.inventory.value import Zone
from engine.model.facts import BuiltSuccessor
from engine.model.host import Host
from engine.model.plan import Plan, ScriptAct
from engine.model.replacing import RecordsAct, UnusedAct
from engine.plan import make_plan, replacing
from engine.plan.make import BlockedError
from tests.unit.builders import NOW, facts
from tests.unit.plan.replacements import declared


def removal(host: Host, *others: Host, address: str = "192.0.2.2") -> Plan:
    where = (Zone("example.com"), Zone("servers.example.net"))
    found = facts(successor=BuiltSuccessor("server2", address))
    about = replacing(Inventory(Path("inventory.toml"), (host, *others), where), host, found)
    return make_plan(host, found, "decommission:server2", NOW, about=about)


def test_proof_then_records_then_the_server_then_what_is_known_of_it() -> None:
    named = declared(address="server1.servers.example.net")
    plan = removal(named)
    assert [s.id for s in plan.steps] == ["unused", "own-records", "decommission", "forget"]
    unused, records, script, _ = (step.act for step in plan.steps)
    assert isinstance(unused, UnusedAct)
    assert unused.services == tuple(s.name for s in named.services)
    assert unused.names
    assert isinstance(records, RecordsAct)
    assert (records.purpose, records.names) == ("remove", ("server2.servers.example.net",))
    assert isinstance(script, ScriptAct)
    assert script.command == (named.replacement.decommission,)
    assert plan.interrupts, "the name is typed"
    assert not any(step.always for step in plan.steps)


def test_without_a_name_of_its_own_there_are_no_records() -> None:
    plan = removal(declared(address="192.0.2.1"))
    assert [s.id for s in plan.steps] == ["unused", "decommission", "forget"]


def test_where_it_is_belongs_to_the_digest() -> None:
    host = declared()
    assert removal(host).digest != removal(host, address="192.0.2.3").digest


@pytest.mark.parametrize(("name", "address"), [("server2", "192.0.2.9"), ("db1", "192.0.2.2")])
def test_a_server_of_the_inventory_is_not_removed(name: str, address: str) -> None:
    host = declared()
    other = replace(host, name=name, address=address, services=())
    with pytest.raises(BlockedError, match="is a server of the inventory"):
        removal(host, other)
