"""Whatever a publisher's server sends, reading it ends in data or in a ValueError with words."""

from __future__ import annotations

import contextlib
import gzip
import json

from hypothesis import given
from hypothesis import strategies as st

from engine.published import reading
from engine.published.in_force import by_year, has

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["vulnerabilities", "count", "dateReleased", "id", "severity", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
ANY = st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode())


@given(ANY)
def test_no_document_breaks_a_reader(data: bytes) -> None:
    for read in (
        reading.kev,
        reading.epss,
        reading.early,
        lambda given: reading.vector(given, "CVE-2026-1"),
        lambda given: reading.support(given, given, {}),
        lambda given: reading.epss(gzip.compress(given)),
    ):
        with contextlib.suppress(ValueError):
            read(data)


@given(st.sets(st.tuples(st.integers(1999, 2030), st.integers(1, 10**6))))
def test_a_list_by_year_has_what_was_put_in_and_nothing_else(numbers: set[tuple[int, int]]) -> None:
    ids = {f"CVE-{year}-{number:04d}" for year, number in numbers}
    lists = {year: frozenset(found) for year, found in by_year(ids).items()}
    assert all(has(lists, one) for one in ids)
    assert sum(map(len, lists.values())) == len(numbers)
    assert not has(lists, "CVE-1998-1")
