"""What stands around a plan's own steps."""

from __future__ import annotations

from typing import Any

from engine.inventory.value import Hooks
from engine.model.host import Check
from engine.model.plan import BaselineAct, GateAct, Plan, RebootAct, ServiceCheck, VerifyAct
from engine.plan import make_plan
from tests.unit.builders import NOW, facts, host, service, upgrade

HOOKS = Hooks(before="/hooks/before.sh", after="/hooks/after.sh")
CHECK = Check(unit="web.service")


def plan(candidate: str = "upgrade", hooks: Hooks = HOOKS, **fields: Any) -> Plan:
    changes = () if candidate == "reboot" else (upgrade("openssl"),)
    return make_plan(host(**fields), facts(*changes), candidate, NOW, hooks)


def ids(made: Plan) -> list[str]:
    return [step.id for step in made.steps]


def test_the_window_is_asked_for_before_anybody_is_told() -> None:
    made = plan(window="Sun 02:00-05:00 UTC")
    assert ids(made) == ["window", "before", "baseline", "upgrade", "verify", "after"]
    gate = made.steps[0]
    assert gate.gate
    assert isinstance(gate.act, GateAct)
    assert gate.act.window == "Sun 02:00-05:00 UTC"
    assert "server1" in gate.act.question
    assert [step.id for step in made.steps if step.always] == ["after"]


def test_every_look_compares_with_the_baseline_and_makes_the_checks() -> None:
    checks = (ServiceCheck("web", CHECK),)
    for candidate in ("upgrade", "reboot"):
        made = plan(candidate, Hooks(), services=(service("web", checks=(CHECK,)),))
        acts = [step.act for step in made.steps]
        assert acts[0] == BaselineAct(checks)
        looks = [act for act in acts if isinstance(act, VerifyAct | RebootAct)]
        assert looks
        assert {(look.baseline, look.checks) for look in looks} == {("baseline", checks)}


def test_what_leaves_running_services_alone_has_nothing_around_it() -> None:
    assert ids(plan("refresh", window="Sun 02:00-05:00 UTC")) == ["refresh", "verify"]


def test_the_digest_does_not_depend_on_whether_the_window_is_open() -> None:
    made = plan(window="00:00-24:00 UTC")
    assert made.digest != plan().digest
    assert made.digest == plan(window="00:00-24:00 UTC").digest
