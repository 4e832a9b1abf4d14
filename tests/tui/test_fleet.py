"""The fleet screen under the fingers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from textual.widgets import Input

from engine.model.facts import Look
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import big_fleet, make_facts, make_host, make_run, small_fleet
from tui.fleet_rows import Counts, FleetRow
from tui.screens.fleet import FleetScreen
from tui.screens.fleet import _counts as counts_line
from tui.widgets.line_table import LineTable

HOUR = timedelta(hours=1)


def table(it: Opened) -> LineTable[FleetRow]:
    screen = it.app.screen
    assert isinstance(screen, FleetScreen)
    return screen.table


async def test_hosts_are_there_before_they_answer_and_rows_fill_in() -> None:
    async with opened() as it:
        it.verbs.gate.clear()
        await it.on("FleetScreen")
        await it.until(lambda: "looking" in it.line_with("db1"))
        await it.until(lambda: "0 of 12" in it.text())
        it.verbs.gate.set()
        await it.scanned()
        assert "34  11 sec" in it.line_with("db1")
        assert "looking" not in it.text()


async def test_the_header_counts() -> None:
    async with opened(demo=True, read_only=True) as it:
        await it.scanned()
        await it.until(lambda: "9 reachable" in it.text())
        line = it.line_with("reachable")
        for part in ("12 hosts", "7 pending", "6 security", "7 reboot", "1 blocked", "1 running"):
            assert part in line
        assert "DEMO" in it.text().split("\n")[0]
        assert "READ-ONLY" in it.text().split("\n")[0]


async def test_every_figure_of_the_header_fits_80_columns() -> None:
    async with opened(size=(80, 24)) as it:
        await it.scanned()
        await it.until(lambda: "9 reachable" in it.text())
        assert "1 running" in it.line_with("reachable")


def test_seven_figures_of_two_digits_fit_80_columns_too() -> None:
    figures = counts_line(Counts(14, 13, 11, 10, 2, 3, 1), 79).plain.rstrip()
    assert figures.endswith("3 blocked 1 running")
    assert 3 + len(figures) <= 80


async def test_80_columns_show_the_essential_ones_and_scroll_to_the_others() -> None:
    async with opened(size=(80, 24)) as it:
        await it.scanned()
        titles = it.line_with("Recommended")
        assert "State" in titles
        assert "›" in titles
        assert "Groups" not in titles
        await it.press(*"lllll")
        titles = it.line_with("Host ")
        assert "Seen" in titles
        assert "Recommended" not in titles
        assert it.line_with("! high").startswith("   db1")
        await it.press(*"hhhhh")
        assert "Seen" not in it.text()


async def test_keys_move_the_cursor_and_space_selects() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("j", "down", "k")
        assert table(it).cursor_key == "db1"
        await it.press("space", "space")
        assert table(it).selected == {"db1", "db2"}
        assert "●" in it.line_with("db2")
        assert "2 selected" in it.text()
        await it.press("asterisk")
        assert len(table(it).selected) == 12
        await it.press("escape")
        assert not table(it).selected
        await it.press("end")
        assert table(it).cursor_key == "wiki"
        await it.press("home")
        assert table(it).cursor_key == "bastion"


async def test_the_filter_narrows_while_typing_and_escape_clears_it() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("end", "slash")
        await it.type("group:web")
        assert [row.name for row in table(it).rows.shown()] == ["web1", "web2"]
        assert "2 of 12 hosts shown" in it.text()
        await it.press("enter", "j")
        assert table(it).has_focus
        assert table(it).cursor_key == "web2"
        await it.press("escape")
        assert len(table(it).rows) == 12
        assert table(it).cursor_key == "web2"


async def test_a_filter_without_a_match_says_how_to_get_out() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("slash")
        await it.type("zzz")
        assert "No host matches." in it.text()
        await it.press("escape")
        assert it.app.screen.query_one("#filter", Input).value == ""
        assert "bastion" in it.text()


async def test_sorting_keeps_the_cursor_on_its_host() -> None:
    async with opened(size=(200, 30)) as it:
        await it.scanned()
        assert table(it).move_to_key("monitor")
        table(it).sort_by("updates", reverse=True)
        await it.pilot.pause()
        names = [row.name for row in table(it).rows.shown()]
        assert names[:3] == ["db1", "gitlab", "web1"]
        assert names[-3:] == ["mail", "ns1", "wiki"]
        assert table(it).cursor_key == "monitor"
        assert "Updates ▼" in it.text()
        await it.press("S")
        assert "Updates ▲" in it.text()
        assert table(it).rows.shown()[-1].name == "wiki"


async def test_s_goes_from_column_to_column_and_back_to_the_given_order() -> None:
    async with opened(size=(200, 30)) as it:
        await it.scanned()
        seen = []
        for _ in range(11):
            await it.press("s")
            column = table(it).rows.sorted_by
            seen.append(None if column is None else column.id)
        assert seen[0] == "host"
        assert seen[-1] is None
        assert len(set(seen)) == 11


async def test_a_click_on_a_title_sorts_and_on_a_row_moves_then_opens() -> None:
    async with opened(size=(200, 30)) as it:
        await it.scanned()
        at = it.line_with("Recommended").index("Risk")
        await it.pilot.click("#fleet", offset=(at, 0))
        await it.pilot.pause()
        assert table(it).rows.sorted_by is not None
        assert table(it).rows.shown()[0].name == "monitor"
        await it.pilot.click("#fleet", offset=(10, 3))
        await it.pilot.pause()
        key = table(it).cursor_key
        assert key == table(it).rows.key_at(2)
        await it.pilot.click("#fleet", offset=(10, 3))
        await it.on("HostScreen")


async def test_updates_are_painted_together_and_the_cursor_stays_on_its_host() -> None:
    hosts, looks = small_fleet()
    async with opened(hosts, looks) as it:
        await it.scanned()
        table(it).sort_by("updates", reverse=True)
        assert table(it).move_to_key("db2")
        facts = make_facts(make_host("db2"), 50, 40)
        it.verbs.looks["db2"] = Look("db2", facts.taken_at, facts)
        it.bridge.look("db2")
        await it.until(lambda: table(it).rows.shown()[0].name == "db2")
        assert table(it).cursor_key == "db2"


async def test_g_looks_again_at_the_selected_hosts_only() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("space", "space", "g")
        await it.until(lambda: it.verbs.asked[-1] == ("scan", "bastion,db1"))


async def test_a_follows_the_run_that_the_lock_tells_of() -> None:
    async with opened() as it:
        await it.scanned()
        assert "▶ running" in it.line_with("web2")
        table(it).move_to_key("web2")
        await it.press("a")
        await it.on("RunScreen")
        assert "Run upgrade" in it.text()


async def test_quitting_asks_only_while_runs_are_followed() -> None:
    hosts, looks = small_fleet()
    async with opened(hosts, looks) as it:
        await it.scanned()
        await it.press("q")
        await it.until(lambda: not it.app.is_running)
    async with opened(hosts, looks) as it:
        await it.scanned()
        table(it).move_to_key("web2")
        await it.press("a")
        await it.on("RunScreen")
        await it.press("q")
        await it.on("FleetScreen")
        await it.press("q")
        await it.on("LeaveScreen")
        assert "go on" in it.text()
        await it.press("escape")
        await it.on("FleetScreen")
        await it.press("q")
        await it.on("LeaveScreen")
        await it.press("tab", "enter")
        await it.until(lambda: not it.app.is_running)
    assert it.verbs.closed


async def test_an_unfinished_run_of_an_earlier_hostshift_is_followed_again() -> None:
    hosts, looks = small_fleet()
    for read_only, resumed in ((False, ["old"]), (True, [])):
        async with opened(hosts, looks, read_only=read_only) as it:
            await it.scanned()
            it.verbs.resumed.clear()
            run = make_run("old", "db1", "upgrade")
            before = replace(run, id="done", state="succeeded", started_at=run.started_at - HOUR)
            it.verbs.runs = {"old": run, "done": before}
            it.bridge.begin(lambda work, name: it.app.run_worker(work))
            await it.until(lambda: "running 43 %" in it.line_with("db1"))
            assert it.verbs.resumed == resumed


async def test_ten_thousand_hosts_are_one_list_under_the_fingers() -> None:
    hosts, looks = big_fleet(10_000)
    async with opened(hosts, looks, size=(120, 30)) as it:
        await it.scanned()
        held = table(it)
        assert len(held.rows) == 10_000
        await it.press("end")
        assert held.cursor_key == "host09999"
        assert "host09999" in it.text()
        await it.press("pageup")
        # One page is what the table shows below its titles.
        assert held.cursor_key == f"host{9999 - (held.size.height - 1):05}"
        await it.press("slash")
        await it.type("group:group39 security")
        assert len(held.rows) == 250
        assert all("group39" in row.groups and row.security for row in held.rows.shown())
        await it.press("escape")
        held.sort_by("updates", reverse=True)
        order = [(row.security or 0, row.pending or 0) for row in held.rows.shown()]
        assert order == sorted(order, reverse=True)
        assert len(held._strips) <= held._strips.maxsize < 10_000
