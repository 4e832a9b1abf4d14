"""What the gate before the cutover says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.runs.acts import gate
from engine.runs.acts.replacing import before
from engine.runs.observe import Observation
from tests.unit.plan.replacements import declared, planned
from tests.unit.replacing.hands import hand


@pytest.mark.parametrize("back", [False, True])
async def test_what_becomes_of_the_successor_where_the_run_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, back: bool
) -> None:
    told: list[str] = []

    async def ask(_driver: object, _step: object, _what: str, waits: tuple[str, ...], *_: object,
                  **__: object) -> Observation:  # fmt: skip
        told.extend(waits)
        return Observation("cancelled")

    monkeypatch.setattr(gate, "ask", ask)
    old = declared()
    former = replace(old, name="server0", address="192.0.2.9") if back else None
    it = hand(tmp_path, planned(old, back_to=former), old, "cutover")
    await before.cutover_gate(it, it.step.act)  # type: ignore[arg-type]
    removable = [line for line in told if "decommission:server2 removes it" in line]
    assert bool(removable) is not back, "the server that was replaced is no spare one"
