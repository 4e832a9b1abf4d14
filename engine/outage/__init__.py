"""Outage: what a service's clients see of a cutover, measured from here once a second."""

from engine.outage.figures import measured, strip
from engine.outage.kept import read
from engine.outage.meter import Meter, Resolve
from engine.outage.values import Sample, ServiceOutage, Side, StripState, Target

__all__ = [
    "Meter",
    "Resolve",
    "Sample",
    "ServiceOutage",
    "Side",
    "StripState",
    "Target",
    "measured",
    "read",
    "strip",
]
