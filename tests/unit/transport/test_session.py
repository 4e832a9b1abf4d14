"""One shell over a connection: when its end counts as one, and all it said as heard."""

from __future__ import annotations

import asyncssh

from engine.transport.conversation import Conversation, Ended
from engine.transport.ssh.session import Shell


def told(*, eof: bool, error: Exception | None, status: int | None = 0) -> Ended | None:
    """How a shell's end is understood whose server has said some of this."""
    conversation = Conversation(limit_bytes=1000)
    shell = Shell(conversation, lambda: None)
    shell.opened()
    if status is not None:
        shell.exit_status_received(status)
    if eof:
        shell.eof_received()
    shell.connection_lost(error)
    return conversation.ended


LOST = asyncssh.ConnectionLost("gone")


def test_a_status_is_not_the_end_of_the_output() -> None:
    # sshd sends it as soon as the child has ended; its output may still be on the way
    assert told(eof=False, error=LOST) == Ended(error=LOST)


def test_what_was_heard_to_its_end_has_ended_though_the_link_is_lost() -> None:
    assert told(eof=True, error=LOST) == Ended(0)


def test_a_channel_that_is_closed_in_order_has_ended() -> None:
    assert told(eof=False, error=None) == Ended(0)
    ended = told(eof=True, error=None, status=None)
    assert ended is not None
    assert isinstance(ended.error, ConnectionError)
