"""``status --json``: always the same shape, null for what isn't known, and a scan asked again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.errors import InputError
from engine.model.facts import (
    AutoUpdate,
    BrokenPackage,
    Facts,
    Filesystem,
    HostLock,
    LockHolder,
    Look,
    Packages,
    Problem,
)
from engine.model.host import Host
from engine.status import document, from_saved, saved
from tests.unit.builders import (
    NOW,
    container,
    deployment,
    facts,
    host,
    light,
    look,
    lost,
    packages,
    remove,
    replaceable,
    rpm_ostree,
    upgrade,
)

# The shape as it is fixed: a type, "?" for "or null", [x] for a list of x, a dict for an object.
NAMES = ["str"]
CHANGE = {
    "name": "str", "from": "str?", "to": "str?", "origin": "str?", "security": "bool",
    "action": "str",
}  # fmt: skip
RISK = {
    "score": "int",
    "level": "str",
    "outage_minutes": {"expected": "int", "bad_day": "int"},
    "one_in": "int?",
    "lost_day_one_in": "int?",
    "factors": [
        {"id": "str", "mode": "str", "points": "int", "value": "str", "evidence": "str",
         "origin": "str"}
    ],
}  # fmt: skip
CANDIDATE = {
    "id": "str",
    "kind": "str",
    "subset": "str?",
    "to": "str?",
    "changes": ("null", [CHANGE]),
    "effects": {
        "reboot": "bool?", "units": ("null", NAMES), "containers": ("null", NAMES),
        "conffiles": ("null", NAMES), "download_bytes": "int?", "disk_bytes": "int?",
    },
    "blockers": [{"id": "str", "message": "str", "remedy": "str"}],
    "risk": ("null", RISK),
}  # fmt: skip
HOST = {
    "name": "str",
    "address": "str",
    "reachable": "bool",
    "error": ("null", {"kind": "str", "message": "str", "hint": "str"}),
    "probed_at": "str",
    "depth": "str",
    "problems": [{"section": "str", "message": "str", "hint": "str"}],
    "outage": "str?",
    "groups": NAMES,
    "redundancy": "str?",
    "exposed": "bool?",
    "console": "bool?",
    "retiring": "bool",
    "uptime_s": "int?",
    "boot_id": "str?",
    "failed_units": ("null", NAMES),
    "backup_age_s": "int?",
    "filesystems": ("null", [{"mount": "str", "free_bytes": "int?", "free_inodes": "int?"}]),
    "dpkg_lock": ("null", {"pid": "int?", "command": "str?"}),
    "os": {
        "id": "str?", "version_id": "str?", "codename": "str?", "pretty_name": "str?",
        "support_ends": "str?", "support_ended": "bool?",
    },
    "family": "str",
    "virtualization": "str?",
    "kubernetes_node": "bool?",
    "lists_age_s": "int?",
    "kernel": {"running": "str?", "expected": "str?"},
    "reboot": {"required": "bool?", "reasons": NAMES},
    "packages": {
        "upgradable": "int?", "security": "int?", "held": ("null", NAMES),
        "kept_back": ("null", NAMES), "phased": ("null", NAMES), "esm": ("null", NAMES),
        "broken": ("null", [{"name": "str", "state": "str"}]),
    },
    "deployments": ("null", [{
        "index": "int", "version": "str?", "checksum": "str?", "image": "str?", "origin": "str?",
        "booted": "bool", "staged": "bool", "rollback": "bool", "pinned": "bool",
        "unlocked": "str?", "layered": NAMES, "timestamp": "str?",
    }]),
    "auto_updates": ("null", [{"name": "str", "enabled": "bool"}]),
    "services_to_restart": ("null", NAMES),
    "containers": ("null", [{"name": "str", "image": "str?", "restart_policy": "str?"}]),
    "candidates": [CANDIDATE],
    "waiting": ("null", {"level": "str", "due_days": "int?", "reasons": NAMES}),
    "recommendation": ("null", {"kind": "str", "why": NAMES}),
    "run": ("null", {
        "id": "str", "kind": "str?", "state": "str", "operator": "str?", "started_at": "str?",
        "step": "str?",
    }),
}  # fmt: skip
WHOLE = {
    "schema": "int",
    "model": {"version": "str", "digest": "str", "data_date": "str"},
    "hosts": [HOST],
}
TYPES = {"str": str, "int": int, "bool": bool}


def check(shape: Any, value: Any, where: str = "$") -> None:
    """The value has exactly this shape, keys in this order."""
    match shape:
        case tuple():
            if value is not None:
                check(shape[1], value, where)
        case dict():
            assert list(value) == list(shape), where
            for key, inner in shape.items():
                check(inner, value[key], f"{where}.{key}")
        case list():
            assert isinstance(value, list), where
            for item in value:
                check(shape[0], item, f"{where}[]")
        case str():
            if not (shape.endswith("?") and value is None):
                assert type(value) is TYPES[shape.rstrip("?")], (where, value)
        case _:
            raise TypeError(where)


LOCK = HostLock(
    "20261123-a1", "server1", "upgrade", "upgrade", "eve@desk", NOW, "d" * 64, None, True, None, 5
)
BUSY = facts(
    packages=packages(
        upgrade("vim", security=True), dist=(remove("old"),),
        broken=(BrokenPackage("b", "iU"), BrokenPackage("a", "iF")), held=("z", "y"),
    ),
    problems=(Problem("z", "z.", "z"), Problem("a", "a.", "a")),
    failed_units=("z.service", "a.service"),
    dpkg_lock=LockHolder(1, "apt"),
    auto_updates=(AutoUpdate("unattended-upgrades", True), AutoUpdate("apt-daily.timer", False)),
    services_to_restart=("ssh.service", "cron.service"),
    containers=(container("web"), container("db")),
    lock=LOCK,
)  # fmt: skip
FLEET: tuple[tuple[Host, Look], ...] = (
    (host("server1", groups=("web", "production")), look(BUSY)),
    (host("server2"), look(light(name="server2"))),
    (host("server3"), lost("server3")),
    (host("server4"), look(rpm_ostree(
        deployment(0, staged=True, layered=("z", "a"), timestamp=None),
        deployment(1, booted=True), name="server4"))),
    (host("server5"), look(facts(name="server5", family="unknown", packages=None))),
    (replaceable(name="server6", outage="unacceptable"), look(facts(name="server6"))),
)  # fmt: skip


def entry(name: str, found: dict[str, Any] | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = next(
        e for e in (found or document(FLEET, NOW))["hosts"] if e["name"] == name
    )
    return shown


def test_the_shape_of_every_kind_of_host() -> None:
    whole = document(FLEET, NOW)
    check(WHOLE, whole)
    assert whole == json.loads(json.dumps(whole))


def test_the_shape_of_a_host_that_told_nothing() -> None:
    bare = Facts(host="server1", taken_at=NOW, depth="full", privileged=False, family="apt")
    check(WHOLE, document([(host(), look(bare))], NOW))
    check(WHOLE, document([], NOW))


def test_a_host_that_was_not_reached() -> None:
    shown = entry("server3")
    assert shown["reachable"] is False
    assert shown["error"]["kind"] == "timeout"
    assert (shown["depth"], shown["family"], shown["deployments"]) == ("full", "unknown", None)
    assert (shown["candidates"], shown["waiting"], shown["recommendation"]) == ([], None, None)
    assert set(shown["packages"].values()) == {None}


def test_what_was_not_looked_at_is_null_and_never_empty() -> None:
    shown = entry("server2")
    assert shown["depth"] == "light"
    assert shown["packages"]["kept_back"] is None
    assert shown["filesystems"] is None
    offered = next(c for c in shown["candidates"] if c["id"] == "upgrade")
    assert (offered["changes"], offered["risk"]) == (None, None)


def test_lists_are_sorted() -> None:
    shown = entry("server1")
    assert shown["groups"] == ["production", "web"]
    assert shown["failed_units"] == ["a.service", "z.service"]
    assert [c["name"] for c in shown["containers"]] == ["db", "web"]
    assert [b["name"] for b in shown["packages"]["broken"]] == ["a", "b"]
    assert shown["packages"]["held"] == ["y", "z"]
    assert [p["section"] for p in shown["problems"]] == ["a", "z"]
    assert [a["name"] for a in shown["auto_updates"]] == ["apt-daily.timer", "unattended-upgrades"]
    assert entry("server4")["deployments"][0]["layered"] == ["a", "z"]
    assert [e["name"] for e in document(FLEET[::-1], NOW)["hosts"]] == [
        f"server{i}" for i in range(1, 7)
    ]


def test_families_without_packages_or_deployments() -> None:
    assert entry("server1")["deployments"] == []
    assert [d["index"] for d in entry("server4")["deployments"]] == [0, 1]
    assert set(entry("server4")["packages"].values()) == {None}
    assert entry("server5")["deployments"] is None


@pytest.mark.parametrize(
    ("alive", "heartbeat", "state"),
    [(True, None, "running"), (False, 5, "running"), (False, 600, "unknown"),
     (False, None, "unknown"), (None, 5, "unknown")],
)  # fmt: skip
def test_the_run_is_what_the_hosts_own_lock_says(
    alive: bool | None, heartbeat: int | None, state: str
) -> None:
    lock = replace(LOCK, job_alive=alive, heartbeat_age_s=heartbeat)
    shown = entry("server1", document([(host(), look(facts(lock=lock)))], NOW))["run"]
    assert shown == {
        "id": "20261123-a1",
        "kind": "upgrade",
        "state": state,
        "operator": "eve@desk",
        "started_at": "2026-11-23T03:00:00Z",
        "step": "upgrade",
    }


def test_a_claim_is_a_run_that_waits() -> None:
    waits = replace(LOCK, job_alive=False, heartbeat_age_s=600, claim=True, step="gate")
    shown = entry("server1", document([(host(), look(facts(lock=waits)))], NOW))["run"]
    assert (shown["state"], shown["step"]) == ("waiting", "gate")


def test_support_is_judged_at_the_time_of_the_question() -> None:
    last = datetime(2028, 6, 30, 23, 59, tzinfo=UTC)
    assert entry("server1", document(FLEET, last))["os"]["support_ended"] is False
    later = document(FLEET, NOW + timedelta(days=800))
    assert entry("server1")["os"]["support_ended"] is False
    assert entry("server1", later)["os"]["support_ended"] is True


# -- a saved scan ------------------------------------------------------------------------------


def test_a_saved_scan_gives_the_same_answers() -> None:
    kept = json.loads(json.dumps(saved(FLEET, NOW)))
    looks, now = from_saved(kept)
    assert now == NOW
    assert sorted(looks, key=lambda p: p[0].name) == sorted(FLEET, key=lambda p: p[0].name)
    assert json.dumps(document(looks, now)) == json.dumps(document(FLEET, NOW))
    assert saved(looks, now) == saved(FLEET, NOW)


def test_a_saved_scan_is_the_document_with_its_facts() -> None:
    kept = saved(FLEET, NOW)
    for shown in kept["hosts"]:
        assert set(shown.pop("facts")) == {"host", "look"}
    del kept["saved_at"]
    assert kept == document(FLEET, NOW)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"schema": 2, "saved_at": "2026-11-23T03:00:00+00:00", "hosts": []},
        document(FLEET, NOW),
        {"schema": 1, "saved_at": "yesterday", "hosts": []},
        {"schema": 1, "saved_at": 5, "hosts": []},
        {"schema": 1, "saved_at": "2026-11-23T03:00:00", "hosts": []},
        {"schema": 1, "saved_at": "2026-11-23T03:00:00+00:00", "hosts": [{}]},
        {"schema": 1, "saved_at": "2026-11-23T03:00:00+00:00", "hosts": 5},
        {"schema": 1, "saved_at": "2026-11-23T03:00:00+00:00",
         "hosts": [{"facts": {"host": {}, "look": {}}}]},
    ],
)  # fmt: skip
def test_what_is_no_saved_scan_is_told_apart(data: object) -> None:
    with pytest.raises(InputError, match="not a scan"):
        from_saved(data)


def test_text_of_a_saved_scan_is_cleaned_like_that_of_a_host() -> None:
    kept = json.dumps(saved(FLEET, NOW))
    spoiled = kept.replace("Debian GNU", "\\u001b[2J\\u009b31mDebian\\u202e GNU")
    assert spoiled != kept
    looks, now = from_saved(json.loads(spoiled))
    assert document(looks, now) == document(FLEET, NOW)


def test_packages_of_a_light_look_are_kept_as_they_were() -> None:
    found = light(packages=Packages(upgradable=None), filesystems=(Filesystem("/"),))
    looks, _ = from_saved(json.loads(json.dumps(saved([(host(), look(found))], NOW))))
    assert looks[0][1].facts == found


def test_a_saved_scan_keeps_the_numbers_of_its_inventory() -> None:
    own = host(risk=(("service_base", 0.0),))
    kept = json.loads(json.dumps(saved([(own, look(BUSY))], NOW)))
    looks, now = from_saved(kept)
    assert document(looks, now) == document([(own, look(BUSY))], NOW)
    assert document(looks, now)["model"] != document(FLEET, NOW)["model"]
    spoiled = json.loads(json.dumps(kept).replace("service_base", "no_such_number"))
    with pytest.raises(InputError, match="not a scan"):
        from_saved(spoiled)


def test_a_scan_of_a_hostshift_without_such_numbers_can_be_asked() -> None:
    kept = json.loads(json.dumps(saved(FLEET, NOW)))
    for shown in kept["hosts"]:
        del shown["facts"]["host"]["risk"]
        packages = ((shown["facts"]["look"]["facts"] or {}).get("packages")) or {}
        packages.pop("updates", None)
    looks, now = from_saved(kept)
    assert document(looks, now) == document(FLEET, NOW)
