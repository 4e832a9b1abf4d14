"""What dialogs have in common: a small box over the screen, the safe answer first."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A question. Escape is always the safe answer, None."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar = [Binding("escape", "leave", "leave", show=False)]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def body(self) -> ComposeResult:
        """What stands between the title and the buttons."""
        yield from ()

    def buttons(self) -> ComposeResult:
        """The answers, the safe one first."""
        yield Button("Leave it", id="leave")

    def compose(self) -> ComposeResult:
        """Title, body, buttons."""
        with Vertical(id="dialog"):
            yield Static(Content.styled(self._title, "bold"), id="dialog-title")
            yield from self.body()
            with Horizontal(id="dialog-buttons"):
                yield from self.buttons()

    def done(self, answer: Answer | None) -> None:
        """Close with an answer; None is the safe one."""
        _ = self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The safe answer, unless a dialog knows the button."""
        event.stop()
        self.answer(event.button.id or "leave")

    def answer(self, button: str) -> None:
        """A button was pressed; all but those a dialog knows leave."""
        self.done(None)

    def action_leave(self) -> None:
        """The safe answer."""
        self.done(None)
