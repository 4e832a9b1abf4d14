"""Whoever else is at work on a host: another program with dpkg's lock, another operator."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.lab.conftest import NewFault
from tests.lab.controller import (
    SLOW_WORKS,
    Controller,
    exit_of,
    let_finish,
    log_of,
    slow_for,
    wait_for_log,
)
from tests.lab.faults.truth import end_of
from tests.lab.machine import Machine
from tests.lab.paused import Paused
from tests.lab.scenarios import hold_dpkg_lock
from tests.operators import text


def test_a_dpkg_lock_that_is_held_is_waited_for(
    eve: Controller, upgradable: Machine, fault: NewFault
) -> None:
    case = fault("dpkg's lock is held, then released", "succeeded")
    slow_for(upgradable, 1)
    paused = Paused(eve)
    with hold_dpkg_lock(upgradable, 120) as holder:
        paused.go()
        wait_for_log(upgradable, f"held by process {holder} .python3")
    assert paused.ended().splitlines()[0] == "succeeded"
    case.observed(end_of(eve, eve.last()["id"]))


def test_a_dpkg_lock_that_stays_held_ends_the_job(
    eve: Controller, upgradable: Machine, fault: NewFault
) -> None:
    case = fault("dpkg's lock is held for ever", "cancelled, nothing changed")
    paused = Paused(eve, lock_wait_s=3)
    with hold_dpkg_lock(upgradable, 120) as holder:
        paused.go()
        said = paused.ended()
    assert f"process {holder} (" in said
    assert exit_of(upgradable) == "11"
    case.observed(f"{end_of(eve, eve.last()['id'])}, nothing changed")


def bob_at(directory: Path, host: Machine) -> Controller:
    """Another person at another machine."""
    bob = Controller(directory, host)
    # Every name of a user that getpass.getuser knows.
    bob.environment |= dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), "bob")
    return bob


def test_a_second_operator_is_refused_and_can_look_on(
    eve: Controller, upgradable: Machine, tmp_path: Path, fault: NewFault
) -> None:
    case = fault("a second operator comes during the job", "refused, exit 5; first: succeeded")
    slow_for(upgradable, 300)
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        bob = bob_at(tmp_path / "bob", upgradable)
        refused = bob.call("run", upgradable.name, "upgrade", "--confirm", "0" * 64, check=None)
        run = eve.told_run()
        assert run in text(refused)
        words = bob.words("attach", run)
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=bob.environment) as looking:
            assert looking.stdout is not None
            first = looking.stdout.readline()
            let_finish(upgradable)
            looked_on = first + looking.stdout.read()
        assert process.wait(120) == 0, eve.said()
    assert looking.returncode == 0
    assert looked_on == log_of(upgradable)
    assert eve.last()["operator"] in text(refused)
    case.observed(f"refused, exit {refused.returncode}; first: {end_of(eve, run)}")


@pytest.mark.parametrize("second", ["another operator", "the same operator"])
def test_two_start_in_the_same_second(
    eve: Controller, upgradable: Machine, tmp_path: Path, fault: NewFault, second: str
) -> None:
    case = fault(f"{second} starts in the same second", "succeeded, exit 0; refused, exit 5")
    slow_for(upgradable, 3)
    bob = bob_at(tmp_path / "bob", upgradable) if second == "another operator" else eve
    words = ("run", upgradable.name, "upgrade", "--confirm", eve.digest())
    both = [
        subprocess.Popen(
            one.words(*words),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=one.environment,
            text=True,
        )
        for one in (eve, bob)
    ]
    said = [process.communicate(timeout=120)[1] for process in both]
    ends = [process.returncode for process in both]
    assert sorted(ends) == [0, 5], said
    first = (eve, bob)[ends.index(0)]
    run = next(each["id"] for each in first.runs() if each["state"] == "succeeded")
    assert run in said[ends.index(5)]
    case.observed(f"{end_of(first, run)}, exit 0; refused, exit 5")
