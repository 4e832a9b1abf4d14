"""Freezing, thawing, the guard and the token: one bounded exchange with a host each.

All of them are harmless when done twice, and raise as `Transport.run` does; `disarm` alone takes
no answer for an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import DeadlineError, HostshiftError, RefusedError, UnreachableError
from engine.jobs.answers import SHORT_S, failed
from engine.jobs.layout import checked_id
from engine.jobs.script import shipped
from engine.model.host import Host
from engine.model.writers import Writer
from engine.shell import Command, Script
from engine.transport.protocol import Transport
from engine.writers import spec
from engine.writers.state import Guard, Said, read, read_guard

Token = Literal["here", "moved", "none", "mixed"]
"""``mixed``: not all of the run's services say the same; it allows nothing."""
Disarmed = Literal["disarmed", "thawed", "unknown"]

WORK_S = 300
"""Seconds in which services start or stop, where the caller doesn't say. A judgement: systemd
itself gives a unit 90 (systemd-system.conf(5), DefaultTimeoutStopSec)."""
_MORE_S = 60
"""What a script may take beyond the seconds that its commands have: records, looks, syncs."""
_PARTS = (
    *("on_watch.sh", "writers_hold.sh", "writers_proof.sh", "writers_watch.sh"),
    *("writers_forward.sh", "writers.sh"),
)
_REFUSED = 30


@dataclass(frozen=True, slots=True)
class Frozen:
    """What stands against it, and what should be known besides."""

    problems: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


# ---- server1


async def arm(
    transport: Transport, old: Host, run: str, writers: tuple[Writer, ...], *, deadline_s: int
) -> None:
    """Set the guard on watch: in so many seconds it thaws. Again: from now on so many.

    A service of which no host has a token yet gets it here.

    Raises:
        RefusedError: another host has the token; or the guard has ended, and what it guarded is
            still frozen.
    """
    guardian = f'{_text()}shift\nmain "$@"\n'
    said = await _call(transport, old, run, "arm", str(deadline_s), spec.on_old(writers), guardian)
    if read_guard(said).state != "armed":
        raise _refusal(old, "guard")


async def guard_state(transport: Transport, old: Host, run: str) -> Guard:
    """How the guard stands. Changes nothing."""
    return read_guard(await _call(transport, old, run, "status"))


async def freeze(
    transport: Transport, old: Host, run: str, writers: tuple[Writer, ...], *, deadline_s: int
) -> Frozen:
    """Hold and stop the writers, so that nothing starts them again, also no reboot.

    Raises:
        RefusedError: the guard isn't armed, the token isn't here, or other writers were armed for.
    """
    said = await _call(
        transport, old, run, "freeze", str(deadline_s), spec.on_old(writers),
        within_s=deadline_s,
    )  # fmt: skip
    unguarded = tuple(
        f"{one.service} is not frozen: freeze is none" for one in writers if one.freeze == "none"
    )
    return Frozen(said.all("problem"), unguarded + said.all("word"))


async def examine(transport: Transport, old: Host, run: str, writers: tuple[Writer, ...]) -> Frozen:
    """Look whether nothing writes any more: problems speak against it, words do not."""
    said = await _call(transport, old, run, "prove", spec.on_old(writers), within_s=WORK_S)
    return Frozen(said.all("problem"), said.all("word"))


async def prove(
    transport: Transport, old: Host, run: str, writers: tuple[Writer, ...]
) -> tuple[str, ...]:
    """Why it isn't proven that nothing writes any more; empty: it is."""
    return (await examine(transport, old, run, writers)).problems


async def disarm(transport: Transport, old: Host, run: str) -> Disarmed:
    """End the guard, and read back from the host how it ended; no answer is ``unknown``."""
    try:
        await _call(transport, old, run, "disarm")
        state = (await guard_state(transport, old, run)).state
    except (UnreachableError, DeadlineError):
        return "unknown"
    match state:
        case "disarmed":
            return "disarmed"
        case "fired":
            return "thawed"
        case "armed" | "none":
            return "unknown"


async def thaw(
    transport: Transport, old: Host, run: str, *, deadline_s: int = WORK_S
) -> tuple[str, ...]:
    """Put the recorded former state back, ending the guard first; what did not work.

    Raises:
        RefusedError: the token isn't here.
    """
    said = await _call(transport, old, run, "thaw", str(deadline_s), within_s=deadline_s)
    return said.all("problem")


async def token(transport: Transport, host: Host, run: str) -> Token:
    """What a host says of the token of the run's services."""
    return _token(await _call(transport, host, run, "token"))


async def forward(
    transport: Transport, old: Host, run: str, address: str, ports: tuple[int, ...]
) -> Frozen:
    """Have server1 pass on what still comes to it: problems, and for each TCP port what is done.

    Args:
        address: The successor's IP address.
        ports: Ports of the services beside those on which the frozen units listened.

    Raises:
        RefusedError: server1 has not given its token away.
    """
    words = " ".join(str(port) for port in ports)
    said = await _call(transport, old, run, "forward", address, words, within_s=WORK_S)
    return Frozen(said.all("problem"), said.all("word"))


async def end_forward(transport: Transport, old: Host, run: str) -> tuple[str, ...]:
    """End what `forward` has begun; what did not work. Harmless where nothing was begun."""
    return (await _call(transport, old, run, "end_forward", within_s=WORK_S)).all("problem")


async def surrender(transport: Transport, old: Host, run: str) -> bool:
    """Have server1 give its token away, and read that back: nothing of this run thaws it then.

    Raises:
        RefusedError: it isn't frozen, or its guard isn't disarmed.
    """
    await _call(transport, old, run, "surrender")
    return await token(transport, old, run) == "moved"


async def restore(transport: Transport, old: Host, run: str) -> bool:
    """Give server1 its token again; only after `take_back` has said True."""
    await _call(transport, old, run, "restore")
    return await token(transport, old, run) == "here"


# ---- the successor


async def let_go(transport: Transport, new: Host, run: str) -> tuple[str, ...]:
    """Let go what former runs have held on the successor, starting nothing; what did not work.

    Raises:
        RefusedError: it has the token of a former run: it serves.
    """
    return (await _call(transport, new, run, "let_go", within_s=WORK_S)).all("problem")


async def hold(
    transport: Transport,
    new: Host,
    run: str,
    writers: tuple[Writer, ...],
    *,
    deadline_s: int = WORK_S,
) -> tuple[str, ...]:
    """Stop the services of the successor and let nothing start them; what did not work.

    Raises:
        RefusedError: the successor has the token, so that it serves.
    """
    return await _services(transport, new, run, "hold", writers, deadline_s)


async def receive(transport: Transport, new: Host, run: str) -> bool:
    """Give the successor the token; only after `surrender` has said True.

    Raises:
        RefusedError: nothing was held here for this run.
    """
    await _call(transport, new, run, "receive")
    return await token(transport, new, run) == "here"


async def start(
    transport: Transport,
    new: Host,
    run: str,
    writers: tuple[Writer, ...],
    *,
    deadline_s: int = WORK_S,
) -> tuple[str, ...]:
    """Let go what `hold` held, and start it; what does not run.

    Raises:
        RefusedError: the token isn't here.
    """
    return await _services(transport, new, run, "start", writers, deadline_s)


async def stop(
    transport: Transport,
    new: Host,
    run: str,
    writers: tuple[Writer, ...],
    *,
    deadline_s: int = WORK_S,
) -> tuple[str, ...]:
    """Stop and hold the services of the successor, which keeps its token; what did not work."""
    return await _services(transport, new, run, "stop", writers, deadline_s)


async def take_back(transport: Transport, new: Host, run: str, *, deadline_s: int = WORK_S) -> bool:
    """Have the successor lose its token and stop; True once both are so, read back."""
    said = await _call(transport, new, run, "take_back", str(deadline_s), within_s=deadline_s)
    return not said.all("problem") and await token(transport, new, run) == "none"


async def _services(
    transport: Transport,
    new: Host,
    run: str,
    verb: str,
    writers: tuple[Writer, ...],
    deadline_s: int,
) -> tuple[str, ...]:
    said = await _call(
        transport, new, run, verb, str(deadline_s), spec.on_new(writers), within_s=deadline_s
    )
    return said.all("problem")


async def quiet(
    transport: Transport, new: Host, run: str, besides: Sequence[str], workers: Sequence[str] = ()
) -> Frozen:
    """Hold mail, cron, timers and workers of a successor, but not these units; twice is once."""
    return await _quiet(transport, new, "on", run, *besides, *(("--", *workers) if workers else ()))


async def free(transport: Transport, new: Host, run: str, workers: Sequence[str]) -> Frozen:
    """Let workers go that something else holds from now on; none is started."""
    return await _quiet(transport, new, "free", run, *workers)


async def let_speak(transport: Transport, new: Host, run: str) -> Frozen:
    """Let all of it go, and run what it has stopped."""
    return await _quiet(transport, new, "off", run)


async def _quiet(transport: Transport, new: Host, verb: str, run: str, *units: str) -> Frozen:
    line = Command.of("main", verb, checked_id(run), *units).line()
    text = f"{shipped('writers_hold.sh')}{shipped('quiet.sh')}{line}\n"
    script = Script("quiet.sh", text)
    done = await transport.run(new, script, as_root="required", deadline_s=WORK_S + _MORE_S)
    if done.exit_status != 0:
        raise failed(new, script, done)
    said = read(done.stdout)
    return Frozen(said.all("problem"), said.all("word"))


# ---- asking


def _text() -> str:
    return "".join(shipped(part) for part in _PARTS)


async def _call(
    transport: Transport, host: Host, run: str, verb: str, *words: str, within_s: int = SHORT_S
) -> Said:
    line = Command.of("main", verb, checked_id(run), *words).line()
    script = Script("writers.sh", f"{_text()}{line}\n")
    done = await transport.run(host, script, as_root="required", deadline_s=within_s + _MORE_S)
    if done.exit_status not in (0, _REFUSED):
        raise failed(host, script, done)
    said = read(done.stdout)
    if done.exit_status == _REFUSED:
        raise _refusal(host, said.first("refused"))
    return said


def _token(said: Said) -> Token:
    match said.first("token"):
        case "here" | "moved" | "none" as word:
            return word
        case _:
            return "mixed"


_WHY = {
    "token": (
        "{host} has not the token of these services, so it may not run their writers.",
        "Another host has it, or the way there was interrupted: look at the run on both hosts.",
    ),
    "serves": (
        "{host} has the token of these services and serves them; nothing is held there.",
        "Take the token back first.",
    ),
    "guard": (
        "The guard on {host} is not on watch, so nothing is frozen there.",
        "Look how it ended; if it fired, the writers run again: begin the cutover anew.",
    ),
    "ended": (
        "The guard on {host} has ended, and what it guarded is not thawed.",
        "Thaw the writers, then arm it again.",
    ),
    "kept": (
        "{host} has not given its token away, so nothing that comes to it is passed on.",
        "Look at the run on both hosts.",
    ),
    "armed": (
        "{host} can't give its token away: frozen writers and a disarmed guard come first.",
        "Freeze, then disarm.",
    ),
    "thawing": (
        "{host} can't give its token away: its writers are being thawed.",
        "Begin the cutover anew.",
    ),
    "other": (
        "This run was begun on {host} with other units, containers or volumes.",
        "Thaw the writers there, and make a new plan.",
    ),
    "systemd": (
        "Units can only be held where systemd is PID 1, which {host} has not.",
        "Give the service a freeze command that lasts across a reboot, and no units.",
    ),
    "unknown": (
        "{host} knows of no writers of this run.",
        "Look at the run: were they held there?",
    ),
}


def _refusal(host: Host, word: str) -> HostshiftError:
    message, hint = _WHY.get(word, ("{host} has refused: " + word, "Look at its writers/log."))
    return RefusedError(message.replace("{host}", host.name), hint=hint)
