"""History: every run on record, past and live, the newest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from tui.bridge import HISTORY, Bridge
from tui.commands import Command, bindings
from tui.history_rows import DIGITS, HistoryRow, history_columns, parse, row_of
from tui.journeys import export_run
from tui.messages import RunsChanged
from tui.screens.base import CommandScreen
from tui.widgets.filter_line import FilterLine
from tui.widgets.line_table import LineTable
from tui.words import count

AGES_EVERY_S = 15
"""Seconds after which ages and durations in the table are painted anew."""
READING = "Reading the record of runs …"
NO_RUN = "No run is on record yet."
NO_MATCH = "No run matches. Escape clears the filter."


class HistoryScreen(CommandScreen[None]):
    """The table of runs, and a filter; of one host when it was opened from there."""

    PLACE = "history"
    CSS_PATH = "history.tcss"
    BINDINGS: ClassVar = bindings("history")
    AUTO_FOCUS = "#history"

    def __init__(self, bridge: Bridge, host: str | None = None) -> None:
        super().__init__(bridge)
        self._host = host
        self._known: frozenset[str] = frozenset()
        self._read = False

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        return ("Fleet", "History")

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        table: LineTable[HistoryRow] = LineTable(
            history_columns(self.bridge.now), _id, empty=READING, id="history"
        )
        yield table
        yield FilterLine("host, state, operator, candidate, digest …", id="filter-line")
        yield Static(id="status")

    @property
    def table(self) -> LineTable[HistoryRow]:
        """The table of runs."""
        return self.query_one("#history", LineTable)

    def on_mount(self) -> None:
        """Read the record."""
        super().on_mount()
        if self._host is not None:
            self.query_one(FilterLine).open(f"host:{self._host}")
        self.table.focus()
        self.set_interval(AGES_EVERY_S, self.table.forget_strips)
        self.begin(self._load())

    async def _load(self) -> None:
        try:
            runs = await self.bridge.history()
        finally:
            self._read = True
            self._say_empty()
        self._known |= {run.id for run in runs}
        self.table.replace([row_of(run) for run in runs])
        self.table.forget_strips()
        self._show_status()
        self.offer_commands()

    def on_runs_changed(self, message: RunsChanged) -> None:
        """Some went on; one that isn't in the table yet makes the record be read again."""
        runs = [run for run in map(self.bridge.run, message.ids) if run is not None]
        self.table.update_rows([row_of(run) for run in runs])
        if self._read and not message.ids <= self._known:
            self._known |= message.ids
            self.begin(self._load())

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """Open a run."""
        from tui.screens.run import RunScreen

        self.show_screen(RunScreen(self.bridge, event.key, ("History",)))

    def on_line_table_cursor_moved(self) -> None:
        """What stands below is of the run under the cursor."""
        self._show_status()
        self.offer_commands()

    def on_line_table_sorted(self) -> None:
        """Say the order."""
        self._show_status()

    def _show_status(self) -> None:
        rows, row = self.table.rows, self.table.cursor_row
        said = count(rows.total, "run")
        if len(rows) != rows.total:
            said = f"{len(rows):,} of {said}"
        if rows.total >= HISTORY:
            said += ", the newest"
        parts: list[tuple[str, str]] = [(said, "")]
        if row is not None:
            parts.append((f"    {row.run.operator}    {row.run.digest[:DIGITS]}", ""))
            parts.append((f"    {row.run.id}", ""))
        self.query_one("#status", Static).update(Content.assemble(*parts))

    # -- filter

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        matches: Callable[[HistoryRow], bool] | None = parse(event.value)
        self.table.filter(matches)
        self._say_empty()
        self._show_status()

    @on(Input.Submitted, "#filter")
    def filter_done(self) -> None:
        """Back to the table; the filter stays."""
        line = self.query_one(FilterLine)
        self.table.focus()
        if not line.field.value:
            line.close()

    def _say_empty(self) -> None:
        filtered = bool(self.query_one(FilterLine).field.value)
        self.table.empty = READING if not self._read else NO_MATCH if filtered else NO_RUN

    # -- commands

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        if command.id in ("open", "export") and self.table.cursor_row is None:
            return "No run is shown."
        return super().why_not(command)

    def do_open(self) -> None:
        """Open the run under the cursor."""
        self.table.action_command("open")

    def do_filter(self) -> None:
        """Open the filter."""
        self.query_one(FilterLine).open()

    def do_reload(self) -> None:
        """Read the record again."""
        self.begin(self._load())

    def do_sort(self) -> None:
        """Order by the next column."""
        self.table.sort_by_next()

    def do_reverse(self) -> None:
        """Turn the order around."""
        self.table.reverse()

    async def do_export(self) -> None:
        """Write the run under the cursor down as Markdown."""
        if (row := self.table.cursor_row) is not None:
            await export_run(self, self.bridge, row.run)

    def do_back(self) -> None:
        """Clear the filter while it is being typed, else leave."""
        line = self.query_one(FilterLine)
        if line.field.has_focus:
            line.close()
            self.table.focus()
        else:
            self.leave()


def _id(row: HistoryRow) -> str:
    return row.run.id
