"""http checks: a URL asked at an address of choice. The only importer of httpx, and at first use.

The name in the URL goes into the Host header and the TLS server name, and the certificate is
verified against it, wherever the connection leads: a successor can be tried before the DNS points
to it.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from pathlib import Path

from engine.health.reach import Answer, Way, unconnected
from engine.model.host import Check
from engine.text import clean_line

_SAID = 200
_GRACE_S = 2.0
"""httpx bounds each of its reads and closes what it has; a server that answers drop by drop is
ended from outside, this much later."""
WELL = range(200, 400)
"""Statuses that count as an answer where the check expects none in particular. A redirect isn't
followed: where it leads is another check's matter, and may be another host's."""


def port_of(check: Check) -> int | None:
    """The port that an http check connects to; None where its URL can't be used."""
    import httpx

    try:
        url = httpx.URL(check.http or "")
    except httpx.InvalidURL:
        return None
    return url.port or (443 if url.scheme == "https" else 80)


async def ask(check: Check, way: Way, deadline_s: float, tunnel: Path | None = None) -> Answer:
    """Whether the URL answers as expected.

    No proxy is used, whatever the environment says: it would connect to a place of its own choice.

    Args:
        tunnel: The socket of a connection that is there already (`Transport.tunnel`).
    """
    import httpx

    connected = tunnel is not None

    async def trace(event: str, _: object) -> None:
        # What fails before says something of the way, what fails after of the service.
        nonlocal connected
        connected = connected or event == "connection.connect_tcp.complete"

    try:
        url = httpx.URL(check.http or "")
        headers = {"Host": url.netloc.decode("ascii"), "User-Agent": "hostshift"}
        extensions = {"sni_hostname": url.raw_host.decode("ascii"), "trace": trace}
        there = url.copy_with(host=way.address)
    except httpx.InvalidURL as error:
        return None, clean_line(f"the URL can't be used: {error}", _SAID)
    transport = httpx.AsyncHTTPTransport(
        verify=_trusted(), trust_env=False, uds=None if tunnel is None else str(tunnel)
    )
    try:
        async with (
            asyncio.timeout(deadline_s + _GRACE_S),
            httpx.AsyncClient(transport=transport, trust_env=False, timeout=deadline_s) as client,
            client.stream("GET", there, headers=headers, extensions=extensions) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, OSError) as error:
        if not connected:
            return unconnected(way, port_of(check) or 0, error, deadline_s)
        if isinstance(error, (TimeoutError, httpx.TimeoutException)):
            return False, f"no answer within {deadline_s:g} s"
        return False, clean_line(f"no answer: {error or type(error).__name__}", _SAID)
    if check.expect is not None:
        return status == check.expect, f"status {status}"
    return status in WELL, f"status {status}"


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """httpx's list of authorities and this system's; the second honours SSL_CERT_FILE and _DIR."""
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
