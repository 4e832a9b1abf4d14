"""Whole replacements under load: server1 is followed by server2, and nothing is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.lab.nameservers import PRIMARY, RESOLVER, SECONDARY, ZONE, secret
from tests.lab.processes import wait_until
from tests.lab.replacement.ann import Ann, states, window
from tests.lab.replacement.world import NEW, OLD, World
from tests.operators import text

HOME = "var/lib/hostshift"


def quiet(world: World) -> bool:
    """Whether the successor is kept from mailing and its cron is held; never only a part of it."""
    new = world.successor
    held = [*(new.root / "etc/systemd/system").rglob("*hostshift-quiet*")]
    there = "dport 25 prohibit" in new.inside("ip rule").stdout
    assert there is bool(held) is (new.root / "etc/systemd/system/cron.service.d").exists()
    tried = new.inside(f"bash -c '</dev/tcp/{world.old.address}/25'", check=False)
    assert ("Permission denied" in tried.stderr) is there, tried.stderr
    timer = new.inside("systemctl is-active files.timer", check=False).stdout.strip()
    assert (timer == "active") is not there, f"the timer that belongs to a service is {timer}"
    own = new.inside("bash -c '</dev/tcp/127.0.0.1/25'", check=False)
    assert "Permission denied" not in own.stderr, "mail that stays on the host is not concerned"
    return there


@pytest.mark.parametrize("world", [(6, True)], indirect=True)
def test_a_server_is_replaced_under_load(world: World, tmp_path: Path) -> None:
    ann = Ann(tmp_path / "ann", world)
    for kind, server in (("files", PRIMARY), ("files", RESOLVER), ("shop", PRIMARY)):
        world.writer(kind, server)  # type: ignore[arg-type]
    planned = json.loads(ann.call("plan", OLD, "replace", "--json").stdout)["preflight"]
    (spf,) = (f["message"] for f in planned["findings"] if f["id"] == "spf")
    assert f"{ZONE} lets {world.old.address} send its mail (SPF, ip4:" in spf
    assert "ptr" not in {f["id"] for f in planned["findings"]}, "its zone is the inventory's"
    names = {named["name"]: named for named in planned["names"]}
    assert {named["verdict"] for named in names.values()} == {"leads-there"}
    answers = names[f"files.{ZONE}"]["answers"]
    assert [(r["ttl"], r["values"]) for r in answers[0]["records"]] == [(6, [world.old.address])]
    assert len(answers) == 3, "the primary, the secondary, the resolver"
    run = ann.replace()
    found = states(run)
    assert (run["state"], found["cutover"]) == ("waiting", "waiting"), ann.story()
    assert set(list(found.values())[: list(found).index("cutover")]) == {"succeeded"}
    assert world.counts_on(world.old).files, "server1 serves while all is prepared"
    assert world.address_of("files") == world.old.address
    assert quiet(world)
    acted = "test -e /run/files-queue.acted"
    assert world.successor.inside(acted, check=False).returncode == 1, "a worker has acted too soon"

    run = ann.go_on()
    assert not quiet(world)
    world.successor.inside(acted)
    assert (run["state"], states(run)["end"]) == ("waiting", "waiting"), ann.story()
    for writer in world.writers:
        writer.wait_for(5)
    for server in (PRIMARY, SECONDARY, RESOLVER):
        assert world.address_of("files", server) == world.successor.address
    world.stop_writers()
    world.assert_nothing_lost()
    world.assert_never_two_writers()
    promised = window(run)
    by_primary, by_resolver, _ = world.writers
    assert by_primary.longest_gap_s() <= 1.3 * promised
    # What it kept of the DNS led it to server1 for up to TTL_S more, which passed it on by then.
    assert by_resolver.longest_gap_s() <= 1.3 * window(run, "forward") + 1
    story = ann.story()
    assert "files was out for" in story
    assert "## Recovery drill" in story
    assert "services that passed their tests: " in story
    assert "TCP port 8080 is passed on to " in story
    assert states(run)["test-files"] == "succeeded"
    assert "TCP port 5432 is not passed on: something listens there still" in story
    assert world.old.inside("systemctl is-active files.service", check=False).returncode != 0
    with urlopen(f"http://{world.old.address}:8080/health", timeout=10) as answer:
        assert answer.status == 200
    assert "hostshift" not in (world.old.root / "home/admin/.ssh/authorized_keys").read_text()
    inventory = world.inventory.read_text()
    assert inventory.count('host = "server2"') == 3
    assert "this comment is to be kept" in inventory
    look = json.loads(ann.call("status", OLD, "--json").stdout)["hosts"][0]
    assert [c["kind"] for c in look["candidates"]] == ["none", "decommission"]

    assert "Your references script finds: files is backed up from server1." in story
    assert "Leads to server1 by the DNS: none of its services' names." in story
    told = text(ann.call("check", "--dns"))
    assert "(TTL 6)" in told, "the names have their TTL back"
    old = world.old
    script = world.directory / "scripts/decommission.sh"
    right = script.read_text()
    script.write_text("#!/bin/sh\necho no quota left\nexit 3\n")
    run = ann.go_on()
    assert (run["state"], states(run)["decommission"]) == ("waiting", "waiting"), ann.story()
    assert "no quota left" in ann.story()
    script.write_text(right)
    run = ann.go_on(check=0)
    assert run["state"] == "succeeded", ann.story()
    assert list(world.cloud.machines) == [NEW]
    assert (world.directory / "work/last-of-files.tar").stat().st_size > 2_000_000
    assert not old.container.is_on()
    assert "[hosts.server1]" not in world.inventory.read_text()
    assert old.address not in (world.directory / "known_hosts").read_text()
    ann.call("check")
    assert text(ann.call("check", "--dns")).count("leads to server2") == 3
    assert not (world.successor.root / HOME / "lock").exists()


def test_back_to_the_old_server_after_the_names_have_turned(world: World, tmp_path: Path) -> None:
    ann = Ann(tmp_path / "ann", world)
    for kind in ("files", "shop"):
        world.writer(kind)
    serves = "systemctl is-active files.service files.timer nginx.service shop.service"
    before = world.old.inside(serves).stdout
    ann.replace()
    run = ann.go_on()
    assert states(run)["end"] == "waiting", ann.story()
    for writer in world.writers:
        writer.wait_for(5)  # of these the old server has nothing
    refused = ann.call("plan", NEW, f"replace:to={OLD}", check=5)
    assert "hostshift-run: " in text(refused), text(refused)
    ann.call("answer", run["id"], "end", check=5)

    # Killed on the way back, and then refused by the name server: back to server2.
    back = f"replace:to={OLD}"
    run = ann.replace(NEW, back)
    key = world.directory / "tsig.key"
    right = key.read_text()
    key.write_text(secret() + "\n")
    killed(ann, "answer", run["id"], "go-on", "--confirm", NEW, when="start")
    ann.call("attach", run["id"], "--take-over", "it was killed", check=1, timeout=400)
    assert ann.last()["state"] == "rolled-back", ann.story()
    for writer in world.writers:
        writer.wait_for(5)
    assert world.old.inside("systemctl is-active files.service", check=False).returncode
    key.write_text(right)

    run = ann.replace(NEW, back)
    found = states(run)
    assert (run["state"], found["cutover"]) == ("waiting", "waiting"), ann.story()
    assert not {"deploy-web", "restore-web", "quiet"} & set(found), "it is there still"
    assert world.address_of("files") == world.successor.address, "server2 serves until the gate"
    run = ann.go_on()
    assert (run["state"], states(run)["end"]) == ("waiting", "waiting"), ann.story()
    for writer in world.writers:
        writer.wait_for(5)
    for server in (PRIMARY, SECONDARY, RESOLVER):
        assert world.address_of("files", server) == world.old.address
    world.stop_writers()
    world.assert_nothing_lost(world.old)
    assert world.old.inside(serves).stdout == before
    assert not [*(world.old.root / "etc/systemd/system").rglob("*hostshift*")]
    assert world.successor.inside("systemctl is-active files.service", check=False).returncode
    inventory = world.inventory.read_text()
    assert inventory.count('host = "server1"') == 3
    assert inventory.count("retiring = true") == 1
    assert 'successor = "server1"' in inventory

    run = ann.go_on(check=0)
    assert run["state"] == "succeeded", ann.story()
    assert list(world.cloud.machines) == [OLD]
    assert "[hosts.server2]" not in world.inventory.read_text()
    ann.call("check")
    assert not (world.old.root / HOME / "lock").exists()


def test_what_stays_goes_on_where_it_is(world: World, tmp_path: Path) -> None:
    inventory = world.inventory.read_text()
    stays = "[services.web]\nstays = true\n"
    inventory = inventory.replace("[services.web]\n", stays)
    # Of this zone only a command can change anything, as with a provider without RFC 2136.
    by_us = rf'(\[zones\."{ZONE}"\]\n)server = .*\nkey_name = .*\nkey_file = .*\n'
    inventory, changed = re.subn(by_us, r'\1command = "./scripts/dns.sh"\n', inventory)
    assert changed == 1
    world.inventory.write_text(inventory)
    ann = Ann(tmp_path / "ann", world)
    world.writer("files")
    run = ann.replace()
    assert states(run)["cutover"] == "waiting", ann.story()

    # Its records are lost while it waits: it is ended, and the next one builds on the same server.
    for file in ann.directory.rglob("runs.db*"):
        file.unlink()
    ann.call("status", OLD)
    lost = ann.call("attach", run["id"], check=1, timeout=300)
    assert "it had come to cutover, by the lock of server1. It is not carried on." in text(lost)
    assert "server2 is built on" in text(lost)
    for machine in (world.old, world.successor):
        assert not (machine.root / HOME / "lock").exists()
    assert "hostshift" not in (world.old.root / "home/admin/.ssh/authorized_keys").read_text()
    assert states(ann.replace())["cutover"] == "waiting", ann.story()
    assert list(world.cloud.machines) == [OLD, NEW]
    run = ann.go_on(check=0)
    assert run["state"] == "succeeded", ann.story()
    assert not {"end", "decommission", "deploy-web"} & set(states(run))
    for writer in world.writers:
        writer.wait_for(5)
    world.stop_writers()
    world.assert_nothing_lost()
    assert world.address_of("files") == world.successor.address
    assert world.address_of("web") == world.old.address
    with urlopen(f"http://{world.old.address}/", timeout=10) as answer:
        assert answer.read() == b"welcome\n"
    assert world.old.inside("systemctl is-active files.service", check=False).returncode != 0
    after = world.inventory.read_text()
    assert "retiring" not in after
    assert after.count('host = "server2"') == 2
    kinds = [
        c["kind"]
        for c in json.loads(ann.call("status", OLD, "--json").stdout)["hosts"][0]["candidates"]
    ]
    assert "upgrade" in kinds
    ann.call("check")


def killed(ann: Ann, *words: str, when: str) -> None:
    """Begin a command and kill it without a word once a step has begun."""
    process = ann.begin(*words)

    def begun() -> bool:
        if process.poll() is not None:
            return True
        found = ann.runs()
        return bool(found) and states(found[0]).get(when) not in (None, "planned")

    try:
        wait_until(begun, f"step {when} to begin", timeout=300, every=0.3)
        assert process.poll() is None, ann.said()
    finally:
        process.kill()
        process.wait(30)


@pytest.mark.parametrize("world", [(2, True)], indirect=True)
def test_killed_on_the_way_and_sent_back_twice(world: World, tmp_path: Path) -> None:
    ann = Ann(tmp_path / "ann", world)
    for kind in ("files", "shop"):
        world.writer(kind)
    digest = ann.plan(OLD, "replace")
    killed(ann, "run", OLD, "replace", "--confirm", digest, when="provision")
    run = ann.last()["id"]
    for step in ("restore-files", "bulk"):
        killed(ann, "attach", run, "--take-over", "it was killed", when=step)
    ann.call("attach", run, "--take-over", "it was killed", check=4, timeout=400)
    assert states(ann.last())["cutover"] == "waiting", ann.story()
    assert len(ann.runs()) == 1

    # The zone's key is another one now: what was frozen must come back.
    key = world.directory / "tsig.key"
    right = key.read_text()
    key.write_text(secret() + "\n")
    killed(ann, "answer", run, "go-on", "--confirm", OLD, when="final")
    ann.call("attach", run, "--take-over", "it was killed", check=1, timeout=400)
    found = ann.last()
    assert found["state"] == "rolled-back", ann.story()
    assert states(found)["dns"] == "failed"
    assert quiet(world), "what may not write any more is quiet again"
    for writer in world.writers:
        writer.wait_for(5)
    world.stop_writers()
    world.assert_nothing_lost(world.old)
    assert world.address_of("files") == world.old.address
    assert world.successor.inside("systemctl is-active files.service", check=False).returncode
    assert world.old.inside("systemctl is-enabled files.service").stdout == "enabled\n"
    assert not [*(world.old.root / "etc/systemd/system").rglob("*hostshift*")]
    assert 'host = "server2"' not in world.inventory.read_text()

    # As often as one likes: the same successor, deployed, restored and tested anew.
    key.write_text(right)
    again = ann.replace()
    assert (again["state"], states(again)["cutover"]) == ("waiting", "waiting"), ann.story()
    assert list(world.cloud.machines) == [OLD, NEW]

    # The link to the old host is cut while the last of the data is copied.
    writers = [world.writer("files", SECONDARY), world.writer("shop", SECONDARY)]
    world.old.inside("head -c 20000000 /dev/urandom >/srv/files/archive/late")
    world.old.network.slow("4mbit")
    process = ann.begin("answer", again["id"], "go-on", "--confirm", OLD)
    job = world.successor.root / HOME / "runs" / again["id"] / "final"
    wait_until((job / "begun").exists, "the final pass", timeout=120)
    world.old.link(up=False)
    wait_until((job / "exit").exists, "the final pass to fail", timeout=120)
    world.old.network.heal()
    assert process.wait(400) == 1, ann.story()
    assert ann.last()["state"] == "rolled-back", ann.story()
    for writer in writers:
        writer.wait_for(5)
    world.stop_writers()
    world.assert_nothing_lost(world.old)
    assert world.successor.inside("systemctl is-active files.service", check=False).returncode
    assert "hostshift" not in (world.old.root / "home/admin/.ssh/authorized_keys").read_text()

    # The successor isn't wanted any more; a name that leads to it keeps it.
    remove = f"decommission:{NEW}"
    there = (world.old.address, world.successor.address)
    world.point(*there)
    ann.call("run", OLD, remove, "--confirm", ann.plan(OLD, remove), check=1)
    assert "leads to" in ann.story()
    world.point(*reversed(there))
    ann.call("run", OLD, remove, "--confirm", ann.plan(OLD, remove))
    assert ann.last()["state"] == "succeeded", ann.story()
    assert list(world.cloud.machines) == [OLD]
    assert there[1] not in (world.directory / "known_hosts").read_text()
    assert "decommission" not in ann.call("status", OLD, "--json").stdout.decode()
    with urlopen(f"http://{world.old.address}:8080/health", timeout=10) as answer:
        assert answer.status == 200
