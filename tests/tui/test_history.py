"""The history lists what is on record, opens it, and writes it down when asked."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputError, RefusedError
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import FakeVerbs, fill_record, make_run, small_fleet
from tui.exports import write_export
from tui.history_rows import parse, row_of
from tui.screens.history import HistoryScreen
from tui.screens.run import RunScreen

WAITS = "20261123T024355-9f3c1a"


def recorded() -> FakeVerbs:
    verbs = FakeVerbs(dict(small_fleet()[1]))
    fill_record(verbs)
    return verbs


async def open_history(it: Opened) -> HistoryScreen:
    await it.scanned()
    await it.press("H")
    await it.on("HistoryScreen")
    screen = it.app.screen
    assert isinstance(screen, HistoryScreen)
    await it.until(lambda: screen.table.rows.total)
    await it.settle()
    return screen


async def test_runs_are_listed_the_newest_first_with_all_that_tells_them_apart() -> None:
    async with opened(verbs=recorded(), size=(150, 30)) as it:
        await open_history(it)
        lines = [line for line in it.text().split("\n") if " 2026-" in line]
        assert [line.lstrip(" ▌▏█┃▍▎").split()[2] for line in lines] == [
            "db1",
            "web1",
            "gitlab",
            "bastion",
            "ns1",
            "monitor",
            "retired7",
        ]
        line = it.line_with("monitor")
        for word in ("2026-11-18 02:00", "dist-upgrade", "✗ failed", "5 d", "10 min 11 s"):
            assert word in line
        assert "ada@laptop" in line
        assert "3f9c1b2a3f9c" in line


async def test_on_a_small_screen_what_has_no_column_stands_below() -> None:
    async with opened(verbs=recorded(), size=(80, 24)) as it:
        await open_history(it)
        assert "ada@laptop" not in it.line_with("monitor")
        await it.press("G")
        assert "ada@laptop    3f9c1b2a3f9c    20261102T020000-e21b90" in it.text()


async def test_from_a_host_only_its_runs_are_shown_until_the_filter_is_cleared() -> None:
    async with opened(verbs=recorded()) as it:
        await it.scanned()
        it.app.screen.query_one("#fleet").move_to_key("web1")  # type: ignore[attr-defined]
        await it.press("enter")
        await it.on("HostScreen")
        await it.press("H")
        await it.on("HistoryScreen")
        await it.until(lambda: "1 of 7 runs" in it.text())
        assert "upgrade:security" in it.text()
        await it.press("slash", "escape")
        await it.until(lambda: "7 runs" in it.text() and "1 of" not in it.text())
        await it.press("q")
        await it.on("HostScreen")


async def test_filtering_while_typing_and_what_is_said_when_nothing_matches() -> None:
    async with opened(verbs=recorded()) as it:
        screen = await open_history(it)
        await it.press("slash")
        await it.type("ada state:ended -failed")
        shown = [row.run.host for row in screen.table.rows.shown()]
        assert shown == ["gitlab", "bastion"]
        await it.press("enter", "slash")
        await it.type(" nothing")
        assert "No run matches. Escape clears the filter." in it.text()


def test_the_filter_knows_words_and_fields() -> None:
    verbs = recorded()
    rows = [row_of(run) for run in verbs.runs.values()]
    for text, hosts in (
        ("live", ["db1", "retired7"]),
        ("host:web", ["web1"]),
        ("do:upgrade -live", ["web1", "gitlab", "monitor"]),
        ("operator:grace", ["web1", "ns1"]),
        ("digest:3f9c run:20261118", ["monitor"]),
        ("rolled-back", ["bastion"]),
    ):
        matches = parse(text)
        assert matches is not None
        assert [row.run.host for row in rows if matches(row)] == hosts, text
    assert parse("  host: ") is None


async def test_a_run_of_a_host_that_is_gone_from_the_inventory_can_still_be_read() -> None:
    async with opened(verbs=recorded(), size=(140, 40)) as it:
        await open_history(it)
        await it.press("G", "enter")
        await it.on("RunScreen")
        await it.until(lambda: "release-upgrade" in it.text())
        await it.press("u")
        await it.until(lambda: "retired7 is not in the inventory." in it.text())
        await it.press("g", "q")
        await it.on("HistoryScreen")
        assert ("full", "retired7") not in it.verbs.asked


async def test_the_logs_of_a_run_that_ended_on_another_machine_are_asked_for() -> None:
    async with opened(verbs=recorded()) as it:
        await open_history(it)
        it.verbs.resumed.clear()
        await it.press("G", "up", "enter")
        await it.on("RunScreen")
        assert it.verbs.resumed == ["20261118T020000-c0ffee"]


async def test_a_live_run_goes_on_in_the_table_and_a_new_one_comes_in() -> None:
    async with opened(verbs=recorded()) as it:
        screen = await open_history(it)
        run = it.verbs.runs[WAITS]
        it.verbs.runs[WAITS] = replace(run, state="running", waits_for=None)
        await it.until(lambda: "▶ running" in it.line_with("db1"))
        it.verbs.runs["new"] = make_run("new", "web1", "refresh")
        it.bridge._keep_run(it.verbs.runs["new"])
        await it.until(lambda: screen.table.rows.total == 8)
        assert "refresh" in next(line for line in it.text().split("\n") if "02:58" in line)


async def test_without_a_record_it_says_so() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("H")
        await it.on("HistoryScreen")
        await it.until(lambda: "No run is on record yet." in it.text())
        await it.press("e")
        await it.until(lambda: "No run is shown." in it.text())


async def test_an_export_leaves_the_logs_out_unless_they_are_asked_for(tmp_path: Path) -> None:
    async with opened(verbs=recorded(), state_dir=tmp_path, size=(160, 30)) as it:
        await open_history(it)
        file = tmp_path / "exports" / f"{WAITS}.md"
        await it.press("e")
        await it.on("ExportScreen")
        await it.press("escape")
        await it.on("HistoryScreen")
        assert not file.exists()
        await it.press("e")
        await it.on("ExportScreen")
        await it.press("enter")
        await it.until(lambda: f"exports/{WAITS}.md" in "".join(it.text().split()))
        assert file.read_text() == f"# {WAITS} without logs\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        await it.press("enter")
        await it.on("RunScreen")
        await it.press("e")
        await it.on("ExportScreen")
        await it.press("tab", "enter")
        await it.on("RunScreen")
        await it.until(lambda: file.read_text() == f"# {WAITS} with logs\n")


async def test_an_export_that_is_refused_says_why() -> None:
    verbs = recorded()
    async with opened(verbs=verbs) as it:
        await open_history(it)
        verbs.refuse = RefusedError("It is not on record.", hint="Look elsewhere.")
        await it.press("e")
        await it.on("ExportScreen")
        await it.press("enter")
        await it.until(lambda: "It is not on record." in it.text())
        assert "Look elsewhere." in it.text()


def test_a_file_that_cannot_be_written_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file in the way")
    with pytest.raises(InputError, match=r"exports/run-1\.md can't be written"):
        write_export(tmp_path, "run-1", "text")


def test_no_run_id_leads_out_of_the_directory(tmp_path: Path) -> None:
    file = write_export(tmp_path, "../../etc/x", "text")
    assert file.parent == tmp_path / "exports"
    assert file.read_text() == "text"


async def test_a_past_run_shows_its_steps_and_its_journal() -> None:
    async with opened(verbs=recorded(), size=(100, 60)) as it:
        await open_history(it)
        await it.press("enter")
        await it.on("RunScreen")
        assert isinstance(it.app.screen, RunScreen)
        await it.press("2")
        await it.until(lambda: "$ systemctl --no-block reboot" in it.text())
        text = it.text()
        for words in (
            "$ apt-get -y -o Dpkg::Options::=--force-confold upgrade",
            "· 22 of 22 packages at their planned version",
            "✓ succeeded   02:43:55 to 02:47:55 UTC, 4 min 00 s   on the host",
        ):
            assert words in text
        await it.press("4")
        await it.until(lambda: "2026-11-22, UTC" in it.text())
        assert "02:43:55  ada@laptop" in it.line_with("confirmed")
        journal = it.verbs.journals[WAITS]
        more = replace(journal[-1], text="Somebody else looked.")
        it.verbs.journals[WAITS] = (*journal, more)
        run = it.verbs.runs[WAITS]
        it.verbs.runs[WAITS] = replace(run, reason=("somebody looks",))
        await it.until(lambda: "Somebody else looked." in it.text())
        await it.press("3")
        await it.until(lambda: "Log of Upgrade the packages" in it.text())
        assert "Operator" not in it.text()
