"""How the store fails: told truly, with what to do, and nothing is ever removed or half written."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import engine.store.opening
from engine.errors import InputError
from engine.store import StoreError, StoreUnreachableError, open_store
from engine.store.store import Store
from engine.store.tables import SCHEMA
from tests.unit.store.values import EVIDENCE, ME, a_run, driven, raw, step


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def _filled(url: str) -> None:
    store = open_store(url)
    epoch = driven(store)
    for number in range(50):
        step(store, "run1", epoch, number)
    store.close()


def test_the_file_is_the_operators_alone(sqlite_url: str, file: Path) -> None:
    file.touch(mode=0o644)
    store = open_store(sqlite_url)
    driven(store)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}
    store.close()


def test_sqlite_waits_for_the_disk_and_takes_the_write_lock_at_once(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    with store._database.reading() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }
    store.close()


def test_one_writes_at_a_time_the_others_wait_for_a_bounded_time_and_readers_never(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = open_store(url)
    monkeypatch.setattr(engine.store.opening, "BUSY_S", 0.1)
    other = open_store(url)
    epoch = driven(one)
    with one._database.writing():
        with pytest.raises(StoreUnreachableError):
            other.send("run1", "stop", {}, "someone")
        assert other.load("run1") is not None
    other.send("run1", "stop", {}, "someone")
    assert one.take("run1", ME, epoch, "stop", 1) is not None
    one.close()
    other.close()


def test_a_file_that_somebody_else_is_making_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    maker = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN IMMEDIATE")
    opened = threading.Thread(target=lambda: open_store(f"sqlite:///{file}").close())
    opened.start()
    opened.join(timeout=0.5)
    assert opened.is_alive(), "it waits"
    maker.execute("COMMIT")
    opened.join(timeout=60)
    maker.close()
    open_store(f"sqlite:///{file}", read_only=True).close()


def test_several_can_make_the_store_at_once(url: str) -> None:
    stores: list[Store] = []
    barrier = threading.Barrier(4)

    def opened() -> None:
        barrier.wait(timeout=60)
        stores.append(open_store(url))

    threads = [threading.Thread(target=opened) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(stores) == 4
    stores[0].create(a_run())
    assert all(store.load("run1") is not None for store in stores)
    for store in stores:
        store.close()


def _no_database(file: Path) -> None:
    file.write_bytes(b"This is a letter and no database.\n" * 1000)


def _torn(file: Path) -> None:
    with file.open("r+b") as opened:
        for page in range(2, file.stat().st_size // 4096):
            opened.seek(page * 4096)
            opened.write(b"\xff" * 2000)


def _cut(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


@pytest.mark.parametrize(
    ("damage", "words"),
    [(_no_database, "is not a database"), (_torn, "is corrupt"), (_cut, "is corrupt")],
)
def test_a_corrupt_file_is_told_and_left_as_it_is(
    sqlite_url: str, file: Path, damage: Callable[[Path], None], words: str
) -> None:
    _filled(sqlite_url)
    damage(file)
    before = file.read_bytes()
    with pytest.raises(StoreError) as told:
        open_store(sqlite_url)
    assert f"{file} {words}" in told.value.message
    assert f"mv {file} {file}.broken;" in told.value.hint
    assert file.read_bytes() == before


def test_a_file_that_becomes_corrupt_while_it_is_open_is_told(sqlite_url: str, file: Path) -> None:
    _filled(sqlite_url)
    store = open_store(sqlite_url)
    with store._database._reader.connect() as connection:
        connection.exec_driver_sql("PRAGMA shrink_memory")  # what it has read is forgotten
    _torn(file)
    with pytest.raises(StoreError, match="corrupt"):
        store.steps("run1")
    store.close()


@pytest.mark.parametrize("instead", ["nothing", "another store", "no wal"])
def test_a_file_deleted_under_us_is_told_and_not_written_into_the_void(
    sqlite_url: str, file: Path, tmp_path: Path, instead: str
) -> None:
    store = open_store(sqlite_url)
    epoch = driven(store)
    wal = file.with_name(f"{file.name}-wal")
    if instead == "no wal":
        wal.unlink()
    else:
        file.unlink()
        if instead == "another store":
            wal.unlink()
            open_store(sqlite_url).close()
    writes: tuple[Callable[[], object], ...] = (
        lambda: store.beat("run1", ME, epoch, lease_s=60),
        lambda: store.begin_step("run1", ME, epoch, 1, "upgrade"),
    )
    for write in writes:
        with pytest.raises(StoreError, match="deleted or moved") as told:
            write()
        assert "hosts" in told.value.hint
    if instead == "nothing":
        with pytest.raises(StoreError, match="deleted or moved"):
            store.load("run1")
        assert not file.exists()
    store.close()


def test_a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_room(
    sqlite_url: str,
) -> None:
    store = open_store(sqlite_url)
    epoch = driven(store)
    step(store, "run1", epoch, 1)
    store.begin_step("run1", ME, epoch, 2, "upgrade")
    before = (store.load("run1"), store.steps("run1"), store.events("run1"))
    big = {"log": "x" * 500_000}
    with _no_room(store):
        writes: tuple[Callable[[], object], ...] = (
            lambda: store.save("run1", ME, epoch, state="running", snapshot=big),
            lambda: store.end_step(
                "run1", ME, epoch, 2, state="succeeded", result=big, evidence=EVIDENCE
            ),
        )
        for write in writes:
            with pytest.raises(StoreError, match="full"):
                write()
    assert (store.load("run1"), store.steps("run1"), store.events("run1")) == before
    store.end_step("run1", ME, epoch, 2, state="succeeded", result=big, evidence=EVIDENCE)
    store.close()


@contextmanager
def _no_room(store: Store) -> Iterator[None]:
    # The pool hands out the same connection again, and the limit is the connection's.
    def limit(pages: int) -> None:
        with store._database._reader.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    limit(1)  # "cannot be reduced below the current size"
    yield
    limit(1_000_000)


def test_a_store_of_a_later_hostshift_is_refused_and_left_alone(url: str) -> None:
    _filled(url)
    with raw(url) as connection:
        connection.execute(f"UPDATE meta SET value = {SCHEMA + 1} WHERE key = 'schema'")
    for read_only in (False, True):
        with pytest.raises(StoreError, match="later hostshift"):
            open_store(url, read_only=read_only)


@pytest.mark.parametrize("table", ["runs (id integer)", "meta (key text, value integer)"])
def test_tables_of_another_program_are_left_alone(url: str, table: str) -> None:
    with raw(url) as connection:
        connection.execute(f"CREATE TABLE {table}")
    for read_only in (False, True):
        with pytest.raises(StoreError, match="another program"):
            open_store(url, read_only=read_only)


@pytest.mark.parametrize(
    "url",
    [
        *("", "runs.db", "sqlite:///runs.db", "mysql://s3cret@x/y", "postgresql://s3cret:x@h:p/d"),
        *("postgresql://x:an@s3cret@h/d", "postgresql://x:s3cret/d"),
    ],
)
def test_another_url_is_wrong_input_and_is_not_repeated(url: str) -> None:
    with pytest.raises(InputError) as told:
        open_store(url)
    assert "s3cret" not in str(told.value)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(StoreError):
            open_store(f"sqlite:///{tmp_path}/nowhere/runs.db", read_only=read_only)
    assert not (tmp_path / "nowhere").exists()


def test_a_copy_of_the_files_is_a_backup(sqlite_url: str, file: Path, tmp_path: Path) -> None:
    _filled(sqlite_url)
    copy = tmp_path / "copy.db"
    shutil.copy(file, copy)  # closed, so there is no -wal
    store = open_store(f"sqlite:///{copy}")
    assert len(store.steps("run1")) == 50
    store.close()
