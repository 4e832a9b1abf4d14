"""Parsers of host-side programs are total: no bytes make them raise, hang or keep control text."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts import common
from engine.facts.sections import take_apart
from engine.families.protocol import Section
from engine.families.registry import FAMILIES
from engine.programs.debian_version import DebianVersion
from engine.text import clean
from tests.unit.programs.parsers import PARSERS

DATA = Path(__file__).parents[1] / "unit" / "programs" / "data"
SAMPLES = {name: [case.read_bytes() for case in DATA.glob(f"{name}/*.txt")] for name in PARSERS}
HOSTILE = [
    b"\x1b]0;x\x07",
    b"\x9b2J",
    b"\xc2\x9b",
    b"\r",
    b"\0",
    b"\xff",
    b"[red]",
    b"\xe2\x80\xae",
]


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A real output with pieces cut out, repeated, and hostile bytes put in."""
    data = draw(st.sampled_from(SAMPLES[name]))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 40)))
        piece = draw(st.sampled_from(HOSTILE) | st.binary(max_size=12) | st.just(data[at:to] * 2))
        data = data[:at] + piece + data[to:]
    return data


def texts(value: Any) -> Iterator[str]:
    """Every string inside a parser's answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts(inner)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))


@pytest.mark.parametrize("name", sorted(PARSERS))
@given(data=st.data())
def test_damaged_output_never_raises_and_comes_out_clean(name: str, data: st.DataObject) -> None:
    output = data.draw(damaged(name) | st.binary(max_size=300))
    errors = data.draw(st.binary(max_size=60))
    answer = PARSERS[name](output, errors, data.draw(st.sampled_from([0, 0, 0, 1, 100])))
    for text in texts(answer):
        assert clean(text) == text


@pytest.mark.parametrize("name", sorted(PARSERS))
@pytest.mark.parametrize(
    "pattern",
    [
        b"Inst a (",
        b"[[[[",
        b"'",
        b"((((",
        b" ",
        b"a" * 50,
        b"1.",
        b"\x1b[",
        b"x=1\n",
        b"Inst a [1] (2 x:y/z [i]) [\n",
    ],
)
def test_large_odd_output_takes_bounded_time(name: str, pattern: bytes) -> None:
    output = pattern * (2_000_000 // len(pattern))
    started = time.process_time()
    PARSERS[name](output, output[:8_000], 0)
    assert time.process_time() - started < 8


NAMES = (
    *(
        "host",
        "os-release",
        "kernel",
        "dpkg",
        "lists",
        "targets",
        "upgradable",
        "upgrade",
        "dist-upgrade",
    ),
    *("units", "updaters", "periodic", "lock", "containers", "rpm-ostree", "needrestart"),
    *("filesystems", "dpkg-kernels", "dpkg-lock", "dpkg-journal", "sources", "upgrade-size"),
    *("conffiles", "running-services", "unit-files", "service-acts", "fix-broken"),
)
SECTIONS = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(
        Section,
        name=st.just("any"),
        output=st.sampled_from([text for cases in SAMPLES.values() for text in cases])
        | st.binary(max_size=100),
        exit_status=st.sampled_from([0, 0, 1, None]),
        truncated=st.booleans(),
        errors=st.binary(max_size=30),
    ),
)


@given(sections=SECTIONS, full=st.booleans())
def test_families_never_raise_on_any_sections(sections: dict[str, Section], full: bool) -> None:
    taken_at = datetime(2026, 11, 23, tzinfo=UTC)
    facts = common.observe("h", sections, "full" if full else "light", taken_at)
    for family in FAMILIES:
        family.recognises(sections)
        _, problems = family.observe(sections, facts)
        assert all(problem.message and problem.hint for problem in problems)


@given(st.binary(max_size=400), st.sampled_from(["N", "aa"]))
def test_taking_apart_never_raises(output: bytes, nonce: str) -> None:
    pieces = [b"\nN begin a\n", b"\nN tail a\n", b"\nN status 0\n", b"\nN end a 9\n", b"\nN done\n"]
    take_apart(output, nonce)
    for piece in pieces:
        take_apart(output[:50] + piece + output[50:], "N")


VERSIONS = st.text("0123456789abz.+~-:", max_size=12)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_versions_are_totally_ordered(one: str, two: str, three: str) -> None:
    a, b, c = DebianVersion(one), DebianVersion(two), DebianVersion(three)
    assert (a < b) + (b < a) + (a == b) == 1
    if a < b and b < c:
        assert a < c
