"""Cutover: the tense minutes of a replacement on one screen. Closing it stops nothing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Digits

from engine.errors import HostshiftError
from engine.model.cutover import CutoverView
from engine.model.run import Run
from tui import run_decisions
from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.cutover_pages import (
    clock_tone,
    digits,
    dns_in_short,
    dns_page,
    dns_title,
    head_page,
    server_page,
    server_title,
    steps_page,
)
from tui.screens.one_run import TICK_S, OneRunScreen
from tui.widgets.log_pane import LogPane
from tui.widgets.sheet import Page, Sheet
from tui.widgets.strips import LEGEND, Strips
from tui.words import count

NOT_KNOWN = "Nothing is known of this cutover yet."


class CutoverScreen(OneRunScreen):
    """Clock and way back over all; steps, servers, checks, DNS and the log below."""

    PLACE = "cutover"
    CSS_PATH = "cutover.tcss"
    BINDINGS: ClassVar = bindings("cutover")

    def __init__(self, bridge: Bridge, run_id: str, came_from: tuple[str, ...] = ("Fleet",)):
        super().__init__(bridge, run_id, came_from)
        self._view: CutoverView | None = None
        self._trouble: HostshiftError | None = None
        self._reading = False

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        run = self.run_now
        return (*self._came_from, self._run_id if run is None else run.host, "Cutover")

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        with Horizontal(id="cutover-head"):
            yield Digits("00:00", id="cutover-clock")
            yield Sheet(id="cutover-words")
        with Container(id="cutover-columns"):
            with VerticalScroll(id="cutover-steps", classes="panel", can_focus=False):
                yield Sheet(id="steps-beside")
            with Vertical(id="cutover-right"):
                with VerticalScroll(id="cutover-middle"):
                    with Horizontal(id="cutover-servers"):
                        yield Sheet(id="server-old")
                        yield Sheet(id="server-new")
                    yield Strips(id="cutover-checks")
                    yield Sheet(id="cutover-dns")
                    yield Sheet(id="steps-below")
                yield LogPane(id="log")

    def on_mount(self) -> None:
        """Show what is known, then look each second."""
        super().on_mount()
        self.query_one("#cutover-steps").border_title = "Steps"
        self.query_one("#steps-below").border_title = "Steps"
        for panel in ("#server-old", "#server-new", "#cutover-checks", "#cutover-dns"):
            self.query_one(panel).add_class("panel")
        self.query_one("#steps-below").add_class("panel")
        self._show_view()
        self.follow_run()
        self.set_interval(TICK_S, self._tick)
        self._tick()
        self.call_after_refresh(self.log_pane.focus)

    def on_resize(self) -> None:
        """Another size shows other parts."""
        self.call_after_refresh(self._show_all)

    def _tick(self) -> None:
        if self.is_current:
            self.show_clock()
            if not self._reading:
                self.begin(self._read())

    async def _read(self) -> None:
        self._reading = True
        try:
            self._view, self._trouble = await self.bridge.cutover(self._run_id), None
        except HostshiftError as error:  # shown in its place: this is read each second
            self._view, self._trouble = None, error
        finally:
            self._reading = False
        self._show_all()

    def _show_all(self) -> None:
        if not self.is_mounted:
            return
        self._show_view()
        self.show_run()

    def show_clock(self) -> None:
        """Paint the outage clock and the words beside it."""
        now, run = self.bridge.now(), self.run_now
        clock = self.query_one("#cutover-clock", Digits)
        clock.update(digits(self._view, now))
        tone = clock_tone(self._view, now)
        for name in ("good", "bad", "accent", "muted"):
            clock.set_class(tone == name, f"-{name}")
        if run is not None:
            read_only = self.bridge.read_only
            words = head_page(run, self._view, now, self._trouble, read_only=read_only)
            self.query_one("#cutover-words", Sheet).show(words)

    def show_steps(self, run: Run) -> None:
        """See `OneRunScreen.show_steps`."""
        self.show_clock()
        now = self.bridge.now()
        room = self.query_one("#cutover-steps").content_size.height
        beside = steps_page(run, self._plan, self._step, now, room or len(run.steps))
        self.query_one("#steps-beside", Sheet).show(beside)
        below = steps_page(run, self._plan, self._step, now, len(run.steps) + 2)
        self.query_one("#steps-below", Sheet).show(below)

    def _show_view(self) -> None:
        view = self._view
        checks = self.query_one("#cutover-checks", Strips)
        dns = self.query_one("#cutover-dns", Sheet)
        for name, side in (
            ("#server-old", view and view.old),
            ("#server-new", view and view.new),
        ):
            sheet = self.query_one(name, Sheet)
            sheet.border_title = Content(server_title(side) if side else name[-3:].capitalize())
            sheet.show(server_page(side) if side else Page().text("Not known yet.", "muted"))
        checks.show(() if view is None else view.strips)
        seconds = checks.seconds(checks.content_size.width)
        checks.border_title = f"Checks, the last {count(seconds, 'second')}:  {LEGEND}"
        answers = () if view is None else view.dns
        short = self.has_class("-narrow") and self.has_class("-short")
        width = dns.content_size.width
        dns.show(dns_in_short(answers, width) if short else dns_page(answers))
        dns.border_title = dns_title(answers)

    # -- commands

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        reason = super().why_not(command)
        if reason is None and command.id == "go_back":
            if self._view is None:
                return NOT_KNOWN
            if not self._view.can_go_back:
                return "There is nothing to go back from now."
        return reason

    async def do_go_back(self) -> None:
        """Give the cutover up."""
        if self._view is not None:
            await self._go_back(self._view)

    async def _go_back(self, asked: CutoverView) -> None:
        if (run := self.run_now) is None:
            return
        given = await self.app.push_screen_wait(run_decisions.go_back(run, asked))
        if given is not None:
            self._view = latest = await self.bridge.cutover(run.id)
            self._show_all()
            if not asked.lossless or (latest is not None and latest.lossless):
                await self.bridge.go_back(run.id, given.phrase)
            elif latest is not None:  # the line was passed while the question stood there
                await self._go_back(latest)
