"""One exchange with health.sh: what works on the host, and the checks that are made there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import HostOutputError, UnreachableError
from engine.facts.sections import ProbeOutput, new_nonce, take_apart
from engine.model.host import Host
from engine.shell import Script
from engine.text import clean
from engine.transport.protocol import Completed, Transport

_SECTIONS_S = 60
"""Seconds for all that is no check: each section's commands have eight on the host."""
_LIMIT_BYTES = 4 * 1024 * 1024
_END_S = 6
"""Seconds that it takes on the host to end a command that doesn't want to."""


@dataclass(frozen=True, slots=True)
class Tries:
    """How hard a check is tried: seconds for each attempt, attempts, seconds between two."""

    deadline_s: int = 10
    attempts: int = 3
    pause_s: int = 2

    @property
    def most_s(self) -> int:
        """How long a check on the host takes at the very most."""
        return self.attempts * (self.deadline_s + _END_S + self.pause_s)


async def exchange(
    transport: Transport,
    host: Host,
    what: Literal["all", "checks"],
    tries: Tries,
    words: Sequence[str],
) -> tuple[ProbeOutput, Completed]:
    """Run health.sh, as root where that is possible.

    Args:
        words: Kind and value of each check, in turn.

    Raises:
        HostOutputError: what came is not what the script prints.
        UnreachableError, NeedsPersonError: see `Transport.run`.
    """
    nonce = new_nonce()
    numbers = (str(tries.deadline_s), str(tries.attempts), str(tries.pause_s))
    done = await transport.run(
        host,
        Script.host("health.sh", nonce, what, *numbers, *words, after=("frames.sh", "running.sh")),
        as_root="if-possible",
        deadline_s=_SECTIONS_S + (tries.most_s if words else 0),
        limit_bytes=_LIMIT_BYTES,
    )
    output = take_apart(done.stdout, nonce)
    if output.complete:
        return output, done
    if done.exit_status is None and not done.signal:
        raise UnreachableError(
            f"The connection to {host.name} was lost while it was looked at.",
            hint=f"Look at the network between here and {host.name}, and whether it is up.",
        )
    said = clean(done.stderr[-500:]).strip() or "it said nothing about why"
    raise HostOutputError(
        f"{host.name} did not tell to the end what works on it: {said}",
        hint="Look at the host's load and memory; see that the login shell prints nothing.",
    )
