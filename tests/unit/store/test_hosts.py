"""One active run per host, until the last step there has ended; a bound on who acts at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.store import (
    BoundReachedError,
    DuplicateRunError,
    HostBusyError,
    LeaseHeldError,
    OpenStepError,
)
from engine.store.store import Store
from tests.unit.store.values import EVIDENCE, ME, OTHER, REFUSED, a_run, driven, end, raw, step


def test_a_host_has_one_active_run(store: Store) -> None:
    store.create(a_run("run1", "server1", "server2"))
    with pytest.raises(HostBusyError) as refused:
        store.create(a_run("run2", "server3", "server2"))
    assert (refused.value.host, refused.value.run) == ("server2", "run1")
    assert refused.value.exit_status == 5
    assert store.load("run2") is None
    store.create(a_run("run3", "server3"))  # what was refused holds nothing


def test_the_database_itself_forbids_a_second_active_run_on_a_host(store: Store, url: str) -> None:
    store.create(a_run("run1", "server1"))
    store.create(a_run("run2", "server2"))
    with raw(url) as connection, pytest.raises(REFUSED):
        connection.execute("INSERT INTO run_hosts VALUES ('run2', 'server1', true)")


def test_a_run_that_ended_lets_go_of_its_hosts(store: Store) -> None:
    end(store, "run1", driven(store))
    run = store.load("run1")
    assert run is not None
    assert not run.holds_hosts
    store.create(a_run("run2"))


def test_a_host_is_held_while_a_step_has_no_result(store: Store) -> None:
    epoch = driven(store)
    store.begin_step("run1", ME, epoch, 1, "upgrade")
    ways: tuple[Callable[[], object], ...] = (
        lambda: end(store, "run1", epoch),
        lambda: store.free_hosts("run1", ME, epoch),
    )
    for let_go in ways:
        with pytest.raises(OpenStepError) as refused:
            let_go()
        assert refused.value.steps == ("upgrade",)
    with pytest.raises(HostBusyError):
        store.create(a_run("run2"))
    store.end_step("run1", ME, epoch, 1, state="attention", result=None, evidence=EVIDENCE)
    store.free_hosts("run1", ME, epoch)
    store.create(a_run("run2"))


def test_a_run_in_attention_can_free_its_hosts_and_hold_them_again(store: Store) -> None:
    epoch = driven(store)
    store.save("run1", ME, epoch, state="attention", snapshot={})
    store.free_hosts("run1", ME, epoch)
    run = store.load("run1")
    assert run is not None
    assert (run.state, run.holds_hosts, run.ended_at, run.owner) == ("attention", False, None, ME)
    other = driven(store, "run2", owner=OTHER)
    with pytest.raises(HostBusyError):
        store.hold_hosts("run1", ME, epoch)
    end(store, "run2", other, OTHER)
    store.hold_hosts("run1", ME, epoch)
    with pytest.raises(HostBusyError):
        store.create(a_run("run3"))


def test_a_run_is_recorded_once_however_often_that_is_asked(store: Store) -> None:
    store.create(a_run())
    store.create(a_run())  # the answer to the first was lost
    assert [event.kind for event in store.events("run1")] == ["created"]
    epoch = store.claim("run1", ME, lease_s=60)
    step(store, "run1", epoch, 1)
    other = a_run()
    object.__setattr__(other, "digest", "d2")
    with pytest.raises(DuplicateRunError):
        store.create(other)


def test_no_more_runs_act_at_once_than_may(store: Store) -> None:
    for number in (1, 2, 3):
        store.create(a_run(f"run{number}", f"server{number}"))
    first = store.claim("run1", ME, lease_s=60, bound=2)
    store.claim("run2", ME, lease_s=60, bound=2)
    with pytest.raises(BoundReachedError) as refused:
        store.claim("run3", ME, lease_s=60, bound=2)
    assert refused.value.bound == 2
    run = store.load("run3")
    assert run is not None
    assert (run.owner, run.epoch) == (None, 0)
    store.claim("run2", ME, lease_s=60, bound=2)  # doesn't count itself
    end(store, "run1", first)
    store.claim("run3", ME, lease_s=60, bound=2)


def test_a_run_that_waits_at_a_gate_does_not_count(store: Store) -> None:
    store.create(a_run("run2", "server2"))
    epoch = driven(store)
    store.save("run1", ME, epoch, state="waiting", snapshot={})
    other = store.claim("run2", ME, lease_s=60, bound=1)
    with pytest.raises(BoundReachedError):
        store.act_again("run1", ME, epoch, bound=1)
    end(store, "run2", other)
    store.act_again("run1", ME, epoch, bound=1)
    store.create(a_run("run3", "server3"))
    with pytest.raises(BoundReachedError):
        store.claim("run3", ME, lease_s=60, bound=1)


def test_a_run_that_waits_for_a_place_is_owned_and_does_not_count(store: Store) -> None:
    for number in (2, 3):
        store.create(a_run(f"run{number}", f"server{number}"))
    epoch = driven(store)
    waits = store.claim("run2", OTHER, lease_s=60, bound=1, acting=False)
    store.save("run2", OTHER, waits, state="planned", snapshot={}, acting=False)
    with pytest.raises(LeaseHeldError):
        store.claim("run2", ME, lease_s=60)
    with pytest.raises(BoundReachedError):
        store.act_again("run2", OTHER, waits, bound=1)
    end(store, "run1", epoch)
    third = store.claim("run3", ME, lease_s=60, bound=1)
    end(store, "run3", third)
    store.act_again("run2", OTHER, waits, bound=1)
    store.create(a_run("run4", "server4"))
    with pytest.raises(BoundReachedError):
        store.claim("run4", ME, lease_s=60, bound=1)


def test_a_run_given_back_does_not_count_but_one_whose_owner_died_does(store: Store) -> None:
    store.create(a_run("run2", "server2"))
    epoch = driven(store)
    store.claim("run1", OTHER, lease_s=0, reason="to see it die")
    with pytest.raises(BoundReachedError):  # its jobs may go on
        store.claim("run2", ME, lease_s=60, bound=1)
    epoch = store.claim("run1", ME, lease_s=60)
    store.yield_lease("run1", ME, epoch)
    store.claim("run2", ME, lease_s=60, bound=1)
