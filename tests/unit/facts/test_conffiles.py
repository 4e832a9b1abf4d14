"""Both versions of configuration files: what dpkg would ask about, and what can't be shown."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from engine.commands.conffiles import shown
from engine.errors import HostOutputError
from engine.facts.conffiles import (
    MOST,
    AskedFile,
    ConffileTexts,
    asked_files,
    read_conffiles,
)
from engine.model.facts import Conffile
from tests.unit.builders import host, install, packages, remove, upgrade
from tests.unit.facts.probed import FakeTransport, framed, session

FILE = AskedFile("/etc/web.conf", "web", "1.1")


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def read(tmp_path: Path, sections: dict[str, str], *files: AskedFile) -> tuple[ConffileTexts, ...]:
    transport = FakeTransport(
        lambda _host, nonce, _s: framed({"host": "seen=all", **sections}, nonce)
    )
    return asyncio.run(read_conffiles(session(transport, tmp_path), host(), files or (FILE,)))


@pytest.mark.parametrize(
    ("recorded", "here", "new", "asks"),
    [
        ("old\n", "mine\n", "new\n", True),
        ("same\n", "mine\n", "same\n", False),
        ("old\n", "new\n", "new\n", False),
        ("", "mine\n", "new\n", True),
    ],
)
def test_what_dpkg_would_ask_about(
    tmp_path: Path, recorded: str, here: str, new: str, asks: bool
) -> None:
    sums = md5(recorded) if recorded else ""
    (found,) = read(tmp_path, {"recorded-1": f"{sums}\n", "here-1": here, "new-1": new})
    assert (found.asks, found.here, found.new) == (asks, here, new)


def test_a_difference_is_clean_and_goes_from_here_to_there(tmp_path: Path) -> None:
    (found,) = read(tmp_path, {"here-1": "a\nmi\x1b[31mne\nz", "new-1": "a\nnew\nz\n"})
    assert found.difference() == (
        "--- /etc/web.conf (yours)", "+++ /etc/web.conf (web 1.1)", "@@ -1,3 +1,3 @@",
        " a", "-mine", "+new", " z",
    )  # fmt: skip


def test_what_did_not_come_is_told(tmp_path: Path) -> None:
    files = [AskedFile(f"/etc/{n}", "web", "1.1") for n in range(MOST + 1)]
    found = read(tmp_path, {"here-1": "x", "new-1": "y"}, *files)
    assert found[0].asks is True
    assert {one.why for one in found[1:MOST]} == {"the time was over"}
    assert found[MOST].why == f"only {MOST} are asked for at once"
    text = shown(found[:2], "server1", "upgrade")
    assert "no data: the time was over" in text
    assert "hostshift plan server1 upgrade --take /etc/0 --take /etc/1" in text
    assert shown((), "server1", "upgrade").startswith("upgrade asks about no configuration file")


def test_a_host_that_answers_nothing_is_told(tmp_path: Path) -> None:
    transport = FakeTransport(lambda _host, nonce, _s: framed({}, nonce))
    with pytest.raises(HostOutputError, match="did not show its configuration files"):
        asyncio.run(read_conffiles(session(transport, tmp_path), host(), (FILE,)))


def test_only_files_of_what_comes_are_asked_about() -> None:
    known = packages(
        conffiles=(
            Conffile("/etc/b", "web", "changed"),
            Conffile("/etc/a", "web", "missing"),
            Conffile("/etc/same", "web", "changed", ("1.1",)),
            Conffile("/etc/gone", "goes", "changed"),
            Conffile("/etc/back", "back", "changed"),
        )
    )
    changes = (upgrade("web:amd64"), remove("goes"), install("back"))
    assert asked_files(known, changes) == (
        AskedFile("/etc/a", "web:amd64", "1.1"),
        AskedFile("/etc/b", "web:amd64", "1.1"),
        AskedFile("/etc/back", "back", "1.1"),
    )
    assert asked_files(None, changes) == ()
