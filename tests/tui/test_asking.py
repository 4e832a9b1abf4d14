"""What only a person can give: host keys, the sudo password."""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import Button, Input

from engine.model.facts import Problem
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import failure_look, make_facts, small_fleet
from tui.screens.host_keys import HostKeysScreen

NEEDED = Problem("root", "sudo asks for a password.", "Type it.", "sudo-password")


async def test_unknown_keys_are_one_list_after_the_scan() -> None:
    hosts, looks = small_fleet()
    for name in ("mail", "db1"):
        looks[name] = failure_look(name, "host-key-unknown", "unknown", "compare")
    async with opened(hosts, looks, size=(120, 30)) as it:
        await it.on("HostKeysScreen")
        text = it.text()
        for name in ("db1", "mail", "ns1"):
            assert name in text
        assert "SHA256:u1VnJwXlX0y2Jb9m1p0eT6m0cYk3pYfNn6w4sQ2yD5E" in text
        assert "ssh-ed25519" in text
        assert "~/.ssh/known_hosts" in text


async def test_accepting_keys_asks_for_their_number_and_looks_again() -> None:
    hosts, looks = small_fleet()
    looks["mail"] = failure_look("mail", "host-key-unknown", "unknown", "compare")
    async with opened(hosts, looks) as it:
        await it.on("HostKeysScreen")
        await it.press("y")
        await it.on("ConfirmScreen")
        await it.type("1")
        await it.press("enter")
        assert it.app.screen.query_one("#act", Button).disabled
        await it.press("backspace")
        await it.type("2")
        await it.press("enter")
        await it.on("FleetScreen")
        assert [offer.host for offer in it.verbs.accepted] == ["mail", "ns1"]
        await it.until(lambda: it.verbs.asked[-1] == ("scan", "mail,ns1"))


async def test_only_the_selected_keys_are_accepted() -> None:
    hosts, looks = small_fleet()
    looks["mail"] = failure_look("mail", "host-key-unknown", "unknown", "compare")
    async with opened(hosts, looks) as it:
        await it.on("HostKeysScreen")
        screen = it.app.screen
        assert isinstance(screen, HostKeysScreen)
        screen.table.move_to_key("ns1")
        await it.press("space", "y")
        await it.on("ConfirmScreen")
        await it.type("1")
        await it.press("enter")
        await it.until(lambda: it.verbs.accepted)
        assert [offer.host for offer in it.verbs.accepted] == ["ns1"]


async def test_keys_that_were_left_are_asked_for_once_and_found_again_by_a_key() -> None:
    async with opened() as it:
        await it.scanned()
        await it.press("g")
        await it.until(lambda: len([a for a in it.verbs.asked if a[0] == "scan"]) == 2)
        await it.until(lambda: not it.bridge.scan_progress.active)
        await it.settle()
        assert type(it.app.screen).__name__ == "FleetScreen"
        await it.press("K")
        await it.on("HostKeysScreen")


async def test_read_only_accepts_no_key() -> None:
    async with opened(read_only=True) as it:
        await it.on("HostKeysScreen")
        await it.press("y")
        await it.until(lambda: "is read-only: start it" in it.text())
        assert it.verbs.accepted == []


async def asking(it: Opened, *names: str) -> None:
    for name in names:
        look = it.verbs.looks[name]
        facts = look.facts or make_facts(look.host)  # type: ignore[arg-type]
        it.verbs.looks[name] = replace(look, facts=replace(facts, problems=(NEEDED,)))


async def test_the_password_is_asked_once_for_all_and_the_hosts_are_looked_at_again() -> None:
    hosts, looks = small_fleet()
    looks["ns1"] = looks["db1"]
    looks["ns1"] = replace(looks["db1"], host="ns1")
    async with opened(hosts, looks) as it:
        await it.scanned()
        await asking(it, "db1", "db2")
        await it.press("g")
        await it.on("PasswordScreen")
        assert "db1, db2" in it.text()
        await it.type("hunter2")
        assert "hunter2" not in it.text()
        await it.press("enter")
        await it.on("FleetScreen")
        assert it.verbs.passwords == [("hunter2", None)]
        await it.until(lambda: {("full", "db1"), ("full", "db2")} <= set(it.verbs.asked))


async def test_the_password_of_one_host_is_kept_for_that_host() -> None:
    hosts, looks = small_fleet()
    looks["ns1"] = replace(looks["db1"], host="ns1")
    async with opened(hosts, looks) as it:
        await it.scanned()
        await asking(it, "db2")
        await it.press("g")
        await it.on("PasswordScreen")
        await it.press("enter")
        assert it.verbs.passwords == []
        await it.type("x")
        await it.press("enter")
        await it.on("FleetScreen")
        assert it.verbs.passwords == [("x", "db2")]


async def test_leaving_the_question_gives_nothing() -> None:
    hosts, looks = small_fleet()
    looks["ns1"] = replace(looks["db1"], host="ns1")
    async with opened(hosts, looks) as it:
        await it.scanned()
        await asking(it, "db2")
        await it.press("g")
        await it.on("PasswordScreen")
        await it.type("hunter2")
        field = it.app.screen.query_one("#typed", Input)
        await it.press("escape")
        await it.on("FleetScreen")
        assert it.verbs.passwords == []
        assert field.value == ""
