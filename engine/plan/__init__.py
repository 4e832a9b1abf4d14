"""Plans: the exact steps of a candidate or a chore, bound together by a digest."""

from engine.plan.document import blocked_document, plan_document
from engine.plan.make import CHORES, BlockedError, make_plan

__all__ = ["CHORES", "BlockedError", "blocked_document", "make_plan", "plan_document"]
