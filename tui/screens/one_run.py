"""What every screen of one run does: follow it, show a step's log, let a person decide."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.content import Content

from engine.model.plan import Plan
from engine.model.run import Run, StepState
from tui import run_decisions
from tui.bridge import Bridge
from tui.commands import Command
from tui.journeys import ask_password
from tui.messages import RunsChanged
from tui.run_pages import gate_of, step_to_show
from tui.screens.base import CommandScreen
from tui.screens.confirm import ConfirmScreen
from tui.verbs import GateAnswer
from tui.widgets.command_bar import CommandBar
from tui.widgets.log_pane import LogPane

TICK_S = 1.0
"""Seconds between two paintings of elapsed times, and between two readings of what is read."""
Question = Callable[[Run, StepState, Plan | None], ConfirmScreen]


class OneRunScreen(CommandScreen[None]):
    """A screen with a ``#log``; a subclass paints the rest in `show_steps`."""

    def __init__(self, bridge: Bridge, run_id: str, came_from: tuple[str, ...] = ("Fleet",)):
        super().__init__(bridge)
        self._run_id = run_id
        self._came_from = came_from
        self._plan: Plan | None = None
        self._step: str | None = None
        self._chosen = False

    @property
    def run_now(self) -> Run | None:
        """The newest snapshot."""
        return self.bridge.run(self._run_id)

    @property
    def log_pane(self) -> LogPane:
        """The log."""
        return self.query_one("#log", LogPane)

    def follow_run(self) -> None:
        """Show the run as it is known, then as it goes on."""
        self.show_run()
        self.bridge.follow(self._run_id)
        self.begin(self._read_plan())

    async def _read_plan(self) -> None:
        self._plan = await self.bridge.plan_of(self._run_id)
        self.show_run()

    def on_runs_changed(self, message: RunsChanged) -> None:
        """A new snapshot."""
        if self._run_id in message.ids:
            self.show_run()

    def show_run(self) -> None:
        """Paint what is known of the run."""
        if (run := self.run_now) is None:
            return
        self.show_steps(run)
        if not self._chosen:
            self._show_log(run, step_to_show(run, self._plan))
        self.offer_commands()

    def show_steps(self, run: Run) -> None:
        """Paint the steps."""

    def _show_log(self, run: Run, step: StepState | None) -> None:
        if step is None or step.id == self._step:
            return
        self._step = step.id
        pane = self.log_pane
        pane.border_title = Content(f"Log of {step.title}")
        pane.show(partial(self.bridge.read_log, run.id, step.id))
        self.show_steps(run)

    # -- commands

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        reason = super().why_not(command)
        run = self.run_now
        if reason is not None:
            return reason
        if run is None:
            return "Nothing is known of this run yet."
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

    async def do_password(self) -> None:
        """Ask for the sudo password of this host."""
        if (run := self.run_now) is not None:
            await ask_password(self, self.bridge, (run.host,))

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

    async def do_take_over(self) -> None:
        """Drive this run from here."""
        if (run := self.run_now) is None:
            return
        given = await self.app.push_screen_wait(run_decisions.take_over(run))
        if given is not None:
            await self.bridge.take_over(run, given.words)
