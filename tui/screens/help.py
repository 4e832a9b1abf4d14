"""Help: every key, made from the definitions of the commands; the filter's words."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tui import history_rows
from tui.bridge import Bridge
from tui.commands import PLACES, Place, available, keys_of
from tui.fleet_filter import FIELDS, STATE_WORDS
from tui.screens.base import CommandScreen
from tui.widgets.sheet import Page, Sheet


class HelpScreen(CommandScreen[None]):
    """One page to scroll, which begins with the keys of the screen it was asked on."""

    CSS_PATH = "help.tcss"

    def __init__(self, bridge: Bridge, asked_on: Place = "everywhere") -> None:
        super().__init__(bridge)
        self._asked_on = asked_on

    def way(self) -> tuple[str, ...]:
        """See `CommandScreen.way`."""
        return ("Help",)

    def body(self) -> ComposeResult:
        """See `CommandScreen.body`."""
        with VerticalScroll(id="help"):
            yield Sheet(_page(self._asked_on))

    def do_help(self) -> None:
        """Asking for help once more leaves it."""
        self.leave()


def _page(asked_on: Place) -> Page:
    page = Page()
    for place in dict.fromkeys((asked_on, *PLACES)):
        page.heading(PLACES[place])
        for command in available(place):
            page.line((f"  {keys_of(command):<16}", "accent"), (command.help, "plain"), hang=18)
    page.heading("Words of the filter")
    page.text(
        "  All words must match. A word is searched in name, address, groups, system.", hang=2
    )
    page.text("  A leading - turns it around. field:text looks at one field:", hang=2)
    page.text("  " + "  ".join(f"{name}:" for name in FIELDS), "accent", 2)
    page.gap()
    for word, meaning in STATE_WORDS.items():
        page.line((f"  {word:<16}", "accent"), (meaning, "plain"), hang=18)
    page.gap().text("  In the history: a run's state, live or ended; the fields are", hang=2)
    page.text("  " + "  ".join(f"{name}:" for name in history_rows.FIELDS), "accent", 2)
    page.heading("Signs")
    page.text("  ● selected   ↑ updates   ↻ reboot due   ■ blocked   ▶ running   ✓ done", hang=2)
    page.text(
        "  ✗ failed or not reached   ? not known   ! a person must decide   · not looked at", hang=2
    )
    page.text("  ◷ a run waits   ↶ rolled back   – nothing was changed   ○ not begun", hang=2)
    return page
