"""The inventory's file changes while its fleet is on the screen."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine import door
from engine.errors import InputError
from engine.inventory import Inventory
from engine.session import Session
from engine.shell import Secret
from engine.transport.credentials import Credentials
from tests.tui.conftest import Opened, in_bar, opened
from tests.tui.fake_bridge import FakeVerbs, make_host, make_run, small_fleet
from tui import __main__ as entry
from tui import app
from tui.inventory_watch import InventoryWatch

KEY = "I read inventory again"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app, "INVENTORY_EVERY_S", 0.05)
    there = tmp_path / "inventory.toml"
    there.write_text("# as it was\n")
    return there


def rewrite(file: Path) -> None:
    """As an editor does it."""
    new = file.with_name("new")
    new.write_text("# another\n")
    new.rename(file)


async def changed(it: Opened, file: Path) -> None:
    await it.scanned()
    assert KEY not in in_bar(it)
    await it.press("I")
    await it.until(lambda: "is as it was read" in it.text())
    rewrite(file)
    await it.until(lambda: "inventory.toml has changed: I reads it again" in it.text())
    await it.until(lambda: KEY in in_bar(it))


async def test_it_is_told_and_read_again_by_a_key(file: Path) -> None:
    verbs = FakeVerbs(small_fleet()[1])
    verbs.inventory = Inventory(file, hosts=(make_host("server2"),))
    async with opened(verbs=verbs) as it:
        await changed(it, file)
        await it.press("I")
        await it.until(lambda: it.app.return_value == 0)
    assert it.bridge.next_inventory == verbs.inventory


async def test_one_with_errors_is_not_opened(file: Path) -> None:
    verbs = FakeVerbs(small_fleet()[1])
    verbs.inventory = InputError("inventory.toml:3: no such key", hint="Mend it.")
    async with opened(verbs=verbs) as it:
        await changed(it, file)
        await it.press("I")
        await it.until(lambda: "no such key" in it.text())
        assert it.app.return_value is None
        assert it.bridge.next_inventory is None


async def test_what_is_at_work_is_not_cut_short_for_it(file: Path) -> None:
    verbs = FakeVerbs(small_fleet()[1])
    run = make_run("run-9", "db1", "upgrade")
    verbs.runs[run.id] = run
    async with opened(verbs=verbs) as it:
        await it.scanned()
        rewrite(file)
        await it.until(lambda: "has changed: I reads it again" in it.text())
        await it.press("I")
        await it.until(lambda: "upgrade on db1 is at work" in it.text())
        assert it.app.return_value is None


def test_a_file_that_is_written_anew_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "inventory.toml"
    file.write_text("a")
    watch = InventoryWatch(file)
    assert (watch.look(), watch.changed) == (False, False)
    file.unlink()
    assert (watch.look(), watch.changed) == (False, False), "somebody is writing it"
    file.write_text("longer")
    assert (watch.look(), watch.look(), watch.changed) == (True, False, True)
    stamp = file.stat()
    file.write_text("again!")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert watch.look()


def test_the_screens_open_anew_with_what_was_typed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Inventory(file, hosts=(make_host("server2"),))
    opened_with: list[tuple[Session, str | None]] = []

    class Screens:
        theme = "hostshift-light"

        def __init__(self, session: Session, *, theme: str | None = None) -> None:
            self.bridge = SimpleNamespace(next_inventory=None if opened_with else later)
            opened_with.append((session, theme))

        def run(self) -> int:
            return len(opened_with)

    monkeypatch.setattr(app, "HostshiftApp", Screens)
    monkeypatch.setattr(door, "load", lambda path: replace(later, hosts=()))
    monkeypatch.setenv("XDG_STATE_HOME", str(file.parent / "state"))
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    status = entry._open_screens(argparse.Namespace(inventory=None, read_only=True))
    (first, no_theme), (second, theme) = opened_with
    assert (status, no_theme, theme) == (2, None, "hostshift-light")
    assert (second.inventory, second.read_only) == (later, True)
    assert second.credentials is first.credentials
    assert isinstance(first.credentials, Credentials)
    first.credentials.set_sudo_password(Secret("x"))
