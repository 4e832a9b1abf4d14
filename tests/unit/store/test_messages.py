"""Messages to a run, from any hostshift on the store: each is taken by one step."""

from __future__ import annotations

import pytest

from engine.store import NoRunError, RunEndedError, open_store
from engine.store.store import Store
from tests.unit.store.values import ME, OTHER, driven, end


def test_a_gate_is_answered_from_another_hostshift(store: Store, url: str) -> None:
    epoch = driven(store)
    assert store.take("run1", ME, epoch, "gate:3", 3) is None
    other = open_store(url)
    number = other.send("run1", "gate:3", {"answer": "go"}, "operator@laptop")
    other.close()
    message = store.take("run1", ME, epoch, "gate:3", 3)
    assert message is not None
    assert (message.id, message.body) == (number, {"answer": "go"})
    assert (message.sender, message.taken_by) == ("operator@laptop", 3)


def test_a_message_is_taken_once_and_again_only_by_the_same_step(store: Store) -> None:
    epoch = driven(store)
    first = store.send("run1", "gate", {"n": 1}, "someone")
    second = store.send("run1", "gate", {"n": 2}, "someone")
    taken = store.take("run1", ME, epoch, "gate", 1)
    assert taken is not None
    assert taken.id == first
    later = store.claim("run1", OTHER, lease_s=60, reason="the first died before it acted")
    assert store.take("run1", OTHER, later, "gate", 1) == taken
    other = store.take("run1", OTHER, later, "gate", 2)
    assert other is not None
    assert other.id == second
    assert store.take("run1", OTHER, later, "gate", 3) is None


def test_a_message_waits_for_its_topic(store: Store) -> None:
    epoch = driven(store)
    store.send("run1", "stop", {}, "someone")
    assert store.take("run1", ME, epoch, "gate", 1) is None
    assert [m.topic for m in store.peek("run1")] == ["stop"]
    assert store.peek("run1", "gate") == ()
    assert [m.taken_by for m in store.peek("run1", "stop")] == [None]
    store.take("run1", ME, epoch, "stop", 1)
    assert store.peek("run1") == ()
    assert [m.taken_by for m in store.messages("run1")] == [1]


def test_nothing_can_be_asked_of_a_run_that_ended_or_never_was(store: Store) -> None:
    end(store, "run1", driven(store))
    with pytest.raises(RunEndedError):
        store.send("run1", "stop", {}, "someone")
    with pytest.raises(NoRunError):
        store.send("run2", "stop", {}, "someone")
    assert store.messages("run1") == ()
