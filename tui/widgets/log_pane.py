"""A log that is being written: a bounded ring of lines, painted on the line API.

The whole log is a file of the engine; the pane pulls what is new ten times a second while it can be
seen, and keeps the last lines. It never changes its virtual size (that would lay the screen out
anew each time): where it stands is plain arithmetic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from engine.text import clean_line, decode
from tui.commands import bindings

KEPT_LINES = 20_000
"""Lines that can be scrolled back to; older ones are in the file."""
PULL_EVERY_S = 0.1
CHUNK = 256 * 1024
CHUNKS_AT_ONCE = 4
"""Bounds the work of one pull, so that a flood never holds the keys up."""
LONGEST_OPEN = 64 * 1024
"""Bytes that are kept of a line without an end."""
SIDE_STEP = 16
"""Cells of one step to the side."""

Read = Callable[[int, int], bytes]
"""Bytes of the log from an offset, at most so many."""


class LogPane(Widget, can_focus=True):
    """Follows the end until a person scrolls away from it."""

    BINDINGS: ClassVar = bindings("log")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log-pane--thumb", "log-pane--track"}
    DEFAULT_CSS = """
    LogPane {
        background: $background;
        color: $foreground;
        & > .log-pane--thumb { color: $scrollbar-hover; }
        & > .log-pane--track { color: $panel; }
        &:ansi > .log-pane--thumb { color: ansi_blue; }
        &:ansi > .log-pane--track { color: ansi_default; }
    }
    """

    def __init__(self, *, kept: int = KEPT_LINES, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: deque[str] = deque(maxlen=kept)
        self._seen = 0
        self._open = b""
        self._open_text: str | None = None
        self._offset = 0
        self._read: Read | None = None
        self._top = 0
        self._left = 0
        self._told = ""
        self.follows = True

    def on_mount(self) -> None:
        """Pull while visible."""
        self.set_interval(PULL_EVERY_S, self.pull)

    def show(self, read: Read | None) -> None:
        """Show another log, from its beginning."""
        self._read = read
        self._lines.clear()
        self._seen = 0
        self._open, self._open_text = b"", None
        self._offset = 0
        self._top = self._left = 0
        self.follows = True
        self.pull()
        self.refresh()
        self._tell_position()

    # -- what it holds

    @property
    def line_count(self) -> int:
        """Lines that can be scrolled to, the unfinished one included."""
        return len(self._lines) + (self._open_text is not None)

    @property
    def dropped(self) -> int:
        """Lines that were read and are no longer kept."""
        return self._seen - len(self._lines)

    def line(self, number: int) -> str:
        """A kept line, counted from 0; the last one may still grow."""
        if number < len(self._lines):
            return self._lines[number]
        return self._open_text or ""

    def pull(self) -> None:
        """Read what is new."""
        if self._read is None or not self.display or not self.screen.is_current:
            return
        changed = False
        for _ in range(CHUNKS_AT_ONCE):
            chunk = self._read(self._offset, CHUNK)
            if not chunk:
                break
            self._offset += len(chunk)
            self._take(chunk)
            changed = True
            if len(chunk) < CHUNK:
                break
        if changed:
            self.refresh()
            self._tell_position()

    def _take(self, chunk: bytes) -> None:
        *ended, rest = (self._open + chunk).split(b"\n")
        full = self._lines.maxlen or KEPT_LINES
        before = self._seen - len(self._lines)
        self._seen += len(ended)
        # Lines that would fall out of the ring at once are only counted.
        self._lines.extend(clean_line(decode(line)) for line in ended[-full:])
        self._open = rest[-LONGEST_OPEN:]
        self._open_text = clean_line(decode(self._open)) if self._open else None
        if not self.follows:
            # The same lines stay in sight while older ones fall out of the ring.
            self._top = max(0, self._top - (self.dropped - before))

    # -- where it stands

    @property
    def top(self) -> int:
        """The number of the first line in sight."""
        last = max(0, self.line_count - self.size.height)
        return last if self.follows else min(self._top, last)

    def scroll_lines(self, lines: int) -> None:
        """Scroll by lines, up when negative; reaching the end follows it again."""
        last = max(0, self.line_count - self.size.height)
        self._top = max(0, min(self.top + lines, last))
        self.follows = self._top >= last
        self.refresh()
        self._tell_position()

    def action_command(self, name: str) -> None:
        """Carry out a motion command (see tui.commands, place ``log``)."""
        page = max(1, self.size.height - 1)
        match name:
            case "follow":
                self.follows = True
                self.scroll_lines(0)
            case "log_top":
                self.scroll_lines(-self.line_count)
            case "log_up":
                self.scroll_lines(-1)
            case "log_down":
                self.scroll_lines(1)
            case "log_page_up":
                self.scroll_lines(-page)
            case "log_page_down":
                self.scroll_lines(page)
            case "log_left":
                self._left = max(0, self._left - SIDE_STEP)
                self.refresh()
            case "log_right":
                self._left += SIDE_STEP
                self.refresh()
            case _:
                raise ValueError(f"the log has no command {name!r}")

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        event.stop()
        self.scroll_lines(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        event.stop()
        self.scroll_lines(3)

    def _tell_position(self) -> None:
        """Where it stands, in the border below; set only when it reads differently."""
        total = self.dropped + self.line_count
        if self.follows:
            said = f"{total:,} lines, following" if total else "nothing written yet"
        else:
            first = self.dropped + self.top + 1
            said = f"line {first:,} of {total:,}   G follows"
        if said != self._told:
            self._told = said
            self.border_subtitle = said

    # -- painting

    def render_line(self, y: int) -> Strip:
        """One line of the log and one cell of the scroll bar."""
        width, height = self.size
        number = self.top + y
        text = self.line(number).replace("\t", "    ") if number < self.line_count else ""
        style = self.rich_style
        room = max(0, width - 2)
        strip = Strip([Segment(text)])
        if self._left:
            strip = strip.crop(self._left, self._left + room)
        strip = strip.adjust_cell_length(room)
        thumb, bar_style = self._bar(y, height)
        return Strip.join([strip, Strip([Segment(" " + thumb, bar_style)], 2)]).apply_style(style)

    def _bar(self, y: int, height: int) -> tuple[str, Style]:
        total = self.line_count
        if total <= height:
            return " ", Style.null()
        length = max(1, height * height // total)
        start = round(self.top * (height - length) / max(1, total - height))
        if start <= y < start + length:
            return "┃", self.get_component_rich_style("log-pane--thumb", partial=True)
        return "│", self.get_component_rich_style("log-pane--track", partial=True)
