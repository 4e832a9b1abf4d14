"""Hooks are steps of what acts: shown, confirmed, and around everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.commands.plan import plan_all
from engine.inventory import Inventory
from engine.inventory.value import Hooks
from engine.model.plan import ScriptAct
from engine.plan import make_plan, plan_document
from engine.plan.hooks import hook
from engine.session import Session
from engine.transport.credentials import Credentials
from engine.transport.local import LocalTransport
from tests.unit.builders import NOW, facts, host, look, packages, upgrade
from tui.verbs import EngineVerbs

HOOKS = Hooks(before="'/hooks/si lence.sh' all", after="/hooks/after.sh", deadline_s=60)


def _ids(candidate: str, hooks: Hooks) -> list[str]:
    known = facts(packages=packages(interrupted=True)) if candidate == "repair" else None
    made = make_plan(host(), known or facts(upgrade("openssl")), candidate, NOW, hooks)
    return [step.id for step in made.steps]


@pytest.mark.parametrize("candidate", ["upgrade", "repair"])
def test_they_are_around_the_steps_of_what_acts(candidate: str) -> None:
    bare = _ids(candidate, Hooks(notify="/hooks/notify.sh"))
    assert _ids(candidate, HOOKS) == ["before", *bare, "after"]
    assert _ids(candidate, Hooks(before="x")) == ["before", *bare]
    assert _ids(candidate, Hooks(after="x")) == [*bare, "after"]


def test_a_chore_that_touches_nothing_has_none() -> None:
    assert _ids("refresh", HOOKS) == _ids("refresh", Hooks())


def test_they_are_shown_and_bound_by_the_digest() -> None:
    plans = [
        make_plan(host(), facts(upgrade("openssl")), "upgrade", NOW, hooks)
        for hooks in (Hooks(), HOOKS, Hooks(before="/hooks/other.sh", after="/hooks/after.sh"))
    ]
    assert len({plan.digest for plan in plans}) == 3
    first, *_, last = plans[1].steps
    assert first.act == ScriptAct(("/hooks/si lence.sh", "all"), "before", 60)
    assert (first.always, last.always) == (False, True)
    shown = plan_document([plans[1]])["steps"][0]
    assert (shown["where"], shown["commands"]) == ("controller", ["'/hooks/si lence.sh' all"])


def test_a_hook_that_is_not_there_is_nothing_to_run() -> None:
    assert hook(HOOKS, "notify") is None


def test_every_face_plans_with_the_hooks_of_the_inventory(tmp_path: Path) -> None:
    known = facts(upgrade("openssl"))
    inventory = Inventory(Path("inventory.toml"), (host(),), hooks=HOOKS)
    (planned,) = plan_all(((host(), look(known)),), "upgrade", NOW, inventory)
    credentials = Credentials()
    inventory = Inventory(tmp_path / "inventory.toml", (host(),), hooks=HOOKS)
    session = Session(inventory, LocalTransport(credentials), credentials, tmp_path)
    shown = EngineVerbs(session).make_plan(host(), known, "upgrade", NOW)
    assert planned.digest == shown.digest
    assert [step.id for step in planned.steps if step.where == "controller"] == ["before", "after"]
