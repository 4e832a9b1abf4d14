"""What the DNS room speaks of, as immutable values. All text in them is cleaned and bounded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from engine.inventory.value import KeyAlgorithm
from engine.shell import Secret

Type = Literal["A", "AAAA", "CNAME", "PTR", "TXT", "NS", "SOA"]
ADDRESSES: tuple[Type, ...] = ("A", "AAAA")
Role = Literal["primary", "listed", "watched"]
"""``primary``: the inventory's server; ``listed``: of the zone's NS set; ``watched``: of the
inventory's watch list, a secondary or a resolver."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds within which one exchange must end, and how many may be under way at once."""

    ask_s: float = 5.0
    update_s: float = 15.0
    at_once: int = 16


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer is none, or an update was not taken.

    Attributes:
        kind: A short stable word: ``timeout``, ``refused``, ``lame``, ``badkey`` ... (docs/dns.md).
        hint: What the reader can do now.
    """

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is asked directly.

    Attributes:
        name: As people know it: a name of the NS set, or what the inventory says.
        address: An IP address.
    """

    name: str
    address: str
    port: int = 53
    role: Role = "listed"

    @property
    def shown(self) -> str:
        """Its name, with the address where that says more."""
        where = self.address if self.port == 53 else f"{self.address} port {self.port}"
        return where if self.name == self.address else f"{self.name} ({where})"


@dataclass(frozen=True, slots=True)
class Records:
    """An RRset. `records` makes one from what a person or a program says.

    Attributes:
        name: Lower case, without the final dot.
        ttl: Seconds; at a resolver what is left of them.
        values: Sorted. Names as ``name``, addresses in their canonical form (RFC 5952), other data
            as RFC 1035 section 5 writes it.
    """

    name: str
    type: Type
    ttl: int
    values: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The records in words, such as ``A 192.0.2.1 (TTL 300)``."""
        return f"{self.type} {', '.join(self.values)} (TTL {self.ttl})"


@dataclass(frozen=True, slots=True)
class Reply:
    """What one server answered to one question.

    Attributes:
        rcode: Such as ``NOERROR``; None where there was no answer.
        answer: The answer section, with the records that a CNAME leads to.
        more: The additional section: addresses of name servers.
    """

    rcode: str | None = None
    authoritative: bool = False
    answer: tuple[Records, ...] = ()
    more: tuple[Records, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A TSIG key (RFC 8945); its secret is base64 text that nothing shows."""

    name: str
    algorithm: KeyAlgorithm
    secret: Secret


@dataclass(frozen=True, slots=True)
class Update:
    """The content of one RFC 2136 message: all of it is carried out, or nothing.

    Attributes:
        present: RRsets that must be there with just these values (section 2.4.2).
        absent: Names and types of which no RRset may be there (section 2.4.3).
        remove: RRsets that go (section 2.5.2), before
        add: these come (section 2.5.1).
    """

    zone: str
    present: tuple[Records, ...] = ()
    absent: tuple[tuple[str, Type], ...] = ()
    remove: tuple[tuple[str, Type], ...] = ()
    add: tuple[Records, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message that was to be sent.

    Attributes:
        arrived: None: nobody knows whether the server has it.
        rcode: The server's answer; None where there was none, or none that can be trusted.
    """

    arrived: bool | None
    rcode: str | None = None
    problem: Problem | None = None


class Wire(Protocol):
    """The way to the servers; everything has a deadline, nothing raises for what a server does."""

    limits: Limits

    async def ask(self, server: Server, name: str, kind: Type, *, recurse: bool = False) -> Reply:
        """Ask one server one question."""

    async def update(self, server: Server, update: Update, key: Key | None) -> Sent:
        """Send one update.

        Raises:
            ReadOnlyError: this hostshift is read-only; nothing was sent.
        """

    async def addresses(self, name: str) -> tuple[str, ...] | Problem:
        """The addresses of a name or address, IPv4 first, as this machine looks names up."""

    def resolvers(self) -> tuple[Server, ...]:
        """The resolvers that this machine asks."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server says of one name.

    Attributes:
        rcode: None where there was no answer.
        authoritative: The server itself holds the zone; a resolver doesn't.
        records: The RRsets at the name itself.
        addresses: Where it leads: its own addresses, or those behind its CNAME that the answer
            held.
        serial: Of the zone at this server.
        negative_ttl: Seconds for which caches may remember that there is no such record.
        problem: Why this answer can't be counted on; records may be there nevertheless.
    """

    server: Server
    name: str
    asked_at: datetime
    rcode: str | None = None
    authoritative: bool | None = None
    records: tuple[Records, ...] = ()
    addresses: tuple[str, ...] = ()
    serial: int | None = None
    negative_ttl: int | None = None
    problem: Problem | None = None

    def of(self, kind: Type) -> Records | None:
        """The RRset of one type at the name itself."""
        return next((r for r in self.records if r.type == kind), None)

    @property
    def answered(self) -> bool:
        """Whether what it says of the records can be counted on."""
        return self.problem is None and self.rcode in ("NOERROR", "NXDOMAIN")

    @property
    def shown(self) -> str:
        """The answer in words."""
        if self.records:
            to = f", to {', '.join(self.addresses)}" if self.of("CNAME") and self.addresses else ""
            return "; ".join(found.shown for found in self.records) + to
        if not self.answered:
            return self.problem.message if self.problem is not None else f"{self.rcode}"
        return "no such name" if self.rcode == "NXDOMAIN" else "no such record"


@dataclass(frozen=True, slots=True)
class Edit:
    """One RRset of a change: what is there, and what shall be. None: no such RRset."""

    name: str
    type: Type
    old: Records | None
    new: Records | None

    @property
    def shown(self) -> str:
        """The edit in words, such as ``a.example.com: A 192.0.2.1 (TTL 5) -> none``."""
        sides = (part.shown if part is not None else "none" for part in (self.old, self.new))
        return f"{self.name}: {' -> '.join(sides)}"


@dataclass(frozen=True, slots=True)
class Change:
    """The plan of one update of one zone."""

    zone: str
    edits: tuple[Edit, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it touches, each once."""
        return tuple(dict.fromkeys(edit.name for edit in self.edits))


def listed(answers: Iterable[Answer]) -> list[Answer]:
    """Those of the zone's own servers."""
    return [answer for answer in answers if answer.server.role != "watched"]
