"""Run: a plan being carried out, or the record of one. Closing the screen stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from engine.model.run import Run
from tui import run_decisions
from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.journeys import break_lock, export_run, open_shell
from tui.messages import HostsChanged, RunsChanged
from tui.run_pages import journal_page, overview_page, record_page
from tui.screens.base import page_keys
from tui.screens.confirm import ConfirmScreen
from tui.screens.one_run import TICK_S, OneRunScreen
from tui.widgets.log_pane import LogPane
from tui.widgets.sheet import Sheet

PAGES = ("overview", "steps", "log", "journal")
TITLES = tuple(page.capitalize() for page in PAGES)
OF_LOG = ("follow", "next_step", "previous_step")


class RunScreen(OneRunScreen):
    """Four pages: steps beside the log of one of them; steps in full; the log; the journal."""

    PLACE = "run"
    CSS_PATH = "run.tcss"
    BINDINGS: ClassVar = bindings("run")

    def __init__(self, bridge: Bridge, run_id: str, came_from: tuple[str, ...] = ("Fleet",)):
        super().__init__(bridge, run_id, came_from)
        self._page = PAGES[0]
        self._journal_is_old = False

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        run = self.run_now
        if run is None:
            return (*self._came_from, "Run", self._run_id)
        return (*self._came_from, run.host, f"Run {run.candidate}")

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        yield Static(page_keys(TITLES, 0), id="page-keys")
        with Container(id="run-columns"):
            with VerticalScroll(id="run-steps", classes="panel", can_focus=False):
                yield Sheet(id="run-sheet")
            with VerticalScroll(id="run-record", classes="panel"):
                yield Sheet(id="record-sheet")
            yield LogPane(id="log")
            with VerticalScroll(id="run-journal", classes="panel"):
                yield Sheet(journal_page(None), id="journal-sheet")

    def on_mount(self) -> None:
        """Show the run as it is known, then as it goes on."""
        super().on_mount()
        self.query_one("#run-steps").border_title = "Steps"
        self.query_one("#run-record").border_title = "Steps, commands, evidence"
        self.query_one("#run-journal").border_title = "Journal"
        self._go_to(PAGES[0])
        self.follow_run()
        self.set_interval(TICK_S, self._tick)

    async def _read_journal(self) -> None:
        self._journal_is_old = False
        entries = await self.bridge.journal(self._run_id)
        self.query_one("#journal-sheet", Sheet).show(journal_page(entries))

    def _tick(self) -> None:
        run = self.run_now
        if run is None or not self.is_current:
            return
        if not run.ended:
            self.show_steps(run)
        if self._journal_is_old and self._page == "journal":
            self.begin(self._read_journal())

    def on_runs_changed(self, message: RunsChanged) -> None:
        """A new snapshot."""
        if self._run_id in message.ids:
            self._journal_is_old = True
        super().on_runs_changed(message)

    def on_hosts_changed(self, message: HostsChanged) -> None:
        """The host was looked at again: repair may have become possible, or needless."""
        run = self.run_now
        if run is not None and run.host in message.names:
            self.offer_commands()

    def show_steps(self, run: Run) -> None:
        """See `OneRunScreen.show_steps`."""
        now, read_only = self.bridge.now(), self.bridge.read_only
        overview = overview_page(run, self._plan, self._step, now, read_only=read_only)
        self.query_one("#run-sheet", Sheet).show(overview)
        record = record_page(run, self._plan, now, read_only=read_only)
        self.query_one("#record-sheet", Sheet).show(record)

    # -- pages

    def _go_to(self, page: str) -> None:
        self._page = page
        self.query_one("#page-keys", Static).update(page_keys(TITLES, PAGES.index(page)))
        for name in PAGES:
            self.set_class(name == page, f"-{name}")
        front: dict[str, Widget] = {
            "steps": self.query_one("#run-record"),
            "journal": self.query_one("#run-journal"),
        }
        self.offer_commands()
        self.call_after_refresh(front.get(page, self.log_pane).focus)

    def do_page_1(self) -> None:
        """Steps in short beside the log."""
        self._go_to("overview")

    def do_page_2(self) -> None:
        """The steps in full."""
        self._go_to("steps")

    def do_page_3(self) -> None:
        """The log alone."""
        self._go_to("log")

    async def do_page_4(self) -> None:
        """The journal, read anew."""
        self._go_to("journal")
        await self._read_journal()

    # -- commands

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        reason = super().why_not(command)
        if reason is None and command.id in OF_LOG and self._page in ("steps", "journal"):
            return "The log isn't shown on this page: 3 shows it."
        return reason

    def do_look(self) -> None:
        """Look at the host again."""
        if (run := self.run_now) is not None:
            self.bridge.look(run.host)
            self.notify(f"Looking at {run.host} again.", markup=False)

    def do_conffiles(self) -> None:
        """Show what the run has found to differ."""
        from tui.screens.conffiles import ConffilesScreen

        if (run := self.run_now) is not None:
            taken = frozenset(self._plan.take if self._plan is not None else ())
            _ = self.app.push_screen(
                ConffilesScreen(self.bridge, run.host, None, taken, self.way())
            )

    async def do_shell(self) -> None:
        """Open a terminal on the run's host."""
        if (run := self.run_now) is not None:
            await open_shell(self, self.bridge, run.host)

    def do_upgrade(self) -> None:
        """Plan the upgrade of this host, as after a refresh of its lists."""
        self._plan_next("upgrade")

    def do_repair(self) -> None:
        """Plan the repair of this host, as after a run that left dpkg half-way."""
        known = self.bridge.known(self.run_now.host) if self.run_now is not None else None
        self._plan_next(known.repair if known is not None else "repair")

    def _plan_next(self, candidate: str) -> None:
        from tui.screens.plan import PlanScreen

        if (run := self.run_now) is not None:
            self.replace_by(PlanScreen(self.bridge, (run.host,), candidate))

    def do_cutover(self) -> None:
        """Show the cutover."""
        from tui.screens.cutover import CutoverScreen

        self.show_screen(CutoverScreen(self.bridge, self._run_id, self._came_from))

    async def do_export(self) -> None:
        """Write the run down as Markdown."""
        if (run := self.run_now) is not None:
            await export_run(self, self.bridge, run)

    # -- what a person decides

    async def do_stop(self) -> None:
        """Ask the run to stop after the transaction in hand."""
        await self._stop(False, run_decisions.stop)

    async def do_stop_hard(self) -> None:
        """Kill what the run does now."""
        await self._stop(True, run_decisions.stop_hard)

    async def _stop(self, hard: bool, question: Callable[[Run], ConfirmScreen]) -> None:
        if (run := self.run_now) is not None:
            given = await self.app.push_screen_wait(question(run))
            if given is not None:
                await self.bridge.stop(run, hard, given.phrase)

    async def do_break_lock(self) -> None:
        """Break the host's lock."""
        if (run := self.run_now) is not None:
            await break_lock(self, self.bridge, run.host)
