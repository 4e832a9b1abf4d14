"""The plan of a replacement: the doctrine's order, what is always done, and what binds it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.inventory.value import Hooks
from engine.model.host import Check
from engine.model.json_form import from_json, to_json
from engine.model.plan import Plan, ScriptAct
from engine.model.replacing import (
    ChecksAct,
    FormerAct,
    HoldAct,
    InventoryAct,
    OpenAct,
    QuietAct,
    ReachAct,
    RecordsAct,
    ReturnAct,
    SoakAct,
    SyncAct,
)
from engine.model.writers import Writer
from engine.plan import BlockedError
from engine.runs.phases import last_phases, phases
from tests.unit.builders import host
from tests.unit.plan.replacements import GIT, SCRIPTS, SHOP, declared, planned


def test_the_steps_stand_in_the_doctrines_order() -> None:
    assert [step.id for step in planned().steps] == [
        "preflight", "provision", "reach", "own-records",
        "quiet", "deploy-git", "deploy-shop",
        "backup-age-git", "restore-git", "backup-age-shop", "restore-shop",
        "quiet-again", "test",
        "hold", "open-way", "bulk", "sync-shop-bulk", "ttl", "bulk-again", "bulk-again-2",
        "bulk-again-3", "bulk-again-4", "rehearsal",
        "cutover", "freeze", "final", "verify", "sync-shop-final", "verify-shop",
        "switch", "start", "loud", "check", "dns",
        "inventory", "close-way", "spread", "soak", "ttl-back", "end",
        "old-records", "power-off", "decommission", "retire",
        "return", "no-key-left",
    ]  # fmt: skip


def test_own_tests_and_a_last_backup_where_the_inventory_has_them() -> None:
    more = replace(GIT, test="/test/git.sh", final_backup="/last/git.sh --apart")
    host = declared(services=(more, SHOP))
    order = [step.id for step in planned(host).steps]
    assert order.index("test-git") == order.index("test") + 1
    assert order.index("final-backup-git") == order.index("end") + 1
    acts = {step.id: step.act for step in planned(host).steps}
    assert acts["final-backup-git"] == ScriptAct(
        ("/last/git.sh", "--apart"), "final_backup", 6 * 3600, "git"
    )
    back = [step.id for step in planned(host, back_to=replace(host, name="server0")).steps]
    assert "test-git" not in back
    assert "final-backup-git" in back


def test_workers_are_held_while_the_successor_is_tested() -> None:
    queue = replace(GIT, units=("git.service", "queue.service"), workers=("queue.service",),
                    checks=(*GIT.checks, Check(unit="queue.service")))  # fmt: skip
    acts = {step.id: step.act for step in planned(declared(services=(queue, SHOP))).steps}
    for step in ("quiet", "quiet-again"):
        act = acts[step]
        assert isinstance(act, QuietAct)
        assert act.workers == ("queue.service",)
        assert "queue.service" not in act.services
    tested, checked, hold, back = acts["test"], acts["check"], acts["hold"], acts["return"]
    assert isinstance(tested, ChecksAct)
    assert isinstance(checked, ChecksAct)
    assert isinstance(hold, HoldAct)
    assert isinstance(back, ReturnAct)
    assert {c.check for c in checked.checks} - {c.check for c in tested.checks} == {
        Check(unit="queue.service")
    }
    assert hold.workers == ("queue.service",)
    assert back.quiet is not None
    assert back.quiet.workers == ()


def test_a_successor_gets_no_name_that_leads_somewhere_already() -> None:
    assert planned(taken_in_dns=()).steps[1].title == "Build server2"
    passed = planned(taken_in_dns=("server2.example.com",))
    assert passed.steps[1].title == "Build server3"
    assert passed.digest != planned().digest


def test_what_names_the_old_host_is_looked_for_right_before_its_end_is_asked_about() -> None:
    host = declared(replacement=replace(SCRIPTS, references="/iac/references.sh --all"))
    steps = planned(host).steps
    order = [step.id for step in steps]
    assert order.index("references") == order.index("end") - 1
    act = steps[order.index("references")].act
    assert act == ScriptAct(("/iac/references.sh", "--all"), "references", 6 * 3600)


def test_contents_are_compared_by_the_last_pass_alone_where_that_is_wanted() -> None:
    wanted = planned(declared(replacement=replace(SCRIPTS, checksum=True)))
    compared = [s.id for s in wanted.steps if any("--checksum" in line for line in s.commands)]
    assert compared == ["verify"]
    assert not any("--checksum" in line for s in planned().steps for line in s.commands)


def test_where_a_service_stays_the_old_host_goes_on() -> None:
    host = declared(services=(GIT, replace(SHOP, stays=True, deploy=None, checks=())))
    made = planned(host)
    order = [step.id for step in made.steps]
    assert not [name for name in order if "shop" in name]
    assert order[-4:] == ["soak", "ttl-back", "return", "no-key-left"]
    assert made.effects.units == GIT.units
    following = next(s.act for s in made.steps if isinstance(s.act, InventoryAct))
    assert following.services == ("git",)
    with pytest.raises(BlockedError, match="names no service"):
        planned(declared(services=(replace(GIT, stays=True),)))


def test_going_back_is_the_same_without_what_is_there_still() -> None:
    former = host("server0", retiring=True, address="server0.example.com")
    there, back = planned(), planned(back_to=former)
    left = [step.id for step in there.steps if step.id not in {step.id for step in back.steps}]
    assert left == [
        "own-records", "quiet", "deploy-git", "deploy-shop", "backup-age-git", "restore-git",
        "backup-age-shop", "restore-shop", "quiet-again", "test", "loud",
    ]  # fmt: skip
    acts = {step.id: step.act for step in back.steps}
    assert acts["provision"] == FormerAct("server0", "server0.example.com")
    reach, way, following = acts["reach"], acts["open-way"], acts["inventory"]
    assert isinstance(reach, ReachAct)
    assert (reach.dns_name, reach.former) == ("server0.example.com", True)
    assert isinstance(way, OpenAct)
    assert way.back
    assert isinstance(following, InventoryAct)
    assert (following.old, following.new) == ("server1", "server0")
    assert getattr(acts["return"], "quiet", "") is None
    assert back.digest != planned(back_to=replace(former, address="192.0.2.1")).digest
    by_address = planned(back_to=replace(former, address="192.0.2.1")).steps[2].act
    assert isinstance(by_address, ReachAct)
    assert by_address.dns_name is None, "a name of its own is what names may lead to"
    assert from_json(Plan, to_json(back)) == back


def test_only_what_moves_by_files_is_copied_and_all_is_held() -> None:
    acts = {step.id: step.act for step in planned().steps}
    assert {a.paths for a in acts.values() if isinstance(a, SyncAct)} == {("/srv/git",)}
    held = acts["hold"]
    assert getattr(held, "writers", None) == (
        Writer("git", ("git.service",), (), ("/srv/git",), "stop"),
        Writer("shop", ("shop.service",), (), ("/srv/shop",)),
    )
    alone = planned(declared(services=(SHOP,)))
    assert not {"open-way", "bulk", "final", "close-way", "no-key-left"} & {
        s.id for s in alone.steps
    }


def test_what_is_done_at_every_end_stands_last() -> None:
    made = planned(hooks=Hooks(before="/hooks/silence", after="/hooks/unsilence"))
    assert [p.step.id for p in last_phases(made)] == ["return", "no-key-left", "after"]
    order = [s.id for s in made.steps]
    assert order.index("before") == order.index("freeze") - 1
    assert {s.id for s in made.steps if s.gate} == {"cutover", "end"}
    done = [step.id for phase in phases(made) for step in phase.steps]
    assert done == [s.id for s in made.steps if not s.always]


def test_each_zone_is_a_change_of_its_own() -> None:
    host = declared(services=(GIT, replace(SHOP, names=("shop.example.net",))))
    acts = {s.id: s.act for s in planned(host, "example.com", "example.net").steps}
    first, second = acts["dns"], acts["dns-2"]
    assert isinstance(first, RecordsAct)
    assert isinstance(second, RecordsAct)
    assert (first.zone, first.names) == ("example.com", ("git.example.com",))
    assert (second.zone, second.names) == ("example.net", ("shop.example.net",))
    ttl = acts["ttl-2"]
    assert isinstance(ttl, RecordsAct)
    assert ttl.ttl == 30


def test_a_host_without_a_name_of_its_own_gets_no_records() -> None:
    host = declared(address="192.0.2.1")
    assert not {"own-records", "old-records"} & {s.id for s in planned(host).steps}
    acts = {s.id: s.act for s in planned(host).steps}
    moved = acts["inventory"]
    assert isinstance(moved, InventoryAct)
    assert (moved.new, moved.address, moved.services) == ("server2", None, ("git", "shop"))


def test_scripts_carry_their_service_and_pass() -> None:
    acts = {s.id: s.act for s in planned().steps if isinstance(s.act, ScriptAct)}
    assert (acts["restore-git"].event, acts["restore-git"].service) == ("restore", "git")
    assert acts["sync-shop-final"].sync_pass == "final"
    assert acts["provision"].command == ("/iac/provision.sh",)
    assert planned().steps[-4].id == "decommission"


def test_the_digest_binds_what_the_inventory_says() -> None:
    first = planned()
    assert first.digest == planned().digest
    soaks = replace(SCRIPTS, soak_s=60)
    others = (
        planned(declared(replacement=soaks)),
        planned(declared(services=(GIT,))),
        planned(declared(services=(replace(GIT, units=("a.service",)), SHOP))),
    )
    assert len({first.digest, *(plan.digest for plan in others)}) == 4


def test_a_plan_survives_its_way_through_the_store() -> None:
    made = planned()
    assert from_json(Plan, to_json(made)) == made
    soak = next(s.act for s in made.steps if isinstance(s.act, SoakAct))
    assert soak.ports == (443,)
    assert all(step.commands for step in made.steps)
