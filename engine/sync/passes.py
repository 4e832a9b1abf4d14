"""The exact commands of a sync. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal
from urllib.parse import quote, unquote

from engine.jobs.layout import directory
from engine.sync.values import Source

Kind = Literal["bulk", "rehearsal", "final", "verify"]
SumsKind = Literal["trial", "sums"]

ALIAS: Final = "server1"
"""What the successor's known_hosts calls server1, so that its address may be any."""
TIMEOUT_S: Final = 120
"""Silence after which rsync gives up. A judgement: ssh itself notices a dead link within 20 s, and
this is for a server1 that lives and says nothing."""
CHECKSUM_TIMEOUT_S: Final = 3600
"""With checksums a side is silent while it reads a large file."""
_WIRE: Final = re.compile(r"/[A-Za-z0-9/._%-]*")
_SAFE: Final = "/._-"
_LOGIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")


def wire_of(path: str) -> str:
    """A volume's name on the way: the path itself, where other characters are %-encoded.

    rsync's clients quote the paths that they send in different ways (since 3.2.4 by backslashes),
    but never a letter, digit, slash, dot, dash, underscore or percent sign.

    Raises:
        ValueError: it isn't an absolute path in its simplest form, or is "/".
    """
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or any(p in ("", ".", "..") for p in parts[1:]) or "\0" in path:
        raise ValueError(f"not usable as a volume: {path!r}")
    return quote(path, safe=_SAFE).replace("~", "%7E")


def path_of(wire: str) -> str:
    """The path of a name on the way; what is none gives what it is."""
    return unquote(wire) if _WIRE.fullmatch(wire) else wire


def with_wires(paths: Iterable[str]) -> tuple[str, ...]:
    """Name on the way and path of each, one after the other."""
    return tuple(word for path in paths for word in (wire_of(path), path))


def pass_commands(
    run: str,
    source: Source,
    old_address: str,
    old_port: int | None,
    paths: Iterable[str],
    *,
    kind: Kind,
    bandwidth_kib: int | None = None,
    checksum: bool = False,
) -> tuple[tuple[str, ...], ...]:
    """argv of one pass over some volumes, one command each, for a job on the successor.

    Args:
        old_address: server1's IP address as the successor reaches it.
        old_port: Where its sshd is reached there; None: where it says that it listens.
        bandwidth_kib: KiB a second at most.
        checksum: Compare contents and not only sizes and times; reads everything on both sides.

    Raises:
        ValueError: a path can't be a volume, the address is none, or another word is unusable.
    """
    if bandwidth_kib is not None and bandwidth_kib < 1:
        raise ValueError(f"not usable as a bandwidth: {bandwidth_kib} KiB/s")
    what: tuple[str, ...]
    match kind:
        case "bulk" | "final":
            what = ("--no-human-readable", "--info=progress2", "--stats")
        case "rehearsal":
            what = ("-n", "--no-human-readable", "--stats")
        case "verify":
            what = ("-n", "-i", "--no-human-readable", "--stats")
    options = (
        *("-aHAXSx", "--numeric-ids", "--delete", "--partial"),
        f"--timeout={CHECKSUM_TIMEOUT_S if checksum else TIMEOUT_S}",
        *((f"--bwlimit={bandwidth_kib}",) if bandwidth_kib is not None else ()),
        *(("--checksum",) if checksum else ()),
        *what,
    )
    return tuple(
        _command(run, source, (old_address, old_port), path, kind, options) for path in paths
    )


def sums_commands(
    run: str,
    source: Source,
    old_address: str,
    old_port: int | None,
    paths: Iterable[str],
    *,
    kind: SumsKind,
    below_kib: int,
) -> tuple[tuple[str, ...], ...]:
    """argv that compares the sums of both sides' files below a size, one command for each volume.

    rsync itself can't bound `--checksum` by a size: the sending side reads every file.

    Args:
        kind: A `trial` only measures how long it takes, while files still change.

    Raises:
        ValueError: as `pass_commands`.
    """
    if below_kib < 1:
        raise ValueError(f"not usable as a size: {below_kib} KiB")
    login, address = _login(source, old_address)
    ssh = (*_ssh(run, old_port or source.port), f"{login}@{address}")
    return tuple(
        (
            *(*_pass(run, path, kind), str(below_kib), *ssh),
            *(f"sums {below_kib} . {wire_of(path)}/", f"{path}/"),
        )
        for path in paths
    )


def proof_command(
    run: str, source: Source, old_address: str, old_port: int | None, path: str
) -> tuple[str, ...]:
    """argv that goes a volume's whole way, looks at its uppermost directory and copies nothing."""
    options = ("-aHAXSx", "--no-r", "-d", "--numeric-ids", "-n", "--timeout=30")
    return _command(run, source, (old_address, old_port), path, "proof", options)


def _command(
    run: str,
    source: Source,
    at: tuple[str, int | None],
    path: str,
    kind: str,
    options: tuple[str, ...],
) -> tuple[str, ...]:
    login, address = _login(source, at[0])
    shown = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    ssh = " ".join(_ssh(run, at[1] or source.port))
    return (
        *(*_pass(run, path, kind), "rsync", *options, "-e", ssh),
        *(f"{login}@{shown}:{wire_of(path)}/", f"{path}/"),
    )


def _pass(run: str, path: str, kind: str) -> tuple[str, ...]:
    return ("sh", f"{directory(run, 'sync')}/pass", kind, wire_of(path), "--")


def _ssh(run: str, port: int | None) -> tuple[str, ...]:
    return (
        "ssh",
        "-F",
        f"{directory(run, 'sync')}/ssh_config",
        *(("-p", f"{port:d}") if port else ()),
    )


def _login(source: Source, address: str) -> tuple[str, IPv4Address | IPv6Address]:
    if not _LOGIN.fullmatch(source.login):
        raise ValueError(f"not usable as a login: {source.login!r}")
    return source.login, ip_address(address)


def ssh_config(run: str) -> str:
    """The client's configuration (ssh_config(5)) with which the successor reaches server1.

    Nothing of the successor's own is read besides. The link counts as dead after 20 s of silence.
    """
    place = directory(run, "sync")
    lines = (
        f"IdentityFile {place}/key", "IdentitiesOnly yes", "IdentityAgent none",
        f"UserKnownHostsFile {place}/known_hosts", "GlobalKnownHostsFile none",
        f"HostKeyAlias {ALIAS}", "StrictHostKeyChecking yes", "UpdateHostKeys no",
        "PreferredAuthentications publickey", "BatchMode yes", "ClearAllForwardings yes",
        "ControlPath none", "ConnectTimeout 15", "ServerAliveInterval 5", "ServerAliveCountMax 4",
        "LogLevel ERROR",
    )  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def known_hosts(source: Source) -> str:
    """The host keys that server1 told over the connection that was checked already."""
    return "".join(f"{ALIAS} {key}\n" for key in source.host_keys)
