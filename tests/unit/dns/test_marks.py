"""Records that hold a host's address and don't move with its services' names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.dns.marks import MOST, Mark, marks
from engine.dns.survey import Named, Place, Survey
from engine.dns.values import Problem, Records
from tests.unit.dns.servers import OLD, PRIMARY, RESOLVER, WWW, ZONE, Memory, MemoryWire

SILENT = Problem("timeout", "no answer", "wait")
REVERSE = Records("1.2.0.192.in-addr.arpa", "PTR", 300, ("server1.example.com",))


def survey(name: str = WWW) -> Survey:
    named = Named("web", name, Place("server1", OLD, (OLD,)), ZONE, (), "leads-there")
    return Survey((named,), {ZONE: (PRIMARY, RESOLVER)}, ())


def spf(text: str, name: str = ZONE) -> Records:
    return Records(name, "TXT", 300, (text,))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('"v=spf1 ip4:192.0.2.1 -all"', "ip4:192.0.2.1"),
        ('"v=spf1 a mx ~ip4:192.0.2.0/24 -all"', "~ip4:192.0.2.0/24"),
        ('"v=spf1 ip4:192." "0.2.1 -all"', "ip4:192.0.2.1"),
        ("V=SPF1 IP4:192.0.2.1", "IP4:192.0.2.1"),
        ('"v=spf1 ip4:198.51.100.0/24 a:www.example.com -all"', None),
        ('"v=spf1 ip4:nonsense ip6:2001:db8::/32 -all"', None),
        ('"v=spf10 ip4:192.0.2.1"', None),
        ('"google-site-verification=ip4:192.0.2.1"', None),
    ],
)
async def test_spf_at_the_names_and_above_them(text: str, part: str | None) -> None:
    for name in (ZONE, WWW):
        wire = MemoryWire(primary=Memory([spf(text, name)]), resolver=Memory())
        found = await marks(wire, survey(), [OLD])
        assert found == (() if part is None else (Mark("spf", name, OLD, part),))


async def test_reverse_names_are_asked_of_resolvers() -> None:
    wire = MemoryWire(primary=Memory(), resolver=Memory([REVERSE], authoritative=False))
    found = await marks(wire, survey(), [OLD, OLD, "$(id)", ""])
    assert found == (Mark("ptr", OLD, OLD, "server1.example.com"),)
    assert await marks(wire, survey(), [OLD], ["2.0.192.in-addr.arpa"]) == (), "the run makes it"
    assert await marks(wire, survey(), ["fe80::1%eth0"]) == ()


async def test_what_a_host_says_of_itself_is_bounded() -> None:
    every = [replace(REVERSE, name=f"{n}.2.0.192.in-addr.arpa") for n in range(1, 250)]
    wire = MemoryWire(primary=Memory(), resolver=Memory(every, authoritative=False))
    assert len(await marks(wire, survey(), [f"192.0.2.{n}" for n in range(1, 250)])) == MOST


async def test_what_nobody_says_is_no_mark() -> None:
    silent = MemoryWire(primary=Memory(problem=SILENT), resolver=Memory(problem=SILENT))
    assert await marks(silent, survey(), [OLD]) == ()
    cached = Memory([spf('"v=spf1 ip4:192.0.2.1"')], authoritative=False)
    half = MemoryWire(primary=Memory(problem=SILENT), resolver=cached)
    assert [m.kind for m in await marks(half, survey(), [OLD])] == ["spf"]
