"""Asking a host about a reboot, and giving the word: an exchange each, harmless when repeated."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import HostOutputError
from engine.jobs.answers import ask, failed, locked
from engine.jobs.layout import OTHERS, checked_id
from engine.jobs.script import json_fields, shipped
from engine.model.host import Host
from engine.model.plan import RebootAct
from engine.reboot.answers import complete, cut, parse_back, parse_begun, parse_readiness
from engine.reboot.values import Back, Begun, Readiness
from engine.shell import Command, Script
from engine.transport.protocol import Completed, Transport

AT_WORK = 22
"""Exit status of reboot.sh: the package manager or a job is at work; nothing was changed."""


async def readiness(transport: Transport, host: Host, run: str, act: RebootAct) -> Readiness:
    """What the host is, and what speaks against its reboot now. Changes nothing.

    Args:
        run: The run that wants to; its own hold of the host's lock is nothing against it.

    Raises:
        HostOutputError: the host's answer can't be understood.
        LinkLostError, UnreachableError, NeedsPersonError, RefusedError: see `Transport.run`.
    """
    names = tuple(dict.fromkeys(cut(name) for name in act.busy))
    done = await _asked(transport, host, _script("ready", checked_id(run), *names))
    return parse_readiness(done.stdout, act.busy)


async def begin(
    transport: Transport, host: Host, run: str, step: str, fields: Mapping[str, str]
) -> Begun:
    """Give the word, or find that it was given. A step reboots its host at most once, ever.

    Args:
        fields: Strings for ``job.json``; the host adds its own time and boot.

    Raises:
        LockedError: the host's lock isn't this run's.
        HostOutputError, and what `readiness` raises.
    """
    words = json_fields({"run": run, "step": step, **fields})
    script = _script("begin", checked_id(run), checked_id(step), words, shipped("reboot_go.sh"))
    done = await _asked(transport, host, script)
    if done.exit_status == OTHERS:
        raise locked(host, done)
    return parse_begun(done.stdout)


async def look_back(transport: Transport, host: Host, run: str, step: str) -> Back:
    """The host as it is now, and what it keeps of the reboot. Changes nothing.

    Raises:
        HostOutputError, and what `readiness` raises.
    """
    script = _script("back", checked_id(run), checked_id(step))
    return parse_back((await _asked(transport, host, script)).stdout)


def _script(*words: str) -> Script:
    call = Command.of("main", *words).line()
    return Script("reboot.sh", f"{shipped('holder.sh')}{shipped('reboot.sh')}{call}\n")


async def _asked(transport: Transport, host: Host, script: Script) -> Completed:
    done = await ask(transport, host, script)
    if done.exit_status not in (0, AT_WORK, OTHERS):
        raise failed(host, script, done)
    if done.exit_status != OTHERS and not complete(done.stdout):
        raise HostOutputError(
            f"{host.name} ended its answer about a reboot too early.",
            hint=f"Look at {host.name} yourself.",
        )
    return done
