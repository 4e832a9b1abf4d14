"""Errors that a person sees. Each says what is wrong and carries a hint: what to do about it."""

from __future__ import annotations

from typing import ClassVar


class HostshiftError(Exception):
    """Root of all expected failures.

    Attributes:
        message: What happened, in one or a few plain sentences.
        hint: What the reader can do now. Never empty.
        kind: A short stable word for programs (``status --json``: ``error.kind``).
        exit_status: The command line's exit status for this failure (docs/command-line.md).
    """

    kind: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}"


class InputError(HostshiftError):
    """Wrong input: an inventory, an argument, a file. Nothing was done."""

    kind = "input"
    exit_status = 2


class UnreachableError(HostshiftError):
    """A host could not be reached or did not answer within its deadline."""

    kind = "unreachable"
    exit_status = 3


class DeadlineError(UnreachableError):
    """An operation did not end within its deadline; what it did on the host is not known."""

    kind = "deadline"


class NeedsPersonError(HostshiftError):
    """A person must decide or provide something: a host key, a password, a gate."""

    kind = "person"
    exit_status = 4


class RefusedError(HostshiftError):
    """Refused, and nothing was changed: read-only, a blocker, a lock, a changed plan."""

    kind = "refused"
    exit_status = 5


class ReadOnlyError(RefusedError):
    """hostshift was started with ``--read-only``."""

    kind = "read-only"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Refused: {what} would change something, and this hostshift is read-only.",
            hint="Start hostshift without --read-only to act.",
        )


class HostOutputError(HostshiftError):
    """A host answered with something that can't be understood."""

    kind = "output"
