"""Faults of the host itself during an upgrade: power, a reboot, the disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.lab.conftest import NewFault, NewHost
from tests.lab.controller import Controller, exit_of, job_file
from tests.lab.faults.under_way import UnderWay
from tests.lab.machine import Machine
from tests.lab.processes import wait_until
from tests.lab.scenarios import package_state


def test_a_power_cut(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    case = fault("power cut, and on again", "attention, exit 4; repaired: succeeded")
    run = UnderWay(eve)
    upgradable.power_cut()
    run.wait_until_unknown()
    upgradable.start()
    upgradable.wait_booted()
    end = run.end()
    assert exit_of(upgradable) is None
    said = eve.said()
    assert "started anew" in said
    assert "lab-slow" in said
    assert "repair" in said
    case.observed(f"{end}; repaired: {repaired(eve)}")


def test_a_reboot_by_somebody_else(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    """systemd stops the job's unit, which ends after the transaction in hand; then it reboots."""
    case = fault("host rebooted by somebody else", "succeeded, exit 0")
    before = upgradable.boot_id()
    boots = upgradable.container.boots
    run = UnderWay(eve)
    upgradable.inside("systemctl --no-block reboot")
    wait_until(job_file(upgradable, "stop").exists, "systemd to stop the job", timeout=60)
    end = run.end()
    assert exit_of(upgradable) == "0"
    upgradable.wait_reboot(boots)
    assert upgradable.boot_id() != before
    assert "started anew" in eve.said()
    case.observed(end)


def test_a_disk_that_fills_up(
    upgradable: Machine, new_host: NewHost, tmp_path: Path, fault: NewFault
) -> None:
    case = fault("disk full", "attention, exit 4; repaired: succeeded")
    host = new_host(options=replace(upgradable.options, size="64M"))
    eve = Controller(tmp_path, host)
    run = UnderWay(eve)
    host.disk.fill()
    end = run.end()
    assert exit_of(host) == "100"
    said = eve.said()
    assert "no room is left on /" in said
    assert "Make room on the host first. Carry out the chore repair" in said
    assert "lock.sh" not in said
    host.disk.make_room()
    case.observed(f"{end}; repaired: {repaired(eve)}")


def repaired(eve: Controller) -> str:
    """The end of the repair that is offered."""
    eve.run("repair", check=None)
    assert package_state(eve.host, "lab-slow") == "ii"
    return str(eve.last()["state"])
