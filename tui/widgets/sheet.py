"""A page of text in tones: headings, labelled lines, paragraphs. Nothing in it is ever markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.words import Tone

STYLES: dict[Tone, str] = {
    "plain": "",
    "muted": "$foreground-muted",
    "strong": "bold",
    "accent": "$accent",
    "good": "$success",
    "warn": "$warning",
    "bad": "bold $error",
}
LABEL_WIDTH = 14
LEAST_TEXT = 12
"""Cells that a line has beside its hanging indent; where there are fewer, nothing hangs."""


def toned(text: str, tone: Tone = "plain") -> Content:
    """A piece of text in one tone; brackets and the like in it stay what they are."""
    return Content.styled(text, STYLES[tone]) if STYLES[tone] else Content(text)


def spans(*parts: tuple[str, Tone]) -> Content:
    """Pieces of text, each in its tone, on one line."""
    return Content("").join([toned(text, tone) for text, tone in parts])


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page; what doesn't fit goes on below, ``hang`` cells from the left."""

    content: Content
    hang: int = 0


class Page:
    """Builds the text of a sheet, line by line."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    @property
    def lines(self) -> Sequence[Line]:
        """What was built so far."""
        return self._lines

    def heading(self, text: str) -> Page:
        """A title of a section, after an empty line."""
        if self._lines:
            self.gap()
        self._lines.append(Line(Content.styled(text, "bold $primary")))
        return self

    def line(self, *parts: tuple[str, Tone], hang: int = 0) -> Page:
        """A line of pieces; newlines in them begin new lines."""
        content = spans(*parts)
        many = content.split("\n", allow_blank=True) if "\n" in content.plain else [content]
        self._lines.extend(Line(one, hang) for one in many)
        return self

    def text(self, text: str, tone: Tone = "plain", hang: int = 0) -> Page:
        """A paragraph; its newlines begin new lines."""
        self._lines.extend(Line(toned(line, tone), hang) for line in text.split("\n"))
        return self

    def item(self, text: str, tone: Tone = "plain", sign: str = "•") -> Page:
        """An item of a list."""
        return self.line((f"{sign} ", "muted"), (text, tone), hang=2)

    def remedy(self, text: str, indent: int = 0) -> Page:
        """What can be done about it."""
        for line in text.split("\n"):
            self.line((" " * indent + "→ ", "accent"), (line, "plain"), hang=indent + 2)
        return self

    def fact(self, label: str, value: str, tone: Tone = "plain") -> Page:
        """A label and its value, values below each other."""
        return self.line((f"{label:<{LABEL_WIDTH}}", "muted"), (value, tone), hang=LABEL_WIDTH)

    def gap(self) -> Page:
        """An empty line."""
        self._lines.append(Line(Content("")))
        return self

    def plain(self) -> str:
        """The text alone."""
        return "\n".join(line.content.plain for line in self._lines)


def wrap(line: Line, width: int) -> Iterator[Content]:
    """A line in pieces of at most ``width`` cells, broken between words where that is possible."""
    text = line.content.plain
    if cell_len(text) <= width:
        yield line.content
        return
    hang = line.hang if width - line.hang >= LEAST_TEXT else 0
    start, room, first = 0, width, True
    while start < len(text):
        end = _break(text, start, room)
        piece = line.content[start:end].rstrip()
        yield piece if first else Content(" " * hang) + piece
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
        room, first = width - hang, False


def _break(text: str, start: int, room: int) -> int:
    """Where the piece that begins at ``start`` ends: after a word, or in one that is too long."""
    end, used, word = start, 0, 0
    while end < len(text):
        used += cell_len(text[end])
        if used > room:
            break
        end += 1
        if text[end - 1] == " " and text[start:end].strip():
            word = end
    if end == len(text):
        return end
    if text[end] == " ":
        return max(end, start + 1)
    return word if word > start else max(end, start + 1)


class Sheet(Widget):
    """Shows a page, as high as its text."""

    DEFAULT_CSS = """
    Sheet { height: auto; width: 1fr; }
    """

    def __init__(self, page: Page | None = None, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._page = page or Page()
        self._wrapped: tuple[int, list[Content]] | None = None

    @property
    def page(self) -> Page:
        """What is shown."""
        return self._page

    def show(self, page: Page) -> None:
        """Show another page."""
        self._page = page
        self._wrapped = None
        self.refresh(layout=True)

    def _lines(self, width: int) -> list[Content]:
        if self._wrapped is None or self._wrapped[0] != width:
            lines = [piece for line in self._page.lines for piece in wrap(line, width)]
            self._wrapped = (width, lines)
        return self._wrapped[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the page has at this width."""
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        """The page at the width there is."""
        return Content("\n").join(self._lines(self.content_size.width))
