"""What a script's end means for its run, as a table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.jobs.follow import Seen
from engine.model.plan import ScriptAct
from engine.scripts import Result, judge

TABLE: list[tuple[dict[str, Any], str, str | None]] = [
    ({"missing": True, "begun": False}, "planned", None),
    ({"begun": False}, "planned", None),
    ({"alive": True}, "running", None),
    ({"alive": False, "exit_status": 0}, "succeeded", None),
    ({"alive": False, "exit_status": 3}, "failed", "ended with exit status 3."),
    (
        {"alive": False, "exit_status": 143, "end": "timed-out"},
        "failed",
        "was ended at its deadline of 9 s (exit status 143).",
    ),
    (
        {"alive": False, "exit_status": 0, "end": "timed-out"},
        "failed",
        "was ended at its deadline of 9 s (exit status 0).",
    ),
    ({"alive": False, "exit_status": 1, "end": "stopped"}, "failed", "was ended, as asked"),
    ({"alive": False, "exit_status": 1, "end": "log-full"}, "failed", "more than 64 MiB of log"),
    ({"alive": False, "exit_status": 1, "end": "signalled"}, "failed", "when this machine told"),
    ({"alive": False}, "attention", "left no result: it was killed. What it did by then is not"),
    (
        {"alive": False, "job": json.dumps({"boot_id": "one"}), "boot": "two"},
        "attention",
        "left no result: this machine was restarted under it.",
    ),
    (
        {"alive": False, "job": json.dumps({"boot_id": "one"}), "boot": "one"},
        "attention",
        "left no result: it was killed.",
    ),
    ({"alive": False, "job": "[]", "boot": "one"}, "attention", "it was killed."),
]


def _judged(event: str, fields: dict[str, Any], tail: str = "") -> Result:
    return judge(ScriptAct(("/hooks/a b.sh", "x"), event, 9), Seen(**fields), tail)


@pytest.mark.parametrize("event", ["before", "after", "notify", "provision"])
@pytest.mark.parametrize(("fields", "state", "words"), TABLE)
def test_states(event: str, fields: dict[str, Any], state: str, words: str | None) -> None:
    result = _judged(event, fields)
    bad = state in ("failed", "attention")
    assert result.state == state
    assert result.stops_run == (bad and event not in ("after", "notify"))
    assert result.timed_out == (fields.get("end") == "timed-out")
    assert result.exit_status == fields.get("exit_status")
    if words is None:
        assert result.reason == ()
        return
    assert result.reason[0].startswith(f"The {event} script ('/hooks/a b.sh' x) ")
    assert words in result.reason[0]
    assert ("Nothing was changed on the host." in result.reason) == (event == "before")
    harmless = "What the run did to its host is not touched by this." in result.reason
    assert harmless == (event in ("after", "notify"))
    assert (result.hint is not None) == result.stops_run


def test_what_it_said_last_is_in_the_reason_of_a_failure_only() -> None:
    failed = _judged("before", {"alive": False, "exit_status": 3}, "one\nno route")
    assert failed.reason[1] == "Last it said: no route"
    assert failed.tail == "one\nno route"
    well = _judged("before", {"alive": False, "exit_status": 0}, "one\ndone")
    assert (well.reason, well.tail) == ((), "one\ndone")
