"""Why a host could not be looked at, as an error again: one rule for all who need facts."""

from __future__ import annotations

from engine.errors import HostshiftError, NeedsPersonError, RefusedError, UnreachableError
from engine.model.facts import Failure, Look

_PERSON = ("host-key", "sudo-password", "person")
"""Kinds of failure (or how they begin) that only a person can answer."""
_REFUSED = ("refused", "privilege")


def needs_person(failure: Failure) -> bool:
    """Whether a person has to decide or give something before this host can be looked at."""
    return failure.kind.startswith(_PERSON)


def as_error(look: Look) -> HostshiftError:
    """The reason why there are no facts, as an error with its exit status."""
    failure = look.error or Failure("unreachable", "no answer", "Look at the host again.")
    message = f"{look.host}: {failure.message}"
    if needs_person(failure):
        return NeedsPersonError(message, hint=failure.hint)
    if failure.kind in _REFUSED:
        return RefusedError(message, hint=failure.hint)
    return UnreachableError(message, hint=failure.hint)
