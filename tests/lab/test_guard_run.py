"""Whole runs with a guard, on booted hosts: all well, locked out, and nobody there to confirm."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.conftest import NewFault, NewHost
from tests.lab.controller import (
    HOME,
    SLOW_WORKS,
    Controller,
    has_lock,
    slow_for,
    units,
    wait_for_log,
)
from tests.lab.machine import Machine, Options
from tests.lab.processes import wait_until
from tests.lab.scenarios import lab_packages, package_state, switch_to
from tests.lab.session import Prepare
from tests.lab.settings import HERE
from tests.operators import text

Golden = Callable[[str, Prepare], Path]
GUARDED = ("dropbear-lab", "iptables-lab", "lab-slow")
SOON = {"deadlines": {"guard": "10s"}}
"""The host judges ten seconds after the job, and its test gets five to pass."""


def due(host: Machine) -> None:
    lab_packages(host, "v1", GUARDED)


@pytest.fixture
def machine(new_host: NewHost, golden: Golden) -> Machine:
    """A host on which packages are due of which two could lock the operator out."""
    host = new_host(options=Options(layers=[golden("guard-v1", due)]))
    switch_to(host, "v2")
    slow_for(host, 3)
    return host


def of_guard(machine: Machine, name: str) -> Path:
    found = sorted((machine.root / HOME / "runs").glob("*/guard"))
    return found[-1] / name if found else machine.root / "not-yet"


def verdict(machine: Machine) -> str:
    return of_guard(machine, "verdict").read_text().split()[0]


def guard_has_ended(machine: Machine) -> Callable[[], bool]:
    return lambda: of_guard(machine, "exit").exists()


def states(eve: Controller) -> dict[str, str]:
    return {step["id"]: step["state"] for step in eve.last()["steps"]}


def test_all_well_it_is_armed_confirmed_and_gone(machine: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, machine)
    eve.run()
    assert eve.last()["state"] == "succeeded"
    assert states(eve) == dict.fromkeys(
        ("baseline", "guard", "upgrade", "confirm", "verify"), "succeeded"
    )
    assert verdict(machine) == "confirmed"
    assert not of_guard(machine, "armed/saved").exists()
    assert not [*(machine.root / "etc/systemd/system").rglob("hostshift*")]
    assert units(machine) == ""
    assert machine.inside("systemctl is-system-running", check=False).stdout == "running\n"
    assert not has_lock(machine)


def test_locked_out_by_the_upgrade_it_fires(
    machine: Machine, tmp_path: Path, fault: NewFault
) -> None:
    case = fault("upgrade breaks sshd and firewall", "attention, exit 4, guard fired, sshd answers")
    (machine.root / "etc/lab/break").touch()
    eve = Controller(tmp_path, machine, SOON)
    with eve.begin_run() as process:
        wait_until(guard_has_ended(machine), "the guard to end", timeout=180)
        machine.wait_ssh()
        process.wait(120)
    case.observed(
        f"{eve.last()['state']}, exit {process.returncode}, guard {verdict(machine)}, sshd answers"
    )
    said = eve.said()
    assert f"own test failed (banner {machine.address} 22; sshd; " in said
    assert "is back as it was, and the host's own test passes since" in said
    assert "All 3 planned changes are there, at the version." in said
    assert states(eve)["confirm"] == "attention"
    assert package_state(machine, "dropbear-lab") == "ii"
    assert not (machine.root / "etc/ssh/sshd_config.d/dropbear-lab.conf").exists()
    assert machine.inside("nft list ruleset").stdout == ""
    assert not has_lock(machine)


def test_nobody_confirms_and_the_host_is_well(
    machine: Machine, tmp_path: Path, fault: NewFault
) -> None:
    case = fault(
        "hostshift SIGKILLed until past the guard's deadline",
        "attention, exit 4, guard stood-down",
    )
    eve = Controller(tmp_path, machine, SOON)
    process = eve.begin_run()
    wait_for_log(machine, SLOW_WORKS)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    wait_until(guard_has_ended(machine), "the guard to end", timeout=120)
    done = eve.call("attach", eve.last()["id"], check=None)
    case.observed(f"{eve.last()['state']}, exit {done.returncode}, guard {verdict(machine)}")
    assert "the guard stood down" in text(done)
    assert "All 3 planned changes are there, at the version." in text(done)
    assert not of_guard(machine, "replaced").exists()
    assert units(machine) == ""
    assert not has_lock(machine)


BOOT_UNIT = """[Unit]
Before=ssh.service
[Service]
Type=oneshot
ExecStart=/usr/local/bin/lab-boot
[Install]
WantedBy=multi-user.target
"""


def image_based(host: Machine) -> None:
    for name in ("ostree", "rpm-ostree", "lab-boot"):
        program = host.root / "usr/local/bin" / name
        shutil.copyfile(HERE / "image_host.sh", program)
        program.chmod(0o755)
    (host.root / "var/lib/lab-image").write_text("former\n")
    (host.root / "etc/systemd/system/lab-boot.service").write_text(BOOT_UNIT)
    host.inside("systemctl enable -q lab-boot")


def test_a_deployment_that_locks_out_is_rolled_back(
    new_host: NewHost, golden: Golden, tmp_path: Path, fault: NewFault
) -> None:
    """Real boots and a real sshd; which deployment is booted is what doubles of programs say."""
    case = fault(
        "new deployment breaks sshd (doubles of rpm-ostree)",
        "rolled-back, exit 1, guard fired, sshd answers",
    )
    machine = new_host(options=Options(layers=[golden("image-host", image_based)]))
    standing = machine.root / "var/lib/lab-image"
    standing.write_text("staged\n")
    eve = Controller(tmp_path, machine, SOON)
    with eve.begin_run("reboot") as process:
        wait_until(guard_has_ended(machine), "the guard to end", timeout=240)
        machine.wait_ssh()
        process.wait(180)
    case.observed(
        f"{eve.last()['state']}, exit {process.returncode}, guard {verdict(machine)}, sshd answers"
    )
    assert machine.container.boots == 3
    assert standing.read_text() == "former\n"
    said = eve.said()
    assert f"own test failed (banner {machine.address} 22; sshd): the former deployment" in said
    assert "as it was before the run" in said
    assert states(eve) == {
        "baseline": "succeeded",
        "guard": "succeeded",
        "reboot": "succeeded",
        "confirm": "rolled-back",
        "verify": "cancelled",
    }
    assert not [*(machine.root / "etc/systemd/system").rglob("hostshift*")]
    assert not has_lock(machine)
