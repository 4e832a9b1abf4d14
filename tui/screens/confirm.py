"""The confirmation: what can't be taken back is asked for by name, typed."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from tui.screens.dialog import Dialog
from tui.widgets.sheet import Page, Sheet


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmation: the phrase that was typed, and the person's own words for the record."""

    phrase: str
    words: str


class ConfirmScreen(Dialog[Confirmed]):
    """Asks to type a phrase; the button stays shut until it is there, letter by letter.

    Answers None when the person leaves.

    Args:
        phrase: What has to be typed; None: the button alone confirms.
        words: Asks for the person's own words, such as a reason; None: they are not asked for.
        needs_words: Without them the button stays shut.
        leave: The safe answer.
        key: Confirms as the button does, where no phrase has to be typed.
    """

    def __init__(
        self,
        title: str,
        explained: Content | Page,
        phrase: str | None,
        action: str,
        *,
        words: str | None = None,
        needs_words: bool = False,
        leave: str = "Leave it as it is",
        key: str | None = None,
    ) -> None:
        super().__init__(title)
        self._explained = explained
        self._phrase = phrase
        self._action = action
        self._words = words
        self._needs_words = needs_words
        self._leave = leave
        self._key = key if phrase is None and words is None else None

    def body(self) -> ComposeResult:
        """See `Dialog.body`."""
        explained = self._explained
        with VerticalScroll(classes="explained"):
            yield Sheet(explained) if isinstance(explained, Page) else Static(explained)
        if self._needs_words:
            yield from self._asked_words()
        if self._phrase is not None:
            yield Static(
                Content.assemble("Type  ", (self._phrase, "bold $accent"), "  to go on."),
                classes="hint",
                id="phrase",
            )
            yield Input(id="typed")
        if not self._needs_words:
            yield from self._asked_words()

    def _asked_words(self) -> ComposeResult:
        if self._words is not None:
            yield Static(Content(self._words), classes="hint")
            yield Input(id="words", max_length=500)

    def buttons(self) -> ComposeResult:
        """See `Dialog.buttons`."""
        yield Button(Content(self._leave), id="leave")
        action = self._action if self._key is None else f"{self._action}  ({self._key})"
        yield Button(Content(action), id="act", variant="warning", disabled=not self.complete)

    def on_mount(self) -> None:
        """Typing can begin; where nothing has to be typed, the safe answer is in front."""
        fields = self.query(Input)
        asked = self._phrase is not None or self._needs_words
        (fields.first() if asked else self.query_one("#leave")).focus()

    def on_key(self, event: events.Key) -> None:
        """The key that confirms."""
        if self._key is not None and event.key == self._key:
            event.stop()
            self.answer("act")

    def _value(self, field: str) -> str:
        return next((found.value for found in self.query(f"#{field}").results(Input)), "")

    @property
    def complete(self) -> bool:
        """Whether everything is there that has to be typed."""
        if self._phrase is not None and self._value("typed") != self._phrase:
            return False
        return not self._needs_words or bool(self._value("words").strip())

    @on(Input.Changed)
    def open_or_shut(self) -> None:
        """The button follows what is typed."""
        self.query_one("#act", Button).disabled = not self.complete

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Enter, checked once more; from words that are needed it goes on to the phrase first."""
        if event.input.id == "words" and not self.complete and self._phrase is not None:
            self.query_one("#typed").focus()
        else:
            self.answer("act")

    def answer(self, button: str) -> None:
        """See `Dialog.answer`; checked once more."""
        if button != "act":
            self.done(None)
        elif self.complete:
            self.done(Confirmed(self._value("typed"), self._value("words").strip()))
