"""The way back to a run's snapshot, in words and as a command that can be typed."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from engine.model.run import SNAPSHOT, Run
from engine.plan import make_plan
from engine.runs import steps
from engine.runs.observe import Observation
from engine.runs.snapshot import way_back
from tests.unit.builders import NOW, facts, host, upgrade

OLD = replace(host(), snapshot="/vm/take.sh", address="192.0.2.1")
TAKEN = "The snapshot hostshift-run1 is of 2026-"


def run_with(state: Observation) -> Run:
    plan = make_plan(OLD, facts(upgrade("openssl")), "upgrade", NOW)
    return steps.with_step(steps.planned(plan, "run1", "eve", NOW), SNAPSHOT, state, NOW)


def test_the_command_tells_the_script_what_it_was_told_before() -> None:
    one = replace(OLD, snapshot_restore="/bin/sh -c 'env | grep ^HOSTSHIFT | sort'")
    words, command = way_back(run_with(Observation("succeeded", ("Taken.",))), one)
    assert words.startswith(TAKEN)
    assert "what server1 has written since is lost then" in words
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        "HOSTSHIFT_OLD=server1",
        "HOSTSHIFT_OLD_ADDRESS=192.0.2.1",
        "HOSTSHIFT_SNAPSHOT=hostshift-run1",
    ]


def test_without_a_script_to_restore_it_is_named_all_the_same() -> None:
    (words,) = way_back(run_with(Observation("succeeded", ("Taken.",))), OLD)
    assert words.startswith(TAKEN)
    assert "by your own means" in words


@pytest.mark.parametrize("state", ["failed", "attention", "running", "planned"])
def test_what_was_not_taken_is_no_way_back(state: str) -> None:
    assert way_back(run_with(Observation(state, ("No.",))), OLD) == ()  # type: ignore[arg-type]
