"""What a family of hosts (a way of updating) must know. Nobody outside asks which one it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.errors import InputError
from engine.model.candidate import Candidate
from engine.model.facts import Facts, Problem
from engine.model.host import Host
from engine.model.plan import Step


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the probe's output, raw.

    Attributes:
        exit_status: Of the section's command; None when it did not end in its time.
        truncated: Its output was cut at the section's bound.
        errors: Its standard error, bounded too.
    """

    name: str
    output: bytes
    exit_status: int | None
    truncated: bool = False
    errors: bytes = b""


Sections = Mapping[str, Section]


def _nothing_picked(_host: Host, _facts: Facts, _candidate: str) -> Candidate | None:
    return None


def _nothing_taken(
    facts: Facts, candidate: Candidate, _steps: tuple[Step, ...], paths: Sequence[str]
) -> tuple[Step, ...]:
    raise InputError(
        f"{candidate.id} on {facts.host} asks about no configuration file {paths[0]}.",
        hint="Plan it without --take.",
    )


@dataclass(frozen=True, slots=True)
class Family:
    """One way of updating: its name, and a pure function for each question.

    Attributes:
        recognises: Whether a host with this probe output is of this family.
        observe: Adds what this family knows to the common facts; never raises for bad output.
        candidates: In-place candidates with changes, effects and blockers, without risk.
        steps: The steps that carry out a candidate (by id) or a chore (by name). Raises
            RefusedError when this family can't carry that out, or not with these facts.
        picked: The candidate of an id that a person put together (a subset), None where the
            family has none like that. Raises InputError for one that can't be.
        taking: The steps of a candidate with these configuration files taken from their packages
            instead of kept. Raises InputError where it doesn't ask about one of them.
    """

    name: str
    recognises: Callable[[Sections], bool]
    observe: Callable[[Sections, Facts], tuple[Facts, tuple[Problem, ...]]]
    candidates: Callable[[Host, Facts], tuple[Candidate, ...]]
    steps: Callable[[Host, Facts, str], tuple[Step, ...]]
    picked: Callable[[Host, Facts, str], Candidate | None] = _nothing_picked
    taking: Callable[[Facts, Candidate, tuple[Step, ...], Sequence[str]], tuple[Step, ...]] = (
        _nothing_taken
    )
