"""Reading what GRUB boots by itself."""

from __future__ import annotations

import pytest

from engine.model.facts import GrubMenu
from engine.programs.grub import parse

ENTRIES = b"entry=6.1.0-25-amd64 a>gnulinux-6.1.0-25-amd64-advanced-1\nentry=6.1.0-18-amd64 a>b\n"
RELEASES = ("6.1.0-25-amd64", "6.1.0-18-amd64")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", None),
        (b"saved=yes\nwrites=yes\n", None),
        (ENTRIES, GrubMenu(RELEASES, saved=False, newest=True, writes=False)),
        (b"saved=yes\nsaved_entry=\nwrites=yes\n" + ENTRIES,
         GrubMenu(RELEASES, saved=True, newest=True, writes=True)),
        (b"saved=yes\nsaved_entry=0\nwrites=no\n" + ENTRIES,
         GrubMenu(RELEASES, saved=True, newest=True, writes=False)),
        (b"saved=yes\nsaved_entry=gnulinux-simple-1\nwrites=yes\n" + ENTRIES,
         GrubMenu(RELEASES, saved=True, newest=False, writes=True)),
        (b"saved=yes\nsaved_entry=a>b\nwrites=yes\nours=yes\n" + ENTRIES,
         GrubMenu(RELEASES, saved=True, newest=True, writes=True)),
        (b"\x1b[2Jsaved=yes\nentry=\xff\n" + ENTRIES,
         GrubMenu(("\ufffd", *RELEASES), saved=True, newest=True, writes=False)),
    ],
)  # fmt: skip
def test_a_menu(said: bytes, expected: GrubMenu | None) -> None:
    assert parse(said) == expected
