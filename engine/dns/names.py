"""Names, addresses and records as people and programs write them. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from engine.dns.values import Records, Type
from engine.errors import InputError
from engine.inventory import names
from engine.inventory.wrong import WrongValue
from engine.text import clean_line

REVERSE: Final = (".in-addr.arpa", ".ip6.arpa")
MAX_TTL: Final = 2**31 - 1
"""RFC 2181 section 8."""


def name_of(text: str) -> str:
    """A DNS name: lower case, without the final dot.

    Raises:
        InputError: it is none.
    """
    try:
        return names.dns_name(text)
    except WrongValue as error:
        raise InputError(
            f"{error.message[:1].upper()}{error.message[1:]}.",
            hint=error.suggestion or "Labels of letters, digits and hyphens, with dots between.",
        ) from error


def reverse_name(address: str) -> str:
    """The name at which an address's PTR record stands (RFC 1035 section 3.5, RFC 3596).

    Raises:
        InputError: it is no IP address.
    """
    return _ip(address).reverse_pointer


def is_reverse(name: str) -> bool:
    """Whether PTR records stand at a name."""
    return name.endswith(REVERSE)


def lies_in(name: str, zone: str) -> bool:
    """Whether a name is a zone's, or below it (both lower case, without the final dot)."""
    return name == zone or name.endswith("." + zone)


def records(name: str, kind: Type, values: Iterable[str], ttl: int) -> Records:
    """An RRset of what a person or program says; a TXT value is one string without quotes.

    Raises:
        InputError: a name, an address or the TTL is none, or there is no value.
    """
    if not 0 <= ttl <= MAX_TTL:
        raise InputError(f"{ttl} is no TTL.", hint="Seconds, from 0 to 2147483647.")
    found = sorted({_value(kind, value) for value in values})
    if not found:
        raise InputError(f"{kind} records of {name} without a value.", hint="Give at least one.")
    if kind == "CNAME" and len(found) > 1:
        raise InputError(f"Two CNAME records at {name}.", hint="A name has one (RFC 1034 3.6.2).")
    return Records(name_of(name), kind, ttl, tuple(found))


def canonical(kind: str, text: str) -> str:
    """A value that came from a server, in the one form that values are compared in."""
    text = clean_line(text, 1_000)
    if kind in ("A", "AAAA"):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            return text
    return text.removesuffix(".").lower() if kind in ("CNAME", "PTR", "NS") else text


def _value(kind: Type, value: str) -> str:
    if kind in ("A", "AAAA"):
        address = _ip(value)
        if address.version != (4 if kind == "A" else 6):
            raise InputError(
                f"{value} in an {kind} record.", hint="A takes IPv4 addresses, AAAA takes IPv6."
            )
        return str(address)
    if kind == "TXT":
        if not (value.isascii() and value.isprintable() and len(value) < 256) or set(value) & set(
            '"\\'
        ):
            raise InputError(
                "A TXT value of other than plain text.",
                hint="At most 255 ASCII characters, without quotes and backslashes.",
            )
        return f'"{value}"'
    return name_of(value)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or "%" in text:
        raise InputError(
            f"{clean_line(text, 100)!r} is no IP address.", hint="Such as 192.0.2.1 or 2001:db8::1."
        )
    return address
