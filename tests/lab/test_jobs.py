"""Jobs on real hosts: stopped, flooded, on a full disk; a lock that two want; the repair."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import door
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.jobs.follow import Seen, follow
from engine.jobs.mirror import Mirror
from engine.jobs.start import start
from engine.jobs.stop import StopAnswer, stop
from engine.model.plan import JobAct
from engine.session import Session
from tests.lab.aptproxy import Fault
from tests.lab.conftest import NewHost
from tests.lab.controller import slow_for, slow_packages
from tests.lab.machine import Machine, Options
from tests.lab.processes import wait_until
from tests.lab.scenarios import apt_get, lab_packages, package_state, switch_to
from tests.lab.session import Lab, Prepare
from tests.lab.test_transport import session_for
from tests.unit.jobs.jobs import FIELDS, plan_of

RUN, STEP = "20261123T031500-ab12cd", "upgrade"
HOME = "var/lib/hostshift"
UNIT = f"hostshift-{RUN}-{STEP}.service"
APT = (
    *("apt-get", "-y", "-o", "Dpkg::Options::=--force-confold", "-o", "APT::Status-Fd=3"),
    *("--with-new-pkgs", "upgrade"),
)
SECOND = ("touch", "/root/second")
ENVIRONMENT = (("DEBIAN_FRONTEND", "noninteractive"), ("LC_ALL", "C.UTF-8"))
BOUND = 1 << 20
Golden = Callable[[str, Prepare], Path]


class Jobs:
    """One controller's view of one run's job on one host."""

    def __init__(self, session: Session, machine: Machine, directory: Path, run: str) -> None:
        self.session, self.machine, self.run = session, machine, run
        self.transport, self.host = session.transport, session.inventory.hosts[0]
        self.mirror = Mirror(directory / "log")

    @property
    def directory(self) -> Path:
        return self.machine.root / HOME / "runs" / self.run / STEP

    async def begin(self, *commands: tuple[str, ...]) -> None:
        await self.begin_act(JobAct(commands=commands, environment=ENVIRONMENT))

    async def begin_act(self, act: JobAct) -> None:
        await lock.take(self.transport, self.host, self.run, FIELDS, 0)
        await start(
            *(self.transport, self.host, plan_of(act), self.run, STEP, act, FIELDS),
            log_bound=BOUND,
        )

    async def see(self, seconds: int = 1) -> Seen:
        return await follow(
            *(self.transport, self.host, self.run, STEP, self.mirror, lambda _: None),
            seconds=seconds,
        )

    async def end(self) -> Seen:
        """Follow to the end."""
        while (seen := await self.see(20)).alive:
            pass
        assert self.mirror.path.read_bytes() == (self.directory / "log").read_bytes()
        return seen

    async def stop(self, *, hard: bool = False) -> StopAnswer:
        return await stop(self.transport, self.host, self.run, STEP, hard=hard, patience_s=2)

    async def repair(self) -> Seen:
        """Plan a repair from what the host shows now, and carry out its job."""
        look = await door.look_at(self.session, self.host, "full")
        assert look.facts is not None
        plan = door.make_plan(self.host, look.facts, "repair", self.session.clock.now())
        (act,) = [step.act for step in plan.steps if isinstance(step.act, JobAct)]
        await self.begin_act(act)
        return await self.end()

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def wait_for_log(self, text: str) -> None:
        wait_until(lambda: text in self.log(), text)

    def assert_no_trace_in_systemd(self) -> None:
        """The unit was collected, and the host isn't degraded."""
        units = "systemctl list-units --all --no-legend 'hostshift-*'"
        wait_until(lambda: not self.machine.inside(units).stdout, "the unit to be collected")
        state = self.machine.inside("systemctl is-system-running", check=False).stdout
        assert state == "running\n"


@asynccontextmanager
async def jobs_of(machine: Machine, directory: Path, run: str = RUN) -> AsyncIterator[Jobs]:
    directory.mkdir(exist_ok=True)  # noqa: ASYNC240 - local, and only a name
    async with session_for(machine, directory, "admin") as session:
        yield Jobs(session, machine, directory, run)


@pytest.fixture
def slow(new_host: NewHost, golden: Golden) -> Machine:
    """A host on which lab-lib and lab-slow (six seconds) are due."""
    host = new_host(options=Options(layers=[golden("runs-v1", slow_packages)]))
    switch_to(host, "v2")
    slow_for(host, 6)
    return host


@pytest.mark.parametrize("by", ["soft", "systemctl"])
async def test_a_stop_waits_for_the_package_transaction(
    by: str, slow: Machine, tmp_path: Path
) -> None:
    async with jobs_of(slow, tmp_path) as jobs:
        await jobs.begin(APT, SECOND)
        jobs.wait_for_log("lab-slow: step 2 ")
        if by == "soft":
            assert await jobs.stop() == StopAnswer("asked")
        else:
            slow.inside(f"systemctl --no-block stop {UNIT}")
        seen = await jobs.end()
        assert "lab-slow: step 6 of 6" in jobs.log()
        assert package_state(slow, "lab-slow") == "ii"
        assert (seen.exit_status, seen.untouched, seen.killed) == (12, False, None)
        assert not (slow.root / "root/second").exists()
        jobs.assert_no_trace_in_systemd()
        assert await jobs.stop(hard=True) == StopAnswer("ended")


async def test_a_stop_ends_a_download_without_a_trace(
    lab: Lab, slow: Machine, tmp_path: Path
) -> None:
    async with jobs_of(slow, tmp_path) as jobs:
        with lab.fault(Fault(match="pool/lab-slow", delay_s=60)):
            await jobs.begin(APT, SECOND)
            jobs.wait_for_log("Get:")
            assert (await jobs.stop()).verdict == "asked"
            seen = await jobs.end()
        assert (seen.exit_status, seen.untouched) == (12, True)
        assert "before any package was changed" in jobs.log()
        versions = slow.inside("dpkg-query -W -f '${Version} ' lab-lib lab-slow").stdout
        assert versions.split() == ["1.0-1", "1.0-1"]
        assert slow.inside("dpkg --audit").stdout == ""
        apt_get(slow, "check")
        jobs.assert_no_trace_in_systemd()


async def test_a_hard_stop_ends_dpkg_and_a_repair_finishes_it(
    slow: Machine, tmp_path: Path
) -> None:
    slow_for(slow, 120)
    async with jobs_of(slow, tmp_path / "first") as jobs:
        await jobs.begin(APT, SECOND)
        jobs.wait_for_log("lab-slow: step 2 ")
        answer = await jobs.stop(hard=True)
        assert answer.verdict == "gone", answer.said
        assert any("lab-slow.postinst" in line for line in answer.said)
        assert any("dpkg" in line for line in answer.said)
        assert any(line.startswith("sent TERM") for line in answer.said)
        seen = await jobs.see(10)
        assert (seen.alive, seen.exit_status) == (False, None)
        assert seen.killed is not None
        assert not (jobs.directory / "exit").exists()
        assert slow.inside("pgrep -f [l]ab-slow.postinst", check=False).stdout == ""
        jobs.assert_no_trace_in_systemd()
        assert package_state(slow, "lab-slow") != "ii"
        await lock.release(jobs.transport, jobs.host, jobs.run)
    slow_for(slow, 0)
    async with jobs_of(slow, tmp_path / "second", "repair-run") as jobs:
        assert (await jobs.repair()).exit_status == 0
        assert package_state(slow, "lab-slow") == "ii"


async def test_a_full_disk_does_not_swallow_the_result(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host(options=Options(size="330M"))
    async with jobs_of(host, tmp_path) as jobs:
        wait = "echo on; until [ -e /run/go ]; do sleep 0.1; done; echo what nobody reads; exit 7"
        await jobs.begin(("sh", "-c", wait))
        jobs.wait_for_log("on\n")
        fill = "for size in 1M 4k 1; do dd if=/dev/zero of=/fill.$size bs=$size; done"
        host.inside(fill, check=False)
        assert host.inside("echo x >/full", check=False).returncode != 0
        assert os.statvfs(host.root).f_bavail == 0
        (host.live_root / "run/go").touch()
        wait_until((jobs.directory / "exit").exists, "the result")
        seen = await jobs.see(10)
        assert seen.exit_status == 7
        assert seen.log_is_whole
        jobs.assert_no_trace_in_systemd()


async def test_a_flood_stays_within_its_bound(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    async with jobs_of(host, tmp_path) as jobs:
        flood = "for n in $(seq 25); do seq 200000; sleep 0.1; done; echo last; exit 5"
        await jobs.begin(("sh", "-c", flood))
        largest = 0
        while (seen := await jobs.see(1)).alive:
            largest = max(largest, (jobs.directory / "log").stat().st_size)
        assert seen.exit_status == 5
        log = (jobs.directory / "log").read_bytes()
        assert BOUND / 2 < len(log) <= BOUND
        assert largest < 16 * BOUND
        assert log.endswith(
            b"199999\n200000\nlast\nhostshift: " + log.rpartition(b"hostshift: ")[2]
        )
        assert log.count(b"are left out here") == 1
        while not seen.log_is_whole:
            seen = await jobs.see(5)
        assert jobs.mirror.path.read_bytes() == log
        # A job that failed has not degraded the host.
        jobs.assert_no_trace_in_systemd()


async def test_two_operators_and_one_lock(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    records = host.root / HOME / "locks-broken"
    file = host.root / HOME / "lock"
    async with (
        jobs_of(host, tmp_path / "eve") as eve,
        jobs_of(host, tmp_path / "bob", "bobs-run") as bob,
    ):
        await eve.begin(("sh", "-c", "echo on; exec setsid sleep 300"))
        eve.wait_for_log("on\n")
        host.inside(f"touch -d '-400 seconds' /{HOME}/lock")
        with pytest.raises(lock.LockAliveError, match="sleep 300") as refused:
            await lock.break_lock(
                *(bob.transport, bob.host, bob.run, RUN), operator="bob", reason="impatient"
            )
        assert f"unit {UNIT}: ActiveState=active" in refused.value.message
        host.inside(f"systemctl kill -s KILL {UNIT}")
        eve.assert_no_trace_in_systemd()
        assert (await lock.evidence(bob.transport, bob.host, RUN)).stale
        done = await lock.break_lock(
            *(bob.transport, bob.host, bob.run, RUN), operator="bob", reason="she is away"
        )
        assert done is not None
        assert not file.exists()
        assert json.loads(records.read_text())["reason"] == "she is away"
        assert records.stat().st_mode & 0o777 == 0o644

        # Now bob waits at a gate, and eve acts over his claim, by its name only.
        await lock.take(bob.transport, bob.host, bob.run, FIELDS, 0)
        assert await lock.wait_at_gate(bob.transport, bob.host, bob.run, "gate")
        look = await door.look_at(eve.session, eve.host, "full")
        assert look.facts is not None
        assert look.facts.lock is not None
        assert (look.facts.lock.claim, look.facts.lock.step) == (True, "gate")
        with pytest.raises(LockedError, match=bob.run):
            await lock.take(eve.transport, eve.host, "eves-second", FIELDS, 0)
        await lock.take(eve.transport, eve.host, "eves-second", FIELDS, 0, over=bob.run)
        assert not await lock.resume(bob.transport, bob.host, bob.run, STEP)
        assert await lock.release(eve.transport, eve.host, "eves-second")
        assert await lock.resume(bob.transport, bob.host, bob.run, STEP)
        told = [json.loads(line)["what"] for line in records.read_text().splitlines()]
        assert told == ["broken", "overridden"]


async def test_a_repair_adds_what_is_missing_and_removes_nothing(
    new_host: NewHost, tmp_path: Path
) -> None:
    host = new_host()
    lab_packages(host, "v1", ["lab-kept"])
    switch_to(host, "v2")
    # Unpacked and not configured, because what it depends on is missing.
    host.inside("cd /root && apt-get -q download lab-kept && dpkg -i lab-kept_*.deb", check=False)
    assert package_state(host, "lab-kept") == "iU"
    async with jobs_of(host, tmp_path / "1", "repair-1") as jobs:
        assert (await jobs.repair()).exit_status == 0
        await lock.release(jobs.transport, jobs.host, jobs.run)
    assert package_state(host, "lab-kept") == package_state(host, "lab-newdep") == "ii"
    # Nothing half done, but the dependency is gone.
    host.inside("dpkg --force-depends -r lab-newdep")
    async with jobs_of(host, tmp_path / "2", "repair-2") as jobs:
        assert (await jobs.repair()).exit_status == 0
        await lock.release(jobs.transport, jobs.host, jobs.run)
    assert package_state(host, "lab-newdep") == "ii"
    # What nothing can satisfy would have to go: a person decides that.
    host.inside("cd /root && apt-get -q download lab-unmet && dpkg -i lab-unmet_*.deb", check=False)
    async with jobs_of(host, tmp_path / "3", "repair-3") as jobs:
        seen = await jobs.repair()
        assert (seen.exit_status, seen.untouched) == (14, False)
        assert [line.split()[:3] for line in seen.difference] == [["+", "Remv", "lab-unmet"]]
        assert "would remove packages" in jobs.log()
    assert package_state(host, "lab-unmet") == "iU"
