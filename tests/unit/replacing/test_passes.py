"""Which passes of the data are made, and what they promise for the last one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.model.replacing import CutoverGateAct, SyncAct
from engine.runs.acts.replacing import data
from engine.runs.acts.replacing.before import HANDLING_S, promised_s
from engine.runs.acts.replacing.hand import Done, Hand
from tests.unit.plan.replacements import declared, planned
from tests.unit.replacing.hands import hand


def at(place: Path, step: str, **seconds: float) -> Hand:
    old = declared()
    it = hand(place, planned(old), old, step)
    left: dict[str, dict[str, Any]] = {
        name.replace("_", "-"): {"seconds": took} for name, took in seconds.items()
    }
    it.driver.record = replace(it.driver.record, results={**it.driver.record.results, **left})
    return it


async def test_a_pass_that_wins_nothing_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made(*_: object) -> None:
        raise LookupError("it is made")

    monkeypatch.setattr(data, "renew", made)
    short = at(tmp_path, "bulk-again-2", bulk=7200, bulk_again=30)
    assert isinstance(short.step.act, SyncAct)
    done = await data.sync(short, short.step.act)
    assert isinstance(done, Done)
    assert (done.result, "Not needed" in done.words[0]) == (None, True)
    for step, took in (("bulk-again", {"bulk": 10.0}), ("bulk-again-2", {"bulk_again": 900.0})):
        it = at(tmp_path, step, **took)
        assert isinstance(it.step.act, SyncAct)
        with pytest.raises(LookupError):
            await data.sync(it, it.step.act)


@pytest.mark.parametrize(
    ("seconds", "copying"),
    [
        ({"bulk": 7200, "bulk_again": 30}, 30),
        ({"bulk": 7200, "bulk_again": 900, "bulk_again_2": 130, "bulk_again_3": 61}, 61),
        ({"bulk": 7200}, None),
    ],
)
def test_the_last_pass_that_was_made_is_what_is_promised(
    tmp_path: Path, seconds: dict[str, float], copying: int | None
) -> None:
    it = at(tmp_path, "cutover", **seconds)
    assert isinstance(it.step.act, CutoverGateAct)
    promised = promised_s(it.driver.record, it.step.act)
    assert promised == (None if copying is None else copying + HANDLING_S)
