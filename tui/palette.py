"""The command palette: the commands of the screen on top, from their one definition."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.commands import keys_of
from tui.screens.base import CommandScreen


class CommandProvider(Provider):
    """Offers what the screen can do now."""

    def _able(self) -> list[tuple[str, str, partial[None]]]:
        screen = self.screen
        if not isinstance(screen, CommandScreen):
            return []
        rows = []
        for command, why in screen.offered():
            if command.id == "palette":
                continue
            label = f"{command.label.capitalize()}  ({keys_of(command)})"
            text = command.help if why is None else f"Not now: {why}"
            rows.append((label, text, partial(screen.action_command, command.id)))
        return rows

    async def discover(self) -> Hits:
        """All of them."""
        for label, text, call in self._able():
            yield DiscoveryHit(label, call, help=text)

    async def search(self, query: str) -> Hits:
        """Those whose name matches."""
        matcher = self.matcher(query)
        for label, text, call in self._able():
            score = matcher.match(label)
            if score > 0:
                yield Hit(score, matcher.highlight(label), call, help=text)
