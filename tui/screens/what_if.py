"""What if: one assumption a key, and the numbers of one host at once as they would be."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from engine.candidates.what_if import SUPPOSITIONS
from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.messages import HostsChanged
from tui.screens.base import CommandScreen
from tui.what_if_page import what_if_page
from tui.widgets.sheet import Sheet


class WhatIfScreen(CommandScreen[None]):
    """Changes nothing and remembers nothing."""

    PLACE = "what-if"
    BINDINGS: ClassVar = bindings("what-if")
    DEFAULT_CSS = "WhatIfScreen VerticalScroll { padding: 0 1; }"

    def __init__(self, bridge: Bridge, name: str) -> None:
        super().__init__(bridge)
        self._host = name
        self._ids: set[str] = set()

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        return ("Fleet", self._host, "What if")

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        with VerticalScroll():
            yield Sheet(id="what-if")

    def on_mount(self) -> None:
        """Show it as it is."""
        super().on_mount()
        self._show()

    def on_hosts_changed(self, message: HostsChanged) -> None:
        """Something new is known of this host."""
        if self._host in message.names:
            self._show()

    def _show(self) -> None:
        known = self.bridge.known(self._host)
        supposed = self.bridge.what_if(self._host, self._ids)
        if known.facts is None or known.foresight is None or supposed is None:
            return
        page = what_if_page(known.host, known.facts, known.foresight, supposed, self._ids)
        self.query_one("#what-if", Sheet).show(page)

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        known = self.bridge.known(self._host)
        for one in SUPPOSITIONS:
            if command.id == f"suppose_{one.id}":
                if known.facts is None:
                    return "This host could not be looked at."
                why = one.why_not(known.host, known.facts)
                return None if why is None else f"{self._host}: {why}."
        return super().why_not(command)

    def _turn(self, which: str) -> None:
        self._ids ^= {which}
        self._show()

    def do_suppose_backup(self) -> None:
        """Turn it on or off, as each of these."""
        self._turn("backup")

    def do_suppose_later(self) -> None:
        """See `do_suppose_backup`."""
        self._turn("later")

    def do_suppose_exposed(self) -> None:
        """See `do_suppose_backup`."""
        self._turn("exposed")

    def do_suppose_console(self) -> None:
        """See `do_suppose_backup`."""
        self._turn("console")

    def do_suppose_failover(self) -> None:
        """See `do_suppose_backup`."""
        self._turn("failover")

    def do_suppose_outage(self) -> None:
        """See `do_suppose_backup`."""
        self._turn("outage")

    def do_suppose_nothing(self) -> None:
        """Back to how it is."""
        self._ids.clear()
        self._show()
