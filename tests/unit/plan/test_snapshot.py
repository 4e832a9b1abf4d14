"""A snapshot comes right before packages are changed, after every question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.inventory.value import Hooks
from engine.model.host import Host
from engine.model.plan import PutBackAct, ScriptAct, Step
from engine.plan import make_plan
from engine.plan.snapshot import with_snapshot
from tests.unit.builders import NOW, facts, host, upgrade

SCRIPT = "/vm/snapshot.sh --with memory"
WITHOUT = "no way back but repair: the inventory has no snapshot script for this host"


def planned(candidate: str, one: Host) -> tuple[Step, ...]:
    found = facts() if candidate == "release-upgrade" else facts(upgrade("openssl"))
    return make_plan(one, found, candidate, NOW, Hooks(before="/hooks/before.sh")).steps


@pytest.mark.parametrize(
    ("candidate", "order"),
    [
        ("upgrade", ["before", "snapshot", "upgrade"]),
        ("release-upgrade", ["before", "prepare", "decide", "snapshot", "release-upgrade"]),
    ],
)
def test_it_comes_after_the_last_question(candidate: str, order: list[str]) -> None:
    steps = planned(candidate, replace(host(), snapshot=SCRIPT))
    assert [s.id for s in steps if s.id in order] == order
    taken = next(s for s in steps if s.id == "snapshot")
    assert isinstance(taken.act, ScriptAct)
    assert taken.act.command == ("/vm/snapshot.sh", "--with", "memory")
    assert taken.undo == ("going back to it loses what server1 has written since",)
    assert not any(WITHOUT in s.undo for s in steps)
    gates = [n for n, s in enumerate(steps) if s.gate]
    assert all(n < steps.index(taken) for n in gates)


@pytest.mark.parametrize("candidate", ["upgrade", "release-upgrade"])
def test_without_one_the_plan_says_so_at_the_step_that_changes_things(candidate: str) -> None:
    steps = planned(candidate, host())
    (told,) = (s for s in steps if WITHOUT in s.undo)
    assert not told.reversible
    assert "snapshot" not in [s.id for s in steps]


def test_what_changes_no_packages_takes_none() -> None:
    one = replace(host(), snapshot=SCRIPT)
    assert "snapshot" not in [s.id for s in planned("refresh", one)]
    assert list(with_snapshot(host(), facts(), (), (), NOW)) == []


def test_a_bad_end_asks_whether_it_is_put_back_where_the_inventory_says_how() -> None:
    one = replace(host(), snapshot=SCRIPT, snapshot_restore="/vm/back")
    (asks,) = (s for s in planned("upgrade", one) if s.id == "put-back")
    assert (asks.gate, asks.always, asks.commands) == (True, True, ("/vm/back",))
    assert isinstance(asks.act, PutBackAct)
    assert [(c.name, c.action, c.to_version) for c in asks.act.changes] == [
        ("openssl", "downgrade", "1.0")
    ]
    without = planned("upgrade", replace(one, snapshot_restore=None))
    assert not any(isinstance(s.act, PutBackAct) for s in without)
