"""Configuration files of a plan: the difference, the choice, and the plan made again for it."""

from __future__ import annotations

from dataclasses import replace

from engine.facts.conffiles import AskedFile, ConffileTexts
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import (
    FakeVerbs,
    gated_plan,
    make_host,
    small_fleet,
    waiting_run,
    with_conffiles,
)
from tui.screens.plan import PlanScreen
from tui.screens.run import RunScreen

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


async def test_a_run_that_asks_shows_what_it_has_written_down() -> None:
    hosts, looks = small_fleet()
    verbs = FakeVerbs(looks)
    upgrade, gate, *rest = gated_plan(make_host("db1")).steps
    plan = replace(
        gated_plan(make_host("db1")),
        steps=(upgrade, replace(gate, id="conffiles"), *rest),
        take=(PATHS[1],),
    )
    waits = waiting_run("run-9", "db1", plan)
    verbs.runs[waits.id], verbs.plans[waits.id] = waits, plan
    lines = ("--- /etc/a.conf (yours)", "+++ /etc/a.conf (web 2)", "@@ -1 +1 @@", "-[b]x", "+y")
    verbs.written = (
        ConffileTexts(AskedFile(PATHS[0], "web", "2"), "", "", written=lines),
        ConffileTexts(AskedFile(PATHS[1], "web", "2"), "", "", asks=False, written=()),
    )
    async with opened(hosts, verbs=verbs, size=(120, 40)) as it:
        await it.scanned()
        await it.app.push_screen(RunScreen(it.bridge, "run-9"))
        await it.until(lambda: "f configuration files" in it.text())
        assert "f see what differs" in it.text()
        await it.press("f")
        await it.on("ConffilesScreen")
        await it.until(lambda: "-[b]x" in it.text())
        assert "may ask" in it.line_with(PATHS[0])
        assert "the package's" in it.line_with(PATHS[1])
        await it.press("t")
        await it.until(lambda: "A run goes by its plan" in it.text())
        await it.press("q")
        await it.on("RunScreen")


async def test_a_run_that_asks_something_else_has_nothing_to_show() -> None:
    verbs = FakeVerbs(small_fleet()[1])
    plan = gated_plan(make_host("db1"))
    verbs.runs["run-9"], verbs.plans["run-9"] = waiting_run("run-9", "db1", plan), plan
    async with opened(verbs=verbs, size=(120, 40)) as it:
        await it.scanned()
        await it.app.push_screen(RunScreen(it.bridge, "run-9"))
        await it.until(lambda: "goes on by itself" in it.text())
        assert "configuration files" not in it.text()
        await it.press("f")
        await it.until(lambda: "doesn't ask about configuration files now" in it.text())
