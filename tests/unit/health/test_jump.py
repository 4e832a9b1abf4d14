"""http and tcp checks of a host behind a jump host, which is a real sshd."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.health import Tries, http
from engine.health.checks import by_network
from engine.health.health import CheckResult
from engine.model.host import Check, Host
from engine.model.plan import ServiceCheck
from engine.transport.ssh import SshTransport
from tests.unit.health.web import NAME, make_certificate, serving
from tests.unit.transport.servers import (
    Sshd,
    free_port,
    needs_sshd,
    running_sshd,
    transport_to,
)

pytestmark = needs_sshd
ONCE = Tries(deadline_s=2, attempts=1, pause_s=0)


@dataclass
class Behind:
    """A host of this machine, as if another had to be gone through."""

    host: Host
    jump: Sshd
    transport: SshTransport

    async def check(self, check: Check, address: str | None = None) -> CheckResult:
        wanted = [ServiceCheck("gitlab", check)]
        (found,) = await by_network(self.transport, self.host, wanted, SystemClock(), address, ONCE)
        return found


@pytest.fixture
def lines() -> tuple[str, ...]:
    """What the jump host's sshd_config has besides."""
    return ()


@pytest.fixture
def jump(tmp_path: Path, lines: tuple[str, ...]) -> Iterator[Sshd]:
    with running_sshd(tmp_path / "gate", *lines) as sshd:
        sshd.trust()
        yield sshd


@pytest.fixture
async def behind(jump: Sshd) -> AsyncIterator[Behind]:
    async with transport_to(jump.host("gate")) as transport:
        yield Behind(jump.host("server1", jump="gate"), jump, transport)


async def test_https_through_the_jump_host_keeps_name_and_certificate(
    behind: Behind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    http._trusted.cache_clear()
    try:
        async with serving(certificate) as web:
            url = f"https://{NAME}:{web.port}/-/health?all=1"
            found = await behind.check(Check(http=url, expect=200))
            assert (found.ok, found.detail) == (True, "status 200, through gate")
            assert web.asked == [(f"{NAME}:{web.port}", "/-/health?all=1")]
            assert web.server_names == [NAME]
            assert web.connections == 1
            other = await behind.check(Check(http=f"https://other.test:{web.port}/"))
            assert other.ok is False
            assert "other.test" in other.detail
    finally:
        http._trusted.cache_clear()


async def test_statuses_and_ports_through_the_jump_host(behind: Behind) -> None:
    async with serving() as web:
        web.statuses = [502]
        found = await behind.check(Check(http=f"http://{NAME}:{web.port}/"))
        assert (found.ok, found.detail) == (False, "status 502, through gate")
        found = await behind.check(Check(tcp=web.port))
        assert found.ok is True
        assert found.detail == f"127.0.0.1 port {web.port} takes connections, through gate"
        web.hangs = True
        found = await behind.check(Check(http=f"http://{NAME}:{web.port}/"))
        assert (found.ok, found.detail) == (False, "no answer within 2 s, through gate")
    port = free_port()
    for check in (Check(tcp=port), Check(http=f"http://{NAME}:{port}/")):
        found = await behind.check(check)
        assert found.ok is False
        assert found.detail == f"127.0.0.1 port {port} refused the connection from gate."
    assert behind.jump.log.count("Accepted publickey") == 1


async def test_another_address_than_the_hosts_own_is_asked_from_here_first(behind: Behind) -> None:
    async with serving() as web:
        found = await behind.check(Check(tcp=web.port), "127.0.0.1")
        assert found.detail == f"127.0.0.1 port {web.port} takes connections"
        found = await behind.check(
            Check(tcp=web.port), "255.255.255.255"
        )  # no way leads there from here
        assert found.ok is None
        assert "neither through gate (gate could not connect to 255.255.255.255" in found.detail


@pytest.mark.parametrize("lines", [("AllowTcpForwarding no",), ("PermitOpen 127.0.0.1:1",)])
async def test_where_the_jump_host_forbids_it_the_check_is_made_from_here(behind: Behind) -> None:
    async with serving() as web:
        found = await behind.check(Check(http=f"http://{NAME}:{web.port}/"))
        assert (found.ok, found.detail) == (True, "status 200")
    found = await behind.check(Check(tcp=free_port()))
    assert found.ok is None  # a refusal from here may be another machine's
    assert "it forbids that" in found.detail
    assert "use a command check" in found.detail
