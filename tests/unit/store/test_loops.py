"""A hundred kills and thirty races: the store is whole, and what it says is what happened."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.lab.processes import run
from tests.unit.store.forking import Report
from tests.unit.store.races import BOUND, RUNS

ROOT = Path(__file__).parents[3]
KILLS = 100
RACES = 30


def _loop(what: str, url: str, directory: Path, trials: int) -> Report:
    directory.mkdir()
    module = "tests.unit.store.loops"
    words = [sys.executable, "-m", module, what, url, str(directory), str(trials)]
    return Report(**json.loads(run(words, directory=ROOT, timeout=200).stdout))


def test_a_hundred_kills_corrupt_nothing_and_repeat_no_finished_step(
    url: str, tmp_path: Path
) -> None:
    report = _loop("kill", url, tmp_path / "loop", KILLS)
    assert report.wrong == []
    assert (report.trials, report.killed) == (KILLS, KILLS)
    # The kills came where they hurt, and in spite of them there was progress.
    assert report.interrupted > 5, report
    assert report.finished_steps > KILLS // 2, report


def test_two_workers_never_share_a_host_and_never_exceed_the_bound(
    url: str, tmp_path: Path
) -> None:
    report = _loop("race", url, tmp_path / "loop", RACES)
    assert report.wrong == []
    assert report.trials == RACES
    assert report.runs == RACES * (1 + 2 * RUNS)
    assert report.most_at_once == BOUND, report
    assert report.refusals.get("BoundReachedError", 0) > 0, "they never wanted more than may"
    assert report.refusals.get("HostBusyError", 0) > 0, "they never wanted the same host"
    assert report.refusals.get("LeaseHeldError", 0) == RACES, "one of them wins the shared run"
