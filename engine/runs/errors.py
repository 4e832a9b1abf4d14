"""Refusals of a start."""

from __future__ import annotations

from engine.errors import HostshiftError, RefusedError
from engine.model.facts import Change
from engine.model.plan import Plan

_SHOWN = 20
"""Lines of a difference that a message repeats."""


def difference(old: Plan, new: Plan) -> tuple[str, ...]:
    """What a new plan changes otherwise than an old one: ``-`` planned then, ``+`` now."""
    before, now = ({_line(c) for c in plan.changes or ()} for plan in (old, new))
    lines = [f"- {line}" for line in sorted(before - now)]
    lines += [f"+ {line}" for line in sorted(now - before)]
    if not lines:
        was = {line for step in old.steps for line in step.commands}
        will = {line for step in new.steps for line in step.commands}
        lines = [f"- {line}" for line in sorted(was - will)]
        lines += [f"+ {line}" for line in sorted(will - was)]
    if not lines and old.model != new.model:
        lines = [
            "the numbers of the risk model are others: the inventory's [risk], or hostshift's own"
        ]
    return tuple(lines or ["another step, guard or set of units that had failed before"])


def _line(change: Change) -> str:
    return f"{change.action} {change.name} {change.from_version or '-'} {change.to_version or '-'}"


class CannotStartError(RefusedError):
    """The job can't be begun, and asking again will not change that."""

    kind = "cannot-start"


class NoAnswerError(HostshiftError):
    """The host was asked for as long as that could help."""

    kind = "no-answer"


class PlanChangedError(RefusedError):
    """The plan made right before acting isn't the confirmed one. Nothing was changed.

    Attributes:
        plan: The new plan, to be shown and confirmed.
        difference: Lines with ``-`` (planned then) and ``+`` (now).
    """

    kind = "plan-changed"

    def __init__(self, old: Plan, new: Plan) -> None:
        self.plan = new
        self.difference = difference(old, new)
        cut = len(self.difference) - _SHOWN
        more = [f"... and {cut} more"] if cut > 0 else []
        shown = "\n".join((*self.difference[:_SHOWN], *more))
        super().__init__(
            f"The plan for {new.host} has changed since it was confirmed "
            f"(- planned, + now); nothing was changed:\n{shown}",
            hint="Look at the difference and confirm the new plan.",
        )
