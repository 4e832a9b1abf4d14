"""An Ubuntu release upgrade, by a double of the upgrader, on a booted Debian called Ubuntu.

The real one's screen, questions and archive stay unproven.
"""

from __future__ import annotations

import json
import shutil
import socket
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller, job_file
from tests.lab.machine import Machine
from tests.lab.processes import run, wait_until
from tests.lab.scenarios import lab_packages
from tests.operators import text

STEP = "release-upgrade"
DOUBLE = Path(__file__).parent / "ubuntu/do-release-upgrade.sh"
OS_RELEASE = """\
PRETTY_NAME="Ubuntu 22.04.5 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION_CODENAME=jammy
ID=ubuntu
ID_LIKE=debian
"""
META_RELEASE = """\
Dist: jammy
Name: Jammy Jellyfish
Version: 22.04.5 LTS
Supported: 1

Dist: noble
Name: Noble Numbat
Version: 24.04.3 LTS
Supported: 1
"""


@pytest.fixture
def host(new_host: NewHost) -> Machine:
    host = new_host()
    lab_packages(host, "v1", ["lab-lib", "lab-slow"])
    shutil.copy(DOUBLE, host.root / "usr/bin/do-release-upgrade")
    release = host.root / "usr/lib/os-release"
    release.unlink()
    release.write_text(OS_RELEASE)
    prompts(host, "lts")
    known = host.root / "var/lib/update-manager"
    known.mkdir(parents=True, exist_ok=True)
    (known / "meta-release-lts").write_text(META_RELEASE)
    return host


def prompts(host: Machine, word: str) -> None:
    configuration = host.root / "etc/update-manager/release-upgrades"
    configuration.parent.mkdir(exist_ok=True)
    configuration.write_text(f"[DEFAULT]\nPrompt={word}\n")


def behaves(host: Machine, mode: str) -> None:
    (host.root / "etc/lab-upgrader").write_text(f"{mode}\n")


def look(eve: Controller) -> dict[str, Any]:
    document = json.loads(eve.call("status", eve.host.name, "--json").stdout)
    return dict(document["hosts"][0])


def banner(host: Machine) -> bytes:
    """What answers at the spare sshd's port."""
    try:
        with socket.create_connection((host.address, 1022), 5) as connection:
            connection.settimeout(5)
            return connection.recv(8)
    except OSError:
        return b""


def in_log(host: Machine, words: bytes) -> bool:
    try:
        return words in job_file(host, "log", STEP).read_bytes()
    except OSError:
        return False


def test_by_its_own_upgrader_which_is_not_just_believed(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, host)
    found = {c["id"]: c for c in look(eve)["candidates"]}[STEP]
    assert (found["blockers"], found["to"]) == ([], "24.04.3 LTS")

    # It says none, which may mean anything; nothing was changed.
    behaves(host, "none")
    told = text(eve.run(STEP, check=1))
    assert "There is no development version of an LTS available." in told
    assert "offers no release" in told

    # Where there is no second way in, that is asked about.
    behaves(host, "")
    eve.run(STEP, check=4)
    host.inside("mkdir -p /run/sshd && /usr/sbin/sshd -p 1022 -o PidFile=/run/taken.pid")
    answer = ("answer", eve.last()["id"], "go-on", "--confirm", host.name)
    told = text(eve.call(*answer, check=4))
    assert "something else listens at port 1022" in told
    assert "Go on without a spare sshd?" in told
    eve.call("answer", eve.last()["id"], "end", check=5)
    assert eve.last()["state"] == "cancelled"
    host.inside("kill $(cat /run/taken.pid)")

    # It ends with 0 and has done nothing.
    behaves(host, "refuses")
    told = text(eve.run(STEP, check=4))
    assert "New release '24.04.3 LTS' available." in told
    refused = text(eve.call("answer", eve.last()["id"], "go-on", "--confirm", host.name, check=1))
    assert eve.last()["state"] == "failed"
    assert "this host is jammy still" in refused
    assert "failed to fetch 'noble.tar.gz'" in refused
    assert look(eve)["os"]["codename"] == "jammy"
    assert banner(host) == b"SSH-2.0-", "after a bad end it stays for whoever mends it"
    assert "The spare sshd stays" in refused

    behaves(host, "")
    eve.run(STEP, check=4)
    process = eve.begin("answer", eve.last()["id"], "go-on", "--confirm", host.name)
    wait_until(partial(in_log, host, b"Unpacking lab-"), "the upgrader's term.log", timeout=120)
    assert banner(host) == b"SSH-2.0-"
    by_spare = ("-p", "1022", "-o", f"HostKeyAlias={host.address}", "id -u")
    assert run([*host.ssh_command(), *by_spare]).stdout == "0\n"
    host.link(up=False)
    wait_until(lambda: eve.last()["state"] == "unknown", "a cut", timeout=120, every=1)
    host.link(up=True)
    assert process.wait(timeout=300) == 0, text(eve.call("export", eve.last()["id"]))
    log = job_file(host, "log", STEP).read_bytes()
    assert b"INFO upgrade done" in log
    assert b"this host is noble now" in job_file(host, "log", "done").read_bytes()
    after = look(eve)
    assert after["os"]["codename"] == "noble"
    assert host.inside("systemctl is-system-running", check=False).stdout.strip() == "running"
    for trace in ("release-upgrader-sshd.pid", "release-upgrader-screen"):
        assert not (host.root / "run" / trace).exists()
    assert STEP not in [c["id"] for c in after["candidates"]], "nothing newer is known"
    assert banner(host) == b""
    assert not (host.root / "var/lib/hostshift/spare").exists()
    prompts(host, "never")
    assert "prompt-never" in text(eve.call("plan", host.name, STEP, check=5))
