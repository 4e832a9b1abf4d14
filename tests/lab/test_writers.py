"""Who may write, on booted hosts: frozen across a reboot, proven, thawed; the guard; the token."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import writers
from engine.errors import RefusedError
from engine.inventory import load
from engine.model.host import Host
from engine.model.writers import Writer
from engine.session import open_session
from engine.transport.protocol import Transport
from engine.writers import Frozen
from tests.lab.conftest import NewHost
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine
from tests.lab.processes import wait_until

RUN = "20261126t030000-lab"
DIRECTORY = f"var/lib/hostshift/runs/{RUN}/writers"
LOOP = "ExecStart=/bin/sh -c 'exec 3>>/srv/app/%N; while :; do echo >&3; sleep 0.2; done'"
UNITS = {
    "etc/systemd/system/lab-db.service": (
        "[Unit]\nWants=lab-part@1.service\n"
        "[Service]\nExecStart=/usr/bin/systemd-socket-activate -l 127.0.0.1:7001 /bin/cat\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
    "usr/lib/systemd/system/lab-part@.service": (
        f"[Unit]\nPartOf=lab-db.service\n[Service]\n{LOOP}\n"
    ),
    "usr/lib/systemd/system/lab-app.service": (
        f"[Unit]\nRequires=lab-db.service\nAfter=lab-db.service\n"
        f"[Service]\nRestart=always\nRestartSec=0\n{LOOP}\n[Install]\nWantedBy=multi-user.target\n"
    ),
    "usr/lib/systemd/system/lab-app.socket": (
        "[Socket]\nListenStream=127.0.0.1:7002\n[Install]\nWantedBy=sockets.target\n"
    ),
    "usr/lib/systemd/system/lab-tick.service": (
        "[Unit]\nStartLimitIntervalSec=0\n"
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo tick >>/srv/app/ticks'\n"
    ),
    "usr/lib/systemd/system/lab-tick.timer": (
        "[Timer]\nOnCalendar=*:*:0/1\nAccuracySec=1ms\n[Install]\nWantedBy=timers.target\n"
    ),
}  # fmt: skip
ENABLED = "lab-db.service lab-app.socket lab-app.service lab-tick.timer"
ALL = f"{ENABLED} lab-part@1.service"
CRON = "* * * * * root echo >>/srv/app/cron\n"
WRITERS = (
    Writer("db", ("lab-db.service",), volumes=("/srv/app",)),
    Writer("app", ("lab-app.service", "lab-tick.service"), volumes=("/srv/app",)),
)


class Server:
    """A host on which the services are deployed and run."""

    def __init__(self, machine: Machine, transport: Transport, host: Host) -> None:
        self.machine, self.transport, self.host = machine, transport, host
        for name, text in UNITS.items():
            (machine.root / name).write_text(text)
        (machine.root / "etc/cron.d").mkdir(exist_ok=True)
        (machine.root / "etc/cron.d/app").write_text(CRON)
        machine.inside(
            "mkdir -p /srv/app; systemctl daemon-reload; systemctl reset-failed;"
            f"systemctl enable {ENABLED}; systemctl start {ENABLED}"
        )

    def state(self) -> tuple[str, str, str, str]:
        """What is active, enabled, and held, and the crontab."""
        words = self.machine.inside(f"systemctl is-active {ALL}", check=False).stdout
        enabled = self.machine.inside(f"systemctl is-enabled {ALL}", check=False).stdout
        etc = self.machine.root / "etc"
        files = "".join(sorted(str(file) for file in (etc / "systemd").rglob("*")))
        return words, enabled, files, (etc / "cron.d/app").read_text()

    def is_still(self) -> bool:
        """Nothing of the services is active, also when somebody starts it."""
        self.machine.inside(f"systemctl start {ALL} lab-tick.service", check=False)
        states = self.machine.inside(f"systemctl is-active {ALL}", check=False).stdout
        return set(states.split()) == {"inactive"}

    async def freeze(self, seconds: int = 600) -> Frozen:
        await writers.arm(self.transport, self.host, RUN, WRITERS, deadline_s=seconds)
        return await writers.freeze(self.transport, self.host, RUN, WRITERS, deadline_s=30)

    async def prove(self) -> tuple[str, ...]:
        return await writers.prove(self.transport, self.host, RUN, WRITERS)

    async def reboot(self) -> None:
        await asyncio.to_thread(self.machine.reboot)
        await self.transport.forget(self.host.name)


@asynccontextmanager
async def servers(directory: Path, *machines: Machine) -> AsyncIterator[list[Server]]:
    inventory = load(write_inventory(directory, machines))
    session = open_session(inventory, state_dir=directory / "state")
    try:
        yield [
            Server(machine, session.transport, host)
            for machine, host in zip(machines, inventory.hosts, strict=True)
        ]
    finally:
        await session.transport.close()


async def test_from_server_to_server_and_back(new_host: NewHost, tmp_path: Path) -> None:
    async with servers(tmp_path, new_host(), new_host()) as (old, new):
        before, before_new = old.state(), new.state()
        assert before[0].split() == ["active"] * 5
        at_old, at_new = (old.transport, old.host, RUN), (new.transport, new.host, RUN)

        held, frozen = await asyncio.gather(writers.hold(*at_new, WRITERS), old.freeze())
        assert held == ()
        assert frozen == Frozen()
        assert await old.prove() == ()
        assert old.is_still()
        await asyncio.gather(old.reboot(), new.reboot())
        assert old.is_still()
        assert new.is_still()
        assert await old.prove() == ()
        guard = await writers.guard_state(*at_old)
        assert (guard.state, guard.watching, guard.lasting) == ("armed", True, True)

        await what_still_writes(old)

        # thawed: exactly what it was
        assert await writers.thaw(*at_old) == ()
        assert old.state() == before

        # moved
        assert await old.freeze() == Frozen()
        with pytest.raises(RefusedError):
            await writers.start(*at_new, WRITERS)
        assert await writers.disarm(*at_old) == "disarmed"
        assert await old.prove() == ()
        assert await writers.surrender(*at_old)
        assert await writers.receive(*at_new)
        assert await writers.start(*at_new, WRITERS) == ()
        assert new.state() == before_new
        with pytest.raises(RefusedError):
            await writers.thaw(*at_old)
        assert old.is_still()

        # and moved back
        assert await writers.take_back(*at_new)
        assert new.is_still()
        assert await writers.restore(*at_old)
        assert await writers.thaw(*at_old) == ()
        assert old.state() == before


async def what_still_writes(old: Server) -> None:
    """Each is seen by the proof, also under another name for the volume."""
    stray = "systemd-run --quiet --collect --unit=stray"
    for options, command, path in (
        ("", "exec 3>>/srv/app/x; sleep 99", "/srv/app/x"),
        ("-p BindPaths=/srv/app:/opt", "exec 3>>/opt/y; sleep 99", "/opt/y"),
    ):
        old.machine.inside(f"{stray} {options} sh -c '{command}'")
        wait_until((old.machine.root / "srv/app" / path[-1]).exists, "the stray writer")
        # the shell, and what it runs
        assert {line.partition(") ")[2] for line in await old.prove()} == {
            f"has {path} open for writing"
        }
        old.machine.inside("systemctl stop stray")
    old.machine.inside(f"{stray} systemd-socket-activate -l 127.0.0.1:7001 /bin/cat")
    said = ("TCP port 7001, where lab-db.service listened, is still listened on",)
    listens = "grep ':1B59' /proc/net/tcp"
    wait_until(lambda: old.machine.inside(listens, check=False).stdout, "the listener")
    assert await old.prove() == said
    old.machine.inside("systemctl stop stray; rm -r /etc/systemd/system/lab-app.service.d;"
                       "systemctl daemon-reload; systemctl start lab-app")  # fmt: skip
    assert {"lab-app.service is active", "lab-app.service is not held"} < set(await old.prove())


async def test_the_guard(new_host: NewHost, tmp_path: Path) -> None:
    async with servers(tmp_path, new_host()) as (old,):
        before = old.state()
        thawed = old.machine.root / DIRECTORY / "thawed"

        def gone() -> bool:
            return old.state() == before

        assert await old.freeze() == Frozen()
        with contextlib.suppress(RefusedError):  # it was faster than the look at it
            await writers.arm(old.transport, old.host, RUN, WRITERS, deadline_s=1)
        wait_until(thawed.exists, "the guard")
        wait_until(gone, "the guard's unit to go")
        assert await writers.disarm(old.transport, old.host, RUN) == "thawed"

        # its deadline passes while the host is rebooted
        assert await old.freeze() == Frozen()
        assert not thawed.exists()
        old.machine.container.reboot_delay_s = 3.0
        await writers.arm(old.transport, old.host, RUN, WRITERS, deadline_s=3)
        await old.reboot()
        wait_until(thawed.exists, "the guard")
        assert "the host was restarted" in (thawed.parent / "log").read_text()
        wait_until(gone, "the guard's unit to go")
        guard = await writers.guard_state(old.transport, old.host, RUN)
        assert (guard.state, guard.thawed, guard.problems) == ("fired", True, ())
