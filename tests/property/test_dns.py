"""Changes against any state of a zone, and whatever name servers may answer."""

from __future__ import annotations

import asyncio
import ipaddress

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import FixedClock
from engine.dns import Change, Edit, Records, backwards, carry_out, change, records, reverse_name
from engine.dns.names import canonical, name_of
from engine.dns.wire import _records as from_wire
from engine.errors import InputError
from engine.inventory.value import Zone
from tests.unit.builders import NOW
from tests.unit.dns.servers import PRIMARY, ZONE, Memory, MemoryWire

INVENTORY = Zone(ZONE, PRIMARY.address)
ttls = st.sampled_from((5, 300))
names = st.sampled_from(("a.example.com", "b.example.com"))
four = st.sets(st.sampled_from(("192.0.2.1", "192.0.2.2", "192.0.2.3")), min_size=1, max_size=2)
six = st.sets(st.sampled_from(("2001:db8::1", "2001:db8::2")), min_size=1, max_size=2)


def rrsets(name: str, kind: str) -> st.SearchStrategy[Records]:
    values = four if kind == "A" else six
    return st.builds(
        lambda found, ttl: records(name, kind, found, ttl),  # type: ignore[arg-type]
        values,
        ttls,
    )


keys = st.tuples(names, st.sampled_from(("A", "AAAA")))


@st.composite
def changes(draw: st.DrawFn) -> Change:
    edits = []
    for name, kind in draw(st.lists(keys, min_size=1, max_size=4, unique=True)):
        old = draw(st.none() | rrsets(name, kind))
        new = draw((st.none() | rrsets(name, kind)) if old is not None else rrsets(name, kind))
        edits.append(Edit(name, kind, old, new))  # type: ignore[arg-type]
    return change(ZONE, edits)


@st.composite
def zones(draw: st.DrawFn, planned: Change) -> list[Records]:
    """A zone in which each edit's old or new records are, or something else."""
    found = []
    for edit in planned.edits:
        there = draw(
            st.sampled_from((edit.old, edit.new)) | st.none() | rrsets(edit.name, edit.type)
        )
        if there is not None:
            found.append(there)
    return found


def carried(memory: Memory, planned: Change, wire: MemoryWire | None = None) -> str:
    wire = wire or MemoryWire(primary=memory)
    return asyncio.run(carry_out(wire, FixedClock(NOW), INVENTORY, planned, None)).ending


def state(memory: Memory) -> set[Records]:
    return set(memory.records)


@given(st.data())
def test_a_change_is_made_whole_or_not_at_all(data: st.DataObject) -> None:
    planned = data.draw(changes())
    memory = Memory(data.draw(zones(planned)))
    before = state(memory)
    wanted = {edit.new for edit in planned.edits if edit.new is not None}
    ending = carried(memory, planned)
    if ending == "refused":
        assert state(memory) == before
        # Something is neither as it was planned from nor as it was planned to.
        assert any(
            (there.values if there else None)
            not in [side.values if side else None for side in (edit.old, edit.new)]
            for edit in planned.edits
            for there in [
                next((r for r in before if (r.name, r.type) == (edit.name, edit.type)), None)
            ]
        )
    else:
        assert ending == ("nothing-to-do" if before == wanted else "changed")
        assert state(memory) == wanted
        assert carried(memory, planned) == "nothing-to-do"


@given(st.data())
def test_there_and_back(data: st.DataObject) -> None:
    planned = data.draw(changes())
    olds = [edit.old for edit in planned.edits if edit.old is not None]
    memory = Memory(list(olds))
    assert carried(memory, planned) in ("changed", "nothing-to-do")
    assert carried(memory, backwards(planned)) in ("changed", "nothing-to-do")
    assert state(memory) == set(olds)


@given(st.data())
def test_what_changes_between_look_and_update_is_never_overwritten(data: st.DataObject) -> None:
    planned = data.draw(changes())
    memory = Memory([edit.old for edit in planned.edits if edit.old is not None])
    theirs = data.draw(zones(planned))
    wire = MemoryWire(primary=memory)
    wire.before_update = lambda: setattr(memory, "records", list(theirs))
    ending = carried(memory, planned, wire)
    if not wire.sent:
        return
    unchanged = {(r.name, r.type): r.values for r in theirs} == {
        (e.name, e.type): e.old.values for e in planned.edits if e.old is not None
    }
    if unchanged:
        # A TTL is no prerequisite: another one, of what needed no change, is seen only afterwards.
        left = {e.new for e in planned.edits if e.old == e.new and e.new is not None}
        assert ending == ("changed" if left <= state(memory) else "unknown")
    else:
        assert state(memory) == set(theirs)
        assert ending in ("refused", "nothing-to-do")


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_an_input_error(text: str) -> None:
    try:
        name = name_of(text)
    except InputError:
        return
    assert name_of(name) == name == name.lower()
    assert dns.name.from_text(name).is_absolute()


@given(st.ip_addresses())
def test_addresses_have_one_form_and_one_reverse_name(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    kind = "A" if address.version == 4 else "AAAA"
    written = address.exploded.upper()
    (value,) = records("a.example.com", kind, [written], 5).values  # type: ignore[arg-type]
    assert value == canonical(kind, written) == str(address)
    reverse = dns.name.from_text(reverse_name(written))
    assert ipaddress.ip_address(str(dns.reversename.to_address(reverse))) == address


@given(st.text(max_size=50))
def test_any_text_is_an_address_or_an_input_error(text: str) -> None:
    try:
        reverse = reverse_name(text)
    except InputError:
        return
    assert reverse_name(ipaddress.ip_address(text).exploded) == reverse


labels = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5)


@given(labels, labels)
def test_names_from_a_server_obey_nothing(owner: list[bytes], target: list[bytes]) -> None:
    rrset = dns.rrset.from_rdata(
        dns.name.Name([*owner, b""]), 5, dns.rdata.from_text("IN", "CNAME", "x.")
    )
    rdata = rrset[0].replace(target=dns.name.Name([*target, b""]))
    (found,) = from_wire([dns.rrset.from_rdata(rrset.name, 5, rdata)])
    assert found.name.isprintable()
    assert all(value.isprintable() for value in found.values)
