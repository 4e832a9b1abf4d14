"""Whatever a host is called and whatever is taken, its successor has a name that can be used."""

from __future__ import annotations

import string
from ipaddress import ip_address

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.inventory import names
from engine.model.host import Host
from engine.successor import propose

EDGE = string.ascii_letters + string.digits
LABELS = st.one_of(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", fullmatch=True),
    st.builds("{}{}".format, st.sampled_from(["server", "web", "db-"]), st.integers(0, 120)),
    st.builds("{}{:03d}-fra".format, st.sampled_from(["web", "x"]), st.integers(0, 1200)),
)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def same(one: str, other: str) -> bool:
    return one.lower().removesuffix(".") == other.lower().removesuffix(".")


@settings(deadline=None)
@example("192.0.2.7", False, [], 0)
@example("0.0.0.00", False, [], 1)
@given(NAMES, st.booleans(), st.lists(NAMES | st.text(max_size=12), max_size=8), st.integers(0, 30))
def test_a_successor_is_free_named_like_a_host_and_another(
    name: str, with_domain: bool, others: list[str], following: int
) -> None:
    old = Host(name, f"{name}.example.com" if with_domain else "192.0.2.1")
    taken = [old.name, old.address, *others]
    for _ in range(following):  # servers that were built one after another
        taken.append(propose(old, taken).name)
    found = propose(old, taken)
    assert names.host_name(found.name) == found.name
    for form in filter(None, (found.name, found.address)):
        assert not any(same(form, other) for other in taken)
    if is_address(name):
        assert found.name.startswith("server")
        assert "." not in found.name
    else:
        assert found.name.partition(".")[2] == name.partition(".")[2]
    assert found == propose(old, reversed(taken)), "the order of what is taken decides nothing"


@given(st.text(string.ascii_lowercase + "-", min_size=1, max_size=20), st.integers(0, 10**6))
def test_a_number_rises_by_one_where_nothing_is_taken(stem: str, number: int) -> None:
    assert propose(Host(f"{stem}{number}", "192.0.2.1"), ()).name == f"{stem}{number + 1}"
