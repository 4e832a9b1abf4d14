"""Reboots of real hosts: what speaks against one, and what proves it."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from engine.errors import UnreachableError
from engine.inventory import load
from engine.jobs import lock
from engine.model.host import Host
from engine.model.plan import RebootAct
from engine.reboot import (
    Back,
    Begun,
    Readiness,
    RefusalId,
    begin,
    judge,
    look_back,
    readiness,
    shown,
    stands_against,
)
from engine.session import open_session
from engine.transport.protocol import Transport
from tests.lab.conftest import NewHost
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine
from tests.lab.processes import stop, wait_until
from tests.lab.scenarios import hold_dpkg_lock

RUN, STEP = "20261124T031500-ab12cd", "reboot"
ACT = RebootAct(busy=("restic", "a-program-with-a-long-name"), deadline_s=60)


class Asked:
    """A host with an open connection of user admin, and the run that holds its lock."""

    def __init__(self, machine: Machine, transport: Transport, host: Host) -> None:
        self.machine, self.transport, self.host = machine, transport, host

    async def ready(self) -> Readiness:
        return await readiness(self.transport, self.host, RUN, ACT)

    async def begin(self) -> Begun:
        return await begin(self.transport, self.host, RUN, STEP, {"operator": "eve"})

    async def back(self) -> Back | None:
        try:
            return await look_back(self.transport, self.host, RUN, STEP)
        except UnreachableError:
            await self.transport.forget(self.host.name)
            return None

    async def until(self, true: Callable[[Back | None], bool], within_s: float = 40) -> Back | None:
        end = time.monotonic() + within_s
        while not true(back := await self.back()):
            assert time.monotonic() < end, back
            await asyncio.sleep(0.2)
        return back


@asynccontextmanager
async def asking(machine: Machine, directory: Path) -> AsyncIterator[Asked]:
    inventory = load(write_inventory(directory, [machine], user="admin", become="sudo"))
    session = open_session(inventory, state_dir=directory / "state")
    host = inventory.hosts[0]
    try:
        await lock.take(session.transport, host, RUN, {"operator": "eve"}, 0)
        yield Asked(machine, session.transport, host)
    finally:
        await session.transport.close()


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        stop(process)


def refusals(ready: Readiness) -> list[tuple[RefusalId, str]]:
    return [(refusal.id, refusal.message) for refusal in ready.refusals]


async def test_a_reboot_is_made_once_and_proven(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    # one service of every boot, and two that a person and the bus have started
    unit = "[Service]\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
    for name in ("lab-enabled", "lab-by-hand"):
        (machine.root / f"etc/systemd/system/{name}.service").write_text(unit)
    machine.inside(
        "systemctl daemon-reload; systemctl enable -q --now lab-enabled; "
        "systemctl start lab-by-hand systemd-hostnamed; "
        "systemd-run -q --unit=lab-transient sleep 500"
    )
    async with asking(machine, tmp_path) as asked:
        ready = await asked.ready()
        assert ready.systemd
        assert ready.container == "systemd-nspawn"
        assert ready.boot.id == machine.boot_id()
        assert (ready.refusals, ready.unread) == ((), ())
        first = await asked.begin()
        again = await asked.begin()
        assert (first.how, again.how) == ("started", "found")
        record = first.record
        assert record is not None
        assert record.boot == ready.boot
        assert {"lab-enabled.service", "lab-by-hand.service", "ssh.service"} <= {
            *(record.running or ())
        }
        assert {"lab-transient.service", "systemd-hostnamed.service"} <= {*record.passing}
        assert record.failed == ()
        back = await asked.until(lambda b: b is not None and b.boot.id != ready.boot.id)
        back = await asked.until(lambda b: b is not None and b.state == "running")
        assert back is not None
        assert back.boot.id == machine.boot_id()
        # carried on after the reboot: found, and no second reboot
        found = await asked.begin()
        assert found.how == "found"
        assert found.record is not None
        assert found.record.boot == ready.boot
        assert found.record.exit_status == 0
        verdict = judge(found.record, back, ACT, units_before=None, waited_s=61)
        assert verdict.state == "attention"
        assert verdict.reason[1:] == ("lab-by-hand.service doesn't run, and ran before",)
        before = ("lab-enabled.service", "ssh.service", "session-1.scope", "lab-transient.service")
        verdict = judge(found.record, back, ACT, units_before=before, waited_s=5)
        assert verdict.state == "succeeded", verdict
        assert verdict.reason[0].startswith("The host was rebooted: boot id ")
        machine.inside("systemctl start lab-by-hand")
        back = await asked.back()
        verdict = judge(found.record, back, ACT, units_before=None, waited_s=5)
        assert verdict.state == "succeeded", verdict
        assert machine.container.boots == 2
        assert "hostshift" not in machine.inside("systemctl list-units --all --no-legend").stdout
        modes = machine.inside(f"cd /var/lib/hostshift/runs/{RUN} && find . -perm /077").stdout
        assert modes == ""


async def test_a_host_that_never_returns(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    machine.container.comes_back = False
    async with asking(machine, tmp_path) as asked:
        begun = await asked.begin()
        here = await asked.back()
        assert here is not None
        waiting = judge(begun.record, here, ACT, units_before=(), waited_s=1)
        assert waiting.state == "running"
        await asked.until(lambda b: b is None)
        wait_until(lambda: not machine.container.is_on(), "the host to go down")
        assert await asked.back() is None
        going = judge(begun.record, None, ACT, units_before=(), waited_s=59, last_seen=shown(here))
        assert going.state == "running"
        gone = judge(begun.record, None, ACT, units_before=(), waited_s=60, last_seen=shown(here))
        assert gone.state == "attention"
        assert f"Last seen: boot {(here.boot.id or '')[:8]}, " in gone.reason[1]
        assert "console" in (gone.hint or "")


async def test_what_speaks_against_it(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    machine.inside("cp /bin/sleep /usr/bin/restic")
    machine.inside("cp /bin/sleep /usr/bin/a-program-with-a-long-name")
    async with asking(machine, tmp_path) as asked:
        with hold_dpkg_lock(machine) as pid:
            [(topic, message)] = refusals(await asked.ready())
            assert topic == "dpkg"
            assert f"process {pid} (python3 " in message
            refused = await asked.begin()
            assert refused.how == "refused"
            assert [r.id for r in refused.refusals] == ["dpkg"]
        assert not (machine.root / f"var/lib/hostshift/runs/{RUN}/{STEP}").exists()

        inside = machine.inside_command()
        ssh = machine.ssh_command("admin")
        inhibit = [*inside, "systemd-inhibit"]
        blocks = [*inhibit, "--what=sleep:shutdown", "--mode=block"]
        with (
            running([*inside, "restic", "300"]),
            running([*inside, "a-program-with-a-long-name", "300"]),
            # no terminal and the same user: another program's, or another hostshift's, connection
            running([*ssh, "sleep 300"]),
            running([ssh[0], "-tt", *ssh[1:], "sleep 300"]),
            # logind isn't told of root's terminal
            running([ssh[0], "-tt", *machine.ssh_command("root")[1:], "sleep 300"]),
            running([*machine.ssh_command("asker"), "sleep 300"]),
            running([*blocks, '--who=a "backup"', "--why=it is at work", "sleep", "300"]),
            running([*inhibit, "--what=shutdown", "--mode=delay", "sleep", "300"]),
        ):
            count = "[ $(pgrep -c '^(sleep|restic|a-program-with)') = 8 ]"
            wait_until(lambda: machine.inside(count, check=False).returncode == 0, "programs")
            ready = await asked.ready()
            found = refusals(ready)
            gateway = machine.settings.gateway
            said = [message.partition(" since ")[0] for topic, message in found]
            assert [topic for topic, _ in found] == [
                "busy", "busy", "logged-in", "logged-in", "logged-in", "inhibitor",
            ]  # fmt: skip
            assert {word.split(" ")[0] for word in said[:2]} == {
                "restic", "a-program-with-a-long-name",
            }  # fmt: skip
            assert all(" runs for " in word for word in said[:2])
            assert said[2].startswith("admin is logged in on pts/")
            assert said[3] == f"asker is logged in without a terminal from {gateway}"
            assert said[4].startswith("root is logged in on pts/")
            assert said[5].startswith('a "backup" forbids a shutdown: it is at work (process ')
            left = stands_against(ready, {"busy", "logged-in", "dpkg"})
            assert [refusal.id for refusal in left] == ["inhibitor"]
    assert machine.container.boots == 1


async def test_the_lock_of_another_and_a_job(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with asking(machine, tmp_path) as asked:
        job = f"/var/lib/hostshift/runs/{RUN}/upgrade"
        machine.inside(
            f"mkdir {job.rpartition('/')[0]} {job} && echo 1 >{job}/pid"
            f" && sed 's/^.*) //' /proc/1/stat | cut -d' ' -f20 >{job}/pid_start"
        )
        assert refusals(await asked.ready()) == [
            ("job", f"the job of step upgrade of run {RUN} is at work")
        ]
        assert [r.id for r in (await asked.begin()).refusals] == ["job"]
        machine.inside(f"echo 0 >{job}/exit")
        assert refusals(await asked.ready()) == []
        await lock.release(asked.transport, asked.host, RUN)
        await lock.take(asked.transport, asked.host, "other", {"operator": "bob"}, 0)
        [(topic, message)] = refusals(await asked.ready())
        assert (topic, message) == ("job", "the host is locked by bob (run other)")
