"""What people ask of a run from any hostshift on the store: answers to gates, a stop."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from engine.store.database import Database
from engine.store.fencing import alive, change, fenced
from engine.store.tables import messages
from engine.store.values import Json, Message
from engine.text import clean_line


class Messages:
    """The part of the store that carries messages to runs."""

    _database: Database

    def send(self, run_id: str, topic: str, body: Json, sender: str) -> int:
        """Leave a message for whoever drives the run, now or later. Returns its number.

        Raises:
            RunEndedError: nobody will read it.
            NoRunError: there is no such run.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            alive(write.connection, run_id)
            number = write.connection.execute(
                insert(messages)
                .values(
                    run=run_id,
                    topic=topic,
                    body=body,
                    sender=clean_line(sender),
                    sent_at=write.moment.now,
                )
                .returning(messages.c.id)
            ).scalar_one()
            change(write, run_id)
            return int(number)

    def take(self, run_id: str, owner: str, epoch: int, topic: str, step: int) -> Message | None:
        """The oldest message of a topic that waits, for one step of the run; None: none waits.

        It is taken exactly once: no other step gets it, and the same step, when it is carried
        out again, gets the same message again.

        Raises:
            LostRunError: the run isn't ours any more.
            StoreError: the store can't be used.
        """
        with self._database.writing() as write:
            fenced(write.connection, run_id, owner, epoch)
            found = write.connection.execute(
                select(messages)
                .where(
                    messages.c.run == run_id,
                    messages.c.topic == topic,
                    or_(messages.c.taken_by.is_(None), messages.c.taken_by == step),
                )
                .order_by(messages.c.taken_by.is_(None), messages.c.id)
            ).first()
            if found is None or found.taken_by is not None:
                return None if found is None else _message(found)
            taken = write.connection.execute(
                update(messages)
                .where(messages.c.id == found.id)
                .values(taken_by=step, taken_at=write.moment.now)
                .returning(messages)
            ).one()
            change(write, run_id)
            return _message(taken)

    def peek(self, run_id: str, topic: str | None = None) -> tuple[Message, ...]:
        """The messages that wait, the oldest first, without taking any.

        Raises:
            StoreError: the store can't be used.
        """
        return tuple(
            found
            for found in self.messages(run_id)
            if found.taken_by is None and topic in (None, found.topic)
        )

    def messages(self, run_id: str) -> tuple[Message, ...]:
        """Every message of a run, the oldest first.

        Raises:
            StoreError: the store can't be used.
        """
        with self._database.reading() as connection:
            found = connection.execute(
                select(messages).where(messages.c.run == run_id).order_by(messages.c.id)
            )
            return tuple(_message(one) for one in found)


def _message(found: Row[Any]) -> Message:
    return Message(
        id=found.id,
        run=found.run,
        topic=found.topic,
        body=found.body,
        sender=found.sender,
        sent_at=found.sent_at,
        taken_by=found.taken_by,
        taken_at=found.taken_at,
    )
