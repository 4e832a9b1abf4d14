"""The dead-man switch on booted hosts: it fires when the operator is locked out, and only then."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import guard
from engine.errors import UnreachableError
from engine.guard import GuardState
from engine.inventory import load
from engine.jobs import lock
from engine.jobs.start import start
from engine.model.candidate import Effects
from engine.model.host import Host
from engine.model.plan import GuardAct, GuardTopic, JobAct, OutageWindow, Plan
from engine.session import Session, open_session
from tests.lab.conftest import NewHost
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine
from tests.lab.processes import wait_until
from tests.unit.builders import NOW

RUN, STEP = "20261123t030000-lab", "guard"
DIRECTORY = f"var/lib/hostshift/runs/{RUN}/{STEP}"
UNIT = f"hostshift-guard-{RUN}-{STEP}.service"
SSHD_CONFIG = "etc/ssh/sshd_config.d/lab.conf"


class Guarded:
    """A host with the run's lock taken, and the calls that the executor would make."""

    def __init__(self, session: Session, machine: Machine) -> None:
        self.session = session
        self.machine = machine
        self.host: Host = session.inventory.hosts[0]

    async def arm(self, *topics: GuardTopic, seconds: int = 4, strict: bool = False) -> GuardState:
        act = GuardAct(topics, seconds, strict)
        fields = {"host": self.machine.name, "operator": "ops"}
        armed = await guard.arm(
            self.session.transport, self.host, RUN, STEP, act, fields, settle_s=2
        )
        assert armed.state.state == "armed"
        assert armed.state.watching
        assert armed.state.unsaved == ()
        return armed.state

    async def confirm(self) -> GuardState:
        return await guard.confirm(self.session.transport, self.host, RUN, STEP)

    async def look(self) -> GuardState:
        return await guard.look(self.session.transport, self.host, RUN, STEP)

    def file(self, name: str) -> str:
        path = self.machine.root / DIRECTORY / name
        return path.read_text().strip() if path.exists() else ""

    def wait_end(self, word: str) -> None:
        """Wait for a verdict and until the unit has taken itself away, seen without SSH."""
        wait_until(lambda: self.file("verdict"), f"verdict: {self.file('guard.log')}", timeout=40)
        assert self.file("verdict").split()[0] == word, self.file("guard.log")
        wait_until(lambda: self.file("exit"), "its end", timeout=60)
        wait_until(self.is_gone, "the unit to go")

    def is_gone(self) -> bool:
        units = self.machine.inside(f"systemctl list-units --all --no-legend '{UNIT}'").stdout
        files = self.machine.inside("find /etc/systemd /run/systemd -name '*hostshift*'").stdout
        return not units.strip() and not files.strip()


@asynccontextmanager
async def guarded(machine: Machine, directory: Path, user: str = "admin") -> AsyncIterator[Guarded]:
    become = "none" if user == "root" else "sudo"
    inventory = load(write_inventory(directory, [machine], user=user, become=become))
    session = open_session(inventory, state_dir=directory / "state")
    try:
        made = Guarded(session, machine)
        await lock.take(session.transport, made.host, RUN, {"operator": "ops"}, 0)
        yield made
    finally:
        await session.transport.close()


async def test_locked_out_by_sshd_it_fires(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    config = machine.root / SSHD_CONFIG
    before = config.read_text()
    async with guarded(machine, tmp_path) as run:
        state = await run.arm("ssh", "sudo", "pam")
        address = f"banner {machine.address} 22"
        assert set(state.tests) == {address, "sshd", "visudo", "pam"}
        config.write_text("PermitRootLogin perhaps\n")
        (config.parent / "new.conf").write_text("Port 2222\n")
        machine.inside("rm /home/admin/.ssh/authorized_keys; systemctl restart ssh", check=False)
        with pytest.raises(UnreachableError):
            await run.confirm()
        run.wait_end("fired")
        machine.wait_ssh()
        assert config.read_text() == before
        assert not (config.parent / "new.conf").exists()
        replaced = machine.root / DIRECTORY / "replaced"
        assert (replaced / SSHD_CONFIG).read_text() == "PermitRootLogin perhaps\n"
        # confirming now says what happened
        state = await run.confirm()
        assert (state.state, state.healthy) == ("fired", True)
        assert any("own test fails: " in line and "sshd; " in line for line in state.log)
        assert machine.inside("systemctl is-system-running").stdout == "running\n"


async def test_a_healthy_host_is_not_reverted(new_host: NewHost, tmp_path: Path) -> None:
    """The controller went away; what was changed is fine."""
    machine = new_host()
    config = machine.root / SSHD_CONFIG
    async with guarded(machine, tmp_path, "root") as run:
        await run.arm("ssh", "sudo", "pam", "network", "firewall", seconds=2)
        changed = config.read_text() + "LoginGraceTime 99\n"
        config.write_text(changed)
        started = machine.inside("systemctl show -p ExecMainPID ssh").stdout
        run.wait_end("stood-down")
        assert config.read_text() == changed
        assert machine.inside("systemctl show -p ExecMainPID ssh").stdout == started
        assert run.file("after") == ""
        assert not (machine.root / DIRECTORY / "replaced").exists()
        state = await run.confirm()
        assert (state.state, state.healthy) == ("stood-down", None)


async def test_a_confirmation_takes_the_guard_away(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with guarded(machine, tmp_path) as run:
        armed = await run.arm("ssh", seconds=600)
        assert armed.at is not None
        again = await guard.arm(
            run.session.transport, run.host, RUN, STEP, GuardAct(("ssh",), 600), {}
        )
        assert again.found
        unit = machine.root / "etc/systemd/system" / UNIT
        text = unit.read_text()
        saved = machine.root / DIRECTORY / "armed/saved"
        assert (saved / "etc/ssh/ssh_host_ed25519_key").stat().st_mode & 0o777 == 0o600
        assert (saved / "home/admin/.ssh/authorized_keys").stat().st_uid != 0
        for _ in range(2):
            state = await run.confirm()
            assert state.state == "confirmed"
        assert run.is_gone()
        assert not saved.exists()
        assert json.loads(run.file("armed/guard.json"))["operator"] == "ops"
        assert (await run.look()).state == "confirmed"
        assert (await guard.look(run.session.transport, run.host, RUN, "other")).state == "missing"
        # what another deployment's /etc still has of it goes away when that boots
        unit.write_text(text)
        machine.inside(f"systemctl daemon-reload; systemctl start {UNIT}")
        wait_until(run.is_gone, "the unit to go")
        # and does nothing once the run is forgotten
        unit.write_text(text)
        machine.inside(f"rm -r /{DIRECTORY}; systemctl daemon-reload; systemctl start {UNIT}")
        assert machine.inside(f"systemctl is-active {UNIT}", check=False).stdout == "inactive\n"
        assert machine.inside("systemctl is-system-running", check=False).stdout == "running\n"


async def test_it_survives_a_reboot(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with guarded(machine, tmp_path) as run:
        await run.arm("ssh", seconds=10)
        (machine.root / SSHD_CONFIG).write_text("nonsense\n")
        boots = machine.container.boots
        machine.inside("systemctl --no-block reboot")
        wait_until(lambda: machine.container.boots > boots, "the reboot")
        run.wait_end("fired")
        assert (await run.look()).healthy
        assert "the host was restarted" in run.file("guard.log")


async def test_strict_reverts_without_a_confirmation(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    hosts = machine.root / "etc/hosts"
    before = hosts.read_text()
    async with guarded(machine, tmp_path) as run:
        await run.arm("network", seconds=2, strict=True)
        hosts.write_text(before + "192.0.2.1 wrong\n")
        run.wait_end("fired")
        assert hosts.read_text() == before
        assert (await run.look()).healthy


async def test_routes_and_rules_come_back(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with guarded(machine, tmp_path) as run:
        state = await run.arm("network", "firewall")
        assert {"route 4", f"ping {machine.settings.gateway}"} <= set(state.tests)
        machine.inside("ip route del default")
        machine.inside("nft add table inet bad; nft add chain inet bad in "
                       "'{ type filter hook input priority 0; policy drop; }'")  # fmt: skip
        run.wait_end("fired")
        state = await run.look()
        assert state.healthy
        assert machine.inside("nft list ruleset").stdout == ""
        assert machine.settings.gateway in machine.inside("ip route show default").stdout


async def test_a_job_at_work_holds_the_count(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with guarded(machine, tmp_path) as run:
        act = JobAct(commands=(("sleep", "5"),))
        plan = Plan(
            machine.name, "upgrade", NOW, (), Effects(), None, OutageWindow(None, "unknown")
        )
        await run.arm("ssh", seconds=2)
        await start(run.session.transport, run.host, plan, RUN, "upgrade", act, {})
        job = machine.root / DIRECTORY.replace(STEP, "upgrade")
        wait_until((job / "exit").exists, "the job")
        assert run.file("verdict") == ""
        run.wait_end("stood-down")
