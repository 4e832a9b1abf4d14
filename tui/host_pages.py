"""What the Host screen says: the headline, the facts, one candidate with its risk."""

from __future__ import annotations

from datetime import datetime

from engine.candidates.boot import next_boot
from engine.candidates.standing import is_mild
from engine.model.candidate import Candidate, Foresight
from engine.model.facts import Deployment, Facts, Packages
from engine.model.run import snapshot_name
from engine.risk.waiting import is_exploited, known_holes, source_of
from tui.fleet_rows import Known, state_of
from tui.plan_pages import effects_lines, risk_lines
from tui.replace_pages import preflight_lines, successor_line
from tui.widgets.columns import Cell
from tui.widgets.sheet import Page
from tui.words import (
    DAY,
    LEVEL_TONES,
    Tone,
    age,
    bar,
    between,
    count,
    duration,
    shorten,
    size,
    yes_no,
)

FIRST_REASONS = 2
"""Of an advice that the headline has room for; its candidate shows them all."""
WITH_BAR = 22
REBOOTING = ("reboot", "deploy-finalize", "deploy-rollback")
"""Kinds that reboot the host themselves; after the others a reboot may be due."""
SMALL_BYTES = 500_000_000
"""Free space below this is shown with emphasis."""


def headline(known: Known, now: datetime) -> Page:
    """Name, state, system on one line; what is recommended on the next, and why above all."""
    sign, state, tone, _ = state_of(known)
    host, facts = known.host, known.facts
    parts: list[tuple[str, Tone]] = [(host.name, "strong"), (f"   {sign} {state}", tone)]
    if facts is not None and facts.os.pretty_name:
        parts.append((f"   {facts.os.pretty_name}", "plain"))
    if known.looking:
        parts.append(("   looking in full …", "accent"))
    elif known.look is not None:
        parts.append((f"   seen {_ago(between(known.look.taken_at, now))}", "muted"))
    page = Page().line(*parts)
    advice = None if known.foresight is None else known.foresight.recommendation
    if advice is not None:
        why = " ".join(advice.why[:FIRST_REASONS])
        page.line(("★ ", "accent"), (advice.kind, "strong"), (f"   {why}", "plain"), hang=2)
    return page


def _ago(seconds: float) -> str:
    text = age(seconds)
    return text if text == "now" else f"{text} ago"


def summary_cell(candidate: Candidate) -> Cell:
    """What a candidate would do, in a few words; blocked where it is."""
    if candidate.blockers:
        hard = [blocker for blocker in candidate.blockers if not is_mild(blocker)]
        if hard:
            return (("■ ", "warn"), (hard[0].message, "muted"))
        return (("– ", "muted"), (candidate.blockers[0].message, "muted"))
    parts = []
    if candidate.changes is None:
        parts.append("not simulated")
    elif candidate.changes:
        parts.append(count(len(candidate.changes), "package"))
    if candidate.to:
        parts.append(f"to {candidate.to}")
    if candidate.effects.units:
        parts.append(f"stops {count(len(candidate.effects.units), 'unit')}")
    if candidate.effects.containers:
        parts.append(f"stops {count(len(candidate.effects.containers), 'container')}")
    if candidate.effects.conffiles:
        parts.append(f"keeps {count(len(candidate.effects.conffiles), 'changed conffile')}")
    if candidate.effects.reboot:
        parts.append("reboot" if candidate.kind in REBOOTING else "reboot due afterwards")
    return ((", ".join(parts) or candidate.title, "plain"),)


def risk_cell(candidate: Candidate, width: int) -> Cell:
    """The score and level, with a bar where there is room."""
    risk = candidate.risk
    if risk is None:
        return (("·", "muted"),)
    tone = LEVEL_TONES[risk.level]
    words: Cell = ((f"{risk.score:>3} {risk.level}", tone),)
    if width < WITH_BAR:
        return words
    full, rest = bar(risk.score, 100, WITH_BAR - 14)
    return ((full, tone), (rest, "muted"), *words)


def candidate_page(known: Known, candidate: Candidate | None, inventory: str) -> Page:
    """Blockers first, then effects, risk, and the question that only a person can answer."""
    page = Page()
    if known.look is not None and known.look.error is not None:
        page.heading("Not looked at")
        page.text(known.look.error.message, "bad")
        page.remedy(known.look.error.hint)
    if known.host.outage is None:
        _outage_question(page, known.host.name, inventory)
    if candidate is None:
        return page
    if candidate.kind == "replace":
        successor_line(page, known)
    for blocker in candidate.blockers:
        mild = is_mild(blocker)
        page.heading(f"{'–' if mild else '■ Blocked:'} {blocker.id}")
        page.text(blocker.message, "plain" if mild else "warn")
        page.remedy(blocker.remedy)
    if candidate.kind == "replace":
        preflight_lines(page, known, candidate)
    if candidate.risk is not None:
        risk_lines(page, candidate.risk)
    if candidate.kind not in ("none", "replace", "decommission"):
        effects_lines(
            page,
            candidate.effects,
            candidate.changes,
            reboots=candidate.kind in REBOOTING,
            next_boot=() if known.facts is None else next_boot(known.facts, candidate),
        )
    _fixes(page, known.facts, candidate)
    _advice(page, known.foresight, candidate)
    _waiting(page, known.foresight)
    return page


def _fixes(page: Page, facts: Facts | None, candidate: Candidate) -> None:
    """The holes that its changelogs name, those that are known to be exploited first."""
    packages = None if facts is None else facts.packages
    known = {u.source: u.cve_ids for u in packages.updates} if packages else {}
    wanted = sorted({source_of(change) for change in candidate.changes or ()} & set(known))
    if not wanted:
        return
    in_kev = {cve.id for cve in known_holes(packages)[0] if is_exploited(cve)}
    page.heading("What it fixes")
    for source in wanted:
        ids = sorted(known[source], key=lambda cve: (cve not in in_kev, cve))
        exploited = [cve for cve in ids if cve in in_kev]
        if exploited:
            page.item(f"{source}: {', '.join(exploited)}, known to be exploited", "bad")
        rest = ids[len(exploited) :]
        if rest or not exploited:
            words = shorten(", ".join(rest), 200) or "no CVE is named in its changelog"
            page.item(f"{source}: {words}")


def _advice(page: Page, foresight: Foresight | None, candidate: Candidate) -> None:
    """All reasons, at the candidate that they are for, where the headline has no room for them."""
    advice = None if foresight is None else foresight.recommendation
    if advice is None or advice.kind != candidate.kind or len(advice.why) <= FIRST_REASONS:
        return
    page.heading(f"Why {'nothing is' if advice.kind == 'none' else 'this is'} advised")
    for reason in advice.why:
        page.item(reason)


def _outage_question(page: Page, name: str, inventory: str) -> None:
    page.heading("? What would it mean if this server were down for a whole day?")
    page.line(
        ("Nobody has answered yet, so it counts as ", "plain"), ("costly", "strong"), (".", "plain")
    )
    page.line(
        (f"→ In {inventory}, under [hosts.{name}], put ", "plain"),
        ('outage = "tolerable"', "accent"),
        (', "costly" or "unacceptable".', "plain"),
        hang=2,
    )


def _waiting(page: Page, foresight: Foresight | None) -> None:
    waiting = None if foresight is None else foresight.waiting
    if waiting is None:
        return
    page.heading("Risk of waiting")
    due = "" if waiting.due_days is None else f", due in {count(waiting.due_days, 'day')}"
    page.line((f"{waiting.level}{due}", LEVEL_TONES[waiting.level]))
    for reason in waiting.reasons:
        page.item(reason)


def facts_page(known: Known, now: datetime) -> Page:
    """Everything that was found on the host; unknown is said, never left out silently."""
    page = Page()
    host, facts = known.host, known.facts
    page.heading("Inventory")
    page.fact("Address", host.address + (f" port {host.port}" if host.port else ""))
    page.fact("Groups", " ".join(host.groups) or "none")
    page.fact("Outage", host.outage or "not answered")
    if host.redundancy:
        page.fact("Redundancy", host.redundancy)
    if host.services:
        page.fact("Services", ", ".join(service.name for service in host.services))
    if facts is None:
        return page
    _system(page, facts, now)
    _package_facts(page, facts)
    _running(page, facts)
    _storage(page, facts)
    _deployments(page, facts.deployments)
    _locks(page, facts, now)
    if facts.problems:
        page.heading("Could not be read")
        for problem in facts.problems:
            page.item(f"{problem.section}: {problem.message}", "warn", "?")
            page.remedy(problem.hint, 2)
    return page


def _system(page: Page, facts: Facts, now: datetime) -> None:
    system = facts.os
    page.heading("System")
    page.fact("System", system.pretty_name or "unknown")
    page.fact("Family", facts.family)
    if system.support_ends is not None:
        over = system.support_ends < now.date()
        page.fact(
            "Support",
            f"ended {system.support_ends}" if over else f"until {system.support_ends}",
            "bad" if over else "plain",
        )
    else:
        page.fact("Support", "end unknown")
    running, expected = facts.kernel.running, facts.kernel.expected
    page.fact("Kernel", running or "unknown")
    if expected is not None and expected != running:
        page.fact("Next boot", expected, "warn")
    if facts.uptime_s is not None:
        page.fact("Uptime", duration(facts.uptime_s))
    reboot = facts.reboot.required
    page.fact(
        "Reboot",
        "due" if reboot else "not due" if reboot is False else "unknown",
        "warn" if reboot else "plain",
    )
    for reason in facts.reboot.reasons:
        page.item(reason)
    page.fact("Machine", facts.virtualization or "unknown")
    page.fact("Kubernetes", yes_no(facts.kubernetes_node))
    page.fact(
        "Root",
        "yes" if facts.privileged else "no: facts for root are unknown",
        "plain" if facts.privileged else "warn",
    )
    page.fact("Looked at", f"{facts.depth}, {_ago(between(facts.taken_at, now))}")


def _package_facts(page: Page, facts: Facts) -> None:
    packages = facts.packages
    if packages is None:
        return
    page.heading("Packages")
    page.fact("Upgradable", _number(packages.upgradable))
    page.fact("Security", _number(packages.security), "warn" if packages.security else "plain")
    if facts.lists_age_s is not None:
        old = facts.lists_age_s > DAY
        page.fact("Lists", f"{age(facts.lists_age_s)} old", "warn" if old else "plain")
    else:
        page.fact("Lists", "age unknown")
    _package_names(page, packages)
    if packages.broken:
        states = ", ".join(f"{p.name} ({p.state})" for p in packages.broken)
        page.fact("Broken", states, "bad")
    if packages.interrupted:
        page.fact("dpkg", "was interrupted", "bad")
    for updater in facts.auto_updates or ():
        page.fact("By itself", f"{updater.name}: {'on' if updater.enabled else 'off'}")
    for one in facts.snapshots:
        since = age(int((facts.taken_at - one.taken_at).total_seconds()))
        page.fact("Snapshot", f"{snapshot_name(one.run)}, {since} old")


def _package_names(page: Page, packages: Packages) -> None:
    for label, names in (
        ("Held", packages.held),
        ("Kept back", packages.kept_back),
        ("Phased", packages.phased),
        ("Subscription", packages.esm),
    ):
        if names is None:
            page.fact(label, "not looked at", "muted")
        elif names:
            page.fact(label, shorten(", ".join(names), 300))


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _running(page: Page, facts: Facts) -> None:
    page.heading("Running")
    failed = facts.failed_units
    if failed is None:
        page.fact("Failed units", "unknown", "muted")
    elif failed:
        page.fact("Failed units", ", ".join(failed), "bad")
    else:
        page.fact("Failed units", "none")
    if facts.services_to_restart:
        page.fact("To restart", ", ".join(facts.services_to_restart), "warn")
    containers = facts.containers
    if containers is None:
        page.fact("Containers", "unknown", "muted")
    elif not containers:
        page.fact("Containers", "none")
    else:
        page.fact("Containers", str(len(containers)))
    for container in containers or ():
        policy = f"restart {container.restart_policy}" if container.restart_policy else ""
        page.item("  ".join(word for word in (container.name, container.image, policy) if word))


def _storage(page: Page, facts: Facts) -> None:
    if not facts.filesystems:
        return
    page.heading("Free space")
    for found in facts.filesystems:
        free = "unknown" if found.free_bytes is None else size(found.free_bytes)
        inodes = "" if found.free_inodes is None else f"   {found.free_inodes:,} inodes"
        small = found.free_bytes is not None and found.free_bytes < SMALL_BYTES
        page.fact(shorten(found.mount, 13), free + inodes, "warn" if small else "plain")


def _deployments(page: Page, deployments: tuple[Deployment, ...] | None) -> None:
    if not deployments:
        return
    page.heading("Deployments, in boot order")
    for found in deployments:
        marks = [
            word
            for word, here in (
                ("booted", found.booted),
                ("staged", found.staged),
                ("rollback", found.rollback),
                ("pinned", found.pinned),
                ("locked", found.locked),
            )
            if here
        ]
        name = found.version or (found.checksum or "unknown")[:12]
        page.fact(str(found.index), f"{name}   {' '.join(marks)}")
        if found.layered:
            page.item("layered: " + ", ".join(found.layered), "muted")


def _locks(page: Page, facts: Facts, now: datetime) -> None:
    lock = facts.lock
    if lock is None and facts.dpkg_lock is None and facts.busy is None:
        return
    page.heading("Held by")
    if lock is not None:
        alive = {True: "at work", False: "nothing of it at work", None: "unknown"}[lock.job_alive]
        if lock.claim:
            alive = "waits for an answer"
        since = "" if lock.since is None else f", since {_ago(between(lock.since, now))}"
        page.fact("Run", f"{lock.run} ({lock.candidate or '?'}), {alive}{since}", "warn")
        page.fact("Operator", lock.operator or "unknown")
    if facts.dpkg_lock is not None:
        holder = facts.dpkg_lock
        page.fact("dpkg's lock", f"{holder.command or 'unknown'} (process {holder.pid})", "warn")
    if facts.busy is not None:
        page.fact("Busy", facts.busy, "warn")
