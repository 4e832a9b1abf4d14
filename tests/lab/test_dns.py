"""DNS against real name servers: BIND as primary and secondary, unbound as resolver."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine import scripts
from engine.clock import SystemClock
from engine.dns import (
    Answer,
    Change,
    Edit,
    Key,
    Limits,
    Outcome,
    Proof,
    Server,
    Snapshot,
    Target,
    ask_all,
    backwards,
    carry_out,
    change,
    follow,
    hook,
    look,
    lower_ttl,
    old_ttl,
    open_wire,
    point,
    prove,
    read_key,
    records,
    servers_of,
)
from engine.dns.values import Update
from engine.inventory.value import Inventory, Zone
from engine.model.plan import ScriptAct
from engine.session import Session
from engine.shell import Secret
from engine.transport.credentials import Credentials
from engine.transport.local import LocalTransport
from tests.lab.nameservers import (
    PRIMARY,
    RESOLVER,
    REVERSE,
    SECONDARY,
    ZONE,
    NameServers,
    running,
    secret,
)

CLOCK = SystemClock()
LIMITS = Limits(ask_s=20, update_s=20)
WWW = f"www.{ZONE}"
OLD, NEW = "127.53.1.1", "127.53.1.2"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[NameServers]:
    with running(tmp_path) as up:
        yield up


def zone(servers: NameServers, name: str = ZONE, **fields: object) -> Zone:
    """The zone as an inventory says it, its key in a file."""
    file = servers.directory / "tsig.key"
    file.write_text(servers.keys["hostshift."] + "\n")
    said = Zone(name, PRIMARY, key_name="hostshift", key_file=file, watch=(RESOLVER,))
    return replace(said, **fields)  # type: ignore[arg-type]


async def at_primary(where: Zone, name: str) -> Answer:
    seen = await look(open_wire(LIMITS, read_only=False), CLOCK, where, [name])
    return next(a for a in seen.answers if a.server.role == "primary")


async def carried(where: Zone, planned: Change, key: Key | None = None) -> Outcome:
    key = key or await read_key(where, Path("/"))
    return await carry_out(open_wire(LIMITS, read_only=False), CLOCK, where, planned, key)


def www(old: str | None, new: str | None, ttl: int = 300) -> Change:
    sides = [records(WWW, "A", [a], ttl) if a is not None else None for a in (old, new)]
    return change(ZONE, [Edit(WWW, "A", *sides)])


async def test_each_server_is_asked_directly(servers: NameServers) -> None:
    seen = await look(
        open_wire(LIMITS, read_only=False), CLOCK, zone(servers), [WWW, f"db.{ZONE}", f"no.{ZONE}"]
    )
    assert seen.problems == ()
    assert [(s.name, s.address, s.role) for s in seen.servers] == [
        (f"dns1.{ZONE}", PRIMARY, "primary"),
        (f"dns2.{ZONE}", SECONDARY, "listed"),
        (RESOLVER, RESOLVER, "watched"),
    ]
    for answer in seen.answers:
        assert answer.problem is None
        assert answer.serial == 1
        assert answer.negative_ttl == 5
        assert answer.authoritative is (answer.server.address != RESOLVER)
    for answer in seen.of(WWW):
        found = answer.of("A")
        assert found is not None
        assert found.values == (OLD,)
        assert 0 < found.ttl <= 300
        assert answer.addresses == (OLD,)
    for answer in seen.of(f"db.{ZONE}"):
        alias = answer.of("CNAME")
        assert alias is not None
        assert alias.values == (f"server1.{ZONE}",)
        assert answer.of("A") is None
        assert answer.addresses == (OLD,)
    assert {(a.rcode, a.shown) for a in seen.of(f"no.{ZONE}")} == {("NXDOMAIN", "no such name")}


async def test_an_update_is_one_message_and_repeating_it_is_harmless(servers: NameServers) -> None:
    where = zone(servers)
    both = f"both.{ZONE}"
    edits = [
        *point(await at_primary(where, WWW), Target((NEW,))),
        *point(await at_primary(where, both), Target((NEW,))),
        *point(await at_primary(where, f"db.{ZONE}"), Target((NEW,), f"server2.{ZONE}")),
    ]
    assert [e.shown for e in edits] == [
        f"{WWW}: A {OLD} (TTL 300) -> A {NEW} (TTL 300)",
        f"{both}: A {OLD} (TTL 300) -> A {NEW} (TTL 300)",
        f"{both}: AAAA fd00::1 (TTL 300) -> none",
        f"db.{ZONE}: CNAME server1.{ZONE} (TTL 300) -> CNAME server2.{ZONE} (TTL 300)",
    ]
    planned = change(ZONE, edits)
    outcome = await carried(where, planned)
    assert (outcome.ending, outcome.rcode, outcome.problem) == ("changed", "NOERROR", None)
    assert outcome.serial == 2, "one message is one step of the serial"
    again = await carried(where, planned)
    assert (again.ending, again.rcode, again.serial) == ("nothing-to-do", None, 2)
    back = await carried(where, backwards(planned))
    assert (back.ending, back.serial) == ("changed", 3)
    assert (await at_primary(where, both)).addresses == (OLD, "fd00::1")


async def test_ptr_in_its_own_zone(servers: NameServers) -> None:
    where = zone(servers, REVERSE)
    name = f"1.1.{REVERSE}"
    found = (await at_primary(where, name)).of("PTR")
    assert found is not None
    assert found.values == (f"server1.{ZONE}",)
    new = records(name, "PTR", [f"server2.{ZONE}"], 300)
    assert (await carried(where, change(REVERSE, [Edit(name, "PTR", found, new)]))).ending == (
        "changed"
    )
    assert (await at_primary(where, name)).of("PTR") == new


async def test_a_lower_ttl_alone(servers: NameServers) -> None:
    where = zone(servers)
    edits = lower_ttl(await at_primary(where, WWW), 10)
    assert (await carried(where, change(ZONE, edits))).ending == "changed"
    found = (await at_primary(where, WWW)).of("A")
    assert found == records(WWW, "A", [OLD], 10)
    assert lower_ttl(await at_primary(where, WWW), 10) == ()


async def test_what_somebody_else_changed_is_not_overwritten(servers: NameServers) -> None:
    where = zone(servers)
    assert (await carried(where, www(OLD, "127.53.1.9"))).ending == "changed"
    outcome = await carried(where, www(OLD, NEW))
    assert (outcome.ending, outcome.rcode) == ("refused", None)
    assert outcome.problem is not None
    assert outcome.problem.kind == "other-value"
    assert "127.53.1.9" in outcome.problem.message
    assert (await at_primary(where, WWW)).addresses == ("127.53.1.9",)


async def test_a_lost_race_is_refused_by_the_server(servers: NameServers) -> None:
    where = zone(servers)
    key = await read_key(where, Path("/"))
    wire = open_wire(LIMITS, read_only=False)
    (primary, *_), _ = await servers_of(wire, where)
    theirs = records(WWW, "A", ["127.53.1.9"], 300)
    ours = records(WWW, "A", [NEW], 300)
    there = records(WWW, "A", [OLD], 300)
    first = Update(ZONE, (there,), (), ((WWW, "A"),), (theirs,))
    assert (await wire.update(primary, first, key)).rcode == "NOERROR"
    for update, rcode in (
        (Update(ZONE, (there,), (), ((WWW, "A"),), (ours,)), "NXRRSET"),
        (Update(ZONE, (), ((WWW, "A"),), (), (ours,)), "YXRRSET"),
    ):
        sent = await wire.update(primary, update, key)
        assert (sent.arrived, sent.rcode, sent.problem and sent.problem.kind) == (
            *(True, rcode, "race"),
        )
    assert (await at_primary(where, WWW)).addresses == ("127.53.1.9",)


@pytest.mark.parametrize(
    "case", ["badsig", "badkey", "badtime", "refused", "refused-type", "unsigned"]
)
async def test_each_refusal_by_its_name(
    servers: NameServers, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = zone(servers)
    planned = www(OLD, NEW)
    key: Key | None = await read_key(where, Path("/"))
    if case == "badsig":
        key = Key("hostshift", "hmac-sha256", Secret(secret()))
    elif case == "badkey":
        key = Key("nobody", "hmac-sha256", Secret(secret()))
    elif case == "badtime":
        behind = time.time() - 3600
        monkeypatch.setattr("dns.message.time.time", lambda: behind)
    elif case == "refused":
        key = Key("other", "hmac-sha256", Secret(servers.keys["other."]))
    elif case == "unsigned":
        key = None
    else:
        there = records(ZONE, "NS", [f"dns1.{ZONE}", f"dns2.{ZONE}"], 300)
        less = records(ZONE, "NS", [f"dns1.{ZONE}"], 300)
        planned = change(ZONE, [Edit(ZONE, "NS", there, less)])
    outcome = await carry_out(open_wire(LIMITS, read_only=False), CLOCK, where, planned, key)
    monkeypatch.undo()
    kind = "refused" if case in ("refused-type", "unsigned") else case
    assert (outcome.ending, outcome.rcode) == ("refused", kind.upper())
    assert outcome.problem is not None
    assert outcome.problem.kind == kind
    assert outcome.problem.hint
    assert (await at_primary(where, WWW)).addresses == (OLD,)


async def test_zones_that_are_not_the_servers(servers: NameServers) -> None:
    where = zone(servers)
    key = await read_key(where, Path("/"))
    wire = open_wire(LIMITS, read_only=False)
    (primary, secondary, _), _ = await servers_of(wire, where)
    elsewhere = records("www.example.org", "A", [NEW], 300)
    for server, update, kind in (
        (primary, Update("example.org", add=(elsewhere,)), "notauth"),
        (primary, Update(ZONE, add=(elsewhere,)), "notzone"),
        (secondary, Update(ZONE, add=(records(WWW, "A", [NEW], 300),)), "badkey"),
    ):
        sent = await wire.update(server, update, key)
        assert (sent.problem and sent.problem.kind, sent.arrived) == (kind, True)
    # and by the whole way: the primary is asked first, and has no such zone
    name = "www.example.org"
    planned = change("example.org", [Edit(name, "A", None, elsewhere)])
    outcome = await carried(zone(servers, "example.org"), planned, key)
    assert outcome.ending == "refused"
    assert outcome.problem is not None
    assert outcome.problem.kind == "refused", "BIND refuses questions about zones it doesn't hold"


async def test_a_primary_that_has_stopped_or_hangs(servers: NameServers) -> None:
    where = zone(servers)
    key = await read_key(where, Path("/"))
    wire = open_wire(Limits(ask_s=1, update_s=1), read_only=False)
    (primary, *_), _ = await servers_of(wire, where)
    update = Update(ZONE, add=(records(WWW, "A", [NEW], 300),))
    servers.freeze(PRIMARY)
    sent = await wire.update(primary, update, key)
    assert (sent.arrived, sent.problem and sent.problem.kind) == (None, "lost")
    outcome = await carry_out(wire, CLOCK, where, www(OLD, NEW), key)
    assert (outcome.ending, outcome.problem and outcome.problem.kind) == ("refused", "timeout")
    servers.thaw(PRIMARY)
    servers.stop(PRIMARY)
    sent = await wire.update(primary, update, key)
    assert (sent.arrived, sent.problem and sent.problem.kind) == (False, "not-listening")
    # the others answer, also where the machine is busy
    seen = await look(open_wire(Limits(ask_s=20), read_only=True), CLOCK, where, [WWW])
    assert [p.kind for p in seen.problems] == ["not-listening"]
    assert {(a.server.address, a.answered) for a in seen.answers} == {
        (PRIMARY, False),
        (SECONDARY, True),  # the resolver knows the NS set, too
        (RESOLVER, True),
    }


async def test_a_name_that_a_wildcard_answers(servers: NameServers) -> None:
    where = zone(servers)
    name = f"a.wild.{ZONE}"
    seen = await at_primary(where, name)
    assert seen.addresses == (OLD,)
    outcome = await carried(where, change(ZONE, point(seen, Target((NEW,)))))
    assert (outcome.ending, outcome.rcode) == ("refused", "NXRRSET")
    assert outcome.problem is not None
    assert outcome.problem.kind == "wildcard"


async def test_the_scratch_proof(servers: NameServers) -> None:
    where = zone(servers)
    key = await read_key(where, Path("/"))

    async def proved(key: Key | None) -> Proof:
        return await prove(open_wire(LIMITS, read_only=False), CLOCK, where, key)

    good = await proved(key)
    assert (good.ok, good.problem, good.left, len(good.steps)) == (True, None, False, 2)
    name = f"_hostshift-scratch.{ZONE}"
    assert (await at_primary(where, name)).rcode == "NXDOMAIN"
    assert (await at_primary(where, name)).serial == 3
    wrong = await proved(Key("other", "hmac-sha256", Secret(servers.keys["other."])))
    assert (wrong.ok, wrong.problem and wrong.problem.kind, wrong.left) == (False, "refused", False)
    assert (await at_primary(where, name)).serial == 3


async def followed(where: Zone, planned: Change, *, ttl: int, seconds: float) -> list[Snapshot]:
    wire = open_wire(LIMITS, read_only=False)
    found, _ = await servers_of(wire, where)
    deadline = CLOCK.now() + timedelta(seconds=seconds)
    return [
        one
        async for one in follow(
            wire, CLOCK, planned, found, ttl=ttl, deadline=deadline, every_s=0.2
        )
    ]


async def test_following_until_the_old_ttl_has_passed(tmp_path: Path) -> None:
    with running(tmp_path, ttl=4) as servers:
        where = zone(servers)
        servers.fill_resolver(WWW)
        planned = change(ZONE, point(await at_primary(where, WWW), Target((NEW,))))
        assert old_ttl(planned) == 4
        assert (await carried(where, planned)).ending == "changed"
        turned = CLOCK.now()
        seen = await followed(where, planned, ttl=4, seconds=60)
    assert [state.server.address for state in seen[0].stale] == [RESOLVER]
    assert OLD in seen[0].stale[0].shown
    last = seen[-1]
    assert last.done
    assert (last.behind, last.stale) == ((), ())
    assert last.until is not None
    assert last.until >= turned + timedelta(seconds=4) - timedelta(seconds=1)
    assert last.at >= last.until
    assert {state.serial for state in last.states if state.own} == {2}


async def test_a_secondary_that_does_not_follow_is_named(tmp_path: Path) -> None:
    with running(tmp_path, notify=False) as servers:
        where = zone(servers)
        planned = www(OLD, NEW)
        assert (await carried(where, planned)).ending == "changed"
        last = (await followed(where, planned, ttl=0, seconds=0.5))[-1]
        assert (last.done, last.until) == (False, None)
        (behind,) = last.behind
        assert (behind.server.address, behind.serial, behind.turned) == (SECONDARY, 1, False)
        assert behind.problem is not None
        assert behind.problem.kind == "lags"
        assert "it has serial 1 of lab.test, the primary 2" in behind.problem.message
        servers.notify()
        last = (await followed(where, planned, ttl=0, seconds=60))[-1]
        assert (last.done, last.behind) == (True, ())
        servers.stop(SECONDARY)
        last = (await followed(where, planned, ttl=0, seconds=0))[-1]
        (gone,) = last.behind
        assert (gone.turned, gone.problem and gone.problem.kind) == (None, "not-listening")


CHANGE_BY_HAND = """
import json, os, sys
import dns.query, dns.tsigkeyring, dns.update
told = json.load(sys.stdin)
assert os.environ["HOSTSHIFT_ZONE"] == told["zone"]
keyring = dns.tsigkeyring.from_text({"hostshift.": os.environ["THE_KEY"]})
message = dns.update.UpdateMessage(told["zone"], keyring=keyring)
for edit in told["changes"]:
    message.present(edit["name"] + ".", edit["type"], *edit["old"]["values"])
    message.replace(edit["name"] + ".", edit["new"]["ttl"], edit["type"], *edit["new"]["values"])
sys.exit(dns.query.tcp(message, "127.53.0.1", timeout=60).rcode())
"""


async def test_a_zone_that_a_command_changes(
    servers: NameServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", servers.keys["hostshift."])
    session = Session(
        inventory=Inventory(tmp_path / "inventory.toml"),
        transport=LocalTransport(Credentials()),
        credentials=Credentials(),
        state_dir=tmp_path / "state",
    )
    planned = www(OLD, NEW)
    act = ScriptAct((sys.executable, "-c", CHANGE_BY_HAND), "dns", 60)

    async def run_as(step: str) -> tuple[Outcome, str]:
        told, variables = hook.event(planned), hook.environment(planned)
        await scripts.start(session, "run", step, act, told, variables)
        seen = await scripts.follow(session, "run", step, seconds=60)
        found = [Server(f"dns1.{ZONE}", PRIMARY), Server(f"dns2.{ZONE}", SECONDARY)]
        wire = open_wire(LIMITS, read_only=True)
        until = time.monotonic() + 60
        while True:  # the secondary follows in a moment
            answers = await ask_all(wire, CLOCK, ZONE, found, [WWW])
            outcome = hook.judge(planned, seen.exit_status, answers)
            if outcome.ending == "changed" or time.monotonic() > until:
                break
        return outcome, scripts.tail(session, "run", step)

    outcome, log = await run_as("dns-1")
    assert (outcome.ending, log) == ("changed", "")
    outcome, _ = await run_as("dns-2")
    assert outcome.ending == "changed", "it was refused, as the records are there already"
    assert {answer.serial for answer in outcome.now} == {2}
