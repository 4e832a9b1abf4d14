"""What stands against an upgrade on a real host: foreseen, mended by its remedy, then gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller, slow_for
from tests.lab.machine import Machine
from tests.lab.scenarios import hold_dpkg_lock, interrupted_dpkg, lab_packages
from tests.operators import text


@pytest.fixture
def host(new_host: NewHost) -> Machine:
    """A host whose dpkg was killed at work, in an upgrade that is still due."""
    host = new_host()
    lab_packages(host, "v1", ("lab-lib",))
    interrupted_dpkg(host, "killed")
    slow_for(host, 0)
    return host


def blockers(eve: Controller, candidate: str = "upgrade") -> dict[str, dict[str, str]]:
    document = json.loads(eve.call("status", eve.host.name, "--json").stdout)
    (found,) = (c for c in document["hosts"][0]["candidates"] if c["id"] == candidate)
    return {blocker["id"]: blocker for blocker in found["blockers"]}


def mend(eve: Controller, blocker: dict[str, str]) -> None:
    """Carry out what the remedy's first line says, word by word."""
    words = blocker["remedy"].partition("\n")[0].split()
    assert words[:3] == ["hostshift", "plan", eve.host.name]
    eve.run(words[3])


def test_blockers_are_foreseen_and_mended(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path, host)

    with hold_dpkg_lock(host):
        found = blockers(eve)
        assert "dpkg-lock" in found
        assert not {"dpkg-interrupted", "dpkg-broken"} & found.keys(), "it may be at work"
    found = blockers(eve)
    assert "dpkg-lock" not in found
    mend(eve, found["dpkg-interrupted"])
    assert not {"dpkg-interrupted", "dpkg-broken"} & blockers(eve).keys()

    configuration = host.root / "etc/ssh/sshd_config.d/10-lab.conf"
    configuration.write_text("PermitRootLogin maybe\n")
    sudoers = host.root / "etc/sudoers.d/lab"
    sudoers.write_text("ops ALL=(ALL NOPASSWD ALL\n")
    sudoers.chmod(0o440)
    host.inside("mount --bind /var/cache/apt /var/cache/apt")
    host.inside("mount -o remount,bind,ro /var/cache/apt")
    found = blockers(eve)
    assert {"sshd-config", "sudo-config", "read-only"} <= found.keys()
    assert "10-lab.conf line 1" in found["sshd-config"]["message"]
    assert "/etc/sudoers.d/lab" in found["sudo-config"]["message"]
    assert "/var/cache/apt can only be read" in found["read-only"]["message"]
    assert "sshd-config" in text(eve.call("plan", host.name, "reboot", check=5))
    host.inside("umount /var/cache/apt")
    sudoers.unlink()
    configuration.unlink()
    assert list(blockers(eve)) == []

    host.inside("mount -t tmpfs -o size=4m cache /var/cache/apt")
    fill = "cat /dev/zero >/var/cache/apt/archives/lab-junk_1_all.deb"
    host.inside(f"mkdir -p /var/cache/apt/archives/partial; {fill}", check=False)
    found = blockers(eve)
    assert list(found) == ["no-room"]
    assert "take 5 MB" in found["no-room"]["message"]
    mend(eve, found["no-room"])
    assert list(blockers(eve)) == []
