"""One shell over an SSH connection, bound to a conversation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import asyncssh

from engine.transport.conversation import Conversation, Ended


class Shell(asyncssh.SSHClientSession[bytes]):
    """Hands what comes to a conversation by chunks, as it comes.

    The flow control of SSH holds a fast host back: a chunk counts as read when `Conversation` has
    taken it, so a slow sink slows the host and nothing piles up here.

    Args:
        on_end: Called once, when the channel's place on the connection is free again.
    """

    def __init__(self, conversation: Conversation, on_end: Callable[[], None]) -> None:
        self._conversation = conversation
        self._on_end: Callable[[], None] | None = on_end
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._status: int | None = None
        self._signal: str | None = None
        self._had_eof = False
        self._heard_all = False
        self._opened = False
        self._early: Ended | None = None

    def opened(self) -> None:
        """The server runs the command; from now on the conversation hears of its end."""
        self._opened = True
        if self._early is not None:
            self._conversation.end(self._early)

    def abandon(self) -> None:
        """The server did not run it; the conversation can be held elsewhere."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.abort()
        self._release()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self._conversation.err(data)
        else:
            self._conversation.out(data)

    def exit_status_received(self, status: int) -> None:
        self._status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._signal = signal

    def eof_received(self) -> bool:
        self._heard_all = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._channel = None
        # every SSH server says how a command ended (RFC 4254, 6.10) unless the link broke; but sshd
        # may say it while output is on its way, so a status doesn't mean that all was heard
        cut_short = exc is not None and not self._heard_all
        if cut_short or (self._status is None and self._signal is None):
            lost = exc or ConnectionError("the channel was closed without a status")
            ended = Ended(error=lost)
        else:
            ended = Ended(self._status, self._signal)
        if self._opened:
            self._conversation.end(ended)
        else:
            self._early = ended  # a quick command may end before `opened` was called
        self._release()

    def _release(self) -> None:
        if self._on_end is not None:
            on_end, self._on_end = self._on_end, None
            on_end()

    def write(self, data: bytes) -> None:
        """See `Process.write`."""
        if self._channel is not None:
            with contextlib.suppress(OSError):  # it ended meanwhile; the conversation knows
                self._channel.write(data)

    def write_eof(self) -> None:
        """See `Process.write_eof`."""
        if self._channel is not None:
            self._had_eof = True
            with contextlib.suppress(OSError):
                self._channel.write_eof()

    def stop(self) -> None:
        """Close the channel: that ends a watched script and all it started (see `frame`).

        One that has had the end of its input isn't watched, and the server is asked to signal it
        (RFC 4254, 6.9). A watched one must not get that signal: sudo would pass it to the script's
        shell alone, and what the shell had started would go on.
        """
        channel, self._channel = self._channel, None
        self._conversation.end(Ended())
        if channel is not None:
            if self._had_eof:
                with contextlib.suppress(OSError):
                    channel.terminate()
            channel.abort()
        self._release()
