"""The name of server(n+1): server1 -> server2, or the next number that nobody has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from engine.inventory.value import Inventory
from engine.model.host import Host

_NUMBER: Final = re.compile(r"(?<![0-9])[0-9]{1,18}(?![0-9])")
"""Longer rows of digits are an identifier and no counter."""
_LABEL: Final = 63
_NAME: Final = 253
"""Octets of a label and of a name in text form (RFC 1035 section 2.3.4)."""


@dataclass(frozen=True, slots=True)
class Successor:
    """The proposed name of a host's successor.

    Attributes:
        name: Its table in the inventory.
        address: Its DNS name, where the old host's address is its name with a domain; else None,
            and the address is what `provision` prints.
        passed_over: Names nearer to the old one that are taken already, in their order.
    """

    name: str
    address: str | None = None
    passed_over: tuple[str, ...] = ()


def propose(host: Host, taken: Iterable[str]) -> Successor:
    """The first name after the host's own whose short and DNS forms are both free.

    The number is the last one of the name's first label (server1.example.com, db1-fra); its zeros
    in front are kept (web01 -> web02). A name without one counts as number 1, and a host that is
    named by its IP address gets a successor called server1 or what follows.

    Args:
        taken: Names of hosts and services and names that DNS knows, short or with their domain,
            also of what is being built; see `names_of`.
    """
    first, whole = _taken(taken)
    shape = _shape(host.name)
    passed: list[str] = []
    number = shape.number
    while True:
        number += 1
        name = shape.with_number(number)
        address = own_dns_name(host, name)
        if not any(_is_taken(form, first, whole) for form in (name, address) if form):
            return Successor(name, address, tuple(passed))
        passed.append(name)


def follows(host: Host, name: str) -> bool:
    """Whether a name is one that `propose` could have given the host's successor."""
    shape = _shape(host.name)
    digits = re.search(r"[0-9]+$", name[: len(name) - len(shape.after)])
    if digits is None:
        return False
    # Digits before the number may belong to the name itself.
    numbers = {int(digits[0][-length:]) for length in range(1, 20)}
    return any(n > shape.number and shape.with_number(n) == name for n in numbers)


def own_dns_name(host: Host, successor: str) -> str | None:
    """A successor's own DNS name, where the host's address is its name with a domain."""
    domain = _domain(host)
    return None if domain is None else f"{successor}{domain}"


def names_of(inventory: Inventory) -> frozenset[str]:
    """Every name of an inventory that a successor can't have: of hosts and of services.

    A host that is `retiring` counts: its name is free when it has left the inventory and DNS.
    """
    found: set[str] = set()
    for host in inventory.hosts:
        found |= {host.name, host.address}
        for service in host.services:
            found |= {service.name, *service.names}
    return frozenset(found)


def _taken(names: Iterable[str]) -> tuple[dict[str, bool], set[str]]:
    """First labels (true: of a name that has no domain), and whole names, in one spelling."""
    first: dict[str, bool] = {}
    whole = set()
    for written in names:
        # As it was written: 1.0.0.00 is a name, though its spelling looks like an address.
        name = _spelling(written)
        if not name or is_address(written.strip()):
            continue
        whole.add(name)
        label, dot, _ = name.partition(".")
        first[label] = first.get(label, False) or not dot
    return first, whole


def _is_taken(name: str, first: dict[str, bool], whole: set[str]) -> bool:
    # A short name may be any of those with a domain, and the other way round.
    spelling = _spelling(name)
    label, dot, _ = spelling.partition(".")
    return spelling in whole or (first.get(label, False) if dot else label in first)


def _spelling(name: str) -> str:
    """One form of what people take for one name: DNS knows no case, and web2 is web02."""
    lower = name.strip().removesuffix(".").lower()
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", lower)


def _domain(host: Host) -> str | None:
    """What follows the host's name in its address, with the dot; empty where nothing does."""
    name, address = host.name.lower(), host.address.removesuffix(".")
    if is_address(address) or "." not in address:
        return None
    if address.lower() == name:
        return ""
    return address[len(name) :] if address.lower().startswith(f"{name}.") else None


def is_address(text: str) -> bool:
    """Whether a host's address is an IP address, and no name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Shape:
    """A name around its number: web01-fra.example.com is "web", 01 and "-fra.example.com"."""

    before: str
    number: int
    width: int
    after: str

    def with_number(self, number: int) -> str:
        digits = f"{number:0{self.width}d}"
        label_end, _, domain = self.after.partition(".")
        used = len(digits) + len(label_end)
        room = min(_LABEL - used, _NAME - used - len(domain) - bool(domain))
        return f"{self.before[: max(room, 0)]}{digits}{self.after}"


def _shape(name: str) -> _Shape:
    if is_address(name):
        return _Shape("server", 0, 1, "")
    label, dot, domain = name.partition(".")
    numbers = list(_NUMBER.finditer(label))
    if not numbers:
        return _Shape(label, 1, 1, dot + domain)
    found = numbers[-1]
    after = label[found.end() :] + dot + domain
    return _Shape(label[: found.start()], int(found[0]), len(found[0]), after)
