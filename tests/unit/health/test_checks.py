"""Checks that are made from here: real connections to loopback, with the name of the service."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.clock import FixedClock
from engine.errors import UnreachableError
from engine.families.protocol import Section
from engine.health import CheckResult, Tries, http, run
from engine.health.checks import read_on_host, words_on_host
from engine.health.reach import Way, way_to
from engine.model.host import Check, Host
from engine.model.plan import ServiceCheck
from tests.unit.facts.probed import FakeTransport
from tests.unit.health.web import NAME, make_certificate, serving

QUICK = Tries(deadline_s=1, attempts=1, pause_s=0)
HOST = Host(name="server1", address="127.0.0.1", jump="none")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 23, 3, 0, tzinfo=UTC))


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A certificate that this machine trusts for the length of a test."""
    file = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    http._trusted.cache_clear()
    yield file
    http._trusted.cache_clear()


def closed_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def unreachable(*_: object) -> UnreachableError:
    return UnreachableError("No answer within 10 s.", hint="Is it up?")


async def checked(
    check: Check, clock: FixedClock, host: Host = HOST, tries: Tries = QUICK
) -> CheckResult:
    service = ServiceCheck("gitlab", check)
    (result,) = await run(FakeTransport(unreachable), host, [service], clock, tries=tries)
    assert (result.service, result.check) == ("gitlab", check)
    return result


async def test_name_of_the_service_at_an_address_of_choice(
    certificate: Path, clock: FixedClock
) -> None:
    elsewhere = Host(name="server1", address="old.invalid")
    async with serving(certificate) as web:
        check = Check(http=f"https://{NAME}:{web.port}/-/health?all=1", expect=200)
        (result,) = await run(
            FakeTransport(unreachable),
            elsewhere,
            [ServiceCheck("gitlab", check)],
            clock,
            address="127.0.0.1",
            tries=QUICK,
        )
    assert result.ok is True, result.detail
    assert result.detail == "status 200"
    assert web.asked == [(f"{NAME}:{web.port}", "/-/health?all=1")]
    assert set(web.server_names) == {NAME}


async def test_certificate_is_verified_against_the_name(
    certificate: Path, clock: FixedClock
) -> None:
    async with serving(certificate) as web:
        result = await checked(Check(http=f"https://other.test:{web.port}/"), clock)
    assert result.ok is False
    assert "other.test" in result.detail
    assert web.asked == []


async def test_an_unknown_authority_is_no_answer(tmp_path: Path, clock: FixedClock) -> None:
    async with serving(make_certificate(tmp_path)) as web:
        result = await checked(Check(http=f"https://{NAME}:{web.port}/"), clock)
    assert result.ok is False
    assert "certificate verify failed" in result.detail.lower()


@pytest.mark.parametrize(
    ("status", "expect", "ok"),
    [
        (200, None, True),
        (204, None, True),
        (302, None, True),
        (404, None, False),
        (502, None, False),
        (200, 200, True),
        (302, 200, False),
        (401, 401, True),
    ],
)
async def test_statuses(status: int, expect: int | None, ok: bool, clock: FixedClock) -> None:
    async with serving() as web:
        web.statuses = [status]
        result = await checked(Check(http=f"http://{NAME}:{web.port}/a", expect=expect), clock)
    assert result.ok is ok
    assert result.detail == f"status {status}"
    assert web.asked == [(f"{NAME}:{web.port}", "/a")]  # once, and no redirect followed
    assert web.connections == 1  # and no bare one, which some services would take for an error


async def test_no_proxy_stands_between(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    async with serving() as web:
        result = await checked(Check(http=f"http://{NAME}:{web.port}/"), clock)
    assert result.ok is True, result.detail


async def test_a_check_is_tried_again_and_then_fails(clock: FixedClock) -> None:
    tries = Tries(deadline_s=5, attempts=3, pause_s=2)
    async with serving() as web:
        check = Check(http=f"http://{NAME}:{web.port}/")
        web.statuses = [503, 503, 200]
        started = clock.monotonic()
        assert (await checked(check, clock, tries=tries)).ok is True
        assert clock.monotonic() - started == 4
        web.statuses = [503]
        result = await checked(check, clock, tries=tries)
    assert result.ok is False
    assert result.seconds == 4
    assert len(web.asked) == 6


async def test_silence_ends_at_the_deadline(clock: FixedClock) -> None:
    async with serving() as web:
        web.hangs = True
        result = await checked(Check(http=f"http://{NAME}:{web.port}/"), clock)
    assert result.ok is False
    assert result.detail == "no answer within 1 s"


async def test_an_endless_answer_is_ended(clock: FixedClock) -> None:
    async with serving() as web:
        web.drips = True
        result = await checked(Check(http=f"http://{NAME}:{web.port}/"), clock)
    assert result.ok is False
    assert result.detail == "no answer within 1 s"


async def test_tcp(clock: FixedClock) -> None:
    async with serving() as web:
        assert (await checked(Check(tcp=web.port), clock)).ok is True


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
async def test_a_refusal_is_the_hosts_own_word(address: str, clock: FixedClock) -> None:
    host = Host(name="server1", address=address, jump="none")
    port = closed_port()
    for check in (Check(tcp=port), Check(http=f"http://gitlab.test:{port}/")):
        result = await checked(check, clock, host)
        assert result.ok is False, result.detail
        assert result.detail == f"{address} port {port}: connection refused"


async def test_a_handshake_that_hangs_is_the_service(clock: FixedClock) -> None:
    async with serving() as web:  # no TLS: it waits for the end of a request
        result = await checked(Check(http=f"https://{NAME}:{web.port}/"), clock)
    assert result.ok is False
    assert result.detail == "no answer within 1 s"


async def test_a_url_that_is_none(clock: FixedClock) -> None:
    assert (await checked(Check(http="http://gitlab.test/\x01"), clock)).ok is None


async def test_an_unreachable_network_says_nothing_of_the_service(clock: FixedClock) -> None:
    nowhere = Host(name="server1", address="255.255.255.255", jump="none")
    for check in (Check(tcp=9), Check(http="http://gitlab.test:9/")):
        result = await checked(check, clock, nowhere)
        assert result.ok is None, result.detail
        assert "255.255.255.255 port 9" in result.detail


async def test_behind_a_jump_host_a_closed_way_says_nothing(clock: FixedClock) -> None:
    behind = Host(name="server1", address="127.0.0.1", jump="bastion")
    result = await checked(Check(tcp=closed_port()), clock, behind)
    assert result.ok is None
    assert result.detail.startswith(
        "neither through bastion (No tunnel leads there.) nor from here"
    )
    assert result.detail.endswith("use a command check")
    async with serving() as web:  # it can be had here, whatever keeps the jump host
        assert (await checked(Check(tcp=web.port), clock, behind)).ok is True


async def test_the_way_follows_the_client_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host web\nHostName 192.0.2.7\nProxyJump gate\n")
    alias = Host(name="server1", address="web")
    assert await way_to(alias, None) == Way("192.0.2.7", "gate")
    assert await way_to(alias, "192.0.2.8") == Way("192.0.2.8", "gate", own=False)
    assert await way_to(Host(name="s", address="web", jump="none"), None) == Way("192.0.2.7")
    local = Host(name="laptop", address="laptop", transport="local")
    assert await way_to(local, None) == Way("localhost")


async def test_an_unreachable_host_costs_its_own_checks_only(clock: FixedClock) -> None:
    async with serving() as web:
        checks = [
            ServiceCheck("gitlab", Check(unit="gitlab.service")),
            ServiceCheck("gitlab", Check(tcp=web.port)),
            ServiceCheck("gitlab", Check(command="true")),
        ]
        results = await run(FakeTransport(unreachable), HOST, checks, clock, tries=QUICK)
    assert [result.check for result in results] == [wanted.check for wanted in checks]
    assert [result.ok for result in results] == [None, True, None]
    assert results[0].detail == "No answer within 10 s."


UNIT, COMMAND = Check(unit="a.service"), Check(command="work")


@pytest.mark.parametrize(
    ("check", "line", "ok", "detail"),
    [
        (UNIT, "check 0 0 10.50 10.75 active", True, "active"),
        (UNIT, "check 0 0 10.50 10.75 reloading", True, "reloading"),
        (UNIT, "check 0 3 10.50 10.75 inactive", False, "inactive"),
        (UNIT, "check 0 3 10.50 10.75 activating", False, "activating"),
        (UNIT, "check 0 3 10.50 10.75 failed", False, "failed"),
        (UNIT, "check 0 124 10.50 10.75 ", None, "systemctl can't say: did not end within 1 s"),
        (
            UNIT,
            "check 0 127 10.50 10.75 sh: systemctl: not found",
            None,
            "systemctl can't say: exit status 127: sh: systemctl: not found",
        ),
        (COMMAND, "check 0 0 10.50 10.75 all is well", True, "exit status 0: all is well"),
        (COMMAND, "check 0 2 10.50 10.75 no\x1b[2J", False, "exit status 2: no"),
        (COMMAND, "check 0 124 10.50 10.75 ", False, "did not end within 1 s"),
    ],
)
def test_results_of_the_host(check: Check, line: str, ok: bool | None, detail: str) -> None:
    wanted = [ServiceCheck("a", check)]
    (result,) = read_on_host(wanted, Section("checks", line.encode(), 0), QUICK)
    assert (result.ok, result.detail, result.seconds) == (ok, detail, 0.25)


@pytest.mark.parametrize(
    "output", [b"", b"check", b"check 0", b"check x 0 1 2 active", b"check 1 0 1 2"]
)
def test_no_answer_is_not_known(output: bytes) -> None:
    wanted = [ServiceCheck("a", UNIT)]
    for section in (Section("checks", output, 0), None):
        (result,) = read_on_host(wanted, section, QUICK)
        assert result.ok is None
        assert result.detail == "the host gave no answer"


def test_answers_find_their_checks_among_those_from_here() -> None:
    wanted = [ServiceCheck("a", c) for c in (Check(tcp=1), UNIT, Check(http="http://x/"), COMMAND)]
    assert words_on_host(wanted) == ("unit", "a.service", "command", "work")
    output = b"check 1 7 1.0 2.0 bad\ncheck 0 0 1.0 1.5 active\n"
    results = read_on_host(wanted, Section("checks", output, 0), QUICK)
    assert [(r.check, r.ok) for r in results] == [(UNIT, True), (COMMAND, False)]
