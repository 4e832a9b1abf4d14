"""Faults of a replacement: it goes back by itself, can be tried again, and tells what lags."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.conftest import NewFault
from tests.lab.nameservers import PRIMARY, RESOLVER, SECONDARY, ZONE
from tests.lab.processes import run, wait_until
from tests.lab.replacement.ann import TTL_S, Ann, states
from tests.lab.replacement.world import OLD, World
from tests.lab.replacement.writers import Writer
from tests.operators import Operator, text

BIG = "srv/files/archive/big"


@contextmanager
def a_file_that_rsync_can_not_replace(world: World) -> Iterator[None]:
    """One that has changed since the rehearsal; rsync ends with 23 then (rsync(1), EXIT VALUES)."""
    world.old.inside(f"head -c 2000000 /dev/urandom >/{BIG}")
    file = world.successor.root / BIG
    run(["chattr", "+i", file])
    try:
        yield
    finally:
        run(["chattr", "-i", file])


@contextmanager
def a_web_server_that_is_not_well(world: World) -> Iterator[None]:
    """It starts, and answers with an error."""
    site = world.successor.root / "etc/nginx/conf.d/maintenance.conf"
    site.write_text("server { listen 80; server_name web.lab.test; return 503; }\n")
    try:
        yield
    finally:
        site.unlink()


def assert_as_before(ann: Ann, world: World, load: list[Writer]) -> None:
    """Server1 serves, has all that was acknowledged, and nothing is left of the try."""
    for writer in load:
        writer.wait_for(5)
    world.stop_writers()
    world.assert_nothing_lost(world.old)
    assert world.address_of("files") == world.old.address
    units = "files.service nginx.service"
    assert world.old.inside(f"systemctl is-active {units}").stdout.split() == ["active"] * 2
    stopped = world.successor.inside(f"systemctl is-active {units}", check=False)
    assert "active" not in stopped.stdout.split()
    assert "hostshift" not in (world.old.root / "home/admin/.ssh/authorized_keys").read_text()
    token = (world.old.root / "var/lib/hostshift/writers/files").read_text().split()[0]
    other = (world.successor.root / "var/lib/hostshift/writers/files").read_text().split()[0]
    assert (token, other) == ("here", "none")
    assert 'host = "server2"' not in world.inventory.read_text(), ann.story()


@pytest.mark.parametrize("world", [(TTL_S, False)], indirect=True)
def test_a_cutover_that_fails_goes_back_and_is_tried_again(
    world: World, tmp_path: Path, fault: NewFault
) -> None:
    two = fault("two operators, one replacement", "the second is refused, the first is unharmed")
    partial = fault("replacement: rsync ends with 23", "rolled-back, exit 1, server1 serves")
    unwell = fault("replacement: a check fails", "rolled-back, exit 1, server1 serves")
    stale = fault("replacement: the secondary is stale", "told, waited for, and server2 serves")
    ann = Ann(tmp_path / "ann", world)
    quick = 'soak = "5s"\nstart_within = "1m"'
    world.inventory.write_text(world.inventory.read_text().replace('soak = "5s"', quick))
    load = [world.writer("files"), world.writer("shop")]
    now = ann.replace()
    assert states(now)["cutover"] == "waiting", ann.story()

    bob = Operator(tmp_path / "bob", tmp_path / "bob/inventory.toml")
    bob.called("bob")
    shutil.copytree(world.directory, bob.directory, dirs_exist_ok=True)
    for candidate in ("refresh", "replace"):
        refused = text(bob.call("plan", OLD, candidate, check=5))
        assert f"{now['id']} (replace)" in refused
    assert ann.last() == now
    two.observed("the second is refused, the first is unharmed")

    with a_file_that_rsync_can_not_replace(world):
        now = ann.go_on(check=1)
    assert states(now)["final"] == "failed", ann.story()
    assert "archive/big" in ann.story()
    assert "(code 23)" in ann.story()
    assert_as_before(ann, world, load)
    partial.observed(f"{now['state']}, exit 1, server1 serves")

    load = [world.writer("files", RESOLVER)]
    assert states(ann.replace())["cutover"] == "waiting", ann.story()
    with a_web_server_that_is_not_well(world):
        now = ann.go_on(check=1)
    assert states(now)["check"] == "failed", ann.story()
    assert "503" in ann.story()
    assert_as_before(ann, world, load)
    unwell.observed(f"{now['state']}, exit 1, server1 serves")

    load = [world.writer("files", SECONDARY), world.writer("shop", SECONDARY)]
    now = ann.replace()
    assert states(now)["cutover"] == "waiting", ann.story()
    process = ann.begin("answer", now["id"], "go-on", "--confirm", OLD)
    told = f"Not turned yet: dns2.{ZONE} ({SECONDARY})"
    wait_until(lambda: told in ann.story(), "the stale secondary to be told", timeout=120, every=1)
    assert states(ann.last())["spread"] == "waiting"
    assert world.address_of("files", SECONDARY) == world.old.address
    assert world.address_of("files", PRIMARY) == world.successor.address
    assert process.poll() is None, ann.said()
    world.dns.notify()
    assert process.wait(120) == 4, ann.said()
    assert states(ann.last())["spread"] == "succeeded", ann.story()
    assert world.address_of("files", SECONDARY) == world.successor.address
    for writer in load:
        writer.wait_for(5)
    world.stop_writers()
    world.assert_nothing_lost()
    world.assert_never_two_writers()
    stale.observed("told, waited for, and server2 serves")
