"""Outages and strips from samples."""

from __future__ import annotations

from datetime import timedelta

from engine.outage import Sample, Side, measured, strip
from tests.unit.builders import NOW


def seen(pattern: str, service: str = "wiki", side: Side = "name") -> list[Sample]:
    """A sample a second: ``+`` passes, ``x`` fails, ``?`` couldn't be made, a blank is none."""
    ok = {"+": True, "x": False, "?": None}
    return [
        Sample(NOW + timedelta(seconds=i), service, side, ok[sign], "")
        for i, sign in enumerate(pattern)
        if sign != " "
    ]


def test_an_outage_lasts_from_the_first_failure_to_the_next_success() -> None:
    (wiki,) = measured(seen("++xxx++x+"), since=NOW)
    assert wiki.began == NOW + timedelta(seconds=2)
    assert wiki.ended == NOW + timedelta(seconds=8)
    assert (wiki.out_s, wiki.longest_s, wiki.span_s) == (4, 3, 8)
    assert (wiki.unseen_s, wiki.unseen_out_s) == (0, 0)
    assert not wiki.out_now


def test_who_is_still_out_has_no_end() -> None:
    (wiki,) = measured(seen("+x+xx"), since=NOW)
    assert wiki.out_now
    assert wiki.ended is None
    assert (wiki.out_s, wiki.longest_s) == (2, 1)


def test_who_was_never_out_has_neither_beginning_nor_end() -> None:
    (wiki,) = measured(seen("+++"), since=NOW)
    assert (wiki.began, wiki.ended, wiki.out_s, wiki.out_now) == (None, None, 0, False)


def test_what_nobody_saw_is_never_counted_as_up() -> None:
    (told,) = measured(seen("+     ?+"), since=NOW)
    assert (told.out_s, told.unseen_s) == (0, 6)
    (out,) = measured(seen("+x   ?+"), since=NOW)
    assert (out.out_s, out.unseen_out_s, out.unseen_s) == (5, 4, 0)


def test_a_check_that_is_late_by_one_is_no_gap() -> None:
    (wiki,) = measured(seen("+ ++"), since=NOW)
    assert wiki.unseen_s == 0


def test_a_gap_before_the_first_check_is_told() -> None:
    (wiki,) = measured(seen("    ++"), since=NOW)
    assert (wiki.unseen_s, wiki.span_s) == (3, 5)


def test_services_are_told_apart_and_only_their_names_count() -> None:
    samples = [*seen("xx+", "wiki"), *seen("+++", "git"), *seen("xxx", "mail", "old")]
    git, wiki = measured(samples, since=NOW)
    assert (git.service, git.out_s) == ("git", 0)
    assert (wiki.service, wiki.out_s) == ("wiki", 2)


def test_what_was_before_the_moment_does_not_count() -> None:
    (wiki,) = measured(seen("xx+x+"), since=NOW + timedelta(seconds=2))
    assert (wiki.out_s, wiki.span_s) == (1, 2)


def test_of_several_checks_at_one_moment_the_worst_counts() -> None:
    (wiki,) = measured([*seen("++++"), *seen("+x?+")], since=NOW)
    assert (wiki.out_s, wiki.unseen_out_s) == (2, 1)


def test_a_strip_has_a_state_for_each_of_the_last_seconds() -> None:
    samples = [*seen("+x?", side="old"), *seen("xxx", side="new"), *seen("xxx", "git", "old")]
    now = NOW + timedelta(seconds=4, milliseconds=300)
    assert strip(samples, "old", "wiki", 5, now) == ("nothing", "ok", "bad", "unknown", "nothing")
    assert strip(samples, "old", "wiki", 2, now) == ("unknown", "nothing")
