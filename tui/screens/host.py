"""Host: what could be done to one server, what it would risk, and all that was found there."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.candidates.standing import what_mends
from engine.model.candidate import Candidate
from engine.model.facts import Change
from tui.bridge import Bridge, wants_password
from tui.commands import Command, bindings
from tui.host_pages import candidate_page, facts_page, headline, risk_cell, summary_cell
from tui.journeys import ask_password, break_lock, has_run, open_run, open_shell
from tui.messages import HostsChanged, RunsChanged
from tui.run_decisions import why_lock_stays
from tui.screens.base import CommandScreen, page_keys, put_front
from tui.widgets.columns import Cell, Column
from tui.widgets.line_table import LineTable
from tui.widgets.packages import package_columns, package_key
from tui.widgets.sheet import Sheet
from tui.words import count

PANELS = ("candidates-panel", "facts-panel", "packages-panel")
TITLES = ("Candidates", "Facts", "Packages")


def _candidate_columns(recommended: list[str]) -> tuple[Column[Candidate], ...]:
    def name(candidate: Candidate, width: int) -> Cell:
        mark = "★ " if candidate.id in recommended else "  "
        return ((mark, "accent"), (candidate.id, "strong"))

    def what(candidate: Candidate, width: int) -> Cell:
        return summary_cell(candidate)

    def risk(candidate: Candidate, width: int) -> Cell:
        return risk_cell(candidate, width)

    return (
        Column("id", "Candidate", 18, 24, name, essential=True),
        Column("risk", "Risk", 12, 24, risk, essential=True),
        Column("what", "What it would do", 24, 60, what, essential=True),
    )


class HostScreen(CommandScreen[None]):
    """Three panels: beside each other where there is room, else one at a time."""

    PLACE = "host"
    CSS_PATH = "host.tcss"
    BINDINGS: ClassVar = bindings("host")

    def __init__(self, bridge: Bridge, name: str) -> None:
        super().__init__(bridge)
        self._host = name
        self._recommended: list[str] = []
        self._cursor_set = False

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        return ("Fleet", self._host)

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        yield Sheet(id="headline")
        yield Static(page_keys(TITLES, 0), id="panel-keys")
        with Container(id="panels"):
            with Vertical(id="candidates-panel", classes="panel -front"):
                yield LineTable(
                    _candidate_columns(self._recommended),
                    lambda c: c.id,
                    empty="Nothing is known yet.",
                    id="candidates",
                )
                with VerticalScroll(id="candidate-detail"):
                    yield Sheet(id="candidate-sheet")
            with VerticalScroll(id="facts-panel", classes="panel"):
                yield Sheet(id="facts-sheet")
            with Vertical(id="packages-panel", classes="panel"):
                yield LineTable(package_columns(), package_key, empty="", id="packages")

    @property
    def candidates(self) -> LineTable[Candidate]:
        """The table of candidates."""
        return self.query_one("#candidates", LineTable)

    def on_mount(self) -> None:
        """Show what is known; look in full when that was a light look."""
        super().on_mount()
        for i, (panel, title) in enumerate(zip(PANELS, TITLES, strict=True), 1):
            self.query_one(f"#{panel}").border_title = f"{i} {title}"
        self._show()
        self.candidates.focus()
        known = self.bridge.known(self._host)
        if known.look is None or (known.facts is not None and known.facts.depth == "light"):
            self.bridge.look(self._host)

    def on_hosts_changed(self, message: HostsChanged) -> None:
        """Something new is known of this host."""
        if self._host in message.names:
            self._show()

    def on_runs_changed(self, message: RunsChanged) -> None:
        """The run on this host went on."""
        known = self.bridge.known(self._host)
        if known.run is not None and known.run.id in message.ids:
            self._show()

    def _show(self) -> None:
        known = self.bridge.known(self._host)
        self.query_one("#headline", Sheet).show(headline(known, self.bridge.now()))
        foresight = known.foresight
        candidates = () if foresight is None else foresight.candidates
        advice = None if foresight is None else foresight.recommendation
        self._recommended[:] = [] if advice is None else [advice.kind]
        table = self.candidates
        table.replace(candidates)
        table.forget_strips()
        table.styles.height = max(3, len(candidates) + 1)
        if advice is not None and not self._cursor_set:
            self._cursor_set = table.move_to_key(advice.kind)
        facts = facts_page(known, self.bridge.now())
        self.query_one("#facts-sheet", Sheet).show(facts)
        self._show_candidate()
        self.offer_commands()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Another candidate: its risk, its blockers, its packages."""
        if event.table.id == "candidates":
            self._show_candidate()
            self.offer_commands()

    def _show_candidate(self) -> None:
        candidate = self.candidates.cursor_row
        if candidate is not None and candidate.kind == "replace":
            self.bridge.examine(self._host)
        known = self.bridge.known(self._host)
        inventory = self.bridge.inventory_name
        self.query_one("#candidate-sheet", Sheet).show(candidate_page(known, candidate, inventory))
        table: LineTable[Change] = self.query_one("#packages", LineTable)
        changes = () if candidate is None else candidate.changes
        table.empty = "Not simulated." if changes is None else "No package changes."
        table.replace(changes or ())
        title = "3 Packages"
        if candidate is not None and changes:
            title += f" of {candidate.id}: {count(len(changes), 'change')}"
        self.query_one("#packages-panel").border_title = Content(title)

    # -- commands

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        reason = super().why_not(command)
        if reason is not None:
            return reason
        known = self.bridge.known(self._host)
        if command.id == "attach" and not has_run(known):
            return "There is no run on this host."
        if command.id == "break_lock":
            return why_lock_stays(known)
        if command.id == "password" and not wants_password(known.look):
            return "This host asks for no sudo password."
        if command.id == "plan":
            candidate = self.candidates.cursor_row
            if candidate is None:
                return "Nothing is known of this host yet."
            if candidate.kind == "none":
                return "There is nothing to plan for leaving the host as it is."
        if command.id == "mend" and self._mend() is None:
            return "No blocker here is mended by a plan: see its remedies; ! opens a shell."
        if (
            command.id in ("upgrade", "refresh_lists", "what_if", "changelogs")
            and known.facts is None
        ):
            return "This host could not be looked at."
        if command.id in ("download", "autoremove", "restart_services", "undo"):
            if known.facts is None or known.facts.packages is None:
                return "That is for apt hosts that could be looked at."
            if command.id == "restart_services" and not known.facts.services_to_restart:
                return "No service is known to use replaced files."
        if command.id == "repair" and not known.half_done:
            return "dpkg has nothing half done on this host, or is at work."
        foresight = known.foresight
        if command.id == "upgrade" and foresight and foresight.candidate("upgrade") is None:
            return "There is no candidate `upgrade` on this host: see its list."
        return None

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """Enter on a candidate plans it."""
        event.stop()
        if event.table.id == "candidates":
            self.action_command("plan")

    def _plan(self, candidate: str) -> None:
        from tui.screens.plan import PlanScreen

        self.show_screen(PlanScreen(self.bridge, (self._host,), candidate))

    def do_plan(self) -> None:
        """Plan the candidate under the cursor."""
        if (key := self.candidates.cursor_key) is not None:
            self._plan(key)

    def _mend(self) -> str | None:
        return what_mends(self._host, self.candidates.cursor_row)

    def do_mend(self) -> None:
        """Plan what mends the first blocker."""
        if (chore := self._mend()) is not None:
            self._plan(chore)

    def do_upgrade(self) -> None:
        """Plan the upgrade."""
        self._plan("upgrade")

    def do_refresh_lists(self) -> None:
        """Plan the chore refresh."""
        self._plan("refresh")

    def do_repair(self) -> None:
        """Plan the chore repair."""
        self._plan(self.bridge.known(self._host).repair)

    def do_download(self) -> None:
        """Plan the chore download."""
        self._plan("download")

    def do_autoremove(self) -> None:
        """Plan the chore autoremove."""
        self._plan("autoremove")

    def do_undo(self) -> None:
        """Plan the chore undo."""
        self._plan("undo")

    def do_restart_services(self) -> None:
        """Plan the chore restart-services."""
        self._plan("restart-services")

    def do_look(self) -> None:
        """Look again, in full; and again for a replacement where that is under the cursor."""
        self.bridge.forget_report(self._host)
        self.bridge.look(self._host)

    async def do_attach(self) -> None:
        """Follow the run on this host."""
        await open_run(self, self.bridge, self._host)

    async def do_break_lock(self) -> None:
        """Break this host's lock."""
        await break_lock(self, self.bridge, self._host)

    async def do_shell(self) -> None:
        """Open a terminal on this host, and look again when it was left."""
        await open_shell(self, self.bridge, self._host)

    def do_changelogs(self) -> None:
        """Ask what the pending updates fix."""
        self.bridge.read_changelogs(self._host)
        self.notify("The host's apt is asked; this may take two minutes.", markup=False)

    def do_what_if(self) -> None:
        """Suppose things."""
        from tui.screens.what_if import WhatIfScreen

        self.show_screen(WhatIfScreen(self.bridge, self._host))

    def do_history(self) -> None:
        """Show the runs on this host."""
        from tui.screens.history import HistoryScreen

        self.show_screen(HistoryScreen(self.bridge, self._host))

    async def do_password(self) -> None:
        """Ask for the sudo password."""
        await ask_password(self, self.bridge, (self._host,))

    def do_panel_1(self) -> None:
        """Go to the candidates."""
        self._go("candidates-panel", self.candidates)

    def do_panel_2(self) -> None:
        """Go to the facts."""
        self._go("facts-panel", self.query_one("#facts-panel"))

    def do_panel_3(self) -> None:
        """Go to the packages."""
        self._go("packages-panel", self.query_one("#packages"))

    def _go(self, panel: str, focus: Widget) -> None:
        self.query_one("#panel-keys", Static).update(page_keys(TITLES, PANELS.index(panel)))
        put_front((self.query_one(f"#{name}") for name in PANELS), self.query_one(f"#{panel}"))
        self.call_after_refresh(focus.focus)
