"""Scripts on this machine as real processes: begun once, found again, ended, never lost."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import engine
from engine.errors import ReadOnlyError
from engine.inventory.value import Zone
from engine.model.plan import ScriptAct
from engine.scripts import (
    NotStartedError,
    again,
    environment,
    event,
    follow,
    judge,
    start,
    stop,
    tail,
)
from engine.scripts.keeper import BEGUN_BEFORE, LOG_LIMIT
from engine.scripts.keeper import __file__ as keeper
from engine.session import Session
from tests.lab.processes import wait_until
from tests.unit.scripts.scripts import (
    NOW,
    RUN,
    STEP,
    begin,
    ended,
    is_there,
    log,
    place,
    run_of,
    sh,
)
from tests.unit.transport.waiting import eventually

ROOT = Path(engine.__file__).parents[1]


async def test_a_script_runs_as_whoever_runs_hostshift_and_leaves_its_result(
    session: Session,
) -> None:
    act = sh('echo "$(id -u) $(umask) $(pwd)"; echo to stderr >&2; exit 7')
    assert await begin(session, act) == "started"
    seen = await ended(session)
    assert (seen.exit_status, seen.end, seen.begun) == (7, None, True)
    mask = os.umask(0)
    os.umask(mask)
    inventory = session.inventory.path.parent
    assert log(session) == f"{os.getuid()} {mask:04o} {inventory}\nto stderr\n"
    assert place(session).stat().st_mode & 0o777 == 0o700
    files = [file for file in place(session).iterdir() if file.is_file()]
    assert {file.name for file in files} == {
        *("script", "event.json", "job.json", "log", "exit", "alive", "starting", "pid"),
    }
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    job = json.loads(seen.job)
    assert (job["command"], job["operator"]) == (list(act.command), "eve@laptop")
    assert (job["digest"], job["boot_id"]) == ("d" * 64, seen.boot)


async def test_a_step_may_begin_its_scripts_anew_and_their_logs_go_on(session: Session) -> None:
    act = sh("echo tried; exit 3")
    part = f"{STEP}.example.com"
    for step in (STEP, part):
        await begin(session, act, step)
        await ended(session, step)
    assert await begin(session, act) == "found"
    await again(session, RUN, STEP)
    for step in (STEP, part):
        assert await begin(session, act, step) == "started"
        assert (await ended(session, step)).exit_status == 3
        assert log(session, step) == "tried\ntried\n"


async def test_a_script_that_runs_is_not_begun_beside_itself(session: Session) -> None:
    act = sh("echo tried; while [ ! -e go ]; do sleep 0.05; done")
    await begin(session, act)
    await again(session, RUN, STEP)
    assert await begin(session, act) == "found"
    (session.inventory.path.parent / "go").touch()
    await ended(session)
    assert log(session) == "tried\n"


async def test_hostile_names_arrive_as_they_are(session: Session) -> None:
    hostile = "\"; touch pwned; '$(touch pwned)`touch pwned`\\\n\t\x1b[31mü\u202e%s"
    run = run_of(host=hostile, operator=hostile, reason=(hostile, "--"))
    told = event("before", run, hostile, "begins", NOW)
    act = sh('cat >got; printf %s "$1" >word; printf %s "$HOSTSHIFT_OLD" >variable', hostile)
    old = replace(session.inventory.host("server1"), name=hostile)
    await start(session, RUN, STEP, act, told, environment(RUN, old))
    assert (await ended(session)).exit_status == 0
    got = session.inventory.path.parent / "got"
    assert got.read_bytes() == (place(session) / "event.json").read_bytes()
    assert got.read_bytes().isascii()
    assert got.read_bytes().endswith(b"}\n")
    assert json.loads(got.read_bytes()) == told
    assert told["reason"] == [hostile, "--"]
    assert got.with_name("word").read_text() == hostile
    assert got.with_name("variable").read_text() == hostile
    assert not list(session.state_dir.parent.rglob("pwned"))


async def test_only_the_variables_that_are_meant_are_told(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTSHIFT_NEW", "left over from another run")
    monkeypatch.setenv("HOSTSHIFT_RUN", "another run")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/the/agent")
    await begin(session, sh("env"))
    await ended(session)
    lines = log(session).splitlines()
    assert {line for line in lines if line.startswith(("HOSTSHIFT_", "SSH_AUTH"))} == {
        f"HOSTSHIFT_RUN={RUN}",
        "HOSTSHIFT_OLD=server1",
        "HOSTSHIFT_OLD_ADDRESS=server1.example.com",
        "HOSTSHIFT_TEST_MARK=" + os.environ["HOSTSHIFT_TEST_MARK"],
        "SSH_AUTH_SOCK=/the/agent",
    }


async def test_what_holds_a_tsig_key_is_not_in_its_environment(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSIG_SECRET", "c2VjcmV0")
    zones = (Zone("example.com", key_env="TSIG_SECRET"), Zone("example.org", key_env="no name"))
    session.inventory = replace(session.inventory, zones=zones)
    await begin(session, sh("env; exit 3"))
    assert (await ended(session)).exit_status == 3
    assert "HOSTSHIFT_RUN=" in log(session)
    assert "c2VjcmV0" not in log(session)


async def test_started_many_times_at_once_it_runs_once(session: Session) -> None:
    act = sh("cat; sleep 0.3")
    starts = (
        start(session, RUN, STEP, act, event("before", run_of(), None, f"try-{n}", NOW), {})
        for n in range(8)
    )
    assert Counter(await asyncio.gather(*starts)) == {"started": 1, "found": 7}
    assert (await ended(session)).exit_status == 0
    assert await begin(session, sh("echo something else")) == "found"
    # What is on the disk is what the one that ran was told.
    assert log(session) == (place(session) / "event.json").read_text()
    assert len(log(session).splitlines()) == 1


async def test_keepers_alone_let_only_one_begin(session: Session) -> None:
    await begin(session, sh("true"))
    await ended(session)
    fresh = place(session, "after")
    fresh.mkdir()
    shutil.copy(place(session) / "event.json", fresh)
    (fresh / "script").write_text("echo ran; sleep 0.3\n")
    command = (sys.executable, "-IS", keeper, str(fresh), "20", "1")
    run = functools.partial(subprocess.run, command, timeout=60, check=False)
    keepers = await asyncio.gather(*(asyncio.to_thread(run) for _ in range(6)))
    statuses = [done.returncode for done in keepers]
    assert Counter(statuses) == {0: 1, BEGUN_BEFORE: 5}
    await ended(session, "after")
    assert (await asyncio.to_thread(run)).returncode == BEGUN_BEFORE
    assert log(session, "after") == "ran\n"
    assert (fresh / "exit").read_text().strip() == "0"


_STARTER = """
import asyncio, sys
from pathlib import Path
from engine.inventory import Inventory
from engine.model.plan import ScriptAct
from engine.session import Session
from engine.scripts import start
from engine.transport.credentials import Credentials
from engine.transport.local import LocalTransport
base, run, step, text = Path(sys.argv[1]), *sys.argv[2:5]
credentials = Credentials()
session = Session(
    Inventory(base / "inventory" / "inventory.toml"), LocalTransport(credentials), credentials,
    base / "state",
)
act = ScriptAct(("sh", "-c", text), "before", 20)
async def main():
    print(await start(session, run, step, act, {"schema": 1}, {}), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def _starter(base: Path, text: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(base), RUN, STEP, text],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)},
    )


async def test_it_outlives_the_hostshift_that_started_it(session: Session) -> None:
    base, go = session.state_dir.parent, session.inventory.path.parent / "go"
    text = "echo begun; until [ -e go ]; do sleep 0.05; done; echo went on; exit 4"
    with _starter(base, text) as starter:
        assert starter.stdout is not None
        assert await asyncio.to_thread(starter.stdout.readline) == "started\n"
        # As a closed terminal and a kill -9 do: the whole session of the starter.
        os.killpg(starter.pid, signal.SIGKILL)
        assert starter.wait(20) == -signal.SIGKILL
    await eventually(lambda: log(session) == "begun\n")
    seen = await follow(session, RUN, STEP, seconds=0.5)
    assert (seen.alive, seen.exit_status, seen.begun) == (True, None, True)
    assert judge(sh(""), seen).state == "running"
    assert await begin(session, sh("echo twice")) == "found"
    go.touch()
    seen = await ended(session)
    assert (seen.alive, seen.exit_status) == (False, 4)
    assert log(session) == "begun\nwent on\n"


def _python_of(user: int) -> str:
    """An interpreter that a user may run: ours may lie where only its owner enters."""
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            subprocess.run([python, "-IS", "-c", ""], check=True, user=user, timeout=60)
            return python
    pytest.skip("no Python here that an ordinary user may run")


def test_an_ordinary_user_needs_nothing_of_root(session: Session) -> None:
    if os.getuid() != 0:
        pytest.skip("then all of these tests are run by an ordinary user")
    nobody = pwd.getpwnam("nobody").pw_uid
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        shutil.copy(keeper, home / "keeper.py")
        (home / "script").write_text("id -u\n")
        (home / "event.json").write_text("{}\n")
        for path in (home, *home.iterdir()):
            os.chown(path, nobody, -1)
        words = [_python_of(nobody), "-IS", str(home / "keeper.py"), directory, "20", "1"]
        subprocess.run(words, check=True, user=nobody, timeout=60)
        wait_until((home / "exit").exists, "a result", timeout=60)
        assert (home / "exit").read_text().strip() == "0"
        assert (home / "log").read_text() == f"{nobody}\n"
        assert {(home / name).stat().st_uid for name in ("exit", "log", "begun")} == {nobody}


async def test_at_its_deadline_it_is_ended(session: Session) -> None:
    act = sh("trap '' TERM; while :; do sleep 0.1; done", deadline_s=1)
    await begin(session, act, grace_s=0.3)
    seen = await ended(session)
    result = judge(act, seen, tail(session, RUN, STEP))
    assert (result.state, result.timed_out, result.exit_status) == ("failed", True, 137)
    assert result.stops_run
    assert "was ended at its deadline of 1 s" in result.reason[0]


async def test_one_that_ends_well_after_its_deadline_is_late_all_the_same(
    session: Session,
) -> None:
    act = sh("trap 'echo tidied; exit 0' TERM; while :; do sleep 0.05; done", deadline_s=2)
    await begin(session, act)
    seen = await ended(session)
    result = judge(act, seen, tail(session, RUN, STEP))
    assert (result.state, result.timed_out, result.exit_status) == ("failed", True, 0)
    assert result.tail.splitlines()[-1] == "tidied"


async def test_what_is_ended_is_ended_with_all_that_it_started(session: Session) -> None:
    # Each ignores being asked; one is in a process group of its own, as of a shell's job control.
    own_group = "import os, time; os.setpgid(0, 0); print(os.getpid(), flush=True); time.sleep(60)"
    child = "sh -c 'echo $$; while :; do sleep 0.1; done'"
    act = sh(f'trap \'\' TERM; {child} & "$1" -c "$2" & echo $$; wait', sys.executable, own_group)
    await begin(session, act, grace_s=0.3)
    await eventually(lambda: len(log(session).splitlines()) == 3)
    pids = [int(line) for line in log(session).splitlines()]
    assert all(is_there(pid) for pid in pids)
    seen = await stop(session, RUN, STEP)
    assert (seen.alive, seen.end, seen.exit_status) == (False, "stopped", 137)
    assert not any(is_there(pid) for pid in pids)


async def test_stop_asks_first_and_the_result_says_so(session: Session) -> None:
    act = sh("sleep 60")
    await begin(session, act)
    seen = await stop(session, RUN, STEP)
    result = judge(act, seen)
    assert (result.exit_status, result.timed_out, seen.end) == (143, False, "stopped")
    assert "was ended, as asked" in result.reason[0]
    assert (await stop(session, RUN, "never")).missing


async def test_a_keeper_that_is_told_to_end_ends_its_script(session: Session) -> None:
    await begin(session, sh("echo $$; sleep 60"))
    await eventually(lambda: log(session) and (place(session) / "pid").exists())
    os.kill(int((place(session) / "pid").read_text()), signal.SIGTERM)
    seen = await ended(session)
    assert (seen.end, seen.exit_status) == ("signalled", 143)
    assert not is_there(int(log(session)))


async def test_a_keeper_that_was_killed_leaves_no_claim(session: Session) -> None:
    act = sh("sleep 60")
    await begin(session, act)
    await eventually((place(session) / "pid").exists)
    os.kill(int((place(session) / "pid").read_text()), signal.SIGKILL)
    seen = await ended(session)
    assert (seen.alive, seen.exit_status) == (False, None)
    assert judge(act, seen).state == "attention"
    assert await begin(session, act) == "found"


async def test_a_log_without_end_ends_its_script(session: Session) -> None:
    act = sh(f"head -c {LOG_LIMIT + 1} /dev/zero; sleep 60")
    await begin(session, act)
    seen = await ended(session)
    assert seen.end == "log-full"
    assert judge(act, seen).state == "failed"
    (place(session) / "log").unlink()


@pytest.mark.parametrize(
    ("make", "status", "words"),
    [(False, 127, "not found"), (True, 126, "ermission denied")],
)
async def test_a_script_that_can_not_be_executed_says_why(
    session: Session, make: bool, status: int, words: str
) -> None:
    path = session.inventory.path.parent / "hook's.sh"
    if make:
        path.write_text("#!/bin/sh\n")
    act = ScriptAct((str(path),), "before", 20)
    await begin(session, act)
    result = judge(act, await ended(session), tail(session, RUN, STEP))
    assert result.exit_status == status
    assert words in result.reason[1]
    assert result.reason[-1] == "Nothing was changed on the host."


async def test_read_only_starts_and_stops_nothing(session: Session) -> None:
    looking = replace(session, read_only=True)
    with pytest.raises(ReadOnlyError):
        await begin(looking, sh("true"))
    with pytest.raises(ReadOnlyError):
        await stop(looking, RUN, STEP)
    assert not list(session.state_dir.iterdir())
    assert (await follow(looking, RUN, STEP)).missing


async def test_a_state_directory_that_can_not_be_written_is_told(session: Session) -> None:
    (session.state_dir / "runs").write_text("a file where a directory belongs")
    with pytest.raises(NotStartedError) as raised:
        await begin(session, sh("true"))
    assert str(place(session)) in raised.value.hint


async def test_a_keeper_that_fails_is_told_with_its_words(session: Session) -> None:
    place(session).mkdir(parents=True)
    (place(session) / "exit.new").mkdir()  # where the room for the result should be had
    with pytest.raises(NotStartedError, match=r"exit\.new"):
        await begin(session, sh("echo ran"))
    seen = await follow(session, RUN, STEP)
    assert (seen.begun, seen.missing) == (False, False)
    assert judge(sh(""), seen).state == "planned"
    (place(session) / "exit.new").rmdir()
    assert await begin(session, sh("echo ran")) == "started"
    assert (await ended(session)).exit_status == 0


async def test_the_tail_is_the_end_of_the_log_cleaned(session: Session) -> None:
    await begin(session, sh("seq 1 2000; printf 'red \\033[31mend\\n'"))
    await ended(session)
    shown = tail(session, RUN, STEP, 100)
    assert shown.splitlines()[-1] == "red end"
    assert len(shown) <= 100
    assert shown.splitlines()[0].isdigit()
    assert len(shown.splitlines()[0]) == 4  # not half a line
    assert tail(session, RUN, "never") == ""
