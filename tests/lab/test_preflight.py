"""The preflight on a real host: what it finds is what is there, and it leaves no trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.inventory import load
from engine.preflight import Preflight, preflight
from engine.preflight.values import Owner
from engine.session import open_session
from tests.lab.conftest import NewHost
from tests.lab.controller import Controller
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine, Options
from tests.lab.scenarios import wait_quiet
from tests.lab.snapshot import Difference, difference, snapshot_tree

VOLUMES = ["/srv/wiki", "/var/lib/wiki-db", "/srv/gone"]
UNIT = """[Service]
WorkingDirectory=/var/lib/wiki-db/15/main
ExecStart=/usr/bin/sleep infinity
"""


def with_service(host: Machine) -> None:
    """A service with a directory, the marks of a PostgreSQL data directory and its own crontab."""
    unit = host.live_root / "etc/systemd/system/wiki-db.service"
    unit.write_text(UNIT)
    host.inside(
        "set -e; mkdir -p /srv/wiki/pages /var/lib/wiki-db/15/main/global; cd /srv/wiki; "
        "for n in 1 2 3; do head -c 50000 /dev/zero >pages/$n; done; chown -R 4711:33 pages; "
        "cd /var/lib/wiki-db/15/main; echo 15 >PG_VERSION; echo x >global/pg_control; "
        f"echo '* * * * * root true' >/etc/cron.d/wiki; echo 'listen {host.address}' "
        ">/etc/wiki.conf; systemctl daemon-reload; systemctl start wiki-db"
    )


def tables(host: Machine) -> dict[str, Any]:
    return {
        "services": {
            "wiki": {
                "host": host.name,
                "names": ["wiki.example.com"],
                "units": ["wiki-db.service"],
                "volumes": VOLUMES,
                "freeze": "stop",
            }
        }
    }


async def looked_at(host: Machine, directory: Path, user: str, become: str) -> Preflight:
    file = write_inventory(directory, [host], user=user, become=become, tables=tables(host))
    session = open_session(load(file), state_dir=directory / "state")
    try:
        declared = session.inventory.host(host.name)
        return await preflight(session.transport, declared, session.clock)
    finally:
        await session.transport.close()


async def test_what_is_found_is_what_is_there(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host("server1")
    with_service(host)
    found = await looked_at(host, tmp_path, "root", "none")
    pages, data, gone = found.volumes

    def says(command: str) -> str:
        return host.inside(command).stdout.strip()

    size = int(says("du -skx /srv/wiki").split()[0]) * 1024
    entries = len(says("find /srv/wiki -mindepth 1").splitlines())
    assert (pages.used_bytes, pages.entries, pages.whole) == (size, entries, True)
    assert pages.owners == (Owner(0, 0), Owner(4711, 33))
    assert pages.filesystem is not None
    assert pages.filesystem.point == says("findmnt -n -o TARGET -T /srv/wiki")
    assert pages.filesystem.kind == says("findmnt -n -o FSTYPE -T /srv/wiki")
    assert data.state == "directory"
    assert gone.state == "missing"
    assert found.databases is not None
    assert found.databases_whole
    assert [(d.engine, d.path, d.version, d.held_by) for d in found.databases] == [
        ("postgresql", "/var/lib/wiki-db/15/main", "15", ("sleep",))
    ]
    assert found.units is not None
    assert [(u.name, u.active) for u in found.units] == [("wiki-db.service", "active")]
    assert found.libc == says("getconf GNU_LIBC_VERSION")
    assert found.cron is not None
    assert "/etc/cron.d/wiki" in [c.path for c in found.cron]
    assert found.timers is not None
    assert found.addresses is not None
    assert host.address in [address for _, address in found.addresses]
    assert found.mentions is not None
    assert ("/etc/wiki.conf", 1) in [(m.path, m.line) for m in found.mentions]
    assert found.sockets is not None
    assert any(s.port == 22 and s.program for s in found.sockets)
    assert found.accounts is not None
    assert (0, "root") in found.accounts.users
    assert found.unread == ()
    host.inside("systemctl stop wiki-db")
    later = await looked_at(host, tmp_path, "root", "none")
    assert [d.held_by for d in later.databases or ()] == [()]


def test_the_plan_of_a_replacement_shows_it_and_stays_refused(
    new_host: NewHost, tmp_path: Path
) -> None:
    host = new_host("server1")
    with_service(host)
    controller = Controller(tmp_path / "ann", host, tables=tables(host))
    whole = json.loads(controller.call("plan", "server1", "replace", "--json", check=5).stdout)
    assert whole["preflight"]["successor"]["name"] == "server2"
    levels = {f["id"]: f["level"] for f in whole["preflight"]["findings"]}
    assert levels["volume-missing"] == "stops"
    assert levels["database-by-files"] == "warns"
    assert levels["own-address"] == "warns"
    assert {b["id"] for b in whole["blockers"]} == {"replace-incomplete"}
    text = controller.call("plan", "server1", "replace", check=5)
    assert b"its successor would be server2" in text.stdout
    assert b"PostgreSQL 15 in /var/lib/wiki-db/15/main (wiki), in use by sleep" in b" ".join(
        text.stdout.split()
    )


async def test_without_root_what_cannot_be_seen_is_unknown(
    new_host: NewHost, tmp_path: Path
) -> None:
    host = new_host("server1")
    with_service(host)
    host.inside("chmod 700 /srv/wiki /var/lib/wiki-db")
    found = await looked_at(host, tmp_path, "admin", "none")
    assert not found.privileged
    pages, data, gone = found.volumes
    assert (pages.state, pages.readable, pages.used_bytes) == ("directory", False, None)
    assert data.readable is False
    assert gone.state == "missing"
    assert not found.databases_whole


async def trace(new_host: NewHost, directory: Path, how: str, *, look: bool) -> Difference:
    """What differs on a fresh host after a preflight, or after ``ssh HOST true``."""
    host = new_host("subject", Options(machine_id="1" * 32))
    with_service(host)
    user, become = ("admin", "sudo") if how == "sudo" else (how, "none")
    sudo = "sudo -n " if how == "sudo" else ""
    host.ssh(f"{sudo}true", user)
    wait_quiet(host)
    before = snapshot_tree(host.live_root)
    if look:
        found = await looked_at(host, directory, user, become)
        assert found.privileged == (how != "admin")
        assert found.volumes[0].entries
    else:
        host.ssh(f"{sudo}true", user)
    wait_quiet(host)
    after = difference(before, snapshot_tree(host.live_root, before))
    host.destroy()
    return after


@pytest.mark.parametrize("how", ["root", "sudo", "admin"])
async def test_a_preflight_leaves_no_trace_beyond_ssh_true(
    new_host: NewHost, tmp_path: Path, how: str
) -> None:
    control = await trace(new_host, tmp_path, how, look=False)
    assert control, "the control run shows nothing at all: the picture is blind"
    beyond = (await trace(new_host, tmp_path, how, look=True)).beyond(control)
    assert not beyond, f"as {how}:\n{beyond}"
