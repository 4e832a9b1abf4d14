"""A real release upgrade of a booted host: foreseen, refused without a trace, carried out."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller, job_file
from tests.lab.machine import Machine
from tests.lab.processes import wait_until
from tests.lab.scenarios import UPDATE, apt_get
from tests.operators import text

STEP = "release-upgrade"
NEW = "trixie"
CHANGED = ("/etc/adduser.conf", "/etc/deluser.conf", "/etc/login.defs")
"""Configuration files that somebody has changed; the next release's login hasn't the last one."""


@pytest.fixture
def host(new_host: NewHost) -> Machine:
    """Up to date in its release, with a source that isn't Debian's."""
    host = new_host()
    if host.suite != "bookworm":
        pytest.skip(f"the lab's hosts are {host.suite}")
    host.set_sources("bookworm", lab="v1")
    apt_get(host, UPDATE)
    apt_get(host, "upgrade")
    for path in CHANGED:
        with (host.root / path.lstrip("/")).open("a") as file:
            file.write("# mine\n")
    return host


def sources(host: Machine) -> str:
    return (host.root / "etc/apt/sources.list").read_text()


def candidate(eve: Controller) -> dict[str, Any]:
    document = json.loads(eve.call("status", eve.host.name, "--json").stdout)
    found = {c["id"]: c for c in document["hosts"][0]["candidates"]}
    return dict(found[STEP])


def begun(host: Machine, words: bytes) -> bool:
    try:
        return words in job_file(host, "log", STEP).read_bytes()
    except OSError:
        return False


def test_to_the_next_release_with_the_link_cut_twice(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, host)
    found = candidate(eve)
    assert found["blockers"] == []
    assert found["effects"]["reboot"] is True
    assert found["effects"]["conffiles"] == sorted(CHANGED)
    before = sources(host)

    # foreseen by the next release's lists, while nothing has changed
    foreseen = eve.run(STEP, check=4)
    run = eve.last()
    assert run["state"] == "waiting"
    told = text(foreseen)
    assert "off, not of Debian: deb [trusted=yes]" in told
    assert "packages upgraded" in told
    assert "Need to get" in told
    assert sources(host) == before
    ended = eve.call("answer", run["id"], "end", "--confirm", host.name, check=None)
    assert eve.last()["state"] == "cancelled", text(ended)
    assert sources(host) == before

    kept, taken, gone = CHANGED
    take = ("--take", taken, "--take", gone)
    digest = json.loads(eve.call("plan", host.name, STEP, *take, "--json").stdout)["digest"]
    eve.call("run", host.name, STEP, *take, "--confirm", digest, check=4)
    run_id = eve.last()["id"]
    eve.call("answer", run_id, "go-on", "--confirm", host.name, check=4, timeout=600)
    assert [s["id"] for s in eve.last()["steps"] if s["state"] == "waiting"] == ["conffiles"]
    assert sources(host) == before, "what differs is read before anything is changed"
    asked = text(eve.call("log", run_id, "download"))
    differences = host.root / "var/lib/hostshift/release/differences"
    assert differences.stat().st_mode & 0o777 == 0o600
    assert differences.read_text().count("\n-# mine\n") == 2
    shown = {
        one["path"]: one
        for one in json.loads(eve.call("conffiles", host.name, STEP, "--json").stdout)["conffiles"]
    }
    for path in (kept, taken):
        assert shown[path]["why"] is None
        assert shown[path]["version"]
        assert "-# mine" in shown[path]["difference"]
    assert (shown[gone]["asks"], shown[gone]["difference"]) == (False, [])
    process = eve.begin("answer", eve.last()["id"], "go-on", "--confirm", host.name)
    for words in (b"Unpacking ", b"Setting up "):
        wait_until(partial(begun, host, words), f"{words!r}", timeout=600)
        host.link(up=False)
        wait_until(lambda: eve.last()["state"] == "unknown", "a cut", timeout=120, every=1)
        host.link(up=True)
    process.wait(timeout=900)
    run = eve.last()
    story = text(eve.call("export", run["id"]))
    assert run["state"] == "succeeded", story
    assert f"VERSION_CODENAME={NEW}" in (host.root / "etc/os-release").read_text()
    assert host.inside("systemctl is-system-running", check=False).stdout.strip() == "running"
    for path in (kept, taken):
        assert f"what differs from your {path} to that of " in asked
    assert "# mine" not in asked, "configuration may hold secrets, and a log is no place for them"
    assert f"has no {gone} any more, so it stays yours" in asked
    for path in (kept, gone):
        assert "# mine" in (host.root / path.lstrip("/")).read_text()
    assert "# mine" not in (host.root / taken.lstrip("/")).read_text()
    assert "# mine" in (host.root / f"{taken.lstrip('/')}.dpkg-old").read_text()
    after = sources(host)
    assert f"debian {NEW} main" in after
    assert "# off for trixie, not of Debian: deb [trusted=yes]" in after
    assert (host.root / "var/lib/hostshift/release/before/sources.list").read_text() == before
    document = json.loads(eve.call("status", host.name, "--json").stdout)
    assert document["hosts"][0]["os"]["codename"] == NEW
    assert "no-next-release" in text(eve.call("plan", host.name, STEP, check=5))
    assert [s["state"] for s in run["steps"] if s["id"].endswith("spare-sshd")] == ["succeeded"] * 2
    assert not (host.root / "var/lib/hostshift/spare").exists()


@pytest.mark.long
def test_stuck_half_way_it_is_finished_by_a_repair_that_asks(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, host)
    eve.run(STEP, check=4)
    busy = "/usr/bin/rsync"  # a file that dpkg can't replace
    host.inside(f"mount --bind {busy} {busy}")
    # the differences of configuration files, which are kept
    eve.call("answer", eve.last()["id"], "go-on", "--confirm", host.name, check=4, timeout=600)
    assert eve.last()["state"] == "waiting"
    eve.call("answer", eve.last()["id"], "go-on", "--confirm", host.name, check=4, timeout=900)
    stuck = eve.last()
    assert stuck["state"] == "attention"
    assert [s["state"] for s in stuck["steps"] if s["id"] == STEP] == ["attention"]
    spare = host.inside("systemctl is-active hostshift-spare-sshd", check=False).stdout
    assert spare.strip() == "active", "a second way in stays while somebody mends it"
    host.inside(f"umount {busy}")

    remedy = f"hostshift plan {host.name} repair:removing"
    told = text(eve.call("plan", host.name, "dist-upgrade", check=5))
    assert remedy in told
    assert "To finish it removes libssl3." in told
    asked = text(eve.run("repair:removing", check=4))
    assert "libssl3" in asked
    eve.call("answer", eve.last()["id"], "go-on", "--confirm", host.name, timeout=600)
    assert eve.last()["state"] == "succeeded", eve.call("export", eve.last()["id"]).stdout.decode()
    eve.run("dist-upgrade", check=None)
    eve.run("reboot", check=None)
    assert f"VERSION_CODENAME={NEW}" in (host.root / "etc/os-release").read_text()
    assert host.inside("systemctl is-system-running", check=False).stdout.strip() == "running"
    (found,) = json.loads(eve.call("status", host.name, "--json").stdout)["hosts"]
    due = {c["id"]: c["changes"] for c in found["candidates"]}
    assert due["dist-upgrade"] == []
    assert "broken-dependencies" not in json.dumps(found)
