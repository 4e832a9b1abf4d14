"""Name servers in memory, and the wire to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from engine.dns import problems
from engine.dns.values import Key, Limits, Problem, Records, Reply, Sent, Server, Type, Update

ZONE = "example.com"
WWW = "www.example.com"
OLD, NEW, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.9"
PRIMARY = Server("ns1.example.com", "192.0.2.53", role="primary")
SECONDARY = Server("ns2.example.com", "192.0.2.54")
RESOLVER = Server("198.51.100.1", "198.51.100.1", role="watched")


def a(address: str = OLD, ttl: int = 300, name: str = WWW) -> Records:
    """An A record."""
    return Records(name, "A", ttl, (address,))


@dataclass
class Memory:
    """One server: its records, and how it misbehaves."""

    records: list[Records] = field(default_factory=list)
    serial: int = 1
    authoritative: bool = True
    problem: Problem | None = None
    rcode: str | None = None
    sent: Sent | None = None

    def of(self, name: str, kind: Type) -> Records | None:
        return next((r for r in self.records if (r.name, r.type) == (name, kind)), None)

    def apply(self, update: Update) -> str:
        """RFC 2136 section 3, as far as our messages go."""
        for wanted in update.present:
            found = self.of(wanted.name, wanted.type)
            if found is None or found.values != wanted.values:
                return "NXRRSET"
        for name, kind in update.absent:
            if self.of(name, kind) is not None:
                return "YXRRSET"
        self.records = [r for r in self.records if (r.name, r.type) not in update.remove]
        for new in update.add:
            others = [r for r in self.records if r.name == new.name and r.type != new.type]
            alias = [r for r in others if r.type == "CNAME"]
            if (new.type == "CNAME" and others) or alias:
                continue  # section 3.4.2.2: left out, without a word
            found = self.of(new.name, new.type)
            if found is not None:
                self.records.remove(found)
                new = replace(new, values=tuple(sorted({*found.values, *new.values})))
            self.records.append(new)
        self.serial += 1
        return "NOERROR"


class MemoryWire:
    """The wire to servers in memory."""

    def __init__(self, **servers: Memory) -> None:
        by_name = {"primary": PRIMARY, "secondary": SECONDARY, "resolver": RESOLVER}
        self.limits = Limits()
        self.servers = {by_name[name].address: memory for name, memory in servers.items()}
        self.sent: list[Update] = []
        self.before_update: Callable[[], None] = lambda: None
        self.names: dict[str, tuple[str, ...]] = {}

    async def ask(self, server: Server, name: str, kind: Type, *, recurse: bool = False) -> Reply:
        memory = self.servers[server.address]
        if memory.problem is not None:
            return Reply(problem=memory.problem)
        if memory.rcode is not None:
            return Reply(memory.rcode, problem=problems.asked(server, memory.rcode))
        if kind == "SOA":
            text = f"ns1.example.com. admin.example.com. {memory.serial} 3600 600 86400 60"
            return Reply("NOERROR", memory.authoritative, (Records(name, "SOA", 300, (text,)),))
        chain: list[Records] = []
        while (alias := memory.of(name, "CNAME")) is not None and alias not in chain:
            chain.append(alias)
            name = alias.values[0]
        found = memory.of(name, kind)
        exists = chain or any(r.name == name for r in memory.records)
        answer = (*chain, *([found] if found is not None and found not in chain else []))
        return Reply("NOERROR" if exists else "NXDOMAIN", memory.authoritative, answer)

    async def update(self, server: Server, update: Update, key: Key | None) -> Sent:
        self.before_update()
        memory = self.servers[server.address]
        self.sent.append(update)
        if memory.sent is not None:
            if memory.sent.arrived is None and memory.sent.rcode == "made":
                memory.apply(update)
                return replace(memory.sent, rcode=None)
            return memory.sent
        rcode = memory.apply(update)
        return Sent(True, rcode, problems.updated(server, update.zone, rcode, key))

    async def addresses(self, name: str) -> tuple[str, ...] | Problem:
        if name.replace(".", "").isdigit():
            return (name,)
        return self.names.get(name) or problems.unnamed(name, "nobody knows it")

    def resolvers(self) -> tuple[Server, ...]:
        return (RESOLVER,)
