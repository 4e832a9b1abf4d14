"""Leases with a heartbeat; every write fenced by owner and epoch; taking over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from engine.store import (
    LeaseHeldError,
    LostRunError,
    NoRunError,
    RunEndedError,
    StoredRun,
    open_store,
)
from engine.store.database import Database, Moment
from engine.store.store import Store
from tests.lab.processes import wait_until
from tests.unit.store.values import BEGAN, EVIDENCE, ME, OTHER, Machine, a_run, driven, end, step

WRITES: dict[str, Callable[[Store, str, int], object]] = {
    "beat": lambda s, owner, epoch: s.beat("run1", owner, epoch, lease_s=60),
    "yield_lease": lambda s, owner, epoch: s.yield_lease("run1", owner, epoch),
    "act_again": lambda s, owner, epoch: s.act_again("run1", owner, epoch, bound=9),
    "save": lambda s, owner, epoch: s.save("run1", owner, epoch, state="running", snapshot={}),
    "begin_step": lambda s, owner, epoch: s.begin_step("run1", owner, epoch, 2, "step2"),
    "end_step": lambda s, owner, epoch: s.end_step(
        "run1", owner, epoch, 1, state="succeeded", result=None, evidence=EVIDENCE
    ),
    "take": lambda s, owner, epoch: s.take("run1", owner, epoch, "stop", 1),
    "free_hosts": lambda s, owner, epoch: s.free_hosts("run1", owner, epoch),
    "hold_hosts": lambda s, owner, epoch: s.hold_hosts("run1", owner, epoch),
    "finish": lambda s, owner, epoch: s.finish(
        "run1", owner, epoch, state="succeeded", snapshot={}
    ),
}


def _run(store: Store) -> StoredRun:
    run = store.load("run1")
    assert run is not None
    return run


@pytest.mark.parametrize("why", ["taken over", "another owner", "an older epoch", "ended"])
def test_who_lost_the_run_can_write_nothing(store: Store, why: str) -> None:
    owner, epoch = ME, driven(store)
    store.begin_step("run1", ME, epoch, 1, "step1")
    store.send("run1", "stop", {}, "someone")
    writes = dict(WRITES)
    match why:
        case "taken over":
            store.claim("run1", OTHER, lease_s=60, reason="the laptop is lost")
        case "another owner":
            owner = OTHER
        case "an older epoch":
            store.claim("run1", ME, lease_s=60)
        case _:
            store.end_step("run1", ME, epoch, 1, state="failed", result=None, evidence=EVIDENCE)
            store.finish("run1", ME, epoch, state="failed", snapshot={})
            del writes["yield_lease"]  # there is nothing to give back, and that is all right
    before = (_run(store), store.steps("run1"), store.events("run1"), store.messages("run1"))
    for name, write in writes.items():
        with pytest.raises(LostRunError) as lost:
            write(store, owner, epoch)
        assert lost.value.owner == before[0].owner, name
        after = (_run(store), store.steps("run1"), store.events("run1"), store.messages("run1"))
        assert after == before, name


def test_an_owner_who_is_alive_keeps_the_run(store: Store) -> None:
    epoch = driven(store)
    assert epoch == 1
    with pytest.raises(LeaseHeldError) as held:
        store.claim("run1", OTHER, lease_s=60)
    run = _run(store)
    assert (held.value.owner, held.value.until) == (ME, run.lease_until)
    assert (run.owner, run.epoch, run.lease_alive) == (ME, 1, True)


def test_a_lease_that_ran_out_can_be_taken_and_raises_the_epoch(store: Store) -> None:
    epoch = driven(store)
    store.beat("run1", ME, epoch, lease_s=0)
    assert not _run(store).lease_alive
    assert store.claim("run1", OTHER, lease_s=60) == epoch + 1
    event = store.events("run1")[-1]
    assert (event.kind, event.by) == ("claimed", OTHER)
    assert event.body == {"epoch": epoch + 1, "from": ME, "lease_alive": False}


def test_taking_over_by_name_needs_a_reason_and_is_recorded(store: Store) -> None:
    epoch = driven(store)
    taken = store.claim("run1", OTHER, lease_s=60, reason="the laptop\x1b[2J is lost")
    assert taken == epoch + 1
    event = store.events("run1")[-1]
    assert (event.kind, event.by) == ("taken-over", OTHER)
    assert event.body == {
        "epoch": taken,
        "from": ME,
        "lease_alive": True,
        "reason": "the laptop is lost",
    }
    step(store, "run1", taken, 1, OTHER)  # the new one drives on


def test_a_heartbeat_keeps_the_lease_alive_on_the_stores_clock(
    store: Store, machine: Machine
) -> None:
    def over() -> bool:
        machine.advance(0.01)  # PostgreSQL's clock goes by itself
        return not _run(store).lease_alive

    epoch = driven(store)
    store.beat("run1", ME, epoch, lease_s=0.05)
    wait_until(over, "the end of the lease", every=0.01)
    store.beat("run1", ME, epoch, lease_s=60)
    run = _run(store)
    assert run.lease_alive
    assert run.lease_until is not None
    assert timedelta(seconds=50) < run.lease_until - store.now() <= timedelta(seconds=60)


def test_a_heartbeat_in_the_middle_of_a_look_is_no_sign_of_death(
    store: Store, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = driven(store)
    store.beat("run1", ME, epoch, lease_s=60)
    moment = Database.moment

    def interrupted(database: Database, connection: Connection) -> Moment:
        found = moment(database, connection)
        monkeypatch.setattr(Database, "moment", moment)
        machine.advance(1)
        store.beat("run1", ME, epoch, lease_s=60)
        return found

    monkeypatch.setattr(Database, "moment", interrupted)
    assert _run(store).lease_alive


def test_a_lease_given_back_is_free_at_once(store: Store) -> None:
    epoch = driven(store)
    store.yield_lease("run1", ME, epoch)
    store.yield_lease("run1", ME, epoch)  # the answer to the first was lost
    run = _run(store)
    assert (run.owner, run.lease_until, run.lease_alive) == (None, None, False)
    assert store.claim("run1", OTHER, lease_s=60) == epoch + 1


def test_there_is_nothing_to_claim_of_a_run_that_ended_or_never_was(store: Store) -> None:
    end(store, "run1", driven(store))
    with pytest.raises(RunEndedError):
        store.claim("run1", ME, lease_s=60, reason="to be sure")
    with pytest.raises(NoRunError):
        store.claim("run9", ME, lease_s=60)


@pytest.mark.parametrize("back_s", [1, 59, 61, 86_400])
def test_a_clock_that_goes_backwards_makes_no_lease_longer(
    sqlite_url: str, machine: Machine, back_s: float
) -> None:
    mine = open_store(sqlite_url, clock=machine)
    driven(mine)
    mine.close()
    machine.set_back(back_s)
    theirs = open_store(sqlite_url, clock=machine)
    machine.advance(59)
    with pytest.raises(LeaseHeldError):
        theirs.claim("run1", OTHER, lease_s=60)
    machine.advance(1)
    theirs.claim("run1", OTHER, lease_s=60)
    theirs.close()


def test_a_clock_that_jumps_ahead_takes_no_run_from_its_living_owner(
    sqlite_url: str, machine: Machine
) -> None:
    store = open_store(sqlite_url, clock=machine)
    driven(store)
    machine.set_back(-86_400)
    with pytest.raises(LeaseHeldError):
        store.claim("run1", OTHER, lease_s=60)
    store.close()


def test_no_lease_outlives_a_restart_of_the_machine(sqlite_url: str, machine: Machine) -> None:
    store = open_store(sqlite_url, clock=machine)
    driven(store)
    store.close()
    machine.restart()
    store = open_store(sqlite_url, clock=machine)
    assert not _run(store).lease_alive
    store.claim("run1", OTHER, lease_s=60)
    store.close()


def test_the_stores_time_never_goes_backwards(sqlite_url: str, machine: Machine) -> None:
    store = open_store(sqlite_url, clock=machine)
    deadline = store.now() + timedelta(seconds=100)
    machine.set_back(3600)
    assert store.now() == deadline - timedelta(seconds=100)
    machine.advance(99)
    assert store.now() < deadline
    machine.advance(1)
    assert store.now() == deadline
    machine.set_back(-7200)  # it is followed forwards
    assert store.now() == BEGAN + timedelta(seconds=1000 + 100 + 3600)
    store.close()


@pytest.mark.slow
def test_postgresql_has_the_servers_time(postgresql_url: str, machine: Machine) -> None:
    from engine.store import open_store

    store = open_store(postgresql_url, clock=machine)
    store.create(a_run())
    assert store.now() != machine.now()
    assert store.now() < store.now()
    store.close()
