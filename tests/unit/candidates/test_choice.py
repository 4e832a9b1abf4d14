"""Which of several candidates, and when: the rules alone, on made-up candidates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from engine.candidates.choice import is_much_safer, least_risky
from engine.candidates.deadline import Timing, timing
from engine.candidates.recommendation import recommend
from engine.model.candidate import (
    Blocker,
    Candidate,
    Effects,
    Kind,
    OutageMinutes,
    Recommendation,
    Risk,
    Waiting,
)
from engine.model.facts import Facts, Update
from engine.model.host import Host
from tests.unit.builders import NOW, facts, host, install, packages, upgrade

TODAY = NOW.date()
FIX = upgrade("openssl", security=True)


def made(
    kind: Kind, score: int | None, number: int = 1, reboot: bool | None = False, **more: object
) -> Candidate:
    risk = None if score is None else Risk(score, "low", OutageMinutes(1, 1))
    changes = tuple(upgrade(f"tool{i}", security=True) for i in range(number))
    found = Candidate(kind, kind, kind, changes, Effects(reboot=reboot), risk=risk)
    return replace(found, **more)  # type: ignore[arg-type]


SNAPSHOT = host(snapshot="./snap.sh", snapshot_restore="./back.sh")


@pytest.mark.parametrize(
    ("declared", "candidates", "kind"),
    [
        (host(), (made("upgrade", 30), made("dist-upgrade", 20)), "dist-upgrade"),
        (host(), (made("upgrade", 30, 2), made("dist-upgrade", 25, 3)), "upgrade"),
        (host(), (made("upgrade", 36, 2), made("dist-upgrade", 25, 3)), "dist-upgrade"),
        (host(), (made("upgrade", 25), made("deploy-upgrade", 35, 9)), "deploy-upgrade"),
        (host(), (made("upgrade", 25), made("deploy-upgrade", 40, 1)), "upgrade"),
        (SNAPSHOT, (made("upgrade", 25), made("deploy-upgrade", 35, 9)), "upgrade"),
        (SNAPSHOT, (made("reboot", 25), made("upgrade", 35, 9)), "upgrade"),
        (host(), (made("dist-upgrade", 25, 2, True), made("upgrade", 30, 2)), "upgrade"),
        (host(), (made("dist-upgrade", 25, 2, None), made("upgrade", 30, 2)), "upgrade"),
        (host(), (made("dist-upgrade", 25, 2), made("upgrade", None, 1)), "dist-upgrade"),
        (host(), (made("upgrade", 25), made("dist-upgrade", 25)), "upgrade"),
    ],
)
def test_the_least_risky(declared: Host, candidates: tuple[Candidate, ...], kind: Kind) -> None:
    assert least_risky(declared, candidates).kind == kind


def test_much_safer_is_more_than_a_near_tie() -> None:
    best = made("upgrade", 50)
    assert is_much_safer(made("replace", 39), best)
    assert not is_much_safer(made("replace", 40), best)
    assert not is_much_safer(made("replace", 0, blockers=(Blocker("a", "b", "c"),)), best)
    assert not is_much_safer(None, best)
    assert not is_much_safer(made("replace", 0), made("upgrade", None))
    assert not is_much_safer(made("replace", None), best)


def advised(declared: Host, replacing: int, due: int | None = 14) -> Recommendation:
    waits = Waiting("critical" if due == 3 else "high", due, ("something",))
    candidates = (
        made("none", 0),
        made("upgrade", 60, 2),
        made("dist-upgrade", 60, 2),
        made("reboot", 50),
        made("replace", replacing),
    )
    return recommend(declared, facts(FIX), candidates, waits, NOW)


@pytest.mark.parametrize(
    ("declared", "replacing", "due", "kind"),
    [
        (host(outage="costly"), 45, 14, "replace"),
        (host(outage=None), 45, 14, "replace"),
        (host(outage="costly"), 50, 14, "upgrade"),  # a near tie doesn't earn the work
        (host(outage="costly"), 45, 3, "upgrade"),  # no time to build one
        (host(outage="tolerable"), 45, 14, "upgrade"),
    ],
)
def test_a_successor_is_advised_where_it_is_much_safer(
    declared: Host, replacing: int, due: int, kind: Kind
) -> None:
    answer = advised(declared, replacing, due)
    assert answer.kind == kind
    if kind == "replace":
        assert "(45 against 60)" in answer.why[0]


@pytest.mark.parametrize("tried", [date(2026, 11, 20), None])
def test_where_others_stand_in_a_successor_that_lacks_nothing_is_still_better(
    tried: date | None,
) -> None:
    declared = host(outage="unacceptable", redundancy="web", failover_tested=tried)
    answer = advised(declared, 90)
    assert answer.kind == "replace"
    assert any(reason.startswith("One host of web at a time") for reason in answer.why)
    assert any("would do too" in reason for reason in answer.why) == (tried is not None)


# -- when --------------------------------------------------------------------------------------


def out_for(**days: int) -> Facts:
    updates = (Update(name, None, TODAY - timedelta(days=d)) for name, d in days.items())
    changes = (upgrade(name, security=True) for name in days)
    return facts(packages=packages(*changes, updates=tuple(updates)))


def when(found: Facts, due: int | None, kind: Kind = "upgrade") -> Timing:
    assert found.packages is not None
    transaction = found.packages.transaction("upgrade")
    assert transaction is not None
    candidate = made(kind, 20, changes=transaction.changes)
    waits = Waiting("critical" if due == 3 else "low", due, ("",))
    return timing(host(), found.packages, candidate, waits, TODAY)


@pytest.mark.parametrize(
    ("found", "due", "left"),
    [
        (out_for(vim=0), 60, 7),
        (out_for(vim=0), None, 7),
        (out_for(vim=6), 60, 1),
        (out_for(vim=7), 60, None),
        (out_for(vim=0), 14, 7),
        (out_for(vim=0), 3, None),
        (out_for(systemd=0), 60, 14),
        (out_for(systemd=10), 60, 4),
        (out_for(systemd=0), 14, 7),  # no room for more
        (out_for(vim=2, curl=30), 60, 5),
        (out_for(vim=0, curl=8), 14, None),  # the older one would miss its deadline
        (out_for(vim=0, curl=7), 14, 7),
    ],
)
def test_a_cool_down_within_the_deadline(found: Facts, due: int | None, left: int | None) -> None:
    until = when(found, due).rests_until
    assert until == (None if left is None else TODAY + timedelta(days=left))


def test_of_an_age_that_is_known_in_part_only_the_young_part_counts() -> None:
    new = Update("vim", None, TODAY)
    old = Update("vim", None, TODAY - timedelta(days=20))
    both = (upgrade("vim"), install("curl"))
    assert when(facts(packages=packages(*both, updates=(new,))), 60).rests_until is not None
    asked = when(facts(packages=packages(*both, updates=(old,))), 60)
    assert asked.rests_until is None
    assert "isn't known" in asked.why[0]


def test_an_age_that_nobody_knows_is_said_and_kept_from_nobody() -> None:
    assert "isn't known, so whether they have rested" in when(facts(FIX), 14).why[0]
    assert when(facts(FIX), None) == when(facts(FIX), 2) == Timing(None, ())
    assert "5 days at most leave room for a cool-down of up to 5 days" in when(facts(FIX), 5).why[0]
    assert when(facts(FIX), 60, kind="reboot") == Timing(None, ())
