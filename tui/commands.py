"""Every command of the screens, defined once.

Key bindings, the bar at the bottom, the command palette, the help screen and docs/keys.md are all
made from this list. A screen carries a command out in a method ``do_<id>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Place = Literal[
    "everywhere",
    "table",
    "log",
    "fleet",
    "host",
    "what-if",
    "plan",
    "conffiles",
    "run",
    "cutover",
    "history",
    "keys",
]

PLACES: dict[Place, str] = {
    "everywhere": "Everywhere",
    "table": "In tables",
    "fleet": "Fleet",
    "host": "Host",
    "what-if": "What if",
    "plan": "Plan",
    "conffiles": "Configuration files",
    "run": "Run",
    "cutover": "Cutover",
    "log": "In the log",
    "history": "History",
    "keys": "Host keys",
}
"""The places where commands are available, in the order of the help screen."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can ask for.

    Attributes:
        keys: As Textual names them; the first is the one that is shown.
        label: One to three words, for the bar at the bottom.
        help: A sentence, for the palette, the help screen and the documentation.
        changes: It leads to a change on a host, so that it is refused in a read-only session.
        bar: Whether it has a place in the bar at the bottom.
        quiet: It stands in the bar only while it can be used.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    places: tuple[Place, ...]
    changes: bool = False
    bar: bool = True
    quiet: bool = False


COMMANDS: tuple[Command, ...] = (
    # Cutover: the way back stands before all else
    Command(
        "go_back",
        ("b",),
        "go back",
        "Return to the old server; its name is asked for once that would lose anything.",
        ("cutover",),
        changes=True,
        quiet=True,
    ),
    # Run: what is decided there comes first, what is only looked at after it
    Command(
        "go_on",
        ("y",),
        "go on",
        "Answer the gate: go on. What touches running services asks for the host's name.",
        ("run", "cutover"),
        changes=True,
        quiet=True,
    ),
    Command(
        "end_here",
        ("n",),
        "end it here",
        "Answer the gate: end the run here. Clean-up is still carried out.",
        ("run", "cutover"),
        changes=True,
        quiet=True,
    ),
    # Plan; the last of these three is a run's question, too
    Command(
        "carry_out",
        ("y",),
        "carry out",
        "Carry the plan out; what touches running services asks for the host's name first.",
        ("plan",),
        changes=True,
    ),
    Command(
        "plan_refresh",
        ("r",),
        "refresh lists first",
        "Plan the chore `refresh` instead: the package lists are old.",
        ("plan",),
        quiet=True,
    ),
    Command(
        "conffiles",
        ("f",),
        "configuration files",
        "See what would change about configuration files of yours, and choose whose version stays.",
        ("plan", "run"),
        quiet=True,
    ),
    Command(
        "take_over",
        ("t",),
        "take over",
        "Drive this run from here: its hostshift is gone, or you say why.",
        ("run", "cutover"),
        changes=True,
        quiet=True,
    ),
    Command(
        "cutover",
        ("c",),
        "cutover",
        "Show the cutover: both servers, each second's checks, DNS, the outage, the way back.",
        ("run",),
        quiet=True,
    ),
    Command(
        "stop",
        ("s",),
        "stop",
        "Stop the run after the package transaction in hand.",
        ("run",),
        changes=True,
        quiet=True,
    ),
    Command(
        "stop_hard",
        ("S",),
        "hard stop",
        "Kill what the run does now; says what that may leave behind.",
        ("run",),
        changes=True,
        quiet=True,
    ),
    Command(
        "break_lock",
        ("b",),
        "break lock",
        "Break the host's lock, on the evidence that is shown.",
        ("run", "host"),
        changes=True,
        quiet=True,
    ),
    Command("page_1", ("1",), "overview", "Steps in short, beside the log.", ("run",), bar=False),
    Command("page_2", ("2",), "steps", "Each step with commands, evidence.", ("run",), bar=False),
    Command("page_3", ("3",), "log", "The log of one step alone.", ("run",), bar=False),
    Command("page_4", ("4",), "journal", "Who did what, and when.", ("run",), bar=False),
    # Fleet and host
    Command(
        "open",
        ("enter",),
        "open",
        "Open what the cursor is on.",
        ("fleet", "history", "table"),
    ),
    Command("filter", ("slash",), "filter", "Show only the rows that match.", ("fleet", "history")),
    Command("export", ("e",), "export", "Write the run down as Markdown.", ("history", "run")),
    Command(
        "follow",
        ("G", "end"),
        "follow",
        "Go to the end and follow it.",
        ("log", "run", "cutover"),
        quiet=True,
    ),
    Command(
        "next_step",
        ("J",),
        "next step",
        "Show the log of the next step.",
        ("run", "cutover"),
        quiet=True,
    ),
    Command(
        "previous_step",
        ("K",),
        "previous step",
        "Show the log of the step before.",
        ("run", "cutover"),
        bar=False,
    ),
    Command(
        "upgrade",
        ("u",),
        "upgrade",
        "Plan `upgrade` for this host, or for all selected hosts.",
        ("fleet", "host", "run"),
    ),
    Command(
        "plan",
        ("p", "enter"),
        "plan",
        "Show the exact steps of the candidate the cursor is on.",
        ("host",),
    ),
    Command(
        "mend",
        ("m",),
        "mend",
        "Plan what mends the first blocker of the candidate the cursor is on.",
        ("host",),
        quiet=True,
    ),
    Command(
        "refresh_lists",
        ("r",),
        "refresh lists",
        "Plan the chore `refresh`: fetch the package lists anew on the host.",
        ("host",),
    ),
    Command(
        "repair",
        ("R",),
        "repair",
        "Plan `repair`: let dpkg finish what it was interrupted in; what goes with that is named.",
        ("host", "run"),
        quiet=True,
    ),
    Command(
        "download",
        ("d",),
        "download",
        "Plan the chore `download`: fetch what dist-upgrade needs, install nothing.",
        ("host",),
        bar=False,
    ),
    Command(
        "undo",
        ("U",),
        "undo",
        "Plan the chore `undo`: take back the last transaction that apt has recorded.",
        ("host",),
        bar=False,
    ),
    Command(
        "autoremove",
        ("x",),
        "autoremove",
        "Plan the chore `autoremove`: what nothing needs any more, old kernels too.",
        ("host",),
        bar=False,
    ),
    Command(
        "restart_services",
        ("v",),
        "restart services",
        "Plan the chore `restart-services`: those that use replaced files.",
        ("host",),
        quiet=True,
    ),
    Command(
        "shell",
        ("exclamation_mark",),
        "shell",
        "Open a terminal on the host with ssh(1), to mend by hand what no plan mends.",
        ("host", "run"),
        changes=True,
        bar=False,
    ),
    Command(
        "attach", ("a",), "attach", "Follow the run on this host.", ("fleet", "host"), quiet=True
    ),
    Command("look", ("g",), "look again", "Look at the hosts again.", ("fleet", "host", "run")),
    Command(
        "reread",
        ("I",),
        "read inventory again",
        "Read the inventory's file again, once it has changed. Runs are carried on.",
        ("fleet",),
        quiet=True,
    ),
    Command("history", ("H",), "history", "Show past and live runs.", ("fleet", "host")),
    Command("reload", ("g",), "read again", "Read the record of runs again.", ("history",)),
    Command(
        "select",
        ("space",),
        "select",
        "Select or deselect the host, and go down.",
        ("fleet", "keys"),
    ),
    Command(
        "select_all",
        ("asterisk",),
        "select all",
        "Select every row that is shown, or none if all are selected.",
        ("fleet", "keys"),
        bar=False,
    ),
    Command("sort", ("s",), "sort", "Sort by the next column.", ("fleet", "history")),
    Command(
        "reverse",
        ("S",),
        "reverse",
        "Turn the order of the rows around.",
        ("fleet", "history"),
        bar=False,
    ),
    Command(
        "keys",
        ("K",),
        "host keys",
        "Compare the host keys that nobody has vouched for yet.",
        ("fleet",),
        quiet=True,
    ),
    Command(
        "password",
        ("P",),
        "sudo password",
        "Type the sudo password that hosts are asking for.",
        ("fleet", "host", "run", "cutover"),
        quiet=True,
    ),
    Command(
        "changelogs",
        ("c",),
        "changelogs",
        "Let the host's apt fetch the changelogs of its pending updates: which CVEs they fix.",
        ("host",),
        bar=False,
    ),
    Command(
        "what_if",
        ("w",),
        "what if",
        "Suppose one thing were another, and see what that would change.",
        ("host",),
        bar=False,
    ),
    Command("suppose_backup", ("b",), "backup", "Suppose it was backed up just now.", ("what-if",)),
    Command(
        "suppose_later",
        ("w",),
        "7 days later",
        "Suppose 7 days have passed and nothing new has come out.",
        ("what-if",),
    ),
    Command(
        "suppose_exposed",
        ("e",),
        "internet",
        "Suppose the internet reaches it, or doesn't.",
        ("what-if",),
    ),
    Command(
        "suppose_console", ("c",), "console", "Suppose there is a console, or none.", ("what-if",)
    ),
    Command(
        "suppose_failover",
        ("f",),
        "failover",
        "Suppose others took over from it today, as a trial.",
        ("what-if",),
    ),
    Command(
        "suppose_outage",
        ("o",),
        "outage",
        "Suppose a day without it is unacceptable, or tolerable.",
        ("what-if",),
    ),
    Command("suppose_nothing", ("0",), "as it is", "Suppose nothing.", ("what-if",)),
    Command("panel_1", ("1",), "candidates", "Go to the candidates.", ("host",), bar=False),
    Command("panel_2", ("2",), "facts", "Go to the facts.", ("host",), bar=False),
    Command("panel_3", ("3",), "packages", "Go to the packages.", ("host",), bar=False),
    Command("quit", ("q",), "quit", "Leave hostshift. Runs on hosts go on.", ("fleet",)),
    # Configuration files
    Command(
        "take_conffile",
        ("t",),
        "keep / take",
        "Keep your version of the file, or take the package's; back shows the plan for it.",
        ("conffiles",),
    ),
    # Host keys
    Command(
        "accept_keys",
        ("y",),
        "accept",
        "Accept the selected host keys (all of them when none is selected).",
        ("keys",),
        changes=True,
    ),
    # Log
    Command("log_top", ("home",), "top", "Go to the first line that is kept.", ("log",), bar=False),
    Command("log_up", ("up", "k"), "up", "One line up.", ("log",), bar=False),
    Command("log_down", ("down", "j"), "down", "One line down.", ("log",), bar=False),
    Command("log_page_up", ("pageup",), "page up", "One page up.", ("log",), bar=False),
    Command("log_page_down", ("pagedown",), "page down", "One page down.", ("log",), bar=False),
    Command("log_left", ("left", "h"), "left", "To the left.", ("log",), bar=False),
    Command("log_right", ("right", "l"), "right", "To the right.", ("log",), bar=False),
    # Tables
    Command("up", ("up", "k"), "up", "One row up.", ("table",), bar=False),
    Command("down", ("down", "j"), "down", "One row down.", ("table",), bar=False),
    Command("left", ("left", "h"), "left", "Columns to the left.", ("table",), bar=False),
    Command("right", ("right", "l"), "right", "Columns to the right.", ("table",), bar=False),
    Command("page_up", ("pageup", "ctrl+b"), "page up", "One page up.", ("table",), bar=False),
    Command(
        "page_down", ("pagedown", "ctrl+f"), "page down", "One page down.", ("table",), bar=False
    ),
    Command("top", ("home",), "first", "To the first row.", ("table",), bar=False),
    Command("bottom", ("end", "G"), "last", "To the last row.", ("table",), bar=False),
    # Everywhere
    Command("help", ("question_mark", "f1"), "help", "Show every key.", ("everywhere",)),
    Command(
        "palette",
        ("ctrl+p",),
        "commands",
        "Search all commands by name.",
        ("everywhere",),
        bar=False,
    ),
    Command(
        "back",
        ("q", "escape"),
        "back",
        "Go back. On the fleet escape clears the filter, then the selection.",
        ("everywhere",),
    ),
)
BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}

_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "asterisk": "*",
    "escape": "esc",
    "space": "space",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def key_name(key: str) -> str:
    """A key as it is printed: ``slash`` is ``/``, ``ctrl+b`` is ``^b``."""
    return _NAMES.get(key, key.replace("ctrl+", "^"))


def keys_of(command: Command) -> str:
    """All keys of a command, as they are printed."""
    return " ".join(key_name(key) for key in command.keys)


def available(place: Place) -> tuple[Command, ...]:
    """The commands of one place, in order."""
    return tuple(command for command in COMMANDS if place in command.places)


def bindings(place: Place) -> list[BindingType]:
    """Key bindings of one place; each calls ``action_command`` with the command's id."""
    return [
        Binding(",".join(command.keys), f"command({command.id!r})", command.label, show=False)
        for command in available(place)
    ]
