"""Strips: what a service answered in each of its last seconds, one cell for each, now at the right.

Colour only repeats what the characters say.
"""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.widgets.sheet import spans
from tui.words import Tone, shorten

CELLS: dict[str, tuple[str, Tone]] = {
    "ok": ("▇", "good"),
    "bad": ("×", "bad"),
    "unknown": ("?", "warn"),
    "nothing": ("·", "muted"),
}
"""Sign and tone of each state."""
LEGEND = "▇ ok  × bad  ? unknown  · none"
SIDES = {"old": "old", "new": "new", "name": "by name"}
SIDE_WIDTH = 9
MOST_NAME = 20
"""Cells that a service's name has at most."""

Row = tuple[str, str, tuple[str, ...]]
"""Service, side, states from the oldest on."""


class Strips(Widget):
    """A line for each service and side; as many seconds as there is room for."""

    DEFAULT_CSS = """
    Strips { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: tuple[Row, ...] = ()

    def seconds(self, width: int) -> int:
        """How many seconds are shown at a width."""
        return max(0, width - _name_width(self._rows) - SIDE_WIDTH)

    def show(self, rows: tuple[Row, ...]) -> None:
        """Show other strips."""
        taller = len(rows) != len(self._rows)
        self._rows = rows
        self.refresh(layout=taller)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each strip."""
        return max(1, len(self._rows))

    def render(self) -> Content:
        """The strips at the width there is."""
        if not self._rows:
            return spans(("No check was made yet.", "muted"))
        return strip_lines(self._rows, self.seconds(self.content_size.width))


def strip_lines(rows: tuple[Row, ...], seconds: int) -> Content:
    """A line for each strip, so many seconds long."""
    name = _name_width(rows)
    lines, before = [], None
    for service, side, states in rows:
        shown = "" if service == before else shorten(service, name - 2)
        before = service
        last = states[max(0, len(states) - seconds) :]
        lines.append(
            spans(
                (f"{shown:<{name}}", "strong"),
                (f"{SIDES.get(side, side):<{SIDE_WIDTH}}", "muted"),
                (" " * (seconds - len(last)), "plain"),
                *_runs(last),
            )
        )
    return Content("\n").join(lines)


def _name_width(rows: tuple[Row, ...]) -> int:
    return min(MOST_NAME, max((len(service) for service, _, _ in rows), default=0)) + 2


def _runs(states: tuple[str, ...]) -> list[tuple[str, Tone]]:
    """The cells of a strip, those of one state together."""
    runs: list[tuple[str, Tone]] = []
    for state in states:
        sign, tone = CELLS.get(state, CELLS["unknown"])
        if runs and runs[-1][0][0] == sign:
            runs[-1] = (runs[-1][0] + sign, tone)
        else:
            runs.append((sign, tone))
    return runs
