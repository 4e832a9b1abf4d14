"""Both versions of configuration files: what dpkg would ask about, and what can't be shown."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.commands.conffiles import shown
from engine.errors import HostOutputError
from engine.facts.conffiles import (
    LATER,
    MOST,
    AskedFile,
    ConffileTexts,
    asked_files,
    read_conffiles,
    read_written,
)
from engine.model.facts import Conffile
from tests.unit.builders import host, install, packages, remove, upgrade
from tests.unit.facts.probed import FakeTransport, framed, session
from tests.unit.jobs.local_host import LocalHost

NOBODY = FakeTransport(lambda *_: b"")
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


WRITTEN = """\
conffile web 2 /etc/web.conf
--- /etc/web.conf (yours)
+++ /etc/web.conf (web 2)
@@ -1 +1,2 @@
-conffile web 3 /etc/stays.conf
+new\x1b[31m
+
conffile base - /etc/stays.conf
stays
conffile web 2 /etc/with blank.conf
conffile web 2 /etc/gone.conf
--- /etc/gone.conf (yours)
+++ /etc/gone.conf (web 2)
@@ -0,0 +1 @@
+back
conffile web 2 /etc/edited.conf
--- /etc/edited.conf (yours)
+++ /etc/edited.conf (web 2)
@@ -1 +1 @@
-a
+b
"""


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[LocalHost]:
    there = LocalHost(tmp_path / "host")
    (there.root / "etc").mkdir()
    yield there
    there.end()


def written_on(lan: LocalHost, tmp_path: Path) -> tuple[ConffileTexts, ...]:
    session_now = replace(session(NOBODY, tmp_path), transport=lan)
    return asyncio.run(read_written(session_now, lan.host))


def test_what_a_run_has_written_down_is_read_as_root_wrote_it(
    lan: LocalHost, tmp_path: Path
) -> None:
    assert written_on(lan, tmp_path) == ()
    differences = lan.home / "release/differences"
    differences.parent.mkdir(parents=True)
    differences.write_text(WRITTEN)
    for name in ("web", "stays", "with blank", "edited"):
        (lan.root / f"etc/{name}.conf").touch()
        os.utime(lan.root / f"etc/{name}.conf", (1, 1))
    (lan.root / "etc/edited.conf").write_text("since")
    os.utime(differences, (1000, 1000))

    web, stays, blank, gone, edited = written_on(lan, tmp_path)
    assert web.asked == AskedFile("/etc/web.conf", "web", "2")
    assert (web.asks, web.why, web.here) == (None, None, "")
    assert web.difference()[2:] == ("@@ -1 +1,2 @@", "-conffile web 3 /etc/stays.conf", "+new", "+")
    assert (stays.asked, stays.asks) == (AskedFile("/etc/stays.conf", "base", ""), False)
    assert (blank.asked.path, blank.asks) == ("/etc/with blank.conf", False)
    assert (gone.here, gone.difference()[-1]) == (None, "+back")
    assert edited.why == "it was changed here after that was written down"

    asked = (AskedFile("/etc/new.conf", "web", ""), AskedFile("/etc/web.conf", "web", ""))
    session_now = replace(session(NOBODY, tmp_path), transport=lan)
    new, again = asyncio.run(read_conffiles(session_now, lan.host, asked))
    assert (new.why, again) == (LATER, web)
    text = shown((web, stays, new), "server1", "release-upgrade")
    assert "  +new\n" in text
    assert "--take /etc/web.conf --take /etc/new.conf" in text
    assert "changes nothing about it" in text


def test_what_only_root_may_read_is_told(tmp_path: Path) -> None:
    def answer(_host: object, nonce: str, _depth: str) -> bytes:
        return framed(
            {"host": "seen=all", "written": ""},
            nonce,
            statuses={"written": 1},
            errors={"written": "cat: Permission denied"},
        )

    with pytest.raises(HostOutputError, match="Permission denied"):
        asyncio.run(read_written(session(FakeTransport(answer), tmp_path), host()))
