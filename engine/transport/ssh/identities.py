"""The keys that are offered to servers: from files, read once, and from the agent."""

from __future__ import annotations

import base64
import binascii
import math
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from engine.transport.client_config import Endpoint, default_keys, stamp
from engine.transport.known_hosts import fingerprint

AGENT_S: Final = 2.0
"""Seconds for which the agent's list of keys is taken as it was: a whole scan asks it once."""
_OPENSSH_MAGIC: Final = b"openssh-key-v1\0"

Stamps = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Offerable:
    """One key that can be offered, with the words that name it for people."""

    pair: asyncssh.SSHKeyPair
    name: str


@dataclass(frozen=True, slots=True)
class Keyring:
    """What there is to offer to one server, in order, and what there isn't.

    Attributes:
        encrypted: Files that need a passphrase, and whose keys no agent holds.
        unreadable: What else is wrong with a file that was named.
    """

    keys: tuple[Offerable, ...]
    encrypted: tuple[Path, ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _KeyFile:
    """One key file as it was read. ``public`` is known of most encrypted files, too."""

    pairs: tuple[asyncssh.SSHKeyPair, ...]
    public: bytes | None
    encrypted: bool
    problem: str | None


class Identities:
    """All keys of one session."""

    def __init__(self) -> None:
        self._files: dict[tuple[Path, tuple[Path, ...]], tuple[Stamps, _KeyFile]] = {}
        self._agents: dict[str, asyncssh.SSHAgentClient] = {}
        self._listed: dict[str, tuple[float, tuple[asyncssh.SSHKeyPair, ...]]] = {}

    async def keyring(self, endpoint: Endpoint, identity: Path | None) -> Keyring:
        """What to offer, in ssh's order: configured keys that the agent holds, the agent's others
        (unless `IdentitiesOnly`), then the configured files.

        ``identity`` is the inventory's word: that key and no other.
        """
        named = (identity,) if identity is not None else endpoint.identity_files
        only = identity is not None or endpoint.identities_only
        paths = default_keys() if named is None else named
        files = [(path, self._read(path, endpoint.certificate_files)) for path in paths]
        agent = await self._agent_keys(endpoint.identity_agent)
        wanted = [file.public for _, file in files if file.public is not None]
        held = [pair for blob in wanted for pair in agent if pair.key_public_data == blob]
        keys = [Offerable(pair, _name(pair, "agent")) for pair in held]
        if not only:
            keys += [Offerable(pair, _name(pair, "agent")) for pair in agent if pair not in held]
        in_agent = {pair.key_public_data for pair in held}
        for path, file in files:
            if file.public not in in_agent:
                keys += [Offerable(pair, _name(pair, str(path))) for pair in file.pairs]
        return Keyring(
            tuple(keys),
            tuple(p for p, f in files if f.encrypted and f.public not in in_agent),
            tuple(f.problem for _, f in files if f.problem is not None and named is not None),
        )

    def _read(self, path: Path, certificates: tuple[Path, ...]) -> _KeyFile:
        companions = (path, Path(f"{path}-cert.pub"), Path(f"{path}.pub"), *certificates)
        stamps = tuple(stamp(companion) for companion in companions)
        held = self._files.get((path, certificates))
        if held is not None and held[0] == stamps:
            return held[1]
        file = _read_key(path, [str(c) for c in certificates if stamp(c) is not None])
        self._files[path, certificates] = (stamps, file)
        return file

    async def _agent_keys(self, socket: str | None) -> tuple[asyncssh.SSHKeyPair, ...]:
        if socket is None:
            return ()
        at, keys = self._listed.get(socket, (-math.inf, ()))
        if time.monotonic() - at < AGENT_S:
            return keys
        agent = self._agents.setdefault(socket, asyncssh.SSHAgentClient(socket))
        try:
            keys = tuple(await agent.get_keys())
        except (OSError, ValueError):
            keys = ()  # no agent behind the socket: the files have to do
        self._listed[socket] = (time.monotonic(), keys)
        return keys

    async def close(self) -> None:
        """Close the connections to agents."""
        for agent in self._agents.values():
            agent.close()
            await agent.wait_closed()
        self._agents.clear()


def _name(pair: asyncssh.SSHKeyPair, source: str) -> str:
    return f"{source} ({pair.get_algorithm()} {fingerprint(pair.key_public_data)})"


def _read_key(path: Path, certificates: Sequence[str]) -> _KeyFile:
    try:
        pairs = tuple(asyncssh.load_keypairs(str(path), None, certificates))
    except FileNotFoundError:
        public = _public_part(path, b"")
        return _KeyFile((), public, False, None if public else f"{path} does not exist")
    except OSError as error:
        return _KeyFile((), _public_part(path, b""), False, f"{path}: {error.strerror}")
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        text = path.read_bytes()
        public = _public_part(path, text)
        if "passphrase" in str(error).lower():
            return _KeyFile((), public, True, None)
        if public is not None:
            return _KeyFile((), public, False, None)  # a public key: it names one of the agent's
        return _KeyFile((), None, False, f"{path}: {error}")
    return _KeyFile(pairs, pairs[0].key_public_data if pairs else None, False, None)


def _public_part(path: Path, private: bytes) -> bytes | None:
    """The public key of a file whose private part can't be had, to find it in the agent."""
    for candidate in (Path(f"{path}.pub"), path):
        try:
            return asyncssh.read_public_key(candidate).public_data
        except (OSError, asyncssh.KeyImportError, ValueError):
            continue
    return _openssh_public(private)


def _openssh_public(text: bytes) -> bytes | None:
    """The public key within an OpenSSH private key, which is never encrypted (PROTOCOL.key)."""
    body = b"".join(line for line in text.split(b"\n") if not line.startswith(b"-----"))
    try:
        data = base64.b64decode(body, validate=False)
        if not data.startswith(_OPENSSH_MAGIC):
            return None
        at = len(_OPENSSH_MAGIC)
        for _ in range(3):  # cipher, key derivation, its options
            at += 4 + int(struct.unpack_from(">I", data, at)[0])
        at += 4  # number of keys
        size = int(struct.unpack_from(">I", data, at)[0])
        return data[at + 4 : at + 4 + size]
    except (struct.error, binascii.Error):
        return None
