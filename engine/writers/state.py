"""What writers.sh says, as values and in words. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from engine.clock import rfc3339
from engine.errors import HostOutputError
from engine.text import clean_line, decode

GuardWord = Literal["none", "armed", "disarmed", "fired"]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MOST_LINES = 200
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Guard:
    """One look at the guard of a run's writers. None: not known, or it does not apply.

    Attributes:
        at: When it ended, by the host's clock; while it is armed, when it will thaw.
        watching: Its process is there; False while armed is a guard that would not thaw.
        lasting: It survives a reboot. Without systemd as PID 1 it does not.
        frozen: All writers were frozen, and nothing has thawed them since.
        thawed: The former state was put back, by the guard or by hostshift.
        problems: What of that did not work.
    """

    state: GuardWord
    at: datetime | None = None
    watching: bool | None = None
    lasting: bool | None = None
    frozen: bool = False
    thawed: bool = False
    problems: tuple[str, ...] = ()


def verdict(guard: Guard) -> str:
    """What a look has shown, as a sentence or two for people."""
    when = f" at {rfc3339(guard.at)}" if guard.at else ""
    match guard.state:
        case "none":
            return "No guard was armed for the writers."
        case "armed" if guard.watching is False:
            return "The guard is armed, but its process is not there: it would not thaw."
        case "armed":
            lost = "" if guard.lasting else " It does not survive a reboot of this host."
            return f"The guard is armed: it thaws the writers{when} unless it is disarmed.{lost}"
        case "disarmed":
            return f"The guard was disarmed{when}."
        case "fired" if not guard.thawed:
            return f"The guard fired{when}: the writers are being thawed."
        case "fired":
            rest = f", but {'; '.join(guard.problems)}" if guard.problems else ""
            return f"The guard fired{when}, as nobody had disarmed it; it thawed the writers{rest}."


@dataclass(frozen=True, slots=True)
class Said:
    """The lines of an answer by their first word, cleaned and bounded."""

    lines: dict[str, tuple[str, ...]]

    def all(self, word: str) -> tuple[str, ...]:
        """The rest of every line that begins with a word."""
        return self.lines.get(word, ())

    def first(self, word: str) -> str:
        """The rest of the first of them; empty where there is none."""
        return next(iter(self.all(word)), "")


def read(output: bytes) -> Said:
    """An answer of writers.sh.

    Raises:
        HostOutputError: it is something else, or was cut off.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in output.split(b"\n"):
        word, _, rest = line.partition(b" ")
        so_far = found.get(decode(word), ())
        if len(so_far) < _MOST_LINES:
            found[decode(word)] = (*so_far, clean_line(decode(rest))[:_LONGEST])
    if "done" not in found and "refused" not in found:
        raise _odd("it was cut off")
    return Said(found)


def read_guard(said: Said) -> Guard:
    """What ``status`` says.

    Raises:
        HostOutputError: it is something else.
    """
    state = said.first("state")
    if state not in get_args(GuardWord):
        raise _odd(repr(state))
    return Guard(
        state=state,  # type: ignore[arg-type]
        at=_until(said) if state == "armed" else _time(said.first("at")),
        watching={"yes": True, "no": False}.get(said.first("watching")),
        lasting={"yes": True, "no": False}.get(said.first("lasting")),
        frozen="frozen" in said.lines,
        thawed="thawed" in said.lines,
        problems=said.all("problem"),
    )


def _odd(what: str) -> HostOutputError:
    return HostOutputError(
        f"The host's answer about its writers can't be understood: {what}",
        hint="Try again; if it stays, look at writers/log in the run's directory on the host.",
    )


def _until(said: Said) -> datetime | None:
    now, left = _time(said.first("now")), said.first("left")
    if now is None or not re.fullmatch(r"-?[0-9]{1,7}", left):
        return None
    return now + timedelta(seconds=int(left))


def _time(text: str) -> datetime | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
