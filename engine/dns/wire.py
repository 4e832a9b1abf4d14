"""Questions and updates on the network: the only importer of dnspython, and at first use.

A question goes by UDP, several times, and by TCP where the answer is too long. An update goes by
TCP, so that it can't arrive twice, and so that a connection that did not come about is known to
have sent nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from typing import Any, Final, get_args

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.inet
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.resolver
import dns.rrset
import dns.tsig
import dns.update

from engine.dns import problems
from engine.dns.names import canonical
from engine.dns.values import Key, Limits, Problem, Records, Reply, Sent, Server, Type, Update
from engine.errors import ReadOnlyError
from engine.text import clean_line

TRIES: Final = 3
"""A datagram that was lost is sent again, within the one deadline."""
MOST_RECORDS: Final = 100
_TYPES: Final = frozenset(get_args(Type))
_PEER_SAYS: Final[dict[type[Exception], str]] = {
    dns.tsig.PeerBadKey: "BADKEY",
    dns.tsig.PeerBadSignature: "BADSIG",
    dns.tsig.PeerBadTime: "BADTIME",
    dns.tsig.PeerBadTruncation: "BADTRUNC",
}
_SAID_NO = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})


class Network:
    """The real `Wire`; one of it bounds what is under way at once."""

    def __init__(self, limits: Limits, *, read_only: bool) -> None:
        self.limits = limits
        self._read_only = read_only
        self._slots = asyncio.Semaphore(limits.at_once)

    async def ask(self, server: Server, name: str, kind: Type, *, recurse: bool = False) -> Reply:
        """See `Wire.ask`."""
        query = dns.message.make_query(_name(name), kind)
        if not recurse:
            query.flags &= ~dns.flags.RD
        async with self._slots:
            try:
                async with asyncio.timeout(self.limits.ask_s):
                    message = await self._answer(query, server)
            except (TimeoutError, dns.exception.Timeout):
                return Reply(problem=problems.silent(server, self.limits.ask_s))
            except OSError as error:
                return Reply(problem=_unreachable(server, error))
            except (dns.exception.DNSException, EOFError, ValueError) as error:
                return Reply(problem=problems.garbled(server, _words(error)))
        rcode = dns.rcode.to_text(message.rcode())
        return Reply(
            rcode,
            bool(message.flags & dns.flags.AA),
            _records(message.answer),
            _records(message.additional),
            problems.asked(server, rcode),
        )

    async def _answer(self, query: dns.message.Message, server: Server) -> dns.message.Message:
        each = self.limits.ask_s / TRIES
        for left in reversed(range(TRIES)):
            try:
                async with await _connect(server, each, socket.SOCK_DGRAM) as connection:
                    answer, _ = await dns.asyncquery.udp_with_fallback(
                        query,
                        server.address,
                        timeout=each,
                        port=server.port,
                        ignore_unexpected=True,
                        ignore_errors=True,
                        udp_sock=connection,
                    )
                return answer
            except dns.exception.Timeout:
                if not left:
                    raise
        raise TimeoutError

    async def update(self, server: Server, update: Update, key: Key | None) -> Sent:
        """See `Wire.update`."""
        if self._read_only:
            raise ReadOnlyError(f"an update of the zone {update.zone}")
        message = _message(update, key)
        seconds = self.limits.update_s
        async with self._slots:
            try:
                async with asyncio.timeout(seconds):
                    connection = await _connect(server, seconds, socket.SOCK_STREAM)
            except (TimeoutError, dns.exception.Timeout):
                return Sent(arrived=False, problem=problems.silent(server, seconds))
            except OSError as error:
                return Sent(arrived=False, problem=_unreachable(server, error))
            async with connection:
                return await self._sent(message, connection, server, update.zone, key)

    async def _sent(
        self,
        message: dns.message.Message,
        connection: Any,
        server: Server,
        zone: str,
        key: Key | None,
    ) -> Sent:
        seconds = self.limits.update_s
        try:
            async with asyncio.timeout(seconds):
                answer = await dns.asyncquery.tcp(
                    message, server.address, timeout=seconds, port=server.port, sock=connection
                )
        except dns.tsig.PeerError as error:
            rcode = _PEER_SAYS.get(type(error), "NOTAUTH")
            return Sent(True, rcode, problems.updated(server, zone, rcode, key))
        except (TimeoutError, dns.exception.Timeout):
            return Sent(arrived=None, problem=problems.lost(server, seconds))
        except (OSError, EOFError) as error:
            return Sent(arrived=None, problem=problems.lost(server, seconds, _words(error)))
        except (dns.exception.DNSException, ValueError) as error:
            return Sent(arrived=None, problem=problems.untrusted(server, _words(error)))
        rcode = dns.rcode.to_text(answer.rcode())
        return Sent(True, rcode, problems.updated(server, zone, rcode, key))

    async def addresses(self, name: str) -> tuple[str, ...] | Problem:
        """See `Wire.addresses`."""
        if dns.inet.is_address(name):
            return (name,)
        try:
            async with asyncio.timeout(self.limits.ask_s):
                found = await asyncio.get_running_loop().getaddrinfo(
                    name, None, type=socket.SOCK_STREAM
                )
        except TimeoutError:
            return problems.unnamed(name, f"no answer within {self.limits.ask_s:g} s")
        except (OSError, UnicodeError) as error:
            return problems.unnamed(name, _words(error))
        return tuple(
            dict.fromkeys(
                str(where[0])
                for family in (socket.AF_INET, socket.AF_INET6)
                for kind, _, _, _, where in found
                if kind == family
            )
        )

    def resolvers(self) -> tuple[Server, ...]:
        """See `Wire.resolvers`."""
        try:
            found = dns.resolver.Resolver().nameservers
        except (dns.exception.DNSException, OSError):
            return ()
        return tuple(Server(str(address), str(address), role="watched") for address in found)


async def _connect(server: Server, seconds: float, kind: socket.SocketKind) -> Any:
    """A socket that is connected, also for datagrams: only then a refusal is heard (udp(7))."""
    backend: Any = dns.asyncbackend.get_backend("asyncio")
    return await backend.make_socket(
        dns.inet.af_for_address(server.address),
        kind,
        destination=(server.address, server.port),
        timeout=seconds,
    )


def _message(update: Update, key: Key | None) -> dns.update.UpdateMessage:
    message = dns.update.UpdateMessage(_name(update.zone))
    if key is not None:
        message.use_tsig(dns.tsig.Key(_name(key.name), key.secret.reveal(), _algorithm(key)))
    for found in update.present:
        message.present(_name(found.name), _rdataset(found, ttl=0))
    for name, kind in update.absent:
        message.absent(_name(name), kind)
    for name, kind in update.remove:
        message.delete(_name(name), kind)
    for found in update.add:
        message.add(_name(found.name), _rdataset(found, ttl=found.ttl))
    return message


def _algorithm(key: Key) -> dns.name.Name:
    if key.algorithm == "hmac-md5":
        return dns.tsig.HMAC_MD5
    return dns.name.from_text(key.algorithm)


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text, dns.name.root)


def _rdataset(found: Records, *, ttl: int) -> dns.rdataset.Rdataset:
    named = found.type in ("CNAME", "PTR", "NS")
    values = [f"{value}." if named else value for value in found.values]
    return dns.rdataset.from_text_list("IN", found.type, ttl, values)


def _records(section: Iterable[dns.rrset.RRset]) -> tuple[Records, ...]:
    found: list[Records] = []
    for rrset in section:
        kind: Any = dns.rdatatype.to_text(rrset.rdtype)
        if kind in _TYPES and rrset.rdclass == dns.rdataclass.IN and len(found) < MOST_RECORDS:
            values = sorted(
                {canonical(kind, rdata.to_text()) for rdata in list(rrset)[:MOST_RECORDS]}
            )
            name = clean_line(rrset.name.to_text(omit_final_dot=True), 1_000).lower()
            found.append(Records(name, kind, rrset.ttl, tuple(values)))
    return tuple(found)


def _unreachable(server: Server, error: OSError) -> Problem:
    return problems.unreachable(server, _words(error), listening=error.errno not in _SAID_NO)


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno:
        with contextlib.suppress(ValueError):
            return (error.strerror or os.strerror(error.errno)).lower()
    return clean_line(str(error) or type(error).__name__, 200)
