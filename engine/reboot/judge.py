"""Whether a host may be rebooted, and whether it was. Pure; tests/unit/reboot is its table."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from engine.model.plan import RebootAct
from engine.reboot.values import (
    HARD,
    Back,
    Readiness,
    Record,
    Refusal,
    RefusalId,
    Verdict,
)

GRACE_S = 60
"""Seconds after start-up in which a service that is missing, or has failed, may still come up."""
_MATTERS: frozenset[RefusalId] = HARD | {"busy"}
"""What must be known: for these, not to be readable is a refusal too."""
_NAMED = 10
"""Units that a reason names; the host lists the others."""

# What never comes back under its name, whatever the baseline took it for: sessions, what was made
# for a while, hostshift's own, and one instance a connection (systemd.socket(5), Accept=).
_COMES_AND_GOES = re.compile(
    r"(?:session-|run-|user@|user-runtime-dir@|hostshift-).*"
    r"|.*@\d+-(?:\d+-\d+|.*:\d+-.*)\.service"
)
_KINDS = (".service", ".socket", ".timer", ".path")

_LOOK = "Look at the host and its services, then decide; nothing more happens by itself."


def stands_against(ready: Readiness, overridden: Collection[RefusalId] = ()) -> tuple[Refusal, ...]:
    """What forbids the reboot.

    Args:
        overridden: What a person has decided not to mind, by name; `HARD` can't be.
    """
    minded = [r for r in ready.refusals if r.id in HARD or r.id not in overridden]
    unread = [r for r in ready.unread if r.id in _MATTERS - (set(overridden) - HARD)]
    return (*minded, *unread)


def shown(back: Back) -> str:
    """What was seen of a host, in words, to be told when it was the last that was seen."""
    words = [
        f"boot {back.boot.id[:8]}" if back.boot.id else "a boot without an id",
        back.state or "systemd isn't process 1",
        f"kernel {back.kernel or 'unknown'}",
    ]
    return ", ".join(words)


def judge(
    record: Record | None,
    back: Back | None,
    act: RebootAct,
    *,
    units_before: tuple[str, ...] | None,
    waited_s: float,
    last_seen: str | None = None,
    console: bool | None = None,
) -> Verdict:
    """The state of a reboot that was begun.

    Args:
        record: What the host answered when it was begun; a newer one in ``back`` wins.
        back: What the host says now; None: it can't be asked.
        units_before: What ran before, by the run's baseline; None: what the host noted itself.
        waited_s: Seconds since the reboot was begun.
        last_seen: What was last seen of the host since, and when, in words (see `shown`).
        console: Whether somebody can reach its console.
    """
    late = waited_s >= act.deadline_s
    if back is None:
        return _silent(act, late=late, last_seen=last_seen, console=console)
    record = back.record or record
    if record is None:
        why = "The host answers and knows of no reboot in this step."
        return Verdict("attention", (why,), "Its /var may be another one. " + _LOOK)
    change = record.boot.change_to(back.boot)
    if change is None:
        return _old_boot(record, back, act, late=late)
    return _new_boot(record, back, act, change, units_before, late=late)


def _silent(act: RebootAct, *, late: bool, last_seen: str | None, console: bool | None) -> Verdict:
    seen = f"Last seen: {last_seen or 'nothing since the reboot was begun'}."
    if not late:
        return Verdict("running", ("The host is rebooting and doesn't answer.", seen))
    why = f"The host has not come back within {_time(act.deadline_s)}."
    hint = {
        True: "Look at its console (somebody can reach it, says the inventory): firmware, boot "
        "loader, a file system check or the network may hold it up.",
        False: "Nobody can reach its console, says the inventory: ask whoever runs its hardware "
        "what it shows, before cutting its power.",
        None: "Look at its console, if there is one (the inventory's key console doesn't say).",
    }[console]
    return Verdict("attention", (why, seen), hint)


def _old_boot(record: Record, back: Back, act: RebootAct, *, late: bool) -> Verdict:
    said = tuple(f"it says: {line}" for line in record.said)
    if not record.boot.known or not back.boot.known:
        why = "Whether it was rebooted can't be told: neither boot id nor process 1 can be read."
        return Verdict("attention" if late else "running", (why,), _LOOK if late else None)
    if record.exit_status not in (None, 0) and back.state != "stopping":
        why = f"The host did not accept the reboot (exit status {record.exit_status})."
        return Verdict(
            "attention", (why, *said), "Mend what it names, then reboot it in a new run."
        )
    if not late:
        return Verdict("running", ("The reboot is asked for; the host has not gone down yet.",))
    why = f"The host did not reboot: the same boot runs as {_time(act.deadline_s)} ago."
    return Verdict(
        "attention",
        (why, f"Its state is {back.state or 'not known'}.", *said),
        "A service that doesn't end, or an inhibitor, may hold it: systemctl list-jobs",
    )


def _new_boot(
    record: Record,
    back: Back,
    act: RebootAct,
    change: str,
    units_before: tuple[str, ...] | None,
    *,
    late: bool,
) -> Verdict:
    rebooted = f"The host was rebooted: {change}."
    if act.expected_kernel is not None and back.kernel != act.expected_kernel:
        why = f"Kernel {back.kernel or 'unknown'} runs, and {act.expected_kernel} was expected."
        hint = "Look at the boot loader's default entry; the former kernel may have been chosen."
        return Verdict("attention", (rebooted, why), hint)
    kernel = (f"Kernel {back.kernel} runs, as expected.",) if act.expected_kernel else ()
    ran = record.running if units_before is None else units_before
    if not back.systemd:
        if ran:
            why = "systemd isn't process 1 any more."
            return Verdict("attention", (rebooted, why), _LOOK)
        unseen = "systemd isn't process 1: whether its services run again was not looked at."
        return Verdict("succeeded", (rebooted, *kernel, unseen))
    if back.state == "maintenance":
        why = "It came up in maintenance mode: something that it needs could not be started."
        return Verdict("attention", (rebooted, why), "journalctl -b -p err tells what failed.")
    if back.state not in ("running", "degraded"):
        why = f"It has not settled yet (systemctl is-system-running: {back.state or 'nothing'})."
        return _waiting(rebooted, (why,), late=late, hint="systemctl list-jobs tells what starts.")
    if back.active is None or back.failed is None:
        return _waiting(rebooted, ("Its units could not be listed.",), late=late, hint=_LOOK)
    if ran is None:
        why = "What ran before was not noted, so it can't be told whether all of it runs again."
        return Verdict("attention", (rebooted, why), _LOOK)
    expected = _expected(ran, record)
    gone = expected & set(back.lost) if act.next_release else frozenset[str]()
    expected -= gone
    bad = (
        *_failed(back.failed, record.failed),
        *_some("doesn't run, and ran before", expected - {*back.active, *back.failed}),
    )
    if bad:
        over = back.settled_s is not None and back.settled_s >= GRACE_S
        return _waiting(rebooted, bad, late=late or over, hint=_LOOK)
    again = f"All {len(expected)} units that ran before run again."
    settled = f"It has settled ({back.state})."
    told = _some("isn't part of the next release", gone)
    return Verdict("succeeded", (rebooted, *kernel, settled, again, *told))


def _waiting(rebooted: str, why: tuple[str, ...], *, late: bool, hint: str) -> Verdict:
    if late:
        return Verdict("attention", (rebooted, *why), hint)
    return Verdict("running", (rebooted, *why))


def _expected(ran: Iterable[str], record: Record) -> frozenset[str]:
    return frozenset(
        name
        for name in ran
        if name.endswith(_KINDS)
        and name not in record.passing
        and not _COMES_AND_GOES.fullmatch(name)
    )


def _failed(now: tuple[str, ...], before: tuple[str, ...] | None) -> tuple[str, ...]:
    if before is None:
        return _some("has failed; whether it had before isn't known", now)
    return _some("has failed, and had not before", set(now) - set(before))


def _some(what: str, units: Iterable[str]) -> tuple[str, ...]:
    names = sorted(units)
    more = (f"... and {len(names) - _NAMED} more",) if len(names) > _NAMED else ()
    return (*(f"{name} {what}" for name in names[:_NAMED]), *more)


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
