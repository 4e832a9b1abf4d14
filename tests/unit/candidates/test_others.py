"""``reboot``, ``replace``, rpm-ostree hosts, and hosts that nobody understands."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.candidates import foresee, in_place, risk_shown, what_blocks
from engine.model.candidate import Candidate
from engine.model.facts import (
    AutoUpdate,
    BrokenPackage,
    BuiltSuccessor,
    Facts,
    Filesystem,
    LockHolder,
)
from engine.model.host import Host, Replacement
from tests.unit.builders import (
    NOW,
    container,
    deployment,
    facts,
    host,
    light,
    packages,
    replaceable,
    rpm_ostree,
    service,
    upgrade,
)


def candidate(found: Facts, name: str, declared: Host | None = None) -> Candidate:
    shown = foresee(declared or host(), found, NOW).candidate(name)
    assert shown is not None
    return shown


def ids(found: Facts, name: str, declared: Host | None = None) -> list[str]:
    return [blocker.id for blocker in candidate(found, name, declared).blockers]


def test_a_reboot_is_shown_with_what_stops() -> None:
    shown = candidate(facts(containers=(container("web"),)), "reboot")
    assert shown.effects.reboot is True
    assert shown.effects.containers == ("web",)
    assert shown.blockers == ()
    assert shown.title == "reboot the host"


def test_without_systemd_a_reboot_needs_a_console() -> None:
    bare = facts(systemd=False)
    assert ids(bare, "reboot", host(console=False)) == ["no-systemd"]
    assert ids(bare, "reboot", host(console=None)) == ["no-systemd"]
    assert ids(bare, "reboot", host(console=True)) == []


@pytest.mark.parametrize(
    ("found", "blocked"),
    [
        (facts(packages=packages(interrupted=True)), ["dpkg-interrupted"]),
        (facts(packages=packages(interrupted=None)), ["dpkg-unknown"]),
        (facts(packages=packages(broken=(BrokenPackage("a", "iF"),))), ["dpkg-broken"]),
        (facts(dpkg_lock=LockHolder(7, "apt-get")), ["dpkg-lock"]),
        (rpm_ostree(busy="upgrade"), ["busy"]),
        (facts(upgrade("vim"), filesystems=(Filesystem("/", 1),)), []),  # no room to upgrade
        (facts(), []),  # nothing to upgrade
        (light(), []),
        (facts(kubernetes_node=True), ["kubernetes"]),
        (facts(privileged=False), ["privilege"]),
    ],
)
def test_what_packages_are_half_way_in_forbids_a_reboot(found: Facts, blocked: list[str]) -> None:
    assert ids(found, "reboot") == blocked


def test_a_reboot_says_which_deployment_it_boots() -> None:
    assert candidate(STAGED, "reboot").title == "reboot the host, into 43.0"
    assert candidate(rpm_ostree(), "reboot").title == "reboot the host"
    live = rpm_ostree(deployment(0), deployment(1))
    assert candidate(live, "reboot").title == "reboot the host"


def test_a_replacement_names_all_that_is_missing() -> None:
    declared = host(
        services=(service("gitlab", deploy=None, restore=None, backup_age=None, checks=()),)
    )
    shown = candidate(facts(), "replace", declared)
    remedies = [b.remedy for b in shown.blockers if b.id == "replace-incomplete"]
    assert remedies == [
        '[replacement] provision = "./iac/provision.sh"',
        '[replacement] decommission = "./iac/decommission.sh"',
        '[services.gitlab] deploy = "./deploy/gitlab.sh"',
        '[services.gitlab] restore = "./restore/gitlab.sh"',
        '[services.gitlab] backup_age = "./backup/gitlab.sh"',
        '[services.gitlab] checks = [{http = "https://..."}]',
        '[zones."EXAMPLE.COM"] server = "ADDRESS OF THE PRIMARY"',
    ]
    assert "gitlab.example.com" in shown.blockers[-1].message


def test_with_a_complete_inventory_a_server_can_be_replaced() -> None:
    assert ids(facts(), "replace", replaceable()) == []
    assert ids(facts(), "replace", replaceable(services=())) == ["replace-incomplete"]
    assert "replace-incomplete" in ids(
        facts(), "replace", replaceable(replacement=Replacement("./provision.sh", None))
    )


@pytest.mark.parametrize(
    "found", [facts(upgrade("vim")), light(), rpm_ostree(), facts(family="unknown", packages=None)]
)
def test_a_retiring_host_has_nothing_but_its_end(found: Facts) -> None:
    declared = replaceable(retiring=True, outage="unacceptable")
    foresight = foresee(declared, found, NOW)
    assert [c.id for c in foresight.candidates] == ["none", "decommission"]
    ends = foresight.candidates[1]
    assert [(b.id, b.remedy) for b in ends.blockers] == [("replacement-run", "hostshift runs")]
    assert ends.risk is None
    assert foresight.recommendation is not None
    assert foresight.recommendation.kind == "none"
    assert "way back" in foresight.recommendation.why[0]
    assert in_place(foresight) == ()
    assert what_blocks(foresight) is None
    assert risk_shown(foresight) is None


def test_who_has_succeeded_can_go_back_to_its_predecessor() -> None:
    declared = replaceable(predecessor="server0", replacement=Replacement(None, "./end.sh"))
    back = candidate(facts(), "replace:to=server0", declared)
    assert (back.kind, back.subset, back.blockers) == ("replace", "to=server0", ())
    assert back.risk is not None
    assert ids(facts(), "replace", declared) == ["replace-incomplete"], "it needs to build nothing"
    lacking = replaceable(predecessor="server0", replacement=Replacement(), services=())
    assert ids(facts(), "replace:to=server0", lacking) == ["replace-incomplete"] * 2
    order = [c.id for c in foresee(declared, facts(), NOW).candidates]
    assert order[-2:] == ["replace", "replace:to=server0"]


def test_only_a_retiring_host_can_be_ended() -> None:
    assert foresee(replaceable(), facts(), NOW).candidate("decommission") is None


def test_a_successor_that_was_built_can_be_removed() -> None:
    declared = replaceable(replacement=Replacement(None, "./end.sh"))
    built = facts(successor=BuiltSuccessor("server2", "192.0.2.2"))
    removal = candidate(built, "decommission:server2", declared)
    assert (removal.kind, removal.subset, removal.blockers) == ("decommission", "server2", ())
    assert removal.risk is None
    lacking = replaceable(replacement=Replacement())
    assert ids(built, "decommission:server2", lacking) == ["replace-incomplete"]
    serving = facts(successor=BuiltSuccessor("server2", "192.0.2.2", serves=True))
    for found in (facts(successor=BuiltSuccessor("db2", "192.0.2.2")), facts(), serving):
        kinds = {c.kind for c in foresee(declared, found, NOW).candidates}
        assert "decommission" not in kinds, "a host's word alone ends no other server"


# -- rpm-ostree --------------------------------------------------------------------------------

STAGED = rpm_ostree(
    deployment(0, staged=True), deployment(1, booted=True), deployment(2, rollback=True)
)


def test_an_rpm_ostree_host_offers_its_deployments_and_acts_on_none() -> None:
    foreseen = foresee(host(), STAGED, NOW)
    assert [c.id for c in foreseen.candidates] == [
        "none", "deploy-upgrade", "deploy-finalize", "deploy-rollback", "reboot", "replace",
    ]  # fmt: skip
    for shown in foreseen.candidates[1:]:
        if shown.kind in ("reboot", "replace"):
            continue
        assert "not-supported-yet" in [b.id for b in shown.blockers], shown.id


def test_a_staged_deployment_waits_for_a_reboot() -> None:
    shown = candidate(STAGED, "deploy-finalize")
    assert shown.to == "43.0"
    assert shown.changes is None
    assert shown.effects.reboot is True
    assert [b.remedy for b in shown.blockers] == ["systemctl reboot"]


def test_a_locked_one_is_not_applied_by_a_reboot() -> None:
    locked = rpm_ostree(deployment(0, staged=True, locked=True), deployment(1, booted=True))
    assert ids(locked, "deploy-finalize") == ["not-supported-yet", "finalization-locked"]
    remedy = candidate(locked, "deploy-finalize").blockers[0].remedy
    assert remedy == f"rpm-ostree finalize-deployment {'0' * 64}"


def test_a_pending_deployment_that_is_older_says_so() -> None:
    older = rpm_ostree(
        deployment(0, timestamp=datetime(2026, 1, 1, tzinfo=UTC)), deployment(1, booted=True)
    )
    assert "older than the booted one" in candidate(older, "deploy-finalize").title


@pytest.mark.parametrize(
    "found",
    [
        rpm_ostree(deployment(0, booted=True)),
        rpm_ostree(deployment(0), deployment(1)),  # a live image: none is booted
    ],
)
def test_nothing_waits_to_be_booted(found: Facts) -> None:
    shown = candidate(found, "deploy-finalize")
    assert (shown.to, shown.changes) == (None, ())
    assert ids(found, "deploy-finalize") == ["nothing-to-do"]


def test_the_way_back() -> None:
    plain = rpm_ostree()
    assert candidate(plain, "deploy-rollback").to == "43.1"
    assert ids(plain, "deploy-rollback") == ["not-supported-yet"]
    assert ids(STAGED, "deploy-rollback") == ["not-supported-yet", "staged-deployment"]
    alone = rpm_ostree(deployment(0, booted=True))
    assert ids(alone, "deploy-rollback") == ["nothing-to-do"]


def test_an_update_agent_and_a_running_transaction_are_named() -> None:
    driven = rpm_ostree(auto_updates=(AutoUpdate("zincati.service", True),), busy="upgrade")
    assert ids(driven, "deploy-upgrade") == ["not-supported-yet", "busy", "update-driver"]
    off = rpm_ostree(auto_updates=(AutoUpdate("zincati", False),))
    assert ids(off, "deploy-upgrade") == ["not-supported-yet"]


def test_deployments_that_could_not_be_read() -> None:
    unread = facts(family="rpm-ostree", packages=None, deployments=None)
    for name in ("deploy-upgrade", "deploy-finalize", "deploy-rollback"):
        assert "not-looked" in ids(unread, name)


# -- nobody understands them -------------------------------------------------------------------


@pytest.mark.parametrize("family", ["unknown", "rauc", "something-new"])
def test_an_unknown_family_can_be_looked_at_and_replaced(family: str) -> None:
    foreseen = foresee(host(), facts(family=family, packages=None), NOW)
    assert [c.id for c in foreseen.candidates] == ["none", "reboot", "replace"]
