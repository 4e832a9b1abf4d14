"""Health: what works on a host at one moment, as the result of a step is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.model.host import Check
from engine.programs.containers import ContainerState
from engine.programs.mounts import Mount
from engine.programs.routes import DefaultRoute
from engine.programs.sockets import Listening
from engine.programs.systemd import RunningService


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One health check that was made, or could not be made.

    Attributes:
        ok: None where the check could not be made: that says nothing of the service.
        detail: What was seen, in words: ``status 502``, ``active``, ``connection refused``.
        seconds: How long it took with all its attempts; None where it wasn't begun.
    """

    service: str
    check: Check
    ok: bool | None
    detail: str
    seconds: float | None = None

    @property
    def shown(self) -> str:
        """The check in words, with its service."""
        return f"check {self.service} {self.check.shown}"


@dataclass(frozen=True, slots=True)
class Health:
    """What works on a host. ``None``: it could not be read, and `unread` says why.

    Attributes:
        privileged: It was looked at as root; without, no socket has a program.
        kernel: ``uname -r``.
        services: Those that run.
        unread: ``SECTION: why``, for what is None.
    """

    host: str
    taken_at: datetime
    privileged: bool
    kernel: str | None = None
    failed_units: tuple[str, ...] | None = None
    services: tuple[RunningService, ...] | None = None
    sockets: tuple[Listening, ...] | None = None
    containers: tuple[ContainerState, ...] | None = None
    mounts: tuple[Mount, ...] | None = None
    routes: tuple[DefaultRoute, ...] | None = None
    checks: tuple[CheckResult, ...] = ()
    unread: tuple[str, ...] = ()
