"""Commands whose standard output is a full disk, or a pipe that nobody reads any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import pytest

from tui.__main__ import main

FULL = (
    "hostshift: Standard output can't be written: No space left on device.\n"
    "  hint: What stands there is not the whole. Make room, or send it elsewhere; "
    "a run that was begun goes on.\n"
)


def must_tell_of_a_full_disk(capfd: pytest.CaptureFixture[str], words: Sequence[str]) -> None:
    """One line with a hint, and it counts as a failure."""
    assert _into(os.open("/dev/full", os.O_WRONLY), words) == 1
    assert capfd.readouterr().err == FULL


def must_end_with_its_reader(capfd: pytest.CaptureFixture[str], words: Sequence[str]) -> None:
    """Without a word, as `head` expects of what stands before it."""
    reads, writes = os.pipe()
    os.close(reads)
    assert _into(writes, words) == 141
    assert capfd.readouterr().err == ""


def _into(descriptor: int, words: Sequence[str]) -> int:
    with pytest.MonkeyPatch.context() as patch, os.fdopen(descriptor, "w") as file:
        patch.setattr(sys, "stdout", file)
        return main(words)
