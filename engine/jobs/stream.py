"""What follow.sh prints, taken apart as it comes in chunks of any size. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.errors import HostOutputError
from engine.text import clean_line, decode

MAX_LINE = 64 * 1024
"""Bytes of one line; follow.sh writes nothing near it."""

Word = Literal[
    "job", "boot", "begun", "restart", "back", "progress", "alive", "exit", "end", "killed",
    "untouched", "holder", "difference", "kept", "sum", "missing", "done",
]  # fmt: skip
_WORDS: frozenset[str] = frozenset(Word.__args__)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of the log that belong at an offset."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """One line: its first word, and the rest, cleaned."""

    word: Word
    rest: str = ""


class StreamParser:
    """Feed it chunks, get what they complete. Bytes of the log are handed on without waiting."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._raw_left = 0
        self._raw_offset = 0

    def feed(self, data: bytes) -> Iterator[Chunk | Said]:
        """Take in a chunk.

        Raises:
            HostOutputError: this is not what follow.sh prints.
        """
        self._pending += data
        while self._pending:
            if self._raw_left:
                part = bytes(self._pending[: self._raw_left])
                del self._pending[: len(part)]
                yield Chunk(self._raw_offset, part)
                self._raw_left -= len(part)
                self._raw_offset += len(part)
                continue
            end = self._pending.find(b"\n")
            if end < 0:
                if len(self._pending) > MAX_LINE:
                    raise _not_understood(bytes(self._pending[:80]))
                return
            line = bytes(self._pending[:end])
            del self._pending[: end + 1]
            said = self._line(line)
            if said is not None:
                yield said

    def _line(self, line: bytes) -> Said | None:
        word, _, rest = line.partition(b" ")
        name = decode(word)
        if name == "log":
            numbers = rest.split(b" ")
            if len(numbers) != 2 or not all(n.isdigit() and len(n) < 19 for n in numbers):
                raise _not_understood(line)
            self._raw_offset, self._raw_left = int(numbers[0]), int(numbers[1])
            return None
        if name not in _WORDS:
            raise _not_understood(line)
        return Said(name, clean_line(decode(rest)))  # type: ignore[arg-type]


def _not_understood(line: bytes) -> HostOutputError:
    return HostOutputError(
        f"The host's answer about its job can't be understood: {clean_line(decode(line[:80]))}",
        hint="Try again; if it stays, look at /var/lib/hostshift/runs on the host.",
    )
