"""Leaving while runs are followed: they go on, and this is said."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Static

from engine.model.run import Run
from tui.screens.dialog import Dialog
from tui.words import count


class LeaveScreen(Dialog[bool]):
    """Answers True to leave, None to stay."""

    def __init__(self, runs: tuple[Run, ...]) -> None:
        super().__init__(f"{count(len(runs), 'run')} followed here")
        self._runs = runs

    def body(self) -> ComposeResult:
        """See `Dialog.body`."""
        lines = [f"{run.candidate} on {run.host}: {run.state}" for run in self._runs[:8]]
        if len(self._runs) > 8:
            lines.append(f"and {len(self._runs) - 8} more")
        yield Static(Content("\n".join(lines)), classes="explained")
        yield Static(
            Content(
                "The jobs on the hosts go on when hostshift is closed. "
                "The next hostshift finds them, with their whole log."
            ),
            classes="hint",
        )

    def buttons(self) -> ComposeResult:
        """See `Dialog.buttons`."""
        yield Button("Stay", id="leave")
        yield Button("Close hostshift", id="close")

    def answer(self, button: str) -> None:
        """See `Dialog.answer`."""
        self.done(True if button == "close" else None)
