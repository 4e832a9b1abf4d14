"""How a step of a replacement ends that can't go on, and what of a host's words is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import dns, health, writers
from engine.errors import HostOutputError
from engine.model.host import Host
from engine.model.json_form import to_json
from engine.model.replacing import (
    FREEZE,
    PREFLIGHT,
    REACH,
    SWITCH,
    ChecksAct,
    RecordsAct,
    ReturnAct,
)
from engine.runs.acts.replacing import ending, names, server, writing
from engine.runs.acts.replacing.hand import Hand, NotDoneError
from engine.shell import Script
from engine.transport.protocol import Completed
from tests.unit.plan.replacements import GIT, SHOP, declared, planned
from tests.unit.replacing.hands import hand

ZONES = ("example.com", "example.net")


def says(output: bytes, status: int = 0, error: bytes = b"") -> Completed:
    return Completed(status, output, error, as_root=True)


async def test_services_that_do_not_stop_leave_the_old_host_frozen_and_a_person_to_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def goes_on(*_: object) -> tuple[str, ...]:
        return ("git.service is active",)

    monkeypatch.setattr(writers, "stop", goes_on)
    old = declared()
    it = hand(tmp_path, planned(old), old, "return", begun=(FREEZE, SWITCH))
    assert isinstance(it.step.act, ReturnAct)
    with pytest.raises(NotDoneError) as caught:
        await writing.go_back(it, it.step.act)
    assert caught.value.state == "attention"
    assert "git.service is active" in caught.value.words
    assert caught.value.hint


def two_zones(tmp_path: Path, *begun: str) -> Hand:
    old = declared(services=(GIT, replace(SHOP, names=("shop.example.net",))))
    it = hand(tmp_path, planned(old, *ZONES), old, "dns-2", *ZONES, begun=begun)
    address = dns.records("shop.example.net", "A", ["192.0.2.1"], 30)
    noted = {"shop.example.net": {"records": [to_json(address)], "negative_ttl": 30}}
    results: dict[str, dict[str, Any]] = {
        PREFLIGHT: {"names": {"example.net": noted}},
        REACH: {"dns_name": None},
    }
    it.driver.record = replace(it.driver.record, results={**it.driver.record.results, **results})
    return it


async def test_a_refused_change_was_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> dns.Outcome:
        return dns.Outcome("refused", problem=dns.Problem("refused", "REFUSED", "Ask them."))

    monkeypatch.setattr(names, "_by_update", refused)
    it = two_zones(tmp_path, "dns.sent")
    assert isinstance(it.step.act, RecordsAct)
    with pytest.raises(NotDoneError, match="REFUSED") as caught:
        await names.records(it, it.step.act)
    assert caught.value.state == "failed"
    assert set(it.driver.record.begun) & {"dns.sent", "dns-2.sent"} == {"dns.sent"}


async def test_checks_that_are_stopped_say_what_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bad:
        ok, shown, detail = False, "https://a/", "refused"

    async def bad(*_: object, **__: object) -> list[Bad]:
        return [Bad()]

    monkeypatch.setattr(health, "run", bad)
    old = declared()
    it = hand(tmp_path, planned(old), old, "test")
    it.driver.stop_asked = "Stopped by eve@laptop."
    assert isinstance(it.step.act, ChecksAct)
    with pytest.raises(NotDoneError) as caught:
        await server.checks(it, it.step.act)
    assert (caught.value.state, bool(caught.value.hint)) == ("cancelled", True)


async def test_a_host_says_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    old = declared()

    def hostile(host: Host, script: Script) -> Completed:
        return says(b"\x1b]0;owned\x07cloud-init \x1b[31mruns\x9b2J\n", 1)

    it = hand(tmp_path, planned(old), old, REACH, say=hostile)
    assert await server._settled(it) == "cloud-init runs\ufffd2J"
    it = hand(tmp_path, planned(old), old, "end", say=lambda *_: says(b"192.0.2.9\x1b[2J 80\n"))
    assert await ending.visitors(it, (80,)) == ("192.0.2.9 80",)


async def test_who_comes_is_not_nobody_where_it_could_not_be_asked(tmp_path: Path) -> None:
    old = declared()
    it = hand(tmp_path, planned(old), old, "end", say=lambda *_: says(b"", 127, b"awk: not found"))
    with pytest.raises(HostOutputError) as caught:
        await ending.visitors(it, (80,))
    assert "awk: not found" in (caught.value.hint or "")
