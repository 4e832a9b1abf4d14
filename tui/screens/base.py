"""What every screen has: a title, the bar of commands, and one place that tells of errors."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from engine.errors import HostshiftError
from tui.bridge import Bridge
from tui.commands import BY_ID, Command, Place, available, bindings
from tui.messages import Trouble
from tui.widgets.command_bar import CommandBar
from tui.widgets.title_bar import TitleBar

Result = TypeVar("Result")
READ_ONLY = "This hostshift is read-only: start it without --read-only to act."


class CommandScreen(Screen[Result]):
    """A screen of one place; ``do_<id>`` carries a command out."""

    PLACE: ClassVar[Place] = "everywhere"
    BINDINGS: ClassVar = bindings("everywhere")

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.bridge = bridge

    # -- to be filled by a screen

    def way(self) -> tuple[str, ...]:
        """The words of the title, from the fleet to here."""
        return ()

    def body(self) -> ComposeResult:
        """The widgets between title and bar."""
        yield from ()

    def why_not(self, command: Command) -> str | None:
        """Why a command can't be used now, in a sentence; None when it can."""
        if command.changes and self.bridge.read_only:
            return READ_ONLY
        return None

    # -- common to all

    def compose(self) -> ComposeResult:
        """Title, body, bar."""
        yield TitleBar(self.way(), demo=self.bridge.demo, read_only=self.bridge.read_only)
        yield from self.body()
        yield CommandBar()

    def on_mount(self) -> None:
        """Hear of news."""
        self.bridge.listen(self)
        self.offer_commands()

    def on_unmount(self) -> None:
        """Hear no more."""
        self.bridge.unlisten(self)

    def offered(self) -> Iterable[tuple[Command, str | None]]:
        """The commands of this screen, each with the reason why it can't be used now."""
        places = dict.fromkeys((self.PLACE, "everywhere"))
        for command in (command for place in places for command in available(place)):
            if hasattr(self, f"do_{command.id}"):
                yield command, self.why_not(command)

    def offer_commands(self) -> None:
        """Show in the bar what can be done now."""
        for bar in self.query(CommandBar):
            bar.show(tuple(self.offered()))

    def on_command_bar_chosen(self, event: CommandBar.Chosen) -> None:
        """A click in the bar."""
        event.stop()
        self.action_command(event.command.id)

    def action_command(self, name: str) -> None:
        """Carry out a command, or say why not."""
        command = BY_ID[name]
        reason = self.why_not(command)
        if reason is not None:
            self.notify(reason, title=command.label, severity="warning", markup=False)
            return
        work = getattr(self, f"do_{name}")()
        if inspect.iscoroutine(work):
            self.begin(work)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that may wait; an error of the engine is told, any other ends the app."""
        self.run_worker(self._told(work), group="commands")

    async def _told(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except HostshiftError as error:
            self.tell(error)

    def tell(self, error: HostshiftError) -> None:
        """The one place that shows what went wrong and what can be done about it."""
        self.app.notify(error.hint, title=error.message, severity="error", timeout=12, markup=False)

    def on_trouble(self, message: Trouble) -> None:
        """The bridge could not do something; only the screen on top tells of it."""
        if self.is_current:
            self.tell(message.error)

    # -- between screens; each of these mounts or unmounts by itself, nobody waits for it

    def show_screen(self, screen: Screen[None]) -> None:
        """Put a screen on top."""
        _ = self.app.push_screen(screen)

    def replace_by(self, screen: Screen[None]) -> None:
        """Put a screen in the place of this one."""
        _ = self.app.switch_screen(screen)

    def leave(self) -> None:
        """Go back to the screen below."""
        _ = self.dismiss()

    # -- commands that are available everywhere

    def do_help(self) -> None:
        """Show every key."""
        from tui.screens.help import HelpScreen

        self.show_screen(HelpScreen(self.bridge, self.PLACE))

    def do_palette(self) -> None:
        """Search the commands."""
        self.app.action_command_palette()

    def do_back(self) -> None:
        """Leave this screen."""
        self.leave()


def page_keys(titles: Sequence[str], front: int) -> Content:
    """The names of a screen's pages with their numbers, which are their keys."""
    parts: list[tuple[str, str]] = []
    for i, name in enumerate(titles):
        tone = "bold underline" if i == front else "$foreground-muted"
        parts += [(str(i + 1), "bold $accent"), (" ", ""), (name, tone), ("   ", "")]
    return Content.assemble(*parts)


def put_front(panels: Iterable[Widget], front: Widget) -> None:
    """Of several panels, mark the one that is shown where there is room for one only."""
    for panel in panels:
        panel.set_class(panel is front, "-front")
