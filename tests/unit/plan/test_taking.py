"""Configuration files that are taken from their packages: between download and installation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import InputError
from engine.model.facts import Conffile, Facts
from engine.model.plan import JobAct, Plan
from engine.plan import make_plan
from tests.unit.builders import NOW, facts, host, packages, upgrade

PATH = "/etc/web/a file.conf"


def edited() -> Facts:
    change = upgrade("web", architecture="amd64")
    found = packages(change, conffiles=(Conffile(PATH, "web", "changed"),))
    return facts(change, packages=found)


def plan(candidate: str = "upgrade", *take: str) -> Plan:
    return make_plan(host(), edited(), candidate, NOW, take=take)


def act_of(made: Plan) -> JobAct:
    (act,) = (
        step.act
        for step in made.steps
        if isinstance(step.act, JobAct) and step.act.expected is not None
    )
    return act


def test_it_is_taken_after_the_download_and_before_dpkg() -> None:
    download, take, install = act_of(plan("upgrade", PATH)).commands
    assert (download[:3], download[-1]) == (("apt-get", "-y", "--download-only"), "upgrade")
    assert take == ("take_new", PATH, "web", "1.1")
    assert install == act_of(plan()).commands[0]
    assert "--download-only" not in install


def test_the_choice_is_part_of_what_is_confirmed_and_remembered() -> None:
    chosen = plan("upgrade", PATH, PATH)
    assert chosen.take == (PATH,)
    assert chosen.digest != plan().digest
    assert chosen.digest == make_plan(host(), edited(), "upgrade", NOW, take=chosen.take).digest
    step = next(s for s in chosen.steps if isinstance(s.act, JobAct) and s.act.expected)
    assert any("'/etc/web/a file.conf'.dpkg-old" in line for line in step.undo)


@pytest.mark.parametrize("path", ["/etc/passwd", "", "/etc/web/a file.conf/"])
def test_a_file_that_is_not_asked_about_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="asks about no configuration file") as told:
        plan("upgrade", path)
    assert PATH in told.value.hint


@pytest.mark.parametrize("candidate", ["refresh", "clean"])
def test_a_chore_asks_about_none(candidate: str) -> None:
    with pytest.raises(InputError, match="no configuration file"):
        plan(candidate, PATH)


def test_a_reboot_and_other_families_ask_about_none() -> None:
    with pytest.raises(InputError, match="no configuration file"):
        plan("reboot", PATH)
    image = replace(edited(), family="rpm-ostree", packages=None)
    with pytest.raises(InputError, match="no configuration file"):
        make_plan(host(), image, "reboot", NOW, take=(PATH,))


OTHER = "/etc/other.conf"


def release_plan(*take: str) -> Plan:
    found = packages(
        conffiles=(Conffile(PATH, "web", "changed"), Conffile(OTHER, "other", "changed"))
    )
    return make_plan(host(), facts(packages=found), "release-upgrade", NOW, take=take)


def commands(made: Plan, step_id: str) -> tuple[tuple[str, ...], ...]:
    (act,) = (step.act for step in made.steps if step.id == step_id)
    assert isinstance(act, JobAct)
    return act.commands


def test_a_release_upgrade_shows_what_differs_and_asks_before_anything_is_changed() -> None:
    made = release_plan()
    order = [step.id for step in made.steps]
    at = order.index("conffiles")
    assert order.index("download") < at < order.index("sources")
    assert commands(made, "download")[-1] == ("release_conffiles", OTHER, "other", PATH, "web")
    assert OTHER in made.steps[at].commands[0]
    assert PATH in made.steps[at].commands[0]
    assert made.effects.conffiles == (OTHER, PATH)
    nothing = make_plan(host(), facts(packages=packages(conffiles=())), "release-upgrade", NOW)
    assert "conffiles" not in [step.id for step in nothing.steps]


def test_a_release_upgrade_takes_what_it_has_fetched_and_asks_about_the_rest() -> None:
    made = release_plan(PATH)
    first, *_, last = commands(made, "release-upgrade")
    assert first == ("take_coming", PATH, "web")
    assert last[-1] == "dist-upgrade"
    (asks,) = (step for step in made.steps if step.id == "conffiles")
    assert OTHER in asks.commands[0]
    assert PATH not in asks.commands[0]
    every = release_plan(PATH, OTHER)
    assert "conffiles" not in [step.id for step in every.steps]
    assert len({release_plan().digest, made.digest, every.digest}) == 3
