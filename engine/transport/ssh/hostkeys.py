"""Host keys: which to ask the server for, and what to say when it shows another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import asyncssh
from asyncssh.public_key import (
    get_certificate_algs,
    get_default_certificate_algs,
    get_default_public_key_algs,
    get_public_key_algs,
)

from engine.model.facts import HostKeyOffer
from engine.transport.client_config import Endpoint, matches_list
from engine.transport.failures import ChangedHostKey, HostKeyError, RevokedHostKey, UnknownHostKey
from engine.transport.known_hosts import (
    Entry,
    KnownHosts,
    Vouched,
    fingerprint,
    name_in_file,
    place,
)

Parsed = tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is known of a server's key before it is connected to.

    Attributes:
        host: The inventory's name of the host, or how a jump host is called.
        name: How known_hosts calls it (`HostKeyAlias`, else its name).
        port: The port as known_hosts has it: an alias stands without one, as in ssh(1).
        file: Where an accepted key would be written.
        parsed: Keys, authorities and revoked keys, as asyncssh takes them.
        algorithms: Host key algorithms to offer, those of known keys first.
    """

    host: str
    name: str
    port: int
    address: str
    file: Path
    vouched: Vouched
    parsed: Parsed
    algorithms: tuple[str, ...]


@lru_cache(maxsize=65_536)
def _import(algorithm: str, key: str) -> asyncssh.SSHKey | None:
    """A key of a known_hosts line; None for one of a kind that isn't supported."""
    try:
        return asyncssh.import_public_key(f"{algorithm} {key}")
    except (asyncssh.KeyImportError, ValueError):
        return None


def _keys(entries: Sequence[Entry]) -> list[asyncssh.SSHKey]:
    found = (_import(entry.algorithm, entry.key) for entry in entries)
    return [key for key in found if key is not None]


def expect(
    known_hosts: KnownHosts, host: str, endpoint: Endpoint, own_file: Path | None
) -> Expectation:
    """Look up what is known of a server.

    Args:
        own_file: The inventory's `known_hosts`, which stands for all files of the configuration.

    Raises:
        KnownHostsError: a file can't be read.
    """
    if own_file is not None:
        files: tuple[Path, ...] = (own_file,)
    else:
        files = endpoint.known_hosts + endpoint.global_known_hosts
    name, port, file = place(endpoint, own_file)
    vouched = known_hosts.vouched(name, port, files)
    parsed = (_keys(vouched.keys), _keys(vouched.authorities), _keys(vouched.revoked))
    return Expectation(
        host=host,
        name=name,
        port=port,
        address=endpoint.hostname,
        file=file,
        vouched=vouched,
        parsed=parsed,
        algorithms=_algorithms(parsed, endpoint.host_key_algorithms),
    )


def _algorithms(parsed: Parsed, configured: str | None) -> tuple[str, ...]:
    """What to offer: certificates where an authority is known, known keys, then all others.

    A server shows the key of the first algorithm it has. With the known ones first, a server with
    several keys shows the known one; with the others behind, a server whose key has changed shows
    which one it has now, instead of ending the connection without a word.
    """
    keys, authorities, _ = parsed
    chosen = _configured(configured) if configured else get_default_public_key_algs()
    known = [alg for key in keys for alg in key.sig_algorithms if alg in chosen]
    certificates: list[bytes] = []
    if authorities:
        usual = get_default_certificate_algs()
        certificates = [a for a in chosen if a in get_certificate_algs()] if configured else usual
    plain = [alg for alg in chosen if alg in get_public_key_algs()]
    return tuple(alg.decode() for alg in dict.fromkeys([*certificates, *known, *plain]))


def _configured(text: str) -> list[bytes]:
    possible = get_certificate_algs() + get_public_key_algs()
    default = get_default_certificate_algs() + get_default_public_key_algs()
    return [name.encode() for name in choose(text, possible, default)]


def choose(text: str, possible: Sequence[bytes], default: Sequence[bytes]) -> tuple[str, ...]:
    """A list of algorithms as ssh_config(5) writes it, without those that aren't supported here.

    ``+`` adds to the default, ``-`` takes away, ``^`` puts in front. An empty outcome means the
    default: what the configuration wants then does not exist here.
    """
    sign, names = (text[0], text[1:]) if text[:1] in "+-^" else ("", text)
    patterns = names.split(",")
    usual = [alg.decode() for alg in default]
    wanted = [
        alg.decode()
        for pattern in patterns
        for alg in possible
        if matches_list(alg.decode(), [pattern])
    ]
    match sign:
        case "+":
            found = usual + wanted
        case "-":
            found = [alg for alg in usual if alg not in wanted]
        case "^":
            found = wanted + usual
        case _:
            found = wanted
    return tuple(dict.fromkeys(found or usual))


def judge(shown: asyncssh.SSHKey, expected: Expectation) -> HostKeyError:
    """The error for a key that is not vouched for: unknown, changed or revoked."""
    print_ = fingerprint(shown.public_data)
    algorithm = shown.get_algorithm()
    key = shown.export_public_key("openssh").decode().split()[1]
    revoked = [entry for entry in expected.vouched.revoked if entry.key == key]
    if revoked:
        return RevokedHostKey(
            f"{expected.host} shows a key that is revoked in {revoked[0].where}: "
            f"{algorithm} {print_}.",
            hint="Don't connect. Find out who holds this key, and give the host a new one.",
        )
    if expected.vouched.evidence:
        return _changed(expected, algorithm, print_)
    line = f"{name_in_file(expected.name, expected.port)} {algorithm} {key}"
    offer = HostKeyOffer(
        host=expected.host,
        address=expected.address,
        port=expected.port,
        algorithm=algorithm,
        fingerprint=print_,
        line=line,
        file=str(expected.file),
    )
    return UnknownHostKey(
        f"The key of {expected.host} ({expected.address}) is not known: {algorithm} {print_}.",
        hint=f"Compare it with what the host's console prints (`ssh-keygen -lf "
        f"{_host_file(algorithm)}`). If it is the same, add this line to {expected.file}:\n{line}",
        offer=offer,
    )


def _changed(expected: Expectation, algorithm: str, print_: str) -> ChangedHostKey:
    old = [e for e in expected.vouched.evidence if e.algorithm == algorithm]
    old = old or list(expected.vouched.evidence)
    known = "; ".join(f"{e.algorithm} {e.fingerprint} ({e.where})" for e in old)
    name = name_in_file(expected.name, expected.port)
    return ChangedHostKey(
        f"The key of {expected.host} ({expected.address}) HAS CHANGED. It shows {algorithm} "
        f"{print_}; known is {known}. Nothing was sent to it.",
        hint="Someone may be in between, or the host was installed anew. Compare with what its "
        f"console prints (`ssh-keygen -lf {_host_file(algorithm)}`). Only if that is the new "
        f'fingerprint, remove the old key: `ssh-keygen -R "{name}" -f {old[0].file}`.',
    )


def _host_file(algorithm: str) -> str:
    kind = algorithm.split("-")[1] if "-" in algorithm else algorithm
    word = {"ed25519": "ed25519", "rsa": "rsa", "sha2": "ecdsa", "dss": "dsa"}.get(kind, "*")
    return f"/etc/ssh/ssh_host_{word}_key.pub"
