"""What the Cutover screen says: the clock, the step in hand, both servers, what DNS answers."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len

from engine.errors import HostshiftError
from engine.model.cutover import CutoverView, DnsSide, ServerSide
from engine.model.plan import GateAct, Plan
from engine.model.run import Run, StepState
from tui.run_pages import TROUBLED, answers, gate_of, step_in_hand
from tui.widgets.sheet import Page
from tui.words import MINUTE, RUN_SIGNS, Tone, bar, between, count, duration, shorten

BAR = 18
SAID = 38
"""Cells of what a program says of its progress, so that it stays on a line of its panel."""
SERVICE_SIGNS: dict[str, tuple[str, Tone]] = {
    "serving": ("●", "good"),
    "frozen": ("■", "accent"),
    "held": ("‖", "muted"),
    "starting": ("▶", "accent"),
    "stopped": ("○", "muted"),
    "unknown": ("?", "warn"),
}
"""The sign of each state of a service; the word always stands beside it."""
DNS_SIGNS: dict[bool | None, tuple[str, Tone]] = {
    True: ("✓", "good"),
    False: ("○", "muted"),
    None: ("?", "warn"),
}


def elapsed_s(view: CutoverView | None, now: datetime) -> float | None:
    """Seconds from the freeze to its end, or to now; None before it."""
    if view is None or view.began_at is None:
        return None
    return between(view.began_at, view.ended_at or now)


def clock_tone(view: CutoverView | None, now: datetime) -> Tone:
    """How the outage stands to what was promised."""
    elapsed = elapsed_s(view, now)
    if view is None or elapsed is None:
        return "muted"
    if view.promised_s is not None and elapsed > view.promised_s:
        return "bad"
    return "good" if view.ended_at is not None else "accent"


def digits(view: CutoverView | None, now: datetime) -> str:
    """The outage clock: minutes and seconds."""
    elapsed = int(elapsed_s(view, now) or 0)
    return f"{elapsed // MINUTE:02}:{elapsed % MINUTE:02}"


def head_page(
    run: Run,
    view: CutoverView | None,
    now: datetime,
    trouble: HostshiftError | None = None,
    *,
    read_only: bool,
) -> Page:
    """Beside the clock: the outage, the way back, the step in hand and its question.

    Args:
        trouble: Why there is no view.
    """
    page = Page()
    if trouble is not None:
        page.text(trouble.message, "bad").remedy(trouble.hint)
    elif view is None:
        page.text("Nothing is known of this cutover yet.", "muted")
    else:
        _outage(page, view, now)
        _way_back(page, view, read_only)
    _in_hand(page, run, now, read_only)
    return page


def _outage(page: Page, view: CutoverView, now: datetime) -> None:
    elapsed, promised = elapsed_s(view, now), view.promised_s
    window = "no window was promised" if promised is None else f"{duration(promised)} promised"
    if elapsed is None:
        page.line(("Nothing is frozen yet", "strong"), (f"   {window}", "muted"))
        return
    tone = clock_tone(view, now)
    said = "Frozen for" if view.ended_at is None else "Served again after"
    if promised is None:
        page.line((f"{said} {duration(elapsed)}", tone), (f"   {window}", "muted"))
    elif elapsed > promised:
        over = duration(elapsed - promised)
        page.line((f"{said} {duration(elapsed)}: {over} over the {window}", tone))
    else:
        full, rest = bar(elapsed, promised, BAR)
        page.line(
            (f"{said} {duration(elapsed)}", tone),
            (f" of {window}  ", "plain"),
            (full, tone),
            (rest, "muted"),
        )
    if view.outage_s is None:
        page.text("Not measured from outside yet.", "muted")
    elif view.outage_s > 0:
        page.text(f"Seen from outside: out for {duration(view.outage_s)}.")
    else:
        page.text("Seen from outside: no check has failed.")


def _way_back(page: Page, view: CutoverView, read_only: bool) -> None:
    sign = "↶ " if view.lossless else "! "
    tone: Tone = "good" if view.lossless else "warn"
    parts: list[tuple[str, Tone]] = []
    if view.can_go_back and not read_only:
        parts = [("b ", "accent"), ("go back …  ", "strong")]
    page.line(*parts, (sign, tone), (view.side_words, tone))


def _in_hand(page: Page, run: Run, now: datetime, read_only: bool) -> None:
    step, gate = step_in_hand(run), gate_of(run)
    if step is not None:
        place = run.steps.index(step)
        sign, tone = RUN_SIGNS[step.state]
        parts: list[tuple[str, Tone]] = [
            (f"{sign} {place + 1} of {len(run.steps)}  {step.title}", tone)
        ]
        if step.started_at is not None:
            parts.append((f"  {duration(between(step.started_at, step.ended_at or now))}", "muted"))
        if step.progress is not None and step.progress.percent is not None:
            parts.append((f"  {step.progress.percent:.0f} %", "plain"))
        if place + 1 < len(run.steps) and gate is None:
            parts.append((f"   then {run.steps[place + 1].title}", "muted"))
        page.line(*parts, hang=2)
    if run.state in TROUBLED:
        sign, tone = RUN_SIGNS[run.state]
        page.line((f"{sign} {run.state}", tone))
        if run.state == "unknown":
            page.text(f"Not known for {duration(between(run.since, now))}.", "warn")
        for reason in run.reason:
            page.text(reason, "warn")
        if run.hint:
            page.remedy(run.hint)
    if gate is not None:
        page.text(run.waits_for or gate.title, "strong")
        answers(page, gate, read_only)
    if run.owner is not None and run.owner_alive is False and not run.ended:
        page.text(f"The hostshift that drove this run is gone: {run.owner}.", "warn")
        if not read_only:
            page.line(("t ", "accent"), ("takes it over", "plain"))


def steps_page(run: Run, plan: Plan | None, shown: str | None, now: datetime, room: int) -> Page:
    """A line for each step; where there isn't room, those around the one in hand.

    Args:
        shown: The step whose log is shown.
        room: Lines there are.
    """
    page = Page()
    gates = {s.id for s in ((plan and plan.steps) or ()) if s.gate or isinstance(s.act, GateAct)}
    in_hand = step_in_hand(run)
    place = 0 if in_hand is None else run.steps.index(in_hand)
    first, end = _around(place, len(run.steps), room - _extra(in_hand))
    if first:
        page.text(f"  … {count(first, 'step')} before", "muted")
    for number, step in enumerate(run.steps[first:end], first + 1):
        sign, tone = RUN_SIGNS[step.state]
        title: Tone = "strong" if step is in_hand else "plain"
        parts: list[tuple[str, Tone]] = [(f"{sign} ", tone), (f"{number:>2}  {step.title}", title)]
        if step.id in gates:
            parts.append(("  gate", "accent"))
        if step.started_at is not None:
            parts.append((f"  {duration(between(step.started_at, step.ended_at or now))}", "muted"))
        if step.id == shown:
            parts.append(("  ◂ log", "accent"))
        page.line(*parts, hang=6)
        if step is in_hand:
            _progress(page, step)
    if end < len(run.steps):
        page.text(f"  … {count(len(run.steps) - end, 'step')} after", "muted")
    return page


def _extra(step: StepState | None) -> int:
    progress = None if step is None or step.state != "running" else step.progress
    return 0 if progress is None else (progress.percent is not None) + bool(progress.text)


def _progress(page: Page, step: StepState) -> None:
    progress = step.progress
    if progress is None or step.state != "running":
        return
    if progress.percent is not None:
        full, rest = bar(progress.percent, 100, BAR)
        page.line(
            ("      ", "plain"),
            (full, "accent"),
            (rest, "muted"),
            (f" {progress.percent:.0f} %  {progress.phase}", "plain"),
            hang=6,
        )
    if progress.text:
        page.text(f"      {shorten(progress.text, SAID)}", "muted")


def _around(place: int, number: int, room: int) -> tuple[int, int]:
    """The first and the end of the steps that are shown around one of them."""
    if number <= room:
        return 0, number
    inner = max(1, room - 2)  # two lines tell of those that are left out
    first = max(0, min(place - inner // 3, number - inner))
    return first, min(number, first + inner)


def server_title(side: ServerSide) -> str:
    """A server's name, which of the two it is, its address."""
    return f"{side.host}, {side.role}, {side.address}"


def server_page(side: ServerSide) -> Page:
    """The services of one server with their states."""
    page = Page()
    if not side.services:
        return page.text("No service moves.", "muted")
    for service, state in side.services:
        sign, tone = SERVICE_SIGNS.get(state, SERVICE_SIGNS["unknown"])
        page.line((f"{sign} {state:<10}", tone), (service, "strong"), hang=12)
    return page


def dns_title(dns: tuple[DnsSide, ...]) -> str:
    """How many servers have turned."""
    if not dns:
        return "DNS"
    turned = sum(side.turned is True for side in dns)
    return f"DNS, {turned} of {len(dns)} have turned:  ✓ turned  ○ not yet  ? not known"


def dns_page(dns: tuple[DnsSide, ...]) -> Page:
    """A line for each name server and resolver."""
    page = Page()
    if not dns:
        return page.text("No server was asked yet.", "muted")
    server = max(len(side.server) for side in dns)
    role = max(len(side.role) for side in dns)
    for side in dns:
        sign, tone = DNS_SIGNS[side.turned]
        page.line(
            (f"{sign} ", tone),
            (f"{side.server:<{server}}  ", "strong"),
            (f"{side.role:<{role}}  ", "muted"),
            (side.shown, tone if side.turned is not False else "plain"),
            hang=server + role + 6,
        )
    return page


def dns_in_short(dns: tuple[DnsSide, ...], width: int) -> Page:
    """As many of them on a line as there is room for."""
    page = Page()
    if not dns:
        return page.text("No server was asked yet.", "muted")
    parts: list[tuple[str, Tone]] = []
    used = 0
    for side in dns:
        sign, tone = DNS_SIGNS[side.turned]
        named = f"{side.server} {side.role}"
        used += cell_len(named) + 5
        if parts and used - 3 > width:
            page.line(*parts)
            parts, used = [], cell_len(named) + 5
        parts += [(f"{sign} ", tone), (f"{named}   ", "plain")]
    return page.line(*parts)
