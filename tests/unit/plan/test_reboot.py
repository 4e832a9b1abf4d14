"""A new kernel is booted once where GRUB can do that, else the plan says why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.facts import GrubMenu, Kernel
from engine.model.plan import JobAct, RebootAct, Step
from engine.plan import make_plan
from tests.unit.builders import NOW, facts, host

OLD, NEW = "6.1.0-18-amd64", "6.1.0-25-amd64"
MENU = GrubMenu((NEW, OLD), saved=True, newest=True, writes=True)


def steps(menu: GrubMenu | None, expected: str | None = NEW) -> dict[str, Step]:
    found = facts(kernel=Kernel(OLD, expected), grub=menu)
    return {step.id: step for step in make_plan(host(), found, "reboot", NOW).steps}


def test_it_becomes_the_default_only_when_all_is_well() -> None:
    found = steps(MENU)
    order = list(found)
    assert order.index("boot-once") + 1 == order.index("reboot")
    assert order.index("verify") + 1 == order.index("boot-default")
    once, settle = found["boot-once"], found["boot-default"]
    assert isinstance(once.act, JobAct)
    assert once.act.commands == (("grub_once", OLD, NEW),)
    assert once.undo == (f"until all is well with {NEW} every other boot is one of {OLD}",)
    assert isinstance(settle.act, JobAct)
    assert settle.act.commands == (("grub_settle",),)


@pytest.mark.parametrize("menu", [MENU, replace(MENU, newest=False), replace(MENU, saved=False)])
def test_a_release_upgrade_tries_whichever_kernel_it_brings(menu: GrubMenu) -> None:
    found = facts(kernel=Kernel(OLD, NEW), grub=menu)
    made = {s.id: s for s in make_plan(host(), found, "release-upgrade", NOW).steps}
    order = list(made)
    if menu != MENU:
        assert "boot-once" not in made
        assert ("GRUB_DEFAULT=saved" in " ".join(made["reboot"].undo)) == (not menu.saved)
        return
    assert order.index("boot-once") + 1 == order.index("reboot")
    assert order.index("settled") + 1 == order.index("boot-default")
    assert made["boot-once"].title == "Have GRUB boot the newest kernel once"
    act = made["boot-once"].act
    assert isinstance(act, JobAct)
    assert act.commands == (("grub_once", OLD),)


@pytest.mark.parametrize(
    ("menu", "words"),
    [
        (replace(MENU, saved=False), "GRUB_DEFAULT=saved"),
        (replace(MENU, writes=False), "GRUB can't write"),
    ],
)
def test_where_it_can_not_be_the_plan_says_why(menu: GrubMenu, words: str) -> None:
    found = steps(menu)
    assert "boot-once" not in found
    assert words in " ".join(found["reboot"].undo)


@pytest.mark.parametrize(
    ("menu", "expected"),
    [(None, NEW), (MENU, OLD), (MENU, None), (replace(MENU, releases=(NEW,)), NEW)],
)
def test_nothing_is_said_where_no_other_kernel_is_due(
    menu: GrubMenu | None, expected: str | None
) -> None:
    found = steps(menu, expected)
    assert not {"boot-once", "boot-default"} & set(found)
    assert "GRUB" not in " ".join(found["reboot"].undo)


def test_whoever_has_chosen_what_is_booted_is_not_held_to_the_newest_kernel() -> None:
    act = steps(replace(MENU, newest=False))["reboot"].act
    assert isinstance(act, RebootAct)
    assert act.expected_kernel is None
