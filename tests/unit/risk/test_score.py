"""What single facts do to the score, and the totals that the model is held to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.candidates import foresee
from engine.model.candidate import Candidate, Effects, Factor, Risk
from engine.model.facts import Change, Container, Facts, Filesystem, Kernel, Update
from engine.model.host import Host
from engine.risk import ORDINARY, Circumstances, assess, parameters
from engine.risk.case import case
from engine.risk.modes import modes
from engine.risk.scope import major, of_distribution
from engine.risk.score import _longer_than_a_day
from engine.status import document
from tests.unit.builders import (
    NOW,
    THIRD_PARTY,
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

TODAY = NOW.date()
KERNEL = install("linux-image-6.1.0-41-amd64", source="linux-signed-amd64")
WATCHED = host(services=(service(),))
"""Nothing about this host makes a repair slower, but for the backup that a test must name."""


def candidate(found: Facts, kind: str = "upgrade", declared: Host | None = None) -> Candidate:
    shown = foresee(declared or host(), found, NOW).candidate(kind)
    assert shown is not None
    return shown


def risk(found: Facts, kind: str = "upgrade", declared: Host | None = None) -> Risk:
    score = candidate(found, kind, declared).risk
    assert score is not None
    return score


def factor(found: Risk, name: str) -> Factor:
    return next(f for f in found.factors if f.id == name)


def ids(found: Risk) -> set[str]:
    return {f.id for f in found.factors}


def unknown(found: Risk) -> set[str]:
    return {f.id for f in found.factors if f.origin == "unknown"}


def many(number: int) -> tuple[Change, ...]:
    return tuple(upgrade(f"tool{i}", source=f"tool{i}") for i in range(number))


# -- the totals that the model is held to ------------------------------------------------------

TOLERANCE = 1.6
"""How many times a chance may be off: as much as from one of the steps 1, 2, 3, 5 to the next."""


def chance(found: Facts, kind: str, declared: Host = WATCHED) -> tuple[float, float]:
    """One in so many goes wrong, and costs a day; every fact is known, nothing is rounded."""
    numbers = parameters(declared.risk)
    asked = candidate(found, kind, declared)
    if kind != "reboot":
        asked = replace(asked, effects=replace(asked.effects, conffiles=()))
    several = modes(case(declared, found, asked, TODAY, ORDINARY, numbers), 1.0)
    well = 1.0
    for mode in several:
        well *= 1 - mode.chance
    day = sum(mode.chance * _longer_than_a_day(mode.minutes, numbers) for mode in several)
    return 1 / (1 - well), 1 / day


def pending(*changes: Change, age: int = 0, dist: tuple[Change, ...] = (), **fields: Any) -> Facts:
    """Twenty updates of two CVEs each and these besides; a backup of this night."""
    whole = (*many(20), *changes)
    updates = tuple(
        Update(c.source or c.name, 2, TODAY - timedelta(days=age)) for c in (*whole, *dist)
    )
    found = packages(*whole, dist=dist, updates=updates)
    return facts(packages=found, backup_age_s=3_600, **fields)


def near(found: float, said: float) -> bool:
    return said / TOLERANCE <= found <= said * TOLERANCE


def test_twenty_userland_updates_and_the_same_two_weeks_later() -> None:
    fresh, old = chance(pending(), "upgrade")[0], chance(pending(age=14), "upgrade")[0]
    assert near(fresh, 50)
    assert near(old, 60)
    assert old > fresh


def test_with_a_kernel_and_a_long_uptime_and_no_console() -> None:
    calm = chance(pending(KERNEL), "upgrade")
    stale = chance(
        pending(KERNEL, uptime_s=400 * 86_400), "upgrade", replace(WATCHED, console=False)
    )
    assert near(calm[0], 30)
    assert near(stale[0], 20)
    assert near(calm[1] / stale[1], 30), "thirty times the chance of a lost day"


def test_with_docker_besides() -> None:
    found = pending(
        KERNEL, upgrade("docker.io"), uptime_s=400 * 86_400,
        containers=(Container("web", "nginx:1", "always"),),
    )  # fmt: skip
    assert near(chance(found, "upgrade", replace(WATCHED, console=False))[0], 15)


def test_a_dist_upgrade_with_two_removals() -> None:
    """Where they are known not to be in use; hostshift doesn't look at that yet, and says so."""
    found = pending(dist=(remove("a"), remove("b")))
    idle = replace(WATCHED, risk=(("removed_in_use", 0.0),))
    assert near(chance(found, "dist-upgrade", idle)[0], 18)
    assert chance(found, "dist-upgrade")[0] < 18


def test_a_release_upgrade() -> None:
    found = pending(KERNEL)
    whole = (*many(300), KERNEL, upgrade("base-files"))
    asked = Candidate("release-upgrade", "release-upgrade", "t", whole, Effects(conffiles=()))
    updates = tuple(Update(c.source or c.name, 1, TODAY - timedelta(days=60)) for c in whole)
    assert found.packages is not None
    known = replace(found, packages=replace(found.packages, updates=updates))
    shown = assess(WATCHED, known, asked, TODAY)
    assert shown is not None
    assert shown.one_in in (3, 5)
    assert shown.outage_minutes.expected >= 45


# -- single facts ------------------------------------------------------------------------------


def test_doing_nothing_risks_nothing() -> None:
    assert risk(facts(*many(3)), "none") == risk(facts(), "upgrade")
    assert risk(facts(), "none").score == 0
    assert (risk(facts(), "none").one_in, risk(facts(), "none").lost_day_one_in) == (None, None)


def test_twenty_userland_updates_are_low() -> None:
    found = risk(facts(*many(20)), declared=WATCHED)
    assert (found.score, found.level) == (20, "low")
    assert found.one_in == 30
    assert found.lost_day_one_in == 3_000


def test_what_was_not_simulated_has_no_score() -> None:
    assert candidate(light()).risk is None


def test_what_is_not_known_is_named_even_where_it_adds_nothing() -> None:
    found = risk(facts(*many(3)), declared=host(console=None))
    assert unknown(found) == {"backup", "conffiles", "no-checks", "no-console", "regression"}
    assert "CVEs not known, 4 are taken" in factor(found, "regression").evidence
    known = facts(packages=packages(*many(1), updates=(Update("tool0", 7, TODAY),)))
    told = factor(risk(known, declared=host(outage="unacceptable")), "regression")
    assert told.origin == "measured"
    assert told.evidence == "tool0; at most 7 CVEs in one; out for 0 days or more"


def test_a_packages_past_is_evidence_and_no_weight() -> None:
    one, other = risk(facts(upgrade("openssl"))), risk(facts(upgrade("no-such-package")))
    assert "regressions before: openssl 4 of 99 updates" in factor(one, "regression").evidence
    assert "before" not in factor(other, "regression").evidence
    assert (one.score, one.one_in) == (other.score, other.one_in)


def test_a_container_runtime_counts_by_what_runs_on_it() -> None:
    change = upgrade("docker.io")
    idle = risk(facts(change, containers=()))
    busy = risk(facts(change, containers=(container(),)))
    unseen = risk(facts(change, containers=None))
    assert "container-runtime" not in ids(idle)
    assert factor(busy, "planned-containers").value == "1 stop"
    assert {"container-runtime", "containers-stay", "planned-containers"} <= unknown(unseen)
    assert idle.outage_minutes.expected < busy.outage_minutes.expected
    assert busy.score <= unseen.score
    kept = risk(facts(change, containers=(container(),), live_restore=True))
    assert not {"container-runtime", "planned-containers"} & ids(kept)


@pytest.mark.parametrize(
    ("policy", "kind", "stays"),
    [
        ("always", "upgrade", False),
        ("unless-stopped", "upgrade", False),
        ("on-failure", "upgrade", True),
        ("no", "upgrade", True),
        (None, "upgrade", True),
        ("always", "reboot", False),
        ("unless-stopped", "reboot", True),
    ],
)
def test_who_comes_back_is_told_by_the_restart_policy(
    policy: str | None, kind: str, stays: bool
) -> None:
    found = facts(upgrade("docker.io"), containers=(Container("web", None, policy),))
    shown = [f for f in risk(found, kind, host(outage="unacceptable")).factors
             if f.id == "containers-stay"]  # fmt: skip
    assert bool(shown) is stays
    if stays:
        assert (shown[0].origin == "unknown") is (policy is None)


def test_long_uptime_and_no_console_count_where_the_next_boot_differs() -> None:
    worse: Any = {"uptime_s": 400 * 86_400}
    declared = host(console=False, outage="unacceptable")
    plain = risk(facts(*many(3), **worse), declared=declared)
    kernel = risk(facts(KERNEL, **worse), declared=declared)
    assert "uptime" not in ids(plain)
    assert factor(kernel, "uptime").value == "400 days up"
    assert factor(kernel, "no-console").points > factor(plain, "no-console").points
    assert kernel.outage_minutes.bad_day >= 480 > risk(facts(KERNEL)).outage_minutes.bad_day
    assert (kernel.lost_day_one_in, risk(facts(KERNEL)).lost_day_one_in) == (200, 2_000)


def test_a_full_boot_counts_only_with_a_new_kernel() -> None:
    tight = (Filesystem("/", 10**10), Filesystem("/boot", 100_000_000))
    declared = host(console=False)
    assert factor(risk(facts(KERNEL, filesystems=tight), declared=declared), "boot-room")
    for other in (many(1), (remove(KERNEL.name),)):
        assert "boot-room" not in ids(risk(facts(*other, filesystems=tight), declared=declared))


def test_a_kernel_without_headers_builds_no_modules() -> None:
    declared = host(console=False, outage="unacceptable")
    headers = install("linux-headers-amd64")
    assert "kernel-modules" not in ids(risk(facts(KERNEL), declared=declared))
    assert "kernel-modules" in unknown(risk(facts(KERNEL, headers), declared=declared))
    built = risk(facts(KERNEL, upgrade("zfs-dkms")), declared=declared)
    assert factor(built, "kernel-modules").origin == "judgement"


def test_network_and_the_way_in() -> None:
    declared = host(console=False, outage="unacceptable")
    found = risk(facts(upgrade("systemd"), upgrade("openssh-server")), declared=declared)
    assert {"network", "foreign-rules", "way-in", "regression-core"} <= ids(found)
    assert "foreign-rules" in unknown(found)
    runs = facts(upgrade("systemd"), containers=(container(),))
    assert factor(risk(runs, declared=declared), "foreign-rules").origin == "judgement"


def test_third_party_and_origins_that_are_not_told() -> None:
    foreign = risk(facts(upgrade("docker-ce", origin=THIRD_PARTY)))
    nameless = risk(facts(upgrade("docker-ce", origin=None)))
    assert foreign.score == nameless.score
    assert "third-party" in unknown(nameless) - unknown(foreign)


def test_removals_and_downgrades() -> None:
    gone = facts(packages=packages(upgrade("a"), dist=(remove("b"), remove("c"))))
    found = risk(gone, "dist-upgrade")
    assert factor(found, "removals").evidence == "b, c"
    assert "removed-in-use" in unknown(found)
    down = replace(upgrade("a"), action="downgrade")
    assert factor(risk(facts(down), declared=host(outage="unacceptable")), "downgrades")


def test_a_database_and_its_major_version() -> None:
    declared = host(outage="unacceptable")
    patch = upgrade("postgresql-15", from_version="15.14-0", to_version="15.15-0")
    new = install("postgresql-17")
    assert "database-major" not in ids(risk(facts(patch), declared=declared))
    assert factor(risk(facts(patch, new), declared=declared), "database-major")


def test_a_new_libc_sorts_text_otherwise() -> None:
    declared = host(outage="unacceptable")
    patch = upgrade("libc6", from_version="2.36-9+deb12u9", to_version="2.36-9+deb12u10")
    newer = upgrade("libc6", from_version="2.36-9+deb12u9", to_version="2.41-12")
    assert "collation" not in ids(risk(facts(patch), declared=declared))
    assert "collation" in unknown(risk(facts(newer), declared=declared))
    here = risk(facts(newer, upgrade("postgresql-15")), declared=declared)
    assert factor(here, "collation").origin == "judgement"


@pytest.mark.parametrize(
    ("version", "number"),
    [("1:26.1.5+dfsg1-9", "26"), ("2.36-9", "2"), ("2026a-0+deb12u1", None), ("20250419", None),
     ("", None), ("v1", None), ("9" * 5000, None)],
)  # fmt: skip
def test_the_first_number_is_the_major_version_unless_it_is_a_date(
    version: str, number: str | None
) -> None:
    assert major(version) == number


def test_names_with_an_architecture_are_recognised() -> None:
    assert "regression-core" in ids(risk(facts(upgrade("libc6:i386")), declared=host(console=None)))


def test_the_scale_ends_at_a_lost_day() -> None:
    gone = tuple(remove(f"gone{i}") for i in range(30))
    everything = (
        *many(300), *gone, KERNEL, upgrade("systemd"), upgrade("openssh-server"),
        upgrade("docker-ce", origin=THIRD_PARTY),
    )  # fmt: skip
    found = risk(
        facts(*everything, uptime_s=None, filesystems=None, containers=None),
        "dist-upgrade",
        host(console=False, outage="unacceptable"),
    )
    assert (found.score, found.level) == (100, "critical")
    assert sum(f.points for f in found.factors) == 100


def test_stakes_are_a_factor_of_their_own() -> None:
    tolerable, costly = (
        risk(facts(*many(3)), declared=host(outage=o)) for o in ("tolerable", "costly")
    )
    assert "stakes" not in ids(tolerable)
    assert factor(costly, "stakes").points > 0
    assert "stakes" in unknown(risk(facts(*many(3)), declared=host(outage=None)))
    dear = risk(facts(*many(3)), declared=host(outage_cost_per_hour=1_000.0))
    assert dear.score == risk(facts(*many(3)), declared=host(outage="unacceptable")).score
    assert factor(dear, "stakes").value == "1000 an hour"


def test_a_reboot_knows_the_kernel_that_it_starts() -> None:
    declared = host(outage="unacceptable")
    same = risk(facts(), "reboot", declared)
    newer = risk(facts(kernel=Kernel("6.1.0-40-amd64", "6.1.0-41-amd64")), "reboot", declared)
    unseen = risk(facts(kernel=Kernel()), "reboot", declared)
    assert "boot-chain" not in ids(same)
    assert factor(newer, "boot-chain").value == "6.1.0-41-amd64"
    assert "boot-chain" in unknown(unseen)
    assert same.score <= newer.score == unseen.score


def test_a_deployment_is_bounded_by_the_way_back() -> None:
    staged = (deployment(0, staged=True), deployment(1, booted=True), deployment(2, rollback=True))
    found = risk(rpm_ostree(*staged), "deploy-finalize")
    assert found.outage_minutes.bad_day <= 20, "a reboot, and one more to go back"
    unwell = risk(rpm_ostree(*staged, failed_units=("web.service",)), "deploy-finalize")
    assert factor(unwell, "way-back").origin == "judgement"
    assert unwell.outage_minutes.bad_day > 60
    unseen = risk(rpm_ostree(*staged, failed_units=None), "deploy-finalize")
    assert "way-back" in unknown(unseen)
    # Nobody is there to choose the old one in the boot menu.
    alone = risk(rpm_ostree(*staged), "deploy-finalize", host(console=False))
    assert alone.outage_minutes.bad_day >= 480
    assert risk(rpm_ostree(), "deploy-finalize").score == 0, "nothing waits to be booted"


def test_layers_and_contents_of_a_deployment() -> None:
    staged = (deployment(0, staged=True, layered=("htop",)), deployment(1, booted=True))
    found = risk(rpm_ostree(*staged), "deploy-finalize", host(outage="unacceptable"))
    assert factor(found, "layered").evidence == "htop"
    assert {"boot-chain", "upstream-major"} <= unknown(found)


def test_a_replacement_has_its_cutover_and_names_what_was_never_measured() -> None:
    found = risk(facts(), "replace")
    assert unknown(found) == {"planned-cutover", "cutover-fails"}
    assert (found.outage_minutes.expected, found.outage_minutes.bad_day) == (12, 20)
    known = assess(host(), facts(), candidate(facts(), "replace"), TODAY,
                   Circumstances(cutover_s=120, rehearsed=True))  # fmt: skip
    assert known is not None
    assert known.score < found.score
    assert unknown(known) == set()


def test_all_at_once_takes_longer_to_mend() -> None:
    found = facts(*many(3))
    declared = host(redundancy="web", failover_tested=TODAY, outage="costly")
    asked = candidate(found, declared=declared)
    alone = assess(declared, found, asked, TODAY)
    together = assess(declared, found, asked, TODAY, Circumstances(whole_group=True))
    assert alone is not None
    assert together is not None
    assert factor(alone, "redundancy").evidence == "web: 10% of an outage is counted"
    assert factor(together, "redundancy").evidence == "web: not counted as redundant"
    assert factor(together, "all-at-once").origin == "anchored"
    assert together.score > alone.score


@pytest.mark.parametrize(
    ("minutes", "level"), [(0.0, "low"), (8.0, "moderate"), (45.0, "high"), (200.0, "critical")]
)
def test_levels(minutes: float, level: str) -> None:
    shown = assess(host(), facts(), candidate(facts(), "replace"), TODAY,
                   Circumstances(cutover_s=round(minutes * 60), rehearsed=True))  # fmt: skip
    assert shown is not None
    assert shown.level == level


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("Debian:12.12/oldstable", True),
        ("Debian-Security:12/oldstable-security", True),
        ("Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security", True),
        ("UbuntuESMApps:24.04/noble-apps-security", True),
        ("Docker CE:bookworm", False),
        ("Docker CE:bookworm, Debian:12.12/oldstable", True),
        ("localhost", False),
        ("Not Debian:1/x", False),
    ],
)
def test_origins_of_the_distribution(origin: str, own: bool) -> None:
    assert of_distribution(origin, "debian") is own


def test_a_derivative_is_its_own_distribution() -> None:
    assert of_distribution("Devuan:5.0/stable", "devuan")
    assert not of_distribution("Devuan:5.0/stable", "debian")


# -- everywhere the same -----------------------------------------------------------------------


def asked_again() -> str:
    """The document of one fleet, as text."""
    found = pending(KERNEL, upgrade("systemd"), upgrade("docker.io"), uptime_s=None)
    fleet = [(host(console=None, outage=None), look(found)), (WATCHED, look(rpm_ostree()))]
    return json.dumps(document(fleet, NOW))


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_and_locale_give_the_same_bytes(seed: str) -> None:
    code = "from tests.unit.risk.test_score import asked_again; print(asked_again())"
    elsewhere = {"PYTHONHASHSEED": seed, "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=True,
        capture_output=True, text=True, env=os.environ | elsewhere, timeout=120,
    )  # fmt: skip
    assert said.stdout.strip() == asked_again()
