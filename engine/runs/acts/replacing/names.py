"""The DNS of a replacement: the successor's own name, the TTL ahead, the switch, how it spreads.

What the names lead to is noted by the preflight, and every change starts from that: whoever
changes a name meanwhile is not overwritten, and a change that was made is found made.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from engine import dns, scripts
from engine.clock import rfc3339
from engine.dns.names import is_reverse
from engine.errors import HostshiftError
from engine.inventory.resolve import zone_of
from engine.inventory.value import Zone
from engine.model.cutover import DnsSide
from engine.model.json_form import from_json, to_json
from engine.model.plan import ScriptAct
from engine.model.replacing import CUTOVER, PREFLIGHT, REACH, RecordsAct, SpreadAct
from engine.runs.acts import gate
from engine.runs.acts.replacing import outage
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError
from engine.runs.observe import Observation
from engine.runs.records import sent

COMMAND_S: Final = 900
"""Seconds for a zone's command, and for its provider to publish what it did."""
ASK_AGAIN_S: Final = 2.0
TRIES_S: Final = 120.0
"""Seconds for which an update that nobody answers is looked for and sent again."""


def zone(hand: Hand, name: str) -> Zone:
    """A zone of the inventory.

    Raises:
        NotDoneError: it isn't there any more.
    """
    zones = {zone.name: zone for zone in hand.driver.session.inventory.zones}
    if name not in zones:
        raise NotDoneError(
            (f"The inventory has no zone {name} any more.",), hint="Put it back, then go on."
        )
    return zones[name]


async def note(hand: Hand, wanted: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, Any]:
    """What the services' names lead to now, by zone, as the primaries say it.

    Raises:
        NotDoneError: a primary gave no answer that counts.
    """
    found: dict[str, Any] = {}
    wire = dns.open_wire(read_only=True)
    for zone_name, names in wanted:
        seen = await dns.look(wire, hand.driver.session.clock, zone(hand, zone_name), names)
        found[zone_name] = {}
        for name in names:
            answer = _best(seen.of(name))
            if answer is None or not answer.answered:
                said = answer.shown if answer is not None else "nobody was asked"
                raise NotDoneError(
                    (f"What {name} leads to isn't known: {said}.",),
                    hint="hostshift check --dns says more.",
                )
            found[zone_name][name] = {
                "records": [to_json(r) for r in answer.records],
                "negative_ttl": answer.negative_ttl,
            }
    return found


async def leading(
    hand: Hand, wanted: Iterable[tuple[str, tuple[str, ...]]], address: str
) -> tuple[str, ...]:
    """Those of the names, by zone, that lead to an address now.

    Raises:
        NotDoneError: a primary gave no answer that counts.
    """
    return tuple(
        name
        for zone in (await note(hand, wanted)).values()
        for name, found in zone.items()
        if any(address in records["values"] for records in found["records"])
    )


async def taken(hand: Hand) -> tuple[str, ...]:
    """Whether the successor's own name leads somewhere already, as after an earlier try."""
    wire = dns.open_wire(read_only=True)
    said = []
    for step in hand.driver.record.plan.steps:
        if isinstance(step.act, RecordsAct) and step.act.purpose == "own":
            where = zone(hand, step.act.zone)
            seen = await dns.look(wire, hand.driver.session.clock, where, step.act.names)
            said += [
                f"{name} is in the DNS already: {answer.shown}. It must be where the provision "
                "script says that the successor is."
                for name in step.act.names
                if (answer := _best(seen.of(name))) is not None and answer.records
            ]
    return tuple(said)


def _best(answers: tuple[dns.Answer, ...]) -> dns.Answer | None:
    """The primary's answer; without one, one of the zone's own servers'."""
    own = [a for a in answers if a.server.role != "watched"]
    return next((a for a in own if a.server.role == "primary"), next(iter(own), None))


async def records(hand: Hand, act: RecordsAct) -> Done | Observation:
    """Carry out one change of a zone."""
    changes = await _changes(hand, act)
    words: list[str] = []
    for change in changes:
        if not change.edits:
            continue
        words += [e.shown for e in change.edits]
        try:
            await _carry_out(hand, change)
        except NotDoneError as error:
            if act.purpose != "give-ttl-back":
                raise
            # A low TTL costs some questions; it is no reason to leave the rest undone.
            return Done(("The names keep their low TTL.", *error.words))
    if not words:
        words = [f"{', '.join(act.names)}: nothing to change in {act.zone}."]
    result = {"changes": [to_json(c) for c in changes]}
    if act.purpose == "lower-ttl":
        waited = await _wait_out(hand, act, changes[0])
        if isinstance(waited, Observation):
            return waited
        words.append(waited)
    return Done(tuple(words), result)


async def _changes(hand: Hand, act: RecordsAct) -> tuple[dns.Change, ...]:
    if act.purpose == "own":
        return await _own(hand, act)
    if act.purpose == "remove":
        return await _removal(hand, act)
    if act.purpose == "give-ttl-back":
        return _as_before(hand, act)
    noted = hand.result(PREFLIGHT).get("names", {}).get(act.zone, {})
    edits: list[dns.Edit] = []
    target = await _target(hand) if act.purpose == "switch" else None
    for name in act.names:
        before = _noted(hand, act, name, noted)
        if act.purpose == "lower-ttl":
            edits += dns.lower_ttl(before, act.ttl or 0)
            continue
        ttl = hand.old.replacement.ttl_s
        lowered = replace(
            before, records=tuple(replace(r, ttl=min(r.ttl, ttl)) for r in before.records)
        )
        if target is not None:
            try:
                edits += dns.point(lowered, target)
            except HostshiftError as error:
                raise NotDoneError((error.message,), hint=error.hint) from error
    return (dns.Change(act.zone, tuple(edits)),)


def _as_before(hand: Hand, act: RecordsAct) -> tuple[dns.Change, ...]:
    """The records that lead to the successor, with the TTL that the names had at first."""
    noted = hand.result(PREFLIGHT).get("names", {}).get(act.zone, {})
    edits = []
    for found in hand.result(act.changed or "").get("changes", ()):
        for edit in from_json(dns.Change, found).edits:
            before = noted.get(edit.name, {}).get("records", ())
            ttl = min((int(r["ttl"]) for r in before), default=0)
            if edit.new is not None and ttl > edit.new.ttl:
                edits.append(dns.edit(edit.name, edit.type, edit.new, replace(edit.new, ttl=ttl)))
    return (dns.Change(act.zone, tuple(edits)),)


def _noted(hand: Hand, act: RecordsAct, name: str, noted: dict[str, Any]) -> dns.Answer:
    found = noted.get(name)
    if found is None:
        raise NotDoneError(
            (f"What {name} led to before isn't known any more.",), hint="Plan the rest anew."
        )
    return dns.Answer(
        dns.Server(act.zone, "", role="primary"),
        name,
        hand.driver.now(),
        rcode="NOERROR",
        authoritative=True,
        records=tuple(from_json(dns.Records, r) for r in found["records"]),
        negative_ttl=found["negative_ttl"],
    )


async def _target(hand: Hand) -> dns.Target:
    wire = dns.open_wire(read_only=True)
    addresses = await wire.addresses(hand.new.address)
    if isinstance(addresses, dns.Problem):
        raise NotDoneError((addresses.message,), hint=addresses.hint)
    name = hand.result(REACH).get("dns_name")
    return dns.Target(addresses, name)


async def _own(hand: Hand, act: RecordsAct) -> tuple[dns.Change, ...]:
    """The successor's A and AAAA, and its PTR where the reverse zone is ours."""
    target = await _target(hand)
    ttl = act.ttl or 300
    name = act.names[0]
    edits = [
        dns.edit(name, kind, None, dns.records(name, kind, values, ttl))
        for kind in ("A", "AAAA")
        if (values := [a for a in target.addresses if (":" in a) == (kind == "AAAA")])
    ]
    changes = [dns.Change(act.zone, tuple(edits))]
    zones = {zone.name: zone for zone in hand.driver.session.inventory.zones}
    for address in target.addresses:
        reverse = dns.reverse_name(address)
        found = zone_of(reverse, zones)
        if found is not None:
            pointer = dns.edit(reverse, "PTR", None, dns.records(reverse, "PTR", [name], ttl))
            changes.append(dns.Change(found, (pointer,)))
    return tuple(changes)


async def _removal(hand: Hand, act: RecordsAct) -> tuple[dns.Change, ...]:
    """What stands at a name now goes, and what leads back to it from its addresses."""
    found = {name: await _standing(hand, act.zone, name) for name in act.names}
    edits = [dns.edit(name, r.type, r, None) for name, there in found.items() for r in there]
    changes = [dns.Change(act.zone, tuple(edits))]
    zones = {zone.name: zone for zone in hand.driver.session.inventory.zones}
    for name, there in found.items():
        for address in (v for r in there if r.type in ("A", "AAAA") for v in r.values):
            reverse = dns.reverse_name(address)
            where = zone_of(reverse, zones)
            if where is None:
                continue
            pointers = await _standing(hand, where, reverse)
            back = [p for p in pointers if p.type == "PTR" and name in p.values]
            changes += [dns.Change(where, (dns.edit(reverse, "PTR", p, None),)) for p in back]
    return tuple(changes)


async def _standing(hand: Hand, zone_name: str, name: str) -> tuple[dns.Records, ...]:
    """What a zone's primary says of a name now.

    Raises:
        NotDoneError: nobody says it.
    """
    wire = dns.open_wire(read_only=True)
    seen = await dns.look(wire, hand.driver.session.clock, zone(hand, zone_name), (name,))
    answer = _best(seen.of(name))
    if answer is None or not answer.answered:
        raise NotDoneError(
            (f"What stands at {name} isn't known.",), hint="hostshift check --dns says more."
        )
    return answer.records


async def _carry_out(hand: Hand, change: dns.Change) -> None:
    """One change, until it is read back or refused.

    Raises:
        NotDoneError: it was refused, or nobody can say within `TRIES_S` whether it was made.
    """
    found = zone(hand, change.zone)
    # From here on it may be made, whatever becomes of this hostshift.
    await hand.begins(sent(hand.step.id))
    clock = hand.driver.session.clock
    until = clock.monotonic() + TRIES_S
    while True:
        outcome = await (
            _by_command(hand, found, change)
            if found.command is not None and found.server is None
            else _by_update(hand, found, change)
        )
        if outcome.ending in ("changed", "nothing-to-do"):
            return
        problem = outcome.problem
        what = problem.message if problem is not None else "; ".join(outcome.there)
        if outcome.ending == "refused":
            hand.driver.record = replace(
                hand.driver.record,
                begun={
                    k: v for k, v in hand.driver.record.begun.items() if k != sent(hand.step.id)
                },
            )
            raise NotDoneError(
                (f"The change of {change.zone} was refused, and nothing was changed: {what}.",),
                hint=problem.hint if problem is not None else "Look at the zone.",
            )
        hand.says(f"The change of {change.zone} isn't confirmed yet: {what}.")
        if clock.monotonic() >= until:
            raise NotDoneError(
                (f"Nobody can say whether {change.zone} was changed: {what}.",),
                hint=problem.hint if problem is not None else "Look at the zone.",
                state="attention",
            )
        await hand.driver.sleep(ASK_AGAIN_S)


async def _by_update(hand: Hand, found: Zone, change: dns.Change) -> dns.Outcome:
    session = hand.driver.session
    try:
        key = await dns.read_key(found, session.inventory.path.resolve().parent)
    except HostshiftError as error:
        return dns.Outcome("refused", problem=dns.Problem(error.kind, error.message, error.hint))
    wire = dns.open_wire(read_only=session.read_only)
    return await dns.carry_out(wire, session.clock, found, change, key)


async def _by_command(hand: Hand, found: Zone, change: dns.Change) -> dns.Outcome:
    """By the zone's command, which is run once for a change; what it says is not believed."""
    session = hand.driver.session
    act = ScriptAct(tuple(shlex.split(found.command or "")), "dns", COMMAND_S)
    variables = scripts.environment(hand.run, hand.old, new=hand.new.name) | dns.hook.environment(
        change
    )
    step = f"{hand.step.id}.{change.zone}"
    try:
        await scripts.start(session, hand.run, step, act, dns.hook.event(change), variables)
    except scripts.NotStartedError as error:
        return dns.Outcome("refused", problem=dns.Problem("command", error.message, error.hint))
    while True:
        seen = await scripts.follow(session, hand.run, step, seconds=2)
        if not seen.alive:
            break
        await hand.driver.beat(hand.step.id)
    wire = dns.open_wire(read_only=True)
    now = await dns.look(wire, session.clock, found, change.names)
    return dns.hook.judge(change, seen.exit_status, now.answers)


async def _wait_out(hand: Hand, act: RecordsAct, change: dns.Change) -> str | Observation:
    """Wait until no cache can have the old TTL any more: a countdown, over days if need be."""
    if not change.edits:
        return "The TTL is that low already."
    follower = _Follower(hand, (change,))
    until = await hand.begins(f"{hand.step.id}.since") + timedelta(seconds=act.wait_s)
    async with follower:
        observed = await gate.ask(
            hand.driver,
            hand.step,
            "Go on before the old TTL has run out everywhere?",
            (f"The old TTL is {dns.old_ttl(change)} s.", "Opens by itself when it has run out."),
            hand.more,
            told=follower.words,
            until=until,
            opens=lambda: "The old TTL has run out everywhere." if follower.done else None,
            closes=False,
            by_itself=True,
        )
    return observed.reason[0] if observed.state == "running" else observed


class _Follower:
    """Asks every server again and again in the background while the run waits."""

    def __init__(self, hand: Hand, changes: tuple[dns.Change, ...]) -> None:
        self._hand = hand
        self._changes = changes
        self._task: asyncio.Task[None] | None = None
        self.snapshots: dict[str, dns.Snapshot] = {}

    @property
    def done(self) -> bool:
        return len(self.snapshots) == len(self._changes) and all(
            snapshot.done for snapshot in self.snapshots.values()
        )

    def words(self) -> tuple[str, ...]:
        """Until when the old records may be seen, and who keeps that from being known."""
        behind = [s.server.shown for found in self.snapshots.values() for s in found.behind]
        if behind:
            return (f"Not turned yet: {', '.join(dict.fromkeys(behind))}.",)
        moments = [found.until for found in self.snapshots.values() if found.until is not None]
        return (f"It has run out {rfc3339(max(moments))}.",) if moments else ()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name=f"dns {self._hand.run}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._hand.driver.name_servers = ()

    async def _follow(self) -> None:
        session = self._hand.driver.session
        wire = dns.open_wire(read_only=True)
        servers = {
            change.zone: (await dns.look(wire, session.clock, zone(self._hand, change.zone),
                                         change.names)).servers
            for change in self._changes
        }  # fmt: skip
        while True:
            for change in self._changes:
                self.snapshots[change.zone] = await dns.snapshot(
                    wire,
                    session.clock,
                    change,
                    servers[change.zone],
                    ttl=dns.old_ttl(change),
                    before=self.snapshots.get(change.zone),
                )
            self._hand.driver.name_servers = tuple(
                DnsSide(s.server.shown, s.server.role, s.turned, s.shown)
                for snapshot in self.snapshots.values()
                for s in snapshot.states
            )
            await asyncio.sleep(dns_every_s(self.snapshots.values()))


def dns_every_s(snapshots: Iterable[dns.Snapshot]) -> float:
    """Seconds between two questions: often while something turns, seldom while only time passes."""
    waiting = [s for s in snapshots if not s.done]
    if any(s.until is None for s in waiting):
        return 1.0
    left = [(s.until - s.at).total_seconds() for s in waiting if s.until is not None]
    return min(30.0, max(0.5, min(left, default=1.0) / 10))


async def spread(hand: Hand, act: SpreadAct) -> Done | Observation:
    """Wait until the switch has reached everybody; who lags behind is named."""
    changes = tuple(
        change
        for step in act.changes
        for found in hand.result(step).get("changes", ())
        if (change := from_json(dns.Change, found)).edits and not is_reverse(change.names[0])
    )
    if not changes:
        return Done(("No name was changed.",))
    follower = _Follower(hand, changes)
    ttl = max(dns.old_ttl(change) for change in changes)

    async with follower:
        observed = await gate.ask(
            hand.driver,
            hand.step,
            "Go on before the old records have run out everywhere?",
            (f"The old TTL is {ttl} s.", "Opens by itself when it has run out everywhere."),
            hand.more,
            told=follower.words,
            opens=lambda: _spread(follower),
            closes=False,
            by_itself=True,
        )
        states = [s for snapshot in follower.snapshots.values() for s in snapshot.states]
    if observed.state != "running":
        return observed
    behind = tuple(
        state.problem.message if state.problem is not None else f"{state.server.shown} lags"
        for state in states
        if not state.turned
    )
    await outage.stop(hand.driver)
    promised = hand.result(CUTOVER).get("promised_s")
    return Done(
        (*observed.reason, *behind, *outage.words(hand.driver, promised)),
        {
            "servers": [
                {"server": s.server.shown, "turned": s.turned, "since": _at(s.since)}
                for s in states
            ]
        },
    )


def _spread(follower: _Follower) -> str | None:
    return "Every server has turned, and the old TTL has run out." if follower.done else None


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
