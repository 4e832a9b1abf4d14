"""The engine's one door: the verbs that the screens and the commands use.

Each verb is a function in a room of its own; nothing is decided here.
"""

from __future__ import annotations

from pathlib import Path

from engine.candidates import foresee
from engine.facts import look, look_at, scan
from engine.facts.changelogs import fetch as changelogs
from engine.facts.conffiles import read_conffiles
from engine.inventory import Inventory, find
from engine.inventory import load as load_file
from engine.plan import make_plan
from engine.preflight import examine
from engine.runs import (
    adopt,
    answer,
    break_lock,
    close,
    cutover_view,
    export,
    get,
    journal,
    lacking_logs,
    list_runs,
    lock_evidence,
    measured_plan,
    open_runs,
    plan_of,
    read_log,
    resume,
    start,
    stop,
    take_over,
    wait,
)
from engine.session import Session, open_session
from engine.status import document, from_saved, saved

__all__ = [
    "Inventory",
    "Session",
    "adopt",
    "answer",
    "break_lock",
    "changelogs",
    "close",
    "cutover_view",
    "document",
    "examine",
    "export",
    "foresee",
    "from_saved",
    "get",
    "journal",
    "lacking_logs",
    "list_runs",
    "load",
    "lock_evidence",
    "look",
    "look_at",
    "make_plan",
    "measured_plan",
    "open_runs",
    "open_session",
    "plan_of",
    "read_conffiles",
    "read_log",
    "resume",
    "saved",
    "scan",
    "start",
    "stop",
    "take_over",
    "wait",
]


def load(path: Path | None) -> Inventory:
    """Find the inventory (explicit, environment, here, user's configuration) and read it.

    Raises:
        InputError: there is none, or it has errors (all of them are in the message).
    """
    return load_file(find(path))
