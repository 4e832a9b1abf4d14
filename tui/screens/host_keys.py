"""Host keys that nobody has vouched for yet: one list to compare and accept."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.model.facts import HostKeyOffer
from tui.bridge import Bridge
from tui.commands import Command, bindings
from tui.messages import HostsChanged
from tui.screens.base import CommandScreen
from tui.screens.confirm import ConfirmScreen
from tui.widgets.columns import Cell, Column
from tui.widgets.line_table import LineTable
from tui.widgets.sheet import Page, Sheet
from tui.words import count


def _columns() -> tuple[Column[HostKeyOffer], ...]:
    def fingerprint(offer: HostKeyOffer, width: int) -> Cell:
        return ((offer.fingerprint, "plain"),)

    def host(offer: HostKeyOffer, width: int) -> Cell:
        return ((offer.host, "strong"),)

    def address(offer: HostKeyOffer, width: int) -> Cell:
        port = "" if offer.port == 22 else f" port {offer.port}"
        return ((offer.address + port, "muted"),)

    def algorithm(offer: HostKeyOffer, width: int) -> Cell:
        return ((offer.algorithm, "muted"),)

    def file(offer: HostKeyOffer, width: int) -> Cell:
        return ((offer.file, "muted"),)

    return (
        Column("host", "Host", 14, 26, host, lambda o: o.host, essential=True),
        Column(
            "fingerprint",
            "Fingerprint",
            50,
            52,
            fingerprint,
            lambda o: o.fingerprint,
            essential=True,
        ),
        Column("algorithm", "Algorithm", 14, 22, algorithm, lambda o: o.algorithm),
        Column("address", "Address", 20, 40, address, lambda o: o.address),
        Column("file", "Added to", 16, 40, file, lambda o: o.file),
    )


class HostKeysScreen(CommandScreen[None]):
    """The list; accepting asks for the number of keys, typed."""

    PLACE = "keys"
    CSS_PATH = "host_keys.tcss"
    BINDINGS: ClassVar = bindings("keys")

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._offers = {offer.host: offer for offer in bridge.key_offers}

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        return ("Fleet", "Host keys")

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        yield Static(
            Content(
                "Nobody has vouched for these host keys yet. Compare each fingerprint with what "
                "the host itself says, then accept them. On the host's console: "
                "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
            ),
            id="keys-explained",
        )
        yield LineTable(
            _columns(), lambda o: o.host, selectable=True, empty="No key waits.", id="keys"
        )
        with VerticalScroll(id="key-detail", classes="panel", can_focus=False):
            yield Sheet(id="key-sheet")

    @property
    def table(self) -> LineTable[HostKeyOffer]:
        """The list of keys."""
        return self.query_one("#keys", LineTable)

    def on_mount(self) -> None:
        """Show the offers."""
        super().on_mount()
        self.query_one("#key-detail").border_title = "The line for known_hosts"
        self.table.replace(list(self._offers.values()))
        self.table.focus()

    def on_hosts_changed(self, message: HostsChanged) -> None:
        """Keys that were accepted leave the list; when it is empty, so does the screen."""
        self._offers = {offer.host: offer for offer in self.bridge.key_offers}
        self.table.selected &= set(self._offers)
        self.table.replace(list(self._offers.values()))

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Show the whole key of the row under the cursor."""
        offer = self._offers.get(event.key or "")
        page = Page()
        if offer is not None:
            page.fact("File", offer.file).text(offer.line, "muted")
        self.query_one("#key-sheet", Sheet).show(page)

    def why_not(self, command: Command) -> str | None:
        """See `CommandScreen.why_not`."""
        if command.id == "accept_keys" and not self._offers:
            return "No key waits to be accepted."
        return super().why_not(command)

    def do_select(self) -> None:
        """Select the key under the cursor."""
        self.table.toggle()

    def do_select_all(self) -> None:
        """Select all keys."""
        self.table.toggle_all()

    async def do_accept_keys(self) -> None:
        """Ask for the number of keys, typed, then accept them."""
        chosen = self.table.selected or set(self._offers)
        offers = [offer for name, offer in self._offers.items() if name in chosen]
        names = ", ".join(offer.host for offer in offers[:12])
        more = f" and {len(offers) - 12} more" if len(offers) > 12 else ""
        explained = Content(
            f"{names}{more}\n\nFrom then on hostshift and ssh trust whoever holds these keys."
        )
        confirmed = await self.app.push_screen_wait(
            ConfirmScreen(
                f"Accept {count(len(offers), 'host key')}", explained, str(len(offers)), "Accept"
            )
        )
        if confirmed:
            self.bridge.accept_keys(offers)
            self.leave()
