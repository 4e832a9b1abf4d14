"""The wire against sockets of the tests' own that answer what they are told to."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import dns.tsig
import dns.update
import pytest

from engine.dns import Key, Limits, Records, Server, open_wire
from engine.dns.values import Reply, Sent, Type, Update
from engine.errors import ReadOnlyError
from engine.shell import Secret
from tests.unit.dns.servers import NEW, OLD, WWW, ZONE, a

QUICK = Limits(ask_s=0.3, update_s=0.3)
PATIENT = Limits(ask_s=30, update_s=30)
UPDATE = Update(ZONE, (a(OLD),), ((WWW, "AAAA"),), ((WWW, "A"),), (a(NEW),))
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
KEY = Key("hostshift", "hmac-sha256", Secret(SECRET))
KEYRING = {dns.name.from_text("hostshift"): dns.tsig.Key("hostshift.", SECRET, "hmac-sha256.")}

Says = Callable[[bytes], "bytes | None"]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, says: Says) -> None:
        self._says = says
        self.heard = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard += 1
        answer = self._says(data)
        if answer is not None:
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def listening(udp: Says, tcp: Says) -> AsyncIterator[tuple[Server, _Datagrams]]:
    """A server on loopback; TCP is closed without an answer where there is none."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = tcp(await reader.readexactly(size))
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
        writer.close()

    streams = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = streams.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Datagrams(udp), local_addr=("127.0.0.1", port)
    )
    try:
        yield Server("ns", "127.0.0.1", port), protocol
    finally:
        transport.close()
        streams.close()
        await streams.wait_closed()


def reply(data: bytes, *records: str, rcode: str = "NOERROR", flags: int = 0) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(data))
    answer.flags |= flags
    answer.set_rcode(dns.rcode.from_text(rcode))
    for text in records:
        name, ttl, kind, value = text.split(" ", 3)
        answer.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, value))
    return answer.to_wire()


def nothing(_: bytes) -> None:
    return None


async def asked(
    udp: Says, tcp: Says = nothing, kind: Type = "A", limits: Limits = PATIENT
) -> Reply:
    async with listening(udp, tcp) as (server, _):
        return await open_wire(limits, read_only=False).ask(server, WWW, kind)


async def updated(tcp: Says, key: Key | None = None, limits: Limits = PATIENT) -> Sent:
    async with listening(nothing, tcp) as (server, protocol):
        sent = await open_wire(limits, read_only=False).update(server, UPDATE, key)
        assert protocol.heard == 0, "an update never goes by UDP"
        return sent


async def test_an_answer_as_a_value() -> None:
    def says(data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        assert not query.flags & dns.flags.RD
        return reply(
            data,
            "WWW.example.com. 300 CNAME Server1.example.com.",
            "server1.example.com. 60 AAAA 2001:db8:0:0::1",
            flags=dns.flags.AA,
        )

    found = await asked(says, kind="AAAA")
    assert (found.rcode, found.authoritative, found.problem) == ("NOERROR", True, None)
    assert found.answer == (
        Records(WWW, "CNAME", 300, ("server1.example.com",)),
        Records("server1.example.com", "AAAA", 60, ("2001:db8::1",)),
    )


async def test_a_long_answer_comes_by_tcp() -> None:
    found = await asked(
        lambda data: reply(data, flags=dns.flags.TC),
        lambda data: reply(data, f"{WWW}. 300 A {OLD}"),
    )
    assert found.answer == (a(OLD),)


async def test_a_lost_datagram_is_sent_again() -> None:
    answers = iter((None, "now"))

    def says(data: bytes) -> bytes | None:
        return reply(data, f"{WWW}. 300 A {OLD}") if next(answers) else None

    assert (await asked(says, limits=Limits(ask_s=3))).answer == (a(OLD),)


async def test_what_a_host_sends_obeys_nothing() -> None:
    found = await asked(lambda data: reply(data, f'{WWW}. 300 TXT "\\027[31mred\\000"'), kind="TXT")
    (text,) = (value for records in found.answer for value in records.values)
    assert text.isprintable()


@pytest.mark.parametrize(
    ("rcode", "kind"), [("REFUSED", "refused"), ("SERVFAIL", "servfail"), ("NOTIMP", "notimp")]
)
async def test_a_server_that_says_no(rcode: str, kind: str) -> None:
    found = await asked(lambda data: reply(data, rcode=rcode))
    assert (found.rcode, found.problem and found.problem.kind) == (rcode, kind)


async def test_an_absent_name_is_an_answer() -> None:
    found = await asked(lambda data: reply(data, rcode="NXDOMAIN"))
    assert (found.rcode, found.problem) == ("NXDOMAIN", None)


@pytest.mark.parametrize("noise", [b"", b"x", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_silence_and_noise_end_at_the_deadline(noise: bytes) -> None:
    for says in (nothing, lambda _: noise):
        found = await asked(says, limits=QUICK)
        assert found.problem is not None
        assert found.problem.kind == "timeout"


async def test_nothing_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    server = Server("ns", "127.0.0.1", port)
    found = await open_wire(PATIENT, read_only=False).ask(server, WWW, "A")
    assert found.problem is not None
    assert found.problem.kind == "not-listening"
    sent = await open_wire(PATIENT, read_only=False).update(server, UPDATE, None)
    assert sent.arrived is False
    assert sent.problem is not None
    assert sent.problem.kind == "not-listening"


async def test_an_update_holds_prerequisites_and_changes_in_one_message() -> None:
    heard: list[dns.message.Message] = []

    def says(data: bytes) -> bytes:
        message = dns.message.from_wire(data, keyring=KEYRING)
        heard.append(message)
        return dns.message.make_response(message).to_wire()

    assert await updated(says, KEY) == Sent(True, "NOERROR")
    (message,) = heard
    assert isinstance(message, dns.update.UpdateMessage)
    assert message.had_tsig
    assert message.keyname == dns.name.from_text("hostshift")
    assert [str(rrset) for rrset in message.prerequisite] == [
        f"{WWW}. 0 IN A {OLD}",
        f"{WWW}. NONE AAAA",
    ]
    assert [str(rrset) for rrset in message.update] == [
        f"{WWW}. ANY A",
        f"{WWW}. 300 IN A {NEW}",
    ]


async def test_an_answer_that_nobody_vouches_for_is_not_believed() -> None:
    def says(data: bytes) -> bytes:
        message = dns.message.from_wire(data, keyring=KEYRING)
        unsigned = dns.update.UpdateMessage(ZONE, id=message.id)
        unsigned.flags |= dns.flags.QR
        return unsigned.to_wire()

    sent = await updated(says, KEY)
    assert (sent.arrived, sent.rcode) == (None, None)
    assert sent.problem is not None
    assert sent.problem.kind == "untrusted"


@pytest.mark.parametrize(
    ("error", "kind"), [(16, "badsig"), (17, "badkey"), (18, "badtime"), (22, "badtrunc")]
)
async def test_errors_of_tsig(error: int, kind: str) -> None:
    def says(data: bytes) -> bytes:
        message = dns.message.from_wire(data, keyring=KEYRING)
        answer = dns.message.make_response(message, tsig_error=error)
        answer.set_rcode(dns.rcode.NOTAUTH)
        return answer.to_wire()

    sent = await updated(says, KEY)
    assert (sent.arrived, sent.rcode, sent.problem and sent.problem.kind) == (
        True,
        kind.upper(),
        kind,
    )


async def test_whether_it_arrived_is_not_known() -> None:
    for says in (nothing, lambda data: reply(data)[:5]):
        sent = await updated(says)
        assert (sent.arrived, sent.rcode) == (None, None)
        assert sent.problem is not None
        assert "is not known" in sent.problem.message


async def test_a_server_that_takes_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        server = Server("ns", "127.0.0.1", deaf.getsockname()[1])
        sent = await open_wire(QUICK, read_only=False).update(server, UPDATE, KEY)
    assert (sent.arrived, sent.problem and sent.problem.kind) == (None, "lost")


async def test_no_more_at_once_than_allowed() -> None:
    under_way = most = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        size = int.from_bytes(await reader.readexactly(2), "big")
        data = await reader.readexactly(size)
        await asyncio.sleep(0)
        answer = reply(data)
        under_way -= 1
        writer.write(len(answer).to_bytes(2, "big") + answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as streams:
        server = Server("ns", "127.0.0.1", streams.sockets[0].getsockname()[1])
        wire = open_wire(Limits(update_s=30, at_once=2), read_only=False)
        sent = await asyncio.gather(*(wire.update(server, UPDATE, None) for _ in range(10)))
    assert [one.rcode for one in sent] == ["NOERROR"] * 10
    assert most == 2


async def test_addresses_of_names() -> None:
    wire = open_wire(PATIENT, read_only=False)
    assert await wire.addresses("2001:db8::1") == ("2001:db8::1",)
    found = await wire.addresses("localhost")
    assert isinstance(found, tuple)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert found


async def test_read_only_sends_no_update_and_asks_all_the_same() -> None:
    heard: list[bytes] = []
    async with listening(lambda data: reply(data, f"{WWW}. 300 A {OLD}"), heard.append) as (
        server,
        _,
    ):
        wire = open_wire(PATIENT, read_only=True)
        with pytest.raises(ReadOnlyError):
            await wire.update(server, UPDATE, KEY)
        assert (await wire.ask(server, WWW, "A")).answer == (a(OLD),)
    assert heard == []
