"""The line at the top of every screen: where one is, and what this hostshift may do."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static


class TitleBar(Horizontal):
    """The name, the way to this screen, and the marks DEMO and READ-ONLY."""

    DEFAULT_CSS = """
    TitleBar {
        dock: top;
        height: 1;
        padding: 0 1;
        background: $panel;
        & > #title-way { width: 1fr; height: 1; }
        & > .mark { width: auto; height: 1; padding: 0 1; margin: 0 0 0 1; text-style: bold; }
        & > #mark-demo { background: $accent; color: $background; }
        & > #mark-read-only { background: $warning; color: $background; }
        &:ansi > #mark-demo {
            background: ansi_default; color: ansi_cyan; text-style: bold reverse;
        }
        &:ansi > #mark-read-only {
            background: ansi_default; color: ansi_yellow; text-style: bold reverse;
        }
    }
    """

    def __init__(self, way: tuple[str, ...], *, demo: bool, read_only: bool) -> None:
        super().__init__()
        self._way = way
        self._demo = demo
        self._read_only = read_only

    def compose(self) -> ComposeResult:
        """The way on the left, the marks on the right."""
        yield Static(self._content(), id="title-way")
        if self._demo:
            yield Static(Content("DEMO"), id="mark-demo", classes="mark")
        if self._read_only:
            yield Static(Content("READ-ONLY"), id="mark-read-only", classes="mark")

    def show(self, *way: str) -> None:
        """Show another way."""
        self._way = way
        self.query_one("#title-way", Static).update(self._content())

    def _content(self) -> Content:
        parts: list[tuple[str, str] | str] = [("hostshift", "bold $accent")]
        for i, word in enumerate(self._way):
            last = i == len(self._way) - 1
            parts += [
                ("  ›  ", "$foreground-muted"),
                (word, "bold" if last else "$foreground-muted"),
            ]
        return Content.assemble(*parts)
