"""The successor of a run's host, as far as the run knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import UnionType

from engine.model.host import Host
from engine.model.plan import Step
from engine.model.replacing import PROVISION, PowerOffAct, ReachAct, UnusedAct
from engine.model.run import Run
from engine.runs.records import Record


def successor_of(record: Record, old: Host) -> Host | None:
    """The successor as a host that can be asked; None before it is known where it is.

    It is reached as the old host is: the same account, key and way.
    """
    step = _step(record, ReachAct | UnusedAct)
    match step.act if step is not None else None:
        case ReachAct(name=name) if (found := record.results.get(PROVISION)) is not None:
            address = str(found["address"])
        case ReachAct(name=name) if record.built is not None:
            address = record.built
        case UnusedAct(name=name, address=address):
            pass
        case _:
            return None
    return replace(
        old,
        name=name,
        address=address,
        services=(),
        retiring=False,
        predecessor=None,
    )


def successor_name(record: Record) -> str | None:
    """The successor's name, which is planned; None where nothing is replaced."""
    step = _step(record, ReachAct)
    return step.act.name if step is not None and isinstance(step.act, ReachAct) else None


def builds_the_same(record: Record, others: Iterable[Record]) -> Run | None:
    """The run of another host that goes on and has a successor of this one's name."""
    name = successor_name(record)
    if name is None:
        return None
    return next(
        (
            other.run
            for other in others
            if not other.run.ended
            and other.run.host != record.run.host
            and successor_name(other) == name
        ),
        None,
    )


def locked_hosts(record: Record, old: Host) -> tuple[Host, ...]:
    """The hosts whose locks a run has: the successor's from when it was reached, and the old
    host's until it is switched off."""
    reached, off = _step(record, ReachAct), _step(record, PowerOffAct)
    hosts = [old] if off is None or off.id not in record.begun else []
    new = successor_of(record, old)
    if new is not None and reached is not None and reached.id in record.begun:
        hosts.append(new)
    return tuple(hosts)


def roles(record: Record, old: Host) -> tuple[Host, Host | None]:
    """The server that goes and the one that stays, as far as it is known where that is."""
    new = successor_of(record, old)
    if new is not None and _step(record, UnusedAct) is not None:
        return new, old
    return old, new


def _step(record: Record, kind: type | UnionType) -> Step | None:
    return next((step for step in record.plan.steps if isinstance(step.act, kind)), None)
