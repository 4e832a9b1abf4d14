"""Which changes get a guard, and what its steps say."""

from __future__ import annotations

from typing import Any

import pytest

from engine.commands.plan import shown
from engine.families.guarding import PUT_BACK, TOPICS, topics_of, unavailable
from engine.families.traits import has_topic, has_trait
from engine.model.facts import Facts, Kernel
from engine.model.host import Deadlines, Guarding
from engine.model.plan import ConfirmAct, GuardAct, GuardTopic, JobAct, Plan, VerifyAct
from engine.plan import make_plan
from tests.unit.builders import (
    NOW,
    deployment,
    facts,
    host,
    install,
    remove,
    rpm_ostree,
    upgrade,
)


@pytest.mark.parametrize(
    ("names", "topics"),
    [
        ((), ()),
        (("openssl", "libc6", "nginx", "openssh-client", "sudoku"), ()),
        (("openssh-server",), ("ssh",)),
        (("openssh-server:amd64",), ("ssh",)),
        (("sudo", "libpam0g", "libpam-systemd"), ("sudo", "pam")),
        (("ufw", "netplan.io"), ("network", "firewall")),
        (("systemd",), ("network",)),
        (("NetworkManager", "pam", "openssh"), ("ssh", "pam", "network")),
        (("nftables", "ifupdown", "sssd-common", "sudo-rs", "dropbear-bin"), TOPICS),
    ],
)
def test_topics(names: tuple[str, ...], topics: tuple[GuardTopic, ...]) -> None:
    assert topics_of([upgrade(name) for name in names]) == topics
    assert topics_of([remove(name) for name in names]) == topics
    assert topics_of([install(name) for name in reversed(names)]) == topics


@pytest.mark.parametrize(
    "name",
    [
        "openssh-server", "dropbear", "sudo", "libpam-modules-bin", "sssd", "libnss-winbind",
        "login", "passwd", "systemd", "netplan.io", "network-manager", "dhcpcd5", "cloud-init",
        "nftables", "iptables-persistent", "firewalld", "ufw", "wireguard-tools", "keepalived",
    ],
)  # fmt: skip
def test_what_access_and_network_rest_on_has_a_topic(name: str) -> None:
    assert has_trait(name, "access") or has_trait(name, "network")
    assert any(has_topic(name, topic) for topic in TOPICS)


UNGUARDED = ["baseline", "upgrade", "verify"]


def plan(*names: str, guard: Guarding = "normal", **fields: Any) -> Plan:
    changes = [upgrade(name) for name in names]
    return make_plan(host(guard=guard), facts(*changes, **fields), "upgrade", NOW)


def test_the_guard_stands_around_the_job() -> None:
    made = plan("openssh-server", "sudo")
    assert [step.id for step in made.steps] == [
        *("baseline", "guard", "upgrade", "confirm", "verify")
    ]
    _, guard, job, confirm, verify = made.steps
    assert guard.act == GuardAct(("ssh", "sudo"), 900)
    assert isinstance(job.act, JobAct)
    assert confirm.act == ConfirmAct("guard")
    assert confirm.always
    assert isinstance(verify.act, VerifyAct)
    (line,) = guard.commands
    assert line == (
        "save what ssh, sudo rests on, and put it back when nobody has confirmed 900 s after the "
        "job if the host's own test fails then"
    )
    assert guard.undo[0].endswith(f"it puts back {PUT_BACK['ssh']}")
    assert guard.undo[1].endswith(f"it puts back {PUT_BACK['sudo']}")
    assert "a package is not downgraded" in guard.undo[2]
    told = shown((made,))
    assert all(f"     {line}\n" in told for line in guard.undo)
    assert "undo" not in told  # there is no command that takes a step back


@pytest.mark.parametrize(
    ("name", "strict"), [("openssh-server", False), ("netplan.io", True), ("ufw", True)]
)
def test_strict_is_for_network_and_firewall(name: str, strict: bool) -> None:
    act = plan(name, guard="strict").steps[1].act
    assert isinstance(act, GuardAct)
    assert act.strict is strict
    normal = plan(name).steps[1]
    assert isinstance(normal.act, GuardAct)
    assert not normal.act.strict
    assert ("if the host's own test fails" in plan(name, guard="strict").steps[1].commands[0]) is (
        not strict
    )


def test_the_inventory_says_how_long_it_waits() -> None:
    there = host(deadlines=Deadlines(guard_s=300))
    act = make_plan(there, facts(upgrade("sudo")), "upgrade", NOW).steps[1].act
    assert act == GuardAct(("sudo",), 300)


@pytest.mark.parametrize("fields", [{"systemd": False}, {"systemd": None}])
def test_no_guard_where_systemd_is_not_known_to_be_pid_1(fields: dict[str, Any]) -> None:
    made = plan("openssh-server", "sudo", **fields)
    assert [step.id for step in made.steps] == UNGUARDED
    assert unavailable(host(), facts(**fields)) == "systemd is not PID 1 there"
    assert "     no guard for ssh, sudo: systemd is not PID 1 there\n" in shown((made,))


NO_SNAPSHOT = "no way back but repair: the inventory has no snapshot script for this host"


def test_no_guard_where_none_is_wanted_or_needed() -> None:
    made = plan("openssh-server", guard="off")
    assert [step.id for step in made.steps] == UNGUARDED
    assert made.steps[1].undo == ("no guard for ssh: the inventory says so", NO_SNAPSHOT)
    made = plan("openssl")
    assert [step.id for step in made.steps] == UNGUARDED
    assert made.steps[1].undo == (NO_SNAPSHOT,)
    assert unavailable(host(guard="off"), facts()) == "the inventory says so"
    assert unavailable(host(), facts()) is None


# Reboots

STAGED = (deployment(0, staged=True), deployment(1, booted=True), deployment(2, rollback=True))


def reboot(found: Facts, **fields: Any) -> Plan:
    return make_plan(host(**fields), found, "reboot", NOW)


def test_the_reboot_into_a_staged_deployment_is_guarded() -> None:
    made = reboot(rpm_ostree(*STAGED), deadlines=Deadlines(guard_s=600))
    assert [step.id for step in made.steps] == ["baseline", "guard", "reboot", "confirm", "verify"]
    guard, step = made.steps[1:3]
    assert guard.act == GuardAct(("deployment",), 600)
    assert guard.title == "Guard the reboot into 43.0; the way back is 43.1"
    (line,) = guard.commands
    assert line == (
        "note which deployment runs, and reboot into it again when nobody has confirmed 600 s "
        "after the host is up if the host's own test fails then"
    )
    assert guard.undo[0] == f"when it fires, it puts back {PUT_BACK['deployment']}"
    assert "changed in /var" in guard.undo[1]
    assert step.undo == ()
    assert made.steps[3].act == ConfirmAct("guard")
    strict = reboot(rpm_ostree(*STAGED), guard="strict").steps[1].act
    assert strict == GuardAct(("deployment",), 900, strict=True)


@pytest.mark.parametrize(
    ("found", "fields", "why"),
    [
        (rpm_ostree(*STAGED), {"guard": "off"}, "no guard for another deployment: the inventory"),
        (rpm_ostree(*STAGED, systemd=None), {}, "no guard for another deployment: systemd is not"),
        (rpm_ostree(deployment(0), deployment(1, booted=True)), {}, "was not staged, so the guard"),
        (facts(kernel=Kernel("6.1.0-40", "6.1.0-41")), {}, "no guard: configuration that is put"),
        # nothing new is started
        (rpm_ostree(), {}, None),
        (rpm_ostree(deployment(0, staged=True, locked=True), deployment(1, booted=True)), {}, None),
        (facts(kernel=Kernel("6.1.0-40", "6.1.0-40")), {}, None),
        (facts(kernel=Kernel("6.1.0-40", None)), {}, None),
        (facts(kernel=Kernel("6.1.0-40", "6.1.0-41"), virtualization="lxc"), {}, None),
    ],
)
def test_a_reboot_that_no_guard_could_take_back_says_why(
    found: Facts, fields: dict[str, Any], why: str | None
) -> None:
    made = reboot(found, **fields)
    assert [step.id for step in made.steps] == ["baseline", "reboot", "verify"]
    told = " ".join(made.steps[1].undo)
    assert (why in told) if why else told == ""
