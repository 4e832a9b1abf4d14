"""What the fleet table shows of one host: a small value made from the engine's values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.candidates.standing import in_place, risk_shown, what_blocks
from engine.errors import HostshiftError
from engine.model.candidate import Foresight, Recommendation, Waiting
from engine.model.facts import Facts, Look
from engine.model.host import Host
from engine.model.run import Run
from tui.words import RUN_SIGNS, Tone

if TYPE_CHECKING:
    from engine.preflight import Report

LEVELS = {"low": 0, "moderate": 1, "high": 2, "critical": 3}
_TROUBLE: dict[str, tuple[str, str, Tone]] = {
    "deadline": ("✗", "no answer", "bad"),
    "host-key-unknown": ("?", "key unknown", "warn"),
    "host-key-changed": ("✗", "key changed", "bad"),
    "host-key-revoked": ("✗", "key revoked", "bad"),
    "sudo-password": ("?", "needs password", "warn"),
    "sudo-password-wrong": ("?", "wrong password", "warn"),
    "auth": ("✗", "login refused", "bad"),
    "identity": ("✗", "no key to offer", "bad"),
}
SETTLED = ("succeeded", "cancelled")


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One host in the table. None is unknown, and shown as such.

    Attributes:
        sign, state, tone: The state in one sign and a few words.
        rank: Orders by state; what needs a person comes first.
        recommended: The kind of the recommended candidate.
        words: State words that the filter knows, such as ``security``.
        text: Lower-case text that plain filter words are searched in.
    """

    name: str
    address: str
    groups: tuple[str, ...]
    os: str
    pending: int | None
    security: int | None
    reboot: bool | None
    waiting: str | None
    due_days: int | None
    recommended: str | None
    score: int | None
    level: str | None
    sign: str
    state: str
    tone: Tone
    rank: int
    taken_at: datetime | None
    light: bool
    words: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one host now.

    Attributes:
        report: What a replacement of it would meet; `no_report` says why there is none.
    """

    host: Host
    look: Look | None = None
    foresight: Foresight | None = None
    run: Run | None = None
    looking: bool = False
    report: Report | None = None
    no_report: HostshiftError | None = None
    examining: bool = False

    @property
    def facts(self) -> Facts | None:
        """The facts of the last look that succeeded."""
        return None if self.look is None else self.look.facts

    @property
    def half_done(self) -> bool:
        """Whether something is half done, or packages don't fit together: repair would help.

        Not while packages are at work: what looks half done then is that very work.
        """
        if self.facts is None or self.facts.packages_at_work:
            return False
        packages = self.facts.packages
        return packages is not None and packages.needs_repair

    @property
    def repair(self) -> str:
        """The chore that finishes what is half done."""
        packages = self.facts.packages if self.facts is not None else None
        return "repair" if packages is None else packages.repair


def _run_state(run: Run) -> tuple[str, str, Tone, int]:
    sign, tone = RUN_SIGNS[run.state]
    text: str = run.state
    if run.state == "running":
        progress = next((s.progress for s in run.steps if s.state == "running"), None)
        if progress is not None and progress.percent is not None:
            text = f"running {progress.percent:.0f} %"
    rank = 1 if run.state in ("failed", "attention", "unknown") else 2
    return sign, text, tone, rank


def state_of(known: Known) -> tuple[str, str, Tone, int]:
    """Sign, words, tone and rank of a host's state; what binds it is the last look or the run."""
    run, look, facts = known.run, known.look, known.facts
    if run is not None and run.state not in SETTLED:
        return _run_state(run)
    if facts is not None and facts.lock is not None and run is None:
        if facts.lock.claim:
            return "◷", "run waits", "warn", 1
        if facts.lock.job_alive:
            return "▶", "running", "accent", 2
        if facts.lock.job_alive is None:
            return "?", "run, unknown", "warn", 1
        return "◷", "run to look at", "warn", 1
    if known.looking and look is None:
        return "·", "looking", "muted", 7
    if look is None:
        return "·", "not looked at", "muted", 8
    if look.error is not None:
        sign, text, tone = _TROUBLE.get(look.error.kind, ("✗", "unreachable", "bad"))
        return sign, text, tone, 0
    if facts is None:
        return "?", "no facts", "warn", 0
    if what_blocks(known.foresight) is not None:
        return "■", "blocked", "warn", 3
    if run is not None and run.state == "succeeded" and run.candidate != "refresh":
        return "✓", "succeeded", "good", 5
    packages = facts.packages
    if packages is not None and packages.upgradable:
        return "↑", "updates", "plain", 4
    if facts.reboot.required:
        return "↻", "reboot due", "plain", 4
    if any(c.to and c.kind != "deploy-rollback" for c in in_place(known.foresight)):
        return "↑", "updates", "plain", 4
    if packages is not None and packages.upgradable == 0 and packages.security == 0:
        return "✓", "up to date", "good", 6
    return "✓", "looked at", "plain", 6


def _words(known: Known, state: str) -> frozenset[str]:
    """State words of the filter (see docs/keys.md)."""
    words = {state.split(maxsplit=1)[0]} if state else set()
    look, facts, run = known.look, known.facts, known.run
    if look is None:
        words.add("unknown")
    elif look.error is not None:
        words |= {"unreachable", "trouble"} if not _is_key(look) else {"hostkey", "trouble"}
    if facts is not None:
        words.add("reachable")
        packages = facts.packages
        if packages is not None and packages.upgradable:
            words.add("pending")
        if packages is not None and packages.security:
            words.add("security")
        if facts.reboot.required:
            words.add("reboot")
        if facts.failed_units:
            words.add("failing")
        if facts.lock is not None and facts.lock.job_alive:
            words.add("running")
    if what_blocks(known.foresight) is not None:
        words.add("blocked")
    if run is not None:
        words.add(run.state)
    if known.host.outage is not None:
        words.add(known.host.outage)
    return frozenset(words)


def _is_key(look: Look) -> bool:
    return look.error is not None and look.error.kind.startswith("host-key")


def row_of(known: Known) -> FleetRow:
    """The row of one host."""
    host, facts, foresight = known.host, known.facts, known.foresight
    packages = facts.packages if facts is not None else None
    waiting: Waiting | None = foresight.waiting if foresight is not None else None
    advice: Recommendation | None = foresight.recommendation if foresight is not None else None
    shown = risk_shown(foresight)
    risk = shown.risk if shown is not None else None
    sign, state, tone, rank = state_of(known)
    system = _os_name(facts)
    words = _words(known, state)
    return FleetRow(
        name=host.name,
        address=host.address,
        groups=host.groups,
        os=system,
        pending=packages.upgradable if packages is not None else None,
        security=packages.security if packages is not None else None,
        reboot=facts.reboot.required if facts is not None else None,
        waiting=waiting.level if waiting is not None else None,
        due_days=waiting.due_days if waiting is not None else None,
        recommended=advice.kind if advice is not None else None,
        score=risk.score if risk is not None else None,
        level=risk.level if risk is not None else None,
        sign=sign,
        state=state,
        tone=tone,
        rank=rank,
        taken_at=known.look.taken_at if known.look is not None else None,
        light=facts is not None and facts.depth == "light",
        words=words,
        text=" ".join((host.name, host.address, *host.groups, system)).lower(),
    )


def _os_name(facts: Facts | None) -> str:
    if facts is None:
        return ""
    system = facts.os
    if system.id and system.version_id:
        name = {"debian": "Debian", "ubuntu": "Ubuntu", "fedora": "Fedora"}.get(
            system.id, system.id
        )
        return f"{name} {system.version_id}"
    return system.pretty_name or system.id or ""


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of the fleet's header."""

    hosts: int = 0
    reachable: int = 0
    pending: int = 0
    security: int = 0
    reboot: int = 0
    blocked: int = 0
    running: int = 0
    attention: int = 0
    trouble: int = 0


def count_up(rows: list[FleetRow]) -> Counts:
    """Count hosts, not packages, in each state."""
    sums = dict.fromkeys(
        ("reachable", "pending", "security", "reboot", "blocked", "running", "trouble"), 0
    )
    attention = 0
    for row in rows:
        for word in sums:
            if word in row.words:
                sums[word] += 1
        attention += bool(row.words & {"attention", "failed"})
    return Counts(hosts=len(rows), attention=attention, **sums)
