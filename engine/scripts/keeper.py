"""Keeps one script's books on this machine, and outlives the hostshift that started it.

``python -IS keeper.py DIRECTORY DEADLINE_S GRACE_S`` returns as soon as the script has begun and
leaves a process that runs DIRECTORY/script, with event.json on standard input and both outputs in
``log``. It holds a lock on ``alive`` for as long as it lives (flock(2): whoever kills it, or
switches the machine off, takes the lock away), ends the script at its deadline, and writes the exit
status into ``exit``, the last thing that changes.

Only the standard library, and nothing of the engine: it must start in no time, and from a file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

BEGUN_BEFORE = 3
"""Exit status: another keeper has begun this script."""
LOG_LIMIT = 64 * 1024 * 1024
"""Bytes of log beyond which a script is ended: the disk is the operator's."""
_LOOK_EVERY_S = 0.5
_KILL_S = 5.0
_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(directory: str, deadline_s: float, grace_s: float) -> int:
    """Begin the script and leave a keeper with it; or see that it was begun before."""
    os.chdir(directory)
    mask = os.umask(0o077)
    alive = os.open("alive", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Before "begun" is there: who sees it can rely on the lock.
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return BEGUN_BEFORE
    if os.path.isdir("begun"):
        return BEGUN_BEFORE
    # The result's own block: a disk that fills up later can't swallow the result.
    result = os.open("exit.new", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    _write_status(result, "unfinished")
    os.mkdir("begun")
    try:
        child = os.fork()
    except OSError:
        os.rmdir("begun")  # nothing has begun, so it may be tried again
        raise
    if child:
        return 0
    _put("pid", str(os.getpid()))
    _write_status(result, str(_keep(mask, deadline_s, grace_s)))
    os.rename("exit.new", "exit")
    here = os.open(".", os.O_RDONLY)
    os.fsync(here)
    return 0


def _write_status(result: int, status: str) -> None:
    # Always of the same length, so that the last one needs no new block.
    os.pwrite(result, f"{status:<63}\n".encode("ascii"), 0)
    os.fsync(result)


def _put(name: str, text: str) -> None:
    """A small file that the script doesn't depend on: a full disk must not keep it unwatched."""
    with contextlib.suppress(OSError), open(f"{name}.new", "w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.replace(f"{name}.new", name)


def _keep(mask: int, deadline_s: float, grace_s: float) -> int:
    """Run the script to its end; its exit status, 128 and the signal's number as a shell says."""
    log = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with _told_of_signals() as told, open("event.json", "rb") as event:
        process = subprocess.Popen(
            ["/bin/sh", os.path.abspath("script")],
            stdin=event,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=mask,
        )
        why = _wait(process, told, log, time.monotonic() + deadline_s)
        if why is not None:
            _put("end", why)
            _end_session(process, grace_s)
        status = process.wait()
    with contextlib.suppress(OSError):
        os.fsync(log)
    return status if status >= 0 else 128 - status


@contextlib.contextmanager
def _told_of_signals() -> Iterator[int]:
    """A descriptor from which the numbers of signals are read, so that waiting ends at once."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGCHLD, *_ENDINGS):
        signal.signal(number, lambda *_: None)
    yield reading


def _wait(process: subprocess.Popen[bytes], told: int, log: int, deadline: float) -> str | None:
    """Wait for the script; None when it has ended, else why it has to be ended."""
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return "timed-out"
        if os.path.exists("stop"):
            return "stopped"
        if os.fstat(log).st_size > LOG_LIMIT:
            return "log-full"
        ready, _, _ = select.select([told], [], [], min(left, _LOOK_EVERY_S))
        if ready and set(os.read(told, 64)) & set(_ENDINGS):
            return "signalled"
    return None


def _end_session(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask everything in the script's session to end, and kill what has not after the grace."""
    for number, patience in ((signal.SIGTERM, grace_s), (signal.SIGKILL, _KILL_S)):
        _signal(process.pid, number)
        until = time.monotonic() + patience
        while process.poll() is None or _members(process.pid):
            if time.monotonic() >= until:
                break
            time.sleep(0.05)
            if number == signal.SIGKILL:  # what was started between listing and killing
                _signal(process.pid, number)
        else:
            return


def _signal(session: int, number: int) -> None:
    members = _members(session)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not members:
            os.killpg(session, number)
    for pid in members:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _members(session: int) -> list[int]:
    """Processes of a session; proc(5): the 6th field of stat, the 4th after the command's name.

    Where there is no /proc nobody is found, and the process group has to do.
    """
    found = []
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                if int(fields[3]) == session and fields[0] != b"Z":
                    found.append(int(name))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
