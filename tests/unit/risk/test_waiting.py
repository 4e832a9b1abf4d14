"""Holes and how soon they are to be closed: the table, the list, the vectors, and the path told."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from importlib import resources

import pytest

from engine.model.candidate import Level
from engine.model.facts import Cve, Facts, Kernel, OperatingSystem, Update
from engine.published import bundled
from engine.risk.waiting import (
    Ages,
    Band,
    ages,
    band,
    band_of,
    is_automatable,
    is_exploited,
    is_total,
    waiting,
)
from tests.unit.builders import NOW, facts, host, packages, upgrade

LOG4SHELL = "CVE-2021-44228"
QUIET = "CVE-2021-44229"
WORST = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"
MILD = "CVSS:3.0/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N"
KNOWN = "known to be exploited (KEV of 2026-08-07)"
TODAY = NOW.date()
OLD_LIST = (
    f"the list of exploited holes is {(TODAY - date(2026, 8, 7)).days} days old: "
    "`hostshift data refresh`"
)
FIX = upgrade("openssl", security=True)


def data(name: str) -> str:
    return resources.files("engine.risk.waiting").joinpath("data", name).read_text("utf-8")


def test_the_table_has_each_case_once_with_its_date_and_licence() -> None:
    table = tomllib.loads(data("bod_26_04.toml"))
    assert len({tuple(row[:4]) for row in table["rows"]}) == len(table["rows"]) == 16
    assert {row[4] for row in table["rows"]} == {0, 3, 14, 60}
    assert (table["date"], table["licence"]) == ("2026-07-20", "MIT (SEI)")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("----", Band(None)),
        ("---t", Band(None)),
        ("--a-", Band(60)),
        ("-e--", Band(60)),
        ("-ea-", Band(14)),
        ("-eat", Band(3)),
        ("k---", Band(14)),
        ("ke--", Band(14)),
        ("kea-", Band(3)),
        ("k-at", Band(3, forensics=True)),
        ("keat", Band(3, forensics=True)),
    ],
)
def test_rows_of_the_table(answers: str, expected: Band) -> None:
    found = band(
        exploited="k" in answers,
        exposed="e" in answers,
        automatable="a" in answers,
        total="t" in answers,
    )
    assert found == expected


def test_the_list_of_exploited_holes() -> None:
    assert sum(map(len, bundled().kev.values())) == 1662
    assert bundled().kev_date == date(2026, 8, 7)
    assert is_exploited(Cve(LOG4SHELL))
    assert is_exploited(Cve("CVE-2004-0210")), "numbers are written with leading zeros"
    for other in (QUIET, "CVE-1999-0001", "", "44228", "cve-2021-44228", f"{LOG4SHELL}\n"):
        assert not is_exploited(Cve(other)), other


def test_what_was_looked_up_wins_over_the_bundled_list() -> None:
    assert is_exploited(Cve(QUIET, exploited=True))
    assert not is_exploited(Cve(LOG4SHELL, exploited=False))


def test_a_hole_that_is_expected_to_be_exploited_counts_as_if_it_were() -> None:
    expected = band_of(Cve(QUIET, WORST, exploited=False, predicted=True), exposed=True)
    assert expected == band_of(Cve(LOG4SHELL, WORST), exposed=True)
    told = waiting(host(exposed=True), facts(FIX), NOW, (Cve(QUIET, WORST, predicted=True),))
    assert "expected to be exploited soon (EPSS)" in told.reasons[0]


@pytest.mark.parametrize(
    ("vector", "automatable", "total"),
    [
        (WORST, True, True),
        (MILD, False, False),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:N", False, True),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:L/A:H", True, False),
        ("CVSS:3.1/A:H/I:H/C:H/S:U/UI:N/PR:N/AC:L/AV:N/E:P", True, True),
        (None, None, None),
        ("", None, None),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", None, None),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None, None),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", None, None),
        ("CVSS:3.1/AV:N/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None, None),
        ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None, None),
    ],
)
def test_vectors(vector: str | None, automatable: bool | None, total: bool | None) -> None:
    assert (is_automatable(vector), is_total(vector)) == (automatable, total)


@pytest.mark.parametrize(("exposed", "days"), [(True, 14), (False, 60)])
def test_a_vector_that_is_not_known_is_as_urgent_as_no_data_at_all(
    exposed: bool, days: int
) -> None:
    assert band_of(Cve(QUIET), exposed=exposed) == Band(days)
    assert waiting(host(exposed=exposed), facts(FIX), NOW).due_days == days


def test_the_path_through_the_tree_is_told_in_its_order() -> None:
    found = facts(FIX)
    told = waiting(host(exposed=True), found, NOW, (Cve(QUIET, MILD), Cve(LOG4SHELL, WORST)))
    assert (told.level, told.due_days) == ("critical", 3)
    assert told.reasons == (
        f"{LOG4SHELL} is the most urgent of 2 holes: {KNOWN}, can be automated, total control",
        "the internet reaches it",
        "within 3 days, and look for signs of a break-in (BOD 26-04)",
    )
    mild = waiting(host(), found, NOW, (Cve(QUIET, MILD),))
    assert (mild.level, mild.due_days) == ("low", None)
    assert mild.reasons == (
        f"{QUIET}: not {KNOWN}, can't be automated, partial control",
        OLD_LIST,
        "the internet doesn't reach it",
        "with the next upgrade (BOD 26-04)",
        "how long the fixes have been out is not known: over 60 days is a step more",
    )


def test_without_data_the_cautious_reading_is_said() -> None:
    told = waiting(host(exposed=None), facts(FIX, upgrade("curl", security=True)), NOW)
    assert told.reasons == (
        "2 security updates of unknown urgency: there are no CVE data",
        "the inventory doesn't say whether the internet reaches it: taken as yes",
        "taken with caution as a hole whose attack can be automated: within 14 days (BOD 26-04)",
        "how long the fixes have been out is not known: over 60 days is a step more",
    )
    # An empty answer about updates that are there is none.
    assert waiting(host(exposed=None), facts(FIX, upgrade("curl", security=True)), NOW, ()) == told


def test_a_kernel_that_waits_is_a_hole_even_where_all_others_are_known() -> None:
    told = waiting(host(), facts(FIX, kernel=Kernel("1", "2")), NOW, (Cve(QUIET, MILD),))
    assert (told.level, told.due_days) == ("moderate", 60)


def ended(days: int) -> OperatingSystem:
    return OperatingSystem("debian", "10", support_ends=TODAY - timedelta(days=days))


@pytest.mark.parametrize(
    ("days", "exposed", "level", "due"),
    [
        (0, False, "moderate", 0),
        (1, False, "high", 14),
        (90, False, "high", 14),
        (91, False, "critical", 3),
        (1, True, "critical", 3),
        (1_000, True, "critical", 3),
    ],
)
def test_an_end_of_support_grows_by_the_quarter(
    days: int, exposed: bool, level: Level, due: int
) -> None:
    told = waiting(host(exposed=exposed), facts(os=ended(days)), NOW)
    assert (told.level, told.due_days) == (level, due)


def out_for(*days: int | None) -> Facts:
    names = [f"tool{i}" for i in range(len(days))]
    published = [None if d is None else TODAY - timedelta(days=d) for d in days]
    updates = tuple(Update(n, None, p) for n, p in zip(names, published, strict=True))
    changes = (upgrade(n, security=True) for n in names)
    return facts(packages=packages(*changes, updates=updates))


@pytest.mark.parametrize(
    ("found", "level", "due", "words"),
    [
        (out_for(60), "moderate", 60, ""),
        (out_for(61), "high", 14, "out for 61 days: more urgent by a step"),
        (out_for(3, 61), "high", 14, "out for 61 days"),
        (out_for(None, 61), "high", 14, "out for 61 days"),
        (out_for(None, 3), "moderate", 60, "is not known: over 60 days is a step more"),
        (out_for(None), "moderate", 60, "is not known: over 60 days is a step more"),
    ],
)
def test_old_fixes_are_more_urgent(found: Facts, level: Level, due: int, words: str) -> None:
    told = waiting(host(), found, NOW)
    assert (told.level, told.due_days) == (level, due)
    assert words in told.reasons[-1]
    assert words or not any("have been out" in reason for reason in told.reasons)


def test_an_age_that_could_change_nothing_is_not_asked_for() -> None:
    told = waiting(host(exposed=True), facts(FIX, os=ended(1)), NOW)
    assert not any("have been out" in reason for reason in told.reasons)


def test_of_several_updates_of_a_source_all_count() -> None:
    days = [date(2026, 11, 20), date(2026, 11, 1), date(2027, 1, 1)]
    found = packages(FIX, updates=tuple(Update("openssl", 1, day) for day in days))
    assert ages({"openssl"}, found, TODAY) == Ages(22, 0, complete=True)
    assert ages({"openssl", "vim"}, found, TODAY) == Ages(22, 0, complete=False)
    assert ages({"vim"}, found, TODAY) == ages({"openssl"}, packages(FIX), TODAY) == Ages()
