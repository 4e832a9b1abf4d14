"""Right before acting: the simulation once more, and the package manager's lock."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs.mirror import Mirror
from engine.model.plan import JobAct
from tests.unit.jobs.jobs import begin, job_dir, see, sh
from tests.unit.jobs.local_host import LocalHost, until

# The guard

INST = "Inst lab [1.0] (2.0 Lab:v2 [all])"


@pytest.mark.parametrize(
    ("said", "planned"),
    [
        (INST, "Inst lab 1.0 2.0"),
        ("Inst new (2:1.0~rc1+b1 Debian:12.1/stable, Debian-Security:12/stable [amd64])",
         "Inst new - 2:1.0~rc1+b1"),
        ("Inst libx:i386 [1] (2 Raspberry Pi Foundation:stable [i386]) [libx:amd64 ]",
         "Inst libx:i386 1 2"),
        ("Inst local [1] (2 localhost [all]) []", "Inst local 1 2"),
        ("Inst bare [1] (2)", "Inst bare 1 2"),
        ("Remv old [3.1]", "Remv old 3.1"),
        ("Purg old [3.1]", "Remv old 3.1"),
        ("Inst b [1] (2 X:1 [all])\nConf b (2 X:1 [all])\nInst a [1] (2 X:1 [all])",
         "Inst a 1 2\nInst b 1 2"),
        ("Reading package lists...\n0 upgraded", ""),
    ],
)  # fmt: skip
async def test_what_was_planned_is_carried_out(
    lan: LocalHost, mirror: Mirror, said: str, planned: str
) -> None:
    (lan.root / "said").write_text(said + "\n")
    lan.double("apt-get", 'cat "${0%/*}/../said"\n')
    act = sh("echo acted", simulation=("apt-get", "-s"), expected=tuple(planned.splitlines()))
    await begin(lan, act)
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert b"acted\n" in mirror.path.read_bytes()


async def test_what_was_not_planned_is_not_carried_out(lan: LocalHost, mirror: Mirror) -> None:
    (lan.root / "said").write_text(INST + "\nRemv victim [1]\n")
    lan.double("apt-get", 'cat "${0%/*}/../said"\n')
    expected = ("Inst lab 1.0 1.9", "Inst other 1 2")
    await begin(lan, sh("echo acted", simulation=("apt-get", "-s"), expected=expected))
    seen = await see(lan, mirror)
    assert seen.exit_status == 10
    assert seen.untouched
    assert b"acted\n" not in mirror.path.read_bytes()
    assert seen.difference == (
        "- Inst lab 1.0 1.9", "- Inst other 1 2", "+ Inst lab 1.0 2.0", "+ Remv victim 1",
    )  # fmt: skip
    for line in seen.difference:
        assert line.encode() in mirror.path.read_bytes()


async def test_a_simulation_that_fails_is_not_taken_for_an_empty_one(
    lan: LocalHost, mirror: Mirror
) -> None:
    lan.double("apt-get", "echo 'E: dpkg was interrupted' >&2; exit 100\n")
    await begin(lan, sh("echo acted", simulation=("apt-get", "-s"), expected=()))
    seen = await see(lan, mirror)
    assert seen.exit_status == 13
    assert seen.untouched
    assert b"dpkg was interrupted" in mirror.path.read_bytes()
    assert b"acted\n" not in mirror.path.read_bytes()


async def test_a_command_that_ends_like_the_guard_is_not_taken_for_it(
    lan: LocalHost, mirror: Mirror
) -> None:
    await begin(lan, sh("exit 10"))
    seen = await see(lan, mirror)
    assert seen.exit_status == 10
    assert not seen.untouched


# A repair: what may fail, and what must not remove

MEND = ("apt-get", "-y", "-f", "install")
FIX = JobAct(
    commands=(("sh", "-c", "echo tried; exit 3"), MEND),
    last_simulation=("apt-get", "-s", "-f", "install"),
)


def apt_says(lan: LocalHost, said: str, status: int = 0) -> None:
    (lan.root / "said").write_text(said + "\n")
    lan.double(
        "apt-get",
        f'case "$*" in -s*) cat "${{0%/*}}/../said"; exit {status} ;; esac\necho mended; exit 4\n',
    )


async def test_the_last_command_of_a_repair_has_the_last_word(
    lan: LocalHost, mirror: Mirror
) -> None:
    apt_says(lan, "Inst missing (2 Lab:v2 [all])")
    await begin(lan, FIX)
    seen = await see(lan, mirror)
    log = mirror.path.read_bytes()
    assert seen.exit_status == 4
    assert log.index(b"tried\n") < log.index(b"Inst missing (2") < log.index(b"mended\n")
    assert seen.difference == ()


async def test_a_repair_that_would_remove_is_not_carried_out(
    lan: LocalHost, mirror: Mirror
) -> None:
    apt_says(lan, "Inst missing (2 Lab:v2 [all])\nRemv victim [1]\nPurg other [2]")
    await begin(lan, FIX)
    seen = await see(lan, mirror)
    assert seen.exit_status == 14
    assert not seen.untouched
    assert seen.difference == ("+ Remv other 2", "+ Remv victim 1")
    assert b"+ Remv victim 1" in mirror.path.read_bytes()
    assert b"mended\n" not in mirror.path.read_bytes()


async def test_a_repair_that_can_not_be_simulated_is_not_carried_out(
    lan: LocalHost, mirror: Mirror
) -> None:
    apt_says(lan, "E: broken", status=100)
    await begin(lan, FIX)
    seen = await see(lan, mirror)
    assert seen.exit_status == 13
    assert not seen.untouched
    assert b"mended\n" not in mirror.path.read_bytes()


# The package manager's lock

HOLDER = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(lan: LocalHost) -> Iterator[subprocess.Popen[bytes]]:
    """dpkg's lock on the host, held by a process of ours until its input is closed."""
    (lan.root / "proc").rename(lan.root / "proc.none")
    (lan.root / "proc").symlink_to("/proc")
    file = lan.root / "var/lib/dpkg/lock-frontend"
    file.parent.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.stdout.close()
    process.wait(10)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs Linux")
async def test_a_held_lock_is_waited_for(
    lan: LocalHost, mirror: Mirror, held: subprocess.Popen[bytes]
) -> None:
    await begin(lan, sh("echo acted", lock_wait_s=60))
    log = job_dir(lan) / "log"
    await until(lambda: f"held by process {held.pid}" in log.read_text())
    assert "acted\n" not in log.read_text().splitlines(keepends=True)
    assert held.stdin is not None
    held.stdin.close()
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert b"acted\n" in mirror.path.read_bytes()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs Linux")
async def test_a_lock_that_stays_held_ends_the_job_with_its_holder(
    lan: LocalHost, mirror: Mirror, held: subprocess.Popen[bytes]
) -> None:
    await begin(lan, sh("echo acted", lock_wait_s=1))
    seen = await see(lan, mirror)
    assert seen.exit_status == 11
    assert seen.untouched
    assert seen.holder is not None
    assert f"process {held.pid} (" in seen.holder
    assert b"acted\n" not in mirror.path.read_bytes()


async def test_a_lock_that_apt_itself_met_is_told_apart(lan: LocalHost, mirror: Mirror) -> None:
    lan.double(
        "apt-get",
        "echo 'E: Could not get lock /x. It is held by process 77 (unattended-upgr)'\n"
        "echo 'E: Unable to acquire the dpkg frontend lock (/x), is another process using it?'\n"
        "exit 100\n",
    )
    await begin(lan, JobAct(commands=(("apt-get", "upgrade"),)))
    seen = await see(lan, mirror)
    assert seen.exit_status == 11
    assert seen.untouched
    assert seen.holder == "process 77 (unattended-upgr)"


# The mirror

NOT_FETCHED = "echo 'E: Unable to fetch some archives, maybe run apt-get update'\n"


@pytest.mark.parametrize(
    ("said", "exit_status"),
    [
        ("echo dlstatus:1:0.0:Retrieving >&3\n" + NOT_FETCHED, 15),
        ("echo pmstatus:dpkg-exec:0.0:Running >&3\n" + NOT_FETCHED, 100),
        ("echo 'E: Sub-process returned an error code'\n", 100),
        ('rm "${0%/*}"/../var/lib/hostshift/runs/*/*/progress\n' + NOT_FETCHED, 100),
    ],
)
async def test_nothing_was_changed_when_apt_could_not_download_and_called_no_dpkg(
    lan: LocalHost, mirror: Mirror, said: str, exit_status: int
) -> None:
    lan.double("apt-get", f"{said}exit 100\n")
    await begin(lan, JobAct(commands=(("apt-get", "upgrade"),)))
    seen = await see(lan, mirror)
    assert seen.exit_status == exit_status
    assert seen.untouched == (exit_status == 15)
    assert b"E: " in (job_dir(lan) / "log").read_bytes()
