"""What samples say: how long each service was out, and its last seconds one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from engine.outage.values import Sample, ServiceOutage, Side, StripState

MISSED = 2.5
"""Intervals without a check, from which on that time counts as not seen."""


def measured(
    samples: Iterable[Sample], *, since: datetime, every_s: float = 1.0
) -> tuple[ServiceOutage, ...]:
    """What each service's name has answered since a moment; services sorted by name.

    Args:
        samples: In any order; only those of the side ``name`` count.
        every_s: Seconds between two checks.
    """
    moments: dict[str, dict[datetime, bool | None]] = {}
    for sample in samples:
        if sample.side == "name" and sample.at >= since:
            of_service = moments.setdefault(sample.service, {})
            of_service[sample.at] = _worst(of_service.get(sample.at, True), sample.ok)
    return tuple(
        _of_one(service, sorted(found.items()), since, every_s)
        for service, found in sorted(moments.items())
    )


def _of_one(
    service: str, seen: list[tuple[datetime, bool | None]], since: datetime, every_s: float
) -> ServiceOutage:
    began: datetime | None = None
    ended: datetime | None = None
    start: datetime | None = None  # of the outage that lasts
    outages: list[float] = []
    unseen, unseen_out = _missed(since, seen[0][0], every_s, check_made=True), 0.0
    last = seen[-1][0]
    for (at, ok), (following, _) in pairwise([*seen, (last, None)]):
        if ok is False and start is None:
            start, ended = at, None
            began = began or at
        elif ok is True and start is not None:
            outages.append(_seconds(start, at))
            start, ended = None, at
        gap = _missed(at, following, every_s, check_made=ok is not None)
        if start is None:
            unseen += gap
        else:
            unseen_out += gap
    if start is not None:
        outages.append(_seconds(start, last))
    out_s = math.fsum(outages)
    return ServiceOutage(
        service,
        began,
        ended,
        out_s=out_s,
        longest_s=max(outages, default=0.0),
        unseen_out_s=unseen_out,
        unseen_s=unseen,
        span_s=_seconds(since, last),
    )


def _missed(at: datetime, following: datetime, every_s: float, *, check_made: bool) -> float:
    """Seconds between two checks that neither of them tells anything of."""
    passed = _seconds(at, following)
    if not check_made:
        return passed
    return passed - every_s if passed > MISSED * every_s else 0.0


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def strip(
    samples: Iterable[Sample], side: Side, service: str, seconds: int, now: datetime
) -> tuple[StripState, ...]:
    """The last seconds of a service at one side, the oldest first.

    The last of them is the second before the one that runs: its checks have mostly ended.
    """
    end = math.floor(now.timestamp())
    found: dict[int, bool | None] = {}
    for sample in samples:
        if sample.side == side and sample.service == service:
            second = math.floor(sample.at.timestamp())
            found[second] = _worst(found.get(second, True), sample.ok)
    words: dict[bool | None, StripState] = {True: "ok", False: "bad", None: "unknown"}
    return tuple(
        words[found[second]] if second in found else "nothing"
        for second in range(end - seconds, end)
    )


def _worst(one: bool | None, other: bool | None) -> bool | None:
    """What two checks of the same moment say together."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True
