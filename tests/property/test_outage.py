"""Whatever was sampled: sums hold, and nobody depends on the order of a file."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.outage import Sample, measured, strip
from tests.unit.builders import NOW

moments = st.integers(-20, 200_000).map(lambda ms: NOW + timedelta(milliseconds=ms))
samples = st.lists(
    st.builds(
        Sample,
        moments,
        st.sampled_from(("wiki", "git")),
        st.sampled_from(("name", "old")),
        st.sampled_from((True, False, None)),
        st.just(""),
    ),
    max_size=40,
)


@given(samples, st.randoms(use_true_random=False))
def test_sums_hold_and_order_is_irrelevant(found: list[Sample], random: object) -> None:
    told = measured(found, since=NOW)
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert measured(shuffled, since=NOW) == told
    for one in told:
        assert 0 <= one.unseen_out_s <= one.out_s + 1e-6
        assert 0 <= one.longest_s <= one.out_s + 1e-6
        assert one.unseen_s >= 0
        assert one.out_s + one.unseen_s <= one.span_s + 1e-6
        assert (one.began is None) == all(
            s.ok is not False
            for s in found
            if s.side == "name" and s.service == one.service and s.at >= NOW
        )
        if one.ended is not None:
            assert one.began is not None
            assert one.began < one.ended


@given(samples, st.integers(0, 90), moments)
def test_a_strip_is_as_long_as_asked(found: list[Sample], seconds: int, now: object) -> None:
    assert len(strip(found, "old", "wiki", seconds, now)) == seconds  # type: ignore[arg-type]
