"""The world by itself: its clients, its scripts, and a replacement by hand with them."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.lab.machine import Machine
from tests.lab.nameservers import PRIMARY, RESOLVER, SECONDARY
from tests.lab.processes import run
from tests.lab.replacement.world import NEW, OLD, SERVICES, SHOP, World
from tests.operators import Operator, text

VOLUMES = ("srv/files", "srv/web")


def rsync(old: Machine, new: Machine) -> None:
    for volume in VOLUMES:
        words = ["rsync", "-aHAXS", "--numeric-ids", "--delete"]
        run([*words, f"{old.root}/{volume}/", f"{new.root}/{volume}/"])


def provisioned(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The last line of what the script said."""
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("world", [(2, True)], indirect=True)
def test_a_replacement_by_hand_loses_nothing(world: World) -> None:
    old = world.old
    files, behind, rows = (
        world.writer("files"),
        world.writer("files", RESOLVER),
        world.writer("shop"),
    )
    made = provisioned(world.script("provision"))
    new = world.successor
    assert made == {"address": new.address, "host_keys": [" ".join(key_of(new))]}
    assert provisioned(world.script("provision")) == made, "the second time it finds the first's"
    assert list(world.cloud.machines) == [OLD, NEW]
    new.wait_booted()
    assert (old.suite, new.suite) == ("bookworm", "trixie")
    for _ in range(2):  # everything is safe to run twice
        world.for_each_service("deploy")
        world.for_each_service("restore")
    assert old.inside("id -u files").stdout != new.inside("id -u files").stdout
    assert not world.counts_on(new).files, "the backup is older than the load"
    rsync(old, new)
    world.script("sync", sync_pass="bulk")
    assert world.counts_on(new).rows
    refused = world.script("sync", sync_pass="final", check=False)
    assert (refused.returncode, "still takes writes" in refused.stderr) == (1, True)

    new.inside("systemctl stop files.service shop.service nginx.service")
    old.inside(f"systemctl stop files.service nginx.service; {SHOP} freeze; {SHOP} freeze")
    world.script("sync", sync_pass="final")
    assert "server1: " in world.script("verify").stdout
    rsync(old, new)
    new.inside("systemctl start files.service shop.service nginx.service")
    world.point(old.address, new.address)
    for writer in (files, behind, rows):
        writer.wait_for(5)
    for address in (PRIMARY, SECONDARY, RESOLVER):
        assert world.address_of("files", address) == new.address
    world.stop_writers()
    assert world.script("verify", check=False).returncode == 1, "the successor has more rows"
    world.assert_nothing_lost()
    world.assert_never_two_writers()
    for writer in world.writers:
        assert writer.failures()
        assert writer.longest_gap_s() > 0.2
        assert {a.address for a in writer.attempts()} >= {old.address, new.address}

    old.reboot()
    assert old.inside(f"{SHOP} is-frozen", check=False).returncode == 0
    assert old.inside("systemctl is-active shop.service", check=False).stdout == "inactive\n"
    old.inside(f"{SHOP} thaw && {SHOP} is-open")
    for _ in range(2):
        world.script("decommission")
    assert list(world.cloud.machines) == [NEW]
    assert not old.container.is_on()


def key_of(machine: Machine) -> list[str]:
    """Its host key, without the comment."""
    file: Path = machine.root / "etc/ssh/ssh_host_ed25519_key.pub"
    return file.read_text().split()[:2]


def test_what_hostshift_makes_of_it(world: World, tmp_path: Path) -> None:
    ann = Operator(tmp_path / "ann", world.inventory)
    checked = text(ann.call("check", "--dns"))
    for service in SERVICES:
        assert f"{service}.lab.test ({service}): leads to server1 ({world.old.address})" in checked
    plan = json.loads(ann.call("plan", "server1", "replace", "--json", check=None).stdout)
    assert plan["preflight"]["successor"]["name"] == NEW
    stops = [f for f in plan["preflight"]["findings"] if f["level"] == "stops"]
    assert stops == []


def test_what_was_lost_or_kept_twice_is_seen(world: World) -> None:
    writer = world.writer("files")
    world.writer("shop").wait_for(5)
    writer.wait_for(5)
    world.stop_writers()
    world.assert_nothing_lost(world.old)
    file = next((world.old.root / "srv/files/requests").iterdir())
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines, lines[0]]))
    with pytest.raises(AssertionError, match="twice"):
        world.assert_nothing_lost(world.old)
    file.write_text("".join(lines[1:]))
    with pytest.raises(AssertionError, match=r"files by 127\.53\.0\.1: lost"):
        world.assert_nothing_lost(world.old)
    file.write_text("".join(lines))
    world.old.inside("cd / && runuser -u postgres -- psql -d shop -c 'delete from orders'")
    with pytest.raises(AssertionError, match=r"shop by 127\.53\.0\.1: lost"):
        world.assert_nothing_lost(world.old)
