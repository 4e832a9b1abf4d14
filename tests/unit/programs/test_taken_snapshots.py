"""What a host remembers of its snapshots; whatever else stands there is no snapshot."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.jobs.script import shipped
from engine.model.facts import TakenSnapshot
from engine.programs.taken_snapshots import parse

FIRST = TakenSnapshot("20261101t000000-ab12", datetime(2026, 11, 1, tzinfo=UTC))
LINE = b"20261101t000000-ab12 2026-11-01T00:00:00Z"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", ()),
        (LINE, (FIRST,)),
        (b"late 2026-11-02T00:00:00Z\n" + LINE + b"\n",
         (FIRST, TakenSnapshot("late", datetime(2026, 11, 2, tzinfo=UTC)))),
        (b"\x1b[2J" + LINE + b"\n$(id) 2026-11-01T00:00:00Z\nx 2026-13-01T00:00:00Z\nx", (FIRST,)),
        (b"-rf 2026-11-01T00:00:00Z\n" + b"x" * 200 + b" 2026-11-01T00:00:00Z\n", ()),
    ],
)  # fmt: skip
def test_lines_that_are_none_are_left_out(said: bytes, expected: tuple[TakenSnapshot, ...]) -> None:
    assert parse(said) == expected


def test_what_the_script_writes_is_read_and_only_what_was_dropped_goes(tmp_path: Path) -> None:
    def call(*words: str) -> int:
        return subprocess.run(
            ["sh", "-c", shipped("snapshots.sh"), "sh", str(tmp_path), *words],
            check=False, timeout=30, env={"PATH": os.environ["PATH"]},
        ).returncode  # fmt: skip

    kept = tmp_path / "var/lib/hostshift/snapshots"
    for run in ("r1", "r1", "r11"):
        assert call("note", run) == 0
    assert [one.run for one in parse(kept.read_bytes())] == ["r1", "r11"]
    assert call("drop", "r1") == 0
    assert [one.run for one in parse(kept.read_bytes())] == ["r11"]
    for _ in range(2):
        assert call("drop", "r11") == 0
        assert not list(kept.parent.iterdir())
    assert call("other", "r1") == 2
