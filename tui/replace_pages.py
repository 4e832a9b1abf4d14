"""What the Host screen says of a replacement: the successor's name, and what was found for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model.candidate import Candidate
from tui.fleet_rows import Known
from tui.widgets.sheet import Page
from tui.words import Tone

if TYPE_CHECKING:
    from engine.preflight import Finding

_SIGNS: dict[str, tuple[str, Tone]] = {
    "stops": ("■", "warn"),
    "warns": ("!", "warn"),
    "tells": ("·", "plain"),
}


def successor_line(page: Page, known: Known) -> None:
    """The proposed name, or why there is none yet."""
    if known.report is not None:
        from engine.preflight.words import successor_line as named

        page.fact("Successor", named(known.report.successor), "strong")
    elif known.examining:
        page.fact("Successor", "looking at volumes, databases and what hangs on this server …")


def preflight_lines(page: Page, known: Known, candidate: Candidate) -> None:
    """Volumes and findings; what a blocker of the candidate says already isn't said again."""
    if known.no_report is not None:
        page.heading("No preflight")
        page.text(known.no_report.message, "bad")
        page.remedy(known.no_report.hint)
    report = known.report
    if report is None:
        return
    from engine.preflight.words import HEADINGS, answers_by_words, looked_line, volume_line

    page.heading("Preflight")
    page.text(looked_line(report.found), "muted")
    for volume in report.found.volumes:
        page.item(f"volume {volume_line(volume)}")
    for named in report.names or ():
        page.item(f"name {named.shown}")
        for answer, servers in answers_by_words(named).items():
            page.text(f"  {answer}: {servers}", "muted")
    said = {(blocker.id, blocker.message) for blocker in candidate.blockers}
    for level, heading in HEADINGS.items():
        these = [f for f in report.findings if f.level == level and (f.id, f.message) not in said]
        if these:
            page.heading(heading.capitalize())
        for finding in these:
            _finding(page, finding)


def _finding(page: Page, finding: Finding) -> None:
    sign, tone = _SIGNS[finding.level]
    page.line((f"{sign} ", tone), (f"{finding.id}: ", "strong"), (finding.message, "plain"), hang=2)
    if finding.remedy:
        page.remedy(finding.remedy, 2)
