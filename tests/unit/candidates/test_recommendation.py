"""The doctrine as a table of hosts: what would be done, and a word of why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from engine.candidates import foresee
from engine.model.candidate import Recommendation
from engine.model.facts import (
    Facts,
    Filesystem,
    HostLock,
    Kernel,
    LockHolder,
    OperatingSystem,
    Packages,
    Reboot,
    Update,
)
from engine.model.host import Host
from tests.unit.builders import (
    NOW,
    container,
    deployment,
    facts,
    host,
    install,
    light,
    packages,
    remove,
    replaceable,
    rpm_ostree,
    upgrade,
)

DAY = 86_400
FIX = upgrade("openssl", security=True)
DUE = Reboot(True, ("kernel 6.1.0-41 is installed",))
INTERRUPTED = packages(FIX, interrupted=True)
HELD = packages(upgradable=1, security=1, held=("openssl",))
RUN = HostLock("r1", "server1", "upgrade", "upgrade", "eve", NOW, "d", None, True, None, 1)
LISTLESS = Packages(held=(), broken=(), interrupted=False)
NEEDS_DIST = packages(upgrade("vim"), dist=(upgrade("bind9", security=True), remove("old")))
ENDED = OperatingSystem(id="debian", pretty_name="Debian 10", support_ends=date(2024, 6, 30))
UNACCEPTABLE = host(outage="unacceptable")
DATABASE = upgrade("postgresql-15", security=True)
OPEN = Kernel("6.1.0-40", "6.1.0-41")
SOON = OperatingSystem(id="debian", pretty_name="Debian 12", support_ends=date(2026, 12, 1))
TOMORROW = date(2026, 11, 24)


def redundant(tried_days: int) -> Host:
    tried = NOW.date() - timedelta(days=tried_days)
    return host(outage="unacceptable", redundancy="web", failover_tested=tried)


def out_for(days: int) -> Facts:
    published = NOW.date() - timedelta(days=days)
    return facts(packages=packages(FIX, updates=(Update("openssl", 1, published),)))


def recommended(declared: Host, found: Facts) -> Recommendation:
    answer = foresee(declared, found, NOW).recommendation
    assert answer is not None
    return answer


Row = tuple[str, Host, Facts, str, str]
TABLE: list[Row] = [
    ("clean", host(), facts(), "none", "Nothing is pending"),
    ("fixes", host(), facts(FIX), "upgrade", "brings 1 security fix at the least risk"),
    ("no fixes", host(), facts(upgrade("vim")), "upgrade", "can wait for the next quiet hour"),
    ("not answered", host(outage=None), facts(FIX), "upgrade", "counts as costly"),
    ("light", host(), light(), "upgrade", "only a light look"),
    ("containers", host(), facts(upgrade("docker.io", security=True), containers=(container(),)),
     "upgrade", "stops 1 running container (web)"),
    ("kernel", host(), facts(install("linux-image-6.1.0-41-amd64", security=True)),
     "upgrade", "wants a reboot afterwards"),
    ("old lists, fixes", host(), facts(FIX, lists_age_s=3 * DAY), "upgrade",
     "Refresh first: the package lists are 3 days old"),
    ("old lists, clean", host(), facts(lists_age_s=DAY + 1), "none",
     "Refresh first: the package lists are 1 day old"),
    ("no lists", host(), facts(lists_age_s=None), "none", "Refresh first"),
    ("no lists, light", host(), light(packages=LISTLESS, lists_age_s=None), "none",
     "Refresh first: There are no package lists"),
    ("no lists, full", host(), facts(packages=LISTLESS, lists_age_s=None), "none",
     "Refresh first: There are no package lists"),
    ("no list of security fixes", host(), facts(packages=packages(security=None)), "none",
     "Refresh first: the list of a security archive"),
    ("no list of security fixes, others", host(),
     facts(packages=packages(upgrade("vim"), security=None)), "upgrade",
     "Whether security fixes are pending isn't known"),
    ("reboot only", host(), facts(reboot=DUE), "reboot", "kernel 6.1.0-41 is installed"),
    ("reboot and fixes", host(), facts(FIX, reboot=DUE), "upgrade", "1 security fix"),
    ("left behind", host(), facts(packages=NEEDS_DIST), "dist-upgrade",
     "leave security fixes behind (bind9)"),
    ("left behind, dist-upgrade blocked", host(exclude=("bind9",)), facts(packages=NEEDS_DIST),
     "upgrade", "none of which it brings"),
    ("left, not for security", host(), facts(packages=packages(dist=(upgrade("vim"),))), "none",
     "1 kept back"),
    ("held", host(), facts(packages=HELD), "none", "1 held"),
    ("held and others", host(),
     facts(packages=packages(upgrade("vim"), security=1, held=("openssl",))), "upgrade",
     "none of which it brings"),
    ("interrupted", host(), facts(packages=INTERRUPTED), "none", "Repair first: dpkg was"),
    ("interrupted, nothing pending", host(), facts(packages=packages(interrupted=True)), "none",
     "Repair first"),
    ("dpkg at work", host(), facts(packages=INTERRUPTED, dpkg_lock=LockHolder(7, "apt-get")),
     "none", "Wait for it: dpkg is busy: apt-get"),
    ("no room", host(), facts(FIX, filesystems=(Filesystem("/", 1),)), "none", "In the way: /"),
    ("no root", host(), facts(FIX, privileged=False), "none", "In the way: hostshift is not root"),
    ("excluded", host(exclude=("openssl",)), facts(FIX), "none", "In the way: The set holds"),
    ("retiring", host(retiring=True), facts(FIX), "none", "retiring"),
    ("cluster", UNACCEPTABLE, facts(FIX, kubernetes_node=True), "none", "Kubernetes"),
    ("somebody's run", UNACCEPTABLE, facts(FIX, lock=RUN), "none", "eve is at work"),
    ("gate", UNACCEPTABLE, facts(FIX), "replace", "the running server is not touched"),
    ("gate, lacks", UNACCEPTABLE, facts(FIX), "replace", "a script that provisions a successor"),
    ("gate, meanwhile", host(outage="unacceptable", exposed=True), facts(FIX), "replace",
     "limit who can reach it"),
    ("gate, complete", replaceable(outage="unacceptable"), facts(FIX), "replace",
     "carry it out up to the question before the cutover"),
    ("gate, not complete", UNACCEPTABLE, facts(FIX), "replace", "prepare the deploy and restore"),
    ("gate, light", UNACCEPTABLE, light(), "replace", "2 security fixes still missing"),
    ("gate, broken", UNACCEPTABLE, facts(packages=INTERRUPTED), "none", "Repair first: dpkg was"),
    ("gate, broken, afterwards", UNACCEPTABLE, facts(packages=INTERRUPTED), "none", "Then replace"),
    ("gate, at work", UNACCEPTABLE, facts(packages=INTERRUPTED, dpkg_lock=LockHolder(7, "apt-get")),
     "replace", "the running server is not touched"),
    ("gate, alone", UNACCEPTABLE, facts(FIX), "replace", "hosts that stand in for it"),
    ("gate, never tried", host(outage="unacceptable", redundancy="web"), facts(FIX), "replace",
     "a failover of web tried lately"),
    ("gate, tried long ago", redundant(31), facts(FIX), "replace", "a failover of web tried"),
    ("gate, urgent", host(outage="unacceptable", exposed=True), facts(FIX, os=ENDED), "replace",
     "limit who can reach it today, look for signs of a break-in"),
    ("stands in", redundant(30), facts(FIX), "upgrade", "its failover was tried 30 days ago"),
    ("stands in, one by one", redundant(1), facts(FIX), "upgrade", "One host of web at a time"),
    ("stands in, broken", redundant(1), facts(packages=INTERRUPTED), "none", "Then upgrade"),
    ("one by one", host(redundancy="web"), facts(FIX), "upgrade", "One host of web at a time"),
    ("no time", host(exposed=True), facts(FIX, os=ENDED), "upgrade",
     "Now, without a cool-down: 3 days at most. Look for signs of a break-in"),
    ("support ends tomorrow", host(), facts(FIX, os=replace(SOON, support_ends=TOMORROW)),
     "upgrade", "The price of doing nothing: moderate, 1 day at most"),
    ("14 days", host(exposed=True), facts(FIX), "upgrade", "a cool-down of up to 7 days; how long"),
    ("60 days", host(window="Sun 02:00-05:00"), facts(FIX), "upgrade",
     "a cool-down of 7 to 14 days and the next window (Sun 02:00-05:00); how long"),
    ("too new", host(), out_for(3), "none", "let it rest until 2026-11-27"),
    ("too new, then", host(), out_for(3), "none", "From 2026-11-27 on, upgrade: It brings 1"),
    ("too new, no time", host(exposed=True), replace(out_for(3), os=ENDED), "upgrade", "Now,"),
    ("rested", host(), out_for(7), "upgrade", "Cool-down is over: the newest of these updates"),
    ("old backup", host(), facts(DATABASE, backup_age_s=DAY + 1), "none",
     "If a backup younger than a day existed: upgrade in place"),
    ("young backup", host(), facts(DATABASE, backup_age_s=DAY), "upgrade", "1 security fix"),
    ("backup not known", host(), facts(DATABASE), "upgrade",
     "Back up first: postgresql-15 may change how data lie on disk, and how old"),
    ("old backup, no database", host(), facts(FIX, backup_age_s=9 * DAY), "upgrade", "1 security"),
    ("open kernel", host(), facts(kernel=OPEN), "reboot", "until a reboot what the new one closes"),
    ("open kernel, others", host(), facts(upgrade("vim"), kernel=OPEN), "reboot", "Kernel 6.1.0"),
    ("open kernel, others, light", host(),
     light(packages=Packages(upgradable=5, security=0, interrupted=False), kernel=OPEN), "reboot",
     "Kernel 6.1.0-41"),
    ("open kernel, broken", host(), facts(packages=INTERRUPTED, kernel=OPEN), "none", "Repair"),
    ("open kernel, fixes", host(), facts(FIX, kernel=OPEN), "upgrade", "A reboot is due too."),
    ("tolerable", host(), facts(FIX), "upgrade", "a day's outage that is unacceptable; then"),
    ("not exposed?", host(exposed=None), facts(FIX), "upgrade", "there may be more time"),
    ("price", host(exposed=True), facts(FIX, os=ENDED), "upgrade",
     "The price of doing nothing: critical, 3 days at most (no more fixes come; 1 security update"),
    ("no price", host(), facts(), "none", "The price of doing nothing: low (nothing that is known"),
    ("gate, no root", UNACCEPTABLE, facts(FIX, privileged=False), "replace", "unacceptable"),
    ("gate, reboot", UNACCEPTABLE, facts(reboot=DUE), "replace", "unacceptable"),
    ("gate, nothing known", UNACCEPTABLE, facts(family="unknown", packages=None), "replace",
     "unacceptable"),
    ("gate, nothing pending", UNACCEPTABLE, facts(), "none", "Nothing is pending"),
    ("unsupported", host(), facts(os=ENDED), "replace", "no security fixes since 2024-06-30"),
    ("unsupported, fixes left", host(), facts(FIX, os=ENDED), "upgrade",
     "no security fixes since 2024-06-30"),
    ("some held", host(), facts(packages=packages(FIX, security=3, held=("a", "b"))), "upgrade",
     "2 more it doesn't bring"),
    ("a kernel is one fix", host(),
     facts(upgrade("linux-image-amd64", security=True),
           install("linux-image-6.1.0-41-amd64", security=True)), "upgrade", "1 security fix "),
    ("after the repair", host(), facts(packages=INTERRUPTED), "none", "Then upgrade: It"),
    ("deployment waits", host(), rpm_ostree(deployment(0, staged=True), deployment(1, booted=True)),
     "deploy-finalize", "waits for a reboot"),
    ("deployment is locked", host(),
     rpm_ostree(deployment(0, staged=True, locked=True), deployment(1, booted=True)), "none",
     "In the way"),
    ("deployments rest", host(), rpm_ostree(), "none", "rpm-ostree upgrade --check"),
    ("deployments unread", host(), facts(family="rpm-ostree", packages=None), "none",
     "isn't known"),
    ("unknown", host(), facts(family="unknown", packages=None), "none", "isn't known"),
    ("unknown, reboot due", host(), facts(family="unknown", packages=None, reboot=DUE), "reboot",
     "6.1.0-41"),
    ("number not known", host(), light(packages=Packages(interrupted=False)), "upgrade",
     "isn't known"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "found", "kind", "word"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_the_doctrine(declared: Host, found: Facts, kind: str, word: str) -> None:
    answer = recommended(declared, found)
    assert answer.kind == kind, answer.why
    assert word in "\n".join(answer.why)


def test_a_complete_inventory_is_not_said_to_lack_anything() -> None:
    answer = recommended(replaceable(outage="unacceptable"), facts(FIX))
    assert "Still missing" not in "\n".join(answer.why)


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_the_price_of_doing_nothing_stands_beside_every_advice(row: Row) -> None:
    assert recommended(row[1], row[2]).why[-1].startswith("The price of doing nothing: ")


def test_support_that_ends_soon_is_no_sign_of_a_break_in() -> None:
    ends = facts(FIX, os=replace(SOON, support_ends=TOMORROW))
    assert "break-in" not in "\n".join(recommended(host(exposed=True), ends).why)


def test_an_answered_question_is_not_asked_again() -> None:
    assert "counts as costly" not in "\n".join(recommended(host(), facts(FIX)).why)


# -- waiting -----------------------------------------------------------------------------------

JUST_ENDED = OperatingSystem(id="debian", pretty_name="D", support_ends=date(2026, 11, 22))


@pytest.mark.parametrize(
    ("declared", "found", "level", "due", "word"),
    [
        (host(), facts(), "low", None, "nothing"),
        (host(), facts(upgrade("vim")), "low", None, "none for security"),
        (host(), facts(FIX), "moderate", 60, "1 security update of unknown urgency"),
        (host(exposed=True), facts(FIX), "high", 14, "within 14 days (BOD 26-04)"),
        (host(exposed=None), facts(FIX), "high", 14, "taken as yes"),
        (host(), facts(os=JUST_ENDED), "high", 14, "a plan within 14 days"),
        (host(), facts(FIX, os=JUST_ENDED), "high", 14, "no security support since 2026-11-22"),
        (host(), facts(os=ENDED), "critical", 3, "for 9 quarters already: act now"),
        (host(exposed=True), facts(os=ENDED), "critical", 3, "no security support"),
        (host(), facts(os=SOON), "moderate", 8, "ends on 2026-12-01"),
        (host(), facts(kernel=OPEN), "moderate", 60, "what it closes counts as open"),
        (host(exposed=True), facts(kernel=OPEN), "high", 14, "6.1.0-41 waits for a reboot"),
        (host(), facts(reboot=DUE), "moderate", None, "a reboot is due"),
        (host(), facts(packages=packages(interrupted=True)), "moderate", None, "half-way"),
        (host(), facts(lists_age_s=2 * DAY), "low", None, "2 days old"),
        (host(), facts(lists_age_s=8 * DAY), "moderate", None, "8 days old"),
        (host(), facts(lists_age_s=None), "moderate", None, "not known"),
        (host(), facts(packages=packages(security=None)), "moderate", 60, "not known"),
        (host(), facts(family="unknown", packages=None), "moderate", 60, "not known"),
        (host(), rpm_ostree(), "low", None, "nothing"),
        (host(), rpm_ostree(deployment(0), deployment(1, booted=True)), "moderate", 60,
         "43.0 is deployed and waits for a reboot"),
        (host(), rpm_ostree(deployment(1), deployment(0, booted=True)), "low", None, "nothing"),
        (host(), facts(packages=packages(esm=("a", "b"))), "moderate", None, "2 security fixes"),
        (host(exposed=True), rpm_ostree(deployment(0, booted=True, end_of_life="gone")),
         "critical", 3, "end of life: gone"),
    ],
)  # fmt: skip
def test_waiting(declared: Host, found: Facts, level: str, due: int | None, word: str) -> None:
    waits = foresee(declared, found, NOW).waiting
    assert waits is not None
    assert (waits.level, waits.due_days) == (level, due), waits.reasons
    assert word in "\n".join(waits.reasons)


@pytest.mark.parametrize("declared", [host(), UNACCEPTABLE, host(outage=None)])
def test_both_depths_advise_the_same_without_lists(declared: Host) -> None:
    full = facts(packages=LISTLESS, lists_age_s=None)
    quick = light(packages=LISTLESS, lists_age_s=None)
    assert recommended(declared, quick) == recommended(declared, full)


def test_the_day_of_the_end_of_support_is_still_supported() -> None:
    today = OperatingSystem(id="debian", support_ends=NOW.date())
    waits = foresee(host(), facts(os=today), NOW).waiting
    assert waits is not None
    assert (waits.level, waits.due_days) == ("moderate", 0)
