"""Ending a job before it ends by itself: softly, which is safe, or hard, which is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from engine.errors import HostOutputError
from engine.jobs.answers import ask
from engine.jobs.layout import checked_id
from engine.jobs.script import shipped
from engine.model.host import Host
from engine.shell import Script
from engine.text import clean_line, decode
from engine.transport.protocol import Transport

Verdict = Literal["missing", "ended", "asked", "gone", "left"]
_VERDICTS: Final[tuple[Verdict, ...]] = ("missing", "ended", "asked", "gone", "left")
_SHOWN = 200

WHAT_A_SOFT_STOP_DOES: Final = (
    "The job ends before its next command. What is being installed is finished first: dpkg is "
    "never interrupted. A download, or waiting for a lock, ends at once, and nothing is changed."
)
WHAT_A_HARD_STOP_MAY_LEAVE: Final = (
    "Packages unpacked and not configured, or half installed: apt refuses work until a repair.",
    "Services stopped by a package's script and not started again.",
    "Daemons that a package's script has started itself, killed with the job.",
    "A boot loader or an initramfs that is half written: look before you reboot.",
)
"""Lines for the person who is about to type the host's name."""


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """What a stop found and did.

    Attributes:
        verdict: ``missing``: nothing of the job has begun on the host (withdraw it, so that it
            never does); ``ended``: it had ended before; ``asked``: it will end; ``gone``: a hard
            stop ended it; ``left``: a hard stop could not end all of it.
        said: What was found and done, a line each.
    """

    verdict: Verdict
    said: tuple[str, ...] = ()


async def stop(
    transport: Transport, host: Host, run: str, step: str, *, hard: bool, patience_s: int = 10
) -> StopAnswer:
    """Stop a job. Doing it again is harmless; whether it ended is told by following it.

    Args:
        hard: End its processes by TERM, and after ``patience_s`` seconds by KILL. It leaves no
            result then, and ``Seen.killed`` says when.

    Raises:
        HostOutputError: the host's answer can't be understood.
        UnreachableError, NeedsPersonError, RefusedError: see `Transport.run`.
    """
    words = (checked_id(run), checked_id(step), "hard" if hard else "soft", str(patience_s))
    script = Script("stop.sh", shipped("members.sh") + shipped("stop.sh"), words)
    done = await ask(transport, host, script)
    first, *lines = decode(done.stdout).splitlines() or [""]
    verdict = next((known for known in _VERDICTS if known == first), None)
    if verdict is None:
        raise HostOutputError(
            f"{host.name} answered a stop with {clean_line(first)[:80]!r}.",
            hint=f"Look at /var/lib/hostshift/runs/{run}/{step} on {host.name}.",
        )
    return StopAnswer(verdict, tuple(clean_line(line) for line in lines[:_SHOWN]))
