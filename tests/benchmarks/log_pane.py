"""The log pane against Textual's Log: the same lines at the same pace, in one run.

A job that writes 10,000 lines a second for some seconds, in small pieces as a connection brings
them. CPU as a part of one core, and by how much the event loop (the keys) was held up at worst.
"""

# ruff: noqa: T201  a benchmark prints its figures

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from textual.app import App, ComposeResult
from textual.widgets import Log

from tui.widgets.log_pane import LogPane

SIZE = (140, 45)
SECONDS = 4.0
RATE = 10_000
PIECE = 20
"""Lines that come at once."""
CORE_GOAL = 0.25
LAG_GOAL_S = 0.05


@dataclass
class Figures:
    lines: int
    core: float
    lag_s: float


def piece(number: int) -> bytes:
    first = number * PIECE
    return b"".join(
        b"Get:%d http://deb.example.org/debian bookworm/main amd64 package%d\n" % (i, i)
        for i in range(first, first + PIECE)
    )


class Ours(App[None]):
    """Pieces go to a file of the engine; the pane pulls."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()

    def compose(self) -> ComposeResult:
        yield LogPane()

    def on_mount(self) -> None:
        self.query_one(LogPane).show(lambda at, limit: bytes(self.data[at : at + limit]))

    def take(self, data: bytes) -> None:
        self.data += data

    def shown(self) -> int:
        pane = self.query_one(LogPane)
        return pane.dropped + pane.line_count


class Theirs(App[None]):
    """Each piece is written to the widget as it comes, bounded like ours."""

    def compose(self) -> ComposeResult:
        yield Log(max_lines=20_000)

    def on_mount(self) -> None:
        self.count = 0

    def take(self, data: bytes) -> None:
        lines = data.decode().split("\n")[:-1]
        self.count += len(lines)
        self.query_one(Log).write_lines(lines)

    def shown(self) -> int:
        return self.count


async def lag(worst: list[float]) -> None:
    """The longest time that the loop was late by."""
    while True:
        start = time.monotonic()
        await asyncio.sleep(0.01)
        worst[0] = max(worst[0], time.monotonic() - start - 0.01)


async def measure(app: Ours | Theirs) -> Figures:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        worst = [0.0]
        watch: asyncio.Task[Any] = asyncio.create_task(lag(worst))
        begin, cpu = time.monotonic(), time.process_time()
        number = 0
        while (elapsed := time.monotonic() - begin) < SECONDS:
            while number * PIECE < RATE * elapsed and number * PIECE < RATE * SECONDS:
                app.take(piece(number))
                number += 1
                await asyncio.sleep(0)
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.3)
        used = time.process_time() - cpu
        whole = time.monotonic() - begin
        watch.cancel()
        return Figures(app.shown(), used / whole, worst[0])


async def main() -> None:
    print(f"{RATE:,} lines a second for {SECONDS:.0f} s in pieces of {PIECE}; {SIZE[0]}x{SIZE[1]}")
    print(f"{'':<8}{'lines':>9}{'of a core':>11}{'worst lag':>11}")
    ours, theirs = await measure(Ours()), await measure(Theirs())
    for name, it in (("ours", ours), ("Log", theirs)):
        print(f"{name:<8}{it.lines:>9,}{it.core:>11.2f}{it.lag_s * 1000:>8.0f} ms")
    met = ours.core <= CORE_GOAL and ours.lag_s <= LAG_GOAL_S
    print(f"goal: {CORE_GOAL} of a core, {LAG_GOAL_S * 1000:.0f} ms: {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    asyncio.run(main())
