"""Following a job: its log into the mirror, everything else into one value."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import DeadlineError, HostOutputError
from engine.jobs.answers import failed
from engine.jobs.layout import checked_id
from engine.jobs.mirror import Mirror
from engine.jobs.stream import Chunk, Said, StreamParser
from engine.model.host import Host
from engine.model.run import Progress
from engine.programs.apt_status import parse_line
from engine.shell import Script
from engine.transport.protocol import Completed, Transport

ROUND_S = 25
"""Seconds that one follow.sh stays: long, as with sudo each start is a line in the host's
journal; short enough that a link that died unseen is noticed within the round's deadline."""
GRACE_S = 30
"""Seconds beyond the round's own after which the host is taken for lost."""
SILENCE_S = 15.0
"""Seconds of silence after which the host is taken for lost: follow.sh speaks every two or three,
and a link that died, or a host that froze, says nothing."""
ROUND_BYTES = 8 * 1024 * 1024
_LIMIT = ROUND_BYTES + 4 * 1024 * 1024


@dataclass(slots=True)
class Seen:
    """What one look at a job showed. None: not said.

    Attributes:
        missing: The host has no directory of this job.
        begun: The job's script was begun (at most once, ever).
        boot: The boot that runs now.
        job: ``job.json`` as text.
        alive: The job's process or unit is there.
        exit_status: The job's own result.
        end: The service manager's last word, such as ``signal killed KILL``.
        killed: When a person stopped the job hard, by the host's clock (RFC 3339).
        untouched: The job says that it changed nothing.
        holder: Who held the package manager's lock for too long.
        difference: Lines of what would change now but was not planned (+), and the reverse (-).
        kept: What came to lie beside configuration files (``/etc/x.dpkg-dist``); ``?`` alone when
            that could not be told.
        log_is_whole: The mirror was compared with the host's whole log, and is equal.
        complete: The look came to its end; without it the link broke on the way.
    """

    missing: bool = False
    begun: bool = True
    boot: str | None = None
    job: str = ""
    alive: bool | None = None
    exit_status: int | None = None
    end: str | None = None
    killed: str | None = None
    untouched: bool = False
    holder: str | None = None
    difference: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    log_is_whole: bool | None = None
    complete: bool = False


class _Listener:
    def __init__(self, mirror: Mirror, on_progress: Callable[[Progress | None], None]) -> None:
        self.seen = Seen()
        self.digest: str | None = None
        self.error: HostOutputError | None = None
        self.heard = asyncio.get_running_loop().time() + GRACE_S - SILENCE_S
        self._mirror = mirror
        self._on_progress = on_progress
        self._parser = StreamParser()

    def feed(self, data: bytes) -> None:
        """The transport's sink; what is wrong is kept for after, as it must not raise there."""
        self.heard = asyncio.get_running_loop().time()
        if self.error is not None:
            return
        try:
            for item in self._parser.feed(data):
                if isinstance(item, Chunk):
                    self._write(item)
                else:
                    self._say(item)
        except HostOutputError as error:
            self.error = error

    def _write(self, chunk: Chunk) -> None:
        if not self._mirror.write(chunk.offset, chunk.data):
            raise HostOutputError(
                f"The host sent its log from byte {chunk.offset} on, which was not asked for.",
                hint="Try again; the copy of the log starts anew then.",
            )

    def _say(self, said: Said) -> None:
        seen = self.seen
        match said.word:
            case "missing":
                seen.missing, seen.begun = True, False
            case "begun":
                seen.begun = False
            case "boot":
                seen.boot = said.rest or None
            case "job":
                seen.job = said.rest
            case "restart":
                self._mirror.restart()
            case "back":
                self._mirror.back(_number(said.rest))
            case "alive":
                seen.alive = said.rest == "yes"
                if seen.alive:
                    self._on_progress(None)
            case "exit":
                seen.exit_status = _status(said.rest)
                seen.alive = False
            case "end":
                seen.end = said.rest
            case "killed":
                seen.killed = said.rest
            case "untouched":
                seen.untouched = True
            case "holder":
                seen.holder = said.rest
            case "difference":
                seen.difference += (said.rest,)
            case "kept":
                seen.kept += (said.rest,)
            case "sum":
                self.digest = said.rest.partition(" ")[0]
            case "done":
                seen.complete = True
            case "progress":
                self._on_progress(parse_line(said.rest))


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 19):
        raise HostOutputError(
            f"The host's answer about its log is not a number: {word[:40]!r}",
            hint="Try again; the copy of the log starts anew then.",
        )
    return int(word)


def _status(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 3):
        raise HostOutputError(
            f"The job's result on the host is not a number: {word[:40]!r}",
            hint="Look at the file exit in the job's directory on the host.",
        )
    return int(word)


async def follow(
    transport: Transport,
    host: Host,
    run: str,
    step: str,
    mirror: Mirror,
    on_progress: Callable[[Progress | None], None],
    *,
    seconds: int = ROUND_S,
) -> Seen:
    """One long look at a job: until it ends, or for ``seconds``.

    Args:
        on_progress: Called with every word on progress, and with None when the job is seen alive.

    Raises:
        HostOutputError: the host's answer can't be understood or stopped half-way.
        UnreachableError, NeedsPersonError, RefusedError: see `Transport.run`. What was read
            before stays in the mirror.
    """
    listener = _Listener(mirror, on_progress)
    script = Script.host(
        "follow.sh",
        checked_id(run),
        checked_id(step),
        str(mirror.length),
        mirror.tail_digest(),
        str(seconds),
        str(ROUND_BYTES),
    )
    running = asyncio.ensure_future(
        transport.run(
            host,
            script,
            as_root="required",
            deadline_s=seconds + GRACE_S,
            limit_bytes=_LIMIT,
            sink=listener.feed,
        )
    )
    done = await _unless_silent(running, host, listener)
    listener.feed(done.stdout)
    if listener.error is not None:
        # The copy may be what the host's answer spoiled; a fresh one costs little.
        mirror.restart()
        raise listener.error
    if not listener.seen.complete:
        raise failed(host, script, done)
    if listener.digest is not None:
        await _compare(mirror, listener)
    return listener.seen


async def _unless_silent(
    running: asyncio.Future[Completed], host: Host, listener: _Listener
) -> Completed:
    """Wait for a script for as long as something is heard of it."""
    loop = asyncio.get_running_loop()
    try:
        while not running.done():
            left = listener.heard + SILENCE_S - loop.time()
            if left <= 0:
                raise DeadlineError(
                    f"{host.name} has said nothing for {SILENCE_S:.0f} s.",
                    hint="The link is dead or the host is frozen; look at its console.",
                )
            await asyncio.wait({running}, timeout=min(left, 1.0))  # "left" grows when heard
        return running.result()
    finally:
        if not running.done():
            running.cancel()
            await asyncio.wait({running})


async def _compare(mirror: Mirror, listener: _Listener) -> None:
    equal = await asyncio.to_thread(mirror.digest) == listener.digest
    if equal:
        mirror.sync()
    else:
        mirror.restart()
    listener.seen.log_is_whole = equal
