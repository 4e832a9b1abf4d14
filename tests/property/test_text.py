"""What holds of cleaned text whatever a host sends."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from engine.text import clean, clean_line

_PIECES = st.sampled_from(
    [
        *(
            "\x1b",
            "\x1b[",
            "\x1b]",
            "\x1bP",
            "\x9b",
            "\x9d",
            "\x90",
            "\x9c",
            "\x07",
            "\x1b\\",
            "\r",
        ),
        *(
            "31m",
            "0;title",
            "\u202e",
            "\u2066",
            "\u200b",
            "\x85",
            "\x7f",
            "\ud800",
            "\n",
            "\t",
            "a",
        ),
    ]
)
hostile = st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=30).map("".join)


@given(st.one_of(hostile, st.text()))
@example("\x1b\x1b]\x07[31m")
def test_no_control_survives_but_tab_and_newline(text: str) -> None:
    cleaned = clean(text)
    for char in cleaned:
        assert char in "\t\n" or unicodedata.category(char) not in ("Cc", "Cs"), repr(char)
        assert unicodedata.bidirectional(char) not in (
            *("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"),
        )


@given(st.one_of(hostile, st.text()))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(hostile, st.integers(min_value=1, max_value=50))
def test_every_line_is_bounded(text: str, limit: int) -> None:
    assert all(
        len(line) <= limit + len(" ... (line cut)") for line in clean(text, limit).split("\n")
    )


@given(hostile)
def test_the_number_of_lines_stays(text: str) -> None:
    assert clean(text).count("\n") == text.count("\n")


@given(hostile)
def test_a_line_is_one_line(text: str) -> None:
    assert "\n" not in clean_line(text)


@given(st.binary())
def test_any_bytes_can_be_cleaned(data: bytes) -> None:
    clean(data)


@given(st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="\u061c")))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(text, limit=10_000) == text
