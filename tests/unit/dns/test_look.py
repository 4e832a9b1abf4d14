"""Which servers are asked, and how replies become one answer."""

from __future__ import annotations

from engine.clock import FixedClock
from engine.dns import Problem, Server, look, reverse_name
from engine.dns.look import joined
from engine.dns.servers import merged
from engine.dns.values import Records, Reply
from engine.inventory.value import Zone
from tests.unit.builders import NOW
from tests.unit.dns.servers import (
    OLD,
    PRIMARY,
    RESOLVER,
    SECONDARY,
    WWW,
    ZONE,
    Memory,
    MemoryWire,
    a,
)

NS = Records(ZONE, "NS", 300, ("ns1.example.com", "ns2.example.com"))
GLUE = [a(PRIMARY.address, name="ns1.example.com"), a(SECONDARY.address, name="ns2.example.com")]


def wire() -> MemoryWire:
    return MemoryWire(
        primary=Memory([NS, *GLUE, a(OLD)], serial=7),
        secondary=Memory([a(OLD)], serial=6),
        resolver=Memory([NS, a(OLD, ttl=12)], authoritative=False),
    )


async def test_the_primary_the_ns_set_and_the_watched_each_once() -> None:
    zone = Zone(ZONE, PRIMARY.address, watch=(RESOLVER.address, SECONDARY.address))
    seen = await look(wire(), FixedClock(NOW), zone, [WWW])
    assert seen.problems == ()
    assert seen.servers == (PRIMARY, SECONDARY, RESOLVER)
    assert [(x.serial, x.authoritative, x.shown) for x in seen.answers] == [
        (7, True, f"A {OLD} (TTL 300)"),
        (6, True, f"A {OLD} (TTL 300)"),
        (1, False, f"A {OLD} (TTL 12)"),
    ]


async def test_a_zone_with_a_command_is_found_by_this_machines_resolver() -> None:
    found = wire()
    found.names = {"ns1.example.com": (PRIMARY.address,), "ns2.example.com": (SECONDARY.address,)}
    seen = await look(found, FixedClock(NOW), Zone(ZONE, command="./change.sh"), [WWW])
    assert [(s.address, s.role) for s in seen.servers] == [
        (PRIMARY.address, "listed"),
        (SECONDARY.address, "listed"),
    ]


async def test_a_primary_that_is_down_hides_no_other_server() -> None:
    found = wire()
    silent = Problem("timeout", "no answer", "wait")
    found.servers[PRIMARY.address].problem = silent
    found.names = {"ns1.example.com": (PRIMARY.address,), "ns2.example.com": (SECONDARY.address,)}
    zone = Zone(ZONE, PRIMARY.address, watch=(RESOLVER.address,))
    seen = await look(found, FixedClock(NOW), zone, [WWW])
    assert seen.problems == (silent,)
    assert seen.servers == (PRIMARY, SECONDARY, RESOLVER)
    assert [answer.answered for answer in seen.answers] == [False, True, True]


async def test_a_zone_that_nobody_knows() -> None:
    seen = await look(
        wire(), FixedClock(NOW), Zone("example.net", command="./change.sh"), ["a.example.net"]
    )
    assert (seen.servers, [p.kind for p in seen.problems]) == ((), ["no-zone"])
    at_primary = await look(wire(), FixedClock(NOW), Zone("example.net", PRIMARY.address), [])
    assert [p.kind for p in at_primary.problems] == ["no-zone"]
    assert PRIMARY.address in at_primary.problems[0].message


async def test_a_name_server_without_an_address_is_named() -> None:
    found = wire()
    found.servers[PRIMARY.address].records.remove(GLUE[1])
    seen = await look(found, FixedClock(NOW), Zone(ZONE, PRIMARY.address), [WWW])
    assert [p.kind for p in seen.problems] == ["no-address"]
    assert "ns2.example.com" in seen.problems[0].message
    assert seen.servers == (PRIMARY,)


async def test_a_server_of_the_ns_set_that_holds_no_zone_is_lame() -> None:
    found = wire()
    found.servers[SECONDARY.address].authoritative = False
    seen = await look(found, FixedClock(NOW), Zone(ZONE, PRIMARY.address), [WWW])
    lame = next(x for x in seen.answers if x.server == SECONDARY)
    assert (lame.problem and lame.problem.kind, lame.answered) == ("lame", False)


def test_merging_keeps_the_first_role_and_the_best_name() -> None:
    by_address = Server("192.0.2.53", "192.0.2.53", role="primary")
    assert merged([by_address], [Server("ns1", "192.0.2.53")]) == (
        Server("ns1", "192.0.2.53", role="primary"),
    )
    hidden = Server("ns0", "192.0.2.53", 5353, "primary")
    assert len(merged([hidden], [Server("ns1", "192.0.2.53")])) == 2


def test_a_chain_of_aliases_ends_also_where_it_loops() -> None:
    def alias(name: str, to: str) -> Records:
        return Records(name, "CNAME", 5, (to,))

    chain = (alias("a", "b"), alias("b", "c"), a(OLD, name="c"))
    answer = joined(PRIMARY, ZONE, "a", NOW, [Reply("NOERROR", True, chain)], None)
    assert (answer.addresses, answer.records) == ((OLD,), (alias("a", "b"),))
    loop = (alias("a", "b"), alias("b", "a"))
    assert joined(PRIMARY, ZONE, "a", NOW, [Reply("NOERROR", True, loop)], None).addresses == ()


def test_a_name_that_has_one_type_alone_exists() -> None:
    replies = [Reply("NOERROR", True, (a(OLD),)), Reply("NOERROR", True)]
    answer = joined(PRIMARY, ZONE, WWW, NOW, replies, Reply("SERVFAIL"))
    assert (answer.rcode, answer.serial, answer.answered) == ("NOERROR", None, True)
    half = joined(PRIMARY, ZONE, WWW, NOW, [replies[0], Reply("SERVFAIL", True)], None)
    assert not half.answered


def test_reverse_names() -> None:
    assert reverse_name("192.0.2.1") == "1.2.0.192.in-addr.arpa"
    assert reverse_name("2001:db8::1").startswith("1.0.0.0.")
    assert reverse_name("2001:db8::1").endswith(".8.b.d.0.1.0.0.2.ip6.arpa")
