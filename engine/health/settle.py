"""After a change: look again until all is as well as before, since services need a moment."""

from __future__ import annotations

from collections.abc import Sequence

from engine.clock import Clock
from engine.health.baseline import take
from engine.health.compare import Difference, compare
from engine.health.exchange import Tries
from engine.health.health import Health
from engine.model.host import Host
from engine.model.plan import ServiceCheck
from engine.transport.protocol import Transport

_ONCE = Tries(attempts=1)
"""Looking again is the further attempt."""
_CALM = 2
"""Good looks in a row that count: one that falls between two crashes shows nothing."""


async def settled(
    transport: Transport,
    host: Host,
    before: Health,
    checks: Sequence[ServiceCheck],
    clock: Clock,
    *,
    deadline_s: float,
    address: str | None = None,
    every_s: float = 3,
) -> tuple[Difference, Health]:
    """The last difference, and the look behind it: a good one, or what it was at the deadline.

    It is looked at once at least.

    Raises:
        UnreachableError: it is out of reach; whoever waits for it knows nothing of it meanwhile.
        HostOutputError, NeedsPersonError: see `take`.
    """
    until = clock.monotonic() + deadline_s
    good = 0
    while True:
        after = await take(transport, host, checks, clock, address=address, tries=_ONCE)
        difference = compare(before, after)
        good = good + 1 if difference.good else 0
        if good == _CALM or clock.monotonic() + every_s > until:
            return difference, after
        await clock.sleep(every_s)
