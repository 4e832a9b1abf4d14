"""Configuration files of a plan: the difference, the choice, and the plan made again for it."""

from __future__ import annotations

from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import small_fleet, with_conffiles
from tui.screens.plan import PlanScreen

PATHS = ("/etc/a.conf", "/etc/b.conf")


async def planned(it: Opened) -> PlanScreen:
    await it.scanned()
    screen = PlanScreen(it.bridge, ("gitlab",), "upgrade")
    await it.app.push_screen(screen)
    await it.until(lambda: not screen._busy)
    return screen


async def test_the_choice_is_made_by_key_and_the_plan_is_made_again() -> None:
    hosts, looks = small_fleet()
    looks["gitlab"] = with_conffiles(looks["gitlab"], *PATHS)
    async with opened(hosts, looks, size=(120, 40)) as it:
        screen = await planned(it)
        await it.press("f")
        await it.on("ConffilesScreen")
        await it.until(lambda: "differs" in it.text())
        assert "+Timeout 60" in it.text()
        assert "-Timeout [bold]5[/]" in it.text(), "nothing in a file is ever markup"
        await it.press("t")
        await it.until(lambda: "the package's" in it.line_with(PATHS[0]))

        await it.press("j")
        await it.until(lambda: "leaves it alone" in it.text())
        await it.press("t")
        await it.settle()
        assert "yours stays" in it.line_with(PATHS[1]), "nothing is asked about this one"

        await it.press("q")
        await it.on("PlanScreen")
        await it.until(lambda: not screen._busy)
        assert screen.plans[0].take == (PATHS[0],)
        await it.press("f")
        await it.on("ConffilesScreen")
        await it.until(lambda: "the package's" in it.line_with(PATHS[0]))


async def test_a_plan_that_asks_about_none_says_so() -> None:
    async with opened(size=(120, 40)) as it:
        await planned(it)
        await it.press("f")
        await it.until(lambda: "asks about no configuration file" in it.text())
        await it.on("PlanScreen")
