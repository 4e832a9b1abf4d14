"""Which names a look finds taken in the DNS, and when nobody is asked."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from engine.facts.successor_names import MOST, taken_in_dns
from engine.inventory import Inventory
from engine.model.facts import BuiltSuccessor
from engine.model.host import Host
from engine.transport import resolving
from tests.unit.builders import host, replaceable
from tests.unit.facts.probed import FakeTransport, apt_answer, session

OLD = replaceable()


class Dns:
    """A resolver that knows some names, and what it was asked."""

    def __init__(self, *names: str, silent: bool = False, every: bool = False) -> None:
        self.names, self.silent, self.every = names, silent, every
        self.asked: list[str] = []

    async def resolves(self, name: str) -> bool | None:
        self.asked.append(name)
        return None if self.silent else self.every or name in self.names


async def taken(
    tmp_path: Path, dns: Dns, old: Host = OLD, *others: Host, built: BuiltSuccessor | None = None
) -> tuple[str, ...] | None:
    known = session(FakeTransport(apt_answer), tmp_path)
    known.inventory = Inventory(tmp_path / "inventory.toml", (old, *others))
    known.resolves = dns.resolves
    return await taken_in_dns(known, old, built)


async def test_the_dns_is_asked_until_a_name_is_free(tmp_path: Path) -> None:
    dns = Dns("server2.example.com", "server4.example.com")
    found = await taken(tmp_path, dns, OLD, host("server3"))
    assert found == ("server2.example.com", "server4.example.com")
    assert dns.asked == [f"server{n}.example.com" for n in (2, 4, 5)], "the inventory has server3"


async def test_the_name_of_what_an_earlier_try_has_built_is_not_taken(tmp_path: Path) -> None:
    dns = Dns("server2.example.com")
    built = BuiltSuccessor("server2", "192.0.2.2")
    assert await taken(tmp_path, dns, built=built) == ()
    strange = replace(built, name="db7")
    assert await taken(tmp_path, dns, built=strange) == ("server2.example.com",)


@pytest.mark.parametrize("dns", [Dns(silent=True), Dns(every=True)])
async def test_nothing_is_guessed(tmp_path: Path, dns: Dns) -> None:
    assert await taken(tmp_path, dns) is None
    assert len(dns.asked) <= MOST


@pytest.mark.parametrize(
    "old",
    [
        host(services=OLD.services),  # nobody could build it
        replace(OLD, retiring=True),
        replace(OLD, address="192.0.2.1"),
    ],
)
async def test_a_host_that_gets_no_name_in_the_dns_asks_for_none(tmp_path: Path, old: Host) -> None:
    dns = Dns(every=True)
    assert not await taken(tmp_path, dns, old)
    assert dns.asked == []


@pytest.mark.parametrize(
    ("says", "known"),
    [
        (None, True),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), False),
        (socket.gaierror(socket.EAI_AGAIN, "later"), None),
        (TimeoutError(), None),
        (UnicodeError("label too long"), None),
    ],
)
async def test_only_a_clear_no_is_a_no(
    monkeypatch: pytest.MonkeyPatch, says: Exception | None, known: bool | None
) -> None:
    async def answer(name: str, *_: object, **__: object) -> list[object]:
        assert name == "server2.example.com."
        if says is not None:
            raise says
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
    assert await resolving.resolves("server2.example.com") is known
