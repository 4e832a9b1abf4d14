"""Standard output of the headless commands: that it can't be written is told like any failure."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import HostshiftError


class OutputError(HostshiftError):
    """Standard output can't be written: a full disk, a terminal that is gone."""

    kind = "standard-output"

    def __init__(self, why: str, *, hint: str) -> None:
        super().__init__(f"Standard output can't be written: {why}.", hint=hint)


class ReaderGoneError(OutputError):
    """Whoever read standard output, such as ``head``, has had enough; there is nobody to tell."""

    exit_status = 141  # what shells show for a program that SIGPIPE has ended

    def __init__(self) -> None:
        super().__init__("its reader has gone", hint="Nothing is wrong with that.")


@contextmanager
def told_output() -> Iterator[None]:
    """Until the end of the block, and at it, what can't be written raises.

    Raises:
        OutputError: standard output can't be written, is closed, or its reader has gone.
    """
    before = sys.stdout
    if before is None:  # see sys.__stdout__
        raise OutputError("it is closed", hint="Nothing was done. Send it somewhere.")
    try:
        descriptor = before.fileno()
    except io.UnsupportedOperation:
        yield  # it is no file, so nothing can be wrong with it
        return
    told = io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(descriptor, "wb", closefd=False)),
        encoding=before.encoding,
        errors=before.errors,
        line_buffering=before.isatty() or getattr(before, "write_through", False),
    )
    sys.stdout = told
    try:
        yield
    finally:
        sys.stdout = before
        told.flush()


class _Descriptor(io.FileIO):
    """Raises once, and then takes everything: what is still kept must not fail at the very end.

    What it raises is no OSError, as argparse takes no notice of one when it prints its help.
    """

    _failed = False

    def write(self, data: object) -> int:
        if self._failed:
            return len(memoryview(data))  # type: ignore[arg-type]
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            self._failed = True
            if isinstance(error, BrokenPipeError):
                raise ReaderGoneError from error
            raise OutputError(
                error.strerror or str(error),
                hint="What stands there is not the whole. Make room, or send it elsewhere; "
                "a run that was begun goes on.",
            ) from error
