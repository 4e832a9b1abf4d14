"""What ``run`` and ``attach`` share: the log to standard output, the end to standard error."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Final

from engine.errors import NeedsPersonError, RefusedError
from engine.model.run import Run
from engine.session import Session
from engine.text import clean, decode, rewrite_line

PATIENCE_S: Final = 900
"""Seconds out of a host's reach after which a command without screens gives up following."""
POLL_S: Final = 0.2
BLOCK: Final = 1 << 16


async def follow(
    session: Session, run_id: str, prefixed: bool, *, answered: Run | None = None
) -> Run:
    """Write the run's log as it grows, until nothing more happens; say how it ended.

    Args:
        answered: The run as it waited at a gate that has its answer now.
    """
    from engine import door

    writers: dict[str, _Writer] = {}
    said: tuple[str | None, ...] = ()
    if answered is not None:
        await _leave_gate(session, answered)
    ended = asyncio.create_task(door.wait(session, run_id, patience_s=PATIENCE_S))
    while True:
        last = ended.done()
        run = door.get(session, run_id)
        for step in run.steps:
            if step.id not in writers:
                writers[step.id] = _Writer(run.host if prefixed else None)
            writers[step.id].copy(session, run_id, step.id, last=last)
        if last:
            break
        # While it waits, what it waits for may change; a hint that comes while the state stays
        # tells of trouble on this side.
        waits_for = run.reason if run.state in ("planned", "waiting") else ()
        if (news := (run.state, run.hint, *waits_for)) != said and not run.ended:
            said = news
            told(f"{run.host}: {run.state}: {' '.join(run.reason)}", *_hint(run))
        await asyncio.wait([ended], timeout=POLL_S)
    run = await ended
    told(f"{run.host}: {run.state}", *run.reason, *_hint(run))
    return run


def _hint(run: Run) -> tuple[str, ...]:
    return (f"hint: {run.hint}",) if run.hint else ()


async def _leave_gate(session: Session, answered: Run) -> None:
    """Until it doesn't wait there any more. It may be at its next gate within a moment, and wait
    since another time."""
    from engine import door

    clock = session.clock
    until = clock.monotonic() + PATIENCE_S
    while clock.monotonic() < until:
        run = door.get(session, answered.id)
        if run.waits_for is None or _question(run) != _question(answered):
            return
        await clock.sleep(POLL_S)


def _question(run: Run) -> tuple[object, ...]:
    """What tells one question of a run from the next."""
    return (run.since, *(step.id for step in run.steps if step.state == "waiting"))


class _Writer:
    """Copies one step's log: bytes to a file or pipe, cleaned text to a terminal.

    Args:
        host: The name that begins each line, where there are several hosts; a line that rewrites
            itself is then written once, as it ended.
    """

    def __init__(self, host: str | None) -> None:
        self._host = host
        self._offset = 0
        self._rest = b""

    def copy(self, session: Session, run_id: str, step_id: str, *, last: bool) -> None:
        """Write what is new; what is not yet a whole line waits unless it is the last time."""
        from engine import door

        whole_lines = self._host is not None or sys.stdout.isatty()
        while block := door.read_log(session, run_id, step_id, self._offset, BLOCK):
            self._offset += len(block)
            if not whole_lines:
                sys.stdout.buffer.write(block)
                continue
            *lines, self._rest = (self._rest + block).split(b"\n")
            self._lines(lines)
        if last and self._rest:
            self._lines([self._rest])
            self._rest = b""
        sys.stdout.flush()

    def _lines(self, lines: list[bytes]) -> None:
        start = f"{self._host}: " if self._host is not None else ""
        for line in lines:
            if sys.stdout.isatty():
                sys.stdout.write(f"{start}{clean(decode(line))}\n")
            else:
                # Progress that rewrites its line would stand without the host's name.
                shown = rewrite_line(line.decode("latin-1")).encode("latin-1")
                sys.stdout.buffer.write(start.encode() + shown + b"\n")


def exit_status(run: Run) -> int:
    """The command's exit status for what was observed (docs/command-line.md)."""
    match run.state:
        case "succeeded":
            return 0
        case "failed" | "rolled-back":
            return 1
        case "cancelled":
            return RefusedError.exit_status
        case _:
            return NeedsPersonError.exit_status


def told(*lines: str) -> None:
    """Something about the run, for people: never on standard output, which is the log's."""
    sys.stdout.flush()
    for line in lines:
        print(clean(line), file=sys.stderr, flush=True)


async def until_ctrl_c(work: Coroutine[None, None, int], runs: Sequence[str]) -> int:
    """Carry out a command that follows runs; Ctrl-C ends it in order, a second one at once.

    Args:
        runs: What is followed by then.

    Returns:
        The command's exit status: that of a run that needs a person, when it was interrupted.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the second one waits for nothing of ours
        told("", "Following ends here; what has begun on the hosts goes on.")
        told(*(f"hint: hostshift attach {run_id}" for run_id in runs))
        task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if not interrupted:
            raise
        return NeedsPersonError.exit_status
    finally:
        if not interrupted:
            loop.remove_signal_handler(signal.SIGINT)
