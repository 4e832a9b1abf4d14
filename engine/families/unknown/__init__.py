"""Hosts whose way of updating isn't known here: they are looked at, and can be replaced."""

from __future__ import annotations

from engine.families.protocol import Family
from engine.families.unknown.candidates import candidates
from engine.families.unknown.observe import observe
from engine.families.unknown.recognise import recognises
from engine.families.unknown.steps import steps

FAMILY = Family("unknown", recognises, observe, candidates, steps)
