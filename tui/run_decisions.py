"""The questions before a person decides something of a run, each with what it would mean.

Design, principle 10: what touches running services or can't be taken back wants the host's name
typed; the rest is one confirmation.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from engine.model.cutover import CutoverView
from engine.model.plan import CONFFILES, Plan, Step
from engine.model.run import ENDED, Run, StepState
from tui.bridge import is_replacement
from tui.fleet_rows import Known
from tui.run_pages import gate_of
from tui.screens.confirm import ConfirmScreen
from tui.widgets.sheet import Page
from tui.words import shorten

IN_YOUR_WORDS = "In your words, for the journal (may stay empty):"
WHY = "Why, for the journal:"
WHY_LOCK = "Why, for the record on the host:"

ON_HOST = ("upgrade", "repair", "look", "password", "break_lock", "conffiles")
"""Commands that need the host itself, and so the inventory."""
HELD_UP = ("unknown", "waiting")
"""States in which a password may be what the host is asking for."""


def why_lock_stays(known: Known) -> str | None:
    """Why a host's lock can't be broken, in a sentence; None when it may be."""
    lock = None if known.facts is None else known.facts.lock
    if lock is None:
        return "No lock was seen on this host."
    if lock.job_alive:
        return "A job of this lock's run is at work on the host."
    return None


def why_not(command: str, run: Run, known: Known | None) -> str | None:
    """Why a command of the Run screen can't be used now, in a sentence; None when it can.

    Args:
        known: What is known of its host; None when the host isn't in the inventory.
    """
    if command in ON_HOST and known is None:
        return f"{run.host} is not in the inventory."
    gate = gate_of(run)
    if command in ("upgrade", "repair") and not run.ended:
        return "This run has not ended."
    if command == "repair" and known is not None and not known.half_done:
        return "dpkg has nothing half done on this host, or is at work."
    if command == "break_lock" and known is not None:
        if run.owner_alive and not run.ended:
            return "This run is driven: s stops it, and at a gate n ends it."
        return why_lock_stays(known)
    if command == "conffiles" and (gate is None or gate.id != CONFFILES):
        return "This run doesn't ask about configuration files now."
    if command == "password" and (run.state not in HELD_UP or gate is not None):
        return "This run waits for no password."
    if command in ("go_on", "end_here") and gate is None:
        return "This run waits for no answer."
    if command in ("stop", "stop_hard"):
        if run.ended:
            return "Nothing of this run is at work."
        if gate is not None:
            return "Nothing is at work while it waits for an answer: n ends it here."
    if command == "cutover" and not is_replacement(run):
        return "Only a replacement has a cutover."
    if command == "take_over":
        if run.state in ENDED:
            return "This run has ended."
        if run.owner is None:
            return "No other hostshift is known to drive this run."
    return None


def go_on(run: Run, gate: StepState, plan: Plan | None) -> ConfirmScreen:
    """Before a gate is answered with yes; typed unless services are known to be left alone."""
    after = [step.title for step in _after(run, plan, gate) if not step.always]
    asks = next((s for s in (plan.steps if plan is not None else ()) if s.id == gate.id), None)
    question = run.waits_for or gate.title
    lines = [Content.styled(question, "bold")]
    lines += [Content(line) for line in run.reason if line != question]
    lines += [Content(f"{line[:1].upper()}{line[1:]}.") for line in (asks.undo if asks else ())]
    at_its_end = asks is not None and asks.always
    if after:
        lines.append(Content(f"Then: {shorten(', '.join(after), 200)}."))
    return ConfirmScreen(
        f"{'At the end of' if at_its_end else 'Go on with'} {run.candidate} on {run.host}",
        Content("\n").join(lines),
        run.host if plan is None or plan.interrupts else None,
        "Go on",
        words=IN_YOUR_WORDS,
    )


def end_here(run: Run, gate: StepState, plan: Plan | None) -> ConfirmScreen:
    """Before a gate is answered with no."""
    always = [step.title for step in _after(run, plan, gate) if step.always]
    clean_up = f"\nStill carried out: {shorten(', '.join(always), 200)}." if always else ""
    return ConfirmScreen(
        f"End {run.candidate} on {run.host} here",
        Content(f"What was done stays as it is, and nothing more is begun.{clean_up}"),
        None,
        "End it here",
        words=IN_YOUR_WORDS,
        leave="Let it wait",
    )


def go_back(run: Run, view: CutoverView) -> ConfirmScreen:
    """Before a cutover is given up: one key while nothing is lost by it, else the name."""
    page = Page().text(view.side_words, "good" if view.lossless else "warn")
    page.text(
        f"The services are stopped on {view.new.host} and start again on {view.old.host}, "
        "DNS points back there, and the run ends."
    )
    return ConfirmScreen(
        f"Go back to {view.old.host}",
        page,
        None if view.lossless else run.host,
        "Go back",
        leave="Let it go on",
        key="y",
    )


def stop(run: Run) -> ConfirmScreen:
    """Before a run is asked to stop."""
    return ConfirmScreen(
        f"Stop {run.candidate} on {run.host}",
        Content(
            "The package transaction in hand is finished first; after it nothing more is begun, "
            "but clean-up. What was done stays as it is."
        ),
        None,
        "Stop it",
        leave="Let it go on",
    )


def stop_hard(run: Run) -> ConfirmScreen:
    """Before the processes of a run are killed."""
    left = (
        "packages half unpacked or half configured",
        "services stopped that nobody starts again",
        "a kernel without its initrd: don't reboot before the repair",
    )
    page = Page().text(
        f"What runs on {run.host} now is killed in the middle of its work. Prefer s, which waits "
        "for the transaction in hand."
    )
    page.text("It may leave behind:")
    for line in left:
        page.item(line, "plain", "!")
    page.text("Plan `repair` afterwards.")
    return ConfirmScreen(
        f"Hard stop of {run.candidate} on {run.host}",
        page,
        run.host,
        "Kill it",
        leave="Let it go on",
    )


def take_over(run: Run) -> ConfirmScreen:
    """Before another hostshift loses its run; typed, with a reason, unless that one is gone."""
    title = f"Take over {run.candidate} on {run.host}"
    if run.owner_alive is False:
        gone = Content(f"{run.owner} is gone. From then on this hostshift drives the run.")
        return ConfirmScreen(title, gone, None, "Take over", words=IN_YOUR_WORDS)
    standing = "is alive" if run.owner_alive else "may be alive: that is not known"
    return ConfirmScreen(
        title,
        Content(
            f"{run.owner} drives this run and {standing}. It loses the run, and can write "
            "nothing more to its record. Ask its operator first."
        ),
        run.host,
        "Take over",
        words=WHY,
        needs_words=True,
    )


def break_lock(host: str, evidence: Sequence[str]) -> ConfirmScreen:
    """Before a host's lock is broken: the evidence that the host gives."""
    page = Page()
    for line in evidence:
        page.item(line)
    page.text("Breaking it is written down on the host.", "muted")
    return ConfirmScreen(
        f"Break the lock on {host}",
        page,
        host,
        "Break it",
        words=WHY_LOCK,
        needs_words=True,
    )


def _after(run: Run, plan: Plan | None, gate: StepState) -> tuple[Step, ...]:
    """The steps after a gate that are still to come; at a bad end most of them are not."""
    steps = () if plan is None else plan.steps
    places = [i for i, step in enumerate(steps) if step.id == gate.id]
    to_come = {step.id for step in run.steps if step.state == "planned"}
    return tuple(s for s in steps[places[0] + 1 :] if s.id in to_come) if places else ()
