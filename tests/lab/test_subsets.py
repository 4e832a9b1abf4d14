"""Parts of an upgrade on a real host: foreseen, carried out, and nothing beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller
from tests.lab.machine import Machine
from tests.lab.scenarios import UPDATE, apt_get, lab_packages, switch_to
from tests.operators import text

PAIR = ("lab-pair-one", "lab-pair-two")
DUE = (*PAIR, "lab-lib", "lab-conf", "lab-kept")
OLD, NEW = "1.0-1", "2.0-1"


@pytest.fixture
def host(new_host: NewHost) -> Machine:
    """A host with security and other updates due, two of them installed automatically."""
    host = new_host()
    lab_packages(host, "v1", DUE)
    host.inside("apt-mark auto lab-pair-one lab-lib")
    with (host.root / "etc/apt/sources.list").open("a") as sources:
        sources.write(f"deb [trusted=yes] {host.settings.proxy_url}/lab v2-security main\n")
    switch_to(host, "v2")
    apt_get(host, UPDATE)
    return host


def versions(host: Machine) -> dict[str, str]:
    query = "dpkg-query -W -f '${Package} ${Version}\\n' 'lab-*'"
    lines = host.inside(query).stdout.splitlines()
    return {words[0]: words[1] for line in lines if len(words := line.split()) == 2}


def automatic(host: Machine) -> set[str]:
    shown = host.inside("apt-mark showauto").stdout.split()
    return {name for name in shown if name.startswith("lab-")}


def candidates(eve: Controller) -> dict[str, dict[str, Any]]:
    document = json.loads(eve.call("status", eve.host.name, "--json").stdout)
    return {candidate["id"]: candidate for candidate in document["hosts"][0]["candidates"]}


def test_parts_of_an_upgrade_are_had_alone(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, host)
    found = candidates(eve)
    offered = found["upgrade:security"]
    assert offered["kind"] == "upgrade"
    assert offered["subset"] == "security"
    assert offered["blockers"] == []
    assert [change["name"] for change in offered["changes"]] == list(PAIR)
    assert offered["risk"]["score"] <= found["upgrade"]["risk"]["score"]

    done = eve.run("upgrade:security")
    assert b"Setting up lab-pair-two (2" in done.stdout
    assert versions(host) == dict.fromkeys(DUE, OLD) | dict.fromkeys(PAIR, NEW)
    assert automatic(host) == {"lab-pair-one", "lab-lib"}
    assert eve.last()["candidate"] == "upgrade:security"
    assert eve.last()["state"] == "succeeded"
    assert "upgrade:security" not in candidates(eve), "no security update is left"

    alone = eve.call("plan", host.name, "upgrade:only=lab-kept", check=5)
    assert "not-separable" in text(alone)
    assert "lab-newdep" in text(alone)
    assert "hostshift plan" in text(alone)
    assert "upgrade:only=lab-kept,lab-newdep" in text(alone)

    eve.run("upgrade:only=lab-kept,lab-newdep,lab-lib")
    assert versions(host) == dict.fromkeys(DUE, NEW) | {"lab-conf": OLD, "lab-newdep": "1.0-1"}
    assert automatic(host) == {"lab-pair-one", "lab-lib", "lab-newdep"}


def test_what_an_operator_excludes_or_holds_is_left_out(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, host, {"exclude": ["lab-pair"]})
    found = candidates(eve)
    remedy = f"hostshift plan {host.name} upgrade:without=lab-pair"
    blockers = {blocker["id"]: blocker["remedy"] for blocker in found["upgrade"]["blockers"]}
    assert blockers["excluded"] == remedy
    offered = found["upgrade:without=lab-pair"]
    assert offered["blockers"] == []
    assert not {change["name"] for change in offered["changes"]} & set(PAIR)
    assert "upgrade:security" not in found

    host.inside("apt-mark hold lab-pair-two")
    split = eve.call("plan", host.name, "upgrade:only=lab-pair", check=5)
    assert "split-source" in text(split)
    assert "apt-mark unhold lab-pair-two" in text(split)
    wrong = eve.call("plan", host.name, "upgrade:only=lab-libs", check=2)
    assert "Did you mean 'lab-lib'" in text(wrong)
    assert versions(host) == dict.fromkeys(DUE, OLD)
