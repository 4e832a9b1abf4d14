"""Plans: what is executed is what is shown, a blocked host has none, the digest is what is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.candidates import foresee
from engine.commands.plan import plan_all, shown
from engine.errors import InputError, RefusedError
from engine.inventory import Inventory
from engine.model.facts import (
    BrokenPackage,
    Change,
    Conffile,
    Facts,
    Kernel,
    LockHolder,
    PackageService,
    Transaction,
)
from engine.model.host import Check, Deadlines
from engine.model.plan import (
    BaselineAct,
    GateAct,
    JobAct,
    Plan,
    RebootAct,
    ServiceCheck,
    VerifyAct,
    combined_digest,
)
from engine.plan import BlockedError, make_plan, plan_document
from engine.programs.apt_transaction import expected_lines
from engine.runs.errors import difference
from tests.unit.builders import (
    NOW,
    container,
    deployment,
    facts,
    host,
    install,
    light,
    look,
    packages,
    remove,
    rpm_ostree,
    service,
    upgrade,
)

SET = (upgrade("openssl", security=True), upgrade("libc6:i386"), install("libnew"))


def plan(*changes: Any, candidate: str = "upgrade", **fields: Any) -> Plan:
    return make_plan(host(), facts(*(changes or SET), **fields), candidate, NOW)


def job(made: Plan) -> JobAct:
    """Its one job; before it stands the baseline, where the plan touches services."""
    act = made.steps[1 if made.interrupts else 0].act
    assert isinstance(act, JobAct)
    return act


def test_an_upgrade_is_one_job_and_a_look_afterwards() -> None:
    made = plan(failed_units=("cron.service",))
    assert [step.id for step in made.steps] == ["baseline", "upgrade", "verify"]
    assert made.steps[0].act == BaselineAct()
    assert made.steps[1].title == "Upgrade 2, install 1 with apt-get"
    verify = made.steps[2].act
    assert isinstance(verify, VerifyAct)
    assert verify.changes == made.changes == SET
    assert verify.failed_units_before == ("cron.service",)
    assert verify.baseline == "baseline"
    assert made.interrupts


def test_the_job_asks_nobody_and_keeps_edited_files() -> None:
    act = job(plan())
    assert act.commands == (
        (
            "apt-get", "-y", "-o", "Dpkg::Options::=--force-confdef",
            "-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=600",
            "-o", "APT::Status-Fd=3", "--with-new-pkgs", "upgrade",
        ),
    )  # fmt: skip
    assert dict(act.environment) == {
        "APT_LISTBUGS_FRONTEND": "none",
        "APT_LISTCHANGES_FRONTEND": "none",
        "DEBIAN_FRONTEND": "noninteractive",
        "LANGUAGE": "",
        "LC_ALL": "C.UTF-8",
        "NEEDRESTART_MODE": "l",
        "UCF_FORCE_CONFFOLD": "1",
    }
    assert act.lock_wait_s == 600


def test_the_guard_simulates_the_same_selection() -> None:
    for candidate, selection in (
        ("upgrade", ("--with-new-pkgs", "upgrade")),
        ("dist-upgrade", ("dist-upgrade",)),
    ):
        act = job(plan(candidate=candidate))
        assert act.simulation is not None
        assert act.simulation[:2] == ("apt-get", "-s")
        assert act.commands[0][-len(selection) :] == act.simulation[-len(selection) :] == selection
        assert act.expected == (
            "Inst libc6:i386 1.0 1.1",
            "Inst libnew - 1.1",
            "Inst openssl 1.0 1.1",
        )


def test_expected_lines() -> None:
    down = replace(upgrade("vim"), action="downgrade", to_version="0.9")
    assert expected_lines((remove("old"), down, install("b"), install("B"), install("b"))) == (
        "Inst B - 1.1",
        "Inst b - 1.1",
        "Inst vim 1.0 0.9",
        "Remv old 1.0",
    )


def test_what_is_shown_is_what_runs() -> None:
    shown = plan().steps[1].commands
    assert shown[0].startswith("export APT_LISTBUGS_FRONTEND=none ")
    assert shown[1] == "apt-get -s -o Debug::NoLocking=true --with-new-pkgs upgrade"
    assert shown[2].endswith("-o APT::Status-Fd=3 --with-new-pkgs upgrade")


def test_what_stops_and_what_is_kept_is_shown() -> None:
    found = packages(
        upgrade("nginx"),
        conffiles=(Conffile("/etc/nginx/nginx.conf", "nginx", "changed"),),
        services=(PackageService("nginx.service", "nginx"), PackageService("ssh.service", "ssh")),
    )
    text = shown((plan(packages=found),))
    assert "  restarts or stops services: nginx.service\n" in text
    assert "were changed on the host: /etc/nginx/nginx.conf\n" in text


def test_the_chores() -> None:
    refresh = plan(candidate="refresh")
    assert job(refresh).commands[0][-1] == "update"
    assert job(refresh).expected is None
    assert not refresh.interrupts
    assert refresh.risk is None
    clean = plan(packages=packages(archive_bytes=5_000_001), candidate="clean")
    assert job(clean).commands == (("apt-get", "clean"),)
    assert clean.steps[0].title.endswith("(6 MB)")
    assert not clean.interrupts
    repair = make_plan(host(), facts(packages=packages(interrupted=True)), "repair", NOW)
    configure, mend = job(repair).commands
    assert configure == ("dpkg", "--force-confdef", "--force-confold", "--configure", "-a")
    assert mend[:3] == ("apt-get", "-y", "--no-remove")
    assert mend[-2:] == ("-f", "install")
    assert [line.split()[:3] for line in repair.steps[1].commands[1:]] == [
        ["dpkg", "--force-confdef", "--force-confold"],
        ["apt-get", "-s", "-o"],
        ["apt-get", "-y", "--no-remove"],
    ]
    assert repair.interrupts
    broken = facts(packages=packages(broken=(BrokenPackage("a", "iF"),)))
    assert make_plan(host(), broken, "repair", NOW).steps[1].id == "repair"
    error = "Unmet dependencies. Try 'apt --fix-broken install' with no packages"
    unfit = packages(transactions=(Transaction("upgrade", (), error=error),))
    assert make_plan(host(), facts(packages=unfit), "repair", NOW).steps[1].id == "repair"
    with pytest.raises(RefusedError, match="no package is known to lack another"):
        make_plan(host(), facts(), "repair", NOW)


def test_a_light_look_is_enough_to_refresh_and_not_to_upgrade() -> None:
    assert make_plan(host(), light(), "refresh", NOW).steps
    with pytest.raises(BlockedError) as refused:
        make_plan(host(), light(), "upgrade", NOW)
    assert [b.id for b in refused.value.blockers] == ["not-looked"]


def test_a_blocked_candidate_is_refused_with_every_remedy() -> None:
    found = facts(packages=packages(*SET, interrupted=True), privileged=False)
    with pytest.raises(BlockedError) as refused:
        make_plan(host(), found, "upgrade", NOW)
    assert refused.value.exit_status == 5
    assert "privilege:" in refused.value.message
    assert "remedy: hostshift plan server1 repair\n" in refused.value.message
    assert "hostshift status server1" in refused.value.hint


def test_a_replacement_that_lacks_something_is_refused() -> None:
    with pytest.raises(BlockedError, match="replace-incomplete"):
        plan(candidate="replace")


def test_a_retiring_host_is_touched_by_no_plan() -> None:
    retiring = host(retiring=True)
    for candidate in ("upgrade", "reboot", "replace"):
        with pytest.raises(InputError, match="decommission"):
            make_plan(retiring, facts(*SET), candidate, NOW)
    with pytest.raises(BlockedError, match="replacement-run"):
        make_plan(retiring, facts(*SET), "decommission", NOW)


@pytest.mark.parametrize("family", ["apt", "unknown", "rpm-ostree"])
def test_a_reboot_is_the_same_for_every_family(family: str) -> None:
    declared = host(
        services=(service(),), busy=("pg_dump",), deadlines=Deadlines(reboot_s=1200), console=True
    )
    found = facts(
        family=family,
        kernel=Kernel("6.1.0-40-amd64", "6.1.0-41-amd64"),
        failed_units=("cron.service",),
        deployments=rpm_ostree().deployments if family == "rpm-ostree" else None,
    )
    made = make_plan(declared, found, "reboot", NOW)
    assert [step.id for step in made.steps] == ["baseline", "reboot", "verify"]
    check = ServiceCheck("gitlab", Check(unit="gitlab.service"))
    assert made.steps[0].act == BaselineAct((check,))
    assert made.steps[1].act == RebootAct(
        expected_kernel="6.1.0-41-amd64",
        busy=("pg_dump",),
        baseline="baseline",
        checks=(check,),
        deadline_s=1200,
    )
    assert made.steps[2].act == VerifyAct(
        failed_units_before=("cron.service",), baseline="baseline", checks=(check,)
    )
    assert made.steps[1].commands == ("systemctl --no-block reboot",)
    assert [step.reversible for step in made.steps] == [True, False, True]
    assert made.interrupts
    assert made.effects.reboot


@pytest.mark.parametrize(
    ("found", "kernel"),
    [
        (facts(kernel=Kernel("6.1.0-40", "6.1.0-41")), "6.1.0-41"),
        (facts(kernel=Kernel("6.1.0-40", None)), None),
        (facts(kernel=Kernel("6.1.0-40", "6.1.0-41"), virtualization="lxc"), None),
        (facts(kernel=Kernel("6.1.0-40", "6.1.0-41"), virtualization="systemd-nspawn"), None),
        (facts(kernel=Kernel("6.1.0-40", "6.1.0-41"), virtualization="kvm"), "6.1.0-41"),
        (rpm_ostree(deployment(0, staged=True), deployment(1, booted=True),
                    kernel=Kernel("6.1.0-40", "6.1.0-40")), None),
        (rpm_ostree(kernel=Kernel("6.1.0-40", "6.1.0-40")), "6.1.0-40"),
    ],
)  # fmt: skip
def test_the_kernel_that_is_expected(found: Facts, kernel: str | None) -> None:
    steps = make_plan(host(), found, "reboot", NOW).steps
    (act,) = [step.act for step in steps if isinstance(step.act, RebootAct)]
    assert act.expected_kernel == kernel


def test_a_reboot_of_what_is_half_way_has_no_plan() -> None:
    with pytest.raises(BlockedError, match="dpkg-interrupted"):
        make_plan(host(), facts(packages=packages(interrupted=True)), "reboot", NOW)


def test_chores_are_blocked_too() -> None:
    for candidate in ("refresh", "repair"):
        with pytest.raises(BlockedError, match="kubernetes"):
            plan(candidate=candidate, kubernetes_node=True)
        with pytest.raises(RefusedError):
            make_plan(host(), rpm_ostree(), candidate, NOW)
        with pytest.raises(RefusedError):
            make_plan(host(), facts(family="unknown", packages=None), candidate, NOW)
    busy = facts(packages=packages(interrupted=True), dpkg_lock=LockHolder(1, "apt"))
    with pytest.raises(BlockedError, match="dpkg-lock"):
        make_plan(host(), busy, "repair", NOW)
    with pytest.raises(RefusedError, match="nothing half done"):
        plan(candidate="repair")


def test_doing_nothing_has_no_plan() -> None:
    with pytest.raises(RefusedError, match="nothing to plan"):
        plan(candidate="none")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("upgrad", "upgrade"), ("dist_upgrade", "dist-upgrade"), ("refesh", "refresh")],
)
def test_an_unknown_candidate(typed: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"Did you mean '{meant}'") as wrong:
        plan(candidate=typed)
    assert "upgrade, dist-upgrade, release-upgrade, reboot, replace, refresh" in wrong.value.hint


def test_an_unknown_candidate_that_is_like_none() -> None:
    with pytest.raises(InputError) as wrong:
        plan(candidate="xyzzy")
    assert "mean" not in wrong.value.message


# -- digest ------------------------------------------------------------------------------------


def test_the_digest_is_of_what_would_be_done() -> None:
    made = plan()
    same = (
        make_plan(host(), facts(*SET), "upgrade", NOW + timedelta(days=1)),
        plan(uptime_s=1, containers=(container(),), failed_units=("a.service",)),
    )
    assert {made.digest} == {other.digest for other in same}
    other = (
        plan(candidate="dist-upgrade"),
        plan(*SET[:2]),
        plan(*SET[:2], install("libnew", to_version="1.2")),
        make_plan(host("server2"), facts(*SET, name="server2"), "upgrade", NOW),
        plan(candidate="refresh"),
    )
    assert len({made.digest, *(o.digest for o in other)}) == 6


def test_the_numbers_behind_the_risk_are_part_of_the_digest() -> None:
    ours, theirs = (
        make_plan(host(risk=risk), facts(*SET), "upgrade", NOW) for risk in ((), (("holds", 1.0),))
    )
    assert ours.digest != theirs.digest
    assert "numbers of the risk model" in "".join(difference(ours, theirs))
    # A plan of a hostshift that didn't know of them keeps the digest that was confirmed.
    assert replace(ours, model=None).digest != ours.digest
    assert plan(candidate="refresh").model is None


def test_all_hosts_of_a_redundancy_at_once_are_no_redundancy() -> None:
    several = [
        host(f"web{i}", redundancy="web", failover_tested=NOW.date(), outage="costly")
        for i in (1, 2)
    ]
    inventory = Inventory(Path("inventory.toml"), tuple(several))
    looks = tuple((one, look(facts(*SET, name=one.name))) for one in several)
    both = plan_all(looks, "upgrade", NOW, inventory)
    (alone,) = plan_all(looks[:1], "upgrade", NOW, inventory)
    assert both[0].risk is not None
    assert alone.risk is not None
    assert both[0].risk.score > alone.risk.score
    assert both[0].digest == alone.digest


def test_one_digest_for_many() -> None:
    one = plan()
    two = make_plan(host("server2"), facts(*SET, name="server2"), "upgrade", NOW)
    assert combined_digest((one,)) == one.digest
    assert combined_digest((one, two)) == combined_digest((two, one)) != one.digest


# -- the document ------------------------------------------------------------------------------


def test_the_document_has_the_fixed_shape() -> None:
    made = plan()
    shown = plan_document([made])
    assert list(shown) == [
        "schema", "host", "candidate", "digest", "created_at", "steps", "effects", "risk",
        "outage_window_s",
    ]  # fmt: skip
    assert list(shown["steps"][0]) == [
        "id", "title", "where", "commands", "gate", "reversible", "undo", "expected_s",
    ]  # fmt: skip
    assert shown["created_at"] == "2026-11-23T03:00:00Z"
    assert shown["digest"] == made.digest
    assert shown["outage_window_s"] == {"expected": 60, "from": "estimated"}
    assert shown["steps"][0]["commands"] == list(made.steps[0].commands)


def test_the_document_of_several_hosts_has_the_common_digest() -> None:
    both = (plan(), make_plan(host("server2"), facts(*SET, name="server2"), "upgrade", NOW))
    shown = plan_document(both)
    assert list(shown) == ["schema", "digest", "plans"]
    assert shown["digest"] == combined_digest(both)
    assert [p["host"] for p in shown["plans"]] == ["server1", "server2"]
    with pytest.raises(ValueError, match="at least one"):
        plan_document([])


def test_a_repair_does_not_pretend_to_know_how_long_it_interrupts() -> None:
    made = make_plan(host(), facts(packages=packages(interrupted=True)), "repair", NOW)
    assert plan_document([made])["outage_window_s"] == {"expected": None, "from": "unknown"}


def test_a_release_upgrade_is_foreseen_and_asked_about_before_anything_changes() -> None:
    made = make_plan(host(), facts(), "release-upgrade", NOW)
    order = [step.id for step in made.steps]
    assert order == [
        "baseline", "prepare", "decide", "download", "spare-sshd", "sources",
        "guard", "release-upgrade", "confirm", "reboot", "settled", "done", "no-spare-sshd",
    ]  # fmt: skip
    steps = {step.id: step for step in made.steps}
    assert steps["prepare"].reversible
    assert steps["decide"].gate
    assert "release_prepare bookworm trixie" in steps["prepare"].commands
    upgrade = steps["release-upgrade"].commands
    assert [("--without-new-pkgs" in c, c.rpartition(" ")[2]) for c in upgrade[1:]] == [
        (True, "upgrade"),
        (False, "dist-upgrade"),
    ]
    reboot = steps["reboot"].act
    assert isinstance(reboot, RebootAct)
    assert (reboot.next_release, reboot.expected_kernel) == (True, None)


@pytest.mark.parametrize(
    ("chore", "steps", "typed"),
    [
        ("download", ["download"], False),
        ("hold:vim,libssl3:i386", ["hold"], False),
        ("unhold:vim", ["unhold"], False),
        ("undo", ["baseline", "simulate", "decide", "guard", "undo", "confirm", "verify"], True),
        ("autoremove", ["baseline", "simulate", "decide", "autoremove", "verify"], True),
    ],
)
def test_small_work(chore: str, steps: list[str], typed: bool) -> None:
    made = plan(candidate=chore)
    assert [step.id for step in made.steps] == steps
    assert made.interrupts is typed


def test_services_are_restarted_that_can_be_alone() -> None:
    units = ("dbus.service", "nginx.service", "systemd-logind.service", "user@1000.service")
    made = plan(candidate="restart-services", services_to_restart=units)
    assert job(made).commands == (("systemctl", "restart", "nginx.service"),)


@pytest.mark.parametrize("units", [None, (), ("dbus.service",)])
def test_nothing_is_restarted_where_nothing_can_be(units: tuple[str, ...] | None) -> None:
    with pytest.raises(RefusedError) as caught:
        plan(candidate="restart-services", services_to_restart=units)
    assert caught.value.hint


@pytest.mark.parametrize("chore", ["hold", "hold:", "unhold:-rf", "hold:a b", "hold:vim,,x"])
def test_a_mark_needs_names_of_packages(chore: str) -> None:
    with pytest.raises(InputError):
        plan(candidate=chore)


def test_a_repair_that_removes_asks_with_what_would_go() -> None:
    stuck = packages(broken=(BrokenPackage("openssl", "iU"),), repair_removes=("libssl3",))
    plan = make_plan(host(), facts(packages=stuck), "repair:removing", NOW)
    order = [step.id for step in plan.steps]
    assert order.index("simulate") < order.index("decide") < order.index("repair")
    gate = next(step.act for step in plan.steps if step.id == "decide")
    assert isinstance(gate, GateAct)
    assert gate.shows == "simulate"
    for nothing in (None, ()):
        fine = replace(stuck, repair_removes=nothing)
        with pytest.raises(RefusedError, match="would remove nothing"):
            make_plan(host(), facts(packages=fine), "repair:removing", NOW)
        assert fine.repair == "repair"
    blocked = foresee(host(), facts(packages=stuck), NOW).candidate("upgrade")
    assert blocked is not None
    (broken,) = [b for b in blocked.blockers if b.id == "dpkg-broken"]
    assert broken.remedy.startswith("hostshift plan server1 repair:removing\n")
    assert "removes libssl3" in broken.message


@pytest.mark.parametrize("candidate", ["upgrade", "dist-upgrade"])
def test_grub_is_not_updated_where_its_disk_is_gone(candidate: str) -> None:
    def blocked(*changes: Change, **fields: Any) -> set[str]:
        found = foresee(host(), facts(*changes, grub_devices_gone=("/dev/sdb",), **fields), NOW)
        made = found.candidate(candidate)
        assert made is not None
        return {b.id for b in made.blockers}

    assert "grub-device" in blocked(upgrade("grub-pc"), upgrade("vim"))
    assert "grub-device" not in blocked(upgrade("vim"))
    assert "grub-device" not in blocked(remove("grub-pc"))
    assert "grub-device" not in blocked(upgrade("grub-pc"), virtualization="systemd-nspawn")
    gone = facts(grub_devices_gone=("/dev/sdb",))
    release = foresee(host(), gone, NOW).candidate("release-upgrade")
    assert release is not None
    (told,) = (b for b in release.blockers if b.id == "grub-device")
    assert told.remedy.startswith("hostshift plan server1 repair:grub-device\n")
    (act,) = (s.act for s in make_plan(host(), gone, "repair:grub-device", NOW).steps
              if s.id == "grub-device")  # fmt: skip
    assert isinstance(act, JobAct)
    assert act.commands == (("grub_device",),)
