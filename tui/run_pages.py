"""What the Run screen says of a run: where it stands, its steps, its journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from engine.model.journal import JournalEntry
from engine.model.plan import (
    CONFFILES,
    GateAct,
    JobAct,
    Plan,
    PutBackAct,
    RebootAct,
    ScriptAct,
    Step,
)
from engine.model.replacing import SyncAct
from engine.model.run import Run, StepState
from tui.plan_pages import WHERE
from tui.widgets.sheet import Page
from tui.words import RUN_SIGNS, bar, between, clock, duration, shorten

BAR = 24
MANY = 12
"""Steps of a run that are all told: of longer ones those that are over are told in one line."""
TROUBLED = ("failed", "attention", "unknown", "rolled-back")
"""States whose reasons stand out."""
WRITES_LOG = (JobAct, PutBackAct, RebootAct, ScriptAct, SyncAct)
"""What a step does where it writes a log; the others only look, ask or wait."""
WHO_WIDTH = 20
"""Cells that the journal has at most for who caused an entry."""


def overview_page(
    run: Run, plan: Plan | None, shown: str | None, now: datetime, *, read_only: bool
) -> Page:
    """All in short; the step whose log is ``shown`` is marked."""
    page = Page()
    _standing(page, run, plan, now, read_only)
    page.gap()
    done = _told_in_one_line(run, shown)
    if done:
        took = duration(
            between(run.steps[0].started_at or now, run.steps[done - 1].ended_at or now)
        )
        sign, tone = RUN_SIGNS["succeeded"]
        page.line((f"{sign} ", tone), (f"1 to {done}", "plain"))
        page.line((f"     succeeded, {took}; 2 shows them", "muted"))
    for number, step in enumerate(run.steps[done:], done + 1):
        _step_in_short(page, number, step, step.id == shown, now, run.reason)
    _facts(page.gap(), run)
    if not run.ended:
        page.gap().text("Closing this screen or hostshift does not touch the run.", "muted")
    return page


def record_page(run: Run, plan: Plan | None, now: datetime, *, read_only: bool) -> Page:
    """All in full: each step with its times, commands and evidence."""
    page = Page()
    _standing(page, run, plan, now, read_only)
    planned = {step.id: step for step in _steps(plan)}
    for number, state in enumerate(run.steps, 1):
        _step_in_full(page, number, state, planned.get(state.id), now)
    if plan is None:
        page.gap().text("The commands of this run are not on record here.", "muted")
    page.heading("Run")
    _facts(page, run)
    return page


def journal_page(entries: Sequence[JournalEntry] | None) -> Page:
    """The journal, a heading for each day; None while it is being read."""
    page = Page()
    if not entries:
        return page.text("Reading …" if entries is None else "Nothing is on record.", "muted")
    width = min(WHO_WIDTH, max(len(entry.who) for entry in entries))
    day = None
    for entry in entries:
        at = entry.at.astimezone(UTC)
        if at.date() != day:
            day = at.date()
            page.heading(f"{day:%Y-%m-%d}, UTC")
        page.line(
            (f"{at:%H:%M:%S}  ", "muted"),
            (f"{shorten(entry.who, width):<{width}}  ", "strong"),
            (f"{entry.kind}  ", "accent"),
            (entry.text.replace("\n", " "), "plain"),
            hang=width + 12,
        )
    return page


def gate_of(run: Run) -> StepState | None:
    """The step at whose gate a run waits for an answer; None when it waits for none."""
    if run.state != "waiting" or run.waits_for is None:
        return None
    return next((step for step in run.steps if step.state == "waiting"), None)


def step_to_show(run: Run, plan: Plan | None) -> StepState | None:
    """Of the steps that write a log: the one that runs, else the last that has begun.

    Once the run has ended it is the one that went wrong, else the first.
    """
    silent = {step.id for step in _steps(plan) if not isinstance(step.act, WRITES_LOG)}
    gate = gate_of(run)
    steps = [step for step in run.steps if step is not gate and step.id not in silent]
    begun = [step for step in steps if step.started_at is not None]
    running = [step for step in begun if step.state == "running"]
    with_log = running or begun or steps
    if run.ended and len(begun) > 1:
        # The last step only looks; what went wrong or right is in the log of the job before it.
        failed = [step for step in begun if step.state in ("failed", "attention")]
        return (failed or begun)[0]
    return with_log[-1] if with_log else None


def step_in_hand(run: Run) -> StepState | None:
    """The step that runs or waits, else the last that has begun, else the first."""
    at_work = [step for step in run.steps if step.state in ("running", "waiting")]
    begun = [step for step in run.steps if step.started_at is not None]
    if at_work:
        return at_work[-1]
    return begun[-1] if begun else next(iter(run.steps), None)


def _told_in_one_line(run: Run, shown: str | None) -> int:
    """How many of a long run's first steps are over, and before what matters now."""
    if len(run.steps) <= MANY:
        return 0
    in_full = [n for n, s in enumerate(run.steps) if s.state != "succeeded" or s.id == shown]
    return max(0, min(in_full, default=0) - 1)


def _steps(plan: Plan | None) -> tuple[Step, ...]:
    return () if plan is None else plan.steps


def _standing(page: Page, run: Run, plan: Plan | None, now: datetime, read_only: bool) -> None:
    sign, tone = RUN_SIGNS[run.state]
    lasted = duration(between(run.started_at, run.ended_at or now))
    place = ""
    if not run.ended and (step := step_in_hand(run)) is not None:
        place = f"   step {run.steps.index(step) + 1} of {len(run.steps)}"
    page.line((f"{sign} {run.state}", tone), (f"   {lasted}{place}", "muted"))
    if run.waits_for is not None:
        _gate(page, run, run.waits_for, plan, now, read_only)
    for reason in run.reason:
        if reason != run.waits_for:
            page.text(reason, "warn" if run.state in TROUBLED else "plain")
    if run.hint:
        page.remedy(run.hint)
    if run.state == "unknown":
        page.text(f"Not known for {duration(between(run.since, now))}.", "warn")
    if run.owner is not None and run.owner_alive is False and not run.ended:
        page.text(f"The hostshift that drove this run is gone: {run.owner}.", "warn")
        page.line(("t ", "accent"), ("takes it over", "plain"))


def _gate(
    page: Page, run: Run, question: str, plan: Plan | None, now: datetime, read_only: bool
) -> None:
    page.text(question, "strong")
    gate = gate_of(run)
    if gate is not None:
        answers(page, gate, read_only)
    waited = duration(between(run.since, now))
    page.text(f"Asked {clock(run.since, now)} UTC, {waited} ago.", "muted")
    act = next((s.act for s in _steps(plan) if gate is not None and s.id == gate.id), None)
    if isinstance(act, GateAct):
        if act.window is not None:
            page.text(f"It goes on by itself in the window {act.window}.", "muted")
        if act.deadline_s is not None:
            end = run.since + timedelta(seconds=act.deadline_s)
            page.text(f"Unanswered until {clock(end, now)} UTC, nothing more is done.", "muted")


def answers(page: Page, gate: StepState, read_only: bool) -> None:
    """The keys that answer a gate."""
    if gate.id == CONFFILES:
        page.line(("f ", "accent"), ("see what differs", "plain"))
    if read_only:
        page.text("Read-only: it is answered from a hostshift that may act.", "warn")
    else:
        page.line(
            ("y ", "accent"),
            ("go on …", "plain"),
            ("     n ", "accent"),
            ("end it here …", "plain"),
        )


def _facts(page: Page, run: Run) -> None:
    page.fact("Operator", run.operator)
    page.fact("Started", f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC")
    if run.ended_at is not None:
        page.fact("Ended", f"{run.ended_at:%Y-%m-%d %H:%M:%S} UTC")
    if run.owner is not None:
        alive = {True: "", False: " (gone)", None: " (not known whether alive)"}[run.owner_alive]
        page.fact("Driven by", run.owner + alive)
    page.fact("Digest", run.digest[:16])
    page.fact("Run", run.id)


def _step_in_short(
    page: Page, number: int, step: StepState, shown: bool, now: datetime, reasons: tuple[str, ...]
) -> None:
    sign, tone = RUN_SIGNS[step.state]
    page.line(
        (f"{sign} ", tone), (f"{number}  {step.title}", "strong" if shown else "plain"), hang=5
    )
    said: list[str] = [step.state]
    if step.started_at is not None:
        said.append(duration(between(step.started_at, step.ended_at or now)))
    page.line((f"     {', '.join(said)}", "muted"), ("   ◂ log" if shown else "", "accent"))
    progress = step.progress
    if progress is not None and step.state == "running":
        if progress.percent is not None:
            full, rest = bar(progress.percent, 100, BAR)
            page.line(
                ("     ", "plain"),
                (full, "accent"),
                (rest, "muted"),
                (f" {progress.percent:3.0f} %  {progress.phase}", "plain"),
            )
        if progress.text:
            page.text(f"     {progress.text}", "muted", 5)
    for line in step.evidence:
        if line not in reasons:
            page.text(f"     {line}", "muted", 5)


def _step_in_full(
    page: Page, number: int, state: StepState, step: Step | None, now: datetime
) -> None:
    page.heading(f"{number}  {state.title}")
    sign, tone = RUN_SIGNS[state.state]
    where = "" if step is None else f"   {WHERE[step.where]}"
    times = ""
    if state.started_at is not None:
        ended = "" if state.ended_at is None else f" to {state.ended_at:%H:%M:%S}"
        lasted = duration(between(state.started_at, state.ended_at or now))
        times = f"   {clock(state.started_at, now)}{ended} UTC, {lasted}"
    page.line((f"   {sign} {state.state}", tone), (times + where, "muted"), hang=5)
    if step is not None:
        for line in step.commands:
            page.line(("   $ ", "accent"), (line, "plain"), hang=7)
    for line in state.evidence:
        page.line(("   · ", "muted"), (line, "plain"), hang=5)
