"""What forbids that data move by files between two servers, and what is only told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.preflight import Preflight
from engine.preflight.successor import differences
from tests.unit.preflight.test_judge import POSTGRES, VOLUME, found, ready

PATHS = ("/srv/git",)
OTHER_ENGINE = replace(POSTGRES, version="17")


def new(**fields: Any) -> Preflight:
    """The successor, with room for the data."""
    return found(**{"volumes": (replace(VOLUME, free_bytes=10**10),), **fields})


def stops(before: Preflight, now: Preflight, paths: tuple[str, ...] = PATHS) -> tuple[str, ...]:
    return differences(before, now, ready(), paths)[0]


def test_what_is_there_already_is_room() -> None:
    full = replace(VOLUME, free_bytes=10, used_bytes=VOLUME.used_bytes)
    assert stops(found(), new(volumes=(full,))) == ()


def test_two_alike_have_nothing_to_tell() -> None:
    assert differences(found(), new(), ready(), PATHS) == ((), ())


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (found(), new(rsync=""), "rsync isn't installed"),
        (found(databases=(POSTGRES,)), new(libc="glibc 2.41"), "sorted with glibc 2.36"),
        (found(databases=(POSTGRES,)), new(icu=("76",)), "may be sorted with 72"),
        (
            found(databases=(POSTGRES,)),
            new(databases=(OTHER_ENGINE,)),
            "of version 15, and the successor has 17",
        ),
        (
            found(),
            new(volumes=(replace(VOLUME, free_bytes=10**6, used_bytes=0),)),
            "holds 1200 MB",
        ),
    ],
)
def test_what_forbids_a_copy_of_files(before: Preflight, now: Preflight, words: str) -> None:
    (said,) = stops(before, now)
    assert words in said


def test_what_moves_by_a_script_is_only_told() -> None:
    before, now = found(databases=(POSTGRES,)), new(libc="glibc 2.41", databases=(OTHER_ENGINE,))
    assert stops(before, now, paths=()) == ()
    _, tells = differences(before, now, ready(), ())
    assert tells == (
        "C library: glibc 2.36 on server1, glibc 2.41 on the successor.",
        "gitlab: postgresql 15 on server1, 17 on the successor.",
    )


def test_unknown_forbids_nothing_by_a_guess() -> None:
    blank = new(libc=None, rsync=None, volumes=(), accounts=None, ipv6=None)
    assert stops(found(databases=(POSTGRES,)), blank) == ()


def test_an_address_family_less_is_told() -> None:
    assert differences(found(), new(ipv6=False), ready(), PATHS)[1] == (
        "The successor speaks no IPv6.",
    )
