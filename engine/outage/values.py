"""What is measured of a cutover, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.model.host import Check

Side = Literal["old", "new", "name"]
"""Where a check is made: at server(n), at its successor, or where the service's name points now."""
StripState = Literal["ok", "bad", "unknown", "nothing"]
"""What one second says of a service; nothing: no check was made in it, or none has ended yet."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service that is measured by an http or tcp check; several may be of one service.

    Attributes:
        names: The DNS names by which clients find it; all of them count.
    """

    service: str
    check: Check
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One check that was made.

    Attributes:
        at: The whole second in which it began, where it is made once a second.
        ok: None where the check could not be made: that says nothing of the service.
        detail: What was seen, in words.
    """

    at: datetime
    service: str
    side: Side
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class ServiceOutage:
    """How long a service was out for clients that ask its name. Exact to one interval of checks.

    It is out from a check that fails to the next one that passes: what nobody saw in between was
    not seen up.

    Attributes:
        began: The first failing check; None: none has failed.
        ended: The check that ended the last outage; None: it is still out, or never was.
        out_s: Seconds out, all outages together.
        longest_s: The longest of them.
        unseen_out_s: Seconds of `out_s` in which no check was made, or none could be made.
        unseen_s: Such seconds outside of outages: not up and not out, but unknown.
        span_s: Seconds from the given moment to the last check.
    """

    service: str
    began: datetime | None
    ended: datetime | None
    out_s: float
    longest_s: float
    unseen_out_s: float
    unseen_s: float
    span_s: float

    @property
    def out_now(self) -> bool:
        """Whether the last check that told anything has failed."""
        return self.began is not None and self.ended is None
