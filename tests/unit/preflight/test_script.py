"""engine/host/preflight.sh under the shells of this machine, on a directory that plays the host."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.clock import FixedClock
from engine.preflight import Preflight, preflight
from engine.preflight.values import Certificate, Counted, Owner, Unit
from engine.shell import Script
from tests.unit.builders import NOW, service
from tests.unit.jobs.local_host import SHELLS, LocalHost, under

BASE = ("frames.sh", "running.sh", "volumes.sh")


@pytest.fixture(params=SHELLS)
def lan(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalHost]:
    """A host whose script is read by the shell of the parameter."""
    made = under(str(request.param), tmp_path / "host")
    make(
        made, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n"
    )
    make(made, "etc/group", "root:x:0:\nann:x:1000:\n")
    make(made, "proc/self/mountinfo", "22 1 254:2 / / rw,relatime shared:1 - ext4 /dev/vda2 rw\n")
    for name in ("tcp", "udp"):
        make(made, f"proc/net/{name}", "  sl  local_address rem_address   st\n")
    yield made
    made.end()


def make(lan: LocalHost, name: str, text: str = "") -> Path:
    file = lan.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def with_volumes(lan: LocalHost, *volumes: str, **fields: object) -> None:
    one = replace(service("git", "h1", volumes=volumes, units=()), **fields)  # type: ignore[arg-type]
    lan.host = replace(lan.host, services=(one,))


@contextmanager
def sleeper(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that works in a folder, until the end of the block."""
    text = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", text], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        yield process
        process.stdin.close()


async def looked(lan: LocalHost, budget_s: int = 60) -> Preflight:
    return await preflight(lan, lan.host, FixedClock(NOW), budget_s=budget_s)


async def test_volumes_are_counted_with_what_they_lie_on(lan: LocalHost) -> None:
    make(lan, "srv/git/a", "x" * 100_000)
    make(lan, "srv/git/sub/.b c")
    (lan.root / "srv/empty").mkdir()
    make(lan, "srv/file")
    (lan.root / "srv/link").symlink_to(lan.root / "srv/git")
    (lan.root / "srv/nowhere").symlink_to("/no/such/place")
    make(
        lan, "etc/fstab", "# a comment\nUUID=1 /srv ext4 defaults 0 2\n//u:secret@x /c cifs p 0 0\n"
    )
    uuid = lan.root / "dev/disk/by-uuid/12ab-34"
    uuid.parent.mkdir(parents=True)
    uuid.symlink_to("/dev/vda2")
    names = ("git", "empty", "file", "link", "nowhere", "gone")
    with_volumes(lan, *(f"/srv/{name}" for name in names))
    found = await looked(lan)
    assert found.unread == ("timers: systemd isn't the host's PID 1",)
    git, empty, file, link, nowhere, gone = found.volumes
    assert (git.state, git.real, git.readable) == ("directory", "/srv/git", True)
    assert (git.entries, git.whole) == (3, True)
    assert git.used_bytes is not None
    assert 100_000 <= git.used_bytes < 200_000
    assert git.free_bytes
    assert git.owners == (Owner(os.getuid(), os.getgid()),)
    assert git.acl_at_top is False
    assert git.declared == ("/srv", "ext4")
    assert git.filesystem is not None
    assert (git.filesystem.point, git.filesystem.uuid) == ("/", "12ab-34")
    assert (empty.entries, empty.state) == (0, "directory")
    assert (file.state, nowhere.state, gone.state) == ("other", "dangling", "missing")
    assert (link.real, link.entries) == ("/srv/git", 3)


async def test_what_takes_too_long_is_not_counted_and_holds_nothing_up(lan: LocalHost) -> None:
    make(lan, "srv/git/a")
    lan.double("du", "sleep 30\n")
    with_volumes(lan, "/srv/git")
    slow = await looked(lan, 3)
    assert slow.volumes[0].used_bytes is None
    assert slow.volumes[0].whole is False
    assert slow.certificates == ()
    spent = await looked(lan, 0)
    assert spent.volumes[0].used_bytes is None
    assert spent.volumes[0].state == "directory"
    assert spent.databases == ()
    assert not spent.databases_whole


async def test_databases_are_recognised_and_lookalikes_are_not(lan: LocalHost) -> None:
    make(lan, "srv/git/pg data/PG_VERSION", "15\n")
    make(lan, "srv/git/pg data/global/1")
    make(lan, "srv/git/pg data/base/5/PG_VERSION", "15\n")
    make(lan, "srv/git/my/ibdata1")
    make(lan, "srv/git/maria/ibdata1")
    make(lan, "srv/git/maria/aria_log_control")
    make(lan, "srv/git/maria/mariadb_upgrade_info", "10.11.6-MariaDB")
    make(lan, "srv/git/redis/dump.rdb", "REDIS0011")
    make(lan, "srv/git/redis/appendonly.aof")
    make(lan, "srv/git/mongo/WiredTiger")
    make(lan, "srv/git/mongo/storage.bson")
    make(lan, "srv/git/not-mongo/WiredTiger")
    make(lan, "srv/git/text.db", "SQLite is a word")
    with sqlite3.connect(lan.root / "srv/git/real.db") as connection:
        connection.execute("create table t (x)")
    connection.close()
    (lan.root / "srv/other").mkdir()
    with_volumes(lan, "/srv/other", "/srv/git")
    found = await looked(lan)
    assert found.databases is not None
    assert {(d.engine, d.path, d.version) for d in found.databases} == {
        ("postgresql", "/srv/git/pg data", "15"),
        ("mysql", "/srv/git/my", None),
        ("mariadb", "/srv/git/maria", "10.11.6-MariaDB"),
        ("redis", "/srv/git/redis", None),
        ("mongodb", "/srv/git/mongo", None),
        ("sqlite", "/srv/git/real.db", None),
    }
    assert {d.volume for d in found.databases} == {"/srv/git"}
    assert found.databases_whole


@pytest.mark.skipif(os.getuid() != 0, reason="only root sees who has a file open")
async def test_whoever_has_a_database_open_is_named(lan: LocalHost) -> None:
    make(lan, "srv/git/pg/PG_VERSION", "17\n")
    make(lan, "srv/git/pg/global/1")
    make(lan, "srv/git/idle/PG_VERSION", "17\n")
    make(lan, "srv/git/idle/global/1")
    with sqlite3.connect(lan.root / "srv/git/real.sqlite3") as connection:
        connection.execute("create table t (x)")
    with_volumes(lan, "/srv/git")
    with sleeper(lan.root / "srv/git/pg") as process:
        # This machine's process, in the host's table.
        (lan.root / f"proc/{process.pid}").symlink_to(f"/proc/{process.pid}")
        (lan.root / f"proc/{os.getpid()}").symlink_to(f"/proc/{os.getpid()}")
        found = await looked(lan)
        comm = (lan.root / f"proc/{process.pid}/comm").read_text().strip()
    connection.close()
    held = {Path(d.path).name: d.held_by for d in found.databases or ()}
    assert held["pg"] == (comm,)
    assert held["idle"] == ()
    assert len(held["real.sqlite3"] or ()) == 1


async def test_what_writes_by_itself(lan: LocalHost) -> None:
    make(lan, "etc/crontab", "* * * * * root x\n")  # the distribution's
    make(lan, "etc/cron.d/ours", "# no\nMAILTO=ann\n\n*/5 * * * * root a\n  @daily root b\n")
    make(lan, "etc/cron.daily/dump", "#!/bin/sh\n")
    make(lan, "etc/cron.daily/logrotate", "#!/bin/sh\n")
    make(lan, "var/spool/cron/crontabs/ann", "1 2 * * * secret --password=x\n")
    make(lan, "var/spool/postfix/deferred/A/AB12")
    make(lan, "var/spool/postfix/deferred/B/BC12")
    make(lan, "var/spool/exim4/input/1-H")
    make(lan, "var/spool/exim4/input/1-D")
    (lan.root / "var/spool/postfix/active").mkdir()
    found = await looked(lan)
    assert found.cron == (
        Counted("/etc/cron.d/ours", 2),
        Counted("/etc/cron.daily/dump", 1),
        Counted("/var/spool/cron/crontabs/ann", 1),
    )
    assert found.queues == (
        Counted("/var/spool/exim4/input", 1),
        Counted("/var/spool/postfix/deferred", 2),
    )


async def test_units_by_their_aliases_timers_and_containers(lan: LocalHost) -> None:
    (lan.root / "run/systemd/system").mkdir(parents=True)
    lan.double(
        "systemctl",
        'case "$*" in\n'
        "*timer*) echo 'apt-daily.timer loaded active waiting x';"
        " echo 'backup.timer loaded active waiting x' ;;\n"
        "*mysql.service*no.service*) printf 'Id=mariadb.service\\nNames=mariadb.service"
        " mysql.service\\nLoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n\\n"
        "Id=no.service\\nNames=no.service\\nLoadState=not-found\\nActiveState=inactive\\n' ;;\n"
        "esac\n",
    )
    with_volumes(lan, units=("mysql.service", "no"), containers=("web",))
    found = await looked(lan)
    assert found.timers == ("backup.timer",)
    assert found.units == (
        Unit("git", "mysql.service", "loaded", "active", "enabled"),
        Unit("git", "no.service", "not-found", "inactive", None),
    )
    assert found.containers is not None
    assert [(c.name, c.state) for c in found.containers] == [("web", None)]


async def test_own_names_are_found_and_no_secret_leaves_the_host(lan: LocalHost) -> None:
    lan.host = replace(lan.host, address="h1.example.com")
    lan.double(
        "ip",
        "echo '1: lo    inet 127.0.0.1/8 scope host lo'\n"
        "echo '2: eth0    inet 192.0.2.7/24 brd 192.0.2.255 scope global eth0'\n"
        "echo '2: eth0    inet6 2001:db8::7/64 scope global dynamic'\n"
        "echo '2: eth0    inet6 fe80::1/64 scope link'\n"
        "echo '3: docker0    inet 172.17.0.1/16 scope global docker0'\n",
    )
    make(lan, "etc/app/app.conf", "a = 1\nlisten 192.0.2.7 password=hunter2\n")
    make(lan, "etc/app/longer.conf", "192.0.2.77\nh10.example.com\n172.17.0.1\n")
    make(lan, "etc/six.conf", "allow 2001:db8::7\n")
    make(lan, "etc/hostname", "h1\n")
    make(lan, "etc/nftables.conf")
    found = await looked(lan)
    assert found.addresses == (("eth0", "192.0.2.7"), ("eth0", "2001:db8::7"))
    assert found.mentions is not None
    assert found.mentions_whole
    assert [(m.path, m.line, m.text) for m in found.mentions] == [
        ("/etc/app/app.conf", 2, "192.0.2.7"),
        ("/etc/hostname", 1, "h1"),
        ("/etc/six.conf", 1, "2001:db8::7"),
    ]
    assert "hunter2" not in repr(found)
    assert found.firewall is not None
    assert found.firewall.files == ("/etc/nftables.conf",)


async def test_addresses_without_the_program_ip(lan: LocalHost) -> None:
    lan.double("ip", "exit 1\n")
    (lan.doubles / "ip").unlink()
    make(
        lan,
        "proc/net/fib_trie",
        "Main:\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 192.0.2.7\n     /32 host LOCAL\n"
        "  |-- 192.0.2.255\n     /32 link BROADCAST\n",
    )
    make(
        lan,
        "proc/net/if_inet6",
        "fe80000000000000000000000000aa01 02 40 20 80     eth0\n"
        "20010db8000000000000000000000007 02 40 00 80     eth0\n",
    )
    script = Script.host("preflight.sh", after=BASE).text.replace("if has ip;", "if false;")
    assert "if false;" in script
    done = await lan.run(lan.host, Script("x", script, ("N", "5")), deadline_s=120)
    assert b"address - 192.0.2.7\naddress eth0 2001:0db8:0000:0000:0000:0000:0000:0007\n" in (
        done.stdout
    )
    assert (
        b"127.0.0.1\n" not in done.stdout.partition(b"N begin addresses")[2].partition(b"N end")[0]
    )


async def test_certificates_by_their_challenge(lan: LocalHost) -> None:
    make(
        lan, "etc/letsencrypt/renewal/a.example.com.conf", "version = 2\nauthenticator = webroot\n"
    )
    make(lan, "etc/letsencrypt/renewal/b.example.com.conf", "authenticator = dns-rfc2136\n")
    make(lan, "etc/letsencrypt/renewal/c.example.com.conf", "[renewalparams]\n")
    make(lan, "root/.acme.sh/d/d.example.com.conf", "Le_Webroot='dns_nsupdate'\n")
    make(lan, "root/.acme.sh/e/e.example.com.conf", "Le_Webroot='/var/www'\n")
    make(lan, "etc/ssl/private/ssl-cert-snakeoil.key")
    make(lan, "etc/ssl/private/bought.key", "secret")
    found = await looked(lan)
    assert found.certificates == (
        Certificate("acme.sh", "dns", "d.example.com"),
        Certificate("acme.sh", "http", "e.example.com"),
        Certificate("certbot", "http", "a.example.com"),
        Certificate("certbot", "dns", "b.example.com"),
        Certificate("certbot", "unknown", "c.example.com"),
        Certificate("file", "unknown", "/etc/ssl/private/bought.key"),
    )


async def test_a_part_that_fails_leaves_the_others_standing(lan: LocalHost) -> None:
    make(lan, "srv/git/a")
    (lan.root / "etc/passwd").unlink()
    (lan.root / "proc/self/mountinfo").unlink()
    with_volumes(lan, "/srv/git", units=("git.service",))
    found = await looked(lan)
    assert found.accounts is None
    assert found.units is None
    assert found.volumes[0].entries == 1
    assert found.volumes[0].filesystem is None
    told = {line.partition(":")[0] for line in found.unread}
    assert told >= {"users and groups", "units", "timers", "mounts"}
    assert "units: systemd isn't the host's PID 1" in found.unread


def test_the_script_holds_no_here_document_and_writes_no_file() -> None:
    lines = Script.host("preflight.sh", after=BASE).text.split("\n")
    code = re.sub(r"'[^'\n]*'", "''", "\n".join(x for x in lines if not x.lstrip().startswith("#")))
    assert "<<" not in code
    targets = re.findall(r"(?<![<&])\d?>>?(?!&)\s*(\S+)", code)
    assert {target.rstrip(';)"') for target in targets} == {"/dev/null"}
