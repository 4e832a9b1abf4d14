"""However a lab ends, nothing of it stays: each test runs a second lab inside the first."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.processes import stop, wait_until
from tests.lab.session import Lab
from tests.lab.settings import HERE, REPOSITORY, Settings

WITH_A_HOST = """
import sys
from tests.lab.machine import Options
from tests.lab.session import Lab
with Lab() as lab, lab.machine("inner", Options(size="100M")) as host:
    host.start()
    host.wait_booted()
    if "frozen" in sys.argv:
        host.freeze()
    print(lab.settings.state.name, flush=True)
    sys.stdin.read()
"""


@contextmanager
def inner_lab(root: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A lab with one booted host, and the name of its state."""
    process = subprocess.Popen(
        [HERE / "enter.sh", sys.executable, "-c", WITH_A_HOST, *arguments],
        cwd=REPOSITORY,
        env=dict(os.environ, LAB_STATE_ROOT=str(root)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert name
        yield process, name
    finally:
        stop(process)


def traces(root: Path, name: str) -> list[str]:
    """Everything of a lab that can still be found."""
    found = [str(path) for path in (root, *root.glob("*")) if path.exists()]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [line for line in mounts if str(root) in line]
    outer = Settings.from_environment().cgroups
    found += [str(it) for it in outer if (it / f"hostshift-{name}").exists()]
    for image in Path("/sys/block").glob("loop*/loop/backing_file"):
        if str(root) in image.read_text():
            found.append(str(image))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            if f"LAB_STATE={root}/{name}".encode() in environment:
                found.append(f"process {(process / 'cmdline').read_bytes()!r}")
        except OSError:
            continue
    return found


def wait_no_traces(root: Path, name: str) -> None:
    try:
        wait_until(lambda: not traces(root, name), "the inner lab to vanish")
    except TimeoutError:
        pytest.fail("\n".join(traces(root, name)))


@pytest.fixture
def root(lab: Lab) -> Path:
    """Where inner labs keep their state: it goes with the outer one, whatever happens."""
    return lab.settings.state / "inner"


def test_nothing_stays_of_a_lab_that_ended(root: Path) -> None:
    with inner_lab(root) as (process, name):
        assert len(traces(root, name)) > 3
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
        assert traces(root, name) == []


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_nothing_stays_of_a_lab_that_was_killed(root: Path, state: str) -> None:
    with inner_lab(root, state) as (process, name):
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        wait_no_traces(root, name)


def test_next_lab_clears_what_a_killed_janitor_left(root: Path) -> None:
    with inner_lab(root) as (process, name):
        janitor = _janitor_of(root / name)
        for pid in (janitor, process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait(10)
        assert (root / name).exists()
        done = subprocess.run(
            [HERE / "enter.sh", "true"],
            check=False,
            env=dict(os.environ, LAB_STATE_ROOT=str(root)),
            timeout=60,
        )
        assert done.returncode == 0
        wait_no_traces(root, name)


def _janitor_of(state: Path) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--after" in words and str(state).encode() in words:
            return int(process.name)
    raise LookupError("no janitor")
