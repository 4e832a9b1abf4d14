"""How a PostgreSQL server fails the store: told truly, with what to do, without its password."""

from __future__ import annotations

import socket

import pytest

from engine.store import StoreError, StoreUnreachableError, open_store
from tests.unit.store.postgres import Server
from tests.unit.store.values import ME, driven, raw, step


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("53100", StoreError, "full"),
        ("XX001", StoreError, "corrupt"),
        ("42501", StoreError, "forbids"),
        ("57P01", StoreUnreachableError, "doesn't answer"),
        ("40001", StoreUnreachableError, "doesn't answer"),
        ("22012", StoreError, "fails"),
    ],
)
def test_what_a_server_complains_of_is_told(
    postgresql_url: str, code: str, error: type[StoreError], words: str
) -> None:
    store = open_store(postgresql_url)
    epoch = driven(store)
    with raw(postgresql_url) as connection:
        connection.execute(
            "CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE 'so it is' USING ERRCODE = '{code}'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER complain BEFORE INSERT ON steps EXECUTE FUNCTION complain()"
        )
        with pytest.raises(StoreError, match=f"{words}.*so it is") as told:
            store.begin_step("run1", ME, epoch, 1, "upgrade")
        assert type(told.value) is error
        connection.execute("DROP TRIGGER complain ON steps")
    step(store, "run1", epoch, 1)
    store.close()


@pytest.mark.slow
def test_a_server_that_cut_us_off_is_asked_again(postgresql_url: str) -> None:
    store = open_store(postgresql_url)
    epoch = driven(store)
    with raw(postgresql_url) as connection:
        cut = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'hostshift'"
        )
        assert connection.execute(cut).fetchall() == [(True,)]
        step(store, "run1", epoch, 1)

        def be_cut_off_within_a_transaction() -> None:
            with store._database.reading() as reader:
                connection.execute(cut)
                reader.exec_driver_sql("SELECT 1")

        with pytest.raises(StoreUnreachableError):
            be_cut_off_within_a_transaction()
    step(store, "run1", epoch, 2)
    store.close()


def test_a_server_that_is_not_there_is_told_in_time() -> None:
    with socket.socket() as closed:  # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(StoreUnreachableError) as told:
            open_store(f"postgresql://user:s3cret@127.0.0.1:{port}/runs")
    assert "runs on 127.0.0.1 doesn't answer" in told.value.message
    assert "s3cret" not in str(told.value)


@pytest.mark.slow
def test_a_wrong_password_and_a_missing_database_are_told(server: Server) -> None:
    with pytest.raises(StoreError, match="password authentication failed") as told:
        open_store(server.url(password="s3cret"))
    assert "s3cret" not in str(told.value)
    assert ".pgpass" in told.value.hint
    with pytest.raises(StoreError, match="does not exist") as told:
        open_store(server.url("nowhere"))
    assert "createdb" in told.value.hint
