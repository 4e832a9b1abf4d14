"""The risk of acting: failure modes, their chances and minutes, and a score (docs/risk.md)."""

from engine.risk.case import ORDINARY, Circumstances
from engine.risk.parameters import Model, model, parameters
from engine.risk.score import assess, planned_minutes

__all__ = [
    "ORDINARY",
    "Circumstances",
    "Model",
    "assess",
    "model",
    "parameters",
    "planned_minutes",
]
