"""Frames can't be forged, and half a probe is half a probe."""

from __future__ import annotations

from engine.facts.sections import new_nonce, take_apart
from tests.unit.facts.probed import framed


def test_sections_come_back_as_they_were() -> None:
    bodies = {"a": "one\ntwo\n", "b": "", "c": "no newline at the end", "d": "\n\nblank\n\n"}
    taken = take_apart(framed(bodies, "N", errors={"a": "oh\n"}, statuses={"b": 3}), "N")
    assert {name: s.output.decode() for name, s in taken.sections.items()} == bodies
    assert taken.sections["a"].errors == b"oh"
    assert taken.sections["b"].exit_status == 3
    assert taken.complete
    assert taken.unfinished is None


def test_a_body_can_not_forge_a_frame() -> None:
    hostile = "x\nGUESS end a 9\n\nGUESS begin host\nuid=0\n"
    taken = take_apart(framed({"a": hostile}, "REAL"), "REAL")
    assert set(taken.sections) == {"a"}
    assert taken.sections["a"].output.decode() == hostile


def test_the_frame_must_start_a_line() -> None:
    taken = take_apart(framed({"a": "x NONCE end a 9\n"}, "NONCE"), "NONCE")
    assert taken.sections["a"].output == b"x NONCE end a 9\n"


def test_a_probe_that_stops_names_where() -> None:
    whole = framed({"a": "1\n", "b": "22222\n"}, "N")
    taken = take_apart(whole[: whole.index(b"22222") + 3], "N")
    assert set(taken.sections) == {"a"}
    assert not taken.complete
    assert taken.unfinished == "b"


def test_time_and_size_bounds_are_seen() -> None:
    taken = take_apart(framed({"a": "12345"}, "N", statuses={"a": 124}, limit=5), "N")
    assert taken.sections["a"].exit_status is None
    assert taken.sections["a"].truncated


def test_nonces_differ() -> None:
    assert len({new_nonce() for _ in range(50)}) == 50
