"""The host's lock on all acting (docs/runs.md): taken, kept fresh and given back by lock.sh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import RefusedError
from engine.jobs.answers import Holder, ask, first_word, holder_of, locked
from engine.jobs.layout import OTHERS, SPEAKS_AGAINST, checked_id
from engine.jobs.script import json_fields, shipped, with_call
from engine.model.host import Host
from engine.shell import Script
from engine.text import clean_line, decode
from engine.transport.protocol import Transport

DAY_S = 86_400


async def take(
    transport: Transport,
    host: Host,
    run: str,
    fields: Mapping[str, str],
    retention_s: int,
    *,
    over: str | None = None,
) -> None:
    """Take the lock for a run, or find that this run has it. Removes old finished runs.

    Args:
        fields: What the lock says beside the run: host, candidate, operator, digest.
        over: The run that waits at a gate and whose claim is overridden; the host records that.
            Its claim is there again when this run gives the lock back.

    Raises:
        LockedError: another run has it, or a claim that was not named.
    """
    text = json_fields({"run": checked_id(run), **fields})
    days = str(max(1, retention_s // DAY_S)) if retention_s > 0 else "0"
    words = (run, text, days, *((checked_id(over),) if over is not None else ()))
    done = await ask(transport, host, with_call("lock.sh", "take", *words))
    if done.exit_status == OTHERS:
        raise locked(host, done)


async def beat(transport: Transport, host: Host, run: str, step: str) -> bool:
    """Say that the controller lives; False when the lock isn't this run's any more."""
    return await _change(transport, host, "beat", run, step) == "beaten"


async def wait_at_gate(transport: Transport, host: Host, run: str, step: str) -> bool:
    """Make the lock a claim, for as long as the run waits; False when it isn't this run's."""
    return await _change(transport, host, "wait", run, step) == "waiting"


async def resume(transport: Transport, host: Host, run: str, step: str) -> bool:
    """Make the claim a lock again, before anything is done.

    False when the run has neither: another one acts over its claim, or it was broken. What was
    planned may not be true any more then.
    """
    return await _change(transport, host, "resume", run, step) == "resumed"


async def _change(transport: Transport, host: Host, verb: str, run: str, step: str) -> str:
    done = await ask(transport, host, with_call("lock.sh", verb, checked_id(run), checked_id(step)))
    return first_word(done) if done.exit_status == 0 else ""


async def release(transport: Transport, host: Host, run: str) -> bool:
    """Give the lock or the claim back; False when another run has it.

    Not to find it is as good.
    """
    done = await ask(transport, host, with_call("lock.sh", "release", checked_id(run)))
    return done.exit_status == 0


@dataclass(frozen=True, slots=True)
class LockEvidence:
    """What was seen of a run's lock on its host, right now.

    Attributes:
        holder: What the lock says of itself; None: there is no lock.
        speaks_for: What speaks for breaking it, a line each.
        speaks_against: What speaks against it: it can't be broken unless this is empty.
    """

    holder: Holder | None
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()

    @property
    def stale(self) -> bool:
        """It may be broken."""
        return self.holder is not None and bool(self.speaks_for) and not self.speaks_against


class LockAliveError(RefusedError):
    """The lock was not broken: something speaks against it."""

    kind = "lock-alive"

    def __init__(self, host: str, run: str, evidence: LockEvidence) -> None:
        why = "\n".join(f"- {line}" for line in evidence.speaks_against)
        super().__init__(
            f"The lock of run {run} on {host} was not broken:\n{why}",
            hint=f"Wait, or ask who holds it; follow it by: hostshift attach {run}",
        )
        self.evidence = evidence


async def evidence(transport: Transport, host: Host, run: str) -> LockEvidence:
    """Look whether a run's lock could be broken; changes nothing."""
    done = await ask(transport, host, _with_members("evidence", checked_id(run)))
    first, _, rest = done.stdout.partition(b"\n")
    holder = holder_of(first.removeprefix(b"lock ")) if first.startswith(b"lock ") else None
    return _evidence(holder, rest)


async def break_lock(
    transport: Transport, host: Host, run: str, expected: str, *, operator: str, reason: str
) -> LockEvidence | None:
    """Break the lock of run ``expected`` on behalf of ``run``; the host records who and why.

    Returns:
        The evidence that it was broken on; None when there was no lock (any more).

    Raises:
        LockAliveError: something speaks against it.
        LockedError: meanwhile the lock is a third run's.
    """
    fields = json_fields({"operator": operator, "reason": reason})
    script = _with_members("break", checked_id(run), checked_id(expected), fields)
    done = await ask(transport, host, script)
    if done.exit_status == OTHERS:
        raise locked(host, done)
    found = _evidence(None, done.stdout.partition(b"\n")[2])
    if done.exit_status == SPEAKS_AGAINST:
        raise LockAliveError(host.name, expected, found)
    return found if first_word(done) == "broken" else None


def _with_members(*words: str) -> Script:
    return with_call("lock.sh", *words, before=shipped("members.sh"))


def _evidence(holder: Holder | None, lines: bytes) -> LockEvidence:
    said = [clean_line(line)[:300] for line in decode(lines).splitlines()[:200]]
    return LockEvidence(
        holder,
        tuple(line.removeprefix("for ") for line in said if line.startswith("for ")),
        tuple(line.removeprefix("against ") for line in said if line.startswith("against ")),
    )
