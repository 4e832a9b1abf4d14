"""What writes for a service, as a part of a plan's act. No I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Writer:
    """One service's writers on a host.

    Attributes:
        units: Stopped in reverse, started in this order, and before the containers.
        volumes: Absolute paths of what they write to.
        freeze: ``stop``, ``none``, or a line for ``sh -c``; None is ``stop``.
        thaw: A line for ``sh -c`` that undoes such a line, once the units run again.
    """

    service: str
    units: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    freeze: str | None = None
    thaw: str | None = None
