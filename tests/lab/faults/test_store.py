"""The store of runs is lost or damaged: the host's own lock and files keep the run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.conftest import NewFault
from tests.lab.controller import (
    SLOW_WORKS,
    Controller,
    exit_of,
    has_lock,
    let_finish,
    slow_for,
    wait_for_log,
)
from tests.lab.faults.truth import end_of
from tests.lab.machine import Machine
from tests.lab.processes import wait_until
from tests.operators import text

NEVER = "Sun 00:00-00:01 UTC"
"""A window that is closed for all but a minute of the week."""


def files(eve: Controller) -> list[Path]:
    """The store's: the database, and what SQLite keeps beside it."""
    return sorted((Path(eve.environment["XDG_STATE_HOME"]) / "hostshift").glob("runs.db*"))


def delete(eve: Controller) -> None:
    for file in files(eve):
        file.unlink()


def overwrite(eve: Controller) -> None:
    """As a disk does that has forgotten everything."""
    for file in files(eve):
        with file.open("r+b") as opened:
            opened.write(b"\xa5" * file.stat().st_size)


def overwrite_the_middle(eve: Controller) -> None:
    database = files(eve)[0]
    size = database.stat().st_size
    with database.open("r+b") as opened:
        opened.seek(size // 4)
        opened.write(b"\xa5" * (size // 2))


def move_aside(eve: Controller, hint: str) -> None:
    """Do what the hint says, and find what was moved as it was."""
    before = files(eve)[0].read_bytes()
    found = re.search(r"move it aside \((.+)\) and start anew", hint)
    assert found
    subprocess.run(["sh", "-c", found[1]], check=False, capture_output=True, timeout=60)
    assert files(eve)[0].name == "runs.db.broken"
    assert files(eve)[0].read_bytes() == before


def test_deleted_while_the_run_waits_at_a_gate(
    tmp_path: Path, upgradable: Machine, fault: NewFault
) -> None:
    case = fault("store deleted while a run waits at its gate", "waiting again, then succeeded")
    slow_for(upgradable, 1)
    eve = Controller(tmp_path, upgradable, {"window": NEVER})
    found = re.search(r": run (\S+)", text(eve.run(check=4)))
    assert found
    run = found[1]
    delete(eve)
    assert run in text(eve.call("status", upgradable.name, "--light", "--json"))
    assert run in text(eve.call("unlock", upgradable.name))
    again = text(eve.call("attach", run, check=4))
    eve.call("answer", run, "go-on", "--confirm", upgradable.name)
    before = "waiting" if f"{upgradable.name}: waiting" in again else "something else"
    case.observed(f"{before} again, then {end_of(eve, run)}")


@pytest.mark.parametrize(
    ("what", "damage", "says"),
    [
        ("deleted", delete, "was deleted or moved while it was open"),
        ("overwritten", overwrite, "is not a database"),
    ],
)
def test_lost_during_the_job(
    eve: Controller,
    upgradable: Machine,
    fault: NewFault,
    what: str,
    damage: Callable[[Controller], None],
    says: str,
) -> None:
    case = fault(f"store {what} during the job", "attention, exit 4; by attach succeeded")
    slow_for(upgradable, 300)
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        run = eve.told_run()
        damage(eve)
        wait_until(lambda: "Nothing new is begun meanwhile" in eve.said(), "to be told")
        assert exit_of(upgradable) is None
        let_finish(upgradable)
        process.wait(120)
    said = eve.said()
    assert "It has ended: succeeded." in said
    assert says in said
    # Nobody could be told of the end by the store, so the host still knows of the run.
    assert has_lock(upgradable)
    if what == "overwritten":
        move_aside(eve, said)
    done = eve.call("attach", run)
    assert done.returncode == 0
    state = "attention" if f"{upgradable.name}: attention" in said else "another state"
    case.observed(f"{state}, exit {process.returncode}; by attach {end_of(eve, run)}")


def test_damaged_between_two_calls(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    case = fault("store corrupted while nobody looks", "told, exit 1; by attach succeeded")
    slow_for(upgradable, 300)
    with eve.running() as process:
        wait_for_log(upgradable, SLOW_WORKS)
        process.kill()
    run = eve.last()["id"]  # also brings what was written into the database's own file
    overwrite_the_middle(eve)
    assert run in text(eve.call("status", upgradable.name, "--light", "--json"))
    refused = [eve.call(*words, check=None) for words in (("runs",), ("attach", run))]
    assert all("runs.db is corrupt" in text(done) for done in refused)
    move_aside(eve, text(refused[1]))
    let_finish(upgradable)
    eve.call("attach", run)
    (status,) = {done.returncode for done in refused}
    case.observed(f"told, exit {status}; by attach {end_of(eve, run)}")
