"""runs, log and the exit statuses of following, without a host."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

import engine.session
from engine.clock import FixedClock
from engine.commands import calibration, log, runs
from engine.commands.following import _leave_gate, _Writer, exit_status, until_ctrl_c
from engine.commands.run import _severity
from engine.errors import InputError
from engine.inventory import Inventory
from engine.model.run import Run, State
from engine.runs.ledger import Ledger
from engine.runs.observe import Observation
from engine.runs.records import Logs, Record
from engine.runs.steps import planned, with_state, with_step
from engine.transport.credentials import Credentials
from tests.unit.outputs import must_end_with_its_reader, must_tell_of_a_full_disk
from tests.unit.replacing.hands import Told, silent
from tests.unit.runs.conftest import plan_of

NOW = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
RUN = "20261123T031500-ab12cd"
HOSTILE = b"plain\n\x1b]0;owned\x07\xff\x00[red]\nno newline at the end"


def a_run(state: State = "succeeded") -> Run:
    run = planned(plan_of("true"), RUN, "eve@laptop", NOW)
    run = with_step(run, "upgrade", Observation("running"), NOW)
    later = NOW + timedelta(seconds=5)
    return with_state(
        with_step(run, "upgrade", Observation(state), later), Observation(state), later
    )


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine.session, "state_directory", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    asyncio.run(_remember(tmp_path))
    path = Logs(tmp_path).path(RUN, "upgrade")
    path.parent.mkdir(parents=True)
    path.write_bytes(HOSTILE)
    return tmp_path


async def _remember(state_dir: Path) -> None:
    ledger = Ledger(f"sqlite:///{state_dir}/runs.db", "eve@laptop pid 1")
    await ledger.create(Record(plan_of("true"), planned(plan_of("true"), RUN, "eve@laptop", NOW)))
    hold = await ledger.hold(RUN)
    hold.save(Record(plan_of("true"), a_run()))
    await hold.flush()
    await ledger.close()


def waiting(step: str, since: datetime) -> Run:
    asked = Observation("waiting", ("Go on?",), question="Go on?")
    run = planned(plan_of("true"), RUN, "eve@laptop", NOW)
    return with_state(with_step(run, step, asked, since), asked, since)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(a_run("running"), id="it goes on"),
        pytest.param(waiting("upgrade", NOW + timedelta(milliseconds=60)), id="asked once more"),
        pytest.param(waiting("verify", NOW), id="the next gate"),
    ],
)
async def test_a_gate_is_left_though_the_next_question_is_there_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, after: Run
) -> None:
    from engine import door

    answered = waiting("upgrade", NOW)
    seen = [answered, answered, after]
    monkeypatch.setattr(door, "get", lambda *_: seen.pop(0))
    session = engine.session.Session(
        inventory=Inventory(tmp_path / "inventory.toml", ()),
        transport=Told(silent),
        credentials=Credentials(),
        state_dir=tmp_path,
        clock=FixedClock(NOW),
    )
    await asyncio.wait_for(_leave_gate(session, answered), 30)
    assert seen == []


def arguments(**more: object) -> argparse.Namespace:
    return argparse.Namespace(inventory=None, read_only=False, **more)


def test_runs_json_has_the_agreed_shape(
    state_dir: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert runs.run(arguments(json=True)) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document == {
        "schema": 1,
        "runs": [
            {
                "id": RUN,
                "host": "h1",
                "candidate": "upgrade",
                "state": "succeeded",
                "operator": "eve@laptop",
                "started_at": "2026-11-23T03:15:00Z",
                "ended_at": "2026-11-23T03:15:05Z",
                "digest": plan_of("true").digest,
                "steps": [
                    {
                        "id": "upgrade",
                        "state": "succeeded",
                        "started_at": "2026-11-23T03:15:00Z",
                        "ended_at": "2026-11-23T03:15:05Z",
                    },
                    {"id": "verify", "state": "planned", "started_at": None, "ended_at": None},
                ],
            }
        ],
    }


def test_runs_for_people(state_dir: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert runs.run(arguments(json=False)) == 0
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert lines[0].split() == ["RUN", "HOST", "CANDIDATE", "STATE", "OPERATOR", "STARTED"]
    assert lines[1].startswith(RUN)
    assert runs.table([]) == "No runs yet.\n"


@pytest.mark.parametrize("step", [None, "upgrade"])
def test_log_writes_the_bytes_and_nothing_else(
    state_dir: Path, capsysbinary: pytest.CaptureFixture[bytes], step: str | None
) -> None:
    assert log.run(arguments(run_id=RUN, step=step)) == 0
    assert capsysbinary.readouterr().out == HOSTILE


@pytest.mark.parametrize(
    ("run_id", "step"), [("nothing", None), ("../x", None), (RUN, "nothing"), (RUN, "../x")]
)
def test_log_of_nothing_is_wrong_input(state_dir: Path, run_id: str, step: str | None) -> None:
    with pytest.raises(InputError):
        log.run(arguments(run_id=run_id, step=step))


@pytest.mark.parametrize("words", [("runs",), ("runs", "--json"), ("log", RUN), ("export", RUN)])
def test_an_output_that_can_not_be_written_is_told(
    state_dir: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    must_tell_of_a_full_disk(capfd, words)
    must_end_with_its_reader(capfd, words)


@pytest.mark.parametrize("state", get_args(State))
def test_every_state_has_an_exit_status(state: State) -> None:
    known = {"succeeded": 0, "failed": 1, "rolled-back": 1, "cancelled": 5}
    assert exit_status(a_run(state)) == known.get(state, 4)


async def test_ctrl_c_ends_a_command_in_order_and_says_how_to_follow_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tidied = []

    async def work() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(30)
        finally:
            tidied.append("up")
        return 0

    assert await until_ctrl_c(work(), (RUN,)) == 4
    assert tidied == ["up"]
    assert f"hostshift attach {RUN}" in capsys.readouterr().err


def test_the_worst_of_several_hosts_counts() -> None:
    assert sorted([1, 4, 0, 5, 3], key=_severity) == [0, 5, 3, 4, 1]


@pytest.mark.parametrize(
    ("host", "terminal", "want"),
    [
        (None, False, HOSTILE),
        ("h1", False, b"h1: " + HOSTILE.replace(b"\n", b"\nh1: ") + b"\n"),
        (None, True, "plain\n\ufffd[red]\nno newline at the end\n".encode()),
    ],
)
def test_a_terminal_gets_no_escapes_and_a_pipe_every_byte(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    host: str | None,
    terminal: bool,
    want: bytes,
) -> None:
    def read_log(session: object, run: str, step: str, offset: int, limit: int) -> bytes:
        return HOSTILE[offset : offset + 7]

    monkeypatch.setattr("engine.door.read_log", read_log)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    writer = _Writer(host)
    session = None
    writer.copy(session, RUN, "upgrade", last=False)  # type: ignore[arg-type]
    writer.copy(session, RUN, "upgrade", last=True)  # type: ignore[arg-type]
    assert capsysbinary.readouterr().out == want


PROGRESS = b"Reading... 5%\rReading... 10%\rReading... Done\r\nUnpacking\n0%\r50%\rend"


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_every_line_of_a_host_that_can_be_seen_has_its_name(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    def read_log(session: object, run: str, step_id: str, offset: int, limit: int) -> bytes:
        return PROGRESS[offset : offset + step]

    monkeypatch.setattr("engine.door.read_log", read_log)
    writer = _Writer("h1")
    writer.copy(None, RUN, "upgrade", last=False)  # type: ignore[arg-type]
    writer.copy(None, RUN, "upgrade", last=True)  # type: ignore[arg-type]
    out = capsysbinary.readouterr().out
    assert out == b"h1: Reading... Done\nh1: Unpacking\nh1: end\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_calibration_reads_the_record(
    state_dir: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    args = argparse.Namespace(inventory=None, read_only=False, json=as_json)
    assert calibration.run(args) == 0
    said = capsys.readouterr().out
    if as_json:
        found = json.loads(said)
        assert (found["schema"], found["runs"]) == (1, []), "this run's plan has no prediction"
    else:
        assert "nothing can be compared" in said
