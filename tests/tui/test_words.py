"""Numbers and times as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.words import about, age, bar, count, duration, shorten, size


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "now"), (4.9, "now"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_age(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 s"),
        (59.9, "59 s"),
        (65, "1 min 05 s"),
        (3_720, "1 h 02 min"),
        (3 * 86_400 + 4 * 3_600, "3 d 4 h"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_about_has_one_unit() -> None:
    assert (about(20), about(180), about(3 * 3600)) == ("20 s", "3 min", "3 h")


def test_size_and_count() -> None:
    assert (size(932), size(12_400_000), size(3_100_000_000)) == ("932 B", "12.4 MB", "3.1 GB")
    assert (count(1, "host"), count(1_200, "host")) == ("1 host", "1,200 hosts")


@given(st.floats(0, 200), st.integers(1, 40))
def test_a_bar_has_its_width_and_something_is_never_nothing(part: float, width: int) -> None:
    full, rest = bar(part, 100, width)
    assert len(full) + len(rest) == width
    assert (part > 0) <= (len(full) > 0)


@given(st.text(), st.integers(1, 50))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert len(shorten(text, width)) <= width
