"""The state of one demo host: where its files are, how they are read and written."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Stanza = dict[str, str]


def _directory() -> Path:
    where = os.environ.get("HOSTSHIFT_DEMO_HOST", "")
    if not where or not Path(where, "root").is_dir():
        sys.stderr.write("this is a double of a host program and works on demo hosts only\n")
        raise SystemExit(126)
    return Path(where)


HOST = _directory()
ROOT = HOST / "root"
"""The host's file system; what a script gets as the host-side root."""
CONTROL = HOST / "control"
"""What the doubles know and no host would show: the mirror, units, sessions."""
STATUS = ROOT / "var/lib/dpkg/status"
UPDATES = ROOT / "var/lib/dpkg/updates"
LISTS = ROOT / "var/lib/apt/lists"
LOCK = ROOT / "var/lib/dpkg/lock-frontend"


def out(text: str) -> None:
    """Print a line on standard output at once, as a host's program does into a log."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def err(text: str) -> None:
    """Print a line on standard error."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def pause(seconds: float) -> None:
    """Take as long as the real program would, times the demo's pace (0 in tests)."""
    pace = float(os.environ.get("HOSTSHIFT_DEMO_PACE", "1"))
    if seconds * pace > 0:
        time.sleep(seconds * pace)


def now() -> float:
    """The host's clock, seconds since the epoch; it stands still where the demo's does."""
    fixed = os.environ.get("HOSTSHIFT_DEMO_NOW", "")
    return float(fixed) if fixed else time.time()


def is_root() -> bool:
    """Whether the caller is uid 0 on the demo host."""
    return os.environ.get("HOSTSHIFT_DEMO_UID", "0") == "0"


def read_stanzas(path: Path) -> list[Stanza]:
    """Control data (deb822(5)) of a file; an absent file holds none."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    return [_stanza(block) for block in text.split("\n\n") if block.strip()]


def _stanza(block: str) -> Stanza:
    fields: Stanza = {}
    name = ""
    for line in block.strip("\n").split("\n"):
        if line[:1] in (" ", "\t"):
            fields[name] += "\n" + line[1:]
        else:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def stanza_text(fields: Mapping[str, str]) -> str:
    """One paragraph of control data with its empty line."""
    lines = [f"{name}: {value}".replace("\n", "\n ") for name, value in fields.items()]
    return "\n".join(lines) + "\n\n"


def replace_file(path: Path, text: str) -> None:
    """Write a file in one go: readers see the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".demo-new")
    fresh.write_text(text, "utf-8")
    if os.environ.get("HOSTSHIFT_DEMO_NOW"):
        os.utime(fresh, (now(), now()))
    fresh.replace(path)


def lines_of(path: Path) -> list[str]:
    """The lines of a small list file; an absent file has none."""
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line]
    except FileNotFoundError:
        return []


def add_line(path: Path, line: str) -> None:
    """Add a line to a small list file unless it is there."""
    lines = lines_of(path)
    if line not in lines:
        replace_file(path, "\n".join([*lines, line]) + "\n")


def drop_line(path: Path, line: str) -> None:
    """Take a line out of a small list file."""
    lines = lines_of(path)
    if line in lines:
        replace_file(path, "".join(f"{kept}\n" for kept in lines if kept != line))


class LockHeldError(Exception):
    """Another process of this host holds dpkg's lock."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


@contextmanager
def dpkg_lock(wait_s: float) -> Iterator[None]:
    """Hold the frontend lock as apt does (fcntl(2)), waiting at most so long (-1: for ever).

    Raises:
        LockHeldError: it is still held after the wait.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+") as handle:
        started = time.monotonic()
        told = False
        while True:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                holder = _holder()
                if 0 <= wait_s <= time.monotonic() - started:
                    raise LockHeldError(holder) from None
            if not told:
                err(
                    "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. "
                    f"It is held by process {holder} (apt-get)..."
                )
                told = True
            time.sleep(0.1)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        _show_holder()
        try:
            yield
        finally:
            _hide_holder()
            handle.seek(0)
            handle.truncate()


def _show_holder() -> None:
    """Let the host's own /proc tell who holds the lock (proc(5), /proc/locks)."""
    process = ROOT / "proc" / str(os.getpid())
    process.mkdir(parents=True, exist_ok=True)
    process.joinpath("comm").write_text("apt-get\n", "ascii")
    process.joinpath("cmdline").write_bytes(b"apt-get\0upgrade\0")
    line = f"1: POSIX  ADVISORY  WRITE {os.getpid()} 00:00:{LOCK.stat().st_ino} 0 EOF\n"
    replace_file(ROOT / "proc/locks", line)


def _hide_holder() -> None:
    replace_file(ROOT / "proc/locks", "")
    process = ROOT / "proc" / str(os.getpid())
    for name in ("comm", "cmdline"):
        process.joinpath(name).unlink(missing_ok=True)
    process.rmdir()


def _holder() -> int:
    try:
        return int(LOCK.read_text("ascii") or "0")
    except (OSError, ValueError):
        return 0
