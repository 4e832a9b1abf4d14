"""What a zone's command is told, and what its end means."""

from __future__ import annotations

import json

import pytest

from engine.dns import Answer, Edit, Records, change, hook
from tests.unit.builders import NOW
from tests.unit.dns.servers import NEW, OLD, SECONDARY, WWW, ZONE, a

MOVE = change(
    ZONE,
    [
        Edit(WWW, "A", a(OLD), a(NEW, ttl=60)),
        Edit(WWW, "AAAA", None, Records(WWW, "AAAA", 60, ("2001:db8::2",))),
    ],
)


def test_the_event() -> None:
    assert json.loads(json.dumps(hook.event(MOVE))) == {
        "schema": 1,
        "event": "dns",
        "zone": ZONE,
        "changes": [
            {
                "name": WWW,
                "type": "A",
                "old": {"ttl": 300, "values": [OLD]},
                "new": {"ttl": 60, "values": [NEW]},
            },
            {
                "name": WWW,
                "type": "AAAA",
                "old": None,
                "new": {"ttl": 60, "values": ["2001:db8::2"]},
            },
        ],
    }
    assert hook.environment(MOVE) == {"HOSTSHIFT_ZONE": ZONE}


@pytest.mark.parametrize(
    ("status", "made", "ending", "kind"),
    [
        (0, True, "changed", None),
        (1, True, "changed", None),
        (0, False, "unknown", "not-seen"),
        (1, False, "unknown", "command"),
        (None, False, "unknown", "command"),
    ],
)
def test_the_name_servers_say_what_became_of_it(
    status: int | None, made: bool, ending: str, kind: str | None
) -> None:
    planned = change(ZONE, [Edit(WWW, "A", a(OLD), a(NEW))])
    found = a(NEW if made else OLD)
    answer = Answer(SECONDARY, WWW, NOW, "NOERROR", True, (found,))
    outcome = hook.judge(planned, status, [answer])
    assert (outcome.ending, outcome.problem and outcome.problem.kind) == (ending, kind)
