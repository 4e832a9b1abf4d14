"""Evidence from what was seen, and the state of the step that looks again. Pure."""

from __future__ import annotations

import json

from engine.jobs.follow import Seen
from engine.runs.observe import After, JobEvidence, Observation


def job_evidence(seen: Seen) -> JobEvidence:
    """What a look at a job showed, as evidence."""
    return JobEvidence(
        missing=seen.missing,
        begun=seen.begun or seen.missing,
        alive=seen.alive,
        same_boot=_same_boot(seen),
        exit_status=seen.exit_status,
        end=seen.end,
        killed=seen.killed,
        untouched=seen.untouched,
        holder=seen.holder,
        difference=seen.difference,
        kept=kept_files(seen.kept),
        beside=seen.kept,
    )


def kept_files(beside: tuple[str, ...]) -> tuple[str, ...]:
    """What lies beside configuration files since the job, in words."""
    return tuple(_kept(name) for name in beside)


def _kept(name: str) -> str:
    if name == "?":
        return "Whether configuration files of yours were kept could not be listed."
    path, dot, ending = name.rpartition(".")
    if ending == "dpkg-old":
        return f"took the package's {path}; yours is beside it as {dot}{ending}"
    if ending == "dpkg-new":
        return (
            f"not yet decided by dpkg: {path}; the package's version is beside it as {dot}{ending}"
        )
    return f"kept your {path}; the package's version is beside it as {dot}{ending}"


def _same_boot(seen: Seen) -> bool | None:
    try:
        job = json.loads(seen.job)
    except ValueError:
        return None
    then = job.get("boot_id") if isinstance(job, dict) else None
    return then == seen.boot if then and seen.boot else None


def proof(job: JobEvidence, observed: Observation, after: After | None) -> Observation | None:
    """The state of the step that looks again; None leaves it as it is."""
    if job.untouched:
        return Observation("cancelled", ("There is nothing to look at: nothing was changed.",))
    if after is None:
        return observed if observed.state == "unknown" else None
    if job.exit_status != 0:
        found = (*after.unclean, *after.wrong, *after.unread)
        return Observation("cancelled", ("The job did not succeed.", *found))
    if observed.state == "running":
        return Observation("succeeded", after.checked)
    return observed
