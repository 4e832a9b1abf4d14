"""Record: what is remembered of one run, as a value and as plain data for the store."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from engine.errors import InputError
from engine.jobs.layout import checked_id
from engine.model.json_form import from_json, to_json
from engine.model.plan import Plan
from engine.model.run import Run
from engine.runs.observe import Observation

WORKFLOW_VERSION: Final = 1
"""Rises when a plan of an earlier hostshift can't be carried on by this one."""


@dataclass(frozen=True, slots=True)
class Record:
    """One run as it is remembered.

    Attributes:
        begun: Steps whose act is known to have begun, and since when.
        verdict: The state that the run will end in, once its last steps (`Step.always`) are done.
        released: The host's lock was given back.
        watched: It is another operator's run: it is only looked at, and its lock is theirs.
        asked: How many questions were asked; the last one's answer is the one that counts.
        results: What steps have found that later steps need, by the step's id; plain data.
        left: How the step in hand has ended that may be tried again, while a person is asked.
        built: Where the successor is, by the old host's word, of a run whose results are lost.
    """

    plan: Plan
    run: Run
    begun: Mapping[str, datetime] = field(default_factory=dict)
    verdict: Observation | None = None
    released: bool = False
    watched: bool = False
    asked: int = 0
    results: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    left: Observation | None = None
    built: str | None = None

    @property
    def settled(self) -> bool:
        """Nothing is left to do for this controller."""
        return self.run.ended and (self.released or self.watched)

    def snapshot(self) -> dict[str, Any]:
        """Everything but the plan and the results, which the store keeps apart."""
        return {
            "run": to_json(self.run),
            "begun": {step: when.isoformat() for step, when in self.begun.items()},
            "verdict": to_json(self.verdict) if self.verdict else None,
            "released": self.released,
            "watched": self.watched,
            "asked": self.asked,
            "left": to_json(self.left) if self.left else None,
            "built": self.built,
        }


def record_of(
    plan: dict[str, Any], snapshot: dict[str, Any], results: Mapping[str, dict[str, Any]]
) -> Record:
    """The value that `Record.snapshot` was made from.

    Raises:
        ValueError, KeyError, TypeError: these are no data of a run.
    """
    verdict, left = snapshot["verdict"], snapshot.get("left")
    return Record(
        plan=from_json(Plan, plan),
        run=from_json(Run, snapshot["run"]),
        begun={
            step: datetime.fromisoformat(when) for step, when in dict(snapshot["begun"]).items()
        },
        verdict=from_json(Observation, verdict) if verdict else None,
        released=snapshot["released"] is True,
        watched=snapshot["watched"] is True,
        asked=int(snapshot["asked"]),
        results=dict(results),
        left=from_json(Observation, left) if left else None,
        built=snapshot.get("built"),
    )


def sent(step_id: str) -> str:
    """Under which name `Record.begun` tells that a step's change of the DNS may have been made."""
    return f"{step_id}.sent"


def new_id(now: datetime) -> str:
    """A run's id: sorts by time, and two that start in one second differ."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


class Logs:
    """Where this controller mirrors the logs of jobs: ``<state_dir>/runs/<run>/<step>/log``."""

    def __init__(self, state_dir: Path) -> None:
        self._home = state_dir / "runs"

    def directory(self, run_id: str) -> Path:
        """Where a run's logs are.

        Raises:
            InputError: this can't be a run's id.
        """
        try:
            return self._home / checked_id(run_id)
        except ValueError as error:
            raise unknown_run(run_id) from error

    def make(self, run_id: str) -> None:
        """Make a run's directory, which only the operator enters."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory(run_id).mkdir(mode=0o700, exist_ok=True)

    def path(self, run_id: str, step_id: str) -> Path:
        """The mirror of a step's log; the file may not be there yet.

        Raises:
            InputError: these can't be the ids of a run and a step.
        """
        try:
            return self.directory(run_id) / checked_id(step_id) / "log"
        except ValueError as error:
            raise InputError(
                f"Run {run_id} has no step {step_id!r}.", hint="hostshift runs --json lists them."
            ) from error

    def length(self, run_id: str, step_id: str) -> int:
        """Bytes of the mirror of a step's log; 0 where there is none."""
        try:
            return self.path(run_id, step_id).stat().st_size
        except OSError:
            return 0


def unknown_run(run_id: str) -> InputError:
    """What to say of a run that isn't known here."""
    return InputError(
        f"There is no run {run_id!r} here.",
        hint="hostshift runs lists those that were started or followed from this machine.",
    )
