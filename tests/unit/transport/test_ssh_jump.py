"""The way over other hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.host import Deadlines, Host
from engine.shell import Script
from engine.transport import failures
from engine.transport.failures import as_failure
from tests.unit.transport.servers import Odd, free_port, odd_host, odd_server, transport_to

HELLO = Script("hello.sh", "echo hello")


class Trio:
    """A target and two jump hosts."""

    def __init__(self, place: Path, target: Odd, first: Odd, second: Odd) -> None:
        self.place, self.target, self.first, self.second = place, target, first, second

    def host(self, which: str, **changes: object) -> Host:
        host = odd_host(self.place, getattr(self, which), which)
        return replace(host, **changes)  # type: ignore[arg-type]

    def alias(self, which: str) -> str:
        return f"ops@127.0.0.1:{getattr(self, which).port}"

    def config(self, text: str = "") -> Path:
        file = self.place / "config"
        self.host("target"), self.host("first"), self.host("second")  # their keys become known
        file.write_text(
            f"{text}\nHost *\n  IdentityFile {self.place}/id_ed25519\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.place}/known_hosts_odd\n"
        )
        return file


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    async with (
        odd_server(tmp_path) as target,
        odd_server(tmp_path) as first,
        odd_server(tmp_path) as second,
    ):
        yield Trio(tmp_path, target, first, second)


async def test_by_another_host_of_the_inventory(trio: Trio) -> None:
    first = trio.host("first")
    async with transport_to(first) as transport:
        done = await transport.run(trio.host("target", jump="first"), HELLO, deadline_s=60)
        assert done.stdout == b"hello\n"
        assert (trio.first.connections, trio.target.connections) == (1, 1)
        # its connection is the one that its own scripts use
        await transport.run(first, HELLO, deadline_s=60)
        assert trio.first.connections == 1


async def test_by_a_chain_of_hosts_of_the_inventory(trio: Trio) -> None:
    first, second = trio.host("first"), trio.host("second", jump="first")
    async with transport_to(first, second) as transport:
        done = await transport.run(trio.host("target", jump="second"), HELLO, deadline_s=60)
        assert done.stdout == b"hello\n"
    assert (trio.first.connections, trio.second.connections) == (1, 1)


@pytest.mark.parametrize("where", ["inventory", "configuration"])
async def test_by_aliases_one_after_the_other(where: str, trio: Trio) -> None:
    chain = f"{trio.alias('first')},{trio.alias('second')}"
    target = trio.host("target", jump=chain if where == "inventory" else None, address="target")
    jump = "" if where == "inventory" else f"  ProxyJump {chain}\n"
    config = trio.config(f"Host target\n  HostName 127.0.0.1\n{jump}")
    async with transport_to(config=config) as transport:
        done = await transport.run(target, HELLO, deadline_s=60)
        assert done.stdout == b"hello\n"
    assert (trio.first.connections, trio.second.connections) == (1, 1)


async def test_the_inventory_can_say_that_there_is_none(trio: Trio) -> None:
    config = trio.config(f"Host target\n  HostName 127.0.0.1\n  ProxyJump {trio.alias('first')}\n")
    target = trio.host("target", jump="none", address="target")
    async with transport_to(config=config) as transport:
        await transport.run(target, HELLO, deadline_s=60)
    assert trio.first.connections == 0


async def test_a_jump_host_that_can_not_be_reached_is_named(trio: Trio) -> None:
    first = trio.host("first", port=free_port())
    async with transport_to(first) as transport:
        with pytest.raises(failures.JumpFailed, match=r"jump host first can't.*refused") as caught:
            await transport.run(trio.host("target", jump="first"), HELLO, deadline_s=60)
    assert caught.value.kind == "jump"
    assert isinstance(caught.value.cause, failures.ConnectionRefused)
    assert caught.value.hint == caught.value.cause.hint


async def test_a_host_that_the_jump_host_can_not_reach_is_named(trio: Trio) -> None:
    target = trio.host("target", jump="first", port=free_port())
    async with transport_to(trio.host("first")) as transport:
        with pytest.raises(failures.JumpFailed, match=r"first could not connect to target"):
            await transport.run(target, HELLO, deadline_s=60)


async def test_an_unknown_key_of_a_jump_host_is_asked_for_like_any_other(trio: Trio) -> None:
    known = trio.place / "known"
    first = trio.host("first", known_hosts=known)
    async with transport_to(first) as transport:
        target = trio.host("target", jump="first")
        with pytest.raises(failures.UnknownHostKey, match="key of first") as caught:
            await transport.run(target, HELLO, deadline_s=60)
        failure = as_failure(caught.value)
        assert failure.host_key is not None
        assert failure.host_key.host == "first"
        transport.accept_host_keys([failure.host_key])
        assert (await transport.run(target, HELLO, deadline_s=60)).stdout == b"hello\n"


async def test_a_way_that_leads_in_a_circle_ends(trio: Trio) -> None:
    first, second = trio.host("first", jump="second"), trio.host("second", jump="first")
    async with transport_to(first, second) as transport:
        with pytest.raises(failures.JumpFailed, match="in a circle"):
            await asyncio.wait_for(transport.run(first, HELLO, deadline_s=60), 60)


async def test_nonsense_is_no_jump_host(trio: Trio) -> None:
    async with transport_to() as transport:
        with pytest.raises(failures.JumpFailed, match="is no jump host"):
            await transport.run(trio.host("target", jump="a b:c@"), HELLO, deadline_s=60)


async def test_few_connections_are_made_at_once_through_one_jump_host(trio: Trio) -> None:
    async def slow() -> None:
        await asyncio.sleep(0.05)

    trio.target.before_auth = slow
    hosts = [replace(trio.host("target", jump="first"), name=f"h{n}") for n in range(12)]
    async with transport_to(trio.host("first"), max_per_jump=3) as transport:
        await asyncio.gather(*(transport.run(host, HELLO, deadline_s=60) for host in hosts))
    assert trio.first.connections == 1
    assert trio.target.connections == 12
    assert trio.target.most <= 3


async def test_waiting_for_a_jump_host_takes_no_place_that_it_needs(trio: Trio) -> None:
    hosts = [replace(trio.host("target", jump="first"), name=f"h{n}") for n in range(6)]
    async with transport_to(trio.host("first"), max_connects=1) as transport:
        await asyncio.wait_for(
            asyncio.gather(*(transport.run(host, HELLO, deadline_s=60) for host in hosts)), 60
        )


async def test_a_jump_host_that_hangs_has_a_deadline_of_its_own(trio: Trio) -> None:
    async def hang() -> None:
        await asyncio.sleep(1000)

    trio.first.before_auth = hang
    first = trio.host("first", deadlines=Deadlines(connect_s=0.5))
    async with transport_to(first) as transport:
        with pytest.raises(failures.JumpFailed, match=r"first.*within 0\.5 s"):
            await transport.run(trio.host("target", jump="first"), HELLO, deadline_s=60)
