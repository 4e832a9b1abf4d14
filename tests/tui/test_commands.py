"""One definition of each command: screens, keys, palette, help and docs follow it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.conftest import opened
from tui.commands import BY_ID, COMMANDS, PLACES, available, key_name
from tui.keys_page import page
from tui.screens.base import CommandScreen
from tui.screens.cutover import CutoverScreen
from tui.screens.fleet import FleetScreen
from tui.screens.help import HelpScreen
from tui.screens.history import HistoryScreen
from tui.screens.host import HostScreen
from tui.screens.host_keys import HostKeysScreen
from tui.screens.plan import PlanScreen
from tui.screens.run import RunScreen
from tui.screens.what_if import WhatIfScreen

SCREENS = (
    *(FleetScreen, HostScreen, PlanScreen, RunScreen, CutoverScreen),
    *(HistoryScreen, HostKeysScreen, HelpScreen, WhatIfScreen),
)


def test_ids_are_unique_and_keys_are_unique_in_a_place() -> None:
    assert len(BY_ID) == len(COMMANDS)
    for place in PLACES:
        keys = [key for command in available(place) for key in command.keys]
        assert len(keys) == len(set(keys)), place


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_carries_out_every_command_of_its_place(
    screen: type[CommandScreen[None]],
) -> None:
    for command in (*available(screen.PLACE), *available("everywhere")):
        assert hasattr(screen, f"do_{command.id}"), command.id


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_carries_out_nothing_that_is_not_defined(
    screen: type[CommandScreen[None]],
) -> None:
    for name in dir(screen):
        if name.startswith("do_"):
            command = BY_ID[name.removeprefix("do_")]
            assert {screen.PLACE, "everywhere"} & set(command.places), name


def test_the_page_of_keys_is_up_to_date() -> None:
    written = Path(__file__).parents[2] / "docs" / "keys.md"
    assert written.read_text("utf-8") == page()


async def test_help_shows_every_key_and_filter_word() -> None:
    async with opened(size=(100, 150)) as it:
        await it.scanned()
        await it.press("question_mark")
        await it.on("HelpScreen")
        text = it.text()
        for command in COMMANDS:
            assert command.help.split(".")[0][:40] in text, command.id
            assert key_name(command.keys[0]) in text


async def test_help_begins_with_the_keys_of_the_screen_it_was_asked_on() -> None:
    async with opened(size=(100, 24)) as it:
        await it.scanned()
        await it.press("H")
        await it.on("HistoryScreen")
        await it.press("question_mark")
        await it.on("HelpScreen")
        text = it.text()
        assert text.index("History") < text.index("Everywhere")


async def test_the_palette_offers_the_commands_of_the_screen() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("ctrl+p")
        await it.on("CommandPalette")
        await it.type("select all")
        await it.until(lambda: "Select all  (*)" in it.text())
        await it.press("down", "enter")
        await it.on("FleetScreen")
        screen = it.app.screen
        assert isinstance(screen, FleetScreen)
        await it.until(lambda: len(screen.table.selected) == 12)


async def test_a_command_that_cannot_be_used_says_why() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("a")
        await it.until(lambda: "There is no run on this host." in it.text())


def test_the_screens_open_without_the_ssh_library() -> None:
    """It takes a fifth of a second to import, and the first paint doesn't wait for it."""
    code = "import tui.app, tui.screens.fleet, sys; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    assert not {"asyncssh", "cryptography", "pydantic", "sqlalchemy"} & set(shown)
