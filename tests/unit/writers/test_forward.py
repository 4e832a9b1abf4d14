"""What still comes to server1 is passed on, but only from a host that has given its token away."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import writers
from engine.errors import RefusedError
from tests.unit.jobs.local_host import LocalHost
from tests.unit.writers.conftest import RUN, WRITERS, directory

PROXY = "usr/lib/systemd/systemd-socket-proxyd"


async def surrendered(old: LocalHost, *ports: str) -> None:
    await writers.arm(old, old.host, RUN, WRITERS, deadline_s=600)
    await writers.freeze(old, old.host, RUN, WRITERS, deadline_s=60)
    (directory(old) / "record/ports").write_text("".join(f"{p} app.service\n" for p in ports))
    assert await writers.disarm(old, old.host, RUN) == "disarmed"
    assert await writers.surrender(old, old.host, RUN)


def proxy(old: LocalHost) -> None:
    file = old.root / PROXY
    file.parent.mkdir(parents=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)


def forwards(old: LocalHost) -> dict[str, str]:
    found: list[Path] = sorted((old.root / "etc/systemd/system").glob("hostshift-forward-*"))
    return {file.name: file.read_text() for file in found}


def line(text: str, name: str) -> str:
    return next(rest for key, _, rest in (x.partition("=") for x in text.splitlines())
                if key == name)  # fmt: skip


async def test_each_port_is_passed_on_once(old: LocalHost) -> None:
    proxy(old)
    (old.root / "proc/net").mkdir()
    (old.root / "proc/net/tcp").write_text(" 0: 00000000:0016 00000000:0000 0A 0 0 0 0 0 77\n")
    await surrendered(
        old, "00000000:1F90", "0" * 32 + ":1F90", "0A00000A:0050", "0100007F:0CEA", "00000000:0016"
    )
    seen = await writers.forward(old, old.host, RUN, "10.0.0.2", (8080, 25))
    assert seen.problems == ()
    assert set(seen.words) == {
        "TCP port 22 is not passed on: something listens there still",
        "TCP port 8080 is passed on to 10.0.0.2",
        "TCP port 25 is passed on to 10.0.0.2",
        "TCP port 10.0.0.10:80 is passed on to 10.0.0.2",
    }
    units = forwards(old)
    assert {name for name in units if name.endswith(".socket")} == {
        *("hostshift-forward-8080.socket", "hostshift-forward-25.socket"),
        "hostshift-forward-10.0.0.10-80.socket",
    }
    assert line(units["hostshift-forward-8080.socket"], "ListenStream") == "8080"
    assert line(units["hostshift-forward-10.0.0.10-80.socket"], "ListenStream") == "10.0.0.10:80"
    service = units["hostshift-forward-10.0.0.10-80.service"]
    assert line(service, "ExecStart").endswith("-proxyd --connections-max=4096 10.0.0.2:80")
    # Again, after a cut: the same.
    assert await writers.forward(old, old.host, RUN, "10.0.0.2", (8080, 25)) == seen
    assert forwards(old) == units
    assert await writers.end_forward(old, old.host, RUN) == ()
    assert forwards(old) == {}
    assert await writers.end_forward(old, old.host, RUN) == ()


async def test_an_ipv6_successor_is_written_as_systemd_reads_it(alone: LocalHost) -> None:
    proxy(alone)
    await surrendered(alone, "00000000:1F90")
    await writers.forward(alone, alone.host, RUN, "2001:db8::2", ())
    service = forwards(alone)["hostshift-forward-8080.service"]
    assert line(service, "ExecStart").endswith(" [2001:db8::2]:8080")


async def test_a_host_that_may_write_passes_nothing_on(alone: LocalHost) -> None:
    proxy(alone)
    await writers.arm(alone, alone.host, RUN, WRITERS, deadline_s=600)
    await writers.freeze(alone, alone.host, RUN, WRITERS, deadline_s=60)
    with pytest.raises(RefusedError, match="has not given its token away"):
        await writers.forward(alone, alone.host, RUN, "10.0.0.2", (80,))
    assert forwards(alone) == {}


async def test_the_way_back_ends_it(alone: LocalHost) -> None:
    proxy(alone)
    await surrendered(alone, "00000000:1F90")
    await writers.forward(alone, alone.host, RUN, "10.0.0.2", ())
    assert forwards(alone)
    await writers.restore(alone, alone.host, RUN)
    assert forwards(alone) == {}
    assert await writers.thaw(alone, alone.host, RUN) == ()


async def test_without_the_program_that_is_told(alone: LocalHost) -> None:
    await surrendered(alone, "00000000:1F90")
    seen = await writers.forward(alone, alone.host, RUN, "10.0.0.2", ())
    assert seen.problems == ("there is no systemd-socket-proxyd",)
    assert forwards(alone) == {}
