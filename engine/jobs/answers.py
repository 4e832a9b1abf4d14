"""Reading the answers of lock.sh and job.sh."""

from __future__ import annotations

import json
from dataclasses import dataclass

from engine.errors import HostOutputError, HostshiftError, RefusedError, UnreachableError
from engine.model.host import Host
from engine.shell import Script
from engine.text import clean, clean_line, decode
from engine.transport.protocol import Completed, Transport

SHORT_S = 60
"""Deadline of a script that only reads and writes a few small files; a sync can be slow."""
_EXCERPT = 500


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a host's lock, as the lock itself says; cleaned, each empty where it says not.

    Attributes:
        claim: The run waits at a gate; others may act, but only by naming it.
    """

    run: str
    operator: str
    since: str
    candidate: str
    claim: bool = False


class LockedError(RefusedError):
    """Another run holds the host's lock."""

    kind = "locked"

    def __init__(self, host: str, holder: Holder) -> None:
        who = holder.operator or "somebody"
        super().__init__(
            f"{host} is locked by {who} since {holder.since or 'an unknown time'}"
            f" ({holder.candidate or 'unknown'}, run {holder.run or 'unknown'}).",
            hint=f"Wait for it, or follow it: hostshift attach {holder.run or 'RUN'}"
            + ("; it waits at a gate: act over it by naming it." if holder.claim else ""),
        )
        self.holder = holder


def holder_of(line: bytes) -> Holder:
    """The lock's line as a value; a line that can't be read gives an empty holder."""
    try:
        data = json.loads(decode(line))
    except ValueError:
        data = None
    if not isinstance(data, dict):
        data = {}
    words = (data.get(key) for key in ("run", "operator", "since", "candidate"))
    run, operator, since, candidate = (
        clean_line(word)[:200] if isinstance(word, str) else "" for word in words
    )
    return Holder(run, operator, since, candidate, data.get("claim") is True)


async def ask(transport: Transport, host: Host, script: Script) -> Completed:
    """Run a short script as root; its own refusals (status 20 and above) are the caller's.

    Raises:
        HostOutputError: it failed.
        LinkLostError: the connection was lost while it ran.
        UnreachableError, NeedsPersonError, RefusedError: see `Transport.run`.
    """
    done = await transport.run(host, script, as_root="required", deadline_s=SHORT_S)
    if done.exit_status is None or not (done.exit_status == 0 or done.exit_status >= 20):
        raise failed(host, script, done)
    return done


class LinkLostError(UnreachableError):
    """The connection ended before the script did; what the script did is not known."""


def failed(host: Host, script: Script, done: Completed) -> HostshiftError:
    """What to say of a script that ended as it should not.

    A server says how a process ended, by status or by signal (RFC 4254, section 6.10). Where it
    says neither, it is the connection that ended.
    """
    if done.exit_status is None and not done.signal:
        return LinkLostError(
            f"The connection to {host.name} was lost while {script.name} ran there.",
            hint=f"Look at the network between here and {host.name}, and whether it is up.",
        )
    how = f"signal {done.signal}" if done.exit_status is None else f"status {done.exit_status}"
    words = clean(done.stderr[-_EXCERPT:]).strip() or "it said nothing about why"
    return HostOutputError(
        f"{script.name} ended with {how} on {host.name}: {words}",
        hint=f"Look at {host.name} yourself: is /var full or read-only?",
    )


def first_word(done: Completed) -> str:
    """The verdict in a script's answer."""
    return decode(done.stdout.split(b"\n", 1)[0]).strip()


def locked(host: Host, done: Completed) -> LockedError:
    """The refusal for an answer "other", followed by the lock's line."""
    return LockedError(host.name, holder_of(done.stdout.partition(b"\n")[2]))
