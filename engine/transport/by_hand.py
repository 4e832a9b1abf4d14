"""The command that opens a terminal on a host: OpenSSH's own client, told what the inventory says.

A terminal is a person's: what OpenSSH does with agents, questions and escapes is what they expect.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from engine.model.host import Host
from engine.shell import Command


def shell_words(host: Host, known: Mapping[str, Host]) -> tuple[str, ...]:
    """argv of a terminal on a host; ssh(1), or the user's shell where the host is this machine.

    Args:
        known: The inventory's hosts, by which one may be reached through another.
    """
    if host.transport == "local":
        return (os.environ.get("SHELL") or "/bin/sh",)
    through = _stations(host)
    return (*_client(host, through, known), "--", host.address)


def _stations(host: Host) -> tuple[str, ...]:
    return () if host.jump is None else tuple(word.strip() for word in host.jump.split(","))


def _client(host: Host, through: Sequence[str], known: Mapping[str, Host]) -> tuple[str, ...]:
    words = ["ssh"]
    if host.port is not None:
        words += ["-p", str(host.port)]
    if host.user is not None:
        words += ["-l", host.user]
    if host.identity is not None:
        words += ["-i", str(host.identity)]
    if host.known_hosts is not None:
        words += ["-o", f'UserKnownHostsFile="{host.known_hosts}"']
    if [word.lower() for word in through] == ["none"]:
        words += ["-o", "ProxyJump=none"]
    elif any(word in known for word in through):
        words += ["-o", f"ProxyCommand={_proxy(through, known)}"]
    elif through:
        words += ["-J", ",".join(through)]
    return tuple(words)


def _proxy(through: Sequence[str], known: Mapping[str, Host]) -> str:
    """A command for ProxyCommand (ssh_config(5)), in which % begins a token."""
    *before, last = through
    # ssh(1) takes [user@]host[:port] as a destination only as an URI.
    jump = known.get(last) or Host(last, f"ssh://{last}")
    # The first station's own way counts, later ones are reached from the one before.
    way = before or _stations(jump)
    words = (*_client(jump, way, known), "-W")
    line = Command.of(*words).line().replace("%", "%%")
    return f"{line} '[%h]:%p' -- {Command.of(jump.address).line().replace('%', '%%')}"
