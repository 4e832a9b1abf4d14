"""What if: the same engine asked with one assumption changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.candidates import foresee
from engine.candidates.what_if import SUPPOSITIONS, suppose
from engine.model.candidate import Foresight
from engine.model.facts import Facts
from engine.model.host import Host
from tests.unit.builders import NOW, facts, host, service, upgrade


def would(declared: Host, found: Facts, *ids: str) -> Foresight:
    return foresee(*suppose(declared, found, NOW, ids))


def score(foresight: Foresight) -> int:
    found = foresight.candidate("upgrade")
    assert found is not None
    assert found.risk is not None
    return found.risk.score


DATABASE = facts(upgrade("postgresql-15", security=True), backup_age_s=9 * 86_400)


def test_nothing_supposed_is_as_it_is() -> None:
    assert suppose(host(), DATABASE, NOW, ()) == (host(), DATABASE, NOW)
    assert suppose(host(), DATABASE, NOW, ("failover", "no such")) == (host(), DATABASE, NOW)


def test_every_supposition_is_the_other_way_round_than_it_is() -> None:
    declared = host(redundancy="web", services=(service(),))
    for one in SUPPOSITIONS:
        changed = suppose(declared, DATABASE, NOW, (one.id,))
        assert changed != (declared, DATABASE, NOW), one.id
        assert one.words(declared) != "", one.id
    for one in SUPPOSITIONS:
        if one.id in ("exposed", "console"):
            there, *_ = suppose(declared, DATABASE, NOW, (one.id,))
            back, *_ = suppose(there, DATABASE, NOW, (one.id,))
            assert back == declared
            assert one.words(there) != one.words(declared)


def test_a_backup_makes_acting_safer_and_the_internet_makes_waiting_worse() -> None:
    declared = host(services=(service(),), exposed=False)
    assert score(would(declared, DATABASE, "backup")) <= score(would(declared, DATABASE))
    blocked = [b.id for b in would(declared, DATABASE).candidates[1].blockers]
    eased = [b.id for b in would(declared, DATABASE, "backup").candidates[1].blockers]
    assert set(eased) <= set(blocked)
    inside, outside = (
        would(declared, DATABASE).waiting,
        would(declared, DATABASE, "exposed").waiting,
    )
    assert inside is not None
    assert outside is not None
    assert (inside.due_days, outside.due_days) == (60, 14)


@pytest.mark.parametrize(
    ("outage", "kind"), [("tolerable", "replace"), ("unacceptable", "upgrade")]
)
def test_the_one_day_question_turns_the_advice(outage: str, kind: str) -> None:
    declared = replace(host(), outage=outage)  # type: ignore[arg-type]
    found = facts(upgrade("curl", security=True))
    advice, other = would(declared, found).recommendation, would(declared, found, "outage")
    assert advice is not None
    assert other.recommendation is not None
    assert advice.kind != other.recommendation.kind
    assert other.recommendation.kind == kind
