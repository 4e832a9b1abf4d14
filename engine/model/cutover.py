"""CutoverView: what is known now of a cutover, for a screen; a new one replaces it each second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ServerRole = Literal["old", "new"]
ServiceState = Literal["serving", "frozen", "held", "starting", "stopped", "unknown"]
"""What a server does with a service; held: it is kept from starting until its turn."""


@dataclass(frozen=True, slots=True)
class ServerSide:
    """One of the two servers, with the state of each service that moves."""

    host: str
    address: str
    role: ServerRole
    services: tuple[tuple[str, ServiceState], ...] = ()


@dataclass(frozen=True, slots=True)
class DnsSide:
    """What one name server or resolver answers.

    Attributes:
        role: Such as ``primary``, ``secondary``, ``resolver``.
        turned: Whether it answers with the successor; None: that isn't known.
        shown: Its answer in words.
    """

    server: str
    role: str
    turned: bool | None
    shown: str


@dataclass(frozen=True, slots=True)
class CutoverView:
    """A cutover at one moment.

    Attributes:
        promised_s: The outage window that the plan has promised.
        began_at: When the first writer was frozen; None: nothing is frozen yet.
        ended_at: When every service was verified to serve clients again, on either server.
        outage_s: The longest outage of a service as it was measured from outside.
        strips: Service, side (``old``, ``new``, ``name``) and the state of each of its last
            seconds, the oldest first: ``ok``, ``bad``, ``unknown``, ``nothing``
            (`engine.outage.strip`).
        lossless: Going back to the old server loses nothing.
        side_words: On which side of that line the cutover is, in a sentence or two.
        can_go_back: Whether the run takes the word to go back now.
    """

    old: ServerSide
    new: ServerSide
    promised_s: int | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    outage_s: float | None = None
    strips: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    dns: tuple[DnsSide, ...] = ()
    lossless: bool = False
    side_words: str = ""
    can_go_back: bool = False
