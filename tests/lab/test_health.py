"""What works on a real host, before and after things that really happen to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from engine.clock import SystemClock
from engine.health import Health, Tries, compare, run, settled, take
from engine.inventory import load
from engine.model.host import Host
from engine.model.plan import ServiceCheck
from engine.session import Session, open_session
from tests.lab.conftest import NewHost
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine

CLOCK = SystemClock()
UNITS = {
    # holds a port of its own, and one of the kernel's choice
    "listener.service": """[Service]
ExecStart=/usr/bin/python3 -c "import socket as s, signal; \\
    held = [s.create_server(('0.0.0.0', 7777)), s.create_server(('127.0.0.1', 0))]; signal.pause()"
[Install]
WantedBy=multi-user.target
""",
    # held by systemd itself; a process for each connection
    "web.socket": """[Socket]
ListenStream=8080
Accept=yes
[Install]
WantedBy=sockets.target
""",
    "web@.service": """[Service]
StandardInput=socket
ExecStart=/bin/sh -c 'while read -r line && [ "$${#line}" -gt 1 ]; do case $$line in \\
    Host:*web.example:8080*) known=yes ;; esac; done; \\
    if [ "$$known" ]; then echo HTTP/1.0 204 fine; else echo HTTP/1.0 404 who; fi; echo'
""",
    "bad.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    # runs while a person works, and a timer's work that ends by itself
    "nightly.service": "[Service]\nExecStart=/bin/sleep 600\n",
    "nightly.timer": "[Timer]\nOnCalendar=2001-01-01\n[Install]\nWantedBy=timers.target\n",
    "srv.mount": """[Mount]
What=/opt
Where=/srv
Options=bind
[Install]
WantedBy=local-fs.target
""",
}
SERVICE = {
    "host": "web1",
    "checks": [
        {"http": "http://web.example:8080/health", "expect": 204},
        {"tcp": 22},
        {"unit": "listener.service"},
        {"command": 'test "$(id -u)" = 0 && cat /etc/wanted'},
    ],
}
ENABLED = "listener.service web.socket nightly.timer srv.mount"


def furnish(host: Machine) -> None:
    for name, text in UNITS.items():
        (host.root / "etc/systemd/system" / name).write_text(text)
    (host.root / "etc/wanted").write_text("all is well\n")
    host.inside("systemctl daemon-reload")
    host.inside(f"systemctl enable --now {ENABLED} && systemctl start nightly.service")


@asynccontextmanager
async def session_for(
    machine: Machine, directory: Path, gate: Machine | None = None
) -> AsyncIterator[Session]:
    keys = {} if gate is None else {machine.name: {"jump": gate.name}}
    machines = [machine] if gate is None else [machine, gate]
    path = write_inventory(directory, machines, hosts=keys, tables={"services": {"web": SERVICE}})
    session = open_session(load(path), state_dir=directory / "state")
    try:
        yield session
    finally:
        await session.transport.close()


def checks_of(host: Host) -> tuple[ServiceCheck, ...]:
    return tuple(ServiceCheck(s.name, check) for s in host.services for check in s.checks)


async def looked(session: Session) -> Health:
    host = session.inventory.hosts[0]
    return await take(session.transport, host, checks_of(host), CLOCK)


async def test_what_breaks_is_named_and_what_restarts_is_not(
    new_host: NewHost, tmp_path: Path
) -> None:
    machine = new_host("web1")
    furnish(machine)
    async with session_for(machine, tmp_path) as session:
        host = session.inventory.hosts[0]
        before = await looked(session)
        assert before.unread == ()
        assert before.privileged
        assert [(r.ok, r.detail) for r in before.checks] == [
            (True, "status 204"),
            (True, f"{machine.address} port 22 takes connections"),
            (True, "active"),
            (True, "exit status 0: all is well"),
        ]
        running = {s.name: s.lasting for s in before.services or ()}
        assert running["listener.service"] is True
        assert running["ssh.service"] is True
        assert running["nightly.service"] is False
        shown = {s.shown for s in before.sockets or () if not s.ephemeral}
        assert {"tcp 0.0.0.0:7777 (python3)", "tcp [::]:8080 (systemd)"} <= shown
        assert [s.place for s in before.sockets or () if s.ephemeral] == ["listener.service"]
        assert {m.point for m in before.mounts or ()} == {"/", "/srv"}

        # Everything restarts; nothing of that is worse.
        machine.inside("systemctl stop nightly.service; systemctl daemon-reexec")
        machine.inside("systemctl restart listener.service ssh.service dbus.service")
        machine.reboot()
        difference, _ = await settled(
            session.transport, host, before, checks_of(host), CLOCK, deadline_s=40, every_s=0.5
        )
        assert difference.good, difference
        assert any("listens on port" in note for note in difference.notes), difference.notes

        # Things break.
        machine.inside("systemctl start bad.service", check=False)
        machine.inside("systemctl stop listener.service web.socket srv.mount; rm /etc/wanted")
        machine.inside("ip route del default")
        broken = compare(before, await looked(session))
        no_file = "cat: /etc/wanted: No such file or directory"
        said = [result.shown for result in before.checks]
        assert set(broken.worse) == {
            "new failed unit: bad.service",
            "listener.service runs no more",
            "listening no more: tcp 0.0.0.0:7777 (python3)",
            f"listening no more: {next(s.shown for s in before.sockets or () if s.ephemeral)}",
            "listening no more: tcp [::]:8080 (systemd)",
            "mount /srv is gone",
            f"default route IPv4 via {machine.settings.gateway} (host0) is gone",
            f"{said[0]} fails: {machine.address} port 8080: connection refused (passed before)",
            f"{said[2]} fails: inactive (passed before)",
            f"{said[3]} fails: exit status 1: {no_file} (passed before)",
        }
        assert broken.unread == ()

        # They are mended while somebody waits for it.
        waiting = asyncio.create_task(
            settled(
                session.transport, host, before, checks_of(host), CLOCK, deadline_s=60, every_s=0.5
            )
        )
        await asyncio.sleep(0)
        (machine.root / "etc/wanted").write_text("all is well\n")
        machine.inside(f"ip route add default via {machine.settings.gateway}")
        machine.inside(f"systemctl reset-failed; systemctl start {ENABLED}")
        difference, after = await waiting
        assert difference.good, difference
        assert all(result.ok for result in after.checks)


async def test_checks_of_a_host_that_is_off_say_nothing_of_its_units(
    new_host: NewHost, tmp_path: Path
) -> None:
    machine = new_host("web1", start=False)
    async with session_for(machine, tmp_path) as session:
        host = session.inventory.hosts[0]
        tries = Tries(deadline_s=2, attempts=1, pause_s=0)
        results = await run(session.transport, host, checks_of(host), CLOCK, tries=tries)
    assert [result.ok for result in results[2:]] == [None, None]
    assert [result.ok for result in results[:2]] != [True, True]


async def test_checks_of_a_host_behind_a_jump_host_go_that_way(
    new_host: NewHost, tmp_path: Path
) -> None:
    gate, machine = new_host("gate"), new_host("web1")
    furnish(machine)
    machine.network.only_from(gate.address)
    async with session_for(machine, tmp_path, gate) as session:
        host = session.inventory.host("web1")
        found = (await take(session.transport, host, checks_of(host), CLOCK)).checks
        assert [(r.ok, r.detail) for r in found] == [
            (True, "status 204, through gate"),
            (True, f"{machine.address} port 22 takes connections, through gate"),
            (True, "active"),
            (True, "exit status 0: all is well"),
        ]
        machine.inside("systemctl stop web.socket")
        once = Tries(deadline_s=3, attempts=1)
        web, ssh, *_ = await run(session.transport, host, checks_of(host), CLOCK, tries=once)
        assert (web.ok, ssh.ok) == (False, True)
        assert "refused the connection from gate" in web.detail
        # from here nothing is seen of it
        past = replace(host, jump="none")
        _, ssh, *_ = await run(session.transport, past, checks_of(host), CLOCK, tries=once)
        assert ssh.ok is None
        assert "no answer" in ssh.detail
