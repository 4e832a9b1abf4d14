"""Durable runs on real hosts: reboots, gates, hooks, a store that is lost, a disk that is full."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.conftest import NewFault, NewHost
from tests.lab.controller import Controller, has_lock
from tests.lab.machine import Machine, Options
from tests.lab.processes import wait_until
from tests.lab.scenarios import lab_packages, package_state, switch_to
from tests.lab.session import Prepare
from tests.operators import text

Golden = Callable[[str, Prepare], Path]
NEVER = "Sun 00:00-00:01 UTC"
"""A window that is closed for all but a minute of the week."""


def due(host: Machine) -> None:
    lab_packages(host, "v1", ("lab-lib",))


@pytest.fixture
def machine(new_host: NewHost, golden: Golden) -> Machine:
    """A host on which lab-lib is due."""
    host = new_host(options=Options(layers=[golden("durable-v1", due)]))
    switch_to(host, "v2")
    return host


def test_a_reboot_is_carried_out_and_proven(machine: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path / "eve", machine)
    before = machine.boot_id()
    eve.run("reboot")
    assert machine.boot_id() != before
    assert "The host was rebooted" in text(eve.call("export", eve.last()["id"]))
    assert eve.last()["state"] == "succeeded"
    assert not has_lock(machine)


def test_a_host_that_does_not_come_back_is_attention(
    machine: Machine, tmp_path: Path, fault: NewFault
) -> None:
    case = fault("host never returns from its reboot", "attention, exit 4")
    eve = Controller(tmp_path / "eve", machine, {"console": True, "deadlines": {"reboot": "20s"}})
    digest = eve.digest("reboot")
    process = eve.begin("run", machine.name, "reboot", "--confirm", digest)
    with process:
        job = machine.root / "var/lib/hostshift/runs"
        wait_until(lambda: list(job.glob("*/reboot/begun")), "the word to be given", timeout=90)
        machine.link(up=False)
        try:
            # the state is there at the deadline; to give the lock back waits for the host
            wait_until(
                lambda: eve.last()["state"] == "attention",
                "the host to be given up",
                timeout=240,
                every=1,
            )
        finally:
            machine.link(up=True)
        process.wait(120)
    case.observed(f"{eve.last()['state']}, exit {process.returncode}")
    assert "has not come back within" in eve.said()
    assert "Last seen" in eve.said()
    assert "console" in eve.said()


def test_a_gate_is_kept_on_the_host_and_answered_by_another_process(
    machine: Machine, tmp_path: Path
) -> None:
    eve = Controller(tmp_path / "eve", machine, {"window": NEVER})
    said = text(eve.run("upgrade", check=4))
    assert "outside its maintenance window" in said
    run = eve.last()
    assert run["state"] == "waiting"
    assert '"claim":true' in (machine.root / "var/lib/hostshift/lock").read_text()
    bob = Controller(tmp_path / "bob", machine)
    assert run["id"] in text(bob.call("plan", machine.name, "upgrade", check=5))
    eve.call("answer", run["id"], "go-on", check=2)
    said = text(
        eve.call("answer", run["id"], "go-on", "--confirm", machine.name, "--because", "agreed")
    )
    assert "succeeded" in said
    assert package_state(machine, "lab-lib") == "ii"
    assert not has_lock(machine)
    told = text(eve.call("export", run["id"]))
    assert "agreed" in told
    assert "apt-get" in told


def test_a_run_that_is_ended_at_its_gate_leaves_the_host_alone(
    machine: Machine, tmp_path: Path
) -> None:
    eve = Controller(tmp_path / "eve", machine, {"window": NEVER})
    eve.run("upgrade", check=4)
    eve.call("answer", eve.last()["id"], "end", check=5)
    assert eve.last()["state"] == "cancelled"
    assert not has_lock(machine)
    assert machine.inside("dpkg-query -W -f '${Version}' lab-lib").stdout.startswith("1")


def test_hooks_stand_around_a_real_upgrade(machine: Machine, tmp_path: Path) -> None:
    told = tmp_path / "told"
    hook = tmp_path / "hook.sh"
    hook.write_text(f"#!/bin/sh\ncat >>{told}\n")
    hook.chmod(0o755)
    hooks = {name: str(hook) for name in ("before", "after", "notify")}
    eve = Controller(tmp_path / "eve", machine, tables={"hooks": hooks})
    eve.run("upgrade")
    run = eve.last()
    wait_until(lambda: len(told.read_text().splitlines()) == 3, "three events")
    events = [json.loads(line) for line in told.read_text().splitlines()]
    assert [event["event"] for event in events[:1]] == ["before"]
    assert sorted(event["event"] for event in events) == ["after", "before", "notify"]
    assert {event["run"] for event in events} == {run["id"]}
    assert next(e for e in events if e["event"] == "notify")["state"] == "succeeded"
