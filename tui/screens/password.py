"""The sudo password: asked once, kept in memory only."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, Static

from engine.shell import Secret
from tui.screens.dialog import Dialog
from tui.words import count, shorten


@dataclass(frozen=True, slots=True)
class GivenPassword:
    """What was typed, and for whom."""

    password: Secret
    for_all: bool


class PasswordScreen(Dialog[GivenPassword]):
    """Asks for the password of the hosts that want one."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = hosts
        what = hosts[0] if len(hosts) == 1 else count(len(hosts), "host")
        super().__init__(f"The sudo password for {what}")

    def body(self) -> ComposeResult:
        """See `Dialog.body`."""
        yield Static(Content(shorten(", ".join(self._hosts), 200)), classes="explained")
        yield Static(
            Content(
                "It is kept in memory until hostshift is closed, and sent only to "
                "sudo's own prompt."
            ),
            classes="hint",
        )
        yield Input(password=True, id="typed")

    def buttons(self) -> ComposeResult:
        """See `Dialog.buttons`."""
        yield Button("Not now", id="leave")
        if len(self._hosts) == 1:
            yield Button("This host", id="one", disabled=True)
        yield Button("All hosts", id="all", disabled=True)

    def on_mount(self) -> None:
        """Typing can begin."""
        self.query_one("#typed", Input).focus()

    @on(Input.Changed, "#typed")
    def open_or_shut(self) -> None:
        """Without a password there is nothing to give."""
        empty = not self.query_one("#typed", Input).value
        for button in self.query(Button):
            if button.id != "leave":
                button.disabled = empty

    @on(Input.Submitted, "#typed")
    def submitted(self) -> None:
        """Enter gives it as narrowly as the question was."""
        if self.query_one("#typed", Input).value:
            self.answer("one" if len(self._hosts) == 1 else "all")

    def action_leave(self) -> None:
        """Forget what was typed."""
        self.answer("leave")

    def answer(self, button: str) -> None:
        """See `Dialog.answer`."""
        field = self.query_one("#typed", Input)
        value, field.value = field.value, ""
        if button == "leave" or not value:
            self.done(None)
        else:
            self.done(GivenPassword(Secret(value, "sudo password"), button == "all"))
