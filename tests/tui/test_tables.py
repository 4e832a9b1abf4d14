"""Rows, order, filter, columns: the parts of the table that need no screen."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.widgets.columns import GAP, Cell, Column, cut_left, fit, lay_out
from tui.widgets.table_rows import TableRows


@dataclass(frozen=True)
class Row:
    name: str
    value: int | None


def _name(row: Row, width: int) -> Cell:
    return ((row.name, "plain"),)


NAME: Column[Row] = Column("name", "Name", 10, 20, _name, lambda r: r.name, essential=True)
VALUE: Column[Row] = Column("value", "Value", 8, 8, _name, lambda r: r.value)
WORD: Column[Row] = Column("word", "Word", 12, 30, _name, essential=True)
rows = st.lists(
    st.builds(Row, st.text("abc", min_size=1, max_size=4), st.none() | st.integers(0, 5)),
    unique_by=lambda row: row.name,
    max_size=30,
)


def table(found: list[Row]) -> TableRows[Row]:
    held: TableRows[Row] = TableRows(lambda row: row.name)
    held.replace(found)
    return held


@given(rows, st.booleans())
def test_sorting_is_stable_and_leaves_the_unknown_at_the_end(
    found: list[Row], reverse: bool
) -> None:
    held = table(found)
    held.sort(VALUE, reverse)
    known = [row for row in found if row.value is not None]
    unknown = [row for row in found if row.value is None]
    known.sort(key=lambda row: row.value or 0, reverse=reverse)
    assert held.shown() == known + unknown
    held.sort(None)
    assert held.shown() == found


@given(rows, rows)
def test_updates_replace_what_is_known_and_nothing_else(old: list[Row], new: list[Row]) -> None:
    held = table(old)
    changed, _ = held.update(new)
    by_name = {row.name: row for row in new}
    assert held.shown() == [by_name.get(row.name, row) for row in old]
    assert changed == {i for i, row in enumerate(old) if by_name.get(row.name, row) != row}


@given(rows, st.text("abc", max_size=2))
def test_places_and_keys_agree_under_a_filter(found: list[Row], part: str) -> None:
    held = table(found)
    held.filter(lambda row: part in row.name)
    assert len(held) == sum(part in row.name for row in found)
    for place in range(len(held)):
        key = held.key_at(place)
        assert key is not None
        assert held.place_of(key) == place
    assert held.key_at(len(held)) is None
    assert all(held.place_of(row.name) is None for row in found if part not in row.name)


def test_an_update_says_whether_order_or_filter_may_be_different() -> None:
    held = table([Row("a", 1), Row("b", 2)])
    assert held.update([Row("a", 9)]) == ({0}, False)
    held.sort(VALUE)
    assert held.update([Row("a", 1)]) == ({0}, True)
    held.sort(None)
    held.filter(lambda row: (row.value or 0) < 5)
    assert held.update([Row("b", 7)]) == ({1}, True)


@given(st.integers(8, 300))
def test_columns_never_overlap_and_the_essential_ones_come_first(width: int) -> None:
    placed = lay_out([VALUE, NAME, WORD], width, 3)
    assert {p.column.id for p in placed} == {"name", "value", "word"}
    edge = 3
    for one in placed:
        assert one.start == edge
        assert one.column.least <= one.width <= one.column.most
        edge += one.width + GAP
    all_fit = width - 3 >= 10 + 8 + 12 + 2 * GAP
    names = [p.column.id for p in placed]
    assert names == (["value", "name", "word"] if all_fit else ["name", "word", "value"])
    if all_fit:
        assert edge - GAP <= width


@given(st.lists(st.text(max_size=8), max_size=4), st.integers(0, 20), st.booleans())
def test_a_cell_is_exactly_as_wide_as_its_column(texts: list[str], width: int, right: bool) -> None:
    cell: Cell = tuple((text, "plain") for text in texts)
    fitted = fit(cell, width, right)
    assert sum(cell_len(text) for text, _ in fitted) == width


@given(st.text(max_size=30), st.integers(1, 20))
def test_the_end_of_a_version_is_kept(text: str, width: int) -> None:
    cut = cut_left(text, width)
    assert len(cut) <= width
    assert text.endswith(cut.removeprefix("…"))
