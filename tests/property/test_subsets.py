"""Laws of the parts of an upgrade, over made-up sets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.candidates import foresee, picked
from engine.families.apt import subset
from engine.families.apt.subset import Subset
from engine.model.facts import Change, Part, Transaction
from tests.unit.builders import NOW, facts, host, install, packages, upgrade

CALM = settings(deadline=None, max_examples=60)
NAMES = ("docker.io", "libssl3", "openssl", "linux-image-amd64", "vim", "vim-common", "sudo", "tar")
SOURCES = ("docker.io", "openssl", "linux", "vim", "sudo")

sources = st.lists(
    st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,12}", fullmatch=True), min_size=1, max_size=5
)


@st.composite
def wholes(draw: st.DrawFn) -> Transaction:
    chosen = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    changes: list[Change] = []
    parts = []
    for name in sorted(chosen):
        make = draw(st.sampled_from((upgrade, upgrade, install)))
        source = draw(st.sampled_from(SOURCES))
        changes.append(make(name, source=source, security=draw(st.booleans())))
        needs = draw(st.lists(st.sampled_from(sorted(chosen)), max_size=2, unique=True))
        parts.append(Part(name, tuple(n for n in sorted(needs) if n != name), 10))
    return Transaction("upgrade", tuple(changes), parts=tuple(parts))


@st.composite
def subsets(draw: st.DrawFn, whole: Transaction) -> Subset:
    some = draw(st.lists(st.sampled_from(subset.sources_of(whole.changes)), min_size=1))
    return draw(st.sampled_from((subset.security(), subset.without(some), subset.only(some))))


@CALM
@given(sources, st.booleans())
def test_an_id_is_read_as_it_was_written(names: list[str], left_out: bool) -> None:
    one = subset.without(names) if left_out else subset.only(names)
    assert subset.parse(one.id) == one


@CALM
@given(st.data(), wholes())
def test_a_part_splits_no_source_and_adds_nothing(data: st.DataObject, whole: Transaction) -> None:
    part = subset.part_of(whole, data.draw(subsets(whole)))
    assert set(part.changes) <= set(whole.changes)
    taken = {subset.source_of(change) for change in part.changes}
    assert not taken & {subset.source_of(c) for c in whole.changes if c not in part.changes}


@CALM
@given(st.data(), wholes())
def test_a_part_without_obstacles_has_all_that_it_needs(
    data: st.DataObject, whole: Transaction
) -> None:
    part = subset.part_of(whole, data.draw(subsets(whole)))
    names = {change.name for change in part.changes}
    needed = {need for one in part.parts or () for need in one.needs}
    free = not subset.obstacles("server1", whole, part)
    assert not free or needed <= names


@CALM
@given(st.data(), wholes())
def test_a_part_is_never_riskier_than_the_whole(data: st.DataObject, whole: Transaction) -> None:
    found = packages(*whole.changes)
    dist = found.transaction("dist-upgrade")
    assert dist is not None
    looked = facts(packages=packages(*whole.changes, transactions=(whole, dist)))
    everything = foresee(host(), looked, NOW).candidate("upgrade")
    one = picked(host(), looked, data.draw(subsets(whole)).id, NOW)
    assert everything is not None
    assert everything.risk is not None
    assert one is not None
    assert one.risk is not None
    assert one.risk.score <= everything.risk.score
