"""Looking at hosts: one round trip each, many at once, none held up by another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.errors import HostOutputError, HostshiftError
from engine.facts import cache, common
from engine.facts.changelogs import with_updates
from engine.facts.sections import ProbeOutput, new_nonce, take_apart
from engine.facts.successor_names import taken_in_dns
from engine.families.registry import recognise
from engine.model.facts import Depth, Facts, Failure, Look, Problem
from engine.model.host import Host
from engine.published import published
from engine.session import Session
from engine.shell import Script
from engine.text import clean
from engine.transport.failures import as_failure
from engine.transport.protocol import Completed

OnLook = Callable[[Look], None]
LIGHT_AT_ONCE = 50
"""Connections at once; about what one core of the controller and a jump host stand."""
FULL_AT_ONCE = 4
"""Simulations at once: they cost their hosts seconds, and hosts may share a machine."""
_LIMIT_BYTES = 12 * 1024 * 1024


async def look_at(session: Session, host: Host, depth: Depth = "full") -> Look:
    """Probe one host. Trouble with the host is in ``Look.error``; only bugs raise.

    A full look is kept for `scan`, which uses it again while its fingerprint stands.
    """
    taken_at = session.clock.now()
    try:
        facts = await _probe(session, host, depth)
    except HostshiftError as error:
        return Look(host.name, taken_at, error=as_failure(error), depth=depth)
    if depth == "full":
        taken = await taken_in_dns(session, host, facts.successor)
        facts = replace(facts, taken_in_dns=taken)
    if depth == "full" and not session.read_only:
        await asyncio.to_thread(cache.keep, session.state_dir, facts)
    facts = await asyncio.to_thread(_with_known, session.state_dir, facts)
    return Look(host.name, facts.taken_at, facts, depth=depth)


async def look(
    session: Session,
    hosts: Sequence[Host],
    depth: Depth,
    on_look: OnLook,
    *,
    concurrency: int | None = None,
) -> None:
    """Probe hosts, calling ``on_look`` for each as it answers; returns when all have.

    Cancelling ends every probe that is under way.
    """
    bound = concurrency or (LIGHT_AT_ONCE if depth == "light" else FULL_AT_ONCE)

    async def one(host: Host) -> None:
        on_look(await look_at(session, host, depth))

    await _each(hosts, one, bound)


async def scan(
    session: Session,
    hosts: Sequence[Host],
    on_look: OnLook,
    *,
    light_at_once: int = LIGHT_AT_ONCE,
    full_at_once: int = FULL_AT_ONCE,
) -> None:
    """A light look at all hosts, then a full one where no former one stands.

    ``on_look`` gets each host's light look as it comes, already joined with a former full one
    whose fingerprint stands; then the new full looks, pending security updates first.
    """
    wanting: list[tuple[Host, Facts]] = []

    async def light(host: Host) -> None:
        seen = await look_at(session, host, "light")
        if seen.facts is not None:
            former = await asyncio.to_thread(cache.recall, session.state_dir, host.name)
            joined = cache.join(seen.facts, former)
            if joined is None:
                wanting.append((host, seen.facts))
            else:
                known = await asyncio.to_thread(_with_known, session.state_dir, joined)
                seen = replace(seen, facts=known)
        on_look(seen)

    async def full(host: Host) -> None:
        seen = await look_at(session, host, "full")
        if seen.error is None:
            on_look(seen)
        else:
            # The light look stands; what is missing is said beside it.
            light_facts = next(facts for wanted, facts in wanting if wanted is host)
            on_look(Look(host.name, seen.taken_at, _with_problem(light_facts, seen.error)))

    await _each(hosts, light, light_at_once)
    await _each([host for host, _ in sorted(wanting, key=_urgency)], full, full_at_once)


def _with_known(state_dir: Path, facts: Facts) -> Facts:
    """With what this machine knows beside it: kept changelogs, and what is published."""
    data = published(state_dir)
    ends = data.end_of_support(facts.os)
    facts = replace(facts, os=replace(facts.os, support_ends=ends))
    if facts.packages is not None:
        early = data.ended(facts.os, facts.packages.sources)
        facts = replace(facts, packages=replace(facts.packages, sources=(), ended=early))
    return with_updates(state_dir, facts)


def _urgency(wanted: tuple[Host, Facts]) -> tuple[int, str]:
    packages = wanted[1].packages
    return (-(packages.security or 0) if packages else 0, wanted[0].name)


def _with_problem(facts: Facts, failure: Failure) -> Facts:
    problem = Problem(
        "full", f"The full look did not succeed: {failure.message}", failure.hint or "Probe again."
    )
    return replace(facts, problems=(*facts.problems, problem))


async def _each(
    hosts: Iterable[Host], work: Callable[[Host], Coroutine[None, None, None]], at_once: int
) -> None:
    queue = list(hosts)[::-1]

    async def worker() -> None:
        while queue:
            await work(queue.pop())

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(queue))):
            group.create_task(worker())


async def _probe(session: Session, host: Host, depth: Depth) -> Facts:
    nonce = new_nonce()
    deadlines = host.deadlines
    done = await session.transport.run(
        host,
        Script.host("probe.sh", nonce, depth, after=("frames.sh", "grub_menu.sh")),
        as_root="if-possible",
        deadline_s=deadlines.light_probe_s if depth == "light" else deadlines.full_probe_s,
        limit_bytes=_LIMIT_BYTES,
    )
    return read(host, depth, done, take_apart(done.stdout, nonce), session)


def read(host: Host, depth: Depth, done: Completed, output: ProbeOutput, session: Session) -> Facts:
    """The facts of a probe that ended.

    Raises:
        HostOutputError: what came is no probe's output.
    """
    if "host" not in output.sections:
        raise HostOutputError(
            f"{host.name} answered, but not with what the probe prints.{_said(done)}",
            hint="See that the login shell of this user runs sh and prints nothing of its own.",
        )
    facts = common.observe(host.name, output.sections, depth, session.clock.now())
    family = recognise(output.sections)
    facts, problems = family.observe(output.sections, replace(facts, family=family.name))
    return replace(
        facts,
        problems=(*facts.problems, *problems, *_troubles(done, output, facts.privileged)),
        fingerprint=cache.fingerprint(output.sections, facts),
    )


def _said(done: Completed) -> str:
    for line in clean(done.stderr or done.stdout).split("\n"):
        if line.strip():
            return f" It said: {line.strip()[:200]}"
    return ""


def _troubles(done: Completed, output: ProbeOutput, privileged: bool) -> Iterator[Problem]:
    if done.not_root_because is not None and not privileged:
        why = done.not_root_because
        yield Problem("root", f"Looked at without root: {why.message}", why.hint, why.kind)
    if done.truncated:
        yield Problem(
            "probe",
            "The host sent more than the probe takes; the rest was thrown away.",
            "Look at what floods the probe on the host.",
        )
    elif not output.complete:
        where = f" in its section {output.unfinished}" if output.unfinished else ""
        yield Problem(
            "probe",
            f"The probe ended early{where}; what comes after is not known.",
            "Probe again; look at the host's load and memory if it happens again.",
        )
    for section in output.sections.values():
        if section.truncated:
            yield Problem(
                section.name,
                "The output of this section was cut at its bound.",
                "Look at the host by hand.",
            )
