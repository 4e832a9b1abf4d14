"""The Cutover screen: what it shows each second, and the one key that goes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from engine.clock import FixedClock
from engine.errors import InputError, RefusedError
from engine.model.cutover import CutoverView, DnsSide
from engine.text import clean
from tests.tui.conftest import Opened, in_bar, opened
from tests.tui.cutovers import PLAN, QUESTION, RUN, Moment, cutting_over, make_replacing, make_view
from tests.tui.fake_bridge import NOW, make_run
from tests.tui.test_hostile import NASTY, drawn, poisoned
from tui.cutover_pages import digits, head_page, steps_page
from tui.screens.cutover import CutoverScreen
from tui.widgets.strips import CELLS, strip_lines

WIDE = (140, 40)


async def open_cutover(it: Opened, host: str = "web1") -> None:
    await it.scanned()
    it.app.screen.query_one("#fleet").move_to_key(host)  # type: ignore[attr-defined]
    await it.press("a")
    await it.on("RunScreen")
    await it.press("c")
    await it.on("CutoverScreen")
    await it.until(lambda: "promised" in it.text())


def decided(it: Opened) -> list[tuple[object, ...]]:
    return it.verbs.decided


async def test_only_a_replacement_has_a_cutover() -> None:
    verbs = cutting_over("frozen")
    verbs.runs["run-9"] = make_run("run-9", "db1", "upgrade")
    async with opened(verbs=verbs, size=WIDE) as it:
        await it.scanned()
        for host, offered in (("db1", False), ("web1", True)):
            it.app.screen.query_one("#fleet").move_to_key(host)  # type: ignore[attr-defined]
            await it.press("a")
            await it.on("RunScreen")
            await it.settle()
            assert ("c cutover" in in_bar(it)) is offered
            await it.press("c")
            if offered:
                await it.on("CutoverScreen")
            else:
                await it.until(lambda: "Only a replacement has a cutover." in it.text())
                await it.press("q")
                await it.on("FleetScreen")


@pytest.mark.parametrize("size", [(80, 24), (120, 30)])
async def test_all_that_counts_is_in_sight(size: tuple[int, int]) -> None:
    async with opened(verbs=cutting_over("frozen"), size=size) as it:
        await open_cutover(it)
        text = it.text()
        for words in (
            "Frozen for 37 s of 1 min 30 s promised",
            "Seen from outside: out for 35 s.",
            "b go back …  ↶ Going back loses nothing",
            "▶ 14 of 23  Final sync  12 s  63 %   then Verify the copy",
            "web1, old, 203.0.113.10",
            "■ frozen    wiki",
            "web3, new, 203.0.113.30",
            "‖ held      git",
            "▇" * 10 + "×" * 33,
            "DNS, 0 of 4 have turned",
            "Log of Final sync",
            "wiki/uploads/2026/0139.png",
        ):
            assert words in text, words
        assert "? 198.51.100.53" in text
        assert in_bar(it).startswith("b go back")


async def test_the_clock_runs_and_each_second_a_new_view_is_shown() -> None:
    async with opened(verbs=cutting_over("frozen"), size=WIDE) as it:
        await open_cutover(it)
        clock = cast("FixedClock", it.bridge._session.clock)
        clock.advance(65)
        await it.until(lambda: "Frozen for 1 min 42 s: 12 s over the 1 min 30 s" in it.text())
        it.verbs.cutovers[RUN] = make_view("turning")
        await it.until(lambda: "Served again after 1 min 15 s of 1 min 30 s" in it.text())
        assert "they would be lost in going back." in it.text()
        assert "✓ ns1.example.com  primary" in it.text()
        assert "○ 192.0.2.53       resolver   203.0.113.10, for 41 s more" in it.text()
        del it.verbs.cutovers[RUN]
        await it.until(lambda: "Nothing is known of this cutover yet." in it.text())
        assert "Final sync" in it.text()
        assert "go back" not in in_bar(it)
        await it.press("b")
        await it.settle()
        assert isinstance(it.app.screen, CutoverScreen)


async def test_what_cannot_be_read_is_told_in_its_place_and_not_each_second_anew() -> None:
    async with opened(verbs=cutting_over("frozen"), size=WIDE) as it:
        await open_cutover(it)
        it.verbs.no_cutover = InputError("The samples can't be read.", hint="Mend the disk.")
        await it.until(lambda: "The samples can't be read." in it.text())
        assert "→ Mend the disk." in it.text()
        assert "Frozen for" not in it.text()
        assert not it.app._notifications
        it.verbs.no_cutover = None
        await it.until(lambda: "Frozen for" in it.text())


async def test_one_key_goes_back_while_nothing_is_lost() -> None:
    async with opened(verbs=cutting_over("frozen"), size=WIDE) as it:
        await open_cutover(it)
        await it.press("b")
        await it.on("ConfirmScreen")
        assert "Going back loses nothing" in it.text()
        await it.press("enter")  # the safe answer is in front
        await it.on("CutoverScreen")
        assert decided(it) == []
        await it.press("b", "y")
        await it.until(lambda: decided(it) == [("go back", RUN, "")])
        await it.on("CutoverScreen")


async def test_once_something_would_be_lost_the_name_is_typed() -> None:
    async with opened(verbs=cutting_over("turning"), size=WIDE) as it:
        await open_cutover(it)
        await it.press("b")
        await it.on("ConfirmScreen")
        assert "web3 has accepted writes since 02:59:31" in it.text()
        await it.press("y", "enter")
        assert decided(it) == []
        await it.press("backspace")
        await it.type("web1")
        await it.press("enter")
        await it.until(lambda: decided(it) == [("go back", RUN, "web1")])


async def test_a_question_that_was_overtaken_is_asked_anew() -> None:
    async with opened(verbs=cutting_over("frozen"), size=WIDE) as it:
        await open_cutover(it)
        await it.press("b")
        await it.on("ConfirmScreen")
        it.verbs.cutovers[RUN] = make_view("turning")
        await it.press("y")
        await it.until(lambda: "Type  web1  to go on." in it.text())
        assert decided(it) == []
        await it.press("escape")
        await it.on("CutoverScreen")
        assert decided(it) == []


async def test_where_there_is_no_way_back_the_key_is_not_offered() -> None:
    verbs = cutting_over("frozen")
    verbs.cutovers[RUN] = replace(verbs.cutovers[RUN], can_go_back=False)
    async with opened(verbs=verbs, size=WIDE) as it:
        await open_cutover(it)
        assert "go back …" not in it.text()
        assert "go back" not in in_bar(it)
        await it.press("b")
        await it.until(lambda: "There is nothing to go back from now." in it.text())
        assert isinstance(it.app.screen, CutoverScreen)


async def test_the_engines_refusal_is_told() -> None:
    verbs = cutting_over("frozen")
    async with opened(verbs=verbs, size=WIDE) as it:
        await open_cutover(it)
        verbs.refuse = RefusedError("The token is on its way.", hint="Look in a second.")
        await it.press("b", "y")
        await it.until(lambda: "The token is on its way." in it.text())


async def test_the_gate_is_answered_here_as_on_the_run_screen() -> None:
    async with opened(verbs=cutting_over("before"), size=WIDE) as it:
        await open_cutover(it)
        await it.until(lambda: QUESTION in it.text())
        assert in_bar(it).startswith("y go on   n end it here")
        await it.press("y")
        await it.on("ConfirmScreen")
        await it.press("enter")
        await it.type("web1")
        await it.press("enter")
        await it.until(lambda: decided(it) == [("answer", RUN, "s11", "go-on", "")])


@pytest.mark.parametrize(("moment", "keys"), [("before", "yn"), ("turning", "b")])
async def test_a_read_only_hostshift_sees_it_without_keys_that_act(
    moment: Moment, keys: str
) -> None:
    async with opened(verbs=cutting_over(moment), size=WIDE, read_only=True) as it:
        await open_cutover(it)
        await it.settle()
        assert in_bar(it).startswith("G follow")
        assert "go back …" not in it.text()
        assert ("Read-only: it is answered" in it.text()) is (moment == "before")
        for key in keys:
            await it.press(key)
            await it.until(lambda: "This hostshift is read-only" in it.text())
            assert isinstance(it.app.screen, CutoverScreen)
        assert decided(it) == []


async def test_leaving_it_stops_nothing_and_the_log_of_other_steps_can_be_read() -> None:
    async with opened(verbs=cutting_over("frozen"), size=WIDE) as it:
        await open_cutover(it)
        it.verbs.logs[RUN, "s15"] = b"of the verification\n"
        await it.press("J")
        await it.until(lambda: "of the verification" in it.text())
        await it.press("q")
        await it.on("RunScreen")
        assert it.verbs.runs[RUN] == make_replacing("frozen")
        assert decided(it) == []


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_what_hosts_and_name_servers_say_is_never_obeyed(size: tuple[int, int]) -> None:
    verbs = cutting_over("turning")
    text = clean(NASTY)
    view = verbs.cutovers[RUN]
    verbs.cutovers[RUN] = replace(
        view,
        old=poisoned(replace(view.old, services=((text, "frozen"),)), text),
        dns=tuple(DnsSide(text, text, None, text) for _ in range(3)),
        side_words=text,
        strips=((text, text, (text, "ok")),),
    )
    async with opened(verbs=verbs, size=size) as it:
        await open_cutover(it)
        await it.until(lambda: "[red]" in it.text())
        assert all(char.isprintable() or char == "\n" for char in drawn(it))


def test_each_state_has_a_sign_of_its_own_and_the_newest_second_is_at_the_right() -> None:
    states = ("ok",) * 50 + ("bad", "unknown", "nothing")
    rows = (("wiki", "old", states), ("wiki", "name", ("ok",)))
    assert strip_lines(rows, 8).plain == "wiki  old      ▇▇▇▇▇×?·\n      by name         ▇"
    assert len({sign for sign, _ in CELLS.values()}) == len(CELLS) == 4


@pytest.mark.parametrize("room", [3, 6, 10, 23, 40])
@pytest.mark.parametrize(("moment", "line"), [("before", "◷ 11  Ask"), ("turning", "▶ 20  Follow")])
def test_where_steps_do_not_fit_those_around_the_one_in_hand_are_shown(
    moment: Moment, line: str, room: int
) -> None:
    run = make_replacing(moment)
    page = steps_page(run, PLAN, None, NOW, room)
    text = page.plain()
    assert len(page.lines) <= room
    assert line in text
    told = [int(line.split()[1]) for line in text.split("\n") if "…" in line]
    assert sum(step.title in text for step in run.steps) + sum(told) == len(run.steps)
    assert ("gate" in text) is (moment == "before" or room > 3)


def test_the_clock_stands_before_the_freeze_and_after_its_end() -> None:
    later = NOW + timedelta(minutes=70)
    assert digits(None, later) == "00:00"
    assert digits(make_view("before"), later) == "00:00"
    assert digits(make_view("frozen"), NOW) == "00:37"
    assert digits(make_view("frozen"), later) == "70:37"
    assert digits(make_view("turning"), later) == "01:15"


def test_a_run_in_trouble_says_why_and_what_to_do() -> None:
    run = replace(
        make_replacing("turning"),
        state="attention",
        reason=("The check of wiki fails on web3.",),
        hint="Go on or go back.",
    )
    said = head_page(run, make_view("turning"), NOW, read_only=False).plain()
    assert "! attention" in said
    assert "The check of wiki fails on web3." in said
    assert "→ Go on or go back." in said


def test_what_was_never_measured_is_not_called_up() -> None:
    run = make_replacing("frozen")

    def said(view: CutoverView) -> str:
        return head_page(run, view, NOW, read_only=False).plain()

    view = make_view("frozen")
    assert "Not measured from outside yet." in said(replace(view, outage_s=None))
    assert "no check has failed" in said(replace(view, outage_s=0.0))
    assert "no window was promised" in said(replace(view, promised_s=None))
