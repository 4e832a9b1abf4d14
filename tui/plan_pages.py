"""What the Plan screen says of plans: steps with commands, effects, risk, what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from engine.candidates.boot import boot_chain
from engine.errors import HostshiftError
from engine.model.candidate import Blocker, Effects, Risk
from engine.model.facts import Change
from engine.model.plan import Plan, Step
from engine.risk.words import in_words
from tui.widgets.sheet import Page, spans
from tui.words import LEVEL_TONES, about, count, shorten, size, yes_no

WHERE = {
    "controller": "from this machine",
    "host": "on the host",
    "successor": "on the successor",
    "dns": "in the DNS",
}
"""Where a step acts, in words."""


def plan_page(
    page: Page, plans: tuple[Plan, ...], left_out: Sequence[tuple[str, HostshiftError]]
) -> None:
    """One plan in full; of many, each in short and the first one's steps."""
    if len(plans) > 1:
        _hosts(page, plans)
    left_out_lines(page, left_out, alone=not plans)
    if not plans:
        return
    plan = plans[0]
    if len(plans) > 1:
        page.gap().text(f"The steps on {plan.host}; on the others alike:", "muted")
    for number, step in enumerate(plan.steps, 1):
        _step(page, number, step)
    effects_lines(page, plan.effects, plan.changes, plan)
    if plan.risk is not None:
        risk_lines(page, plan.risk)


def _hosts(page: Page, plans: tuple[Plan, ...]) -> None:
    page.heading(f"{count(len(plans), 'host')}")
    for plan in plans:
        changes = "?" if plan.changes is None else str(len(plan.changes))
        risk = "" if plan.risk is None else f"risk {plan.risk.score} {plan.risk.level}"
        page.line(
            (f"{shorten(plan.host, 24):<25}", "strong"),
            (f"{changes:>4} packages   {risk:<18}", "plain"),
            (plan.digest[:12], "muted"),
        )


def _step(page: Page, number: int, step: Step) -> None:
    page.heading(f"{number}  {step.title}")
    parts = [WHERE[step.where]]
    if step.expected_s is not None:
        parts.append(f"about {about(step.expected_s)}")
    if step.gate:
        parts.append("waits for a person")
    page.text("   " + ", ".join(parts), "muted")
    for line in step.commands:
        page.line(("   $ ", "accent"), (line, "plain"), hang=7)
    for line in step.undo:
        page.line(("     ", "muted"), (line, "muted"), hang=5)


def effects_lines(
    page: Page,
    effects: Effects,
    changes: Sequence[Change] | None,
    plan: Plan | None = None,
    *,
    reboots: bool = False,
    next_boot: Sequence[str] = (),
) -> None:
    """What stops, restarts, boots otherwise and is needed."""
    page.heading("Effects")
    reboot = yes_no(effects.reboot)
    if effects.reboot and not reboots:
        reboot = "due afterwards"
    page.fact("Reboot", reboot, "warn" if effects.reboot else "plain")
    for number, line in enumerate(next_boot):
        page.fact("" if number else "Next boot", line)
    page.fact("Units", _names(effects.units), "warn" if effects.units else "plain")
    page.fact("Containers", _names(effects.containers), "warn" if effects.containers else "plain")
    page.fact("Conffiles", _names(effects.conffiles), "warn" if effects.conffiles else "plain")
    if effects.conffiles:
        page.item("Changed on the host: kept, with the package's version beside it.", "muted")
        if plan is not None:
            page.item("f shows what differs, and takes the package's instead.", "muted")
    for number, line in enumerate(boot_chain(changes or ())):
        page.fact("" if number else "Boot chain", line, "warn")
    if effects.download_bytes:
        page.fact("Download", size(effects.download_bytes))
    if effects.disk_bytes:
        page.fact("Disk", size(effects.disk_bytes))
    if plan is not None and plan.outage_window.expected_s is not None:
        window = plan.outage_window
        page.fact("Outage", f"about {about(window.expected_s or 0)} ({window.source})")


def _names(values: tuple[str, ...] | None) -> str:
    if values is None:
        return "unknown"
    return ", ".join(values) if values else "none"


def risk_lines(page: Page, risk: Risk) -> None:
    """The score and where it comes from, each part with its evidence."""
    from tui.words import bar

    page.heading("Risk of acting")
    tone = LEVEL_TONES[risk.level]
    full, rest = bar(risk.score, 100, 20)
    page.line(
        (full, tone),
        (rest, "muted"),
        (f"  {risk.score} of 100, {risk.level}", tone),
    )
    for sentence in in_words(risk):
        page.text(sentence, "muted")
    if risk.factors:
        page.gap()
    most = max((abs(f.points) for f in risk.factors), default=0)
    for factor in sorted(risk.factors, key=lambda f: -f.points):
        full, rest = bar(factor.points, most, 8)
        page.line(
            (f"{factor.points:>4} ", "strong"),
            (full, "accent"),
            (rest, "muted"),
            (f"  {factor.id}  ", "strong"),
            (f"{factor.value}: ", "plain"),
            (factor.evidence, "muted"),
            (f"  {factor.origin}", "muted"),
            hang=15,
        )


def left_out_lines(page: Page, pairs: Sequence[tuple[str, HostshiftError]], *, alone: bool) -> None:
    """Hosts without a plan, each with the reason and what to do."""
    if not pairs:
        return
    page.heading("Not possible" if alone else f"Left out: {count(len(pairs), 'host')}")
    for name, error in pairs:
        page.line((name, "strong"))
        blockers: tuple[Blocker, ...] = getattr(error, "blockers", ())
        for blocker in blockers:
            page.line(("  ■ ", "warn"), (blocker.message, "plain"), hang=4)
            page.remedy(blocker.remedy, 4)
        if not blockers:
            page.line(("  ", "plain"), (error.message, "warn"), hang=2)
            page.remedy(error.hint, 2)


def changed_page(differences: dict[str, tuple[str, ...]]) -> Page:
    """What is planned otherwise than what was confirmed."""
    page = Page()
    for name, lines in differences.items():
        page.heading(f"The plan for {name} has changed. Nothing was done.")
        page.text("- planned then, + planned now; confirm anew to go on.", "muted")
        for line in lines:
            page.text(f"  {line}", "good" if line.startswith("+") else "bad")
    return page


def explain(plans: tuple[Plan, ...]) -> Content:
    """The few lines above the typed confirmation: what is at stake."""
    lines: list[Content] = []
    for plan in plans[:6]:
        changes = 0 if plan.changes is None else len(plan.changes)
        stops = [*(plan.effects.units or ()), *(plan.effects.containers or ())]
        said = [count(changes, "package")] if changes else []
        if stops:
            said.append(f"stops {shorten(', '.join(stops), 60)}")
        if plan.effects.conffiles:
            said.append(f"keeps {count(len(plan.effects.conffiles), 'changed conffile')}")
        if plan.effects.reboot:
            said.append("a reboot is due afterwards")
        if plan.risk is not None:
            said.append(f"risk {plan.risk.score} {plan.risk.level}")
        lines.append(
            spans((f"{plan.host}  ", "strong"), (", ".join(said) or plan.candidate, "plain"))
        )
    if len(plans) > 6:
        lines.append(Content(f"and {len(plans) - 6} more hosts"))
    return Content("\n").join(lines)
