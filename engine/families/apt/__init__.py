"""Debian, Ubuntu and what descends from them: packages by apt and dpkg."""

from __future__ import annotations

from engine.families.apt import release, release_ubuntu
from engine.families.apt.conffiles import taking
from engine.families.apt.observe import observe
from engine.families.apt.recognise import recognises
from engine.families.apt.steps import steps
from engine.families.apt.subsets import picked, with_subsets
from engine.families.protocol import Family
from engine.model.candidate import Candidate
from engine.model.facts import Facts
from engine.model.host import Host


def _candidates(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    to_debian = release.candidates(host, facts)
    return (*with_subsets(host, facts), *to_debian, *release_ubuntu.candidates(host, facts))


def _picked(host: Host, facts: Facts, candidate: str) -> Candidate | None:
    found = release.picked(host, facts, candidate) or release_ubuntu.picked(host, facts, candidate)
    return found or picked(host, facts, candidate)


FAMILY = Family("apt", recognises, observe, _candidates, steps, _picked, taking)
