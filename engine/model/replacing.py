"""What the steps of a replacement do: server(n) is followed by its successor, server(n+1).

Everything that a step needs is in its act, since the inventory changes on the way: after the
cutover the services stand in the successor's table, and at the end server(n) has none.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Final, Literal

from engine.model.host import Check
from engine.model.writers import Writer

PassKind = Literal["bulk", "rehearsal", "final", "verify"]
RecordsPurpose = Literal["own", "lower-ttl", "switch", "give-ttl-back", "remove"]

PREFLIGHT: Final = "preflight"
PROVISION: Final = "provision"
REACH: Final = "reach"
REFERENCES: Final = "references"
TEST: Final = "test"
HOLD: Final = "hold"
CUTOVER: Final = "cutover"
FREEZE: Final = "freeze"
SWITCH: Final = "switch"
START: Final = "start"
CHECK: Final = "check"
"""Ids of the steps of which others ask what became of them, or what they have left."""


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    """A health check together with the service that it speaks for."""

    service: str
    check: Check


@dataclass(frozen=True, slots=True)
class PreflightAct:
    """Look at the old host for what its replacement meets; what stops one ends the run."""

    successor: str
    kind: Literal["preflight"] = "preflight"


@dataclass(frozen=True, slots=True)
class FormerAct:
    """Take the server that was replaced as the successor: what it was is there still.

    Attributes:
        name: Its name in the inventory.
        address: Where it is.
    """

    name: str
    address: str
    kind: Literal["former"] = "former"


@dataclass(frozen=True, slots=True)
class ReachAct:
    """Pin the successor's host keys, wait for SSH and cloud-init, take its lock, compare.

    Attributes:
        name: The successor's name in the inventory.
        dns_name: Its name in the DNS; None where it has none.
        volumes: Directories that must fit there.
        deadline_s: Within how many seconds it must let hostshift in and have settled.
        former: It is the server that was replaced, and what is held there stays so.
    """

    name: str
    dns_name: str | None
    volumes: tuple[str, ...]
    deadline_s: int
    former: bool = False
    kind: Literal["reach"] = "reach"


@dataclass(frozen=True, slots=True)
class RecordsAct:
    """Change DNS records of one zone by one signed message, or by the zone's command.

    Attributes:
        purpose: ``own``: the successor's own name; ``lower-ttl``: of the services' names, and wait
            until the old TTL has run out; ``switch``: lead them to the successor;
            ``give-ttl-back``: what their TTL was before; ``remove``: the old host's own name.
        changed: Of ``give-ttl-back``: the step that led the names to the successor.
        ttl: Seconds; of the records that are made, or the most that old ones may keep.
        wait_s: For how long an old TTL is waited for at most.
    """

    zone: str
    purpose: RecordsPurpose
    names: tuple[str, ...]
    ttl: int | None = None
    wait_s: int = 0
    changed: str | None = None
    kind: Literal["records"] = "records"


@dataclass(frozen=True, slots=True)
class SpreadAct:
    """Follow a change of the DNS until no cache can have the old records any more.

    Attributes:
        changes: The steps that made the changes.
    """

    changes: tuple[str, ...]
    kind: Literal["spread"] = "spread"


@dataclass(frozen=True, slots=True)
class ChecksAct:
    """Make the services' checks on the successor, at its address and by the services' names."""

    checks: tuple[ServiceCheck, ...]
    patience_s: int
    kind: Literal["checks"] = "checks"


@dataclass(frozen=True, slots=True)
class HoldAct:
    """Stop services on the successor and keep them from starting.

    Attributes:
        workers: Units of theirs that were held before them, and are let go to be held with them.
    """

    writers: tuple[Writer, ...]
    workers: tuple[str, ...] = ()
    kind: Literal["hold"] = "hold"


@dataclass(frozen=True, slots=True)
class QuietAct:
    """Outgoing mail, cron and timers of the successor are held while it may not write, or let go.

    Attributes:
        held: Hold them; else let them go.
        services: Units of the services, which run while they are tested.
        workers: Those of them that act by themselves: held, too.
    """

    held: bool
    services: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    kind: Literal["quiet"] = "quiet"


@dataclass(frozen=True, slots=True)
class OpenAct:
    """Open the way for the data: a one-time key that may only read these volumes of the old host.

    Attributes:
        valid_s: After so many seconds the key is worth nothing, unless a pass renews it.
        back: Data go back to where they came from, which is refused else.
    """

    paths: tuple[str, ...]
    valid_s: int
    back: bool = False
    kind: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class SyncAct:
    """One pass of rsync over the volumes, pulled by the successor as a job of its own.

    Attributes:
        opened: The step that opened the way.
        bandwidth_kib: KiB a second; None: as fast as it goes.
        former: Earlier passes; when the last of them took little time, or not much less than the
            one before, another one is worth nothing. Empty: this one is always made.
        checksum: Compare contents, not only sizes and times.
        sums_below_kib: Compare the sums of smaller files besides; a rehearsal only tries how long
            that takes. 0: don't.
    """

    pass_: PassKind
    paths: tuple[str, ...]
    opened: str
    bandwidth_kib: int | None = None
    former: tuple[str, ...] = ()
    checksum: bool = False
    sums_below_kib: int = 0
    kind: Literal["sync"] = "sync"


@dataclass(frozen=True, slots=True)
class CutoverGateAct:
    """The gate before the cutover: the expected outage, the last rehearsal, the name typed.

    Attributes:
        rehearsals: Steps whose results predict how long the final pass takes; the last one counts
            what is left.
        window: The host's maintenance window, which is told.
    """

    question: str
    rehearsals: tuple[str, ...]
    window: str | None = None
    kind: Literal["cutover-gate"] = "cutover-gate"


@dataclass(frozen=True, slots=True)
class FreezeAct:
    """Arm the guard that thaws, stop the writers of the old host, and prove that they are still.

    Attributes:
        deadline_s: When nobody disarms the guard for so long, the old host serves again.
    """

    writers: tuple[Writer, ...]
    deadline_s: int
    kind: Literal["freeze"] = "freeze"


@dataclass(frozen=True, slots=True)
class SwitchAct:
    """Move the right to write: disarm the guard, read that back, and only then give it away."""

    writers: tuple[Writer, ...]
    kind: Literal["switch"] = "switch"


@dataclass(frozen=True, slots=True)
class StartAct:
    """Start the services on the successor, which must have the right to write."""

    writers: tuple[Writer, ...]
    kind: Literal["start"] = "start"


@dataclass(frozen=True, slots=True)
class ReturnAct:
    """Whatever happened: back to the old host, while that loses nothing.

    Attributes:
        switched: Steps that change the services' names; once one was sent, only a person goes back.
        quiet: How the successor is kept still that was going to serve; None: it was never quiet.
    """

    writers: tuple[Writer, ...]
    switched: tuple[str, ...]
    quiet: QuietAct | None = QuietAct(held=True)
    kind: Literal["return"] = "return"


@dataclass(frozen=True, slots=True)
class ForwardAct:
    """Have the old host pass on to the successor what still comes to it, by TCP.

    Attributes:
        ports: Ports of the services, as their checks tell them; those on which the frozen units
            listened are known from the freeze.
    """

    ports: tuple[int, ...]
    kind: Literal["forward"] = "forward"


@dataclass(frozen=True, slots=True)
class EndForwardAct:
    """End that, whatever became of the run."""

    forward: str
    kind: Literal["end-forward"] = "end-forward"


@dataclass(frozen=True, slots=True)
class CloseAct:
    """Remove the one-time key of the data from the old host."""

    opened: str
    kind: Literal["close"] = "close"


@dataclass(frozen=True, slots=True)
class InventoryAct:
    """Rewrite the inventory: the services move to the successor, or the old host leaves it.

    Attributes:
        services: Those that move; empty when the old host leaves.
        address: What the successor's table says; None: what `provision` printed.
    """

    change: Literal["succeed", "retire"]
    old: str
    new: str
    services: tuple[str, ...] = ()
    address: str | None = None
    kind: Literal["inventory"] = "inventory"


@dataclass(frozen=True, slots=True)
class SoakAct:
    """Wait for days: the checks go on, and who still comes to the old host is counted.

    Attributes:
        ports: Ports of the services, as their checks tell them.
        names: The DNS names of each service.
    """

    seconds: int
    checks: tuple[ServiceCheck, ...]
    ports: tuple[int, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    every_s: int = 60
    kind: Literal["soak"] = "soak"


@dataclass(frozen=True, slots=True)
class EndGateAct:
    """The gate before the end of the old host: what still refers to it, the name typed."""

    question: str
    ports: tuple[int, ...]
    soak: str
    kind: Literal["end-gate"] = "end-gate"


@dataclass(frozen=True, slots=True)
class PowerOffAct:
    """Switch the old host off; to destroy it comes later."""

    kind: Literal["power-off"] = "power-off"


@dataclass(frozen=True, slots=True)
class UnusedAct:
    """See that a successor which was built isn't used: no right to write, no name leads to it.

    Attributes:
        services: Those that a replacement moves.
        names: Their DNS names, by zone.
    """

    name: str
    address: str
    services: tuple[str, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    kind: Literal["unused"] = "unused"


@dataclass(frozen=True, slots=True)
class ForgetAct:
    """Forget such a successor, once it is gone: its host keys, and that it was built."""

    name: str
    kind: Literal["forget"] = "forget"


ReplacingAct = (
    PreflightAct
    | FormerAct
    | ReachAct
    | RecordsAct
    | SpreadAct
    | ChecksAct
    | HoldAct
    | QuietAct
    | OpenAct
    | SyncAct
    | CutoverGateAct
    | FreezeAct
    | SwitchAct
    | StartAct
    | ReturnAct
    | ForwardAct
    | EndForwardAct
    | CloseAct
    | InventoryAct
    | SoakAct
    | EndGateAct
    | PowerOffAct
    | UnusedAct
    | ForgetAct
)


def shown(act: ReplacingAct) -> tuple[str, ...]:
    """What an act does, as lines for people: commands where there are any."""
    match act:
        case PreflightAct(successor=name):
            return (f"look at the host for its replacement by {name} (changes nothing)",)
        case FormerAct(name=name, address=address):
            return (f"take {name} at {address}, which was replaced, as the successor",)
        case ReachAct(name=name, former=True):
            return (
                f"take the lock of {name}; compare versions, room and accounts (changes nothing)",
            )
        case ReachAct(name=name, deadline_s=seconds):
            return (
                f"pin the host keys of {name}, wait {seconds} s at most for SSH and cloud-init",
                "take its lock; compare versions, room and accounts (changes nothing)",
            )
        case RecordsAct(zone=zone, purpose=purpose, names=names, ttl=ttl):
            what = {
                "own": "let {} lead to the successor (A, AAAA and, where the zone is ours, PTR)",
                "lower-ttl": f"give {{}} a TTL of {ttl} s at most, wait until the old one ran out",
                "switch": "let {} lead to the successor, if it leads to the old host now",
                "give-ttl-back": "give {} the TTL that they had before",
                "remove": "remove {}",
            }[purpose]
            return (f"zone {zone}: {what.format(', '.join(names))}",)
        case SpreadAct():
            return ("ask every name server and resolver until the old TTL has run out",)
        case ChecksAct(checks=checks, patience_s=seconds):
            return (f"within {seconds} s, at the successor's own address:", *_checks(checks))
        case HoldAct(writers=writers):
            return tuple(f"stop and hold {_of(w)}" for w in writers)
        case QuietAct(held=True, workers=workers):
            more = f"; hold {', '.join(workers)}" if workers else ""
            return (f"refuse TCP to ports 25, 465 and 587; hold cron, at and timers{more}",)
        case QuietAct():
            return ("let mail, cron, at and timers go",)
        case OpenAct(paths=paths, back=back):
            against = ("data flow back: let the direction of data be turned round",) if back else ()
            return (*against, *(f"a one-time key that may read {path} by rsync" for path in paths))
        case SyncAct(pass_=kind, paths=paths, former=former, checksum=checksum):
            only = ("only while each pass gets much shorter:",) if former else ()
            below = act.sums_below_kib
            trial = ", to see how long it takes" if kind == "rehearsal" else ""
            return (
                *(*only, *(shlex.join(_rsync(kind, path, checksum)) for path in paths)),
                *(
                    f"compare SHA-256 of files below {below} KiB in {p}{trial}"
                    for p in paths
                    if below
                ),
            )
        case CutoverGateAct(question=question) | EndGateAct(question=question):
            return (f"ask: {question}",)
        case FreezeAct(writers=writers, deadline_s=seconds):
            return (
                f"arm a guard that thaws after {seconds} s",
                *(f"freeze {_freezing(w)}" for w in writers),
                "prove it: units, containers, open files, listening ports",
            )
        case SwitchAct():
            return (
                "disarm the guard and read that back",
                "take the right to write from the old host, then give it to the successor",
            )
        case StartAct(writers=writers):
            return tuple(f"start {_of(w)}" for w in writers)
        case ReturnAct():
            return ("stop the successor, give the right to write back, thaw the old host",)
        case ForwardAct():
            return ("pass on what still comes to the old host: systemd-socket-proxyd, each port",)
        case EndForwardAct():
            return ("end what passes connections on",)
        case CloseAct():
            return ("remove the one-time key",)
        case InventoryAct(change="succeed", old=old, new=new, services=services):
            return (
                f"{', '.join(services)}: host = {new}",
                f"[hosts.{old}] retiring = true, unless services stay on it",
            )
        case InventoryAct(old=old):
            return (f"[hosts.{old}] leaves the inventory; its key leaves known_hosts",)
        case SoakAct(seconds=seconds, checks=checks):
            return (f"for {seconds} s:", *_checks(checks), "count who still comes to the old host")
        case PowerOffAct():
            return ("systemctl --no-block poweroff",)
        case UnusedAct(name=name, address=address):
            return (f"see that {name} at {address} may not write, and that no name leads to it",)
        case ForgetAct(name=name):
            return (f"the keys of {name} leave known_hosts",)


def _rsync(kind: PassKind, path: str, checksum: bool) -> tuple[str, ...]:
    options = {
        "bulk": (),
        "rehearsal": ("--dry-run",),
        "final": (),
        "verify": ("--dry-run", "--itemize-changes"),
    }[kind]
    common = ("rsync", "-aHAXS", "--numeric-ids", "--delete", "--partial")
    contents = ("--checksum",) if checksum else ()
    return (*common, *contents, *options, f"OLD:{path}/", f"{path}/")


def _checks(checks: tuple[ServiceCheck, ...]) -> tuple[str, ...]:
    return tuple(f"check {c.service}: {c.check.shown}" for c in checks)


def _of(writer: Writer) -> str:
    parts = (*writer.units, *(f"container {name}" for name in writer.containers))
    return f"{writer.service}: {', '.join(parts) or 'nothing'}"


def _freezing(writer: Writer) -> str:
    if writer.freeze == "none":
        return f"{writer.service}: nothing, as nothing writes"
    if writer.freeze in (None, "stop"):
        return f"{writer.service}: stop {_of(replace(writer)).partition(': ')[2]}"
    return f"{writer.service}: {writer.freeze}"
