"""What got worse on a host, by two looks at it. Pure; docs/health.md tells the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar

from engine.health.health import CheckResult, Health
from engine.programs.containers import ContainerState
from engine.programs.sockets import Listening
from engine.programs.systemd import RunningService, passing

_NAMED = 20
"""Lines of one kind that are told; a hundred of them help nobody."""

_SESSIONS = ("session-", "hostshift-")
"""Places of sockets that go with a login (also what it forwards) or with one of our own jobs."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """The second look compared with the first, in words, one line each.

    Attributes:
        worse: What worked and works no more.
        better: What did not work and works now.
        unread: What can't be compared since one of the two looks did not see it, and why.
        notes: What a person may want to know and need not act upon: what failed before too, what
            looks different and works.
        same: How many things were found as before.
        units: Services that were started anew since, or run no more; None: it can't be told.
        containers: The same of containers.
        ended: Those of them that run no more and that nothing starts again, as nobody asked for it.
    """

    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    same: int = 0
    units: tuple[str, ...] | None = None
    containers: tuple[str, ...] | None = None
    ended: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Nothing is worse, and nothing remains to be seen."""
        return not self.worse and not self.unread


@dataclass(slots=True)
class _Found:
    before: Health
    after: Health
    worse: list[str] = field(default_factory=list)
    better: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    same: int = 0
    ended: list[str] = field(default_factory=list)

    def both(self, what: str, before: T | None, after: T | None) -> tuple[T, T] | None:
        """Both values; None where one is missing, and that is told."""
        if before is not None and after is not None:
            return before, after
        if before is None and after is None:
            self.notes.append(f"{what} could be read neither before nor after")
            return None
        blind, when = (self.before, "before") if before is None else (self.after, "now")
        why = next((line for line in blind.unread if line.startswith(f"{what}: ")), what)
        self.unread.append(f"{why} ({when})")
        return None


def compare(before: Health, after: Health) -> Difference:
    """What differs, and whether it is worse."""
    found = _Found(before, after)
    _units(found)
    _services(found)
    _sockets(found)
    _containers(found)
    _mounts(found)
    _routes(found)
    if before.kernel and after.kernel and before.kernel != after.kernel:
        found.notes.append(f"kernel {after.kernel} runs, {before.kernel} ran before")
    _checks(found)
    return Difference(
        worse=_some(found.worse),
        better=_some(found.better),
        unread=_some(found.unread),
        notes=_some(found.notes),
        same=found.same,
        units=_stopped(before.services, after.services),
        containers=_stopped(before.containers, after.containers),
        ended=tuple(found.ended),
    )


def _stopped(
    before: Sequence[RunningService | ContainerState] | None,
    after: Sequence[RunningService | ContainerState] | None,
) -> tuple[str, ...] | None:
    """What ran and has been stopped since, by name; None where that isn't known of each."""
    if before is None or after is None:
        return None
    now = {one.name: one for one in after if _runs(one)}
    before = [one for one in before if _runs(one)]
    there = [(one, now[one.name]) for one in before if one.name in now]
    if any(None in (old.started, new.started) for old, new in there):
        return None
    anew = {old.name for old, new in there if old.started != new.started}
    return tuple(sorted(anew | {one.name for one in before if one.name not in now}))


def _runs(one: RunningService | ContainerState) -> bool:
    return one.state == "running" if isinstance(one, ContainerState) else not passing(one.name)


def _units(found: _Found) -> None:
    pair = found.both("failed units", found.before.failed_units, found.after.failed_units)
    if pair is None:
        return
    old, new = ({unit for unit in units if not passing(unit)} for units in pair)
    found.worse += [f"new failed unit: {unit}" for unit in sorted(new - old)]
    found.better += [f"{unit} fails no more" for unit in sorted(old - new)]
    found.notes += [f"failed unit: {unit}, as before" for unit in sorted(old & new)]


def _services(found: _Found) -> None:
    pair = found.both("running services", found.before.services, found.after.services)
    if pair is None:
        return
    running = {service.name for service in pair[1]}
    told = set(found.after.failed_units or ()) - set(found.before.failed_units or ())
    for service in pair[0]:
        if service.name in running:
            found.same += 1
        elif service.lasting and service.name not in told:
            found.worse.append(f"{service.name} runs no more")


def _containers(found: _Found) -> None:
    pair = found.both("containers", found.before.containers, found.after.containers)
    if pair is None:
        return
    now = {container.name: container for container in pair[1]}
    for old in pair[0]:
        new = now.get(old.name)
        name = f"container {old.name}"
        if old.state != "running":
            if new is not None and new.state == "running":
                found.better.append(f"{name} is running, was {old.state}")
        elif new is None:
            (found.worse if old.lasting else found.notes).append(f"{name} is gone, was running")
        elif new.state != "running":
            # One that was made to end, and ended, is no loss; one that can't start is.
            ended = not old.lasting and new.state == "exited"
            (found.notes if ended else found.worse).append(f"{name} is {new.state}, was running")
            if ended:
                found.ended.append(old.name)
        elif old.health == "healthy" and new.health != "healthy":
            found.worse.append(f"{name} is {new.health or 'without health'}, was healthy")
        else:
            found.same += 1


def _mounts(found: _Found) -> None:
    pair = found.both("mounts", found.before.mounts, found.after.mounts)
    if pair is None:
        return
    now = {mount.point: mount for mount in pair[1]}
    for old in pair[0]:
        new = now.get(old.point)
        if new is None:
            found.worse.append(f"mount {old.point} is gone")
        elif new.read_only and not old.read_only:
            found.worse.append(f"mount {old.point} is read-only now")
        else:
            found.same += 1
            if new.kind != old.kind:
                found.notes.append(f"mount {old.point} is {new.kind}, was {old.kind}")


def _routes(found: _Found) -> None:
    pair = found.both("default routes", found.before.routes, found.after.routes)
    if pair is None:
        return
    for old in pair[0]:
        others = [route.shown for route in pair[1] if route.family == old.family]
        if old in pair[1]:
            found.same += 1
        elif others:
            # A renamed interface or another router: the packets have a way.
            found.notes.append(f"default route {old.shown} is now {', '.join(others)}")
        else:
            found.worse.append(f"default route {old.shown} is gone")


def _sockets(found: _Found) -> None:
    pair = found.both("listening sockets", found.before.sockets, found.after.sockets)
    if pair is None:
        return
    for old in pair[0]:
        if any(_covers(new, old) for new in pair[1]):
            found.same += 1
        elif old.place is not None and old.place.startswith(_SESSIONS):
            continue
        elif old.ephemeral and (moved := [new for new in pair[1] if _took_over(new, old)]):
            if old.protocol == "tcp":
                found.notes.append(f"{old.shown} listens on port {moved[0].port} now")
        elif old.ephemeral and old.protocol == "udp":
            found.notes.append(f"bound no more: {old.shown}")
        else:
            word = "listening no more" if old.protocol == "tcp" else "bound no more"
            found.worse.append(f"{word}: {old.shown}")


def _covers(new: Listening, old: Listening) -> bool:
    """Whether who used the old socket is served by the new one.

    One that is bound to every address serves each: ``::`` takes IPv4 too (ipv6(7), IPV6_V6ONLY).
    The link-local addresses of one port are one: those of virtual interfaces change.
    """
    if (new.protocol, new.port) != (old.protocol, old.port):
        return False
    if new.address in (old.address, "::"):
        return True
    old_address, new_address = ip_address(old.address), ip_address(new.address)
    if new.address == "0.0.0.0":
        return old_address.version == 4
    return old_address.version == 6 and old_address.is_link_local and new_address.is_link_local


def _took_over(new: Listening, old: Listening) -> bool:
    """Whether this is the old program's socket after a restart, with a port of the kernel's choice.

    Where the program can't be seen the address has to do.
    """
    if not new.ephemeral or new.protocol != old.protocol:
        return False
    if old.program is not None and new.program is not None:
        return new.program == old.program
    return new.address == old.address


def _checks(found: _Found) -> None:
    former = {(result.service, result.check): result for result in found.before.checks}
    for new in found.after.checks:
        _check(former.get((new.service, new.check)), new, found)


def _check(old: CheckResult | None, new: CheckResult, found: _Found) -> None:
    was = old.ok if old is not None else None
    if new.ok is None:
        if was is None:
            found.notes.append(f"{new.shown} could be made neither before nor after: {new.detail}")
        else:
            knew = "passed" if was else "failed"
            found.unread.append(f"{new.shown} could not be made: {new.detail} ({knew} before)")
    elif new.ok:
        found.same += was is True
        if was is False:
            found.better.append(f"{new.shown} passes: {new.detail} (failed before)")
    elif was:
        found.worse.append(f"{new.shown} fails: {new.detail} (passed before)")
    elif was is False:
        found.notes.append(f"{new.shown} fails as before: {new.detail}")
    else:
        found.unread.append(f"{new.shown} fails: {new.detail} (could not be made before)")


def _some(lines: Sequence[str]) -> tuple[str, ...]:
    more = len(lines) - _NAMED
    return (*lines[:_NAMED], f"... and {more} more") if more > 0 else tuple(lines)
