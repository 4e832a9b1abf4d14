"""Small work on a real host: what it foresees and leaves, and what a blocker's remedy mends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller
from tests.lab.machine import Machine
from tests.lab.scenarios import apt_get, lab_packages, package_state, switch_to
from tests.operators import text


@pytest.fixture
def host(new_host: NewHost) -> Machine:
    """One update is due, and one package is there that nothing needs."""
    host = new_host()
    lab_packages(host, "v1", ("lab-lib", "lab-conf"))
    host.inside("apt-mark auto lab-conf")
    switch_to(host, "v2")
    apt_get(host, "clean")
    return host


def cached(host: Machine) -> set[str]:
    files = (host.root / "var/cache/apt/archives").glob("*.deb")
    return {file.name.partition("_")[0] for file in files}


def facts(eve: Controller) -> dict[str, Any]:
    document = json.loads(eve.call("status", eve.host.name, "--json").stdout)
    return dict(document["hosts"][0])


def test_chores_from_the_command_line(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, host)

    eve.run("download")
    assert "lab-lib" in cached(host)
    assert "1.0" in host.inside("dpkg-query -W -f '${Version}' lab-lib").stdout

    eve.run("hold:lab-lib")
    assert host.inside("apt-mark showhold").stdout.split() == ["lab-lib"]
    held = next(c for c in facts(eve)["candidates"] if c["id"] == "release-upgrade")
    assert "held" in {b["id"] for b in held["blockers"]} | {"updates-first"}
    eve.run("unhold:lab-lib")
    assert host.inside("apt-mark showhold").stdout.split() == []

    asked = eve.run("autoremove", check=4)
    assert "1 removed: lab-conf" in text(asked)
    assert package_state(host, "lab-conf") == "ii"
    eve.call("answer", eve.last()["id"], "go-on", "--confirm", host.name)
    assert package_state(host, "lab-conf") != "ii"
    assert eve.last()["state"] == "succeeded"

    refused = eve.call("plan", host.name, "hold:-rf", check=None)
    assert refused.returncode == 2
    assert "no name of a package" in text(refused)


def version(host: Machine, name: str) -> str:
    done = host.inside(f"dpkg-query -W -f '${{Version}}' {name}", check=False)
    return done.stdout if done.returncode == 0 else ""


def test_the_last_transaction_is_taken_back(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    lab_packages(host, "v1", ("lab-lib", "lab-conf", "lab-kept"))
    (host.root / "etc/lab/conf.ini").write_text("setting=mine\n")
    switch_to(host, "v2")
    eve = Controller(tmp_path, host)
    eve.run()
    assert (version(host, "lab-lib"), version(host, "lab-newdep")) == ("2.0-1", "1.0-1")

    # Nothing of the former versions is in the lists, nor in the cache.
    apt_get(host, "clean")
    sources = host.root / "etc/apt/sources.list"
    right = sources.read_text()
    sources.write_text("")
    apt_get(host, "update")
    lacking = eve.run("undo", check=1)
    assert "lab-lib:amd64 1.0-1 is neither in an archive" in text(lacking)
    assert version(host, "lab-lib") == "2.0-1"

    sources.write_text(right)
    apt_get(host, "update")
    asked = eve.run("undo", check=4)
    assert "lab-lib" in text(asked)
    assert version(host, "lab-lib") == "2.0-1", "asked first"
    eve.call("answer", eve.last()["id"], "go-on", "--confirm", host.name)
    assert eve.last()["state"] == "succeeded", text(asked)
    for name in ("lab-lib", "lab-conf", "lab-kept"):
        assert version(host, name) == "1.0-1"
    assert version(host, "lab-newdep") == ""
    assert (host.root / "etc/lab/conf.ini").read_text() == "setting=mine\n"
