"""What scripts of a replacement print as their last line, read and checked (docs/scripts.md). Pure.

A script's log is what it said and what the programs below it said, so only the last line that isn't
empty counts. It comes from outside: everything in it is checked before anything is done with it.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from engine.errors import HostOutputError
from engine.text import clean_line, decode

MOST_BYTES: Final = 65_536
"""Of a log's end; a last line that is longer is nobody's."""
MOST_KEYS: Final = 20
MOST_REFERENCES: Final = 50
_SHOWN: Final = 200
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_KEY_TYPE: Final = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9-]+(?:@openssh\.com)?")
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a provision script says of the server that it made.

    Attributes:
        address: Where SSH connects to: an IP address or a host name.
        host_keys: Type and base64 of each of its host keys; empty where it doesn't say them, and
            then a person has to look at the fingerprint.
        more: Whatever else it printed, as JSON.
    """

    address: str
    host_keys: tuple[str, ...]
    more: Mapping[str, object]


def read_provisioned(log: bytes) -> Provisioned:
    """The last line of a provision script's log.

    Raises:
        HostOutputError: it isn't one JSON object with an address and sound host keys.
    """
    line = _last_line(log)
    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _provisioned_wrong("is not one JSON object", line)
    address, keys = said.pop("address", None), said.pop("host_keys", None)
    if not isinstance(address, str) or not _is_address(address):
        raise _provisioned_wrong('has no "address" that is an IP address or a host name', line)
    keys = [] if keys is None else keys
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise _provisioned_wrong(f'has no list of at most {MOST_KEYS} "host_keys"', line)
    found = [_host_key(key) for key in keys]
    for key, sound in zip(keys, found, strict=True):
        if sound is None:
            what = clean_line(str(key), 80)
            raise _provisioned_wrong(f"has a host key that is none ({what})", line)
    return Provisioned(address, tuple(dict.fromkeys(key for key in found if key)), said)


def read_backup_time(log: bytes) -> datetime:
    """The last line of a `backup_age` script's log: the time of the newest restorable backup, UTC.

    Raises:
        HostOutputError: it is no time as RFC 3339 writes it, with its offset.
    """
    line = _last_line(log)
    try:
        if _RFC3339.fullmatch(line):
            # fromisoformat(3.11) takes what the pattern lets through but a lower-case z and t
            return datetime.fromisoformat(line.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise HostOutputError(
        "The backup_age script must end by printing the time of the newest backup that can be "
        f"restored; its last line is no such time: {_quoted(line)}",
        hint="Print it as RFC 3339 with its offset, such as 2026-11-23T03:00:00Z: "
        "date -u +%Y-%m-%dT%H:%M:%SZ -r FILE",
    )


def read_references(log: bytes) -> tuple[str, ...]:
    """The lines of a `references` script's log that aren't empty: what still names the old host."""
    lines = (clean_line(line, _SHOWN).strip() for line in decode(log[-MOST_BYTES:]).split("\n"))
    return tuple(line for line in lines if line)[:MOST_REFERENCES]


def _provisioned_wrong(what: str, line: str) -> HostOutputError:
    return HostOutputError(
        f"The provision script must end by printing the new server; its last line {what}.",
        hint='Let it print one line such as {"address": "192.0.2.7", "host_keys": ["ssh-ed25519 '
        f'AAAA..."]}} and nothing after it. It printed: {_quoted(line)}',
    )


def _quoted(line: str) -> str:
    return clean_line(line, _SHOWN) or "(nothing)"


def _last_line(log: bytes) -> str:
    lines = decode(log[-MOST_BYTES:]).split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text)) and "%" not in text
    except ValueError:
        pass
    labels = text.split(".")
    # a name that ends in a number is a mistyped IPv4 address (WHATWG URL, ends-in-a-number)
    return (
        len(text) <= 253
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )


def _host_key(key: object) -> str | None:
    """Type and base64 of a public key's line, where both say the same type (RFC 4253, 6.6)."""
    words = key.split() if isinstance(key, str) and "\n" not in key else []
    if len(words) < 2 or not _KEY_TYPE.fullmatch(words[0]):
        return None
    try:
        data = base64.b64decode(words[1], validate=True)
    except (ValueError, binascii.Error):
        return None
    kind = words[0].encode()
    named = data[:4] == len(kind).to_bytes(4, "big") and data[4 : 4 + len(kind)] == kind
    return f"{words[0]} {words[1]}" if named and len(data) > 4 + len(kind) + 4 else None
