"""Columns of a line table: what a cell says, how wide it is, and what it sorts by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.cells import cell_len, set_cell_size

from engine.text import clean_line
from tui.words import Tone

R = TypeVar("R")
Span = tuple[str, Tone]
Cell = tuple[Span, ...]
SortKey = Any
"""Whatever orders one column; all keys of a column compare with each other."""
GAP = 2
"""Spaces between two columns."""


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column.

    Attributes:
        least: Width in cells that the column has at least.
        most: Width that it can make use of.
        cell: The text of a row in this column, in tones; it is told the column's width.
        sort: What the column orders by; None for a column that can't be sorted by. A row without a
            value gives None and stays at the end in both directions.
        descending: The first order when a person asks for this column.
        essential: It is shown first where there isn't room for all.
    """

    id: str
    title: str
    least: int
    most: int
    cell: Callable[[R, int], Cell]
    sort: Callable[[R], SortKey | None] | None = None
    right: bool = False
    descending: bool = False
    essential: bool = False


@dataclass(frozen=True, slots=True)
class Placed(Generic[R]):
    """A column with its place: ``start`` counts cells from the row's left edge."""

    column: Column[R]
    start: int
    width: int


def lay_out(columns: Sequence[Column[R]], width: int, margin: int) -> tuple[Placed[R], ...]:
    """Give every column a place in a table of a given width.

    When all fit, they keep their order. When not, the essential ones come first, so that what
    matters is seen without scrolling, and the others follow to the right of the edge.

    Args:
        margin: Cells on the left that no column has.
    """
    room = width - margin
    chosen = list(columns)
    if _needed(chosen) > room:
        essential = [column for column in columns if column.essential]
        rest = [column for column in columns if not column.essential]
        while rest and _needed([*essential, rest[0]]) <= room:
            essential.append(rest.pop(0))
        widths = [*_widen(essential, room), *(column.least for column in rest)]
        chosen = [*essential, *rest]
    else:
        widths = _widen(chosen, room)
    placed: list[Placed[R]] = []
    start = margin
    for column, cells in zip(chosen, widths, strict=True):
        placed.append(Placed(column, start, cells))
        start += cells + GAP
    return tuple(placed)


def _needed(columns: Sequence[Column[R]]) -> int:
    return sum(column.least for column in columns) + GAP * max(0, len(columns) - 1)


def _widen(columns: Sequence[Column[R]], room: int) -> list[int]:
    """Share what room is left: the essential columns get what they can use, then the others."""
    widths = [column.least for column in columns]
    spare = room - _needed(columns)
    for essential in (True, False):
        able = [
            i
            for i, column in enumerate(columns)
            if column.essential is essential and column.least < column.most
        ]
        while spare > 0 and able:
            for index in able[:spare]:
                widths[index] += 1
                spare -= 1
            able = [i for i in able if widths[i] < columns[i].most]
    return widths


def fit(cell: Cell, width: int, right: bool = False) -> Cell:
    """A cell cut or filled to exactly ``width`` terminal cells."""
    used = 0
    spans: list[Span] = []
    for text, tone in cell:
        # The engine cleans what comes from outside; a stray control here would break the line.
        if not text.isprintable():
            text = clean_line(text).replace("\t", " ").replace("\n", " ")  # noqa: PLW2901
        length = len(text) if text.isascii() else cell_len(text)
        if used + length > width:
            room = width - used
            if room > 0:
                spans.append((set_cell_size(text, room - 1) + "…", tone))
            return tuple(spans)
        spans.append((text, tone))
        used += length
    if used < width:
        blank = " " * (width - used)
        if not spans:
            spans.append((blank, "plain"))
        elif right:
            spans[0] = (blank + spans[0][0], spans[0][1])
        else:
            # Joined with the text before it: fewer pieces are painted faster.
            spans[-1] = (spans[-1][0] + blank, spans[-1][1])
    return tuple(spans)


def cut_left(text: str, width: int) -> str:
    """The end of a text, where that is what tells it from another, such as a version."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]
