"""Exporting a run: its logs may hold secrets, so it is asked whether they go with it."""

from __future__ import annotations

from typing import Literal

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Static

from engine.model.run import Run
from tui.screens.dialog import Dialog


class ExportScreen(Dialog[Literal["without", "with"]]):
    """Answers what becomes of the logs, or None when nothing is to be written."""

    AUTO_FOCUS = "#without"

    def __init__(self, run: Run) -> None:
        super().__init__(f"Export {run.candidate} on {run.host} as Markdown")

    def body(self) -> ComposeResult:
        """See `Dialog.body`."""
        yield Static(
            Content(
                "Steps with their commands and evidence, the journal, and why it ended so. "
                "Logs may hold secrets: read them before you pass them on."
            ),
            classes="explained",
        )
        yield Static(
            Content("The file is for you alone, below hostshift's state directory."),
            classes="hint",
        )

    def buttons(self) -> ComposeResult:
        """See `Dialog.buttons`."""
        yield Button("Leave it", id="leave")
        yield Button("Without logs", id="without")
        yield Button("With logs", id="with")

    def answer(self, button: str) -> None:
        """See `Dialog.answer`."""
        if button == "without":
            self.done("without")
        else:
            self.done("with" if button == "with" else None)
