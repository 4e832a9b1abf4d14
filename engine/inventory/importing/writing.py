"""The text of a first inventory, made so that `hostshift check` has nothing to say against it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from engine.inventory import names
from engine.inventory.importing.found import Found, FoundHost
from engine.inventory.wrong import WrongValue, visible

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
SSH_PORT: Final = 22

HEADING: Final = """\
# A first inventory for hostshift, from the {kind}
# {source}. It is yours now: keep it in version control.
#
# How to connect (User, Port, IdentityFile, ProxyJump ...) comes from the OpenSSH client
# configuration; a key below says otherwise only where it is written.
# `hostshift check` tells every mistake with its line.

[defaults]
become = "sudo"                 # how root is had: "sudo" or "none"
# The question before every update: what would it mean if the server were down for a whole day?
# "tolerable", "costly" or "unacceptable". Answer it here, or better for each host.
#outage = "costly"
"""


def write_inventory(found: Found) -> str:
    """The inventory's text."""
    parts = [HEADING.format(kind=found.kind, source=visible(str(found.source)))]
    left_out = [*found.left_out]
    taken = list(_without_doubles(_without_circles(found), left_out))
    for name, host in taken:
        parts.append("\n".join(["", *_table(name, host)]) + "\n")
    if left_out:
        parts.append("\n# Left out:\n")
        parts += [f"# {visible(name)}: {visible(reason)}\n" for name, reason in left_out]
    if found.remarks:
        parts.append("\n")
        parts += [f"# {visible(remark)}\n" for remark in dict.fromkeys(found.remarks)]
    return "".join(parts)


def _without_circles(found: Found) -> list[FoundHost]:
    """The hosts, without jumps that lead back to where they began."""
    jumps = {host.name: _jump(host) for host in found.hosts}
    hosts = []
    for host in found.hosts:
        seen: set[str] = set()
        following = jumps[host.name]
        while following is not None and following not in seen:
            seen.add(following)
            following = jumps.get(following)
        if host.name in seen:
            found.remarks.append(f"{host.name}: its jump hosts form a circle and were left out.")
            jumps[host.name] = None
        hosts.append(replace(host, jump=None) if host.name in seen else host)
    return hosts


def _without_doubles(
    hosts: list[FoundHost], left_out: list[tuple[str, str]]
) -> Iterator[tuple[str, FoundHost]]:
    """Hosts with the names they get, one for each machine."""
    used: set[str] = set()
    machines: dict[tuple[object, ...], str] = {}
    for host in hosts:
        name = _usable(host.name)
        address = host.address or host.name
        if name is None or not _holds(names.address, address):
            left_out.append((host.name, "not a name that a host can have; write it by hand"))
            continue
        machine: tuple[object, ...] = (
            ("local",)
            if host.local
            else (names.address(address).lower(), host.port or SSH_PORT, _jump(host))
        )
        other = machines.setdefault(machine, name)
        if other != name or name.lower() in used:
            reason = f"the same machine as {other}" if other != name else f"{name} is taken already"
            left_out.append((host.name, reason))
            continue
        used.add(name.lower())
        yield name, host


def _usable(text: str) -> str | None:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")
    return name if _holds(names.host_name, name) else None


def _jump(host: FoundHost) -> str | None:
    """A jump host as the inventory takes it: one name, without a user or a port."""
    jump = host.jump
    if jump is None or not _holds(names.address, jump) or jump in (host.name, "none"):
        return None
    return jump


def _table(name: str, host: FoundHost) -> Iterator[str]:
    yield f"[hosts.{name if _BARE_KEY.fullmatch(name) else _quoted(name)}]"
    if host.local:
        yield 'transport = "local"'
    elif (host.address or host.name) != name:
        yield f"address = {_quoted(host.address or host.name)}"
    if host.port is not None and 0 < host.port < 65_536 and not host.local:
        yield f"port = {host.port}"
    for key, value, check in (
        ("user", host.user, names.word),
        ("identity", host.identity, names.line),
        ("jump", _jump(host), names.address),
    ):
        if value is not None and not host.local:
            yield from _key(key, value, check)
    if host.jump is not None and _jump(host) is None and not host.local:
        yield f"# jump: {visible(host.jump)} belongs into the OpenSSH client configuration"
    if host.become is False:
        yield 'become = "none"'
    groups = [group for group in host.groups if _holds(names.word, group)]
    if groups:
        yield f"groups = [{', '.join(_quoted(group) for group in groups)}]"


def _key(key: str, value: str, check: Callable[[str], str]) -> Iterator[str]:
    if _holds(check, value) and value.isprintable():
        yield f"{key} = {_quoted(value)}"
    else:
        yield f"# {key}: {visible(value)}"


def _quoted(text: str) -> str:
    """A TOML string; the text is printable, so JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)


def _holds(check: Callable[[str], str], value: str) -> bool:
    try:
        check(value)
    except WrongValue:
        return False
    return True
