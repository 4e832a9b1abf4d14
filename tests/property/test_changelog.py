"""The parser of changelogs: whatever a host prints, only what lies between two versions is told."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.programs.debian_changelog import between
from engine.programs.debian_version import DebianVersion
from engine.text import clean

CALM = settings(deadline=None, max_examples=150)
versions = st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}(~rc[0-9])?-[0-9]", fullmatch=True)
ids = st.integers(1, 99_999).map(lambda n: f"CVE-2026-{n:04d}")
entries = st.lists(
    st.tuples(versions, st.lists(ids, max_size=3), st.integers(1, 999)),
    min_size=1, max_size=8, unique_by=lambda one: DebianVersion(one[0]),
).map(lambda found: sorted(found, key=lambda one: DebianVersion(one[0]), reverse=True))  # fmt: skip


def written(version: str, cves: list[str], bug: int) -> str:
    return (
        f"tool ({version}) stable-security; urgency=HIGH\n\n  * Fix {' and '.join(cves)}.\n"
        f"    (Closes:\n     #{bug})\n\n -- A <a@b.test>  Mon, 02 Nov 2026 23:30:00 -0500\n\n"
    )


@CALM
@given(entries, st.data())
def test_what_lies_between_two_versions_is_told_whole(
    made: list[tuple[str, list[str], int]], data: st.DataObject
) -> None:
    low = data.draw(st.integers(0, len(made) - 1))
    high = data.draw(st.integers(0, low))
    text = "".join(written(*one) for one in made)
    found = between(text.encode(), made[low][0], made[high][0])
    assert found.complete
    assert [entry.version for entry in found.entries] == [one[0] for one in made[high:low]]
    for entry, (_, cves, bug) in zip(found.entries, made[high:low], strict=True):
        assert entry.cves == tuple(dict.fromkeys(cves))
        assert entry.closes == (bug,)
        assert entry.urgency == "high"
        assert entry.written == date(2026, 11, 2)


@CALM
@given(entries, st.integers(0, 2_000))
def test_a_text_that_was_cut_never_claims_to_be_whole(
    made: list[tuple[str, list[str], int]], at: int
) -> None:
    whole = "".join(written(*one) for one in made).encode()
    cut = between(whole[:at], "0.0~", made[0][0])
    assert not cut.complete, "nothing in it is as old as the installed version"
    full = between(whole, "0.0~", made[0][0]).entries
    assert [e.version for e in cut.entries] == [e.version for e in full[: len(cut.entries)]]


@CALM
@given(st.binary(max_size=3_000), versions, versions)
def test_anything_is_read_and_nothing_of_it_reaches_a_terminal_raw(
    output: bytes, installed: str, candidate: str
) -> None:
    head = f"tool ({candidate}) x; urgency=low\n".encode()
    for entry in between(head + output, installed, candidate).entries:
        for line in entry.lines:
            assert clean(line) == line


def test_what_is_no_changelog_has_no_entries() -> None:
    assert between(b"Get:1 http://x Changelog\nE: Failed\n", "1", "2").entries == ()


def test_a_rebuild_of_the_same_source_changes_nothing() -> None:
    found = between(written("1.0-1", ["CVE-2026-0001"], 5).encode(), "1.0-1", "1.0-1+b1")
    assert (found.entries, found.complete) == ((), True)
