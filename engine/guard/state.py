"""What guard.sh says of a guard, as a value and in words. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from engine.clock import rfc3339
from engine.errors import HostOutputError
from engine.text import clean_line, decode

Word = Literal["missing", "armed", "confirmed", "withdrawn", "stood-down", "fired"]
_WORDS: frozenset[str] = frozenset(Word.__args__)  # type: ignore[attr-defined]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MOST_LINES = 200
_LONGEST = 1000
_NAMED = 10
"""Paths that a sentence names."""


@dataclass(frozen=True, slots=True)
class GuardState:
    """One look at a guard. None: not known, or it does not apply.

    Attributes:
        state: ``missing`` was never armed, ``armed`` waits, the others are its end.
        at: When it ended, by the host's clock; while it is armed, when it would judge if the run's
            job is done by now (a job at work starts the count anew).
        awaits_reboot: While it is armed: it counts from when the host is up again.
        watching: Its process is there; False while armed is a guard that would not fire.
        failed: Of one that fired: what failed of the host's own test when it judged.
        healthy: Of one that fired: the host's own test passes since. None: it is at it.
        differs: Of one that fired and has put back what it had: what isn't as it was saved, read
            anew; None: not read.
        deployment: Of one that fired, and was to go back to the former deployment: whether that
            is the booted one, read anew.
        tests: What the host's own test asks; what failed at arming isn't in it.
        unsaved: Paths of which no copy could be made, so that they would not be put back.
        log: The end of ``guard.log``.
    """

    state: Word
    at: datetime | None = None
    awaits_reboot: bool = False
    watching: bool | None = None
    failed: tuple[str, ...] = ()
    healthy: bool | None = None
    differs: tuple[str, ...] | None = None
    deployment: Literal["former", "other"] | None = None
    tests: tuple[str, ...] = ()
    unsaved: tuple[str, ...] = ()
    log: tuple[str, ...] = ()

    @property
    def undone(self) -> bool:
        """It fired, and the host is again what it was, read anew: its former deployment runs."""
        return (
            self.state == "fired"
            and self.healthy is True
            and self.deployment == "former"
            and self.differs == ()
        )


def verdict(state: GuardState) -> str:
    """What a look has shown, as a sentence or two for people."""
    when = f" at {rfc3339(state.at)}" if state.at else ""
    match state.state:
        case "missing":
            return "No guard was armed."
        case "armed" if state.watching is False:
            return "The guard is armed, but its process is not there: it would not fire."
        case "armed" if state.awaits_reboot:
            return "The guard is armed; its count begins when the host is up again."
        case "armed":
            return f"The guard is armed; without a confirmation it judges{when}."
        case "confirmed":
            return (
                f"Confirmed over a new connection{when}; the guard is gone, nothing was reverted."
            )
        case "withdrawn":
            return f"The guard was withdrawn{when}; nothing was reverted."
        case "stood-down":
            return (
                f"Nobody confirmed, but the host's own test passed: the guard stood down{when} and "
                "reverted nothing."
            )
        case "fired":
            why = f", and the host's own test failed ({'; '.join(state.failed)})"
            nobody = f"nobody had confirmed{why if state.failed else ''}"
            return f"The guard fired{when}, as {nobody}: {_put_back(state)}"


def _put_back(state: GuardState) -> str:
    if state.healthy is None:
        return "what it had saved is being put back, or was when the host was last asked."
    if state.deployment is not None:
        again = "runs again" if state.deployment == "former" else "does not run"
        back = f"the former deployment {again}"
    elif state.differs is None:
        back = "what it had saved was put back"
    elif not state.differs:
        back = "what it had saved is back as it was"
    else:
        back = f"not all that it had saved is as it was ({', '.join(state.differs[:_NAMED])})"
    if state.healthy:
        return f"{back}, and the host's own test passes since."
    return f"{back}, but the host's own test still fails."


def read_state(output: bytes) -> GuardState:
    """The lines of guard.sh's ``look``, which all its verbs end with.

    Raises:
        HostOutputError: it is something else, or was cut off.
    """
    said: dict[str, list[str]] = {}
    for word, rest in _lines(output):
        found = said.setdefault(word, [])
        if len(found) < _MOST_LINES:
            found.append(rest)
    state = next(iter(said.get("state", ())), "")
    if state not in _WORDS or "done" not in said:
        raise HostOutputError(
            f"The host's answer about its guard can't be understood: {state!r}",
            hint="Try again; if it stays, look at guard.log in the step's directory on the host.",
        )
    return GuardState(
        state=state,  # type: ignore[arg-type]
        at=_moment(said),
        awaits_reboot="awaits-reboot" in said,
        watching={"yes": True, "no": False}.get(_first(said, "watching")),
        failed=tuple(filter(None, _first(said, "failed").split("; "))),
        healthy={"passes": True, "fails": False}.get(_first(said, "after")),
        differs=tuple(said.get("differs", ())) if "reread" in said else None,
        deployment=_deployment(_first(said, "deployment")),
        tests=tuple(said.get("test", ())),
        unsaved=tuple(said.get("unsaved", ())),
        log=tuple(said.get("log", ())),
    )


def _deployment(word: str) -> Literal["former", "other"] | None:
    match word:
        case "former" | "other":
            return word
        case _:
            return None


def _lines(output: bytes) -> Iterator[tuple[str, str]]:
    for line in output.split(b"\n"):
        word, _, rest = line.partition(b" ")
        yield decode(word), clean_line(decode(rest))[:_LONGEST]


def _first(said: dict[str, list[str]], word: str) -> str:
    return next(iter(said.get(word, ())), "")


def _moment(said: dict[str, list[str]]) -> datetime | None:
    if _first(said, "state") != "armed":
        return _time(_first(said, "at"))
    now, left = _time(_first(said, "now")), _first(said, "left")
    if now is None or not (left.isascii() and left.isdigit() and len(left) < 8):
        return None
    return now + timedelta(seconds=int(left))


def _time(text: str) -> datetime | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
