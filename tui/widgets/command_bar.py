"""The line at the bottom: the commands of the screen, made from their definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.commands import Command, key_name

Offered = tuple[Command, str | None]
"""A command, and why it can't be used now (None: it can)."""


class CommandBar(Widget):
    """As many commands as fit; one that can't be used now is dimmed and struck through."""

    DEFAULT_CSS = """
    CommandBar {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $text-muted;
    }
    """

    @dataclass
    class Chosen(Message):
        """A command was clicked."""

        command: Command

    def __init__(self) -> None:
        super().__init__()
        self._offered: tuple[Offered, ...] = ()
        self._ends: list[tuple[int, Command]] = []

    def show(self, offered: Sequence[Offered]) -> None:
        """Offer these commands."""
        self._offered = tuple(offered)
        self.refresh()

    def render(self) -> Content:
        """The commands that fit, help and back or quit always among them."""
        able = [(c, why) for c, why in self._offered if c.bar and not (c.quiet and why)]
        kept = self._that_fit(able)
        parts: list[tuple[str, str] | str] = []
        self._ends = []
        end = 1
        for command, why in kept:
            key, label = key_name(command.keys[0]), command.label
            if why is None:
                parts += [(key, "bold $accent"), f" {label}   "]
            else:
                parts += [(key, "$foreground-muted strike"), (f" {label}", "strike dim"), "   "]
            end += len(key) + len(label) + 4
            self._ends.append((end, command))
        return Content.assemble(*parts)

    def _that_fit(self, able: list[Offered]) -> list[Offered]:
        room = self.size.width + 3
        always = [o for o in able if "everywhere" in o[0].places or o[0].id == "quit"]
        room -= sum(_length(o) for o in always)
        kept: list[Offered] = []
        for offer in able:
            if offer in always:
                continue
            room -= _length(offer)
            if room < 0:
                break
            kept.append(offer)
        return kept + always

    def on_click(self, event: events.Click) -> None:
        """A click on a command is its key."""
        for end, command in self._ends:
            if event.x < end:
                self.post_message(self.Chosen(command))
                return


def _length(offer: Offered) -> int:
    command = offer[0]
    return len(key_name(command.keys[0])) + len(command.label) + 4
