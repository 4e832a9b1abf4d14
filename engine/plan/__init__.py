"""Plans: the exact steps of a candidate or a chore, bound together by a digest."""

from engine.plan.document import blocked_document, plan_document
from engine.plan.make import CHORES, BlockedError, make_plan
from engine.plan.replace import Replacing, replacing

__all__ = [
    "CHORES",
    "BlockedError",
    "Replacing",
    "blocked_document",
    "make_plan",
    "plan_document",
    "replacing",
]
