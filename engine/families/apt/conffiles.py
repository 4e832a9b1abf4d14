"""Configuration files of which a person chose the package's version instead of the host's."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from engine.errors import InputError
from engine.model.candidate import Candidate
from engine.model.facts import Facts
from engine.model.plan import JobAct, Step

FUNCTIONS = "conffile_take.sh"


def taking(
    facts: Facts, candidate: Candidate, steps: tuple[Step, ...], paths: Sequence[str]
) -> tuple[Step, ...]:
    """The steps with these files taken from their packages, between download and installation.

    Raises:
        InputError: the candidate doesn't ask about one of these.
    """
    asked = candidate.effects.conffiles or ()
    for path in paths:
        if path not in asked:
            about = ", ".join(asked) or "none that is known"
            raise InputError(
                f"{candidate.id} on {facts.host} asks about no configuration file {path}.",
                hint=f"It asks about: {about}.",
            )
    owners = {
        one.path: one.package
        for one in (facts.packages.conffiles if facts.packages else None) or ()
    }
    coming = {
        change.name.partition(":")[0]: (change.name, change.to_version or "")
        for change in candidate.changes or ()
    }
    takes = tuple(("take_new", path, *coming[owners[path]]) for path in sorted(set(paths)))
    return tuple(_with(step, takes) if _transacts(step) else step for step in steps)


def _transacts(step: Step) -> bool:
    return isinstance(step.act, JobAct) and step.act.expected is not None


def _with(step: Step, takes: tuple[tuple[str, ...], ...]) -> Step:
    act = step.act
    if not isinstance(act, JobAct):
        raise TypeError("only a job carries out a transaction")
    apt, yes, *rest = act.commands[0]
    download = (apt, yes, "--download-only", *rest)
    back = tuple(
        f"{shlex.quote(path)} goes back to yours where {package} doesn't get the new version; else "
        f"yours lies beside it as {shlex.quote(path)}.dpkg-old"
        for _, path, package, _ in takes
    )
    return replace(
        step,
        act=replace(act, commands=(download, *takes, *act.commands), functions=FUNCTIONS),
        undo=(*step.undo, *back),
    )
