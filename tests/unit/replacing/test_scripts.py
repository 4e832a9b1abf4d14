"""The small scripts of a replacement under the shells of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.shell import Script
from tests.unit.jobs.local_host import SHELLS, LocalHost, under

HEAD = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
)
V4 = HEAD + (
    "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n"
    "   1: 0A02000A:0050 0B02000A:D431 01 00000000:00000000 00:00000000 00000000 0 0 2\n"
    "   2: 0A02000A:0050 0B02000A:D432 01 00000000:00000000 00:00000000 00000000 0 0 3\n"
    "   3: 0A02000A:0016 0C02000A:D433 01 00000000:00000000 00:00000000 00000000 0 0 4\n"
    "   4: 0A02000A:0050 0A02000A:D434 01 00000000:00000000 00:00000000 00000000 0 0 5\n"
    "   5: 0A02000A:0050 0D02000A:D435 06 00000000:00000000 00:00000000 00000000 0 0 6\n"
)
V6 = HEAD + (
    "   0: 0000000000000000FFFF00000A02000A:0050 0000000000000000FFFF00000E02000A:D431 01 0 0\n"
    "   1: B80D0120000000000000000001000000:0050 B80D0120000000000000000002000000:D431 01 0 0\n"
)


@pytest.fixture(params=SHELLS)
def lan(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    """A host whose script is read by the shell of the parameter."""
    return under(str(request.param), tmp_path / "host")


async def came(lan: LocalHost, *ports: str) -> list[str]:
    done = await lan.run(lan.host, Script.host("visitors.sh", *ports), deadline_s=60)
    assert done.exit_status == 0
    return done.stdout.decode().splitlines()


async def test_who_is_connected_to_the_ports(lan: LocalHost) -> None:
    net = lan.root / "proc/net"
    net.mkdir(parents=True)
    (net / "tcp").write_text(V4)
    assert await came(lan, "80") == ["10.0.2.11 80"]
    assert await came(lan, "80", "22") == ["10.0.2.11 80", "10.0.2.12 22"]
    assert await came(lan, "443") == []
    (net / "tcp6").write_text(V6)
    assert await came(lan, "80") == [
        "10.0.2.11 80",
        "10.0.2.14 80",
        "b80d0120000000000000000002000000 80",
    ]


async def test_a_port_is_a_number(lan: LocalHost) -> None:
    done = await lan.run(lan.host, Script.host("visitors.sh", "80;id"), deadline_s=60)
    assert (done.exit_status, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    ("says", "status", "words"),
    [
        ("status: running", 1, "cloud-init is at work"),
        ("status: not started", 1, "cloud-init is at work"),
        ("status: done", 0, ""),
        ("status: disabled", 0, ""),
        ("status: error", 0, "cloud-init has ended with an error: cloud-init status --long"),
    ],
)
async def test_a_new_server_settles(lan: LocalHost, says: str, status: int, words: str) -> None:
    lan.double("cloud-init", f"echo '{says}'")
    done = await lan.run(lan.host, Script.host("settled.sh"), deadline_s=30)
    assert (done.exit_status, done.stdout.decode().strip()) == (status, words)
