"""What a replacement proves of the recovery from backup, and how it is told."""

from __future__ import annotations

from datetime import timedelta

from engine.clock import rfc3339
from engine.model.plan import Plan
from engine.model.run import Run
from engine.runs import steps
from engine.runs.drill import drill
from engine.runs.markdown import to_markdown
from engine.runs.observe import Observation
from tests.unit.builders import NOW
from tests.unit.plan.replacements import planned

WELL = Observation("succeeded", ("Seen.",))
BACKUP = NOW - timedelta(hours=7)
RESULTS = {"backup-age-git": {"backup_at": rfc3339(BACKUP)}}


def came_to(last: str) -> tuple[Plan, Run]:
    """Every step up to this one has taken a minute."""
    plan = planned()
    run = steps.planned(plan, "run1", "eve", NOW)
    for number, step in enumerate(plan.steps):
        began = NOW + timedelta(minutes=number)
        run = steps.with_step(run, step.id, Observation("running"), began)
        run = steps.with_step(run, step.id, WELL, began + timedelta(minutes=1))
        if step.id == last:
            break
    return plan, run


def test_a_drill_is_what_was_restored_and_how_long_that_took() -> None:
    plan, run = came_to("test")
    found = drill(plan, run, RESULTS)
    assert found is not None
    git, shop = found.services
    assert (git.service, git.backup_at, git.took) == ("git", BACKUP, timedelta(minutes=1))
    assert (shop.service, shop.backup_at) == ("shop", None)
    built = [s.id for s in plan.steps].index("provision")
    tested = [s.id for s in plan.steps].index("test")
    assert found.took == timedelta(minutes=tested - built + 1)
    text = to_markdown(plan, run, (), None, NOW, found)
    assert "## Recovery drill" in text
    age = git.asked_at - BACKUP if git.asked_at else timedelta()
    minutes = int(age.total_seconds()) // 60
    when = f"{BACKUP:%Y-%m-%d %H:%M:%S}"
    assert f"| git | {when} | {minutes // 60} h {minutes % 60:02} min | 1 min 00 s |" in text
    assert "| shop | not known | not known | 1 min 00 s |" in text
    assert f"passed their tests: {tested - built + 1} min 00 s." in text


def test_what_has_not_passed_its_tests_proves_less() -> None:
    plan, run = came_to("restore-git")
    found = drill(plan, run, RESULTS)
    assert found is not None
    assert ([one.service for one in found.services], found.took) == (["git"], None)
    assert "has not passed its tests" in to_markdown(plan, run, (), None, NOW, found)


def test_a_run_that_restored_nothing_is_no_drill() -> None:
    plan, run = came_to("provision")
    assert drill(plan, run, {}) is None
    assert "drill" not in to_markdown(plan, run, (), None, NOW, None)
