"""A replacement of web1 by web3 at several moments of its cutover, in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from engine.model.cutover import CutoverView, DnsSide, ServerSide, ServiceState
from engine.model.plan import GateAct, JobAct, Plan, Step
from engine.model.run import Progress, Run, State, StepState
from tests.tui.fake_bridge import NOW, FakeVerbs, make_host, make_plan, make_run, small_fleet

RUN = "20261123T013000-4b7d2e"
OLD, NEW = "web1", "web3"
QUESTION = "Move the services of web1 to web3 now?"
Moment = Literal["before", "frozen", "turning"]
_TITLES = (
    *("Look at web1", "Provision web3", "Deploy wiki", "Deploy git", "Restore wiki"),
    *("Restore git", "Bulk sync", "Test on web3", "Lower the TTL", "Wait out the old TTL"),
    *("Ask before the cutover", "Arm the guard on web1", "Freeze the writers on web1"),
    *("Final sync", "Verify the copy", "Give web3 the token", "Start on web3", "Check on web3"),
    *("Change the DNS", "Follow the DNS", "Soak", "Ask before the end", "Decommission web1"),
)
GATES = ("Ask before the cutover", "Ask before the end")
_IN_HAND: dict[Moment, str] = {
    "before": "Ask before the cutover",
    "frozen": "Final sync",
    "turning": "Follow the DNS",
}
LOG = b"".join(
    b"2026/11/23 02:59:%02d >f.st...... wiki/uploads/2026/%04d.png\n" % (20 + i % 40, 100 + i)
    for i in range(40)
)


def make_replacement() -> Plan:
    """A plan of 23 steps, two of which are gates."""
    steps = [
        Step(
            f"s{number}",
            title,
            "controller",
            GateAct(QUESTION if "cutover" in title else "End web1?")
            if title in GATES
            else JobAct(commands=(("true",),)),
            gate=title in GATES,
        )
        for number, title in enumerate(_TITLES, 1)
    ]
    return replace(
        make_plan(make_host(OLD), "refresh"),
        candidate="replace",
        steps=tuple(steps),
        interrupts=True,
    )


PLAN = make_replacement()


def make_replacing(moment: Moment) -> Run:
    """The run of that plan."""
    place = _TITLES.index(_IN_HAND[moment])
    waits = moment == "before"
    steps = []
    for i, step in enumerate(PLAN.steps):
        began = NOW - timedelta(seconds=12 + 47 * (place - i))
        state: State = "succeeded" if i < place else "planned"
        if i == place:
            state = "waiting" if waits else "running"
        done = i < place
        steps.append(
            StepState(
                step.id,
                step.title,
                state,
                began if i <= place else None,
                began + timedelta(seconds=47) if done else None,
                progress=Progress("copying", 63.0, "48.1 MB of 76.3 MB, 11 MB/s, 3 s left")
                if i == place and moment == "frozen"
                else None,
            )
        )
    run = make_run(RUN, OLD, "replace", "running", PLAN.steps)
    return replace(
        run,
        state="waiting" if waits else "running",
        started_at=NOW - timedelta(hours=1, minutes=30),
        since=NOW - timedelta(seconds=12),
        steps=tuple(steps),
        waits_for=QUESTION if waits else None,
    )


def _last(*parts: tuple[str, int]) -> tuple[str, ...]:
    words = {"+": "ok", "x": "bad", "?": "unknown", " ": "nothing"}
    return tuple(words[sign] for sign, number in parts for _ in range(number))


def make_view(moment: Moment) -> CutoverView:
    """What is known of its cutover."""
    server1, server2 = "203.0.113.10", "203.0.113.30"
    old: ServiceState = "serving" if moment == "before" else "frozen"
    new: ServiceState = "held" if moment == "frozen" else "serving"
    turned = moment == "turning"
    view = CutoverView(
        old=ServerSide(OLD, server1, "old", (("wiki", old), ("git", old))),
        new=ServerSide(NEW, server2, "new", (("wiki", new), ("git", new))),
        promised_s=90,
        dns=(
            DnsSide("ns1.example.com", "primary", turned, server2 if turned else server1),
            DnsSide("ns2.example.com", "secondary", turned, server2 if turned else server1),
            DnsSide("192.0.2.53", "resolver", False, f"{server1}, for 41 s more"),
            DnsSide("198.51.100.53", "resolver", None, "no answer within 2 s"),
        ),
        lossless=True,
        side_words="Going back loses nothing: no client has been sent to web3.",
        can_go_back=moment != "before",
    )
    if moment == "before":
        return replace(
            view,
            strips=(
                ("wiki", "old", _last((" ", 40), ("+", 80))),
                ("wiki", "new", _last((" ", 40), ("x", 30), ("+", 50))),
                ("wiki", "name", _last((" ", 40), ("+", 80))),
                ("git", "old", _last((" ", 40), ("+", 21), ("?", 2), ("+", 57))),
                ("git", "new", _last((" ", 40), ("x", 30), ("+", 50))),
                ("git", "name", _last((" ", 40), ("+", 80))),
            ),
        )
    if moment == "frozen":
        return replace(
            view,
            began_at=NOW - timedelta(seconds=37),
            outage_s=35.0,
            strips=(
                ("wiki", "old", _last(("+", 85), ("x", 35))),
                ("wiki", "new", _last(("+", 80), ("x", 40))),
                ("wiki", "name", _last(("+", 85), ("x", 35))),
                ("git", "old", _last(("+", 87), ("x", 33))),
                ("git", "new", _last(("+", 80), ("x", 40))),
                ("git", "name", _last(("+", 87), ("x", 33))),
            ),
        )
    return replace(
        view,
        began_at=NOW - timedelta(seconds=104),
        ended_at=NOW - timedelta(seconds=29),
        outage_s=73.0,
        lossless=False,
        side_words="web3 has accepted writes since 02:59:31: they would be lost in going back.",
        strips=(
            ("wiki", "old", _last(("+", 18), ("x", 102))),
            ("wiki", "new", _last(("x", 83), ("+", 37))),
            ("wiki", "name", _last(("+", 18), ("x", 73), ("+", 29))),
            ("git", "old", _last(("+", 20), ("x", 100))),
            ("git", "new", _last(("x", 84), ("+", 36))),
            ("git", "name", _last(("+", 20), ("x", 71), ("+", 29))),
        ),
    )


def cutting_over(moment: Moment) -> FakeVerbs:
    """Verbs that know this run, and nothing of another."""
    verbs = FakeVerbs(dict(small_fleet()[1]))
    verbs.runs[RUN] = make_replacing(moment)
    verbs.plans[RUN] = PLAN
    verbs.cutovers[RUN] = make_view(moment)
    for step in PLAN.steps:
        verbs.logs[RUN, step.id] = LOG
    return verbs
