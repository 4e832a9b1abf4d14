"""The app: themes, the bridge and the first screen. All else is in the screens."""

from __future__ import annotations

import os
import signal
from collections.abc import Coroutine
from typing import Any, ClassVar

from textual.app import App

from engine.session import Session
from tui.bridge import Bridge
from tui.palette import CommandProvider
from tui.screens.fleet import FleetScreen
from tui.theme import THEMES
from tui.verbs import Verbs

INVENTORY_EVERY_S = 3.0
"""Seconds between two looks at the inventory's file."""


class HostshiftApp(App[int]):
    """The terminal interface on one session."""

    TITLE = "hostshift"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = {*App.COMMANDS, CommandProvider}
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self, session: Session, verbs: Verbs | None = None, *, theme: str | None = None
    ) -> None:
        super().__init__()
        self._asked_theme = theme
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide"), (180, "-huge")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
        self.bridge = Bridge(session, verbs)

    def on_mount(self) -> None:
        """Paint the fleet first; look at it after that."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._asked_theme or self._first_theme()
        _ = self.push_screen(FleetScreen(self.bridge))
        self.call_after_refresh(self._begin)
        if not self.bridge.demo:  # which could not open another session
            self.set_interval(INVENTORY_EVERY_S, self._look_at_inventory)
        if not self.is_headless and os.isatty(0):
            self.set_interval(1, self._end_without_terminal)

    def _end_without_terminal(self) -> None:
        """End as a closed terminal does it, also where whoever started us keeps the word to itself.

        GNU make does that: it waits for us when its terminal is gone. Reading would never end.
        """
        if not os.isatty(0):
            os.kill(os.getpid(), signal.SIGHUP)

    def _look_at_inventory(self) -> None:
        if self.bridge.look_at_inventory():
            self.notify(
                "I, on the fleet, reads it again.",
                title=f"{self.bridge.inventory_name} has changed",
                markup=False,
            )

    def _first_theme(self) -> str:
        # With 16 colours the terminal's own palette is used; truecolor themes would be rounded.
        return "ansi-dark" if self.console.color_system == "standard" else THEMES[0].name

    def _begin(self) -> None:
        self.bridge.begin(self._spawn)
        if self.bridge.hosts:
            self.bridge.scan()

    def _spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> object:
        return self.run_worker(work, name=name, group="bridge")

    async def on_unmount(self) -> None:
        """Stop driving first, close connections after; jobs on the hosts go on."""
        await self.bridge.close()
