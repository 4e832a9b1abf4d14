"""The line in which a filter is typed; it stands below its table while there is one."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static


class FilterLine(Horizontal):
    """Hidden until it is opened. Its ``Input`` has the id ``filter``."""

    DEFAULT_CSS = """
    FilterLine {
        display: none;
        height: 1;
        padding: 0 2;
        &.-open { display: block; }
        & > #filter-sign { width: 2; }
        & > #filter { border: none; height: 1; padding: 0; background: $background; width: 1fr; }
    }
    """

    def __init__(self, placeholder: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """The sign and the field."""
        yield Static(Content.styled("/", "bold $accent"), id="filter-sign")
        yield Input(placeholder=self._placeholder, id="filter")

    @property
    def field(self) -> Input:
        """Where it is typed."""
        return self.query_one("#filter", Input)

    def open(self, text: str | None = None) -> None:
        """Show it, with a text or to type in."""
        self.add_class("-open")
        if text is None:
            self.field.focus()
        else:
            self.field.value = text

    def close(self) -> bool:
        """Filter nothing any more; False when it was closed already."""
        was_open = self.has_class("-open")
        self.field.value = ""
        self.remove_class("-open")
        return was_open
