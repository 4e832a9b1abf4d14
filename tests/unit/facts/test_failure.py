"""One rule says what kind of error a failed look is, for the commands and for runs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.facts.failure import as_error
from engine.model.facts import Failure, Look

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("timeout", 3),
        ("connection-refused", 3),
        ("host-key-unknown", 4),
        ("host-key-changed", 4),
        ("sudo-password", 4),
        ("sudo-password-wrong", 4),
        ("privilege", 5),
    ],
)
def test_the_exit_status_follows_from_the_kind(kind: str, status: int) -> None:
    error = as_error(Look("server1", NOW, error=Failure(kind, "It said no.", "Ask again.")))
    assert (error.exit_status, error.message, error.hint) == (
        *(status, "server1: It said no.", "Ask again."),
    )
