"""What a script's end means for its run. Pure.

A ``before`` hook that fails ends the run before anything is touched. A failing ``after`` or
``notify`` hook is named and changes nothing: what the run did to its host was observed there.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from engine.jobs.follow import Seen
from engine.model.plan import ScriptAct
from engine.model.run import State
from engine.scripts.keeper import LOG_LIMIT

HARMLESS = ("after", "notify")
"""Events whose script, however it ends, says nothing about the run."""
_ENDS = {
    "timed-out": "was ended at its deadline of {deadline} s",
    "stopped": "was ended, as asked",
    "log-full": f"was ended, as it had written more than {LOG_LIMIT // 1024 // 1024} MiB of log",
    "signalled": "was ended when this machine told it to",
}


@dataclass(frozen=True, slots=True)
class Result:
    """How far a script is, as its files show.

    Attributes:
        state: The step's: ``planned``, ``running``, ``succeeded``, ``failed``; ``attention``
            where it is gone without a result, so that nobody knows what it did.
        reason: Why, in words, one line each; empty while there is nothing to say.
        stops_run: The run must not go on.
        exit_status: The script's own; 128 and the signal's number where one ended it.
        timed_out: It was ended at its deadline.
        tail: The last of what it said.
    """

    state: State
    reason: tuple[str, ...] = ()
    hint: str | None = None
    stops_run: bool = False
    exit_status: int | None = None
    timed_out: bool = False
    tail: str = ""


def judge(act: ScriptAct, seen: Seen, tail: str = "") -> Result:
    """What was seen of a script, as the result of its step."""
    if not seen.begun:
        return Result("planned")
    if seen.exit_status is None and seen.alive:
        return Result("running")
    if seen.exit_status == 0 and seen.end is None:
        return Result("succeeded", exit_status=0, tail=tail)
    name = f"The {act.event} script ({shlex.join(act.command)[:200]})"
    hint = "Its log says more. Mend the script, then plan and confirm again."
    if seen.exit_status is None:
        what = "this machine was restarted under it" if _other_boot(seen) else "it was killed"
        reason = [f"{name} left no result: {what}. What it did by then is not known."]
        hint = "Look at what it was to do; its log says how far it came."
    elif seen.end is not None:
        how = _ENDS.get(seen.end, "was ended").format(deadline=act.deadline_s)
        reason = [f"{name} {how} (exit status {seen.exit_status})."]
    else:
        reason = [f"{name} ended with exit status {seen.exit_status}."]
    if last := tail.rpartition("\n")[2]:
        reason.append(f"Last it said: {last}")
    harmless = act.event in HARMLESS
    if act.event == "before":
        reason.append("Nothing was changed on the host.")
    elif harmless:
        reason.append("What the run did to its host is not touched by this.")
    return Result(
        state="attention" if seen.exit_status is None else "failed",
        reason=tuple(reason),
        hint=None if harmless else hint,
        stops_run=not harmless,
        exit_status=seen.exit_status,
        timed_out=seen.end == "timed-out",
        tail=tail,
    )


def _other_boot(seen: Seen) -> bool:
    try:
        then = json.loads(seen.job).get("boot_id")
    except (ValueError, AttributeError):
        return False
    return bool(then and seen.boot and then != seen.boot)
