"""Runs on real hosts: real sshd, systemd, apt and dpkg; what is true there is what is claimed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.lab.conftest import NewHost
from tests.lab.controller import (
    HOME,
    SLOW_WORKS,
    Controller,
    exit_of,
    has_lock,
    job_file,
    log_of,
    slow_for,
    units,
    wait_for_log,
)
from tests.lab.machine import Machine
from tests.lab.paused import Paused
from tests.lab.processes import wait_until
from tests.lab.scenarios import hold_dpkg_lock, lab_packages, package_state, switch_to


def test_an_upgrade_is_carried_out_and_proven(eve: Controller, upgradable: Machine) -> None:
    slow_for(upgradable, 2)
    done = eve.run()
    assert b"Setting up lab-lib (2" in done.stdout
    assert package_state(upgradable, "lab-lib") == "ii"
    on_host = log_of(upgradable)
    run = eve.runs()[0]
    assert run["state"] == "succeeded"
    assert [(step["id"], step["state"]) for step in run["steps"]] == [
        (name, "succeeded") for name in ("baseline", "upgrade", "verify")
    ]
    assert eve.call("log", run["id"]).stdout == on_host
    assert eve.call("log", run["id"], "upgrade").stdout == on_host
    assert done.stdout == on_host
    assert exit_of(upgradable) == "0"
    assert b"pmstatus:lab-lib" in job_file(upgradable, "progress").read_bytes()
    assert not has_lock(upgradable)
    assert units(upgradable) == ""
    assert upgradable.inside("systemctl is-system-running", check=False).stdout == "running\n"


def test_the_job_is_a_unit_that_nothing_kills(eve: Controller, upgradable: Machine) -> None:
    process = eve.begin_run()
    wait_for_log(upgradable, SLOW_WORKS)
    unit = units(upgradable).split()[0]
    show = upgradable.inside(
        f"systemctl show {unit} -p KillMode -p SendSIGKILL -p TimeoutStopUSec -p OOMPolicy"
    ).stdout
    assert set(show.split()) == {
        "KillMode=mixed",
        "SendSIGKILL=no",
        "TimeoutStopUSec=infinity",
        "OOMPolicy=continue",
    }
    # An administrator stops the unit in the middle of dpkg's work.
    upgradable.inside(f"systemctl stop {unit}", timeout=90)
    assert package_state(upgradable, "lab-slow") == "ii"
    assert exit_of(upgradable) == "0"
    assert process.wait(120) == 0, eve.said()


def test_another_transaction_than_planned_changes_nothing(
    eve: Controller, upgradable: Machine
) -> None:
    paused = Paused(eve)
    upgradable.inside("apt-mark hold lab-slow")
    paused.go()
    said = paused.ended()
    assert said.splitlines()[0] == "cancelled"
    assert re.search(r"^- Inst lab-slow ", said, re.MULTILINE)
    assert exit_of(upgradable) == "10"
    assert job_file(upgradable, "difference").read_text().startswith("- Inst lab-slow ")
    assert upgradable.inside("dpkg-query -W -f '${Version}' lab-lib").stdout.startswith("1")
    assert not has_lock(upgradable)


def test_a_confirmed_plan_that_changed_is_refused(eve: Controller, upgradable: Machine) -> None:
    digest = eve.digest()
    upgradable.inside("apt-mark hold lab-slow")
    refused = eve.call("run", upgradable.name, "upgrade", "--confirm", digest, check=5)
    assert b"- upgrade lab-slow 1" in refused.stderr
    assert b"lab-lib" not in refused.stderr
    unknown = eve.call("run", upgradable.name, "upgrade", "--confirm", "0" * 64, check=5)
    assert b"was printed here" in unknown.stderr
    assert eve.runs() == []
    assert not has_lock(upgradable)
    assert not (upgradable.root / HOME / "runs").exists()


def test_a_host_whose_dpkg_is_busy_is_refused(eve: Controller, upgradable: Machine) -> None:
    digest = eve.digest()
    with hold_dpkg_lock(upgradable, 90) as holder:
        refused = eve.call("run", upgradable.name, "upgrade", "--confirm", digest, check=5)
    assert str(holder) in refused.stderr.decode()
    assert not has_lock(upgradable)


def test_a_failing_package_is_attention_with_the_repair(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    lab_packages(host, "v1", ["lab-fail"])
    switch_to(host, "v2")
    eve = Controller(tmp_path, host)
    done = eve.run(check=4)
    assert b"lab-fail" in done.stderr
    assert b"repair" in done.stderr
    assert package_state(host, "lab-fail") == "iF"
    assert exit_of(host) == "100"
    assert eve.runs()[0]["state"] == "attention"
    assert not has_lock(host)


def test_a_machine_is_put_back_to_its_snapshot(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    lab_packages(host, "v1", ["lab-fail"])
    switch_to(host, "v2")
    # As much of the machine's disk as this needs; the lock of the run is on it.
    kept = "etc var/lib/dpkg usr/share/doc var/lib/hostshift"
    asked, on = tmp_path / "asked", tmp_path / "on"
    for name, words in (
        ("snapshot", f'tar -C {host.root} -cf "$HOSTSHIFT_SNAPSHOT.tar" {kept}'),
        (
            "restore",
            f'echo "$HOSTSHIFT_SNAPSHOT" >{asked}; until [ -e {on} ]; do sleep 0.2; done',
        ),
        ("remove", 'rm "$HOSTSHIFT_SNAPSHOT.tar"'),
    ):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\nset -eu\n[ $HOSTSHIFT_OLD = {host.name} ]\n{words}\n")
        script.chmod(0o755)
    scripts = {f"snapshot_{name}": f"./{name}" for name in ("restore", "remove")}
    eve = Controller(tmp_path, host, {"snapshot": "./snapshot", **scripts})
    done = eve.run(check=4)
    assert b"lab-fail" in done.stderr
    run = eve.runs()[0]
    assert run["state"] == "waiting"
    assert package_state(host, "lab-fail") == "iF"
    boot = host.boot_id()
    answer = eve.begin("answer", run["id"], "go-on", "--confirm", host.name)
    wait_until(asked.exists, "the script that puts it back", timeout=60)
    host.power_cut()
    snapshot = f"{tmp_path}/{asked.read_text().strip()}.tar"
    untar = ["tar", "-C", str(host.root), "--recursive-unlink", "-xf", snapshot]
    subprocess.run(untar, check=True, timeout=60)
    host.start()
    host.wait_booted()
    on.touch()
    assert answer.wait(timeout=120) == 1
    assert host.boot_id() != boot
    assert eve.runs()[0]["state"] == "rolled-back"
    assert package_state(host, "lab-fail") == "ii", "as it was before the run"
    assert not has_lock(host), "the lock that came back with the disk"
    # It knows of its snapshot still, and the chore removes that.
    digest = eve.plan(host.name, "clean:snapshots")
    eve.call("run", host.name, "clean:snapshots", "--confirm", digest)
    assert not Path(snapshot).exists()
    eve.call("plan", host.name, "clean:snapshots", check=5)


def test_a_configuration_file_that_was_kept_is_named(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    lab_packages(host, "v1", ["lab-conf"])
    file = host.root / "etc/lab/conf.ini"
    file.write_text("setting=mine\n")
    switch_to(host, "v2")
    eve = Controller(tmp_path, host)
    done = eve.run()
    said = b"kept your /etc/lab/conf.ini; the package's version is beside it as .dpkg-dist"
    assert said in done.stderr
    assert done.stderr.count(b"kept your") == 1
    assert eve.runs()[0]["state"] == "succeeded"
    assert file.read_text() == "setting=mine\n"
    assert file.with_name("conf.ini.dpkg-dist").read_text() == "setting=2\n"


def test_a_configuration_file_that_nobody_changed_is_replaced(
    new_host: NewHost, tmp_path: Path
) -> None:
    host = new_host()
    lab_packages(host, "v1", ["lab-conf"])
    switch_to(host, "v2")
    done = Controller(tmp_path, host).run()
    assert b"kept your" not in done.stderr
    assert (host.root / "etc/lab/conf.ini").read_text() == "setting=2\n"
