"""A run that ends badly asks whether its snapshot is put back, and proves it when it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.model.facts import OperatingSystem, TakenSnapshot
from engine.model.plan import Plan, PutBackAct, ScriptAct, Step
from engine.model.run import Run
from engine.plan import make_plan
from engine.runs import RunDesk
from tests.unit.builders import NOW, facts, host, upgrade
from tests.unit.jobs.local_host import until
from tests.unit.runs.conftest import CHANGE, World, has_state, plan_of, steps_of

BACK = replace(CHANGE, action="downgrade", from_version="2.0", to_version="1.0")
NOTE = "snapshots"


@pytest.fixture
def failing(world: World) -> World:
    """A host whose packages are changed by a job that fails, and two scripts for its snapshot."""
    place = world.lan.root
    world.lan.double(
        "dpkg-query",
        f"[ -e {place}/back ] && v=1.0 || v=2.0\nprintf 'ii \\tlab-lib\\tall\\t%s\\n' $v\n",
    )
    world.lan.host = replace(world.lan.host, snapshot_restore="/vm/restore --now")
    world.plan = with_scripts(world, "echo torn; exit 7", restore="touch $place/back")
    return world


def with_scripts(world: World, job: str, *, take: str = ":", restore: str = ":") -> Plan:
    place = world.lan.root
    told = f'place={place}; echo "$HOSTSHIFT_SNAPSHOT" >>$place/'
    plan = plan_of(job, changes=(CHANGE,))
    take_it = ("sh", "-c", f"{told}taken; {take}")
    put_back = ("sh", "-c", f"{told}restored; {restore}")
    steps = (
        Step("snapshot", "Take it", "controller", ScriptAct(take_it, "snapshot", 60)),
        Step("put-back", "Put back", "controller", PutBackAct(put_back, 60, (BACK,), ()),
             gate=True, always=True),
        *plan.steps,
    )  # fmt: skip
    return replace(plan, steps=steps)


async def begun(world: World, desk: RunDesk) -> str:
    return await desk.start(world.plan, world.plan.digest)


async def asked(world: World, desk: RunDesk) -> str:
    run = await begun(world, desk)
    await until(has_state(desk, run, "waiting"))
    return run


async def ended(desk: RunDesk, run: str) -> Run:
    await until(lambda: desk.get(run).ended)
    async with asyncio.timeout(30):
        return await desk.wait(run)


def note(world: World) -> str:
    file = world.lan.home / NOTE
    return file.read_text() if file.exists() else ""


async def test_it_is_put_back_when_a_person_says_so(failing: World) -> None:
    desk = failing.desk()
    run = await asked(failing, desk)
    name = f"hostshift-{run}"
    said = desk.get(run)
    assert said.waits_for == f"Put the snapshot {name} back on h1?"
    assert "what h1 has written since is lost" in "\n".join(said.reason)
    assert "exit status 7" in "\n".join(said.reason)
    assert (failing.lan.home / "lock").read_text().count('"claim":true') == 1
    assert not (failing.lan.root / "restored").exists()
    await desk.answer(run, None, "go-on", "", "h1")
    end = await ended(desk, run)
    assert end.state == "rolled-back", end.reason
    assert end.reason[0] == f"The snapshot {name} was put back on h1."
    assert "exit status 7" in "\n".join(end.reason), "why it was put back"
    assert (failing.lan.root / "restored").read_text() == f"{name}\n"
    assert steps_of(end)["put-back"] == "rolled-back"
    assert note(failing).startswith(f"{run} 20"), "it is there still"
    assert not failing.has_lock()


async def test_it_stays_where_it_is_when_a_person_says_so(failing: World) -> None:
    desk = failing.desk()
    run = await asked(failing, desk)
    await desk.answer(run, None, "end", "", "")
    end = await ended(desk, run)
    assert end.state == "failed"
    assert f"HOSTSHIFT_SNAPSHOT=hostshift-{run} /vm/restore --now" in end.reason[-1]
    assert not (failing.lan.root / "restored").exists()
    assert not failing.has_lock()


async def test_a_run_that_ends_well_asks_nothing(failing: World) -> None:
    failing.plan = with_scripts(failing, "true")
    desk = failing.desk()
    end = await ended(desk, await begun(failing, desk))
    assert end.state == "succeeded"
    assert steps_of(end)["put-back"] == "cancelled"
    assert "put back" not in "\n".join(end.reason)
    assert note(failing).startswith(f"{end.id} 20")


async def test_what_was_not_taken_is_not_put_back(failing: World) -> None:
    failing.plan = with_scripts(failing, "true", take="exit 3")
    desk = failing.desk()
    end = await ended(desk, await begun(failing, desk))
    assert end.state == "failed"
    assert steps_of(end)["upgrade"] == "cancelled"
    assert note(failing) == ""


@pytest.mark.parametrize(("restore", "words"), [(":", "lab-lib should be at 1.0"), ("exit 4", "4")])
async def test_what_did_not_come_back_is_not_called_back(
    failing: World, restore: str, words: str
) -> None:
    failing.plan = with_scripts(failing, "exit 7", restore=restore)
    desk = failing.desk()
    run = await asked(failing, desk)
    await desk.answer(run, None, "go-on", "", "h1")
    end = await ended(desk, run)
    assert end.state == "attention"
    assert words in "\n".join(end.reason)


@pytest.mark.parametrize(("there", "state"), [("bookworm", "rolled-back"), ("trixie", "attention")])
async def test_the_release_must_be_the_former_one(failing: World, there: str, state: str) -> None:
    made = with_scripts(failing, "exit 7")
    (asks,) = (step for step in made.steps if step.id == "put-back")
    assert isinstance(asks.act, PutBackAct)
    act = replace(asks.act, changes=(), release="bookworm")
    others = [step for step in made.steps if step is not asks]
    failing.plan = replace(made, steps=(others[0], replace(asks, act=act), *others[1:]))
    failing.facts = replace(failing.facts, os=OperatingSystem(codename=there))
    desk = failing.desk()
    run = await asked(failing, desk)
    await desk.answer(run, None, "go-on", "", "h1")
    end = await ended(desk, run)
    assert end.state == state, end.reason
    assert ("it is trixie, not bookworm" in end.reason) == (state == "attention")


async def test_a_host_that_does_not_answer_any_more_is_put_back(failing: World) -> None:
    """Where nobody comes in, the snapshot is the way back; the script runs on this machine."""
    desk = failing.desk()
    run = await asked(failing, desk)
    failing.lan.cut()
    await desk.answer(run, None, "go-on", "", "h1")
    await until((failing.lan.root / "restored").exists)
    await until(has_state(desk, run, "unknown"))
    failing.lan.link = True
    assert (await ended(desk, run)).state == "rolled-back"


async def test_another_hostshift_does_not_ask_again_for_what_was_begun(failing: World) -> None:
    slow = "until [ -e $place/go ]; do sleep 0.05; done; touch $place/back"
    failing.plan = with_scripts(failing, "exit 7", restore=slow)
    first = failing.desk()
    run = await asked(failing, first)
    await first.answer(run, None, "go-on", "", "h1")
    await until((failing.lan.root / "restored").exists)
    await first.close()
    second = failing.desk()
    await second.open()
    second.resume(run)
    (failing.lan.root / "go").touch()
    end = await ended(second, run)
    assert end.state == "rolled-back"
    assert (failing.lan.root / "restored").read_text() == f"hostshift-{run}\n", "once"


def test_snapshots_that_were_kept_for_long_enough_go_before_the_next_is_taken() -> None:
    old, new = (TakenSnapshot(f"r{days}", NOW - timedelta(days=days)) for days in (6, 1))
    one = host(snapshot="/vm/take", snapshot_restore="/vm/back", snapshot_remove="/vm/drop -f")
    found = facts(upgrade("openssl"), snapshots=(old, new))
    steps = make_plan(one, found, "upgrade", NOW).steps
    ids = [step.id for step in steps]
    assert ids.index("remove-snapshot") + 1 == ids.index("snapshot") < ids.index("upgrade")
    act = steps[ids.index("remove-snapshot")].act
    assert act == ScriptAct(("/vm/drop", "-f"), "snapshot_remove", 1800, snapshot="r6")
    every = make_plan(one, found, "clean:snapshots", NOW)
    assert [step.id for step in every.steps] == ["remove-snapshot", "remove-snapshot-2"]
    assert not every.interrupts
    kept = replace(one, snapshot_keep_s=7 * 86_400)
    assert "remove-snapshot" not in [s.id for s in make_plan(kept, found, "upgrade", NOW).steps]


async def test_an_old_snapshot_that_stays_holds_no_upgrade_up(failing: World) -> None:
    old = ScriptAct(("false",), "snapshot_remove", 60, snapshot="r1")
    made = with_scripts(failing, "true")
    step = Step("remove-snapshot", "Remove it", "controller", old)
    failing.plan = replace(made, steps=(step, *made.steps))
    failing.lan.home.mkdir()
    (failing.lan.home / NOTE).write_text("r1 2026-11-01T00:00:00Z\n")
    desk = failing.desk()
    end = await ended(desk, await begun(failing, desk))
    assert end.state == "succeeded", end.reason
    assert steps_of(end)["remove-snapshot"] == "failed"
    assert note(failing).startswith("r1 ")
    failing.plan = replace(made, steps=(step,))
    alone = await ended(desk, await begun(failing, desk))
    assert alone.state == "failed"


async def test_a_removed_snapshot_is_forgotten(world: World) -> None:
    world.lan.home.mkdir()
    (world.lan.home / NOTE).write_text("r1 2026-11-01T00:00:00Z\nr11 2026-11-02T00:00:00Z\n")
    act = ScriptAct(("sh", "-c", f'echo "$HOSTSHIFT_SNAPSHOT" >{world.lan.root}/gone'),
                    "snapshot_remove", 60, snapshot="r1")  # fmt: skip
    world.plan = replace(
        plan_of("true"), steps=(Step("remove-snapshot", "Remove it", "controller", act),)
    )
    desk = world.desk()
    end = await ended(desk, await begun(world, desk))
    assert end.state == "succeeded", end.reason
    assert (world.lan.root / "gone").read_text() == "hostshift-r1\n"
    assert note(world) == "r11 2026-11-02T00:00:00Z\n"
