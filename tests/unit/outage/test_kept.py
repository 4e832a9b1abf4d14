"""The file of samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.outage import Sample, read
from engine.outage.kept import Kept
from tests.unit.builders import NOW

ONE = Sample(NOW, "wiki", "old", True, "status 200")
TWO = Sample(NOW, "wiki", "name", None, "wiki.test: „näh“ [bold]")


def test_what_was_kept_is_read_again_and_only_its_owner_may(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    for sample in (ONE, TWO):  # each by a hostshift of its own
        kept = Kept(path)
        kept.add([sample])
        kept.close()
    assert read(path) == (ONE, TWO)
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_sample(tmp_path: Path) -> None:
    assert read(tmp_path / "samples") == ()


def test_a_line_that_was_cut_off_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    kept = Kept(path)
    kept.add([ONE, TWO])
    kept.close()
    path.write_bytes(path.read_bytes()[:-5])
    assert read(path) == (ONE,)
    kept = Kept(path)
    kept.add([TWO])
    kept.close()
    assert read(path) == (ONE, TWO)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[1,2,3,4,5]",
        b'["2026-11-23T03:00:00","wiki","old",true,"no zone"]',
        b'["2026-11-23T03:00:00Z","wiki","east",true,"no side"]',
        b'["2026-11-23T03:00:00Z","wiki",["old"],true,"no side"]',
        b'["2026-11-23T03:00:00Z","wiki","old","yes","no truth"]',
        b"\xff\xfe\x00",
        b"[" * 5000,
    ],
    ids=range(9),
)
def test_what_is_none_of_ours_is_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "samples"
    path.write_bytes(line + b"\n")
    kept = Kept(path)
    kept.add([ONE])
    kept.close()
    assert read(path) == (ONE,)


def test_the_end_of_a_long_file_is_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    kept = Kept(path)
    kept.add([replace(ONE, detail=str(i)) for i in range(50)])
    kept.close()
    some = read(path, last_bytes=500)
    assert 0 < len(some) < 50
    assert some == read(path)[-len(some) :]
    assert read(path, last_bytes=10**6) == read(path)


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be kept"):
        Kept(tmp_path / "missing" / "samples")
