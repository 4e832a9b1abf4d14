"""The plans that ``plan`` printed, by digest, so that ``run`` can say what has changed since.

``<state_dir>/plans/<digest>.json`` (0600). Nothing rests on these files: without one (a full disk,
a week gone by) the refusal of another plan stands and only the difference is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from engine.errors import RefusedError
from engine.model.json_form import from_json, to_json
from engine.model.plan import Plan, combined_digest
from engine.runs.errors import PlanChangedError

SCHEMA: Final = 1
KEPT: Final = 100
KEPT_S: Final = 7 * 86_400
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Printed:
    """The plans below one state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._home = state_dir / "plans"

    def keep(self, plans: tuple[Plan, ...]) -> None:
        """Remember plans by the digest that binds them; quietly not, where there is no room."""
        digest = combined_digest(plans)
        data = {"schema": SCHEMA, "plans": [to_json(plan) for plan in plans]}
        new = self._home / f".{digest}.{os.getpid()}"
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(new, "w", encoding="utf-8", opener=_private) as file:
                json.dump(data, file, separators=(",", ":"))
            new.replace(self._home / f"{digest}.json")
            self._prune()
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)

    def find(self, digest: str) -> tuple[Plan, ...] | None:
        """The plans that were printed with a digest; None where none can be read that have it."""
        if not _DIGEST.fullmatch(digest):
            return None
        try:
            data = json.loads((self._home / f"{digest}.json").read_bytes())
            plans = tuple(from_json(Plan, plan) for plan in data["plans"])
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None
        return plans if plans and combined_digest(plans) == digest else None

    def _prune(self) -> None:
        """Leave the newest, and none that is older than a week; also what a crash left."""
        before = time.time() - KEPT_S
        files = sorted(
            ((file.stat().st_mtime, file) for file in self._home.iterdir()), reverse=True
        )
        for number, (changed, file) in enumerate(files):
            if number >= KEPT or changed < before:
                file.unlink(missing_ok=True)


def refusal(printed: Printed, confirmation: str, now: tuple[Plan, ...]) -> RefusedError:
    """Why plans are not those that were confirmed: what has changed, or which it was instead."""
    names = " ".join(plan.host for plan in now)
    candidate = now[0].candidate
    then = printed.find(confirmation)
    hint = f"hostshift plan {names} {candidate} prints the plan as it is now, and its digest."
    if then is None:
        return RefusedError(
            f"No plan with the digest {confirmation} was printed here within a week, and it is "
            f"not that of {candidate} on {names}. Nothing was changed.",
            hint=hint,
        )
    before = {plan.host: plan for plan in then}
    if set(before) != {plan.host for plan in now} or then[0].candidate != candidate:
        others = " ".join(plan.host for plan in then)
        return RefusedError(
            f"The digest {confirmation} was printed for {then[0].candidate} on {others}, not for "
            f"{candidate} on {names}. Nothing was changed.",
            hint=hint,
        )
    changed = [
        PlanChangedError(before[plan.host], plan)
        for plan in now
        if before[plan.host].digest != plan.digest
    ]
    first = changed[0]
    first.message = "\n".join(error.message for error in changed)
    first.hint = f"Look at the difference, then confirm the new plan: {hint}"
    return first


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
