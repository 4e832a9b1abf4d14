"""Image-based hosts that rpm-ostree updates: deployments beside each other, one of them booted."""

from __future__ import annotations

from engine.families.protocol import Family
from engine.families.rpm_ostree.candidates import candidates
from engine.families.rpm_ostree.observe import observe
from engine.families.rpm_ostree.recognise import recognises
from engine.families.rpm_ostree.steps import steps

FAMILY = Family("rpm-ostree", recognises, observe, candidates, steps)
