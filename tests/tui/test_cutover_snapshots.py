"""Pictures of the Cutover screen at the moments that count; see test_snapshots.py."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Opened
from tests.tui.cutovers import Moment, cutting_over
from tests.tui.fake_bridge import fake_session, small_fleet
from tests.tui.test_snapshots import SIZES, Compare
from tui.app import HostshiftApp
from tui.screens.cutover import CutoverScreen


def compare(
    snap_compare: Compare,
    moment: Moment,
    size: tuple[int, int],
    *,
    asks: bool = False,
    read_only: bool = False,
    theme: str = "hostshift-dark",
) -> bool:
    hosts, _ = small_fleet()
    verbs = cutting_over(moment)
    app = HostshiftApp(fake_session(hosts, read_only=read_only), verbs, theme=theme)
    app.animation_level = "none"

    async def before(pilot: Pilot[int]) -> None:
        it = Opened(app, pilot, verbs)
        await it.scanned()
        it.app.screen.query_one("#fleet").move_to_key("web1")  # type: ignore[attr-defined]
        await it.press("a")
        await it.on("RunScreen")
        await it.press("c")
        await it.on("CutoverScreen")
        await it.until(lambda: "wiki/uploads" in it.text() and "203.0.113.30" in it.text())
        if asks:
            await it.press("b")
            await it.on("ConfirmScreen")
        else:
            assert isinstance(app.screen, CutoverScreen)
        await it.settle()

    return snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x60"])
@pytest.mark.parametrize("moment", ["before", "frozen", "turning"])
def test_cutover(snap_compare: Compare, moment: Moment, size: tuple[int, int]) -> None:
    assert compare(snap_compare, moment, size)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x60"])
def test_cutover_read_only(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert compare(snap_compare, "before", size, read_only=True)


@pytest.mark.parametrize("moment", ["frozen", "turning"])
def test_going_back(snap_compare: Compare, moment: Moment) -> None:
    assert compare(snap_compare, moment, (100, 30), asks=True)


def test_cutover_in_sixteen_colours(snap_compare: Compare) -> None:
    assert compare(snap_compare, "turning", (120, 36), theme="ansi-dark")
