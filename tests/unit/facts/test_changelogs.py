"""Changelogs of pending updates: by the host's own apt, kept by version, and into the facts."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

from engine.candidates import foresee
from engine.facts.changelogs import LARGEST_ARCHIVE, fetch, wanted, with_updates
from engine.facts.sections import ProbeOutput, take_apart
from engine.model.facts import Facts
from engine.risk.waiting import known_holes
from engine.shell import Script
from tests.unit.builders import NOW, facts, host, upgrade
from tests.unit.facts.probed import FakeTransport, framed, session

NONCE = "e" * 32
LOG4SHELL = "CVE-2021-44228"


def entry(version: str, line: str, day: str) -> str:
    head, foot = f"sudo ({version}) x; urgency=high", f" -- A <a@b>  {day} 10:00:00 +0000"
    return f"{head}\n\n  * {line}\n\n{foot}\n\n"


FIRST = entry("1.0", "First.", "Thu, 01 Jan 2026")


def text(line: str = LOG4SHELL) -> str:
    return entry("1.1", f"Fix {line}", "Mon, 02 Nov 2026") + FIRST


def pending() -> Facts:
    return facts(upgrade("sudo", security=True), upgrade("curl", security=True))


def answering(sections: dict[str, str]) -> FakeTransport:
    return FakeTransport(lambda _host, nonce, _s: framed({"host": "seen=all\n", **sections}, nonce))


def test_each_version_is_asked_for_once_in_the_fleet(tmp_path: Path) -> None:
    transport = answering({"changelog-2": f"apt\n{text()}"})  # the first is cut off by the time
    here = session(transport, tmp_path)
    first = asyncio.run(fetch(here, host(), pending()))
    assert [(one.wanted.source, one.via) for one in first] == [("curl", None), ("sudo", "apt")]
    assert first[0].why == "the time was over"
    other = replace(pending(), host="server2")
    again = asyncio.run(fetch(here, host("server2"), other))
    assert again[1].changes == first[1].changes
    asyncio.run(fetch(here, host(), facts(upgrade("sudo", security=True))))
    assert len(transport.calls) == 2, "curl was asked for again, sudo never"


def test_a_read_only_session_keeps_nothing(tmp_path: Path) -> None:
    here = session(answering({"changelog-2": f"apt\n{text()}"}), tmp_path, read_only=True)
    assert asyncio.run(fetch(here, host(), pending()))[1].via == "apt"
    assert not (tmp_path / "changelogs").exists()


def test_a_kept_file_that_is_spoilt_is_no_data(tmp_path: Path) -> None:
    here = session(answering({"changelog-2": f"apt\n{text()}"}), tmp_path)
    asyncio.run(fetch(here, host(), pending()))
    (kept,) = tmp_path.rglob("*.json.gz")
    kept.write_bytes(kept.read_bytes()[:-9])
    assert with_updates(tmp_path, pending()) == pending()


def test_what_was_kept_decides_the_waiting_and_what_is_unread_is_named(tmp_path: Path) -> None:
    declared = host(exposed=True)
    before = foresee(declared, pending(), NOW).waiting
    here = session(answering({"changelog-2": f"apt\n{text()}"}), tmp_path)
    asyncio.run(fetch(here, declared, pending()))
    seen = with_updates(tmp_path, pending())
    assert seen.packages is not None
    (update,) = seen.packages.updates
    assert (update.source, update.cves, update.cve_ids) == ("sudo", 1, (LOG4SHELL,))
    assert update.published == update.oldest == date(2026, 11, 2)
    assert known_holes(seen.packages)[1] == ("curl",)
    after = foresee(declared, seen, NOW).waiting
    assert before is not None
    assert after is not None
    assert (before.due_days, after.due_days) == (14, 3)
    said = " | ".join(after.reasons)
    assert f"{LOG4SHELL}: known to be exploited" in said
    assert "1 security update of unknown urgency besides, for which no CVE is known: curl" in said


def test_a_changelog_that_names_no_hole_or_is_cut_does_not_calm(tmp_path: Path) -> None:
    for number, told in enumerate((text(line="a thing"), text().removesuffix(FIRST))):
        place = tmp_path / str(number)
        only = facts(upgrade("sudo", security=True))
        here = session(answering({"changelog-1": f"apt\n{told}"}), place)
        asyncio.run(fetch(here, host(), only))
        seen = with_updates(place, only)
        assert known_holes(seen.packages)[1] == ("sudo",)
        waits, unread = foresee(host(), seen, NOW).waiting, foresee(host(), only, NOW).waiting
        assert waits is not None
        assert unread is not None
        assert waits.due_days is not None
        assert unread.due_days is not None
        assert waits.due_days <= unread.due_days


def test_the_oldest_pending_fix_counts_and_not_only_the_newest(tmp_path: Path) -> None:
    whole = text().replace(FIRST, entry("1.0.5", "CVE-2026-0009", "Mon, 01 Jun 2026") + FIRST)
    only = facts(upgrade("sudo", security=True))
    here = session(answering({"changelog-1": f"apt\n{whole}"}), tmp_path)
    asyncio.run(fetch(here, host(), only))
    waits = foresee(host(), with_updates(tmp_path, only), NOW).waiting
    assert waits is not None
    assert "the oldest of the fixes has been out for 175 days" in " | ".join(waits.reasons)


def test_one_package_stands_for_its_source() -> None:
    two = [upgrade(name, source="sudo") for name in ("sudo-ldap", "sudo:amd64")]
    (one,) = wanted(facts(*two).packages)
    assert (one.source, one.package) == ("sudo", "sudo:amd64")


# -- the script --------------------------------------------------------------------------------


def look(root: Path, apt_get: str, *words: str, size: int = 1_000) -> ProbeOutput:
    doubles, folder = root / "doubles", root / "tmp"
    doubles.mkdir()
    folder.mkdir()
    for name, body in {"apt-get": apt_get, "apt-cache": f"echo Size: {size}"}.items():
        (doubles / name).write_text(f"#!/bin/sh\n{body}\n")
        (doubles / name).chmod(0o755)
    script = Script.host("changelog.sh", after=("frames.sh", "archives.sh"))
    done = subprocess.run(
        ["sh", "-s", "--", "", NONCE, "60", str(LARGEST_ARCHIVE), *words],
        input=script.text.encode(),
        capture_output=True,
        timeout=120,
        env={"PATH": f"{doubles}:/usr/bin:/bin", "HOME": str(root), "TMPDIR": str(folder)},
        check=False,
    )
    assert list(folder.iterdir()) == [], "nothing is left behind"
    output = take_apart(done.stdout, NONCE)
    assert output.complete
    return output


FAILS = 'echo "E: Failed to fetch, Could not resolve x" >&2; exit 100'


def archive(root: Path, name: str) -> None:
    tree = root / "tree"
    documents = tree / "usr/share/doc" / name
    documents.mkdir(parents=True)
    (documents / "changelog.Debian.gz").write_bytes(gzip.compress(text().encode()))
    (documents / "NEWS.Debian.gz").write_bytes(gzip.compress(text(line="Mind this").encode()))
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1.1\nArchitecture: all\nMaintainer: A <a@b>\nDescription: x\n"
    )
    subprocess.run(
        ["dpkg-deb", "-Zgzip", "--build", str(tree), str(root / "it.deb")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip


def test_what_apt_tells_comes_through_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "said").write_text(text())
    output = look(tmp_path, f"cat {tmp_path}/said", "sudo", "1.1", "curl", "1.1")
    for number in (1, 2):
        assert output.sections[f"changelog-{number}"].output == b"apt\n" + text().encode()


def test_without_a_server_the_archive_has_it_and_news(tmp_path: Path) -> None:
    archive(tmp_path, "sudo")
    double = f'echo "$*" >>{tmp_path}/asked\n'
    double += f"case $* in *changelog*) {FAILS} ;; *) cp {tmp_path}/it.deb . ;; esac"
    output = look(tmp_path, double, "sudo:amd64", "1.1", "curl", "1.1")
    assert output.sections["changelog-1"].output == b"archive\n" + text().encode()
    assert b"Mind this" in output.sections["news-1"].output
    assert output.sections["changelog-2"].exit_status == 1, "this archive isn't curl's"
    asked = (tmp_path / "asked").read_text()
    assert asked.count(" changelog ") == 1, "a server that can't be found is asked once"


def test_an_archive_that_is_too_large_is_not_fetched(tmp_path: Path) -> None:
    double = f"case $* in *changelog*) {FAILS} ;; *) : >{tmp_path}/fetched ;; esac"
    output = look(tmp_path, double, "linux", "6", size=LARGEST_ARCHIVE + 1)
    assert output.sections["changelog-1"].exit_status == 1
    assert b"resolve" in output.sections["changelog-1"].errors
    assert not (tmp_path / "fetched").exists()
