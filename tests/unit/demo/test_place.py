"""The private directory: nobody else's, and gone afterwards, also after a kill."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.demo.fleet import FLEET
from engine.demo.opening import serve_fleet
from engine.demo.place import private_place
from engine.errors import InputError
from tests.unit.demo.conftest import NOW

HOLD = (
    "import sys, time\n"
    "from engine.demo.place import private_place\n"
    "with private_place() as place:\n"
    "    print(place, flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_is_private_and_goes() -> None:
    with private_place() as place:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert not place.exists()


def test_it_goes_also_after_an_error() -> None:
    with pytest.raises(KeyboardInterrupt), private_place() as place:
        raise KeyboardInterrupt
    assert not place.exists()


def test_what_a_killed_demo_left_is_removed_by_the_next_one(temporary: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        left = Path(held.stdout.readline().decode().strip())
        with private_place():
            assert left.exists(), "a living demo's directory must stay"
        held.kill()
    with private_place():
        assert not left.exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_asked_to_end_tidies_up(
    temporary: Path, number: signal.Signals, status: int
) -> None:
    command = [sys.executable, "-m", "tui", "demo", "--walk", "--speed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        deadline = time.monotonic() + 60
        while not list(temporary.glob("hostshift-demo-*/hosts/server14/control/mirror")):
            assert time.monotonic() < deadline
            assert demo.poll() is None, demo.stderr.read() if demo.stderr else b""
            time.sleep(0.05)
        os.kill(demo.pid, number)
        demo.communicate(timeout=60)
    assert demo.returncode == status
    assert list(temporary.iterdir()) == []


def test_without_a_place_it_says_so(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(temporary / "missing"))
    with pytest.raises(InputError, match="can't be set up"), serve_fleet(now=NOW):
        pass


def test_an_error_of_the_user_stays_what_it_is() -> None:
    with pytest.raises(BrokenPipeError), serve_fleet(now=NOW, hosts=FLEET[:1]):
        raise BrokenPipeError
