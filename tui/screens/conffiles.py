"""Configuration files of one plan or run: what would change about each, and whose version stays."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.errors import HostshiftError
from engine.facts.conffiles import AskedFile, ConffileTexts
from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.conffile_pages import Row, conffile_columns, difference_page
from tui.screens.base import CommandScreen
from tui.widgets.line_table import LineTable
from tui.widgets.sheet import Page, Sheet


class ConffilesScreen(CommandScreen[frozenset[str]]):
    """Ends with the files of which the package's version is to be taken; changes nothing.

    Args:
        files: None: those that a run has written down; its choice was made with its plan.
        came_from: The words of the title up to here.
    """

    PLACE = "conffiles"
    CSS_PATH = "conffiles.tcss"
    BINDINGS: ClassVar = bindings("conffiles")

    def __init__(
        self,
        bridge: Bridge,
        name: str,
        files: tuple[AskedFile, ...] | None,
        taken: frozenset[str],
        came_from: tuple[str, ...],
    ) -> None:
        super().__init__(bridge)
        self._host = name
        self._came_from = came_from
        self._asked = files
        self._files = files or ()
        self._taken = set(taken)
        self._texts: dict[str, ConffileTexts] = {}

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        return (*self._came_from, "Configuration files")

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        yield Static(id="conffiles-notice")
        with Vertical(id="conffiles-files", classes="panel"):
            yield LineTable(conffile_columns(), lambda row: row.file.path, id="conffiles")
        with VerticalScroll(id="conffiles-page", classes="panel"):
            yield Sheet(id="difference")

    @property
    def _table(self) -> LineTable[Row]:
        return self.query_one("#conffiles", LineTable)

    def on_mount(self) -> None:
        """Ask the host for both versions of each."""
        super().on_mount()
        whose = "plan" if self._asked is not None else "run"
        self.query_one("#conffiles-files").border_title = f"Files that the {whose} may ask about"
        self.query_one("#conffiles-page").border_title = "From yours to the package's"
        self._table.focus()
        if self._asked is None:
            self._notice("The host shows what the run has written down …")
        else:
            self._notice("The host's apt fetches the packages; this may take two minutes …")
        self._table.replace(self._rows())
        self._show()
        self.begin(self._read())

    async def _read(self) -> None:
        try:
            found = await self.bridge.read_conffiles(self._host, self._asked)
        except HostshiftError as error:
            self._notice(f"! {error.message}")
            raise
        self._texts = {one.asked.path: one for one in found}
        if self._asked is None:
            self._files = tuple(one.asked for one in found)
            self._table.replace(self._rows())
        self._notice("" if found else "The host has nothing of it any more.")
        self._show()

    def _notice(self, text: str) -> None:
        notice = self.query_one("#conffiles-notice", Static)
        notice.update(Content(text))
        notice.display = bool(text)

    def _rows(self) -> list[Row]:
        return [
            Row(file, self._texts.get(file.path), taken=file.path in self._taken)
            for file in self._files
        ]

    def _show(self) -> None:
        self._table.update_rows(self._rows())
        self._table.flush()
        self._show_difference()
        self.offer_commands()

    def _show_difference(self) -> None:
        row, page = self._table.cursor_row, Page()
        if row is not None:
            difference_page(page, row)
        self.query_one("#difference", Sheet).show(page)

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Show the file under the cursor."""
        event.stop()
        self._show_difference()
        self.offer_commands()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """Enter turns the choice, as the key does."""
        event.stop()
        self.action_command("take_conffile")

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        if command.id == "take_conffile":
            if self._asked is None:
                return "A run goes by its plan: end it, plan it again, and choose there (f, t)."
            row = self._table.cursor_row
            if row is not None and row.texts is not None and row.texts.asks is False:
                return "Nothing is asked about this file: the new version leaves it alone."
        return super().why_not(command)

    def do_take_conffile(self) -> None:
        """Keep it, or take the package's."""
        if (key := self._table.cursor_key) is not None:
            self._taken ^= {key}
            self._show()

    def do_back(self) -> None:
        """Back to where it came from; a plan is made again where the choice is another."""
        _ = self.dismiss(frozenset(self._taken))
