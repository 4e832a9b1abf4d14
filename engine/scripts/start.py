"""Starting a script on this machine, or finding that it was started."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from engine.clock import rfc3339
from engine.errors import HostshiftError
from engine.inventory import Inventory
from engine.model.plan import ScriptAct
from engine.scripts import keeper
from engine.scripts.events import VARIABLES, encoded
from engine.scripts.layout import boot_id, directory, look
from engine.session import Session
from engine.shell import Command
from engine.text import clean

GRACE_S: Final = 10.0
"""Seconds between asking a script's session to end and killing it."""
START_S: Final = 30.0
"""Seconds for an interpreter to start: plenty, also on a machine that swaps."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""A variable's name (POSIX XBD 3.230): unset(1) fails at any other."""


class NotStartedError(HostshiftError):
    """A script could not be started on this machine; it has done nothing."""

    kind = "script"


async def start(
    session: Session,
    run: str,
    step: str,
    act: ScriptAct,
    event: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    grace_s: float = GRACE_S,
) -> Literal["started", "found"]:
    """Start a step's script. Doing it again is harmless: the second start finds the first.

    The script's working directory is the inventory's. What it is told the first time counts; a
    second event for the same step is not delivered.

    Args:
        event: See `engine.scripts.event`; the script reads it as JSON on its standard input.
        environment: See `engine.scripts.environment`; added to this process's own.

    Raises:
        NotStartedError: the state directory can't be written, or this machine can't fork.
        ReadOnlyError: this session is read-only.
    """
    session.must_be_allowed_to_change(f"the script of step {step}")
    place = directory(session.state_dir, run, step)
    texts = {
        "event.json": encoded(event),
        "script": _script(act, environment, session.inventory).encode(),
        "job.json": encoded(
            {
                "run": run,
                "step": step,
                "event": act.event,
                "command": list(act.command),
                "deadline_s": act.deadline_s,
                "operator": event.get("operator"),
                "digest": event.get("digest"),
                "started_at": rfc3339(session.clock.now()),
                "boot_id": boot_id(),
            }
        ),
    }
    try:
        return await asyncio.to_thread(_begin, place, texts, act.deadline_s, grace_s)
    except OSError as error:
        raise NotStartedError(
            f"The script of step {step} can't be started on this machine: {error}.",
            hint=f"Is there room on the disk, and may {place} be written?",
        ) from error


async def again(session: Session, run: str, step: str) -> None:
    """Have the next start of a step's scripts begin them anew; one that still runs is left alone.

    A step may have several: those of its parts are called ``STEP.PART``. Their logs go on.
    """
    session.must_be_allowed_to_change(f"the script of step {step}")
    place = directory(session.state_dir, run, step)
    await asyncio.to_thread(_forget, [place, *place.parent.glob(f"{place.name}.*")])


def _forget(places: Sequence[Path]) -> None:
    for place in places:
        if not (place / "begun").is_dir():
            continue
        with _one_at_a_time(place / "starting"):
            if not look(place).alive:
                for name in ("exit", "end", "stop"):
                    (place / name).unlink(missing_ok=True)
                (place / "begun").rmdir()


def _script(act: ScriptAct, environment: Mapping[str, str], inventory: Inventory) -> str:
    """The exact text that runs: every word quoted, nothing inherited that wasn't meant.

    What holds a TSIG key's secret is hostshift's own: a script that shows its environment in a log,
    as a debugging one does, must not show that.
    """
    base = inventory.path.resolve().parent
    secrets = (zone.key_env for zone in inventory.zones if zone.key_env is not None)
    hidden = [name for name in secrets if _NAME.fullmatch(name)]  # sh inherits no others
    exports = [Command.of("export", f"{name}={value}") for name, value in environment.items()]
    lines = [
        Command.of("unset", *VARIABLES, *hidden).line(),
        *(command.line() for command in exports),
        f"{Command.of('cd', str(base)).line()} || exit 126",
        Command.of("exec", *act.command).line(),
    ]
    return "#!/bin/sh\n" + "\n".join(lines) + "\n"


def _begin(
    place: Path, texts: Mapping[str, bytes], deadline_s: float, grace_s: float
) -> Literal["started", "found"]:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _one_at_a_time(place / "starting"):
        if (place / "begun").is_dir():
            return "found"
        for name, data in texts.items():
            _put(place / name, data)
        with open(place / "log", "ab", opener=_private) as log:
            status = _start_keeper((str(place), str(deadline_s), str(grace_s)), log)
        if status == keeper.BEGUN_BEFORE:
            return "found"
        if status != 0:
            words = clean((place / "log").read_bytes()[-500:]).strip().rpartition("\n")[2]
            raise OSError(f"its keeper ended with {status}: {words}")
        return "started"


def _start_keeper(words: Sequence[str], log: BinaryIO) -> int:
    try:
        return subprocess.run(
            [sys.executable, "-IS", keeper.__file__, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            timeout=START_S,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"its keeper did not begin within {START_S:.0f} s") from error


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Only one process prepares a script: what is on the disk is what the script was told."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + 2 * START_S
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.05)
        yield
    finally:
        os.close(fd)


def _put(path: Path, data: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    with open(new, "wb", opener=_private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
