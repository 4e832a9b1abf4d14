"""Samples in a file, a line of JSON for each: another hostshift goes on with the same file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import InputError
from engine.outage.values import Sample, Side

_SIDES: dict[str, Side] = {"old": "old", "new": "new", "name": "name"}


class Kept:
    """The file, open to be added to."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it, readable for its owner alone.

        Raises:
            InputError: that isn't possible.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags, 0o600)
            size = os.fstat(self._fd).st_size
            if size and os.pread(self._fd, 1, size - 1) != b"\n":
                os.write(self._fd, b"\n")  # whoever wrote last was cut off in the middle of a line
        except OSError as error:
            raise InputError(
                f"The measured outage can't be kept in {path}: {error.strerror}.",
                hint="See to its directory's permissions and free space.",
            ) from error

    def add(self, samples: Iterable[Sample]) -> None:
        """Add samples, in one write.

        Raises:
            OSError: they could not be written.
        """
        lines = [
            json.dumps(
                [s.at.astimezone(UTC).isoformat(), s.service, s.side, s.ok, s.detail],
                ensure_ascii=False,
                separators=(",", ":"),
            )
            for s in samples
        ]
        os.write(self._fd, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def read(path: Path, *, last_bytes: int | None = None) -> tuple[Sample, ...]:
    """The samples of a file, in the order of its lines; none where there is no file.

    A line that was cut off, or is none of ours, is passed over.

    Args:
        last_bytes: Read only so much of the end, for who wants the last seconds.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = 0 if last_bytes is None else max(0, size - last_bytes)
            file.seek(start)
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return ()
    whole = lines[1:] if start else lines
    return tuple(sample for line in whole if (sample := _sample(line)) is not None)


def _sample(line: bytes) -> Sample | None:
    try:
        at, service, side, ok, detail = json.loads(line)
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError, RecursionError):
        return None
    right = isinstance(service, str) and isinstance(detail, str) and isinstance(side, str)
    if not right or side not in _SIDES or not (ok is None or isinstance(ok, bool)):
        return None
    if moment.tzinfo is None:
        return None
    return Sample(moment, service, _SIDES[side], ok, detail)
