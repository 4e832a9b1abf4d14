"""Facts: one read-only look at a host, in one round trip."""

from __future__ import annotations

from engine.facts.look import look, look_at, scan

__all__ = ["look", "look_at", "scan"]
