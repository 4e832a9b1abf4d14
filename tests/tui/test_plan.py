"""Plan and confirmation: what is shown is what is started, and only after the right word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Button

from engine.errors import RefusedError
from engine.model.candidate import Candidate
from engine.model.plan import combined_digest
from engine.plan import make_plan as planned
from engine.runs.errors import PlanChangedError
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import make_changes, make_host, make_plan, small_fleet
from tests.unit import builders
from tui.host_pages import summary_cell
from tui.plan_pages import effects_lines, explain, plan_page
from tui.screens.plan import PlanScreen
from tui.widgets.sheet import Page, Sheet


async def open_plan(it: Opened, *names: str, candidate: str = "upgrade") -> PlanScreen:
    await it.scanned()
    screen = PlanScreen(it.bridge, names, candidate)
    await it.app.push_screen(screen)
    await it.until(lambda: not screen._busy)
    await it.pilot.pause()
    return screen


async def test_the_plan_shows_commands_effects_risk_and_digest() -> None:
    async with opened(size=(160, 50)) as it:
        screen = await open_plan(it, "gitlab")
        text = it.text()
        assert "$ apt-get -s --with-new-pkgs upgrade" in text
        for part in ("docker.service", "48.2 MB", "22 of 100", "libssl3"):
            assert part in text
        assert screen.plans[0].digest[:16] in text
        assert it.verbs.confirmations == []


@pytest.mark.parametrize(
    ("files", "shown", "short"),
    [
        (("/etc/a.conf", "/etc/b.conf"), "/etc/a.conf, /etc/b.conf", "keeps 2 changed conffiles"),
        (("/etc/[red].conf",), "/etc/[red].conf", "keeps 1 changed conffile"),
        ((), "none", ""),
        (None, "unknown", ""),
    ],
)
def test_changed_configuration_files_are_named(
    files: tuple[str, ...] | None, shown: str, short: str
) -> None:
    plan = make_plan(make_host("web1"), "upgrade")
    effects = replace(plan.effects, conffiles=files)
    page = Page()
    effects_lines(page, effects, plan.changes)
    lines = [line.content.plain for line in page.lines]
    (at,) = (number for number, line in enumerate(lines) if line.startswith("Conffiles"))
    assert lines[at].removeprefix("Conffiles").strip() == shown
    assert ("kept" in lines[at + 1]) == bool(files)
    cell = summary_cell(Candidate("upgrade", "upgrade", "t", effects=effects))
    for text in (cell[0][0], explain((replace(plan, effects=effects),)).plain):
        assert (short in text) if short else ("conffile" not in text)


async def test_a_typed_confirmation_opens_only_for_the_name() -> None:
    async with opened() as it:
        screen = await open_plan(it, "gitlab")
        await it.press("y")
        await it.on("ConfirmScreen")
        button = it.app.screen.query_one("#act", Button)

        def is_open() -> bool:
            return not button.disabled

        await it.press("enter")
        assert not is_open()
        await it.type("gitla")
        await it.press("enter")
        assert not is_open()
        await it.type("b")
        assert is_open()
        await it.type("x")
        assert not is_open()
        assert it.verbs.confirmations == []
        await it.press("backspace", "enter")
        await it.on("RunScreen")
        assert it.verbs.confirmations == [screen.plans[0].digest]


async def test_escape_and_the_safe_button_start_nothing() -> None:
    async with opened() as it:
        await open_plan(it, "gitlab")
        for keys in (("escape",), ("tab", "enter")):
            await it.press("y")
            await it.on("ConfirmScreen")
            await it.press(*keys)
            await it.on("PlanScreen")
        assert it.verbs.confirmations == []


async def test_what_leaves_services_alone_needs_one_key() -> None:
    async with opened() as it:
        await open_plan(it, "gitlab", candidate="refresh")
        assert "services are left alone" in it.text()
        await it.press("y")
        await it.on("RunScreen")
        assert len(it.verbs.confirmations) == 1


async def test_many_hosts_are_confirmed_by_number_and_digest() -> None:
    async with opened(size=(160, 50)) as it:
        screen = await open_plan(it, "gitlab", "web1", "runner1", "mail")
        assert [plan.host for plan in screen.plans] == ["gitlab", "web1"]
        text = screen.query_one("#plan-sheet", Sheet).page.plain()
        assert "Left out: 2 hosts" in text
        assert "dpkg was interrupted" in text
        assert "no route to host" in text
        phrase = f"2 {combined_digest(screen.plans)[:8]}"
        await it.press("y")
        await it.on("ConfirmScreen")
        await it.press(*("space" if char == " " else char for char in phrase), "enter")
        await it.on("FleetScreen")
        assert it.verbs.confirmations == [plan.digest for plan in screen.plans]


async def test_old_lists_offer_the_refresh_first() -> None:
    async with opened() as it:
        await open_plan(it, "monitor")
        assert "The package lists are 9 d old. Press r to refresh them first." in it.text()
        await it.press("r")
        await it.until(lambda: "Plan refresh" in it.text())
        await it.until(lambda: "apt-get update" in it.text())


async def test_a_changed_plan_shows_the_difference_and_asks_again() -> None:
    async with opened(size=(160, 50)) as it:
        screen = await open_plan(it, "gitlab", candidate="upgrade")
        old = screen.plans[0]
        other = (replace(make_changes(1)[0], to_version="9.9"),)
        new = make_plan(make_host("gitlab"), "upgrade", other)
        it.verbs.refuse = PlanChangedError(old, new)
        await it.press("y")
        await it.on("ConfirmScreen")
        await it.type("gitlab")
        await it.press("enter")
        await it.on("PlanScreen")
        await it.until(lambda: "has changed. Nothing was done." in it.text())
        assert "- upgrade tzdata" in it.text()
        assert "+ upgrade" in it.text()
        assert screen.plans == (new,)
        await it.press("y")
        await it.on("ConfirmScreen")
        await it.type("gitlab")
        await it.press("enter")
        await it.on("RunScreen")
        assert it.verbs.confirmations == [old.digest, new.digest]


async def test_a_refusal_is_told_with_its_hint() -> None:
    async with opened() as it:
        await open_plan(it, "gitlab", candidate="refresh")
        it.verbs.refuse = RefusedError("Grace holds the lock.", hint="Attach to her run.")
        await it.press("y")
        await it.until(lambda: "Grace holds the lock." in it.text())
        assert "Attach to her run." in it.text()
        assert isinstance(it.app.screen, PlanScreen)


async def test_blockers_are_all_there_is_of_a_plan_that_is_not_possible() -> None:
    async with opened() as it:
        screen = await open_plan(it, "runner1")
        assert screen.plans == ()
        text = it.text()
        assert "Not possible" in text
        assert "Nothing was changed." in text
        await it.press("y")
        await it.until(lambda: "nothing that could be carried out" in it.text())
        assert it.verbs.confirmations == []


async def test_read_only_shows_the_plan_and_carries_nothing_out() -> None:
    async with opened(read_only=True) as it:
        await open_plan(it, "gitlab")
        assert "apt-get" in it.text()
        assert "read-only" in it.text()
        await it.press("y")
        await it.until(lambda: "is read-only: start it" in it.text())
        assert it.verbs.confirmations == []


async def test_a_plan_is_made_from_a_full_look() -> None:
    hosts, looks = small_fleet()
    web1 = looks["web1"]
    assert web1.facts is not None
    assert web1.facts.depth == "light"
    async with opened(hosts, {**looks, "web1": replace(web1)}) as it:
        await open_plan(it, "web1")
        assert it.verbs.asked[-1] == ("full", "web1")


def test_what_a_guard_puts_back_and_can_not_undo_is_shown() -> None:
    found = builders.facts(builders.upgrade("openssh-server"))
    page = Page()
    plan_page(page, (planned(builders.host(), found, "upgrade", builders.NOW),), ())
    text = " ".join(page.plain().split())
    assert "Guard what could lock us out: ssh" in text
    assert "when it fires, it puts back /etc/ssh with its host keys" in text
    assert (
        "nothing else is taken back: a package is not downgraded, another kernel not started"
        in text
    )
    page = Page()
    off = builders.host(guard="off")
    plan_page(page, (planned(off, found, "upgrade", builders.NOW),), ())
    assert "no guard for ssh: the inventory says so" in " ".join(page.plain().split())
