"""Conversation: what is said between this side and one shell, whoever carries the bytes.

Three things come from the far side on two streams, and must never be taken for each other: noise
of the login shell's start-up files, sudo's prompt, and the script's own output. Each is told apart
by random words that are made anew for every shell:

* *start*: the script's first act prints it, so whatever came before on standard output is noise;
* *root*: printed by a root shell that waits for a script (only when sudo asked for a password);
* *prompt*: what sudo was told to ask with (`sudo -p`).

The words for standard output are sent in two halves, so that an echo of what was sent can't be
read as the answer.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from engine.shell import Script

MAX_NOISE: Final = 256 * 1024
"""Bytes that may come before the script's start; a login shell that says more is broken."""
MAX_STDERR: Final = 1024 * 1024
"""Bytes of standard error that are kept; what follows is dropped and counted as no failure."""
_MARK_BYTES: Final = 16


class Process(Protocol):
    """A shell that runs somewhere, as the carrier offers it."""

    def write(self, data: bytes) -> None:
        """Send to its standard input; never blocks."""

    def write_eof(self) -> None:
        """End its standard input."""

    def stop(self) -> None:
        """Tell it to end, and hear no more of it. Harmless when it has ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the shell ended; ``error`` is set when it is the connection that did."""

    exit_status: int | None = None
    signal: str | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A random word in two halves; on the wire they arrive as one."""

    left: str = field(default_factory=lambda: secrets.token_hex(_MARK_BYTES))
    right: str = field(default_factory=lambda: secrets.token_hex(_MARK_BYTES))

    @property
    def seen(self) -> bytes:
        """The bytes to look for, with the newline that sets them off from noise."""
        return f"\n{self.left}{self.right} ".encode()


_WATCH: Final = (
    "( trap '' TERM; read -r x; "
    'tree() { echo "$1"; x=; read -r x <"/proc/$1/task/$1/children"; '
    'for x in $x; do tree "$x"; done; }; '
    "kill -0 $$ && kill -TERM $(tree $$) ) <&3 3<&- >/dev/null 2>&1 &"
)
"""`$$` is the script's shell, also in a subshell. The parent comes first, so that it starts nothing
more when its child ends. Not the process group: a server may start commands in its own. Where there
is no /proc/PID/task/PID/children (proc(5)), the shell alone is told."""

Event = Literal["prompt", "root", "start", "end"]


def frame(script: Script, start: Mark, *, root_only: bool) -> bytes:
    """The script as it is sent: one compound command, so that a shell runs all of it or nothing.

    A shell executes a compound command only once it has read the closing brace (POSIX XCU 2.9.4):
    a link that breaks while the script travels leaves nothing half done. It prints the start mark
    with 0 for root, or 1; with ``root_only`` it ends there when it isn't root. `exit` is within
    the braces, so what follows on standard input is the script's data and never read as commands.

    A script without data is *watched*: its own input is /dev/null, while a subshell waits for the
    end of what was standard input. That end comes when this side closes the channel or is gone,
    and then the script and its descendants are told to end: root's processes, too, which a user's
    sshd may not signal. A script that has ended by itself leaves the watch nothing to do.
    """
    say = f"printf '\\n%s%s %s\\n' {start.left} {start.right}"
    otherwise = f"{say} 1; exit 1" if root_only else f"{say} 1"
    watch = "" if script.stdin else f"exec 3<&0 </dev/null; {_WATCH} exec 3<&-; "
    prelude = f'{{ {watch}case "$(id -u)" in 0) {say} 0;; *) {otherwise};; esac; '
    return f"{prelude}{script.text}\nexit\n}}\n".encode()


class Conversation:
    """Listens to one shell. The carrier calls `out`, `err` and `end`; the owner awaits `event`.

    Args:
        limit_bytes: How much of the script's standard output is taken before it is stopped.
        sink: Gets standard output as it comes; else it is kept in `stdout`.
        prompt: sudo's prompt, looked for on standard error until the script has started.
    """

    def __init__(
        self,
        *,
        limit_bytes: int,
        sink: Callable[[bytes], None] | None = None,
        prompt: Mark | None = None,
    ) -> None:
        self.start = Mark()
        self.root = Mark()
        self.process: Process | None = None
        self.stderr = bytearray()
        self.started = False
        self.is_root = False
        self.truncated = False
        self.too_noisy = False
        self.ended: Ended | None = None
        self.sink_error: Exception | None = None
        self._sink = sink
        self._limit = limit_bytes
        self._kept = bytearray()
        self._taken = 0
        self._last = b""
        self.noise = bytearray(b"\n")  # a mark may be the very first thing
        self.root_said = False
        self._prompt = f"{prompt.left}{prompt.right}".encode() if prompt else None
        self._prompt_from = 0
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    @property
    def stdout(self) -> bytes:
        """The script's standard output, without what came before its start."""
        return bytes(self._kept)

    @property
    def last_seen(self) -> bytes:
        """The last few bytes that came, for messages."""
        tail = self._last if self.started else bytes(self.noise[1:])
        return tail[-200:].strip() or bytes(self.stderr[-200:]).strip()

    async def event(self) -> Event:
        """The next thing that happened, in order."""
        return await self._events.get()

    def out(self, data: bytes) -> None:
        """Bytes came on standard output."""
        if self.ended is not None:
            return
        if self.started:
            self._take(data)
            return
        self.noise += data
        if not self.root_said and self.root.seen in self.noise:
            self.root_said = True
            self._events.put_nowait("root")
        at = self.noise.find(self.start.seen)
        line = at + len(self.start.seen)
        if at >= 0 and len(self.noise) >= line + 2:
            self.started = True
            self.is_root = self.noise[line : line + 1] == b"0"
            self._events.put_nowait("start")
            rest = bytes(self.noise[line + 2 :])
            self.noise.clear()
            if rest:
                self._take(rest)
        elif len(self.noise) > MAX_NOISE:
            self.too_noisy = True
            self._finish(Ended())

    def _take(self, data: bytes) -> None:
        room = self._limit - self._taken
        if len(data) > room:
            data = data[:room]
            self.truncated = True
        self._taken += len(data)
        self._last = data if len(data) >= 200 else (self._last + data)[-400:]
        if self._sink is None:
            self._kept += data
        elif data:
            try:
                self._sink(data)
            except Exception as error:  # noqa: BLE001 - the owner's own code: handed back to it
                self.sink_error = error
                self._finish(Ended())
        if self.truncated:
            self._finish(Ended())

    def err(self, data: bytes) -> None:
        """Bytes came on standard error."""
        if self.ended is not None:
            return
        self.stderr += data[: MAX_STDERR - len(self.stderr)]
        if self._prompt is None or self.started:
            return
        while (at := self.stderr.find(self._prompt, self._prompt_from)) >= 0:
            self._prompt_from = at + len(self._prompt)
            self._events.put_nowait("prompt")

    def end(self, ended: Ended) -> None:
        """The shell is gone, and all that it said has been heard."""
        if self.ended is None:
            self.ended = ended
            self._events.put_nowait("end")

    def _finish(self, ended: Ended) -> None:
        """End it from here: enough was heard."""
        self.end(ended)
        if self.process is not None:
            self.process.stop()

    async def until_end(self) -> Ended:
        """Wait for the end, whatever else happens on the way."""
        while self.ended is None:
            await self._events.get()
        return self.ended
