"""How old apt's package lists are, from the times of their files, and which of them are missing.

A fetched Release file gets the archive's own modification time, but a new change time at each
update that reached its archive, also when the archive had nothing new (apt's acquire-item.cc
renames it); a failed update leaves it alone, and leaves the lists of former sources where they
are. Seen with apt 2.6 and 3.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from engine.programs.lines import cleaned_lines, whole_number

_STAMPS = ("/update-success-stamp", "/update-stamp")
_RELEASES = ("_InRelease", "_Release")
LAGGING_S = 86_400
"""Seconds behind the others after which one archive's list is said to lag."""
State = Literal["here", "missing", "empty", "optional"]
_STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Target:
    """A list that a configured source wants (apt-get(8), indextargets).

    Attributes:
        state: ``missing`` is what should be here; ``empty`` what the archive has nothing in;
            ``optional`` a missing one that few archives have.
        base: What the name of the Release file begins with.
        source: The source without its component, for a person to read.
        part: Component and architecture, likewise.
    """

    state: State
    base: str
    source: str
    part: str


@dataclass(frozen=True, slots=True)
class Lists:
    """When the lists were last refreshed (seconds since 1970), and which lag far behind.

    ``present`` tells whether any source has a list; without one apt finds nothing to upgrade.
    ``missing`` names the configured sources that have none.
    """

    present: bool
    refreshed_at: int | None
    lagging: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def parse_targets(output: bytes) -> tuple[Target, ...] | None:
    """Read the section ``targets``; None where it doesn't tell of every configured source."""
    found = []
    whole = False
    for line in cleaned_lines(output):
        whole = whole or line == "seen=all"
        words = line.removeprefix("target=").split("|", 5)
        if not line.startswith("target=") or len(words) != 6:
            continue
        state = next((known for known in _STATES if known == words[0]), None)
        if state is None:
            return None
        _, base, suite, component, architecture, site = words
        found.append(
            Target(state, base, f"{site} {suite}", f"{component} ({architecture})".strip())
        )
    return tuple(found) if whole else None


def parse(output: bytes, targets: tuple[Target, ...] | None = None) -> Lists:
    """Read the section ``lists``; None as the time where nothing tells it.

    Args:
        targets: What is configured; lists of other sources don't count. None: all do.
    """
    releases: dict[str, int] = {}
    stamps: list[int] = []
    present = False
    for line in cleaned_lines(output):
        present = present or line.startswith("any=")
        words = line.split(" ", 2)
        if len(words) != 3 or (moment := whole_number(words[1], 2**40)) is None:
            continue
        if words[0] == "release":
            releases[words[2].rpartition("/")[2]] = moment
        elif words[0] == "time" and words[2].endswith(_STAMPS):
            stamps.append(moment)
    present = present or bool(releases)
    missing: tuple[str, ...] = ()
    if targets is not None:
        wanted = {target.base + end for target in targets for end in _RELEASES}
        releases = {name: at for name, at in releases.items() if name in wanted}
        compared, missing = _compare(targets, releases)
        present = present and compared
    if not present:
        return Lists(False, None, (), missing)
    if releases:
        newest = max(releases.values())
        lagging = sorted(name for name, at in releases.items() if newest - at > LAGGING_S)
        return Lists(True, newest, tuple(lagging), missing)
    return Lists(True, max(stamps, default=None), (), missing)


def _compare(targets: tuple[Target, ...], releases: dict[str, int]) -> tuple[bool, tuple[str, ...]]:
    """Whether any configured source has a list, and the sources that have none."""
    fetched = {t.base for t in targets if any(t.base + end in releases for end in _RELEASES)}
    # A source that isn't signed at all has lists without a Release file.
    fetched |= {t.base for t in targets if t.state == "here"}
    asked = [t for t in targets if t.state != "optional"] or targets
    present = any(t.base in fetched and t.state != "missing" for t in asked)
    missing = {t.source for t in asked if t.base not in fetched}
    missing |= {f"{t.source} {t.part}" for t in asked if t.base in fetched and t.state == "missing"}
    # A disc isn't fetched from: a refresh would not help.
    return present, tuple(sorted(name for name in missing if not name.startswith("cdrom:")))
