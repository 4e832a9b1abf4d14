"""The store's tables, alike on SQLite and PostgreSQL (docs/store.md).

JSON and moments are kept as text, so that both databases hold the same and a person can read it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    insert,
)

SCHEMA = 1
"""Version of these tables; a store with a higher one was made by a later hostshift."""


class JsonText(TypeDecorator[Any]):
    """JSON as ASCII text; NaN and infinity aren't JSON and raise ValueError."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Value to text."""
        if value is None:
            return None
        return json.dumps(value, separators=(",", ":"), allow_nan=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Text to value."""
        return None if value is None else json.loads(value)


class MomentText(TypeDecorator[datetime]):
    """A moment in UTC as RFC 3339 text of fixed width: sorts as time does."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Moment to text."""
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Text to moment."""
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()


def _part_of_run(*, key: bool = False) -> Column[str]:
    # A run takes everything of it along when it is pruned.
    return Column(
        "run", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=key, nullable=False
    )


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""``schema``: `SCHEMA`; ``version``: how many changes there have been."""

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("plan", JsonText, nullable=False),
    Column("digest", Text, nullable=False),
    Column("workflow_version", Integer, nullable=False),
    Column("hosts", JsonText, nullable=False),
    Column("operator", Text, nullable=False),
    Column("owner", Text),
    Column("epoch", Integer, nullable=False),
    # The lease holds while the store's mark (`Moment.mark`) is in [from, to); until is for people.
    Column("lease_from", Float(53)),
    Column("lease_to", Float(53)),
    Column("lease_until", MomentText),
    Column("acting", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("snapshot", JsonText, nullable=False),
    Column("started_at", MomentText, nullable=False),
    Column("ended_at", MomentText),
    Column("version", BigInteger, nullable=False, index=True),
)

run_hosts = Table(
    "run_hosts",
    metadata,
    _part_of_run(key=True),
    Column("host", Text, primary_key=True),
    Column("active", Boolean, nullable=False),
)
Index(
    "one_active_run_per_host",
    run_hosts.c.host,
    unique=True,
    sqlite_where=run_hosts.c.active,
    postgresql_where=run_hosts.c.active,
)

steps = Table(
    "steps",
    metadata,
    _part_of_run(key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", MomentText, nullable=False),
    Column("input", JsonText),
    Column("ended_at", MomentText),
    Column("result", JsonText),
    Column("evidence", JsonText, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    _part_of_run(),
    Column("at", MomentText, nullable=False),
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False, quote=True),
    Column("body", JsonText, nullable=False),
    Index("events_of_run", "run"),
    sqlite_autoincrement=True,
)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    _part_of_run(),
    Column("topic", Text, nullable=False),
    Column("body", JsonText, nullable=False),
    Column("sender", Text, nullable=False),
    Column("sent_at", MomentText, nullable=False),
    Column("taken_by", Integer),
    Column("taken_at", MomentText),
    Index("messages_of_run", "run"),
    sqlite_autoincrement=True,
)

# What has happened stays: an event is never changed and goes only together with its run, a run only
# after its end, and the result of a step is final. A cascade deletes events when their run is gone.
_APPEND_ONLY = "events are append-only"
_NOT_ENDED = "a run that has not ended is not removed"
_FINAL = "the result of a step is final"
_GUARDS = {
    "sqlite": (
        f"""CREATE TRIGGER event_unchanged BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END""",
        f"""CREATE TRIGGER event_stays BEFORE DELETE ON events
            WHEN EXISTS (SELECT 1 FROM runs WHERE id = OLD.run)
            BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END""",
        f"""CREATE TRIGGER run_stays BEFORE DELETE ON runs WHEN OLD.ended_at IS NULL
            BEGIN SELECT RAISE(ABORT, '{_NOT_ENDED}'); END""",
        f"""CREATE TRIGGER step_final BEFORE UPDATE ON steps WHEN OLD.ended_at IS NOT NULL
            BEGIN SELECT RAISE(ABORT, '{_FINAL}'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION hostshift_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'events' THEN
                IF NOT EXISTS (SELECT 1 FROM runs WHERE id = OLD.run) THEN RETURN OLD; END IF;
              END IF;
              RAISE restrict_violation USING MESSAGE = TG_ARGV[0];
            END $$""",
        f"""CREATE TRIGGER event_stays BEFORE UPDATE OR DELETE ON events
            FOR EACH ROW EXECUTE FUNCTION hostshift_refuse('{_APPEND_ONLY}')""",
        f"""CREATE TRIGGER events_stay BEFORE TRUNCATE ON events
            FOR EACH STATEMENT EXECUTE FUNCTION hostshift_refuse('{_APPEND_ONLY}')""",
        f"""CREATE TRIGGER run_stays BEFORE DELETE ON runs
            FOR EACH ROW WHEN (OLD.ended_at IS NULL)
            EXECUTE FUNCTION hostshift_refuse('{_NOT_ENDED}')""",
        f"""CREATE TRIGGER step_final BEFORE UPDATE ON steps
            FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL)
            EXECUTE FUNCTION hostshift_refuse('{_FINAL}')""",
    ),
}


def make_tables(connection: Connection) -> None:
    """Make everything; there must be nothing yet."""
    metadata.create_all(connection, checkfirst=False)
    for statement in _GUARDS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    first = [{"key": "schema", "value": SCHEMA}, {"key": "version", "value": 0}]
    connection.execute(insert(meta), first)
