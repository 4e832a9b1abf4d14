"""Debian, Ubuntu and what descends from them: packages by apt and dpkg."""

from __future__ import annotations

from engine.families.apt.observe import observe
from engine.families.apt.recognise import recognises
from engine.families.apt.steps import steps
from engine.families.apt.subsets import picked, with_subsets
from engine.families.protocol import Family

FAMILY = Family("apt", recognises, observe, with_subsets, steps, picked)
