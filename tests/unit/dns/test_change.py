"""What a change is, what is decided about it, and what becomes of it at a primary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.clock import FixedClock
from engine.dns import (
    Answer,
    Change,
    Edit,
    Outcome,
    Problem,
    Records,
    Target,
    backwards,
    carry_out,
    change,
    decide,
    lower_ttl,
    old_ttl,
    point,
    records,
    run_out,
)
from engine.dns import problems as dns_problems
from engine.dns.values import Sent
from engine.errors import InputError, RefusedError
from engine.inventory.value import Zone
from tests.unit.builders import NOW
from tests.unit.dns.servers import (
    NEW,
    OLD,
    OTHER,
    PRIMARY,
    SECONDARY,
    WWW,
    ZONE,
    Memory,
    MemoryWire,
    a,
)

INVENTORY = Zone(ZONE, PRIMARY.address)
MOVE = change(ZONE, [Edit(WWW, "A", a(OLD), a(NEW))])


def answer(*found: Records, **fields: object) -> Answer:
    values = {"rcode": "NOERROR", "authoritative": True, "records": found, **fields}
    return Answer(values.pop("server", PRIMARY), WWW, NOW, **values)  # type: ignore[arg-type]


async def carried(
    memory: Memory, planned: Change = MOVE, wire: MemoryWire | None = None
) -> Outcome:
    wire = wire or MemoryWire(primary=memory)
    return await carry_out(wire, FixedClock(NOW), INVENTORY, planned, None)


@pytest.mark.parametrize(
    ("there", "what"),
    [
        ((a(NEW),), "done"),
        ((a(OLD),), "send"),
        ((a(OLD, ttl=60),), "send"),
        ((a(NEW, ttl=60),), "send"),
        ((a(OTHER),), "refused"),
        ((), "refused"),
        ((Records(WWW, "A", 300, (OLD, NEW)),), "refused"),
    ],
)
def test_the_decision_about_one_record(there: tuple[Records, ...], what: str) -> None:
    assert decide(MOVE, [answer(*there)]).what == what


def test_the_decision_for_a_name_that_is_new_and_one_that_goes() -> None:
    comes = change(ZONE, [Edit(WWW, "A", None, a(NEW))])
    assert decide(comes, [answer()]).what == "send"
    assert decide(comes, [answer(rcode="NXDOMAIN")]).what == "send"
    assert decide(comes, [answer(a(NEW))]).what == "done"
    assert decide(comes, [answer(a(OTHER))]).what == "refused"
    goes = backwards(comes)
    assert decide(goes, [answer(rcode="NXDOMAIN")]).what == "done"
    assert decide(goes, [answer(a(NEW))]).what == "send"
    assert decide(goes, [answer(a(OTHER))]).what == "refused"


def test_nobody_can_say() -> None:
    silent = Problem("timeout", "no answer", "wait")
    assert decide(MOVE, []).what == "unknown"
    assert decide(MOVE, [answer(rcode=None, problem=silent)]).what == "unknown"
    assert decide(MOVE, [answer(a(NEW), problem=silent)]).what == "unknown"
    assert decide(MOVE, [answer(a(NEW), rcode="SERVFAIL")]).what == "unknown"


def test_what_is_there_is_told() -> None:
    alias = Records(WWW, "CNAME", 300, ("other.example.com",))
    assert decide(MOVE, [answer(a(OTHER))]).there == (f"{WWW} A: A {OTHER} (TTL 300)",)
    assert decide(MOVE, [answer(alias)]).there == (
        f"{WWW} A: none, but CNAME other.example.com (TTL 300)",
    )


def test_the_primary_alone_counts_and_without_one_the_whole_ns_set() -> None:
    stale = answer(a(OLD), server=SECONDARY)
    assert decide(MOVE, [answer(a(NEW)), stale]).what == "done"
    ns1 = answer(a(NEW), server=SECONDARY)
    assert decide(MOVE, [ns1]).what == "done"
    torn = decide(MOVE, [ns1, stale])
    assert torn.what == "refused"
    assert torn.there == (f"{WWW} A: A {NEW} (TTL 300) or A {OLD} (TTL 300)",)


async def test_half_made_by_somebody_it_is_completed() -> None:
    six = Records(WWW, "AAAA", 300, ("2001:db8::1",))
    planned = change(ZONE, [Edit(WWW, "A", a(OLD), a(NEW)), Edit(WWW, "AAAA", six, None)])
    memory = Memory([a(NEW), six])
    wire = MemoryWire(primary=memory)
    assert (await carried(memory, planned, wire)).ending == "changed"
    assert memory.records == [a(NEW)]
    (sent,) = wire.sent
    assert sent.present == (a(NEW), six)
    assert sent.remove == ((WWW, "AAAA"),)
    assert sent.add == ()


async def test_the_old_value_is_a_prerequisite() -> None:
    memory = Memory([a(OLD)])
    wire = MemoryWire(primary=memory)
    outcome = await carried(memory, wire=wire)
    assert (outcome.ending, outcome.rcode, outcome.serial) == ("changed", "NOERROR", 2)
    (sent,) = wire.sent
    assert (sent.present, sent.absent) == ((a(OLD),), ())
    assert (sent.remove, sent.add) == (((WWW, "A"),), (a(NEW),))
    assert (await carried(memory, wire=wire)).ending == "nothing-to-do"
    assert len(wire.sent) == 1


async def test_a_lost_race_is_refused_with_what_is_there() -> None:
    memory = Memory([a(OLD)])
    wire = MemoryWire(primary=memory)

    def somebody_else() -> None:
        memory.records = [a(OTHER)]

    wire.before_update = somebody_else
    outcome = await carried(memory, wire=wire)
    assert (outcome.ending, outcome.rcode) == ("refused", "NXRRSET")
    assert outcome.problem is not None
    assert outcome.problem.kind == "race"
    assert OTHER in outcome.problem.message
    assert memory.records == [a(OTHER)]


async def test_the_same_change_by_somebody_else_is_no_failure() -> None:
    memory = Memory([a(OLD)])
    wire = MemoryWire(primary=memory)

    def somebody_else() -> None:
        memory.records = [a(NEW)]

    wire.before_update = somebody_else
    assert (await carried(memory, wire=wire)).ending == "nothing-to-do"


async def test_an_answer_that_was_lost_is_judged_by_what_is_there() -> None:
    lost = Problem("lost", "no answer", "look again")
    made = Memory([a(OLD)], sent=Sent(None, "made", lost))
    assert (await carried(made)).ending == "changed"
    outcome = await carried(Memory([a(OLD)], sent=Sent(None, None, lost)))
    assert outcome.ending == "unknown"
    assert outcome.problem is not None
    assert outcome.problem.kind == "lost"
    assert OLD in outcome.problem.message


async def test_a_message_that_was_not_sent_has_changed_nothing() -> None:
    silent = dns_problems.silent(PRIMARY, 5)
    outcome = await carried(Memory([a(OLD)], sent=Sent(False, None, silent)))
    assert (outcome.ending, outcome.problem) == ("refused", silent)


async def test_noerror_is_not_believed_without_the_record() -> None:
    """A CNAME beside which an address is left out without a word (RFC 2136 section 3.4.2.2)."""
    memory = Memory([Records(WWW, "CNAME", 300, ("other.example.com",))])
    outcome = await carried(memory, change(ZONE, [Edit(WWW, "A", None, a(NEW))]))
    assert (outcome.ending, outcome.rcode) == ("unknown", "NOERROR")
    assert outcome.problem is not None
    assert outcome.problem.kind == "not-applied"
    assert "CNAME" in outcome.problem.message


@pytest.mark.parametrize(
    "rcode",
    ["BADKEY", "BADSIG", "BADTIME", "BADTRUNC", "REFUSED", "NOTAUTH", "NOTZONE", "NOTIMP",
     "FORMERR", "SERVFAIL", "BADVERS"],
)  # fmt: skip
async def test_each_refusal_changes_nothing_and_has_its_remedy(rcode: str) -> None:
    problem = dns_problems.updated(PRIMARY, ZONE, rcode, None)
    assert problem is not None
    outcome = await carried(Memory([a(OLD)], sent=Sent(True, rcode, problem)))
    assert (outcome.ending, outcome.rcode, outcome.problem) == ("refused", rcode, problem)


def test_no_two_refusals_have_the_same_words() -> None:
    rcodes = ("BADKEY", "BADSIG", "BADTIME", "REFUSED", "NOTAUTH", "NOTZONE", "NXRRSET", "SERVFAIL")
    said = [dns_problems.updated(PRIMARY, ZONE, rcode, None) for rcode in rcodes]
    said += [dns_problems.lost(PRIMARY, 5), dns_problems.silent(PRIMARY, 5)]
    found = [problem for problem in said if problem is not None]
    assert len(found) == len(said)
    for part in ("kind", "message", "hint"):
        assert len({getattr(problem, part) for problem in found}) == len(found), part


def test_a_change_that_contradicts_itself() -> None:
    wrong = [
        [],
        [Edit(WWW, "A", None, None)],
        [Edit(WWW, "A", a(OLD), a(NEW)), Edit(WWW, "A", None, a(NEW))],
        [Edit("www.example.org", "A", None, a(name="www.example.org"))],
        [Edit("www.myexample.com", "A", None, a(name="www.myexample.com"))],
        [Edit(WWW, "A", None, a(name="other.example.com"))],
        [Edit(WWW, "AAAA", None, a())],
    ]
    for edits in wrong:
        with pytest.raises(InputError):
            change(ZONE, edits)


def test_pointing_a_name_to_a_successor() -> None:
    six = Records(WWW, "AAAA", 60, ("2001:db8::1",))
    both = Target((NEW, "2001:db8::2"))
    (four_edit, six_edit) = point(answer(a(OLD), six), both)
    assert four_edit.new == a(NEW, ttl=60)
    assert six_edit.new == Records(WWW, "AAAA", 60, ("2001:db8::2",))
    assert [e.new for e in point(answer(a(OLD), six), Target((NEW,)))] == [a(NEW, ttl=60), None]
    assert point(answer(a(NEW)), Target((NEW,))) == ()
    assert point(answer(rcode="NXDOMAIN"), Target((NEW,)), 30) == (
        Edit(WWW, "A", None, a(NEW, ttl=30)),
    )
    alias = Records(WWW, "CNAME", 300, ("server1.example.com",))
    (moved,) = point(answer(alias), Target((NEW,), "server2.example.com"))
    assert moved.shown == (
        f"{WWW}: CNAME server1.example.com (TTL 300) -> CNAME server2.example.com (TTL 300)"
    )
    for current, target, error in (
        (answer(alias), Target((NEW,)), InputError),
        (answer(a(OLD)), Target(()), InputError),
        (answer(a(OLD), rcode="SERVFAIL"), Target((NEW,)), RefusedError),
    ):
        with pytest.raises(error):
            point(current, target)


def test_lowering_a_ttl_and_when_the_old_one_has_run_out() -> None:
    six = Records(WWW, "AAAA", 20, ("2001:db8::1",))
    edits = lower_ttl(answer(a(OLD, ttl=3600), six), 30)
    assert edits == (Edit(WWW, "A", a(OLD, ttl=3600), a(OLD, ttl=30)),)
    planned = change(ZONE, edits)
    assert decide(planned, [answer(a(OLD, ttl=3600))]).what == "send"
    assert decide(planned, [answer(a(OLD, ttl=30))]).what == "done"
    assert old_ttl(planned) == 3600
    later = NOW + timedelta(seconds=10)
    assert run_out([NOW, later], 3600) == datetime(2026, 11, 23, 4, 0, 11, tzinfo=UTC)
    assert run_out([NOW, None], 3600) is None
    assert run_out([], 3600) is None


def test_an_absence_is_remembered_too() -> None:
    new = change(ZONE, [Edit(WWW, "A", None, a(NEW))])
    assert old_ttl(new, negative_ttl=60) == 60
    assert old_ttl(new) == 86_400


def test_records_as_people_write_them() -> None:
    assert records("WWW.Example.COM.", "AAAA", ["2001:DB8:0::1"], 5) == Records(
        WWW, "AAAA", 5, ("2001:db8::1",)
    )
    assert records(WWW, "CNAME", ["Other.Example.com."], 5).values == ("other.example.com",)
    for kind, values, ttl in (
        ("A", ["2001:db8::1"], 5), ("AAAA", [OLD], 5), ("A", ["www"], 5), ("A", [], 5),
        ("A", [OLD], -1), ("A", [OLD], 2**31), ("CNAME", ["a.example.com", "b.example.com"], 5),
        ("TXT", ['a"b'], 5), ("CNAME", ["a b"], 5), ("AAAA", ["fe80::1%eth0"], 5),
    ):  # fmt: skip
        with pytest.raises(InputError):
            records(WWW, kind, values, ttl)  # type: ignore[arg-type]
