"""Where published data come from, under which licence, and how old they are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from engine.published.in_force import KEV_OLD_DAYS, bundled, fetched, published


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of published data.

    Attributes:
        name: As ``hostshift data refresh`` takes it.
        what: In a few words.
        addresses: Where each of its documents is, by the inventory's key in ``[data]``.
        old_days: After so many days it should be fetched again. A judgement.
    """

    name: str
    what: str
    licence: str
    addresses: Mapping[str, str]
    old_days: int


_CISA = "https://www.cisa.gov/sites/default/files/feeds"
_SALSA = "https://salsa.debian.org/debian"
_DISTRO_INFO = "https://debian.pages.debian.net/distro-info-data"
SOURCES: Final = (
    Source(
        "kev",
        "holes that are known to be exploited (CISA)",
        "CC0-1.0",
        {"kev": f"{_CISA}/known_exploited_vulnerabilities.json"},
        KEV_OLD_DAYS,
    ),
    Source(
        "epss",
        "holes that are expected to be exploited soon (FIRST, EPSS)",
        "free with attribution",
        {"epss": "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"},
        30,
    ),
    Source(
        "cvss",
        "CVSS vectors of the holes that pending updates close (OSV)",
        "CC-BY-4.0",
        {"cvss": "https://api.osv.dev/v1/vulns"},
        30,
    ),
    Source(
        "support",
        "ends of support (Debian's distro-info-data)",
        "ISC",
        {"debian": f"{_DISTRO_INFO}/debian.csv", "ubuntu": f"{_DISTRO_INFO}/ubuntu.csv"},
        365,
    ),
    Source(
        "packages",
        "packages whose support ends early (Debian's debian-security-support)",
        "GPL-2.0",
        {"packages": f"{_SALSA}/debian-security-support/-/raw/master/security-support-ended.deb"},
        30,
    ),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Data as they are in force here.

    Attributes:
        of: The day that they speak of, or were asked for; None: there are none.
        fetched: They were fetched, and aren't those that come with hostshift.
        number: Entries: holes, vectors, releases.
    """

    source: Source
    of: date | None
    fetched: bool
    number: int

    def is_old(self, today: date) -> bool:
        """It should be fetched again."""
        return self.of is not None and (today - self.of).days > self.source.old_days


def standing(state_dir: Path) -> tuple[Standing, ...]:
    """What is in force of each source, in the order of `SOURCES`."""
    now, own = published(state_dir), bundled()
    asked, early = fetched(state_dir, "cvss"), fetched(state_dir, "packages")
    days = {
        "kev": (now.kev_date, now.kev is not own.kev, _size(now.kev)),
        "epss": (now.predicted_date, now.predicted is not None, _size(now.predicted or {})),
        "cvss": (
            date.fromisoformat(asked["date"]) if asked else None,
            asked is not None,
            sum(one is not None for one in now.vectors.values()),
        ),
        "support": (
            now.support_date,
            now.support_ends is not own.support_ends,
            sum(map(len, now.support_ends.values())),
        ),
        "packages": (
            date.fromisoformat(early["date"]) if early else None,
            early is not None,
            sum(map(len, (now.early or {}).values())),
        ),
    }
    return tuple(Standing(source, *days[source.name]) for source in SOURCES)


def _size(ids: Mapping[str, frozenset[int]]) -> int:
    return sum(map(len, ids.values()))
