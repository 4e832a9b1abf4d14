"""Starting a job, or finding that it was started; reading back what a host knows of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import ValidationError

from engine.errors import HostOutputError, RefusedError
from engine.jobs.answers import ask, first_word, locked
from engine.jobs.layout import LOG_BOUND, ONLY_A_CLAIM, OTHER_SCRIPT, OTHERS, checked_id
from engine.jobs.script import job_script, json_fields, shipped, with_call
from engine.model.host import Host
from engine.model.json_form import from_json, to_json
from engine.model.plan import JobAct, Plan
from engine.shell import Script
from engine.transport.protocol import Transport


async def start(
    transport: Transport,
    host: Host,
    plan: Plan,
    run: str,
    step: str,
    act: JobAct,
    fields: Mapping[str, str],
    *,
    log_bound: int = LOG_BOUND,
) -> Literal["started", "found"]:
    """Start a step's job. Doing it again is harmless: the second start finds the first.

    Args:
        fields: Strings for ``job.json``; the host adds its own time and boot.
        log_bound: Bytes that the job's log may have on the host.

    Raises:
        LockedError: the host's lock isn't this run's.
        RefusedError: the step was begun with another script, or the run only has a claim.
    """
    script = with_call(
        "job.sh",
        checked_id(run),
        checked_id(step),
        json_fields({"run": run, "step": step, **fields}),
        shipped("runner.sh"),
        job_script(act),
        _plan_text(plan),
        str(log_bound),
    )
    done = await ask(transport, host, script)
    if done.exit_status == OTHERS:
        raise locked(host, done)
    if done.exit_status == OTHER_SCRIPT:
        raise RefusedError(
            f"Step {step} of run {run} was begun on {host.name} with other commands.",
            hint="This is another run under the same id; make a new plan.",
        )
    if done.exit_status == ONLY_A_CLAIM:
        raise RefusedError(
            f"Run {run} waits at a gate: on {host.name} it has a claim, not the lock.",
            hint="Answer the gate first.",
        )
    return "found" if first_word(done) == "found" else "started"


async def withdraw(transport: Transport, host: Host, run: str, step: str) -> bool:
    """Make sure that a job that has not begun never begins; False when it had begun already."""
    script = Script.host("withdraw.sh", checked_id(run), checked_id(step))
    return first_word(await ask(transport, host, script)) == "withdrawn"


async def keep_plan(transport: Transport, host: Host, run: str, plan: Plan) -> None:
    """Have the host keep a run's plan before its first job does that, so that it can be found."""
    await ask(transport, host, Script.host("plan.sh", checked_id(run), _plan_text(plan)))


def _plan_text(plan: Plan) -> str:
    return json.dumps(to_json(plan), separators=(",", ":")) + "\n"


async def read_plan(transport: Transport, host: Host, run: str) -> Plan | None:
    """The plan of a run as its host keeps it; None where the host has none.

    Raises:
        HostOutputError: what the host keeps is no plan.
    """
    done = await ask(transport, host, Script.host("plan.sh", checked_id(run)))
    if not done.stdout.strip():
        return None
    try:
        return from_json(Plan, json.loads(done.stdout))
    except (ValueError, ValidationError) as error:
        raise HostOutputError(
            f"The plan that {host.name} keeps of run {run} can't be read.",
            hint=f"Look at /var/lib/hostshift/runs/{run}/plan.json on {host.name}.",
        ) from error
