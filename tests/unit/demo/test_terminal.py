"""A terminal that is closed takes the demo with it, and nothing of the demo stays."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["terminal closed", "told by nobody", "asked to end"])
def test_the_screens_end_with_their_terminal(how: str, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "demo"],
        cwd=ROOT,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(slave)
    try:
        seen = b""
        deadline = time.monotonic() + PATIENCE_S
        while b"server2" not in seen and time.monotonic() < deadline:
            seen += os.read(master, 65536)
        assert b"server2" in seen
        assert list(tmp_path.glob("hostshift-demo-*"))
        if how != "asked to end":
            os.close(master)
            if how == "terminal closed":
                os.kill(process.pid, signal.SIGHUP)
        else:
            os.kill(process.pid, signal.SIGTERM)
            deadline = time.monotonic() + PATIENCE_S
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    os.read(master, 65536)
                except OSError:
                    break  # the other end is closed
        wait_for(lambda: process.poll() is not None, "the end of the process")
        wait_for(lambda: not list(tmp_path.glob("hostshift-demo-*")), "an empty place")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        if how == "asked to end":
            os.close(master)


LEFT_ALONE = """
import asyncio, pathlib, signal, sys, threading, time
from engine.demo import opening

opening._PATIENCE_S = 0.5

async def screens():
    with opening._ended_by_signals() as places:
        places.append(pathlib.Path(sys.argv[1]))
        threading.Thread(target=time.sleep, args=(1000,)).start()
        # So it comes to the other thread, as it may at any time: the loop's wait goes on.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGTERM))
        print("open", flush=True)
        await asyncio.sleep(1000)

try:
    asyncio.run(screens())
except asyncio.CancelledError:
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_thread_that_is_left_alone_does_not_keep_the_process(
    number: signal.Signals, tmp_path: Path
) -> None:
    """The screens' own thread that reads keys is none of ours to end."""
    place = tmp_path / "place"
    place.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", LEFT_ALONE, str(place)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"open\n"
        process.send_signal(number)
        wait_for(lambda: process.poll() is not None, "the end of the process")
        assert process.returncode == 128 + number
        assert not place.exists()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
