"""known_hosts: the keys that a person has vouched for, indexed so that a lookup costs no reading.

The format is sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. A plain name is found in a dict; only patterns
and hashed names are walked, and what a hashed lookup found is kept for as long as the file stands.
A file is read again when its modification time, size or inode changes.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from engine.errors import InputError, RefusedError
from engine.model.facts import HostKeyOffer
from engine.text import clean_line
from engine.transport.client_config import Endpoint, matches_list, stamp

Marker = Literal["", "cert-authority", "revoked"]
DEFAULT_PORT: Final = 22
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]*")
_MARKERS: Final[dict[str, Marker]] = {"@cert-authority": "cert-authority", "@revoked": "revoked"}


class KnownHostsError(InputError):
    """A known_hosts file can't be read or written."""

    kind = "known-hosts"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a key, what is said of it, and where it stands.

    Attributes:
        key: The key as in the file, base64.
    """

    marker: Marker
    algorithm: str
    key: str
    file: Path
    line: int

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ssh-keygen(1) prints it."""
        try:
            return fingerprint(base64.b64decode(self.key))
        except binascii.Error:
            return "(not a key)"

    @property
    def where(self) -> str:
        """File and line, as compilers and editors write it."""
        return f"{self.file}:{self.line}"


def fingerprint(public_key: bytes) -> str:
    """``SHA256:...`` of a public key's wire form (RFC 4253, section 6.6)."""
    digest = base64.b64encode(hashlib.sha256(public_key).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def name_in_file(host: str, port: int) -> str:
    """A host as known_hosts names it: lower case, with the port only where it isn't 22."""
    host = host.lower()
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


@dataclass(slots=True)
class _File:
    """One file, read and indexed."""

    stamp: tuple[int, int, int] | None
    plain: dict[str, list[Entry]] = field(default_factory=dict)
    patterns: list[tuple[list[str], Entry]] = field(default_factory=list)
    hashed: list[tuple[bytes, bytes, Entry]] = field(default_factory=list)
    found: dict[str, tuple[Entry, ...]] = field(default_factory=dict)

    def lookup(self, name: str) -> tuple[Entry, ...]:
        if name not in self.found:
            self.found[name] = tuple(self._walk(name))
        return self.found[name]

    def _walk(self, name: str) -> Iterable[Entry]:
        yield from self.plain.get(name, ())
        for patterns, entry in self.patterns:
            if matches_list(name, patterns):
                yield entry
        data = name.encode()
        for salt, digest, entry in self.hashed:
            if hmac.digest(salt, data, "sha1") == digest:
                yield entry


def _read(path: Path, seen: tuple[int, int, int] | None) -> _File:
    index = _File(seen)
    if seen is None:
        return index
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise KnownHostsError(
            f"{path} can't be read: {error.strerror}.", hint="Look at its owner and mode."
        ) from error
    for number, line in enumerate(text.split("\n"), 1):
        _add(index, path, number, line)
    return index


def _add(index: _File, path: Path, number: int, line: str) -> None:
    words = line.split(None, 4)
    if not words or words[0].startswith("#"):
        return
    marker: Marker = ""
    if words[0].startswith("@"):
        if words[0] not in _MARKERS:
            return  # OpenSSH skips a line with a marker it doesn't know
        marker = _MARKERS[words.pop(0)]
    if len(words) < 3 or words[1].isdigit():
        return  # not a key, or one of SSH protocol 1
    names, algorithm, key = words[:3]
    entry = Entry(marker, algorithm, key, path, number)
    if names.startswith("|"):
        _add_hashed(index, names, entry)
    elif any(char in names for char in "*?!"):
        index.patterns.append((names.lower().split(","), entry))
    else:
        for name in names.lower().split(","):
            index.plain.setdefault(name, []).append(entry)


def _add_hashed(index: _File, names: str, entry: Entry) -> None:
    try:
        _, magic, salt, digest = names.split("|")
        if magic == "1":  # HMAC-SHA1, the only one there is (hostfile.h, HASH_MAGIC)
            index.hashed.append((base64.b64decode(salt), base64.b64decode(digest), entry))
    except (ValueError, binascii.Error):
        return


@dataclass(frozen=True, slots=True)
class Vouched:
    """What known_hosts says of one host.

    Attributes:
        keys: Keys that identify it.
        authorities: Keys whose certificates identify it.
        revoked: Keys that must never be taken.
        evidence: The keys that stand under the host's very name and port; another key than these
            has changed. Empty where only the name without the port is known.
    """

    keys: tuple[Entry, ...]
    authorities: tuple[Entry, ...]
    revoked: tuple[Entry, ...]
    evidence: tuple[Entry, ...]


class KnownHosts:
    """All known_hosts files of one session, each read once."""

    def __init__(self) -> None:
        self._files: dict[Path, _File] = {}

    def vouched(self, host: str, port: int, files: Sequence[Path]) -> Vouched:
        """Look a host up, as ssh(1) does: with its port, else (port not 22) without.

        Only names are looked up and never the address that one resolved to (`CheckHostIP no`, the
        default since OpenSSH 8.5).

        Raises:
            KnownHostsError: a file is there and can't be read.
        """
        own = self._lookup(name_in_file(host, port), files)
        wider: tuple[Entry, ...] = ()
        if port != DEFAULT_PORT:
            wider = self._lookup(name_in_file(host, DEFAULT_PORT), files)
        keys = tuple(entry for entry in own if not entry.marker)
        authorities = tuple(entry for entry in own if entry.marker == "cert-authority")
        if not keys and not authorities:
            keys = tuple(entry for entry in wider if not entry.marker)
            authorities = tuple(entry for entry in wider if entry.marker == "cert-authority")
            evidence: tuple[Entry, ...] = ()
        else:
            evidence = keys
        # a key that is revoked for the host is revoked on all its ports
        revoked = tuple(entry for entry in (*own, *wider) if entry.marker == "revoked")
        if revoked:
            bad = {entry.key for entry in revoked}
            keys = tuple(entry for entry in keys if entry.key not in bad)
            authorities = tuple(entry for entry in authorities if entry.key not in bad)
        return Vouched(keys, authorities, revoked, evidence)

    def under(self, name: str, path: Path) -> tuple[Entry, ...]:
        """What one file says of a name as known_hosts writes it.

        Raises:
            KnownHostsError: the file is there and can't be read.
        """
        return self._file(path).lookup(name)

    def _lookup(self, name: str, files: Sequence[Path]) -> tuple[Entry, ...]:
        return tuple(entry for path in files for entry in self._file(path).lookup(name))

    def _file(self, path: Path) -> _File:
        now = stamp(path)
        held = self._files.get(path)
        if held is None or held.stamp != now:
            held = self._files[path] = _read(path, now)
        return held


def place(endpoint: Endpoint, own_file: Path | None) -> tuple[str, int, Path]:
    """Under which name and port a server's key stands in known_hosts, and in which file.

    Args:
        own_file: The inventory's `known_hosts`, which stands for all files of the configuration.
    """
    name = endpoint.host_key_alias or endpoint.hostname.lower()
    port = DEFAULT_PORT if endpoint.host_key_alias else endpoint.port
    files = (own_file,) if own_file is not None else endpoint.known_hosts
    return name, port, files[0] if files else Path.home() / ".ssh" / "known_hosts"


def accept_host_keys(offers: Iterable[HostKeyOffer]) -> None:
    """Append the lines of keys that a person has accepted; a line that is there stays alone.

    A file is made with mode 0600 (its directory 0700) where there is none. The lines of one file
    are appended by one write(2) with O_APPEND, so that nothing another ssh adds at the same moment
    is lost or torn.

    Raises:
        KnownHostsError: a file can't be written; the others are.
    """
    lines: dict[Path, list[str]] = {}
    for offer in offers:
        wanted = lines.setdefault(Path(offer.file), [])
        if offer.line not in wanted:
            wanted.append(offer.line)
    failed: list[str] = []
    for path, wanted in lines.items():
        try:
            _append(path, wanted)
        except OSError as error:
            failed.append(f"{path} can't be written: {error.strerror}.")
    if failed:
        raise KnownHostsError(
            " ".join(failed), hint="Look at owner and mode, or add the lines by hand."
        )


def _append(path: Path, wanted: list[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        before = file.read()
        there = {line.strip() for line in before.decode("utf-8", "replace").split("\n")}
        missing = [line for line in wanted if line not in there]
        if not missing:
            return
        glue = "" if not before or before.endswith(b"\n") else "\n"
        file.write((glue + "".join(f"{line}\n" for line in missing)).encode())
        os.fsync(file.fileno())


def pin(
    path: Path, names: tuple[str, ...], port: int | None, keys: tuple[str, ...]
) -> tuple[str, ...]:
    """Vouch for a new host: its keys, under all its names and addresses. Doing it again adds none.

    Args:
        port: Where its sshd listens; None is 22.
        keys: Type and base64, as ``/etc/ssh/ssh_host_*_key.pub`` has them; a comment is left out.

    Returns:
        The lines that were added.

    Raises:
        RefusedError: a name has other keys, or one of these is revoked for it; nothing was written.
        InputError: a name is none, such as a pattern.
        KnownHostsError: the file can't be read or written.
    """
    words = (key.split() for key in dict.fromkeys(keys))
    offered = [Entry("", algorithm, key, path, 0) for algorithm, key, *_ in words]
    known = KnownHosts()
    added: dict[str, None] = {}
    for host in names:
        if not _PLAIN_NAME.fullmatch(host):
            raise InputError(
                f"{clean_line(host, 100)} is not a name or address of one host.",
                hint="Give the name that SSH connects to.",
            )
        name = name_in_file(host, port or DEFAULT_PORT)
        there = known.under(name, path)
        _must_not_contradict(name, offered, there)
        have = {(entry.algorithm, entry.key) for entry in there if not entry.marker}
        added |= {
            f"{name} {entry.algorithm} {entry.key}": None
            for entry in offered
            if (entry.algorithm, entry.key) not in have
        }
    if added:
        try:
            _append(path, list(added))
        except OSError as error:
            raise KnownHostsError(
                f"{path} can't be written: {error.strerror}.",
                hint="Look at owner and mode, or add the lines by hand.",
            ) from error
    return tuple(added)


def _must_not_contradict(name: str, offered: Sequence[Entry], there: Sequence[Entry]) -> None:
    """A name has keys of one host only: all that are new for their type, or none, are its own."""
    keys = {entry.key for entry in offered}
    for entry in there:
        if entry.marker == "revoked" and entry.key in keys:
            raise RefusedError(
                f"The key {entry.fingerprint} of {name} is revoked in {entry.where}.",
                hint="Make the host new keys, and find out why these were revoked.",
            )
    own = [entry for entry in there if not entry.marker]
    strangers = own and all(entry.key not in keys for entry in own)
    for entry in own:
        same = next((new for new in offered if new.algorithm == entry.algorithm), None)
        if entry.key not in keys and (same or strangers):
            now = ", ".join(new.fingerprint for new in ([same] if same else offered))
            raise RefusedError(
                f"{name} has another key in {entry.where}: {entry.fingerprint} there, {now} now.",
                hint="Is it a name or address that an earlier server had? Then take its keys out: "
                f"ssh-keygen -R '{name}' -f '{entry.file}'",
            )


def forget(path: Path, names: tuple[str, ...], port: int | None) -> int:
    """Take a host's keys out, under each of these names and addresses, plain or hashed.

    A line of several names loses only these. Patterns, ``@cert-authority`` and ``@revoked`` lines
    and comments stay: they are about more than this host. Other lines stay as they are, byte for
    byte; the file is replaced whole, with its mode, and without a copy that keeps what was taken.

    Returns:
        How many entries were taken out; a line counts once for each of its names.

    Raises:
        KnownHostsError: the file can't be read or written.
    """
    gone = {name_in_file(name, port or DEFAULT_PORT) for name in names}
    real = path.resolve()
    try:
        before = real.read_bytes()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise KnownHostsError(
            f"{path} can't be read: {error.strerror}.", hint="Look at its owner and mode."
        ) from error
    kept = [_without(line, gone) for line in before.split(b"\n")]
    count = sum(number for _, number in kept)
    if count:
        after = b"\n".join(line for line, _ in kept if line is not None)
        try:
            _replace(real, before, after)
        except OSError as error:
            raise KnownHostsError(
                f"{path} can't be written: {error.strerror or error}.",
                hint="Look at the owner and mode of the file and of its directory, and try again.",
            ) from error
    return count


def _without(line: bytes, gone: set[str]) -> tuple[bytes | None, int]:
    """A line without these names, None where nothing is left of it; and how many it lost."""
    words = line.split(None, 1)
    if len(words) < 2 or words[0].startswith((b"#", b"@")):
        return line, 0
    first = words[0].decode("utf-8", "replace")
    if first.startswith("|"):
        index = _File(None)
        _add_hashed(index, first, Entry("", "", "", Path(), 0))
        hit = any(index.lookup(name) for name in gone)
        return (None, 1) if hit else (line, 0)
    if any(char in first for char in "*?!"):
        return line, 0
    left = [
        name for name in words[0].split(b",") if name.decode("utf-8", "replace").lower() not in gone
    ]
    lost = words[0].count(b",") + 1 - len(left)
    if not lost:
        return line, 0
    if not left:
        return None, lost
    at = line.index(words[0])
    return line[:at] + b",".join(left) + line[at + len(words[0]) :], lost


def _replace(path: Path, before: bytes, after: bytes) -> None:
    was = path.stat()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            os.fchown(file.fileno(), was.st_uid, was.st_gid)
            os.fchmod(file.fileno(), was.st_mode & 0o7777)
            file.flush()
            os.fsync(file.fileno())
        if path.read_bytes() != before:
            raise OSError("another program has just changed it")
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
