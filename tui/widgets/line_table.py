"""A table on Textual's line API: only the lines on screen are ever made.

A cell update costs the line it is on, and a whole scan of updates is painted at most four times a
second; so 10,000 rows cost no more under the fingers than 20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from tui.commands import bindings
from tui.widgets.columns import GAP, Cell, Column, Placed, fit, lay_out
from tui.widgets.table_rows import TableRows
from tui.words import Tone

R = TypeVar("R")
FLUSH_S = 0.25
"""Seconds between two paintings of updates."""
MARGIN = 3
"""Cells on the left for the cursor's bar and the selection mark."""
TONES: tuple[Tone, ...] = ("plain", "muted", "strong", "accent", "good", "warn", "bad")


class LineTable(ScrollView, Generic[R], can_focus=True):
    """Rows of one kind in columns; one cursor, any number of selected rows."""

    BINDINGS: ClassVar = bindings("table")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-table--head",
        "line-table--cursor",
        "line-table--blurred",
        *(f"line-table--{tone}" for tone in TONES),
    }
    DEFAULT_CSS = """
    LineTable {
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        & > .line-table--head { color: $foreground-muted; text-style: bold; }
        & > .line-table--cursor { background: $primary 28%; }
        & > .line-table--blurred { background: $primary 12%; }
        & > .line-table--plain { color: $foreground; }
        & > .line-table--muted { color: $foreground-muted; }
        & > .line-table--strong { color: $foreground; text-style: bold; }
        & > .line-table--accent { color: $accent; }
        & > .line-table--good { color: $success; }
        & > .line-table--warn { color: $warning; }
        & > .line-table--bad { color: $error; text-style: bold; }
        &:ansi {
            & > .line-table--muted { color: ansi_default; text-style: dim; }
            & > .line-table--plain { color: ansi_default; }
            & > .line-table--strong { color: ansi_default; }
            & > .line-table--head { color: ansi_default; text-style: bold; }
            & > .line-table--cursor { background: ansi_default; text-style: reverse; }
            & > .line-table--blurred { background: ansi_default; text-style: bold; }
        }
    }
    """

    @dataclass
    class CursorMoved(Message):
        """The cursor is on another row (None: there is none)."""

        table: LineTable[R]  # type: ignore[valid-type]
        key: str | None

        @property
        def control(self) -> LineTable[R]:
            """The table."""
            return self.table

    @dataclass
    class Opened(Message):
        """Enter was pressed on a row, or it was clicked while the cursor was on it."""

        table: LineTable[R]  # type: ignore[valid-type]
        key: str

        @property
        def control(self) -> LineTable[R]:
            """The table."""
            return self.table

    @dataclass
    class Sorted(Message):
        """The order was changed by a person."""

        table: LineTable[R]  # type: ignore[valid-type]

    def __init__(
        self,
        columns: Sequence[Column[R]],
        key: Callable[[R], str],
        *,
        empty: str = "",
        selectable: bool = False,
        id: str | None = None,  # noqa: A002  Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._places: tuple[Placed[R], ...] = ()
        self._rows: TableRows[R] = TableRows(key)
        self._key = key
        self._empty = empty
        self._selectable = selectable
        self._cursor = 0
        self._told: str | None = None
        self._waiting: dict[str, R] = {}
        self._flusher: Timer | None = None
        self._strips: LRUCache[int, Strip] = LRUCache(1024)
        self._styles: dict[str, Style] = {}
        self.selected: set[str] = set()

    # -- what it holds

    @property
    def rows(self) -> TableRows[R]:
        """The rows with their order and filter."""
        return self._rows

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._rows.key_at(self._cursor)

    @property
    def cursor_row(self) -> R | None:
        """The row under the cursor."""
        return self._rows.at(self._cursor) if 0 <= self._cursor < len(self._rows) else None

    @property
    def empty(self) -> str:
        """What is said when no row is shown."""
        return self._empty

    @empty.setter
    def empty(self, text: str) -> None:
        self._empty = text
        if not len(self._rows):
            self.refresh()

    def replace(self, rows: Sequence[R]) -> None:
        """New rows altogether; the cursor stays on its row where that is still there."""
        self._waiting.clear()
        self._rearrange(lambda: self._rows.replace(rows))

    def update_rows(self, rows: Iterable[R]) -> None:
        """New snapshots of some rows; painted within a quarter of a second."""
        for row in rows:
            self._waiting[self._key(row)] = row
        if self._waiting and self._flusher is None:
            self._flusher = self.set_timer(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Paint the updates that wait."""
        if self._flusher is not None:
            self._flusher.stop()
            self._flusher = None
        rows, self._waiting = self._waiting, {}
        if not rows:
            return
        kept = self.cursor_key
        changed, moved = self._rows.update(rows.values())
        for index in changed:
            self._strips.discard(index)
        if moved:
            self._rearrange(self._rows.arrange, kept)
            return
        top = self.scroll_offset.y
        for index in changed:
            place = self._rows.place_of_index(index)
            if place is not None and top <= place < top + self.size.height:
                self.refresh_line(place + 1)

    def sort_by(self, column_id: str | None, reverse: bool = False) -> None:
        """Order by a column; the cursor stays on its row."""
        column = next((c for c in self._columns if c.id == column_id), None)
        self._rearrange(lambda: self._rows.sort(column, reverse))
        self.post_message(self.Sorted(self))

    def sort_by_next(self) -> None:
        """Order by the next column that can be ordered by, then as given."""
        able = [placed.column for placed in self._places if placed.column.sort is not None]
        now = self._rows.sorted_by
        place = next((i for i, column in enumerate(able) if column is now), -1) + 1
        if place < len(able):
            self.sort_by(able[place].id, able[place].descending)
        else:
            self.sort_by(None)

    def reverse(self) -> None:
        """Turn the order around."""
        now = self._rows.sorted_by
        if now is not None:
            self.sort_by(now.id, not self._rows.reverse)

    def filter(self, matches: Callable[[R], bool] | None) -> None:
        """Show only the rows that match; the cursor stays on its row if that is among them."""
        self._rearrange(lambda: self._rows.filter(matches))

    def forget_strips(self) -> None:
        """Make every line anew, for what changes without a new snapshot, such as ages."""
        self._strips.clear()
        self.refresh()

    def _rearrange(self, change: Callable[[], None], kept: str | None = None) -> None:
        """Change what is shown and where, with the cursor's row at the same height on screen."""
        kept = kept if kept is not None else self.cursor_key
        height = self._cursor - self.scroll_offset.y
        total = self._rows.total
        change()
        if self._rows.total != total or self._strips.maxsize < self._rows.total:
            self._strips.clear()
        place = None if kept is None else self._rows.place_of(kept)
        self._set_virtual_size()
        if place is not None:
            self._cursor = place
            self.scroll_to(y=max(0, place - height), animate=False, force=True)
        else:
            self._cursor = max(0, min(self._cursor, len(self._rows) - 1))
        self._show_cursor()
        self.refresh()
        self._tell_cursor()

    # -- selection

    def toggle(self) -> None:
        """Select or deselect the row under the cursor and go down."""
        key = self.cursor_key
        if key is None or not self._selectable:
            return
        self.selected ^= {key}
        self.move_to(self._cursor + 1)
        self.refresh()

    def toggle_all(self) -> None:
        """Select every row that is shown; if all are selected already, none."""
        if not self._selectable:
            return
        keys = {self._key(row) for row in self._rows.shown()}
        self.selected = self.selected - keys if keys <= self.selected else self.selected | keys
        self.refresh()

    def deselect(self) -> None:
        """Select nothing."""
        self.selected = set()
        self.refresh()

    # -- motion

    def move_to(self, place: int) -> None:
        """Put the cursor on the row at a place, as near as there is one."""
        place = max(0, min(place, len(self._rows) - 1))
        old, self._cursor = self._cursor, place
        if old != place:
            self.refresh_line(old + 1)
            self.refresh_line(place + 1)
        self._show_cursor()
        self._tell_cursor()

    def move_to_key(self, key: str) -> bool:
        """Put the cursor on a row; False when it isn't shown."""
        place = self._rows.place_of(key)
        if place is None:
            return False
        self.move_to(place)
        return True

    def _page(self) -> int:
        return max(1, self.size.height - 1)

    def _show_cursor(self) -> None:
        top, page = self.scroll_offset.y, self._page()
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + page:
            self.scroll_to(y=self._cursor - page + 1, animate=False, force=True)

    def _tell_cursor(self) -> None:
        key = self.cursor_key
        if key != self._told:
            self._told = key
            self.post_message(self.CursorMoved(self, key))

    def action_command(self, name: str) -> None:
        """Carry out a motion command (see tui.commands, place ``table``)."""
        page = self._page()
        match name:
            case "up":
                self.move_to(self._cursor - 1)
            case "down":
                self.move_to(self._cursor + 1)
            case "page_up":
                self.move_to(self._cursor - page)
            case "page_down":
                self.move_to(self._cursor + page)
            case "top":
                self.move_to(0)
            case "bottom":
                self.move_to(len(self._rows) - 1)
            case "left" | "right":
                self._scroll_columns(1 if name == "right" else -1)
            case "open":
                if (key := self.cursor_key) is not None:
                    self.post_message(self.Opened(self, key))
            case _:
                raise ValueError(f"the table has no command {name!r}")

    def _scroll_columns(self, way: int) -> None:
        """Scroll so that the next column stands right of the fixed one."""
        stops = self._stops()
        now = self.scroll_offset.x
        if way > 0:
            goal = next((stop for stop in stops if stop > now), now)
        else:
            goal = next((stop for stop in reversed(stops) if stop < now), 0)
        self.scroll_to(x=min(goal, self.max_scroll_x), animate=False, force=True)

    def _stops(self) -> list[int]:
        """Horizontal scrolls at which a column begins right of the fixed first one."""
        return [placed.start - self._places[1].start for placed in self._places[1:]]

    # -- events

    def on_resize(self) -> None:
        """Columns depend on the width."""
        self._places = lay_out(self._columns, self.size.width - 1, MARGIN)
        self._strips.clear()
        self._set_virtual_size()
        self._show_cursor()

    def on_click(self, event: events.Click) -> None:
        """A click on a title sorts, on a row moves the cursor, on the cursor's row opens."""
        if event.y == 0:
            self._click_title(event.x)
            return
        place = self.scroll_offset.y + event.y - 1
        if place >= len(self._rows):
            return
        if self._selectable and event.x < MARGIN:
            self.move_to(place)
            self.toggle()
        elif place == self._cursor and self.has_focus:
            self.action_command("open")
        else:
            self.move_to(place)

    def _click_title(self, x: int) -> None:
        if len(self._places) > 1 and x >= self._places[1].start:
            x += self.scroll_offset.x
        for placed in self._places:
            column = placed.column
            if placed.start <= x < placed.start + placed.width and column.sort is not None:
                again = self._rows.sorted_by is column
                self.sort_by(column.id, not self._rows.reverse if again else column.descending)

    def on_focus(self) -> None:
        """The cursor is drawn stronger."""
        self.refresh_line(self._cursor + 1)

    def on_blur(self) -> None:
        """The cursor is drawn weaker."""
        self.refresh_line(self._cursor + 1)

    def notify_style_update(self) -> None:
        """Another theme: other colours on every line."""
        self._styles = {}
        self._strips.clear()
        super().notify_style_update()

    # -- painting

    def _set_virtual_size(self) -> None:
        last = self._places[-1] if self._places else None
        hidden = 0 if last is None else last.start + last.width - self.size.width
        # The farthest scroll stands at the beginning of a column, too.
        stops = self._stops()
        hidden = next((stop for stop in stops if stop >= hidden), 0) if hidden > 0 else 0
        size = Size(self.size.width + hidden, len(self._rows) + 1)
        if size != self.virtual_size:
            self.virtual_size = size

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._component_style(f"line-table--{name}")
            self._styles[name] = style
        return style

    def _ground(self) -> Style:
        """The table's own colours, looked up once a theme: the way up through the DOM is long."""
        style = self._styles.get("ground")
        if style is None:
            style = self._styles["ground"] = self.rich_style
        return style

    def _component_style(self, name: str) -> Style:
        """A component's style; Rich knows no transparency, so colours are mixed with the ground."""
        style = self.get_component_rich_style(name, partial=True)
        styles, ground = self.get_component_styles(name), self.background_colors[1]
        if styles.has_rule("color") and 0 < styles.color.a < 1 and styles.color.ansi is None:
            style += Style(color=ground.blend(styles.color, styles.color.a, 1).rich_color)
        behind = styles.background
        if styles.has_rule("background") and 0 < behind.a < 1 and behind.ansi is None:
            style += Style(bgcolor=ground.blend(behind, behind.a, 1).rich_color)
        return style

    def render_line(self, y: int) -> Strip:
        """One line of the viewport: the titles, then rows."""
        width = self.size.width
        if y == 0:
            titles = self._beside(self._title_strip(), width)
            if self.scroll_offset.x < self.max_scroll_x:
                more = Strip([Segment("›", self._style("accent"))], 1)
                titles = Strip.join([titles.crop(0, width - 1), more])
            return titles.apply_style(self._ground())
        place = self.scroll_offset.y + y - 1
        if place >= len(self._rows):
            text = "   " + self._empty if y == 2 and not len(self._rows) else ""
            return (
                Strip([Segment(text, self._style("muted"))])
                .extend_cell_length(width)
                .apply_style(self._ground())
            )
        index = self._rows.index_at(place)
        strip = self._strips.get(index)
        if strip is None:
            strip = self._row_strip(self._rows.row(index))
            self._strips[index] = strip
        strip = self._beside(self._with_margin(strip, place), width)
        if place != self._cursor:
            return strip.apply_style(self._ground())
        cursor = self._style("cursor" if self.has_focus else "blurred")
        if self.app.native_ansi_color:
            # Sixteen colours on a coloured ground can't all be read: one style for the whole line.
            return Strip([Segment(text, cursor) for text, _, _ in strip], strip.cell_length)
        return strip.apply_style(self._ground() + cursor)

    def _with_margin(self, strip: Strip, place: int) -> Strip:
        bar = "▌" if place == self._cursor else " "
        mark = "●" if self._rows.key_at(place) in self.selected else " "
        accent = self._style("accent")
        return Strip([Segment(bar + mark + " ", accent), *strip], strip.cell_length + MARGIN)

    def _row_strip(self, row: R) -> Strip:
        """The row without its margin, in full width."""
        segments: list[Segment] = []
        length = 0
        for placed in self._places:
            *spans, (text, tone) = self._cell(placed, row)
            segments.extend(Segment(text, self._style(tone)) for text, tone in spans)
            segments.append(Segment(text + " " * GAP, self._style(tone)))
            length += placed.width + GAP
        return Strip(segments, length)

    @staticmethod
    def _cell(placed: Placed[R], row: R) -> Cell:
        return fit(placed.column.cell(row, placed.width), placed.width, placed.column.right)

    def _title_strip(self) -> Strip:
        style = self._style("head")
        segments = [Segment(" " * MARGIN, style)]
        length = MARGIN
        for placed in self._places:
            column = placed.column
            sign = ""
            if column is self._rows.sorted_by:
                sign = " ▼" if self._rows.reverse else " ▲"
            cell: Cell = ((column.title + sign, "plain"),)
            for text, _ in fit(cell, placed.width, column.right):
                segments.append(Segment(text, style))
            segments.append(Segment("  ", style))
            length += placed.width + GAP
        return Strip(segments, length)

    def _beside(self, strip: Strip, width: int) -> Strip:
        """The first column as it is, and of the others what horizontal scrolling shows."""
        x = self.scroll_offset.x
        if len(self._places) < 2 or x == 0:
            return strip.adjust_cell_length(width)
        fixed = min(self._places[1].start, width)
        parts = [strip.crop(0, fixed), strip.crop(fixed + x, x + width)]
        return Strip.join(parts).adjust_cell_length(width)
