"""Cleaning of text from hosts, case by case; what holds for any text is in tests/property."""

from __future__ import annotations

import time

import pytest

from engine.text import MAX_LINE, clean, clean_line, decode, rewrite_line


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("plain text, ünïcödé, 日本語 and €", "plain text, ünïcödé, 日本語 and €"),
        ("a\tb", "a\tb"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;2;1;2;3mcolour", "colour"),
        ("\x1b[?1049h\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJmIC8=\x07copied", "copied"),
        ("\x1bP1$r0m\x1b\\after", "after"),
        ("\x1b_app\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\x", "x"),
        ("\x1bcreset\x1b7\x1b8", "reset"),
        ("\x1b(0charset\x1b)B", "charset"),
        ("\x9b31mred", "red"),
        ("\x9d0;title\x9cafter", "after"),
        ("\x90dcs\x9cafter", "after"),
        ("unfinished \x1b[31", "unfinished "),
        ("unfinished \x1b]0;title", "unfinished "),
        ("lone \x1b", "lone "),
        ("\x1b\x1b[31mtwo", "two"),
        ("bell\x07 back\x08 del\x7f nul\x00", "bell back del nul"),
        ("vertical\x0b form\x0c fs\x1c nel\x85", "vertical form fs nel"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066iso\u2069 \u200fmark\u200e \u061c", "iso mark "),
        ("zero\u200bwidth \ufeffbom \u2028sep\u2029", "zerowidth bom sep"),
        ("\U000e0041tag\U000e007f", "tag"),
        ("lone surrogate \ud800", "lone surrogate "),
        ("[red]markup[/red]", "[red]markup[/red]"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_away(dirty: str, cleaned: str) -> None:
    assert clean(dirty) == cleaned


def test_an_unfinished_sequence_takes_no_more_than_its_own_line() -> None:
    assert clean("\x1b]0;title\nnext\x1b[\nlast") == "\nnext\nlast"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("10%\r50%\r100%", "100%"),
        ("done\r", "done"),
        ("a\r\r", "a"),
        ("\r", ""),
        ("\rnew", "new"),
        ("none", "none"),
    ],
)
def test_a_carriage_return_rewrites_its_line(line: str, shown: str) -> None:
    assert rewrite_line(line) == shown
    assert clean(line) == shown


def test_lines_stay_lines() -> None:
    assert clean("one\r\ntwo\n\nthree\n") == "one\ntwo\n\nthree\n"
    assert clean_line("one\ntwo") == "one two"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert decode(b"caf\xe9 \xff") == "caf\ufffd \ufffd"
    assert clean(b"ok \x1b[1mbold \xc3") == "ok bold \ufffd"


def test_a_long_line_is_cut_and_the_cut_is_said() -> None:
    assert clean("x" * MAX_LINE) == "x" * MAX_LINE
    assert clean("x" * (MAX_LINE + 1)) == "x" * MAX_LINE + " ... (line cut)"
    assert clean("abcdef", limit=3) == "abc ... (line cut)"


def test_a_long_line_shows_what_it_was_rewritten_to() -> None:
    progress = "".join(f"{n}%\r" for n in range(100_000))
    assert clean(progress) == "99999% ... (line cut)"


@pytest.mark.parametrize("unit", ["x", "\x1b[", "\x1b]", "\x1b", "\x9b0", "\r", "\x00", "\u202e"])
def test_ten_megabytes_in_one_line_are_cleaned_at_once(unit: str) -> None:
    started = time.process_time()
    assert len(clean(unit * (10_000_000 // len(unit)))) <= MAX_LINE + 20
    assert time.process_time() - started < 5


def test_names_are_ordered_as_people_do() -> None:
    from engine.text import natural_key

    names = ["server10", "web", "server2", "9a", "server2b", "", "server02"]
    assert sorted(names, key=natural_key) == [
        *("", "9a", "server2", "server02", "server2b", "server10", "web")
    ]
