"""What is known of the cutover of a replacement, for the screen that shows it."""

from __future__ import annotations

from engine.model.cutover import CutoverView
from engine.session import Session


def cutover_view(session: Session, run_id: str) -> CutoverView | None:
    """The cutover of a run as it is known now; None where nothing is known of one."""
    return None
