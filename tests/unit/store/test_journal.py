"""The journal is append-only, viewers see everything and change nothing, old runs are removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import ReadOnlyError
from engine.store import Event, NoStoreError, open_store
from engine.store.store import Store
from tests.unit.store.values import BEGAN, ME, REFUSED, a_run, driven, end, raw, step


def test_each_change_of_the_state_comes_into_the_journal_once(store: Store) -> None:
    epoch = driven(store)
    store.save("run1", ME, epoch, state="running", snapshot={"n": 1})
    store.save("run1", ME, epoch, state="running", snapshot={"n": 2})
    store.save(
        "run1", ME, epoch, state="unknown", snapshot={}, event=Event("lost", body={"why": "link"})
    )
    store.save("run1", ME, epoch, state="unknown", snapshot={}, event=Event("hook", "after"))
    store.finish("run1", ME, epoch, state="failed", snapshot={"n": 3})
    assert [(e.kind, e.state, e.by) for e in store.events("run1")] == [
        ("created", "planned", "operator@desk"),
        ("claimed", "planned", ME),
        ("state", "running", ""),
        ("lost", "unknown", ""),
        ("hook", "unknown", "after"),
        ("ended", "failed", ""),
    ]
    assert store.events("run1")[3].body == {"why": "link"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET kind = 'nothing happened'",
        "DELETE FROM events",
        "DELETE FROM runs",  # while it has not ended
    ],
)
def test_what_happened_can_not_be_changed_even_around_the_store(
    store: Store, url: str, statement: str
) -> None:
    driven(store)
    before = store.events("run1")
    with raw(url) as connection, pytest.raises(REFUSED):
        connection.execute(statement)
    assert store.events("run1") == before


@pytest.mark.slow
def test_the_journal_can_not_be_emptied_on_postgresql(postgresql_url: str) -> None:
    store = open_store(postgresql_url)
    driven(store)
    for statement in ("TRUNCATE events", "TRUNCATE runs CASCADE"):
        with raw(postgresql_url) as connection, pytest.raises(REFUSED):
            connection.execute(statement)
    assert len(store.events("run1")) == 2
    store.close()


def test_a_run_ends_for_good(store: Store) -> None:
    epoch = driven(store)
    with pytest.raises(ValueError, match="no end"):
        store.finish("run1", ME, epoch, state="attention", snapshot={})
    for _ in range(2):  # the answer to the first was lost
        end(store, "run1", epoch)
    run = store.load("run1")
    assert run is not None
    assert (run.state, run.snapshot, run.owner) == ("succeeded", {"state": "succeeded"}, None)
    assert run.ended_at is not None
    assert [e.kind for e in store.events("run1")].count("ended") == 1


def test_everything_of_a_run_is_there_to_see(store: Store) -> None:
    store.create(a_run("run1", "server2", "server1"))
    run = store.load("run1")
    assert run is not None
    assert (run.kind, run.digest, run.workflow_version) == ("candidate", "d1", 1)
    assert run.plan == {"candidate": "upgrade", "steps": ["é", None, 1.5]}
    assert (run.hosts, run.operator, run.started_at) == (
        *(("server2", "server1"), "operator@desk"),
        BEGAN,
    )
    assert (run.owner, run.epoch, run.lease_alive, run.holds_hosts) == (None, 0, False, True)
    assert (run.state, run.snapshot, run.ended_at) == ("planned", {"state": "planned"}, None)
    assert store.load("run2") is None


def test_the_newest_run_comes_first(store: Store) -> None:
    for number in (2, 3, 1):
        began = BEGAN + timedelta(minutes=number)
        store.create(a_run(f"run{number}", f"server{number}", started_at=began))
    assert [run.id for run in store.all()] == ["run3", "run2", "run1"]
    assert [run.id for run in store.all(limit=2)] == ["run3", "run2"]


def test_viewers_hear_of_each_change_but_not_of_heartbeats(store: Store) -> None:
    seen = 0

    def changed(act: Callable[[], object]) -> list[str]:
        nonlocal seen
        act()
        names = store.changed_since(seen)
        seen = max((run.version for run in store.all()), default=0)
        return list(names)

    assert changed(lambda: store.create(a_run())) == ["run1"]
    assert changed(lambda: store.create(a_run("run2", "server2"))) == ["run2"]
    assert changed(lambda: store.claim("run1", ME, lease_s=60)) == ["run1"]
    assert changed(lambda: store.beat("run1", ME, 1, lease_s=60)) == []
    for act in (
        lambda: store.save("run1", ME, 1, state="running", snapshot={}),
        lambda: step(store, "run1", 1, 1),
        lambda: store.send("run1", "stop", {}, "someone"),
        lambda: store.take("run1", ME, 1, "stop", 2),
        lambda: store.free_hosts("run1", ME, 1),
        lambda: end(store, "run1", 1),
    ):
        assert changed(act) == ["run1"]
    assert list(store.changed_since(0)) == ["run2", "run1"]
    assert store.changed_since(seen) == ()


def test_a_viewer_sees_and_never_writes(store: Store, url: str) -> None:
    driven(store)
    viewer = open_store(url, read_only=True)
    assert viewer.read_only
    run = viewer.load("run1")
    assert run is not None
    assert run.owner == ME
    for write in (
        lambda: viewer.create(a_run("run2", "server2")),
        lambda: viewer.claim("run1", ME, lease_s=60),
        lambda: viewer.beat("run1", ME, 1, lease_s=60),
        lambda: viewer.send("run1", "stop", {}, "someone"),
        lambda: viewer.prune(BEGAN),
    ):
        with pytest.raises(ReadOnlyError):
            write()
    step(store, "run1", 1, 1)
    assert len(viewer.steps("run1")) == 1  # and follows
    viewer.close()


def test_a_viewer_makes_no_store(url: str, tmp_path: Path) -> None:
    with pytest.raises(NoStoreError):
        open_store(url, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_only_runs_that_ended_before_are_removed_with_all_of_theirs(store: Store, url: str) -> None:
    end(store, "run1", driven(store))
    step(store, "run2", driven(store, "run2"), 1)
    assert store.prune(BEGAN) == 0
    later = store.now() + timedelta(days=1)
    assert store.prune(later) == 1
    assert [run.id for run in store.all()] == ["run2"]
    assert store.events("run1") == ()
    end(store, "run2", 1)
    assert store.prune(later) == 1
    with raw(url) as connection:
        for table in ("runs", "run_hosts", "steps", "events", "messages"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
