"""Removing a successor that isn't used: the proof, the roles of its script, what is forgotten."""

from __future__ import annotations

import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from engine import dns
from engine.model.host import Host
from engine.model.json_form import to_json
from engine.model.replacing import REACH, RecordsAct
from engine.runs.acts.replacing import names, removal
from engine.runs.acts.replacing.hand import Hand, NotDoneError
from engine.runs.successor import roles
from engine.shell import Script
from engine.transport.protocol import Completed
from tests.unit.plan.replacements import declared, planned
from tests.unit.plan.test_remove_successor import removal as removal_plan
from tests.unit.replacing.hands import hand


def at(tmp_path: Path, given: bytes = b"") -> Hand:
    old = declared(address="192.0.2.1")

    def say(host: Host, script: Script) -> Completed:
        assert host.name == old.name
        return Completed(0, given if script.args[0] == "given" else b"", b"", as_root=True)

    return hand(tmp_path, removal_plan(old), old, "unused", say=say)


def leads_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    async def note(*_: object) -> dict[str, Any]:
        found = dns.records("git.example.com", "A", [address], 30)
        return {"example.com": {"git.example.com": {"records": [to_json(found)]}}}

    monkeypatch.setattr(names, "note", note)


async def test_what_nothing_leads_to_and_may_not_write_is_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to(monkeypatch, "192.0.2.1")
    it = at(tmp_path)
    done = await removal.unused(it, it.step.act)  # type: ignore[arg-type]
    assert "no right to write" in done.words[0]


@pytest.mark.parametrize(
    ("given", "address", "why"),
    [
        (b"git\n", "192.0.2.1", "the right to write of git"),
        (b"", "192.0.2.2", "leads to 192.0.2.2"),
    ],
)
async def test_what_is_used_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: bytes, address: str, why: str
) -> None:
    leads_to(monkeypatch, address)
    it = at(tmp_path, given)
    with pytest.raises(NotDoneError, match=why):
        await removal.unused(it, it.step.act)  # type: ignore[arg-type]


def test_its_script_is_told_that_the_successor_goes(tmp_path: Path) -> None:
    it = at(tmp_path)
    goes, stays = roles(it.driver.record, it.old)
    assert (goes.name, goes.address) == ("server2", "192.0.2.2")
    assert stays == it.old


def call(home: Path, *words: str) -> str:
    script = resources.files("engine").joinpath("host", "successor.sh").read_text("utf-8")
    sh = shutil.which("dash") or "/bin/sh"
    argv = [sh, "-s", "--", str(home), *words]
    done = subprocess.run(
        argv, input=script, text=True, capture_output=True, check=True, timeout=10
    )
    return done.stdout


def test_what_the_old_host_remembers(tmp_path: Path) -> None:
    kept = tmp_path / "var/lib/hostshift/successor"
    call(tmp_path, "forget", "server2")
    call(tmp_path, "note", "server2", "192.0.2.2")
    call(tmp_path, "note", "server3", "192.0.2.3")
    assert kept.read_text() == "server3\n192.0.2.3\n"
    call(tmp_path, "forget", "server2")
    assert kept.exists(), "another one is noted"
    call(tmp_path, "moved", "server2")
    assert "serves" not in kept.read_text()
    call(tmp_path, "moved", "server3")
    assert kept.read_text() == "server3\n192.0.2.3\nserves\n"
    call(tmp_path, "forget", "server3")
    call(tmp_path, "moved", "server3")
    assert not kept.exists()
    tokens = kept.parent / "writers"
    tokens.mkdir()
    for service, token in (("git", "moved"), ("shop", "here"), ("web", "moved")):
        (tokens / service).write_text(f"{token} run-1 2026-11-27T00:00:00Z\n")
    assert call(tmp_path, "given", "git", "shop", "none").split() == ["git"]


def test_a_successor_stays_whose_it_is(tmp_path: Path) -> None:
    for _ in range(2):
        assert call(tmp_path, "of", "server1", "server3") == "server1\n"
    assert call(tmp_path, "of", "server2", "server3") == "server1\n"
    assert (tmp_path / "var/lib/hostshift/successor-of").read_text() == "server1 server3\n"
    # made of an image of that one
    assert call(tmp_path, "of", "server2", "server4") == "server2\n"


async def test_one_that_was_built_for_another_is_not_taken(tmp_path: Path) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def say(host: Host, script: Script) -> Completed:
        asked.append((host.name, script.args))
        return Completed(0, b"server7; id\n", b"", as_root=True)

    old = declared(address="192.0.2.1")
    it = hand(tmp_path, planned(old), old, REACH, say=say)
    with pytest.raises(NotDoneError, match="server2 was built for server7; id, not for") as no:
        await removal.claimed(it)
    assert asked == [
        ("server2", ("of", "server1", "server2")),
        ("server1", ("forget", "server2")),  # or it could be told to remove it
    ]
    assert "hostshift plan 'server7; id' decommission:server2" in no.value.hint


REVERSE = "2.0.192.in-addr.arpa"


@pytest.mark.parametrize(
    ("pointer", "goes"), [("server2.servers.example.com", True), ("another.example.com", False)]
)
async def test_what_points_back_at_the_name_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pointer: str, *, goes: bool
) -> None:
    name, back = "server2.servers.example.com", f"2.{REVERSE}"
    there = {
        ("example.com", name): (dns.records(name, "A", ["192.0.2.2"], 300),),
        (REVERSE, back): (dns.records(back, "PTR", [pointer], 300),),
    }

    async def standing(_hand: Hand, zone: str, asked: str) -> tuple[dns.Records, ...]:
        return there[zone, asked]

    sent: list[dns.Change] = []

    async def carry_out(_hand: Hand, change: dns.Change) -> None:
        sent.append(change)

    monkeypatch.setattr(names, "_standing", standing)
    monkeypatch.setattr(names, "_carry_out", carry_out)
    old = declared(address="server1.servers.example.com")
    it = hand(tmp_path, removal_plan(old), old, "own-records", "example.com", REVERSE)
    act = RecordsAct("example.com", "remove", (name,))
    await names.records(it, act)
    assert [change.zone for change in sent] == ["example.com", *([REVERSE] if goes else [])]
    assert all(edit.new is None for change in sent for edit in change.edits)
