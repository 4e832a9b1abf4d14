"""reboot.sh under the shells of hosts: at most once, and never this machine's own reboot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import HostOutputError
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.model.plan import RebootAct
from engine.reboot import Boot, begin, look_back, readiness
from tests.unit.jobs.local_host import BOOT, SHELLS, LocalHost, under, until

RUN, STEP = "20261124T031500-ab12cd", "reboot"
ACT = RebootAct(busy=("restic", "a-program-with-a-long-name"))
FIELDS = {"operator": 'eve "the \\" admin"', "digest": "d" * 64}
OTHER = "99999999-2222-3333-4444-555555555555"


@pytest.fixture(params=SHELLS)
def lan(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalHost]:
    made = under(str(request.param), tmp_path / "host")
    process(made, 1, "init", start=500)
    (made.root / "proc/uptime").write_text("100.00 50.00\n")
    made.double("who", "exit 0")
    yield made
    made.end()


def process(lan: LocalHost, pid: int, name: str, *, start: int = 1000, state: str = "S") -> None:
    folder = lan.root / f"proc/{pid}"
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    zeros = "0 " * 17
    (folder / "stat").write_text(f"{pid} ({name}) {state} 1 {zeros}{start} 0 0\n")


def reboots(lan: LocalHost, text: str = "") -> Path:
    """The host's own reboot, which counts."""
    count = lan.root / "reboots"
    program = lan.root / "sbin/reboot"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho once >>'{count}'\n{text}\n")
    program.chmod(0o755)
    return count


async def taken(lan: LocalHost) -> None:
    await lock.take(lan, lan.host, RUN, {"operator": "eve"}, 0)


async def test_it_reboots_once_whoever_asks_again(lan: LocalHost) -> None:
    count = reboots(lan)
    await taken(lan)
    answers = await asyncio.gather(*(begin(lan, lan.host, RUN, STEP, FIELDS) for _ in range(4)))
    assert sorted(answer.how for answer in answers) == ["found", "found", "found", "started"]
    exit_file = lan.home / "runs" / RUN / STEP / "exit"
    await until(exit_file.exists)
    lan.set_boot(OTHER)
    again = await begin(lan, lan.host, RUN, STEP, FIELDS)
    assert again.how == "found"
    assert again.record is not None
    assert again.record.boot == Boot(BOOT, "500")
    assert again.record.exit_status == 0
    assert count.read_text() == "once\n"
    job = json.loads((exit_file.parent / "job.json").read_text())
    assert (job["operator"], job["run"], job["boot_id"]) == (FIELDS["operator"], RUN, BOOT)
    back = await look_back(lan, lan.host, RUN, STEP)
    assert back.boot.id == OTHER
    assert back.record == again.record
    assert (back.systemd, back.state, back.active) == (False, None, None)


async def test_the_words_of_a_reboot_that_fails_are_kept(lan: LocalHost) -> None:
    reboots(lan, "echo 'not now' >&2; exit 3")
    await taken(lan)
    await begin(lan, lan.host, RUN, STEP, FIELDS)
    await until((lan.home / "runs" / RUN / STEP / "exit").exists)
    record = (await look_back(lan, lan.host, RUN, STEP)).record
    assert record is not None
    assert (record.exit_status, record.said) == (3, ("not now",))


async def test_below_another_root_no_program_of_this_machine_is_asked(lan: LocalHost) -> None:
    """A demo host without a reboot of its own fails; it never finds the machine's."""
    ran = lan.root / "machine-reboots"
    for name in ("reboot", "systemctl", "systemd-run"):
        lan.double(name, f"echo {name} >>'{ran}'")
    await taken(lan)
    await begin(lan, lan.host, RUN, STEP, FIELDS)
    await until((lan.home / "runs" / RUN / STEP / "exit").exists)
    record = (await look_back(lan, lan.host, RUN, STEP)).record
    assert record is not None
    assert record.exit_status == 127
    assert not ran.exists()


async def test_without_the_lock_nothing_happens(lan: LocalHost) -> None:
    count = reboots(lan)
    await lock.take(lan, lan.host, "other", {"operator": "bob"}, 0)
    with pytest.raises(LockedError, match="bob"):
        await begin(lan, lan.host, RUN, STEP, FIELDS)
    assert not (lan.home / "runs" / RUN).exists()
    assert not count.exists()


async def test_who_is_at_work_is_named_and_not_rebooted(lan: LocalHost) -> None:
    await taken(lan)
    process(lan, 20, "restic", start=4000)
    process(lan, 21, "a-program-with-")
    process(lan, 22, "restic", state="Z")
    process(lan, 23, "restic-server")
    process(lan, 24, "bash restic")
    ready = await readiness(lan, lan.host, RUN, ACT)
    assert [refusal.message for refusal in ready.refusals] == [
        "restic runs for 1 min (process 20)",
        "a-program-with-a-long-name runs for 1 min (process 21)",
    ]
    assert (ready.boot, ready.systemd) == (Boot(BOOT, "500"), False)
    process(lan, 30, "dpkg")
    begun = await begin(lan, lan.host, RUN, STEP, FIELDS)
    assert begun.how == "refused"
    assert [refusal.message for refusal in begun.refusals] == ["dpkg is at work (process 30)"]
    assert not (lan.home / "runs" / RUN / STEP).exists()


async def test_a_host_that_cannot_tell_is_not_rebooted(lan: LocalHost) -> None:
    await taken(lan)
    (lan.root / "proc/locks").unlink()
    ready = await readiness(lan, lan.host, RUN, ACT)
    assert [refusal.id for refusal in ready.unread] == ["dpkg"]
    assert (await begin(lan, lan.host, RUN, STEP, FIELDS)).how == "refused"


async def test_where_nothing_can_be_written_nothing_begins(lan: LocalHost) -> None:
    count = reboots(lan)
    await taken(lan)
    # where the step's directory should come to lie stands a file
    (lan.home / "runs" / RUN).write_text("")
    with pytest.raises(HostOutputError, match=r"reboot.sh ended with status 1"):
        await begin(lan, lan.host, RUN, STEP, FIELDS)
    assert not count.exists()
