"""What is offered on an apt host, with its effects, and what stands against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.candidates import foresee, picked, what_blocks, what_mends
from engine.candidates.blockers import REPAIRS
from engine.model.candidate import Blocker, Candidate
from engine.model.facts import (
    BrokenPackage,
    Change,
    Conffile,
    Facts,
    Filesystem,
    HostLock,
    LockHolder,
    Packages,
    PackageService,
    Problem,
    Reboot,
    ReleaseUpgrader,
    Transaction,
)
from engine.model.host import Host
from engine.plan import make_plan
from tests.unit.builders import (
    NOW,
    container,
    facts,
    host,
    install,
    light,
    packages,
    remove,
    upgrade,
)


def candidate(found: Facts, name: str = "upgrade", declared: Host | None = None) -> Candidate:
    shown = foresee(declared or host(), found, NOW).candidate(name)
    assert shown is not None
    return shown


def ids(found: Facts, name: str = "upgrade", declared: Host | None = None) -> list[str]:
    return [blocker.id for blocker in candidate(found, name, declared).blockers]


def blocker(found: Facts, name: str, **declared: Any) -> Blocker:
    return next(b for b in candidate(found, "upgrade", host(**declared)).blockers if b.id == name)


def test_a_healthy_host_offers_everything_in_a_fixed_order() -> None:
    foreseen = foresee(host(), facts(upgrade("vim")), NOW)
    assert [c.id for c in foreseen.candidates] == [
        "none", "upgrade", "dist-upgrade", "release-upgrade", "reboot", "replace",
    ]  # fmt: skip
    assert [c.id for c in foreseen.candidates if not c.blockers] == [
        "none", "upgrade", "dist-upgrade", "reboot",
    ]  # fmt: skip


def test_changes_are_those_of_the_simulation() -> None:
    found = facts(packages=packages(upgrade("vim"), dist=(remove("old"),)))
    assert [c.name for c in candidate(found).changes or ()] == ["vim"]
    assert [c.name for c in candidate(found, "dist-upgrade").changes or ()] == ["vim", "old"]
    assert candidate(found, "dist-upgrade").title == "apt dist-upgrade: 1 package, 1 removal"


@pytest.mark.parametrize(
    ("name", "wants"),
    [("vim", False), ("libc6", True), ("linux-image-6.1.0-41-amd64", True), ("systemd", False)],
)
def test_what_wants_a_reboot(name: str, wants: bool) -> None:
    assert candidate(facts(install(name))).effects.reboot is wants
    assert candidate(facts(remove(name))).effects.reboot is False


@pytest.mark.parametrize(
    "runtime", ["docker.io", "docker-ce", "containerd", "containerd.io", "runc", "podman", "crun"]
)
def test_a_container_runtime_stops_what_runs(runtime: str) -> None:
    running = (container("web"), container("db"))
    assert candidate(facts(upgrade(runtime), containers=running)).effects.containers == (
        "db",
        "web",
    )
    assert candidate(facts(upgrade(runtime), containers=None)).effects.containers is None
    assert candidate(facts(upgrade("vim"), containers=running)).effects.containers == ()


MINE = tuple(Conffile(f"/etc/{name}", name, "changed") for name in ("sudo", "nginx"))
GONE = Conffile("/etc/gone", "nginx", "missing")
HIDDEN = Conffile("/etc/sudoers", "sudo", "unreadable")


@pytest.mark.parametrize(
    ("changes", "known", "expected"),
    [
        ((), None, ()),
        ((upgrade("nginx"),), None, None),
        ((upgrade("nginx"),), (), ()),
        ((upgrade("nginx"),), (*MINE, GONE), ("/etc/gone", "/etc/nginx")),
        ((upgrade("nginx:i386"),), MINE, ("/etc/nginx",)),
        ((upgrade("nginx-common"),), MINE, ()),
        # what a removed package left is asked about when it comes back; a removal asks nothing
        ((install("nginx"),), MINE, ("/etc/nginx",)),
        ((remove("nginx"), upgrade("sudo")), MINE, ("/etc/sudo",)),
        # what was fetched already and asks nothing is left out, but only that version
        ((upgrade("nginx"),), (replace(MINE[1], same_in=("1.1",)), GONE), ("/etc/gone",)),
        ((upgrade("nginx"),), (replace(MINE[1], same_in=("1.0", "9")),), ("/etc/nginx",)),
        # what can't be read is unknown, but only where it matters
        ((upgrade("nginx"),), (*MINE, HIDDEN), ("/etc/nginx",)),
        ((upgrade("nginx"), upgrade("sudo")), (*MINE, HIDDEN), None),
        ((remove("sudo"),), (HIDDEN,), ()),
    ],
)
def test_configuration_files_that_dpkg_may_ask_about(
    changes: tuple[Change, ...],
    known: tuple[Conffile, ...] | None,
    expected: tuple[str, ...] | None,
) -> None:
    found = facts(packages=packages(dist=changes, conffiles=known))
    assert candidate(found, "dist-upgrade").effects.conffiles == expected


@pytest.mark.parametrize(
    ("changes", "known", "expected"),
    [
        ((), None, ()),
        ((upgrade("nginx"),), None, None),
        ((upgrade("nginx"),), (), ()),
        ((upgrade("nginx"),), ("nginx", "sudo"), ("nginx.service",)),
        (
            (upgrade("sudo"), upgrade("nginx:i386")),
            ("sudo", "nginx"),
            ("nginx.service", "sudo.service"),
        ),
        ((remove("nginx"),), ("nginx",), ("nginx.service",)),
        ((upgrade("nginx-common"),), ("nginx",), ()),
    ],
)
def test_services_that_run_and_belong_to_the_set(
    changes: tuple[Change, ...], known: tuple[str, ...] | None, expected: tuple[str, ...] | None
) -> None:
    running = None
    if known is not None:
        running = tuple(PackageService(f"{name}.service", name) for name in known)
    found = facts(packages=packages(dist=changes, services=running))
    assert candidate(found, "dist-upgrade").effects.units == expected


def test_what_its_package_leaves_running_stops_only_with_its_removal() -> None:
    running = (PackageService("docker.service", "docker.io", stays=True),)
    for change, expected in (
        (upgrade("docker.io"), ()),
        (remove("docker.io"), ("docker.service",)),
    ):
        found = facts(packages=packages(dist=(change,), services=running))
        assert candidate(found, "dist-upgrade").effects.units == expected


@pytest.mark.parametrize(
    ("change", "stays", "live_restore", "stops"),
    [
        (upgrade("docker.io"), False, None, True),
        (upgrade("docker.io"), False, False, True),
        (upgrade("docker.io"), False, True, False),
        (upgrade("docker.io"), True, False, False),
        (upgrade("containerd"), True, False, False),
        (upgrade("runc"), True, False, False),
        (remove("docker.io"), True, True, True),
    ],
)
def test_containers_stop_with_their_daemon(
    change: Change, stays: bool, live_restore: bool | None, stops: bool
) -> None:
    services = (
        PackageService("docker.service", "docker.io", stays),
        PackageService("containerd.service", "containerd"),
    )
    found = facts(
        packages=packages(dist=(change,), services=services),
        containers=(container("web"),),
        live_restore=live_restore,
    )
    assert candidate(found, "dist-upgrade").effects.containers == (("web",) if stops else ())
    if change.name == "containerd":
        bound = replace(found, docker_bound=True)
        assert candidate(bound, "dist-upgrade").effects.containers == ("web",)


def test_what_a_look_cannot_tell_is_none() -> None:
    effects = candidate(facts(upgrade("vim"))).effects
    assert (effects.units, effects.conffiles) == (None, None)
    assert (effects.download_bytes, effects.disk_bytes) == (1_000_000, 2_000_000)
    quick = candidate(light())
    assert quick.changes is None
    assert quick.effects.reboot is None
    assert [b.id for b in quick.blockers] == ["not-looked"]


# -- blockers ----------------------------------------------------------------------------------


def test_an_interrupted_dpkg_blocks_with_its_repair() -> None:
    found = facts(packages=packages(upgrade("vim"), interrupted=True))
    shown = blocker(found, "dpkg-interrupted").remedy
    assert shown == "hostshift plan server1 repair\n# by hand: dpkg --configure -a"
    assert what_mends("server1", candidate(found)) == "repair"
    assert what_mends("server2", candidate(found)) is None
    assert "dpkg-interrupted" in ids(found, "dist-upgrade")
    assert "dpkg-interrupted" not in ids(found, "replace")


AT_WORK = [
    ({"dpkg_lock": LockHolder(812, "apt-get")}, "dpkg-lock"),
    (
        {"lock": HostLock("r1", "server1", "upgrade", "s", "eve", NOW, "d", None, True, None, 1)},
        "hostshift-run",
    ),
]


@pytest.mark.parametrize(("work", "named"), AT_WORK)
def test_what_is_half_done_while_packages_are_at_work_is_no_damage(
    work: dict[str, Any], named: str
) -> None:
    half = packages(interrupted=True, broken=(BrokenPackage("dovecot-core", "iU"),))
    unfit = replace(
        half, transactions=(Transaction("upgrade", (), error="E: Unmet dependencies, -f install"),)
    )
    for seen in (half, unfit):
        found = facts(packages=seen, **work)
        assert not set(ids(found)) & REPAIRS
        assert ids(found)[0] == named
        foreseen = foresee(host(), found, NOW)
        standing = what_blocks(foreseen)
        assert standing is None or standing.id == "dpkg-lock"
        assert foreseen.waiting is not None
        assert not [reason for reason in foreseen.waiting.reasons if "half-way" in reason]
        assert foreseen.recommendation is not None
        assert foreseen.recommendation.kind == "none"
        assert not [w for w in foreseen.recommendation.why if "epair" in w or "--configure" in w]


def test_what_is_half_done_after_a_job_has_ended_is_damage() -> None:
    ended = HostLock("r1", "server1", "upgrade", "s", "eve", NOW, "d", None, False, 100, 1)
    assert "dpkg-interrupted" in ids(facts(packages=packages(interrupted=True), lock=ended))


def test_broken_packages_are_named() -> None:
    broken = tuple(BrokenPackage(f"p{i}", "iF") for i in range(7))
    shown = blocker(facts(packages=packages(upgrade("vim"), broken=broken)), "dpkg-broken")
    assert "7 packages" in shown.message
    assert "p4 (iF) and 2 more" in shown.message


def test_what_could_not_be_told_of_dpkg_blocks_too() -> None:
    found = facts(packages=packages(upgrade("vim"), interrupted=None))
    assert ids(found) == ["dpkg-unknown"]


def test_the_holder_of_the_lock_is_named() -> None:
    shown = blocker(
        facts(upgrade("vim"), dpkg_lock=LockHolder(4711, "unattended-upgr")), "dpkg-lock"
    )
    assert "unattended-upgr (process 4711)" in shown.message
    assert shown.message.endswith(" holds its lock.")
    assert shown.remedy == "tail --pid=4711 -f /dev/null"
    long = blocker(facts(upgrade("vim"), dpkg_lock=LockHolder(7, "apt", 7260)), "dpkg-lock")
    assert long.message.endswith("holds its lock; it has run for 2 hours.")
    unnamed = blocker(facts(upgrade("vim"), dpkg_lock=LockHolder(None, None)), "dpkg-lock")
    assert unnamed.remedy.startswith("fuser")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Unmet dependencies. Try 'apt --fix-broken install'.", "broken-dependencies"),
        ("Could not open file /etc/apt/sources.list", "simulation-failed"),
    ],
)  # fmt: skip
def test_a_simulation_that_failed(words: str, name: str) -> None:
    failed = Transaction("upgrade", (), error=f"{words}\nsecond line")
    found = facts(packages=packages(transactions=(failed,)))
    shown = blocker(found, name)
    assert f"{words} second line" in shown.message
    assert candidate(found).changes is None
    assert candidate(found).risk is None


def test_a_simulation_that_was_not_made_in_a_full_look() -> None:
    problem = Problem("upgrade", "What upgrade would change could not be read.", "Look there.")
    found = facts(packages=packages(transactions=()), problems=(problem,))
    assert problem.message in blocker(found, "simulation-failed").message
    assert ids(facts(packages=None)) == ["simulation-failed"]


def test_no_package_lists_is_not_the_same_as_up_to_date() -> None:
    missing = facts(packages=packages(), lists_age_s=None)
    assert ids(missing) == ["lists-missing"]
    unknown = replace(packages(transactions=()), upgradable=None)
    not_simulated = facts(packages=unknown, lists_age_s=None)
    assert ids(not_simulated) == ["lists-missing"]
    assert blocker(not_simulated, "lists-missing").remedy == "hostshift plan server1 refresh"
    assert ids(facts()) == ["nothing-to-do"]


def test_nothing_to_do_says_what_is_kept_back() -> None:
    found = facts(packages=packages(dist=(install("libnew"),)))
    shown = blocker(found, "nothing-to-do")
    assert "libnew" in shown.message
    assert shown.remedy == "hostshift plan server1 dist-upgrade"
    assert ids(found, "dist-upgrade") == []


def test_an_excluded_source_package_blocks_the_set_that_holds_it() -> None:
    declared = host(exclude=("docker.io", "openssl"))
    by_source = facts(upgrade("libssl3", source="openssl"))
    assert ids(by_source, declared=declared) == ["excluded"]
    assert ids(facts(upgrade("docker.io")), declared=declared) == ["excluded"]
    # The source decides where it is known: a binary may have the name of another source.
    assert ids(facts(upgrade("openssl", source="other")), declared=declared) == []


def test_a_downgrade_blocks() -> None:
    assert ids(facts(replace(upgrade("vim"), action="downgrade"))) == ["downgrade"]


@pytest.mark.parametrize(
    ("filesystems", "blocked"),
    [
        ((Filesystem("/", 3_000_000),), False),
        ((Filesystem("/", 2_999_999),), True),
        ((Filesystem("/", 10**9), Filesystem("/var", 999_999)), True),
        ((Filesystem("/", 2_000_000), Filesystem("/var", 1_000_000)), False),
        ((Filesystem("/", 10**9), Filesystem("/usr", 1_999_999)), True),
        ((Filesystem("/", 10**9), Filesystem("/us", 0)), False),
        ((Filesystem("/", None),), False),
        (None, False),
    ],
)
def test_room(filesystems: tuple[Filesystem, ...] | None, blocked: bool) -> None:
    found = facts(upgrade("vim"), filesystems=filesystems)
    assert ids(found) == (["no-room"] if blocked else [])


KERNELS = (install("linux-image-6.1.0-41-amd64"), upgrade("linux-image-amd64"))


@pytest.mark.parametrize(
    ("changes", "boot", "free", "blocked"),
    [
        pytest.param(KERNELS, 60_000_000, 60_000_000, False, id="it just fits"),
        pytest.param(KERNELS, 60_000_000, 59_999_999, True, id="it does not"),
        pytest.param(KERNELS, None, 0, False, id="nobody knows how large it is"),
        pytest.param((upgrade("vim"),), 60_000_000, 0, False, id="no kernel"),
        pytest.param((remove("linux-image-6.1.0-40-amd64"),), 60_000_000, 0, False, id="one goes"),
    ],
)
def test_room_for_a_kernel(
    changes: tuple[Change, ...], boot: int | None, free: int, blocked: bool
) -> None:
    disks = (Filesystem("/", 10**9), Filesystem("/boot", free))
    found = facts(packages=packages(*changes, boot_bytes=boot), filesystems=disks)
    assert ("no-room" in ids(found)) is blocked
    if blocked:
        assert "/boot has 60 MB free and 60 MB would be" in blocker(found, "no-room").message
        assert what_mends("server1", candidate(found)) == "autoremove"


@pytest.mark.parametrize(("inodes", "blocked"), [(999, True), (1000, False), (None, False)])
def test_room_for_files(inodes: int | None, blocked: bool) -> None:
    found = facts(upgrade("vim"), filesystems=(Filesystem("/", 10**9, inodes),))
    assert ids(found) == (["no-inodes"] if blocked else [])


def test_no_room_names_what_cleaning_frees() -> None:
    disks = (Filesystem("/", 10**9), Filesystem("/var", 999_999))
    found = facts(packages=packages(upgrade("vim"), archive_bytes=5_000_001), filesystems=disks)
    assert what_mends("server1", candidate(found)) == "clean"
    assert "take 6 MB" in blocker(found, "no-room").message
    disks = (Filesystem("/", 10**9), Filesystem("/usr", 999_999))
    elsewhere = replace(found, filesystems=disks)
    assert what_mends("server1", candidate(elsewhere)) == "autoremove", "the cache isn't there"
    nothing = facts(
        packages=packages(upgrade("vim"), archive_bytes=0), filesystems=(Filesystem("/", 1),)
    )
    assert what_mends("server1", candidate(nothing)) == "autoremove"


def test_no_root_blocks_whatever_acts_with_the_lines_for_sudoers() -> None:
    problem = Problem("root", "Looked at without root: sudo wants a password.", "Give it.")
    found = facts(upgrade("vim"), privileged=False, problems=(problem,))
    shown = blocker(found, "privilege", user="ops")
    assert "ops ALL=(root) ALL" in shown.remedy
    assert 'become = "sudo"' in shown.remedy
    assert "sudo wants a password" in shown.message
    for name in ("upgrade", "dist-upgrade", "reboot", "replace"):
        assert "privilege" in ids(found, name)
    assert ids(found, "none") == []
    assert 'become = "sudo"' not in blocker(found, "privilege", become="sudo").remedy


@pytest.mark.parametrize("name", ["upgrade", "dist-upgrade", "reboot", "replace"])
def test_a_node_of_a_cluster_is_left_alone(name: str) -> None:
    assert "kubernetes" in ids(facts(upgrade("vim"), kubernetes_node=True), name)
    assert "kubernetes-unknown" in ids(facts(upgrade("vim"), kubernetes_node=None), name)


def test_another_run_is_named() -> None:
    lock = HostLock(
        "20261123-a1", "server1", "upgrade", "upgrade", "eve@desk", NOW, "d" * 64, None, True,
        None, 5,
    )  # fmt: skip
    shown = blocker(facts(upgrade("vim"), lock=lock), "hostshift-run")
    assert "eve@desk is at work since 2026-11-23T03:00:00Z" in shown.message
    assert shown.remedy == "hostshift attach 20261123-a1"
    ended = blocker(facts(upgrade("vim"), lock=replace(lock, job_alive=False)), "hostshift-run")
    assert "has ended" in ended.message
    waits = replace(lock, job_alive=False, claim=True)
    assert "waits at a gate" in blocker(facts(lock=waits), "hostshift-run").message


def test_every_blocker_has_a_remedy() -> None:
    everything = facts(
        packages=Packages(broken=(BrokenPackage("a", "iU"),), interrupted=True, upgradable=1),
        dpkg_lock=LockHolder(1, "apt"),
        privileged=False,
        kubernetes_node=True,
        systemd=False,
    )
    for shown in foresee(host(console=False), everything, NOW).candidates:
        for found in shown.blockers:
            assert found.id
            assert found.message.endswith((".", "?")), found
            assert found.remedy


NEXT = "release-upgrade"


def test_the_next_release_of_a_debian_that_is_up_to_date() -> None:
    found = candidate(facts(), NEXT)
    assert found.title == "Debian 12 to 13 (trixie)"
    assert found.blockers == ()
    assert found.changes is None, "that is foreseen when it is run"
    assert found.effects.reboot is True
    assert found.risk is not None


@pytest.mark.parametrize(
    ("changed", "declared", "blockers"),
    [
        ({"packages": packages(upgrade("vim"))}, {}, ["updates-first"]),
        ({"packages": packages(dist=(remove("old"),))}, {}, ["updates-first"]),
        ({"packages": replace(packages(), held=("vim",))}, {}, ["held"]),
        ({}, {"exclude": ("vim",)}, ["excluded"]),
        ({"systemd": False}, {}, ["no-systemd"]),
        ({"packages": replace(packages(), interrupted=True)}, {}, ["dpkg-interrupted"]),
    ],
)
def test_what_must_be_so_before_a_release_upgrade(
    changed: dict[str, Any], declared: dict[str, Any], blockers: list[str]
) -> None:
    assert ids(replace(facts(), **changed), NEXT, host(**declared)) == blockers


@pytest.mark.parametrize(("version", "known"), [("13", False), ("14", False), ("11", True)])
def test_no_release_follows_the_newest(version: str, known: bool) -> None:
    found = facts()
    found = replace(found, os=replace(found.os, version_id=version))
    assert (NEXT in [c.kind for c in foresee(host(), found, NOW).candidates]) is known
    asked = picked(host(), found, NEXT, NOW)
    assert asked is not None, "whoever asks is told"
    assert [b.id for b in asked.blockers] == ([] if known else ["no-next-release"])


UBUNTU = replace(
    facts(),
    os=replace(facts().os, id="ubuntu", version_id="22.04", codename="jammy"),
    release_upgrader=ReleaseUpgrader("lts", True, "noble", "24.04.3 LTS"),
)


@pytest.mark.parametrize(
    ("tool", "changed", "blockers", "listed"),
    [
        (UBUNTU.release_upgrader, {}, [], True),
        (ReleaseUpgrader("lts"), {}, [], True),
        (None, {}, ["no-release-upgrader"], False),
        (ReleaseUpgrader("never", True, "noble", "24.04"), {}, ["prompt-never"], False),
        (ReleaseUpgrader("lts", True), {}, ["no-next-release"], False),
        (ReleaseUpgrader("lts", True, "noble", "24.04", "not yet"), {}, ["upgrade-broken"], False),
        (UBUNTU.release_upgrader, {"packages": packages(upgrade("vim"))}, ["updates-first"], True),
        (UBUNTU.release_upgrader, {"reboot": Reboot(True, ("libc6",))}, ["reboot-first"], True),
        (UBUNTU.release_upgrader, {"systemd": False}, ["no-systemd"], True),
    ],
)
def test_an_ubuntu_host_goes_where_its_upgrader_leads(
    tool: ReleaseUpgrader | None, changed: dict[str, Any], blockers: list[str], listed: bool
) -> None:
    found = replace(UBUNTU, release_upgrader=tool, **changed)
    asked = picked(host(), found, NEXT, NOW)
    assert asked is not None
    assert [b.id for b in asked.blockers] == blockers
    assert (NEXT in [c.kind for c in foresee(host(), found, NOW).candidates]) is listed


def test_an_ubuntu_host_says_which_release_that_is() -> None:
    found = candidate(UBUNTU, NEXT)
    assert found.title == "Ubuntu 22.04 to 24.04.3 LTS (noble)"
    assert found.to == "24.04.3 LTS"
    unasked = candidate(replace(UBUNTU, release_upgrader=ReleaseUpgrader("lts")), NEXT)
    assert unasked.title == "Ubuntu 22.04 to what do-release-upgrade offers"
    plan = make_plan(host(), UBUNTU, NEXT, NOW)
    assert [s.id for s in plan.steps if not s.always][1:] == [
        "prepare", "decide", "spare-sshd", "guard", "release-upgrade", "reboot", "settled", "done",
    ]  # fmt: skip
    assert [s.id for s in plan.steps if s.always] == ["confirm", "no-spare-sshd"]
    alone = make_plan(host(transport="local"), UBUNTU, NEXT, NOW)
    assert not {"spare-sshd", "no-spare-sshd"} & {s.id for s in alone.steps}
    assert {s.id for s in plan.steps if s.gate} == {"decide"}


def test_other_systems_have_no_debian_release() -> None:
    found = facts()
    ubuntu = replace(found, os=replace(found.os, id="ubuntu", version_id="24.04"))
    assert NEXT not in [c.kind for c in foresee(host(), ubuntu, NOW).candidates]


def test_what_a_repair_removes_is_told_in_bounds() -> None:
    many = tuple(f"lib{n}" for n in range(200))
    stuck = packages(broken=(BrokenPackage("openssl", "iU"),), repair_removes=many)
    told = blocker(facts(packages=stuck), "dpkg-broken").message
    assert "removes lib0, " in told
    assert told.endswith("lib9 and 190 more.")
