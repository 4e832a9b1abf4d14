"""What a person decides of a run: asked first, typed where services are touched, then done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Button

from engine.errors import RefusedError
from engine.model.plan import Plan
from engine.model.run import Run, State
from engine.plan import make_plan
from tests.tui.conftest import Opened, in_bar, opened
from tests.tui.fake_bridge import (
    NOW,
    FakeVerbs,
    fill_record,
    gated_plan,
    left_alone,
    make_host,
    make_run,
    small_fleet,
    waiting_run,
)
from tests.unit.builders import facts, host, upgrade
from tui import run_decisions
from tui.fleet_rows import Known
from tui.run_pages import step_to_show
from tui.screens.run import RunScreen

PLAN = gated_plan(make_host("db1"))
WAITS = waiting_run("run-9", "db1", PLAN)


def verbs_with(run: Run, plan: Plan | None = PLAN) -> FakeVerbs:
    verbs = FakeVerbs(dict(small_fleet()[1]))
    verbs.runs[run.id] = run
    if plan is not None:
        verbs.plans[run.id] = plan
    return verbs


async def open_run(it: Opened, host: str = "db1") -> None:
    await it.scanned()
    it.app.screen.query_one("#fleet").move_to_key(host)  # type: ignore[attr-defined]
    await it.press("a")
    await it.on("RunScreen")
    await it.settle()


def shut(it: Opened) -> bool:
    return it.app.screen.query_one("#act", Button).disabled


async def test_a_gate_says_what_it_waits_for_since_when_and_how_to_answer() -> None:
    async with opened(verbs=verbs_with(WAITS), size=(100, 40)) as it:
        await open_run(it)
        await it.until(lambda: "It goes on by itself" in it.text())
        text = it.text()
        for words in (
            "◷ waiting",
            "Reboot into 6.1.0-25 now?",
            "Asked 02:47:55 UTC, 12 min 05 s ago.",
            "It goes on by itself in the window Sun 02:00-05:00 Europe/Paris.",
            "Unanswered until 14:47:55 UTC, nothing more is done.",
            "y go on …     n end it here …",
        ):
            assert words in text
        assert "y go on" in in_bar(it)
        assert "n end it here" in in_bar(it)
        assert "stop" not in in_bar(it)


async def test_going_on_wants_the_hosts_name_and_takes_words_for_the_journal() -> None:
    async with opened(verbs=verbs_with(WAITS), size=(140, 40)) as it:
        await open_run(it)
        await it.until(lambda: "It goes on by itself" in it.text())
        await it.press("y")
        await it.on("ConfirmScreen")
        assert "Then: Reboot the host, Look again and compare." in it.text()
        await it.type("db")
        await it.press("enter")
        assert shut(it)
        await it.press("tab")
        await it.type("all is quiet")
        await it.press("enter")
        assert not it.verbs.decided, "it goes back to what is lacking"
        await it.type("db1")
        await it.press("enter")
        await it.on("RunScreen")
        await it.until(lambda: "▶ running" in it.text())
        assert it.verbs.decided == [("answer", "run-9", "gate", "go-on", "all is quiet")]


async def test_a_run_that_leaves_services_alone_is_answered_by_one_confirmation() -> None:
    async with opened(verbs=verbs_with(WAITS, replace(PLAN, interrupts=False))) as it:
        await open_run(it)
        await it.until(lambda: "It goes on by itself" in it.text())
        await it.press("y")
        await it.on("ConfirmScreen")
        await it.press("enter")  # the safe answer is in front
        await it.on("RunScreen")
        assert not it.verbs.decided
        await it.press("y")
        await it.on("ConfirmScreen")
        await it.press("tab", "enter")
        await it.until(lambda: it.verbs.decided == [("answer", "run-9", "gate", "go-on", "")])


async def test_without_the_plan_on_record_the_name_is_asked_for() -> None:
    async with opened(verbs=verbs_with(WAITS, None)) as it:
        await open_run(it)
        await it.press("y")
        await it.on("ConfirmScreen")
        assert shut(it)
        await it.press("escape")
        await it.on("RunScreen")
        assert not it.verbs.decided


async def test_what_a_gate_goes_by_is_said_where_it_is_answered() -> None:
    told = replace(WAITS, reason=(WAITS.waits_for or "", "Your references script finds: [b]x"))
    async with opened(verbs=verbs_with(told), size=(80, 24)) as it:
        await open_run(it)
        assert it.text().count(WAITS.waits_for or "") == 1
        await it.press("y")
        await it.on("ConfirmScreen")
        assert "Your references script finds: [b]x" in it.text()
        assert it.text().count(WAITS.waits_for or "") == 1


def test_the_lock_of_a_run_that_is_driven_is_not_for_breaking() -> None:
    hosts, looks = small_fleet()
    (web2,) = (one for one in hosts if one.name == "web2")
    known = Known(web2, left_alone(looks["web2"]))
    driven = replace(WAITS, owner="ada@laptop", owner_alive=True)
    assert "at a gate n ends it" in (run_decisions.why_not("break_lock", driven, known) or "")
    left = replace(driven, owner_alive=False)
    assert run_decisions.why_not("break_lock", left, known) is None


async def test_ending_it_here_says_what_is_still_carried_out() -> None:
    async with opened(verbs=verbs_with(WAITS), size=(140, 40)) as it:
        await open_run(it)
        await it.until(lambda: "It goes on by itself" in it.text())
        await it.press("n")
        await it.on("ConfirmScreen")
        assert "Still carried out: Remove downloaded packages." in it.text()
        await it.press("tab", "enter")
        await it.until(lambda: it.verbs.decided == [("answer", "run-9", "gate", "end", "")])


async def test_putting_a_snapshot_back_names_what_it_loses_and_nothing_that_is_over() -> None:
    old = host("db1", snapshot="/vm/take", snapshot_restore="/vm/back")
    plan = make_plan(old, facts(upgrade("openssl"), name="db1"), "upgrade", NOW)
    states: dict[str, State] = {"upgrade": "failed", "verify": "cancelled", "put-back": "waiting"}
    run = make_run("run-9", "db1", "upgrade", "planned", plan.steps)
    steps = tuple(replace(s, state=states.get(s.id, "succeeded")) for s in run.steps)
    waits = replace(run, state="waiting", steps=steps, waits_for="Put the snapshot back on db1?")
    async with opened(verbs=verbs_with(waits, plan), size=(140, 40)) as it:
        await open_run(it)
        await it.press("y")
        await it.on("ConfirmScreen")
        text = it.text()
        assert "At the end of upgrade on db1" in text
        assert "Put the snapshot back on db1?" in text
        assert "Going back to it loses what db1 has written since." in text
        assert "Then:" not in text, "the upgrade is over"
        assert shut(it)


async def test_a_stop_is_one_confirmation_and_a_hard_stop_is_typed() -> None:
    run = make_run("run-9", "db1", "upgrade")
    async with opened(verbs=verbs_with(run), size=(140, 40)) as it:
        await open_run(it)
        await it.until(lambda: "s stop   S hard stop" in in_bar(it))
        await it.press("s")
        await it.on("ConfirmScreen")
        await it.press("enter")
        await it.on("RunScreen")
        assert not it.verbs.decided
        await it.press("s")
        await it.on("ConfirmScreen")
        await it.press("tab", "enter")
        await it.until(lambda: it.verbs.decided == [("stop", "run-9", False, "")])
        await it.on("RunScreen")
        await it.press("S")
        await it.on("ConfirmScreen")
        assert "packages half unpacked or half configured" in it.text()
        assert shut(it)
        await it.type("db1")
        await it.press("enter")
        await it.until(lambda: it.verbs.decided[1:] == [("stop", "run-9", True, "db1")])


async def test_a_run_whose_hostshift_is_gone_is_taken_over_by_one_confirmation() -> None:
    run = replace(make_run("run-9", "db1", "upgrade"), owner="ada@old", owner_alive=False)
    async with opened(verbs=verbs_with(run), size=(140, 40)) as it:
        await open_run(it)
        await it.until(lambda: "The hostshift that drove this run is gone: ada@old." in it.text())
        assert "t take over" in in_bar(it)
        await it.press("t")
        await it.on("ConfirmScreen")
        await it.press("tab", "enter")
        await it.until(lambda: it.verbs.decided == [("take over", "run-9", "")])
        await it.on("RunScreen")
        await it.until(lambda: "is gone" not in it.text())


@pytest.mark.parametrize("alive", [True, None])
async def test_a_run_that_may_be_driven_is_taken_over_by_name_and_reason(
    alive: bool | None,
) -> None:
    run = replace(make_run("run-9", "db1", "upgrade"), owner="grace@desk", owner_alive=alive)
    async with opened(verbs=verbs_with(run), size=(140, 40)) as it:
        await open_run(it)
        assert ("take over" in in_bar(it)) is (alive is None)
        await it.press("t")
        await it.on("ConfirmScreen")
        await it.press("enter")
        await it.type("db1")
        await it.press("enter")
        assert shut(it)
        await it.press("shift+tab")
        await it.type("her laptop is closed")
        await it.press("enter", "enter")
        await it.until(lambda: it.verbs.decided == [("take over", "run-9", "her laptop is closed")])


async def test_a_lock_is_broken_on_its_evidence_by_name_and_reason() -> None:
    hosts, looks = small_fleet()
    looks["web2"] = left_alone(looks["web2"])
    async with opened(hosts, looks, size=(140, 40)) as it:
        await it.scanned()
        it.app.screen.query_one("#fleet").move_to_key("web2")  # type: ignore[attr-defined]
        await it.press("enter")
        await it.on("HostScreen")
        assert "b break lock" in in_bar(it)
        await it.press("b")
        await it.on("ConfirmScreen")
        assert "No unit and no process of the run is there." in it.text()
        await it.type("nobody is there")
        await it.press("enter")
        await it.type("web2")
        await it.press("enter")
        await it.until(
            lambda: it.verbs.decided == [("break lock", "web2", "web2", "nobody is there")]
        )
        await it.until(lambda: it.verbs.asked[-1] == ("full", "web2"))


async def test_the_lock_of_a_job_at_work_is_not_offered_to_be_broken() -> None:
    async with opened(size=(140, 40)) as it:
        await open_run(it, "web2")
        assert "break lock" not in in_bar(it)
        await it.press("b")
        await it.until(lambda: "is at work on the host." in it.text())


async def test_a_read_only_hostshift_shows_the_gate_and_says_that_it_may_not_answer() -> None:
    async with opened(verbs=verbs_with(WAITS), size=(140, 40), read_only=True) as it:
        await open_run(it)
        await it.until(
            lambda: "Read-only: it is answered from a hostshift that may act." in it.text()
        )
        for key in ("y", "n", "s", "S", "t"):
            await it.press(key)
            await it.until(lambda: "This hostshift is read-only" in it.text())
            assert isinstance(it.app.screen, RunScreen)
        assert not it.verbs.decided


async def test_a_refusal_of_the_engine_is_told_with_its_hint() -> None:
    verbs = verbs_with(WAITS)
    async with opened(verbs=verbs, size=(140, 40)) as it:
        await open_run(it)
        verbs.refuse = RefusedError("Somebody was faster.", hint="See the journal.")
        await it.press("n")
        await it.on("ConfirmScreen")
        await it.press("tab", "enter")
        await it.until(lambda: "Somebody was faster." in it.text())
        assert "See the journal." in it.text()
        assert "Reboot into 6.1.0-25 now?" in it.text()


@pytest.mark.parametrize(
    ("state", "command", "reason"),
    [
        ("running", "stop", None),
        ("unknown", "stop_hard", None),
        ("succeeded", "stop", "Nothing of this run is at work."),
        ("attention", "stop_hard", "Nothing of this run is at work."),
        ("running", "go_on", "This run waits for no answer."),
        ("running", "take_over", "No other hostshift is known to drive this run."),
        ("failed", "take_over", "This run has ended."),
        ("running", "upgrade", "This run has not ended."),
        ("running", "look", None),
        ("running", "password", "This run waits for no password."),
        ("unknown", "password", None),
    ],
)
def test_what_can_be_decided_follows_the_state(
    state: State, command: str, reason: str | None
) -> None:
    run = make_run("run-9", "db1", "upgrade", state)
    assert run_decisions.why_not(command, run, Known(make_host("db1"))) == reason


def test_a_gate_alone_is_answered_and_nothing_is_stopped_there() -> None:
    assert run_decisions.why_not("go_on", WAITS, None) is None
    assert run_decisions.why_not("end_here", WAITS, None) is None
    said = "Nothing is at work while it waits for an answer: n ends it here."
    assert run_decisions.why_not("stop", WAITS, None) == said
    for_a_lock = replace(WAITS, waits_for=None)
    assert run_decisions.why_not("go_on", for_a_lock, None) == "This run waits for no answer."
    assert run_decisions.why_not("stop", for_a_lock, None) is None


def test_the_log_in_front_is_of_a_step_that_writes_one() -> None:
    for run in (WAITS, replace(WAITS, waits_for=None)):
        shown = step_to_show(run, PLAN)
        assert shown is not None
        assert shown.id == "upgrade"
    verifies = replace(
        WAITS,
        state="running",
        waits_for=None,
        steps=tuple(
            replace(s, state="running", started_at=WAITS.since) if s.id == "verify" else s
            for s in WAITS.steps
        ),
    )
    shown = step_to_show(verifies, PLAN)
    assert shown is not None
    assert shown.id == "upgrade"
    unknown = step_to_show(verifies, None)
    assert unknown is not None
    assert unknown.id == "verify"


async def test_a_run_at_a_gate_is_in_the_record_of_the_small_fleet() -> None:
    verbs = FakeVerbs(dict(small_fleet()[1]))
    fill_record(verbs)
    async with opened(verbs=verbs, size=(140, 40)) as it:
        await it.scanned()
        assert "◷ waiting" in it.line_with("db1")
