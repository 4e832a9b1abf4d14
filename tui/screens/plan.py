"""Plan: exactly what would be done, before anything is done."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.errors import HostshiftError
from engine.facts.conffiles import AskedFile, asked_files
from engine.model.candidate import IN_PLACE
from engine.model.plan import Plan, combined_digest
from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.plan_pages import changed_page, explain, plan_page
from tui.screens.base import CommandScreen
from tui.screens.conffiles import ConffilesScreen
from tui.screens.confirm import ConfirmScreen
from tui.widgets.line_table import LineTable
from tui.widgets.packages import package_columns, package_key
from tui.widgets.sheet import Sheet
from tui.words import age, count

AT_ONCE = 8
"""Hosts that are looked at in full at the same time when many are planned."""
DIGITS = 8
"""First digits of the digest that a confirmation for many hosts is bound to."""


class PlanScreen(CommandScreen[None]):
    """The plans of one candidate or chore on one or many hosts."""

    PLACE = "plan"
    CSS_PATH = "plan.tcss"
    BINDINGS: ClassVar = bindings("plan")

    def __init__(self, bridge: Bridge, names: tuple[str, ...], candidate: str) -> None:
        super().__init__(bridge)
        self._names = names
        self._candidate = candidate
        self._taken: frozenset[str] = frozenset()
        self.plans: tuple[Plan, ...] = ()
        self._left_out: list[tuple[str, HostshiftError]] = []
        self._differences: dict[str, tuple[str, ...]] = {}
        self._busy = True

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        who = self._names[0] if len(self._names) == 1 else count(len(self._names), "host")
        return ("Fleet", who, f"Plan {self._candidate}")

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        yield Static(id="plan-notice")
        with Horizontal(id="plan-columns"):
            with VerticalScroll(id="plan-page", classes="panel"):
                yield Sheet(id="plan-sheet")
            with Vertical(id="plan-changes", classes="panel"):
                yield LineTable(
                    package_columns(), package_key, empty="No package changes.", id="changes"
                )
        yield Static(id="plan-foot")

    def on_mount(self) -> None:
        """Make the plans; a host that was only looked at lightly is looked at in full first."""
        super().on_mount()
        self.query_one("#plan-page").border_title = "What would be done"
        self.query_one("#plan-changes").border_title = "Packages"
        self.query_one("#plan-page").focus()
        self._notice("Looking in full and making the plan …")
        self.begin(self._make())

    async def _make(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        left_out: list[tuple[str, HostshiftError]] = []

        async def one(name: str) -> Plan | None:
            async with gate:
                try:
                    return await self.bridge.plan(name, self._candidate, sorted(self._taken))
                except HostshiftError as error:
                    left_out.append((name, error))
                    return None

        made = await asyncio.gather(*(one(name) for name in self._names))
        self.plans = tuple(plan for plan in made if plan is not None)
        self._left_out = sorted(left_out, key=lambda pair: self._names.index(pair[0]))
        self._show()

    def _show(self) -> None:
        self._busy = False
        sheet, table = self.query_one("#plan-sheet", Sheet), self.query_one("#changes", LineTable)
        page = changed_page(self._differences)
        plan_page(page, self.plans, self._left_out)
        sheet.show(page)
        changes = [c for plan in self.plans for c in plan.changes or ()]
        if len(self.plans) > 1:
            changes = list({package_key(c): c for c in changes}.values())
        table.replace(changes)
        panel = self.query_one("#plan-changes")
        panel.display = bool(changes)
        panel.border_title = f"{count(len(changes), 'package')}"
        self._show_lists_age()
        self._show_foot()
        self.offer_commands()

    def _show_lists_age(self) -> None:
        old = [name for name in self._names if self.bridge.lists_are_old(name)]
        if not old or not self._by_lists:
            self._notice("")
            return
        facts = self.bridge.known(old[0]).facts
        how_old = age(facts.lists_age_s or 0) if facts is not None else "more than a day"
        who = "The package lists are" if len(self._names) == 1 else f"On {old[0]} the lists are"
        self._notice(f"! {who} {how_old} old. Press r to refresh them first.")

    def _show_foot(self) -> None:
        foot = self.query_one("#plan-foot", Static)
        if not self.plans:
            foot.update(Content("Nothing can be carried out. Nothing was changed."))
            return
        digest = combined_digest(self.plans)
        how = (
            "y asks for the name first, typed"
            if self._typed
            else "y carries it out: services are left alone"
        )
        if self.bridge.read_only:
            how = "read-only: shown, not carried out"
        foot.update(Content.assemble(("digest ", "$foreground-muted"), digest[:16], "    ", how))

    def _notice(self, text: str) -> None:
        notice = self.query_one("#plan-notice", Static)
        notice.update(Content(text))
        notice.display = bool(text)

    @property
    def _by_lists(self) -> bool:
        kind = self._candidate.partition(":")[0]
        return kind in IN_PLACE or kind == "download"

    @property
    def _typed(self) -> bool:
        return any(plan.interrupts for plan in self.plans)

    # -- commands

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        reason = super().why_not(command)
        if reason is not None:
            return reason
        if command.id == "carry_out":
            if self._busy:
                return "The plan is being made."
            if not self.plans:
                return "There is nothing that could be carried out."
        if command.id == "conffiles":
            if len(self.plans) != 1:
                return "Configuration files are looked at in the plan of one host."
            if not self._files():
                return "This plan asks about no configuration file of yours."
        if command.id == "plan_refresh" and not self._by_lists:
            return "This plan doesn't go by the package lists."
        return None

    def _files(self) -> tuple[AskedFile, ...]:
        plan = self.plans[0]
        facts = self.bridge.known(plan.host).facts
        changes = plan.changes or (None if plan.effects.conffiles else ())
        return asked_files(facts.packages if facts else None, changes)

    async def do_conffiles(self) -> None:
        """See the files and choose; the plan is made again for another choice."""
        name = self.plans[0].host
        way = ("Fleet", name, "Plan")
        screen = ConffilesScreen(self.bridge, name, self._files(), self._taken, way)
        taken = await self.app.push_screen_wait(screen)
        if taken != self._taken:
            self._taken, self._busy = taken, True
            self.offer_commands()
            await self._make()

    async def do_carry_out(self) -> None:
        """Ask as the plan demands, then start."""
        plans = self.plans
        if self._typed and not await self._confirmed(plans):
            return
        self._busy = True
        self.offer_commands()
        started, refused = await self._start(plans)
        self._busy = False
        if len(started) == 1 and not refused:
            from tui.screens.run import RunScreen

            self.replace_by(RunScreen(self.bridge, started[0]))
        elif started and not refused:
            self.notify(f"{count(len(started), 'run')} started.", markup=False)
            self.leave()
        else:
            self._ask_again(refused)

    async def _start(self, plans: tuple[Plan, ...]) -> tuple[list[str], dict[str, HostshiftError]]:
        started: list[str] = []
        refused: dict[str, HostshiftError] = {}
        for plan in plans:
            try:
                started.append(await self.bridge.start(plan))
            except HostshiftError as error:
                refused[plan.host] = error
        return started, refused

    def _ask_again(self, refused: dict[str, HostshiftError]) -> None:
        """Show what has changed, or why it was refused; what was started is gone from here."""
        self._differences, plans = {}, []
        for name, error in refused.items():
            plan = getattr(error, "plan", None)
            if isinstance(plan, Plan):
                plans.append(plan)
                self._differences[name] = tuple(getattr(error, "difference", ()))
            else:
                self.tell(error)
                plans.extend(old for old in self.plans if old.host == name)
        self.plans = tuple(plans)
        self._show()
        self.query_one("#plan-page").scroll_home(animate=False)

    async def _confirmed(self, plans: tuple[Plan, ...]) -> bool:
        if len(plans) == 1:
            phrase = plans[0].host
            title = f"{plans[0].candidate} on {plans[0].host}"
        else:
            phrase = f"{len(plans)} {combined_digest(plans)[:DIGITS]}"
            title = f"{self._candidate} on {count(len(plans), 'host')}"
        answer = await self.app.push_screen_wait(
            ConfirmScreen(title, explain(plans), phrase, "Carry it out")
        )
        return bool(answer)

    def do_plan_refresh(self) -> None:
        """Plan the refresh of the lists instead."""
        self.replace_by(PlanScreen(self.bridge, self._names, "refresh"))
