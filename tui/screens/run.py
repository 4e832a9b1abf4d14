"""Run: a plan being carried out, or the record of one. Closing the screen stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.model.plan import Plan
from engine.model.run import Run, StepState
from tui import run_decisions
from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.journeys import ask_password, break_lock, export_run
from tui.messages import HostsChanged, RunsChanged
from tui.run_pages import gate_of, journal_page, overview_page, record_page, step_to_show
from tui.screens.base import CommandScreen, page_keys
from tui.screens.confirm import ConfirmScreen
from tui.verbs import GateAnswer
from tui.widgets.command_bar import CommandBar
from tui.widgets.log_pane import LogPane
from tui.widgets.sheet import Sheet

TICK_S = 1.0
"""Seconds between two paintings of elapsed times, and between two readings of the journal."""
PAGES = ("overview", "steps", "log", "journal")
TITLES = tuple(page.capitalize() for page in PAGES)
OF_LOG = ("follow", "next_step", "previous_step")

Question = Callable[[Run, StepState, Plan | None], ConfirmScreen]


class RunScreen(CommandScreen[None]):
    """Four pages: steps beside the log of one of them; steps in full; the log; the journal."""

    PLACE = "run"
    CSS_PATH = "run.tcss"
    BINDINGS: ClassVar = bindings("run")

    def __init__(self, bridge: Bridge, run_id: str, came_from: tuple[str, ...] = ("Fleet",)):
        super().__init__(bridge)
        self._run_id = run_id
        self._came_from = came_from
        self._plan: Plan | None = None
        self._step: str | None = None
        self._chosen = False
        self._page = PAGES[0]
        self._journal_is_old = False

    @property
    def run_now(self) -> Run | None:
        """The newest snapshot."""
        return self.bridge.run(self._run_id)

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

    @property
    def log_pane(self) -> LogPane:
        """The log."""
        return self.query_one("#log", LogPane)

    def on_mount(self) -> None:
        """Show the run as it is known, then as it goes on."""
        super().on_mount()
        self.query_one("#run-steps").border_title = "Steps"
        self.query_one("#run-record").border_title = "Steps, commands, evidence"
        self.query_one("#run-journal").border_title = "Journal"
        self._go_to(PAGES[0])
        self._show()
        self.bridge.follow(self._run_id)
        self.set_interval(TICK_S, self._tick)
        self.begin(self._read_plan())

    async def _read_plan(self) -> None:
        self._plan = await self.bridge.plan_of(self._run_id)
        self._show()

    async def _read_journal(self) -> None:
        self._journal_is_old = False
        entries = await self.bridge.journal(self._run_id)
        self.query_one("#journal-sheet", Sheet).show(journal_page(entries))

    def _tick(self) -> None:
        run = self.run_now
        if run is None or not self.is_current:
            return
        if not run.ended:
            self._show_steps(run)
        if self._journal_is_old and self._page == "journal":
            self.begin(self._read_journal())

    def on_runs_changed(self, message: RunsChanged) -> None:
        """A new snapshot."""
        if self._run_id in message.ids:
            self._journal_is_old = True
            self._show()

    def on_hosts_changed(self, message: HostsChanged) -> None:
        """The host was looked at again: repair may have become possible, or needless."""
        run = self.run_now
        if run is not None and run.host in message.names:
            self.offer_commands()

    def _show(self) -> None:
        if (run := self.run_now) is None:
            return
        self._show_steps(run)
        if not self._chosen:
            self._show_log(run, step_to_show(run, self._plan))
        self.offer_commands()

    def _show_steps(self, run: Run) -> None:
        now, read_only = self.bridge.now(), self.bridge.read_only
        overview = overview_page(run, self._plan, self._step, now, read_only=read_only)
        self.query_one("#run-sheet", Sheet).show(overview)
        record = record_page(run, self._plan, now, read_only=read_only)
        self.query_one("#record-sheet", Sheet).show(record)

    def _show_log(self, run: Run, step: StepState | None) -> None:
        if step is None or step.id == self._step:
            return
        self._step = step.id
        pane = self.log_pane
        pane.border_title = Content(f"Log of {step.title}")
        pane.show(partial(self.bridge.read_log, run.id, step.id))
        self._show_steps(run)

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
        run = self.run_now
        if reason is not None:
            return reason
        if run is None:
            return "Nothing is known of this run yet."
        if command.id in OF_LOG and self._page in ("steps", "journal"):
            return "The log isn't shown on this page: 3 shows it."
        known = self.bridge.known(run.host) if self.bridge.has(run.host) else None
        return run_decisions.why_not(command.id, run, known)

    def offer_commands(self) -> None:
        """See `CommandScreen.offer_commands`; a run that is driven isn't there to be taken over."""
        run = self.run_now
        driven = run is not None and run.owner_alive is True
        offers = [o for o in self.offered() if not (driven and o[0].id == "take_over")]
        self.query_one(CommandBar).show(offers)

    def do_follow(self) -> None:
        """Go to the end of the log and follow it."""
        self.log_pane.action_command("follow")

    def do_next_step(self) -> None:
        """The log of the next step."""
        self._go(1)

    def do_previous_step(self) -> None:
        """The log of the step before."""
        self._go(-1)

    def _go(self, way: int) -> None:
        run = self.run_now
        if run is None or not run.steps:
            return
        ids = [step.id for step in run.steps]
        now = ids.index(self._step) if self._step in ids else 0
        self._chosen = True
        self._show_log(run, run.steps[max(0, min(now + way, len(ids) - 1))])

    def do_look(self) -> None:
        """Look at the host again."""
        if (run := self.run_now) is not None:
            self.bridge.look(run.host)
            self.notify(f"Looking at {run.host} again.", markup=False)

    async def do_password(self) -> None:
        """Ask for the sudo password of this host."""
        if (run := self.run_now) is not None:
            await ask_password(self, self.bridge, (run.host,))

    def do_upgrade(self) -> None:
        """Plan the upgrade of this host, as after a refresh of its lists."""
        self._plan_next("upgrade")

    def do_repair(self) -> None:
        """Plan the repair of this host, as after a run that left dpkg half-way."""
        self._plan_next("repair")

    def _plan_next(self, candidate: str) -> None:
        from tui.screens.plan import PlanScreen

        if (run := self.run_now) is not None:
            self.replace_by(PlanScreen(self.bridge, (run.host,), candidate))

    async def do_export(self) -> None:
        """Write the run down as Markdown."""
        if (run := self.run_now) is not None:
            await export_run(self, self.bridge, run)

    # -- what a person decides

    async def do_go_on(self) -> None:
        """Answer the gate with yes."""
        await self._answer("go-on", run_decisions.go_on)

    async def do_end_here(self) -> None:
        """Answer the gate with no."""
        await self._answer("end", run_decisions.end_here)

    async def _answer(self, answer: GateAnswer, question: Question) -> None:
        run = self.run_now
        if run is None or (gate := gate_of(run)) is None:
            return
        given = await self.app.push_screen_wait(question(run, gate, self._plan))
        if given is not None:
            await self.bridge.answer(run, gate.id, answer, given.words)

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

    async def do_take_over(self) -> None:
        """Drive this run from here."""
        if (run := self.run_now) is None:
            return
        given = await self.app.push_screen_wait(run_decisions.take_over(run))
        if given is not None:
            await self.bridge.take_over(run, given.words)

    async def do_break_lock(self) -> None:
        """Break the host's lock."""
        if (run := self.run_now) is not None:
            await break_lock(self, self.bridge, run.host)
