"""The rows of a line table, their order and their filter: plain lists, no Textual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from tui.widgets.columns import Column

R = TypeVar("R")


class TableRows(Generic[R]):
    """Row snapshots in the order they were given, and a list of indexes for what is shown.

    Sorting and filtering only touch the list of indexes. Equal rows keep the given order.
    """

    def __init__(self, key: Callable[[R], str]) -> None:
        self._key = key
        self._rows: list[R] = []
        self._index: dict[str, int] = {}
        self._shown: list[int] = []
        self._places: dict[int, int] | None = None
        self._matches: Callable[[R], bool] | None = None
        self.sorted_by: Column[R] | None = None
        self.reverse = False

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def total(self) -> int:
        """All rows, shown or not."""
        return len(self._rows)

    def replace(self, rows: Sequence[R]) -> None:
        """New rows altogether; order and filter stay."""
        self._rows = list(rows)
        self._index = {self._key(row): i for i, row in enumerate(self._rows)}
        self.arrange()

    def update(self, rows: Iterable[R]) -> tuple[set[int], bool]:
        """Put new snapshots in the place of old ones; rows that aren't known are ignored.

        Returns:
            The indexes that changed, and whether order or filter may now be different.
        """
        changed: set[int] = set()
        moved = False
        order = self.sorted_by.sort if self.sorted_by is not None else None
        for row in rows:
            index = self._index.get(self._key(row))
            if index is None or self._rows[index] == row:
                continue
            old = self._rows[index]
            self._rows[index] = row
            changed.add(index)
            if order is not None and order(old) != order(row):
                moved = True
            if self._matches is not None and self._matches(old) != self._matches(row):
                moved = True
        return changed, moved

    def sort(self, column: Column[R] | None, reverse: bool = False) -> None:
        """Order by a column, or as given."""
        self.sorted_by = column
        self.reverse = reverse
        self.arrange()

    def filter(self, matches: Callable[[R], bool] | None) -> None:
        """Show only the rows that match."""
        self._matches = matches
        self.arrange()

    def arrange(self) -> None:
        """Make the list of what is shown anew from the rows, the filter and the order."""
        rows = self._rows
        matches = self._matches
        if matches is None:
            shown = list(range(len(rows)))
        else:
            shown = [i for i, row in enumerate(rows) if matches(row)]
        if self.sorted_by is not None and self.sorted_by.sort is not None:
            order = self.sorted_by.sort
            keys: dict[int, Any] = {i: order(rows[i]) for i in shown}
            known = [i for i in shown if keys[i] is not None]
            unknown = [i for i in shown if keys[i] is None] if len(known) < len(shown) else []
            # reverse=True keeps equal rows in their given order, as list.sort promises.
            known.sort(key=keys.__getitem__, reverse=self.reverse)
            shown = known + unknown
        self._shown = shown
        self._places = None

    def index_at(self, place: int) -> int:
        """The index of the row that is shown at a place."""
        return self._shown[place]

    def at(self, place: int) -> R:
        """The row that is shown at a place, counted from 0."""
        return self._rows[self._shown[place]]

    def row(self, index: int) -> R:
        """A row by its index."""
        return self._rows[index]

    def key_at(self, place: int) -> str | None:
        """The key of the row at a place, or None outside."""
        return self._key(self.at(place)) if 0 <= place < len(self._shown) else None

    def place_of_index(self, index: int) -> int | None:
        """Where a row is shown, or None when the filter hides it."""
        if self._places is None:
            self._places = {index: place for place, index in enumerate(self._shown)}
        return self._places.get(index)

    def place_of(self, key: str) -> int | None:
        """Where the row with a key is shown, or None."""
        index = self._index.get(key)
        return None if index is None else self.place_of_index(index)

    def shown(self) -> list[R]:
        """The rows that are shown, in order."""
        return [self._rows[i] for i in self._shown]
