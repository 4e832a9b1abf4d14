"""Published data about holes and releases: bundled, and fetched anew when a person asks.

Nothing here is needed online. What is in force is read by `published`, `refresh` fetches.
"""

from engine.published.in_force import (
    KEV_OLD_DAYS,
    PREDICTED_FROM,
    Published,
    bundled,
    has,
    published,
)

__all__ = ["KEV_OLD_DAYS", "PREDICTED_FROM", "Published", "bundled", "has", "published"]
