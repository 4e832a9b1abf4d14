"""Laws of the risk of waiting, over made-up hosts: nothing that is worse ever gives more time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.candidate import Waiting
from engine.model.facts import Cve, Facts, Kernel, OperatingSystem, Packages, Reboot, Update
from engine.model.host import Host
from engine.risk.waiting import band, waiting
from tests.unit.builders import NOW, facts, host, packages, upgrade

CALM = settings(deadline=None, max_examples=120)
TODAY = NOW.date()
LEVELS = ("low", "moderate", "high", "critical")
EXPLOITED, QUIET = "CVE-2021-44228", "CVE-2021-44229"
MILD = {"AV": "L", "AC": "H", "PR": "L", "UI": "R", "S": "U", "C": "L", "I": "L", "A": "N"}
AUTOMATABLE = {"AV": "N", "AC": "L", "PR": "N", "UI": "N"}
TOTAL = {"C": "H", "I": "H"}

maybe: Any = st.none()
days = st.integers(0, 200)


def vector(*worse: dict[str, str]) -> str:
    metrics = dict(MILD)
    for some in worse:
        metrics |= some
    return "/".join(("CVSS:3.1", *(f"{name}:{value}" for name, value in metrics.items())))


VECTORS = (None, vector(), vector(AUTOMATABLE), vector(TOTAL), vector(AUTOMATABLE, TOTAL))
cves = st.lists(
    st.builds(
        Cve, st.sampled_from((EXPLOITED, QUIET, "CVE-2026-1", "?")), st.sampled_from(VECTORS)
    ),
    max_size=6,
).map(tuple)
exposures = st.sampled_from((True, False, None))


@st.composite
def looks(draw: st.DrawFn) -> Facts:
    names = [f"tool{i}" for i in range(draw(st.integers(0, 4)))]
    ages = {name: draw(maybe | days) for name in names}
    some: Packages | None = packages(
        *(upgrade(name, security=draw(st.booleans())) for name in names),
        esm=draw(st.sampled_from((None, (), ("a",)))),
        interrupted=draw(st.sampled_from((True, False, None))),
        updates=tuple(
            Update(name, None, None if age is None else TODAY - timedelta(days=age))
            for name, age in ages.items()
        ),
    )
    if some is not None and draw(st.booleans()):
        some = replace(some, security=draw(maybe | st.integers(0, 3)))
    return facts(
        packages=draw(st.sampled_from((some, some, some, None))),
        kernel=draw(st.sampled_from((Kernel(), Kernel("1", "1"), Kernel("1", "2")))),
        reboot=Reboot(draw(st.sampled_from((True, False, None)))),
        lists_age_s=draw(maybe | st.integers(0, 2_000_000)),
        os=OperatingSystem(
            "debian", support_ends=draw(maybe | days.map(lambda d: TODAY + timedelta(days=d)))
        ),
    )


def days_left(found: Waiting) -> float:
    return float("inf") if found.due_days is None else found.due_days


def is_worse_or_same(one: Waiting, other: Waiting) -> bool:
    higher = LEVELS.index(one.level) >= LEVELS.index(other.level)
    return higher and days_left(one) <= days_left(other)


def test_no_answer_of_the_table_that_is_worse_gives_more_time() -> None:
    for answers in product((False, True), repeat=4):
        names = ("exploited", "exposed", "automatable", "total")
        asked = dict(zip(names, answers, strict=True))
        for name in names:
            better, worse = band(**{**asked, name: False}), band(**{**asked, name: True})
            assert worse.urgency >= better.urgency, (asked, name)


@CALM
@given(looks(), cves, exposures, st.sampled_from((EXPLOITED, QUIET)), st.booleans(), st.booleans())
def test_a_worse_hole_never_gives_more_time(
    found: Facts, others: tuple[Cve, ...], exposed: bool | None, name: str, auto: bool, total: bool
) -> None:
    def asked(cve_id: str, *, auto: bool, total: bool) -> Waiting:
        text = vector(*([AUTOMATABLE] if auto else []), *([TOTAL] if total else []))
        return waiting(host(exposed=exposed), found, NOW, (*others, Cve(cve_id, text)))

    whole = asked(name, auto=auto, total=total)
    assert is_worse_or_same(asked(EXPLOITED, auto=auto, total=total), whole)
    assert is_worse_or_same(asked(name, auto=True, total=total), whole)
    assert is_worse_or_same(asked(name, auto=auto, total=True), whole)


@CALM
@given(looks(), cves, st.sampled_from(VECTORS))
def test_one_hole_more_never_gives_more_time(
    found: Facts, some: tuple[Cve, ...], text: str | None
) -> None:
    if not some:
        return
    more = waiting(host(), found, NOW, (*some, Cve("CVE-2026-2", text)))
    assert is_worse_or_same(more, waiting(host(), found, NOW, some))


@CALM
@given(looks(), maybe | cves)
def test_exposed_never_gives_more_time_and_not_known_counts_as_exposed(
    found: Facts, some: tuple[Cve, ...] | None
) -> None:
    inner, outer, unknown = (
        waiting(host(exposed=exposed), found, NOW, some) for exposed in (False, True, None)
    )
    assert is_worse_or_same(outer, inner)
    assert (unknown.level, unknown.due_days) == (outer.level, outer.due_days)


@CALM
@given(looks(), maybe | cves, exposures, st.integers(1, 800))
def test_an_end_of_support_raises_by_a_step(
    found: Facts, some: tuple[Cve, ...] | None, exposed: bool | None, past: int
) -> None:
    def asked(ends_in: int) -> Waiting:
        system = replace(found.os, support_ends=TODAY + timedelta(days=ends_in))
        return waiting(host(exposed=exposed), replace(found, os=system), NOW, some)

    before, after, later = asked(0), asked(-past), asked(-past - 91)
    assert LEVELS.index(after.level) >= min(3, LEVELS.index(before.level) + 1)
    assert LEVELS.index(later.level) >= min(3, LEVELS.index(after.level) + 1)
    assert days_left(after) <= 14


@CALM
@given(looks(), maybe | cves, st.integers(0, 100))
def test_older_fixes_never_give_more_time(
    found: Facts, some: tuple[Cve, ...] | None, more: int
) -> None:
    if found.packages is None:
        return
    older = tuple(
        replace(u, published=u.published and u.published - timedelta(days=more))
        for u in found.packages.updates
    )
    aged = replace(found, packages=replace(found.packages, updates=older))
    assert is_worse_or_same(waiting(host(), aged, NOW, some), waiting(host(), found, NOW, some))


@CALM
@given(
    looks(), cves.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))), exposures
)
def test_the_order_is_of_no_account(
    found: Facts, some: tuple[tuple[Cve, ...], list[Cve]], exposed: bool | None
) -> None:
    def turned(whole: Facts) -> Facts:
        seen = whole.packages
        if seen is None:
            return whole
        transactions = tuple(
            replace(t, changes=t.changes[::-1]) for t in reversed(seen.transactions or ())
        )
        seen = replace(seen, updates=seen.updates[::-1], transactions=transactions)
        return replace(whole, packages=seen)

    declared: Host = host(exposed=exposed)
    assert waiting(declared, found, NOW, some[0]) == waiting(declared, turned(found), NOW, some[1])


@CALM
@given(looks(), maybe | cves, exposures)
def test_the_path_is_told_and_each_reason_once(
    found: Facts, some: tuple[Cve, ...] | None, exposed: bool | None
) -> None:
    told = waiting(host(exposed=exposed), found, NOW, some)
    assert told.reasons
    assert len(set(told.reasons)) == len(told.reasons)
    if told.due_days is not None and told.level != "moderate":
        assert told.due_days <= {"low": 0, "high": 14, "critical": 3}[told.level]
