"""Standard output that can't be written, seen from outside: to the very end of the process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.outputs import FULL

ROOT = Path(__file__).parents[2]
COMMANDS = [("--help",), ("--version",), ("schema",)]


def ended(words: Sequence[str], output: int, *before: str) -> tuple[int, str]:
    """Exit status and standard error of a command."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "tui", *words],
        cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_disk_is_told_once(words: Sequence[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert ended(words, full) == (1, FULL)
    finally:
        os.close(full)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_reader_that_has_gone_is_no_news(words: Sequence[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        assert ended(words, writes) == (141, "")
    finally:
        os.close(writes)


def test_a_closed_output_is_told_before_anything_is_done() -> None:
    status, said = ended(["schema"], subprocess.DEVNULL, "sh", "-c", 'exec "$@" >&-', "sh")
    assert status == 1
    assert said.splitlines() == [
        "hostshift: Standard output can't be written: it is closed.",
        "  hint: Nothing was done. Send it somewhere.",
    ]
