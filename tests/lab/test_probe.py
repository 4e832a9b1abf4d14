"""The probe on real hosts: it leaves no trace, and what it says is what the host's programs say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.candidates import foresee
from engine.facts import look_at
from engine.inventory import load
from engine.model.facts import Depth, Facts
from engine.model.host import Host
from engine.session import Session, open_session
from tests.lab.conftest import NewHost
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine, Options
from tests.lab.scenarios import (
    apt_get,
    hold_dpkg_lock,
    interrupted_dpkg,
    lab_packages,
    switch_to,
    wait_quiet,
    with_security_updates,
)
from tests.lab.session import Prepare
from tests.lab.snapshot import Difference, difference, snapshot_tree

Golden = Callable[[str, Prepare], Path]


@asynccontextmanager
async def session_for(
    machine: Machine, directory: Path, user: str = "root", become: str = "none"
) -> AsyncIterator[Session]:
    inventory = load(write_inventory(directory, [machine], user=user, become=become))
    session = open_session(inventory, state_dir=directory / "state")
    try:
        yield session
    finally:
        await session.transport.close()


async def facts_of(
    machine: Machine,
    directory: Path,
    depth: Depth = "full",
    user: str = "root",
    become: str = "none",
) -> Facts:
    async with session_for(machine, directory, user, become) as session:
        look = await look_at(session, session.inventory.host(machine.name), depth)
    assert look.error is None, look.error
    assert look.facts is not None
    return look.facts


def with_needrestart(host: Machine) -> None:
    """A preparation for a golden layer: needrestart is there, as on many servers."""
    host.set_sources(host.settings.suite)
    apt_get(host, "update")
    apt_get(host, "install --no-install-recommends needrestart")


async def trace(
    new_host: NewHost, layer: Path, directory: Path, depth: Depth | None, how: str, stale: bool
) -> Difference:
    """What differs on a fresh host after a probe, or after ``ssh HOST true`` where depth is None.

    The picture holds contents and all metadata but access times: reading a file sets these, and
    sshd's own reading does so too.
    """
    host = new_host("subject", Options(machine_id="1" * 32, layers=[layer]))
    with_security_updates(host)
    user, become = ("admin", "sudo") if how == "sudo" else (how, "none")
    sudo = "sudo -n " if how == "sudo" else ""
    if stale:
        host.inside("touch /var/lib/dpkg/status")
    host.ssh(f"{sudo}true", user)
    wait_quiet(host)
    before = snapshot_tree(host.live_root)
    if depth is None:
        host.ssh(f"{sudo}true", user)
    else:
        facts = await facts_of(host, directory, depth, user, become)
        assert facts.packages is not None
        assert facts.packages.upgradable
        assert facts.privileged == (how != "admin")
        assert (facts.services_to_restart is not None) == (depth == "full" and facts.privileged)
    wait_quiet(host)
    found = difference(before, snapshot_tree(host.live_root, before))
    host.destroy()
    return found


@pytest.mark.parametrize(
    ("how", "stale"), [("root", False), ("root", True), ("sudo", True), ("admin", False)]
)
async def test_probe_leaves_no_trace_beyond_ssh_true(
    new_host: NewHost, golden: Golden, tmp_path: Path, how: str, stale: bool
) -> None:
    layer = golden("needrestart", with_needrestart)
    control = await trace(new_host, layer, tmp_path, None, how, stale)
    assert control, "the control run shows nothing at all: the picture is blind"
    for depth in ("light", "full"):
        beyond = (await trace(new_host, layer, tmp_path, depth, how, stale)).beyond(control)
        assert not beyond, f"{depth} as {how}:\n{beyond}"


async def test_a_plain_simulation_would_be_seen(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    with_security_updates(host)
    wait_quiet(host)
    before = snapshot_tree(host.live_root)
    host.inside("apt-get -s -o Debug::NoLocking=1 dist-upgrade")
    assert "var/log/apt/eipp.log.xz" in difference(before, snapshot_tree(host.live_root)).added


async def test_both_depths_count_the_same_as_apt(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    with_security_updates(host)
    light = await facts_of(host, tmp_path, "light")
    full = await facts_of(host, tmp_path, "full")
    simulated = [
        line
        for line in apt_get(host, "-s dist-upgrade").stdout.splitlines()
        if line.startswith("Inst ") and " [" in line.partition(" (")[0]
    ]
    assert light.packages is not None
    assert full.packages is not None
    assert light.packages.upgradable == full.packages.upgradable == len(simulated) > 10
    secure = sum("-security" in line or "Debian-Security" in line for line in simulated)
    assert light.packages.security == full.packages.security == secure > 0
    assert light.packages.transactions is None
    assert light.fingerprint == full.fingerprint is not None
    upgrade = full.packages.transaction("upgrade")
    assert upgrade is not None
    assert {c.name for c in upgrade.changes} == {
        line.split()[1].partition(":")[0] for line in simulated
    }
    assert upgrade.download_bytes
    assert full.lists_age_s is not None
    assert full.lists_age_s < 600
    assert full.os.codename == host.settings.suite
    assert full.systemd is True
    assert full.virtualization == "systemd-nspawn"
    assert full.kernel.expected is None
    assert full.reboot.required is False
    assert full.problems == ()


async def test_kinds_of_waiting_are_told_apart(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    names = ["lab-lib", "lab-kept", "lab-eater", "lab-victim", "lab-conf"]
    lab_packages(host, "v1", names)
    host.inside("apt-mark hold lab-conf")
    switch_to(host, "v2")
    # what people set in apt.conf changes what apt prints
    odd = 'APT::Get::Show-Versions "true";\nAPT::Color "1";\nquiet "0";\n'
    (host.root / "etc/apt/apt.conf.d/99odd").write_text(odd)
    facts = await facts_of(host, tmp_path)
    assert facts.packages is not None
    assert facts.packages.held == ("lab-conf",)
    assert facts.packages.kept_back == ("lab-eater",)
    assert facts.packages.phased == ()
    assert facts.packages.upgradable == 4
    upgrade = facts.packages.transaction("upgrade")
    dist_upgrade = facts.packages.transaction("dist-upgrade")
    assert upgrade is not None
    assert dist_upgrade is not None
    assert {"lab-lib", "lab-kept"} < {c.name for c in upgrade.changes}
    assert not [c for c in upgrade.changes if c.action == "remove"]
    assert [c.name for c in dist_upgrade.changes if c.action == "remove"] == ["lab-victim"]

    (packages,) = (host.root / "var/lib/apt/lists").glob("*_lab_*_Packages")
    phased = "Package: lab-lib\nPhased-Update-Percentage: 0\n"
    packages.write_text(packages.read_text().replace("Package: lab-lib\n", phased))
    later = await facts_of(host, tmp_path)
    assert later.packages is not None
    assert later.packages.phased == ("lab-lib",)
    assert later.packages.kept_back == ("lab-eater",)
    assert later.packages.upgradable == 4


@pytest.mark.parametrize(("how", "state"), [("killed", "iF"), ("failed", "iF"), ("unpacked", "iU")])
async def test_interrupted_dpkg_is_seen(
    new_host: NewHost, tmp_path: Path, how: str, state: str
) -> None:
    host = new_host()
    package = interrupted_dpkg(host, how)  # type: ignore[arg-type]
    facts = await facts_of(host, tmp_path, "full")
    assert facts.packages is not None
    assert facts.packages.interrupted == (how == "killed")
    broken = [(b.name, b.state) for b in facts.packages.broken or ()]
    assert broken == [(package, state)] or how == "killed"


async def test_lock_holder_is_named_and_the_lock_not_taken(
    new_host: NewHost, tmp_path: Path
) -> None:
    host = new_host()
    with hold_dpkg_lock(host) as pid:
        facts = await facts_of(host, tmp_path, "light", "admin", "none")
        assert facts.dpkg_lock is not None
        assert facts.dpkg_lock.pid == pid
        assert facts.dpkg_lock.command == "python3"
        assert facts.dpkg_lock.running_s is not None
        assert 0 <= facts.dpkg_lock.running_s <= 120
        assert "python3" in (facts.busy or "")
    after = await facts_of(host, tmp_path, "light")
    assert after.dpkg_lock is None
    assert after.busy is None


@pytest.mark.parametrize("depth", ["light", "full"])
async def test_lists_of_former_sources_are_not_taken_for_the_configured_ones(
    new_host: NewHost, tmp_path: Path, depth: Depth
) -> None:
    host = new_host()
    with_security_updates(host)
    sound = await facts_of(host, tmp_path, depth)
    assert sound.problems == ()
    assert sound.lists_age_s is not None
    sources = host.live_root / "etc/apt/sources.list"
    former = sources.read_text()
    new = "deb http://127.0.0.1:9/debian forky main"
    sources.write_text(f"{former}{new}\n")
    host.inside("apt-get -o Acquire::Retries=0 update")
    partly = await facts_of(host, tmp_path, depth)
    assert partly.packages is not None
    assert partly.packages.upgradable
    assert [p.section for p in partly.problems] == ["lists"]
    assert "http://127.0.0.1:9/debian forky" in partly.problems[0].message
    sources.write_text(former.replace(" main", " main contrib"))
    added = await facts_of(host, tmp_path, depth)
    assert added.packages is not None
    assert added.packages.upgradable
    assert all("contrib (" in p.message for p in added.problems)
    assert added.problems
    sources.write_text(f"{new}\n")
    host.inside("apt-get -o Acquire::Retries=0 update")
    moved = await facts_of(host, tmp_path, depth)
    assert moved.packages is not None
    assert moved.packages.upgradable is None
    assert moved.packages.security is None
    assert moved.lists_age_s is None
    assert [p.section for p in moved.problems] == ["lists"]
    seen = foresee(Host(host.name, host.address), moved, moved.taken_at)
    assert seen.recommendation is not None
    assert seen.recommendation.kind == "none"
    assert seen.recommendation.why[0].startswith("Refresh first")


async def test_failed_units_lock_file_and_missing_lists(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    host.inside("systemd-run --unit=broken-by-test false; rm -rf /var/lib/apt/lists/*")
    held = {"run": "r1", "host": host.name, "step": "s1", "operator": "ann@desk"}
    held |= {"since": "2026-11-23T03:00:00Z", "heartbeat": "2026-11-23T03:00:00Z"}
    folder = host.live_root / "var/lib/hostshift"
    folder.mkdir(mode=0o755)
    (folder / "lock").write_text(json.dumps(held) + "\n")
    host.inside("systemd-run --unit=hostshift-r1-s1 sleep 300")
    facts = await facts_of(host, tmp_path, "light", "admin", "none")
    assert facts.failed_units == ("broken-by-test.service",)
    assert facts.lists_age_s is None
    assert {p.section for p in facts.problems} == {"lists", "root"}
    assert facts.lock is not None
    assert facts.lock.operator == "ann@desk"
    assert facts.lock.job_alive is True
    assert facts.lock.heartbeat_age_s
    host.inside("systemctl stop hostshift-r1-s1")
    gone = await facts_of(host, tmp_path, "light")
    assert gone.lock is not None
    assert gone.lock.job_alive is False
