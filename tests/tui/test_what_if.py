"""What if: keys change one assumption each, and the numbers are the engine's own."""

from __future__ import annotations

from tests.tui.conftest import opened
from tests.tui.fake_bridge import RealForesight
from tests.unit.builders import facts, host, look, upgrade


async def test_each_key_changes_one_assumption_and_says_that_it_is_one() -> None:
    found = look(facts(upgrade("curl", security=True)))
    verbs = RealForesight({"server1": found})
    async with opened((host(),), {"server1": found}, verbs=verbs, size=(120, 50)) as it:
        await it.scanned()
        await it.press("enter")
        await it.on("HostScreen")
        await it.press("w")
        await it.on("WhatIfScreen")
        await it.until(lambda: "Suppose that" in it.text())
        assert "supposed:" not in it.text()
        assert "SUPPOSED" not in it.text()
        assert "moderate, due in 60 days" in it.text()

        await it.press("e")
        await it.until(lambda: "supposed: high, due in 14 days" in it.text())
        assert "SUPPOSED, not as it is" in it.text()
        assert "[x]" in it.line_with("the internet reaches it")
        await it.press("o")
        await it.until(lambda: "supposed: replace" in it.text())
        await it.press("0")
        await it.until(lambda: "supposed:" not in it.text())

        await it.press("f")
        await it.until(lambda: "it has no redundancy in the inventory" in it.text())
        assert "SUPPOSED" not in it.text()
        await it.press("q")
        await it.on("HostScreen")
        known = it.bridge.known("server1")
        assert known.foresight is not None
        assert known.foresight.waiting is not None
        assert known.foresight.waiting.due_days == 60
