"""Configuration files of which a person chose the package's version instead of the host's."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from engine.errors import InputError
from engine.families.apt.effects import changed_conffiles
from engine.families.apt.release import KIND
from engine.model.candidate import Candidate
from engine.model.facts import Conffile, Facts
from engine.model.plan import CONFFILES, GateAct, JobAct, Step

FUNCTIONS = "conffile_take.sh"
_NAMED = 5


def shown(facts: Facts) -> tuple[tuple[str, ...], ...]:
    """The command of a release upgrade that writes down what differs of the changed files."""
    words = [word for one in _changed(facts) for word in (one.path, one.package)]
    return (("release_conffiles", *words),) if words else ()


def kept_gate(facts: Facts, taken: Sequence[str] = ()) -> tuple[Step, ...]:
    """The question whether the others stay as they are; none where there is no other."""
    kept = [one.path for one in _changed(facts) if one.path not in taken]
    if not kept:
        return ()
    more = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
    question = (
        f"Keep your {', '.join(kept[:_NAMED])}{more}? The host shows what differs (f on the run's "
        f"screen, or hostshift conffiles {facts.host} {KIND}); to take the package's, end it here "
        "and plan it again with that choice (--take PATH)."
    )
    title = "Read what differs of your configuration files, and decide"
    return (Step(CONFFILES, title, "controller", GateAct(question), gate=True, reversible=True),)


def _changed(facts: Facts) -> tuple[Conffile, ...]:
    return (changed_conffiles(facts.packages) if facts.packages else None) or ()


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
    wanted = sorted(set(paths))
    if candidate.changes is None:
        # A release upgrade has downloaded all by then, and its versions aren't known before.
        coming_later = tuple(("take_coming", path, owners[path]) for path in wanted)
        found: list[Step] = []
        for step in steps:
            if step.id == CONFFILES:
                found += kept_gate(facts, wanted)
            else:
                found.append(_with(step, coming_later) if step.id == candidate.kind else step)
        return tuple(found)
    coming = {
        change.name.partition(":")[0]: (change.name, change.to_version or "")
        for change in candidate.changes
    }
    takes = tuple(("take_new", path, *coming[owners[path]]) for path in wanted)
    return tuple(
        _with(step, takes, _download(step)) if _transacts(step) else step for step in steps
    )


def _transacts(step: Step) -> bool:
    return isinstance(step.act, JobAct) and step.act.expected is not None


def _download(step: Step) -> tuple[tuple[str, ...], ...]:
    apt, yes, *rest = _job(step).commands[0]
    return ((apt, yes, "--download-only", *rest),)


def _job(step: Step) -> JobAct:
    if not isinstance(step.act, JobAct):
        raise TypeError("only a job carries out a transaction")
    return step.act


def _with(
    step: Step, takes: tuple[tuple[str, ...], ...], before: tuple[tuple[str, ...], ...] = ()
) -> Step:
    act = _job(step)
    back = tuple(
        f"{shlex.quote(path)} goes back to yours where {package} doesn't get the new version; else "
        f"yours lies beside it as {shlex.quote(path)}.dpkg-old"
        for _, path, package, *_ in takes
    )
    return replace(
        step,
        act=replace(act, commands=(*before, *takes, *act.commands), functions=FUNCTIONS),
        undo=(*step.undo, *back),
    )
