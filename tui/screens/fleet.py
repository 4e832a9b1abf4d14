"""Fleet: every host of the inventory in one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.fleet_columns import fleet_columns
from tui.fleet_filter import parse
from tui.fleet_rows import Counts, FleetRow, count_up, row_of
from tui.journeys import ask_password, has_run, open_run
from tui.messages import HostsChanged, ScanProgress
from tui.screens.base import CommandScreen
from tui.widgets.filter_line import FilterLine
from tui.widgets.line_table import LineTable
from tui.words import count

AGES_EVERY_S = 15
"""Seconds after which the ages in the table are painted anew."""

COUNT_AFTER_S = 0.5
NO_HOST = "No host in this inventory."


class FleetScreen(CommandScreen[None]):
    """Counts, the table, the filter."""

    PLACE = "fleet"
    CSS_PATH = "fleet.tcss"
    BINDINGS: ClassVar = bindings("fleet")
    AUTO_FOCUS = "#fleet"

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._counting = False
        self._asked_for_keys = False
        self._asked_for_password = False
        self._progress = ScanProgress(0, 0, False)

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        return ("Fleet", self.bridge.inventory_name)

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        yield Static(id="counts")
        table: LineTable[FleetRow] = LineTable(
            fleet_columns(self.bridge.now),
            lambda row: row.name,
            selectable=True,
            empty=NO_HOST,
            id="fleet",
        )
        yield table
        yield FilterLine("name, group, system, security, reboot, blocked …", id="filter-line")
        yield Static(id="status")

    @property
    def table(self) -> LineTable[FleetRow]:
        """The table of hosts."""
        return self.query_one("#fleet", LineTable)

    def on_mount(self) -> None:
        """Show what is known already."""
        super().on_mount()
        rows = [row_of(self.bridge.known(host.name)) for host in self.bridge.hosts]
        self.table.replace(rows)
        self._show_counts()
        self._show_status()
        self.set_interval(AGES_EVERY_S, self.table.forget_strips)
        self.table.focus()

    # -- news

    def on_hosts_changed(self, message: HostsChanged) -> None:
        """New snapshots of some hosts."""
        self.table.update_rows([row_of(self.bridge.known(name)) for name in message.names])
        if not self._counting:
            # The table is painted up to a quarter of a second later; the sums follow it.
            self._counting = True
            self.set_timer(COUNT_AFTER_S, self._show_counts)

    def on_scan_progress(self, message: ScanProgress) -> None:
        """The scan went on."""
        self._progress = message
        self._show_status()
        if message.done == message.total:
            self._ask_what_hosts_need()

    def on_inventory_changed(self) -> None:
        """Say it, and offer to read it again."""
        self._show_status()
        self.offer_commands()

    def _ask_what_hosts_need(self) -> None:
        """Once all have answered: unknown host keys and passwords are asked for, once."""
        if not self.is_current:
            return
        if self.bridge.key_offers and not self._asked_for_keys:
            self._asked_for_keys = True
            self.do_keys()
        elif self.bridge.hosts_wanting_password and not self._asked_for_password:
            self._asked_for_password = True
            self.begin(self.do_password())

    def _show_counts(self) -> None:
        self._counting = False
        sums = count_up([self.table.rows.row(i) for i in range(self.table.rows.total)])
        self.query_one("#counts", Static).update(_counts(sums, self.size.width - 1))
        self.offer_commands()

    def _show_status(self) -> None:
        table, parts = self.table, []
        if self.bridge.inventory_changed:
            parts.append(f"{self.bridge.inventory_name} has changed: I reads it again")
        progress = self._progress
        if progress.active and progress.done < progress.total:
            parts.append(f"looking  {progress.done:,} of {progress.total:,}")
        elif progress.active:
            parts.append("looking deeper where something changed")
        if len(table.rows) != table.rows.total:
            parts.append(f"{len(table.rows):,} of {count(table.rows.total, 'host')} shown")
        if table.selected:
            parts.append(f"● {len(table.selected):,} selected")
        self.query_one("#status", Static).update(Content("    ".join(parts)))

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """Open a host."""
        from tui.screens.host import HostScreen

        self.show_screen(HostScreen(self.bridge, event.key))

    def on_line_table_cursor_moved(self) -> None:
        """What can be done depends on the host."""
        self.offer_commands()

    def on_line_table_sorted(self) -> None:
        """Say the order."""
        self._show_status()

    # -- filter

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.table.filter(parse(event.value))
        self.table.empty = "No host matches. Escape clears the filter." if event.value else NO_HOST
        self._show_status()

    @on(Input.Submitted, "#filter")
    def filter_done(self) -> None:
        """Back to the table; the filter stays."""
        self.table.focus()
        if not self.query_one("#filter", Input).value:
            self._close_filter()

    def _close_filter(self) -> bool:
        """Show all hosts again; False when nothing was filtered."""
        was_open = self.query_one(FilterLine).close()
        self.table.focus()
        return was_open

    # -- commands

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        reason = super().why_not(command)
        if reason is not None:
            return reason
        if command.id == "keys" and not self.bridge.key_offers:
            return "Every host key that was seen is known."
        if command.id == "password" and not self.bridge.hosts_wanting_password:
            return "No host asks for a sudo password."
        if command.id == "reread":
            return self._why_not_reread()
        row = self.table.cursor_row
        if command.id == "attach":
            known = None if row is None else self.bridge.known(row.name)
            if known is None or not has_run(known):
                return "There is no run on this host."
        if command.id == "upgrade" and row is None and not self.table.selected:
            return "No host is shown."
        return None

    def _why_not_reread(self) -> str | None:
        name = self.bridge.inventory_name
        if not self.bridge.inventory_changed:
            return f"{name} is as it was read."
        for run in self.bridge.live_runs:
            if run.state == "running":
                what = f"{run.candidate} on {run.host} is at work"
                return f"{what}: {name} is read again once that waits or has ended."
        return None

    def offered(self) -> Iterable[tuple[Command, str | None]]:
        """See `CommandScreen.offered`; quit stands where back stands elsewhere."""
        offers = [offer for offer in super().offered() if offer[0].id != "back"]
        return sorted(offers, key=lambda offer: offer[0].id == "quit")

    def do_look(self) -> None:
        """Look again at the selected hosts, or at all."""
        self.bridge.scan(self._chosen() if self.table.selected else None)

    async def do_reread(self) -> None:
        """Begin anew with the inventory as it is now; runs are carried on there."""
        await self.bridge.read_inventory()
        self.app.exit(0)

    def do_filter(self) -> None:
        """Open the filter."""
        self.query_one(FilterLine).open()

    def do_select(self) -> None:
        """Select the host under the cursor."""
        self.table.toggle()
        self._show_status()

    def do_select_all(self) -> None:
        """Select every host that is shown, or none."""
        self.table.toggle_all()
        self._show_status()

    def do_sort(self) -> None:
        """Order by the next column."""
        self.table.sort_by_next()

    def do_reverse(self) -> None:
        """Turn the order around."""
        self.table.reverse()

    def do_open(self) -> None:
        """Open the host under the cursor."""
        self.table.action_command("open")

    def do_upgrade(self) -> None:
        """Plan the upgrade of the selected hosts, or of the one under the cursor."""
        from tui.screens.plan import PlanScreen

        names = self._chosen()
        if names:
            self.show_screen(PlanScreen(self.bridge, names, "upgrade"))

    async def do_attach(self) -> None:
        """Follow the run on the host under the cursor."""
        if self.table.cursor_key is not None:
            await open_run(self, self.bridge, self.table.cursor_key)

    def do_keys(self) -> None:
        """Compare unknown host keys."""
        from tui.screens.host_keys import HostKeysScreen

        self.show_screen(HostKeysScreen(self.bridge))

    def do_history(self) -> None:
        """Show past and live runs of all hosts."""
        from tui.screens.history import HistoryScreen

        self.show_screen(HistoryScreen(self.bridge))

    async def do_password(self) -> None:
        """Ask for the sudo password."""
        await ask_password(self, self.bridge, self.bridge.hosts_wanting_password)

    def do_back(self) -> None:
        """Clear the filter, then the selection."""
        if not self._close_filter() and self.table.selected:
            self.table.deselect()
            self._show_status()

    async def do_quit(self) -> None:
        """Leave; runs that are followed go on, and this is said first."""
        runs = self.bridge.live_runs
        if runs:
            from tui.screens.leave import LeaveScreen

            if not await self.app.push_screen_wait(LeaveScreen(runs)):
                return
        self.app.exit(0)

    def _chosen(self) -> tuple[str, ...]:
        """The selected hosts in the inventory's order, else the one under the cursor."""
        selected = self.table.selected
        if selected:
            return tuple(host.name for host in self.bridge.hosts if host.name in selected)
        return () if self.table.cursor_key is None else (self.table.cursor_key,)


def _counts(sums: Counts, room: int) -> Content:
    """The figures with their words; where they don't fit, those that are zero are left out."""
    figures = [
        (sums.hosts, "host" if sums.hosts == 1 else "hosts", ""),
        (sums.reachable, "reachable", "$success"),
        (sums.pending, "pending", ""),
        (sums.security, "security", "$warning"),
        (sums.reboot, "reboot", "$warning"),
        (sums.blocked, "blocked", "$warning"),
        (sums.running, "running", "$accent"),
    ]
    needed = _width(figures)
    if needed + 2 * len(figures) > room:
        figures = [figure for figure in figures if figure[0]]
    gap = 3 if needed + 3 * len(figures) <= room else 2
    if _width(figures) + gap * len(figures) > room:
        gap = 1
    parts: list[tuple[str, str]] = []
    for number, word, style in figures:
        tone = f"bold {style}" if number else "$foreground-muted"
        parts += [(f"{number:,}", tone), (f" {word}" + " " * gap, "$foreground-muted")]
    return Content.assemble(*parts)


def _width(figures: list[tuple[int, str, str]]) -> int:
    return sum(len(f"{number:,} {word}") for number, word, _ in figures)
