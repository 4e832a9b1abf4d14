"""What follows from a preflight, as a table: one thing changed on a host that is ready."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.dns import Survey
from engine.dns.marks import Mark
from engine.dns.survey import Named, Place
from engine.dns.values import Answer, Problem
from engine.model.host import Host, Replacement, Service
from engine.preflight import Preflight, judge
from engine.preflight.values import (
    Accounts,
    Certificate,
    Counted,
    Database,
    FileSystem,
    Finding,
    Firewall,
    Mention,
    NamedContainer,
    Owner,
    Unit,
    Volume,
)
from engine.programs.containers import ContainerState
from engine.programs.sockets import Listening
from engine.successor import Successor
from tests.unit.builders import NOW, replaceable, service
from tests.unit.dns.servers import PRIMARY, SECONDARY, a

DISK = FileSystem("/srv", "ext4", "/dev/vdb", "12ab-34")
VOLUME = Volume(
    "gitlab", "/srv/git", "directory", "/srv/git", DISK, declared=("/srv", "ext4"), readable=True,
    used_bytes=1_200_000_000, entries=34, whole=True, free_bytes=10**9,
    owners=(Owner(0, 0), Owner(998, 998)), acl_at_top=False,
)  # fmt: skip
UNIT = Unit("gitlab", "gitlab.service", "loaded", "active", "enabled")
POSTGRES = Database("gitlab", "/srv/git", "postgresql", "/srv/git/pg", "15", ("postgres",))
NEXT = Successor("server2")


def ready(**fields: Any) -> Host:
    """A host whose one service lacks nothing."""
    whole = replace(service(volumes=("/srv/git",), freeze="stop"), **fields)
    return replaceable(services=(whole,))


def found(**fields: Any) -> Preflight:
    """A look at it that found nothing to worry about."""
    quiet = Preflight(
        "server1", NOW, privileged=True, libc="glibc 2.36", icu=("72",), rsync="3.2.7",
        volumes=(VOLUME,), databases=(), databases_whole=True, units=(UNIT,), containers=(),
        other_containers=(), sockets=(), timers=(), cron=(), queues=(),
        accounts=Accounts(((0, "root"), (998, "git")), ((0, "root"), (998, "git"))),
        addresses=(("eth0", "192.0.2.1"),), ipv6=True, mentions=(), mentions_whole=True,
        firewall=Firewall(), certificates=(),
    )  # fmt: skip
    return replace(quiet, **fields)


def volume(**fields: Any) -> dict[str, Any]:
    return {"volumes": (replace(VOLUME, **fields),)}


def findings(seen: Preflight, host: Host | None = None, **words: Any) -> tuple[Finding, ...]:
    return judge(host or ready(), seen, NEXT, **words)


QUIET = {"room-unknown", "accounts", "ipv6", "dns-unknown", "elsewhere-unknown"}


def test_a_host_that_is_ready_has_nothing_but_what_nobody_can_know_yet() -> None:
    told = findings(found())
    assert {f.id for f in told} == QUIET
    assert {f.level for f in told} == {"tells"}
    room = next(f for f in told if f.id == "room-unknown")
    assert "1.2 GB" in room.message
    assert "dns-unknown" not in {f.id for f in findings(found(), dns_asked=True)}


def test_what_else_holds_the_address_is_told() -> None:
    marks = (
        Mark("ptr", "192.0.2.1", "192.0.2.1", "server1.example.com"),
        Mark("spf", "example.com", "192.0.2.1", "ip4:192.0.2.0/24"),
    )
    said = {f.id: f for f in findings(found(), marks=marks)}
    assert (said["ptr"].level, said["spf"].level) == ("tells", "warns")
    assert "192.0.2.1 is called server1.example.com" in said["ptr"].message
    assert "example.com lets 192.0.2.1 send its mail (SPF, ip4:192.0.2.0/24)" in said["spf"].message


def test_names_that_lead_elsewhere_and_servers_that_say_nothing_are_told() -> None:
    silent = Problem("timeout", "ns2 does not answer", "look at its firewall")
    place = Place("server1", "192.0.2.1", ("192.0.2.1",))
    right = Answer(PRIMARY, "git.example.com", NOW, rcode="NOERROR", records=(a("192.0.2.1"),))
    unheard = Answer(SECONDARY, "git.example.com", NOW, problem=silent)
    names = (
        Named("git", "git.example.com", place, "example.com", (right, unheard), "leads-there"),
        Named("git", "www.example.com", place, "example.com", (right,), "elsewhere"),
    )
    said = findings(found(), names=Survey(names, {}, ()))
    told = {f.id: (f.level, f.message, f.remedy) for f in said if f.id.startswith("name")}
    assert told == {
        "name": (
            "warns",
            "www.example.com (git): leads to other addresses than those of server1 (192.0.2.1).",
            "Mend the records, or the service's host in the inventory.",
        ),
        "name-server": ("warns", "ns2 does not answer.", "look at its firewall"),
    }


STOPS: list[tuple[str, dict[str, Any], str]] = [
    ("volume-missing", volume(state="missing", real=None), "isn't there"),
    ("volume-missing", volume(state="dangling", real=None), "leads nowhere"),
    ("volume-no-directory", volume(state="other", real=None), "no directory"),
    ("volume-system", volume(real="/usr/lib/x"), "programs and libraries"),
    ("volume-not-mounted", volume(filesystem=replace(DISK, point="/")), "/srv (ext4, /etc/fstab)"),
    (
        "volumes-overlap",
        {"volumes": (VOLUME, replace(VOLUME, path="/data", real="/srv/git/inner"))},
        "/srv/git (gitlab) and /data (gitlab)",
    ),
    ("unit-missing", {"units": (replace(UNIT, load="not-found"),)}, "gitlab.service"),
    ("container-missing", {"containers": (NamedContainer("gitlab", "web"),)}, "web"),
    ("rsync-missing", {"rsync": ""}, "rsync isn't installed"),
]
WARNS: list[tuple[str, dict[str, Any], str]] = [
    ("volume-empty", volume(entries=0, used_bytes=4096), "is empty"),
    ("volume-unknown", volume(state="hidden", real=None), "can't be seen without root"),
    ("volume-unknown", volume(readable=False, used_bytes=None), "can't be read without root"),
    ("volume-unknown", volume(filesystem=None), "isn't known"),
    ("volume-size-unknown", volume(used_bytes=None, entries=None), "in time"),
    ("volume-size-unknown", volume(whole=False), "at least 1.2 GB"),
    ("volume-has-mounts", volume(inner=("/srv/git/lfs",)), "/srv/git/lfs"),
    ("volume-shared", volume(filesystem=replace(DISK, kind="nfs4")), "network"),
    ("volume-in-memory", volume(filesystem=replace(DISK, kind="tmpfs")), "gone at the next boot"),
    ("database-by-files", {"databases": (POSTGRES,)}, "in use by postgres"),
    ("databases-unknown", {"databases_whole": False}, "searched to the end"),
    ("unit-masked", {"units": (replace(UNIT, load="masked"),)}, "masked"),
    ("unit-stopped", {"units": (replace(UNIT, active="failed"),)}, "is failed"),
    ("container-stopped", {"containers": (NamedContainer("gitlab", "w", "exited"),)}, "exited"),
    ("containers-unnamed", {"other_containers": (ContainerState("x", "running"),)}, "behind: x"),
    ("queue", {"queues": (Counted("/var/spool/postfix/deferred", 2),)}, "2 mails wait"),
    ("own-address", {"mentions": (Mention("/etc/a.conf", 3, "192.0.2.1"),)}, "/etc/a.conf"),
    ("own-address-unknown", {"mentions_whole": False}, "Not all of /etc"),
    ("ipv6", {"addresses": (("eth0", "2001:db8::1"),)}, "2001:db8::1"),
    ("certificate-http", {"certificates": (Certificate("certbot", "http", "x"),)}, "x (certbot)"),
    ("rsync-unknown", {"rsync": None}, "rsync"),
    ("not-root", {"privileged": False, "not_root": "sudo asks"}, "sudo asks"),
    ("unread", {"unread": ("units: no answer in time",)}, "units: no answer in time"),
]
TELLS: list[tuple[str, dict[str, Any], str]] = [
    ("acl-unsupported", volume(filesystem=replace(DISK, kind="vfat")), "vfat"),
    ("acl-unsupported", volume(filesystem=replace(DISK, options=("noacl",))), "noacl"),
    ("acl-unknown", volume(filesystem=replace(DISK, kind="zfs")), "zfs"),
    ("acl-in-use", volume(acl_at_top=True), "access lists"),
    ("schedules", {"timers": ("backup.timer",), "cron": (Counted("/etc/cron.d/x", 1),)}, "cron.d"),
    ("owners-nameless", volume(owners=(Owner(4711, 0),)), "uid 4711"),
    ("firewall", {"firewall": Firewall(("/etc/nftables.conf",), 12)}, "12 rules"),
    ("certificate-unknown", {"certificates": (Certificate("file", "unknown", "/k"),)}, "/k"),
    ("libc-unknown", {"libc": None}, "C library"),
    ("ports-unnamed", {"sockets": (Listening("tcp", "0.0.0.0", 5432, "postgres"),)}, "tcp/5432"),
]


@pytest.mark.parametrize(
    ("level", "wanted", "fields", "part"),
    [
        (level, *case)
        for level, cases in (("stops", STOPS), ("warns", WARNS), ("tells", TELLS))
        for case in cases
    ],
)
def test_one_thing_that_is_not_well(
    level: str, wanted: str, fields: dict[str, Any], part: str
) -> None:
    told = findings(found(**fields))
    (finding,) = (f for f in told if f.id == wanted)
    assert finding.level == level
    assert part in finding.message
    assert level != "stops" or finding.remedy, "what stops says how it is mended"
    others = {f.id for f in told if f.id != wanted and f.level != "tells"}
    # a symbolic link that lies elsewhere isn't below its declared mount either
    assert others <= {"volume-not-mounted", "unread"}


LIVE = found(databases=(POSTGRES,))


@pytest.mark.parametrize(
    ("seen", "fields", "wanted", "level"),
    [
        (LIVE, {"sync": "./sync.sh"}, "database", "tells"),
        (LIVE, {"freeze": "./freeze.sh", "thaw": "x"}, "database-by-files", "warns"),
        (LIVE, {"freeze": None}, "database-live", "stops"),
        (LIVE, {"freeze": "none"}, "database-live", "stops"),
        (found(), {"freeze": None}, "freeze-open", "stops"),
        (found(), {"freeze": "none"}, "writers-not-frozen", "stops"),
        (
            found(units=(), containers=(NamedContainer("gitlab", "w", "running"),)),
            {"freeze": "none"}, "writers-not-frozen", "stops",
        ),
        (found(units=()), {"freeze": "none"}, None, None),
        (found(volumes=()), {"freeze": None, "volumes": ()}, None, None),
        (found(rsync=""), {"sync": "./sync.sh"}, None, None),
    ],
)  # fmt: skip
def test_writers_are_stopped_or_the_service_syncs_itself(
    seen: Preflight, fields: dict[str, Any], wanted: str | None, level: str | None
) -> None:
    told = {f.id: f.level for f in findings(seen, ready(**fields)) if f.id not in QUIET}
    assert told == ({wanted: level} if wanted else {})


@pytest.mark.parametrize("held", [None, (), ("postgres", "psql")])
def test_a_live_copy_of_a_database_never_counts(held: tuple[str, ...] | None) -> None:
    (told,) = (
        f
        for f in findings(found(databases=(replace(POSTGRES, held_by=held),)))
        if f.id == "database-by-files"
    )
    assert "Files that are copied while it runs don't count" in told.message
    assert "another major version nor another collation (here glibc 2.36, ICU 72" in told.message
    assert told.remedy == '[services.gitlab] sync = "./sync/gitlab.sh"'
    assert ("isn't known" in told.message.partition(".")[0]) == (held is None)


def test_what_the_inventory_lacks_comes_first() -> None:
    bare = Service("git", "server1", names=("git.example.com",))
    host = replaceable(services=(bare,), zones_cover=False, replacement=Replacement())
    told = findings(found(volumes=(), units=()), host)
    lacking = [f for f in told if f.id == "replace-incomplete"]
    assert told[: len(lacking)] == tuple(lacking)
    text = " ".join(f"{f.message} {f.remedy}" for f in lacking)
    for key in ("provision", "decommission", "deploy", "restore", "backup_age", "checks", "zones"):
        assert key in text


def test_sockets_of_services_of_any_server_and_of_this_machine_alone_are_no_news() -> None:
    sockets = (
        Listening("tcp", "0.0.0.0", 443, "nginx", "gitlab.service"),
        Listening("tcp", "127.0.0.1", 6379, "redis"),
        Listening("udp", "0.0.0.0", 40_000, "x", ephemeral=True),
        Listening("udp", "0.0.0.0", 123, "chronyd"),
        Listening("tcp", "::", 22),
    )
    assert "ports-unnamed" not in {f.id for f in findings(found(sockets=sockets))}


def test_the_gravest_is_told_first_and_the_order_is_stable() -> None:
    seen = found(rsync="", queues=(Counted("/q", 1),), **volume(state="missing", real=None))
    told = findings(seen)
    levels = [f.level for f in told]
    assert levels == sorted(levels, key=["stops", "warns", "tells"].index)
    assert told == findings(seen)
