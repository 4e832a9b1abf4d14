"""The steps of a replacement, in the doctrine's order (docs/replace.md)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from engine.candidates.replace import moving
from engine.inventory.resolve import zone_of
from engine.inventory.value import Hooks, Inventory
from engine.model.facts import Facts
from engine.model.host import Host, Service
from engine.model.plan import ScriptAct, ServiceCheck, Step, Where
from engine.model.replacing import (
    CHECK,
    CUTOVER,
    FREEZE,
    HOLD,
    PREFLIGHT,
    PROVISION,
    REACH,
    REFERENCES,
    START,
    SWITCH,
    TEST,
    ChecksAct,
    CloseAct,
    CutoverGateAct,
    EndForwardAct,
    EndGateAct,
    FormerAct,
    ForwardAct,
    FreezeAct,
    HoldAct,
    InventoryAct,
    OpenAct,
    PassKind,
    PowerOffAct,
    PreflightAct,
    QuietAct,
    ReachAct,
    RecordsAct,
    RecordsPurpose,
    ReplacingAct,
    ReturnAct,
    SoakAct,
    SpreadAct,
    StartAct,
    SwitchAct,
    SyncAct,
)
from engine.model.writers import Writer
from engine.plan.hooks import AFTER, BEFORE, hook
from engine.successor import Successor, is_address, names_of, propose

SCRIPT_S: Final = 6 * 3600
"""Seconds for a script that builds or restores: beyond that somebody looks."""
REACH_S: Final = 1800
"""Seconds for a new server to boot and cloud-init to end."""
KEY_S: Final = 3 * 24 * 3600
"""Seconds that the data's one-time key is worth anything; each pass renews it."""
TTL_WAIT_S: Final = 7 * 24 * 3600
OWN_TTL_S: Final = 300

OWN, REMOVE = "own-records", "old-records"
AGAIN = ("bulk-again", "bulk-again-2", "bulk-again-3", "bulk-again-4")
"""Ids of the passes that shorten the last one, as far as they do."""
OPEN, CLOSE, RETURN = "open-way", "no-key-left", "return"
FORWARD, END_FORWARD = "forward", "no-forward"
"""Ids of steps that others name."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """What a replacement has to know beyond the host.

    Attributes:
        zones: Each zone of the inventory that holds one of these names, with the names.
        own_zone: The zone in which the successor gets a name of its own; None: it gets none here.
        old_zone: The zone of the old host's own name.
        predecessor: The server to which one can go back.
        taken: Every name and address of the inventory.
    """

    successor: Successor
    zones: tuple[tuple[str, tuple[str, ...]], ...] = ()
    own_zone: str | None = None
    old_zone: str | None = None
    predecessor: Host | None = None
    taken: frozenset[str] = frozenset()


def replacing(inventory: Inventory, host: Host, facts: Facts) -> Replacing:
    """What the inventory, and the DNS as the look met it, say for the replacement of a host."""
    host = moving(host)
    zones = [zone.name for zone in inventory.zones]
    by_zone: dict[str, list[str]] = {}
    for name in (name for service in host.services for name in service.names):
        zone = _zone_of(name, zones)
        if zone is not None:
            by_zone.setdefault(zone, []).append(name)
    taken = names_of(inventory)
    successor = propose(host, {*taken, *(facts.taken_in_dns or ())})
    return Replacing(
        successor,
        tuple((zone, tuple(dict.fromkeys(names))) for zone, names in by_zone.items()),
        _zone_of(successor.address, zones) if successor.address else None,
        _zone_of(host.address, zones) if successor.address else None,
        inventory.host(host.predecessor) if host.predecessor is not None else None,
        taken,
    )


def _zone_of(name: str, zones: Iterable[str]) -> str | None:
    return zone_of(name.removesuffix(".").lower(), dict.fromkeys(zones))


def replace_steps(host: Host, about: Replacing, hooks: Hooks) -> tuple[Step, ...]:
    """All steps from the preflight to the end of the old host."""
    return tuple(_Steps(host, about, hooks).all())


def go_back_steps(host: Host, about: Replacing, hooks: Hooks) -> tuple[Step, ...]:
    """The same by the server that was replaced: it is built, and only lacks what came since.

    Raises:
        ValueError: there is none.
    """
    former = about.predecessor
    if former is None:
        raise ValueError(f"nothing was replaced by {host.name}")
    return tuple(_Steps(host, about, hooks, former).all())


class _Steps:
    def __init__(
        self, host: Host, about: Replacing, hooks: Hooks, former: Host | None = None
    ) -> None:
        self.stays = tuple(s.name for s in host.services if s.stays)
        host = moving(host)
        self.host = host
        self.about = about
        self.hooks = hooks
        self.former = former
        self.old = host.name
        self.new = about.successor.name if former is None else former.name
        self.address = about.successor.address if former is None else former.address
        self.checks = tuple(ServiceCheck(s.name, c) for s in host.services for c in s.checks)
        self.ports = tuple(sorted({p for c in self.checks if (p := _port(c)) is not None}))
        self.writers = tuple(_writer(service) for service in host.services)
        self.workers = tuple(unit for s in host.services for unit in s.workers)
        self.patience_s = host.replacement.start_within_s
        self.paths = tuple(v for s in host.services if s.sync is None for v in s.volumes)

    def all(self) -> Iterator[Step]:
        if self.former is None:
            yield from self._build()
            yield from self._prove()
        else:
            yield from self._find(self.former)
        yield from self._copy()
        yield from self._cut_over()
        yield from self._after()
        yield from self._always()

    def _build(self) -> Iterator[Step]:
        yield _step(PREFLIGHT, "Look at what the replacement meets", "host", PreflightAct(self.new))
        yield self._script(PROVISION, f"Build {self.new}", self.host.replacement.provision)
        reach = ReachAct(self.new, self.address, self.paths, REACH_S)
        yield _step(REACH, f"Wait for {self.new} and compare the two", "successor", reach)
        if self.about.own_zone and self.address:
            names = (self.address,)
            yield self._records(OWN, f"Give {self.new} its own name", "own", self.about.own_zone,
                                names, OWN_TTL_S)  # fmt: skip

    def _find(self, former: Host) -> Iterator[Step]:
        yield _step(PREFLIGHT, "Look at what going back meets", "host", PreflightAct(self.new))
        there = FormerAct(former.name, former.address)
        yield _step(PROVISION, f"Take {self.new} as it is", "controller", there)
        dns_name = None if is_address(former.address) else former.address
        reach = ReachAct(self.new, dns_name, self.paths, REACH_S, former=True)
        yield _step(REACH, f"Look at {self.new} and compare the two", "successor", reach)

    def _prove(self) -> Iterator[Step]:
        what = "mail, cron, timers and workers" if self.workers else "mail, cron and timers"
        quiet = replace(self._quiet(held=True), workers=self.workers)
        yield _step("quiet", f"Hold {what} of {self.new}", "successor", quiet)
        for service in self.host.services:
            yield self._script("deploy", f"Deploy {service.name}", service.deploy, service)
        for service in self.host.services:
            title = f"How old is the backup of {service.name}?"
            yield self._script("backup_age", title, service.backup_age, service)
            title = f"Restore {service.name} from its backup"
            yield self._script("restore", title, service.restore, service)
        title = "Hold what came with them and acts by itself"
        yield _step("quiet-again", title, "successor", quiet)
        title = "Test what was deployed and restored"
        held = [c for c in self.checks if c.check.unit not in self.workers]
        yield _step(TEST, title, "successor", ChecksAct(tuple(held), self.patience_s))
        for service in self.host.services:
            if service.test is not None:
                title = f"Test {service.name} as its own test does"
                yield self._script("test", title, service.test, service)

    def _copy(self) -> Iterator[Step]:
        title = f"Stop the services on {self.new} and hold them"
        workers = self.workers if self.former is None else ()
        yield _step(HOLD, title, "successor", HoldAct(self.writers, workers))
        if self.paths:
            way = OpenAct(self.paths, KEY_S, back=self.former is not None)
            yield _step(OPEN, "Open the way for the data", "host", way)
            yield self._sync("bulk", "Copy the volumes while the old host serves")
        yield from self._sync_scripts("bulk")
        ttl = self.host.replacement.ttl_s
        for number, (zone, names) in enumerate(self.about.zones, 1):
            yield self._records(_numbered("ttl", number), f"Lower the TTL in {zone}, wait it out",
                                "lower-ttl", zone, names, ttl, TTL_WAIT_S)  # fmt: skip
        if self.paths:
            for number, step_id in enumerate(AGAIN):
                former = ("bulk", *AGAIN[:number]) if number else ()
                yield self._sync("bulk", "Copy what has changed since", step_id, former)
            yield self._sync("rehearsal", "Rehearse the final pass: what is left?")

    def _cut_over(self) -> Iterator[Step]:
        question = f"Cut over from {self.old} to {self.new} now?"
        rehearsals = (*AGAIN, "rehearsal") if self.paths else ()
        gate = CutoverGateAct(question, rehearsals, self.host.window)
        yield Step(CUTOVER, "Cut over?", "controller", gate, gate=True, reversible=True)
        if (before := hook(self.hooks, "before")) is not None:
            yield Step(BEFORE, "Run the hook before", "controller", before)
        thaw_after = self.host.replacement.thaw_after_s
        yield Step(FREEZE, f"Freeze the writers of {self.old} and prove it", "host",
                   FreezeAct(self.writers, thaw_after),
                   undo=(f"a guard thaws {self.old} by itself after {thaw_after} s",
                         "until the DNS is changed the run's end returns to the old host"),
                   )  # fmt: skip
        if self.paths:
            yield self._sync("final", "Copy the last of the data")
            yield self._sync("verify", "A second pass finds nothing more")
        yield from self._sync_scripts("final")
        for service in self.host.services:
            if service.verify is not None:
                yield self._script("verify", f"Verify {service.name}", service.verify, service)
        title = f"Move the right to write to {self.new}"
        yield _step(SWITCH, title, "controller", SwitchAct(self.writers))
        yield _step(START, f"Start the services on {self.new}", "successor",
                    StartAct(self.writers))  # fmt: skip
        if self.former is None:
            # After it: timers that belong to a service are held with it until then.
            title = f"Let mail, cron and timers of {self.new} go"
            yield _step("loud", title, "successor", self._quiet(held=False))
        title = f"Check the services on {self.new}"
        yield _step(CHECK, title, "successor", ChecksAct(self.checks, self.patience_s))
        for number, (zone, names) in enumerate(self.about.zones, 1):
            yield self._records(_numbered("dns", number), f"Lead the names in {zone} to {self.new}",
                                "switch", zone, names)  # fmt: skip
        if self.host.replacement.forward:
            title = f"Have {self.old} pass on what still comes to it"
            yield _step(FORWARD, title, "host", ForwardAct(self.ports))

    def _after(self) -> Iterator[Step]:
        services = tuple(s.name for s in self.host.services)
        address = self.address
        yield _step("inventory", f"The inventory follows: {self.new} has the services",
                    "controller",
                    InventoryAct("succeed", self.old, self.new, services, address))  # fmt: skip
        if self.paths:
            yield _step("close-way", "Remove the data's one-time key", "host", CloseAct(OPEN))
        switched = self._switched()
        if switched:
            title = "Follow the DNS until the old TTL has run out"
            yield _step("spread", title, "dns", SpreadAct(switched))
        soak = self.host.replacement.soak_s or 0
        by_service = tuple((s.name, s.names) for s in self.host.services)
        yield _step("soak", "Soak", "successor", SoakAct(soak, self.checks, self.ports, by_service))
        for number, (zone, names) in enumerate(self.about.zones, 1):
            act = RecordsAct(zone, "give-ttl-back", names, changed=_numbered("dns", number))
            title = f"Give the names in {zone} their TTL back"
            yield _step(_numbered("ttl-back", number), title, "dns", act)
        if self.stays:
            return  # the old host goes on with these
        if self.host.replacement.references is not None:
            title = f"What still names {self.old}?"
            yield self._script(REFERENCES, title, self.host.replacement.references)
        gate = EndGateAct(f"End {self.old} now?", self.ports, "soak")
        yield Step("end", f"End {self.old}?", "controller", gate, gate=True, reversible=True)
        for service in self.host.services:
            if service.final_backup is not None:
                title = f"Back up what {self.old} has of {service.name}, for the last time"
                yield self._script("final_backup", title, service.final_backup, service)
        if self.about.old_zone:
            title = f"Remove the records of {self.old}"
            yield self._records(REMOVE, title, "remove", self.about.old_zone, (self.host.address,))
        yield _step("power-off", f"Switch {self.old} off", "host", PowerOffAct())
        yield self._script(
            "decommission", f"Decommission {self.old}", self.host.replacement.decommission
        )
        yield _step("retire", f"{self.old} leaves the inventory", "controller",
                    InventoryAct("retire", self.old, self.new))  # fmt: skip

    def _always(self) -> Iterator[Step]:
        quiet = self._quiet(held=True) if self.former is None else None
        back = ReturnAct(self.writers, self._switched(), quiet)
        yield Step(RETURN, f"Return to {self.old}, unless the DNS was changed", "controller", back,
                   always=True, reversible=True)  # fmt: skip
        if self.host.replacement.forward:
            yield Step(END_FORWARD, "See that nothing is passed on any more", "host",
                       EndForwardAct(FORWARD), always=True, reversible=True)  # fmt: skip
        if self.paths:
            yield Step(CLOSE, "See that the one-time key is gone", "host", CloseAct(OPEN),
                       always=True, reversible=True)  # fmt: skip
        if (after := hook(self.hooks, "after")) is not None:
            yield Step(AFTER, "Run the hook after", "controller", after, always=True)

    def _quiet(self, *, held: bool) -> QuietAct:
        units = (unit for writer in self.writers for unit in writer.units)
        return QuietAct(held, tuple(unit for unit in units if unit not in self.workers))

    def _switched(self) -> tuple[str, ...]:
        return tuple(_numbered("dns", number) for number in range(1, len(self.about.zones) + 1))

    def _script(
        self, event: str, title: str, line: str | None, service: Service | None = None
    ) -> Step:
        act = ScriptAct(
            tuple(shlex.split(line or "")), event, SCRIPT_S, service.name if service else None
        )
        step_id = event.replace("_", "-") + (f"-{_word(service.name)}" if service else "")
        return Step(step_id, title, "controller", act)

    def _sync_scripts(self, sync_pass: PassKind) -> Iterator[Step]:
        if sync_pass not in ("bulk", "final"):
            raise ValueError(f"a sync script knows no pass {sync_pass}")
        for service in self.host.services:
            if service.sync is None:
                continue
            act = ScriptAct(tuple(shlex.split(service.sync)), "sync", SCRIPT_S, service.name,
                            "bulk" if sync_pass == "bulk" else "final")  # fmt: skip
            title = f"Sync {service.name}, {sync_pass} pass"
            yield Step(f"sync-{_word(service.name)}-{sync_pass}", title, "controller", act)

    def _sync(
        self, kind: PassKind, title: str, step_id: str | None = None, former: tuple[str, ...] = ()
    ) -> Step:
        bandwidth = self.host.replacement.bandwidth_kib if kind == "bulk" else None
        checksum = kind == "verify" and self.host.replacement.checksum
        sums = 0
        if kind in ("rehearsal", "verify") and not self.host.replacement.checksum:
            sums = self.host.replacement.checksum_below_kib
        act = SyncAct(kind, self.paths, OPEN, bandwidth, former, checksum, sums)
        return _step(step_id or kind, title, "successor", act)

    def _records(
        self,
        step_id: str,
        title: str,
        purpose: RecordsPurpose,
        zone: str,
        names: tuple[str, ...],
        ttl: int | None = None,
        wait_s: int = 0,
    ) -> Step:
        return _step(step_id, title, "dns", RecordsAct(zone, purpose, names, ttl, wait_s))


def _step(step_id: str, title: str, where: Where, act: ReplacingAct) -> Step:
    return Step(step_id, title, where, act)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _word(name: str) -> str:
    """A service's name as a part of a step's id, which holds letters, digits, dots and dashes."""
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-") else "-" for c in name)


def _writer(service: Service) -> Writer:
    return Writer(
        service.name,
        service.units,
        service.containers,
        service.volumes,
        service.freeze,
        service.thaw,
    )


def _port(wanted: ServiceCheck) -> int | None:
    if wanted.check.tcp is not None:
        return wanted.check.tcp
    if wanted.check.http is None:
        return None
    try:
        url = urlsplit(wanted.check.http)
        return url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        return None
