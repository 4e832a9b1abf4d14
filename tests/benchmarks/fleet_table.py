"""The fleet table against Textual's DataTable: the same rows, side by side, in one run.

CPU milliseconds of this process for one action with its repaint, without a terminal. Takes about a
minute. The numbers of two machines don't compare, the ratios do.
"""

# ruff: noqa: T201  a benchmark prints its figures

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from tui.fleet_columns import fleet_columns
from tui.fleet_filter import parse
from tui.fleet_rows import FleetRow
from tui.widgets.line_table import LineTable

ROWS = 10_000
SIZE = (140, 45)
UPDATES = 200
PAGES = 20
BEST_OF = 5
"""Short actions are measured so often, and the least is taken: other work of the machine adds."""
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
COLUMNS = fleet_columns(lambda: NOW)
GOALS = {
    "load": 0.025,
    "page down": 0.2,
    "updates over 2 s": 1 / 30,
    "sort": 0.15,
    "filter": 0.05,
}
"""The most that an action may cost, as a part of what it costs DataTable."""


def make_row(i: int) -> FleetRow:
    pending, security = i * 7 % 60, i % 5
    return FleetRow(
        name=f"host{i:05}",
        address=f"host{i:05}.servers.example.com",
        groups=("production", f"group{i % 40}"),
        os="Debian 12",
        pending=pending,
        security=security,
        reboot=i % 3 == 0,
        waiting="high" if security > 2 else "low",
        due_days=security * 3,
        recommended="upgrade" if pending else "none",
        score=i % 90,
        level="low",
        sign="↑",
        state="updates",
        tone="plain",
        rank=4,
        taken_at=NOW,
        light=False,
        words=frozenset({"security"} if security else ()),
        text=f"host{i:05} production group{i % 40} debian 12",
    )


def changed(row: FleetRow) -> FleetRow:
    return replace(row, pending=(row.pending or 0) + 1, state="running", sign="▶")


def texts(row: FleetRow) -> list[str]:
    return ["".join(text for text, _ in column.cell(row, column.least)) for column in COLUMNS]


class Ours(App[None]):
    """The line table."""

    turned = False

    def compose(self) -> ComposeResult:
        yield LineTable(COLUMNS, lambda row: row.name, selectable=True)

    @property
    def table(self) -> LineTable[FleetRow]:
        return self.query_one(LineTable)

    def load(self, rows: list[FleetRow]) -> None:
        self.table.replace(rows)
        self.table.focus()

    def update(self, rows: list[FleetRow]) -> None:
        self.table.update_rows(rows)

    def settle(self) -> None:
        self.table.flush()

    def sort(self) -> None:
        self.turned = not self.turned
        self.table.sort_by("host", reverse=self.turned)

    def narrow(self, rows: list[FleetRow]) -> None:
        self.table.filter(parse("group1 security"))


class Theirs(App[None]):
    """DataTable with fixed widths, the fastest way to use it."""

    turned = False

    def compose(self) -> ComposeResult:
        yield DataTable[str](cursor_type="row")

    @property
    def table(self) -> DataTable[str]:
        return self.query_one(DataTable)

    def load(self, rows: list[FleetRow]) -> None:
        for column in COLUMNS:
            self.table.add_column(column.title, width=column.least, key=column.id)
        for row in rows:
            self.table.add_row(*texts(row), key=row.name)
        self.table.focus()

    def update(self, rows: list[FleetRow]) -> None:
        for row in rows:
            cells = texts(row)
            for i, column in enumerate(COLUMNS):
                if column.id in ("updates", "state"):
                    self.table.update_cell(row.name, column.id, cells[i])

    def settle(self) -> None:
        pass

    def sort(self) -> None:
        self.turned = not self.turned
        self.table.sort("host", reverse=self.turned)

    def narrow(self, rows: list[FleetRow]) -> None:
        matches = parse("group1 security")
        self.table.clear()
        for row in rows:
            if matches is not None and matches(row):
                self.table.add_row(*texts(row), key=row.name)


async def cost(pilot: Pilot[Any], act: Callable[[], Awaitable[None] | None]) -> float:
    """CPU milliseconds of an action until everything is painted."""
    start = time.process_time()
    waiting = act()
    if waiting is not None:
        await waiting
    await pilot.pause()
    return (time.process_time() - start) * 1000


async def measure(app: Ours | Theirs) -> dict[str, float]:
    rows = [make_row(i) for i in range(ROWS)]
    chance = random.Random(1)
    found: dict[str, float] = {}
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        found["load"] = await cost(pilot, lambda: app.load(rows))

        async def pages() -> None:
            for _ in range(PAGES):
                await pilot.press("pagedown")

        found["page down"] = await cost(pilot, pages) / PAGES

        async def updates() -> None:
            # Hosts that finish one after the other, as in a scan: most of them are out of sight.
            for _ in range(UPDATES):
                row = rows[chance.randrange(ROWS)]
                app.update([changed(row)])
                await asyncio.sleep(0.01)
            app.settle()

        found["updates over 2 s"] = await cost(pilot, updates)
        found["sort"] = min([await cost(pilot, app.sort) for _ in range(BEST_OF)])
        found["filter"] = min([await cost(pilot, lambda: app.narrow(rows)) for _ in range(BEST_OF)])
    return found


async def main() -> None:
    ours, theirs = await measure(Ours()), await measure(Theirs())
    print(f"{ROWS:,} rows, {len(COLUMNS)} columns, {SIZE[0]}x{SIZE[1]}; CPU milliseconds")
    print(f"{'':<18}{'ours':>9}{'DataTable':>11}{'ratio':>9}{'goal':>9}")
    for name, goal in GOALS.items():
        ratio = ours[name] / theirs[name]
        word = "met" if ratio <= goal else "MISSED"
        print(f"{name:<18}{ours[name]:>9.1f}{theirs[name]:>11.1f}{ratio:>9.4f}{goal:>9.4f}  {word}")


if __name__ == "__main__":
    asyncio.run(main())
