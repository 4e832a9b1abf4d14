"""Intent before the effect, result with evidence after it, and neither ever taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.store import ChangedError, StepEnd, open_store
from engine.store.store import Store
from tests.unit.store.values import EVIDENCE, ME, OTHER, REFUSED, driven, raw, step


def test_the_intent_is_on_record_before_the_effect(store: Store, url: str) -> None:
    epoch = driven(store)
    begun = store.begin_step("run1", ME, epoch, 1, "upgrade", {"deadline": "2026-11-23T04:00:00Z"})
    assert (begun.state, begun.attempt, begun.ended) == ("begun", 1, False)
    other = open_store(url)  # as another process sees it
    assert other.steps("run1") == (begun,)
    other.close()


def test_a_step_begun_again_counts_and_keeps_its_first_input(store: Store) -> None:
    epoch = driven(store)
    first = store.begin_step("run1", ME, epoch, 1, "gate", {"deadline": "early"})
    again = store.begin_step("run1", ME, epoch, 1, "gate", {"deadline": "late"})
    assert again == replace(first, attempt=2)


def test_a_step_that_ended_is_returned_and_never_begun_again(store: Store) -> None:
    epoch = driven(store)
    step(store, "run1", epoch, 1)
    taken = store.claim("run1", OTHER, lease_s=60, reason="carry on")
    ended = store.begin_step("run1", OTHER, taken, 1, "step1")
    assert ended.ended
    assert (ended.state, ended.attempt, ended.result) == ("succeeded", 1, {"n": 1})
    assert ended.evidence == EVIDENCE
    assert store.steps("run1") == (ended,)


def test_a_number_that_is_recorded_with_another_name_is_refused(store: Store) -> None:
    epoch = driven(store)
    step(store, "run1", epoch, 1)
    store.begin_step("run1", ME, epoch, 2, "reboot")
    for number in (1, 2):
        with pytest.raises(ChangedError):
            store.begin_step("run1", ME, epoch, number, "verify")


def test_steps_come_with_the_snapshot_that_tells_of_them_or_not_at_all(store: Store) -> None:
    epoch = driven(store)
    mine = ("run1", ME, epoch)
    well = StepEnd("succeeded", {"n": 1}, EVIDENCE)
    store.save(*mine, state="running", snapshot={"at": 1}, begun={1: "upgrade"}, ended={1: well})
    before = store.steps("run1")
    assert [(each.name, each.state, each.result) for each in before] == [
        ("upgrade", "succeeded", {"n": 1})
    ]
    with pytest.raises(ChangedError):
        store.save(
            *mine,
            state="failed",
            snapshot={"at": 2},
            begun={2: "verify"},
            ended={1: replace(well, state="failed")},
        )
    found = store.load("run1")
    assert found is not None
    assert (found.state, found.snapshot) == ("running", {"at": 1})
    assert store.steps("run1") == before


def test_a_step_ends_only_with_evidence(store: Store) -> None:
    epoch = driven(store)
    store.begin_step("run1", ME, epoch, 1, "upgrade")
    with pytest.raises(ValueError, match="evidence"):
        store.end_step("run1", ME, epoch, 1, state="failed", result=None, evidence=())
    with pytest.raises(ValueError, match="evidence"):
        store.end_step("run1", ME, epoch, 1, state="begun", result=None, evidence=EVIDENCE)
    assert not store.steps("run1")[0].ended
    with pytest.raises(ChangedError, match="never begun"):
        store.end_step("run1", ME, epoch, 2, state="failed", result=None, evidence=EVIDENCE)


def test_the_result_of_a_step_is_final(store: Store, url: str) -> None:
    epoch = driven(store)
    store.begin_step("run1", ME, epoch, 1, "upgrade")
    result = {"lines": ("é\x00", 1.5, None)}
    for _ in range(2):  # the answer to the first was lost
        store.end_step("run1", ME, epoch, 1, state="succeeded", result=result, evidence=EVIDENCE)
    ended = store.steps("run1")
    assert ended[0].result == {"lines": ["é\x00", 1.5, None]}
    for state, other, evidence in (
        ("failed", result, EVIDENCE),
        ("succeeded", {"lines": ()}, EVIDENCE),
        ("succeeded", result, ("something else",)),
    ):
        with pytest.raises(ChangedError):
            store.end_step("run1", ME, epoch, 1, state=state, result=other, evidence=evidence)
    with raw(url) as connection, pytest.raises(REFUSED, match="final"):
        connection.execute("UPDATE steps SET state = 'failed'")
    assert store.steps("run1") == ended


def test_only_json_is_kept(store: Store) -> None:
    epoch = driven(store)
    store.begin_step("run1", ME, epoch, 1, "upgrade")
    for result, complaint in ((float("nan"), ValueError), ({1, 2}, TypeError)):
        with pytest.raises(complaint):
            store.end_step(
                "run1", ME, epoch, 1, state="failed", result={"x": result}, evidence=EVIDENCE
            )
    assert not store.steps("run1")[0].ended


@pytest.mark.parametrize("text", ["'; DROP TABLE runs; --", "%s %(x)s :run1 ?", 'ü"\\'])
def test_text_from_outside_is_never_part_of_a_statement(store: Store, text: str) -> None:
    epoch = driven(store, text, text, owner=text)
    store.begin_step(text, text, epoch, 1, text, {text: text})
    store.send(text, text, {text: text}, text)
    message = store.take(text, text, epoch, text, 1)
    assert message is not None
    assert (message.topic, message.body, message.sender) == (text, {text: text}, text)
    run = store.load(text)
    assert run is not None
    assert (run.id, run.hosts, run.owner) == (text, (text,), text)
