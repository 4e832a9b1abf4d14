"""Which data are in force: the bundled ones, or newer ones that were fetched onto this machine.

Fetched ones lie in ``<state_dir>/published/NAME.json``, in the form of the bundled files. One that
can't be read, or is no newer than the bundled one, counts for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from engine.model.facts import Cve, EndedSupport, OperatingSystem

PREDICTED_FROM: Final = 0.36
"""The chance by EPSS from which a hole counts as if it were known to be exploited: where its F1 is
best, as the authors of cvss-bt found."""
KEV_OLD_DAYS: Final = 30
"""After so many days the list of exploited holes should be fetched again. A judgement."""
CVE_ID: Final = re.compile(r"CVE-(\d{4})-(\d{1,19})", re.ASCII)
Ids = Mapping[str, frozenset[int]]
Ends = Mapping[str, Mapping[str, date]]


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """What is known today of holes and releases.

    Attributes:
        kev: CISA's known exploited vulnerabilities: numbers by year; kev_date: its day.
        predicted: Those with an EPSS of `PREDICTED_FROM` or more; None: never fetched.
        vectors: CVSS vectors by CVE; None where there is no record, or none of version 3.
        support_ends: Last day with security updates, by system and version.
        early: Source packages whose support ends before their release's, with that day, by version
            of Debian; a name that ends with ``.*`` stands for all that begin so. None: never
            fetched.
    """

    kev: Ids
    kev_date: date
    support_ends: Ends
    support_date: date
    predicted: Ids | None = None
    predicted_date: date | None = None
    vectors: Mapping[str, str | None] = field(default_factory=dict)
    early: Ends | None = None

    def cve(self, cve_id: str) -> Cve:
        """A hole with what is known of it."""
        return Cve(
            cve_id,
            self.vectors.get(cve_id),
            exploited=has(self.kev, cve_id),
            predicted=self.predicted is not None and has(self.predicted, cve_id),
        )

    def end_of_support(self, system: OperatingSystem) -> date | None:
        """The last day with security updates that come without a subscription; None if unknown."""
        return self.support_ends.get(system.id or "", {}).get(system.version_id or "")

    def ended(self, system: OperatingSystem, sources: Iterable[str]) -> tuple[EndedSupport, ...]:
        """Which of these source packages of a Debian host are supported for less long than it."""
        listed = (
            (self.early or {}).get(system.version_id or "", {}) if system.id == "debian" else {}
        )
        begins = [(name[:-2], day) for name, day in listed.items() if name.endswith(".*")]
        found = {}
        for source in sources:
            days = [day for prefix, day in begins if source.startswith(prefix)]
            if source in listed:
                days.append(listed[source])
            if days:
                found[source] = min(days)
        return tuple(EndedSupport(source, day) for source, day in sorted(found.items()))


def has(ids: Ids, cve_id: str) -> bool:
    """Whether a list has this CVE."""
    found = CVE_ID.fullmatch(cve_id)
    return found is not None and int(found[2]) in ids.get(found[1], frozenset())


def by_year(ids: Iterable[str]) -> dict[str, list[int]]:
    """CVEs as the files have them: sorted numbers by year.

    Raises:
        ValueError: one is no CVE.
    """
    years: dict[str, set[int]] = {}
    for one in ids:
        found = CVE_ID.fullmatch(one)
        if found is None:
            raise ValueError(f"{one[:40]!r} is no CVE")
        years.setdefault(found[1], set()).add(int(found[2]))
    return {year: sorted(numbers) for year, numbers in sorted(years.items())}


@cache
def bundled() -> Published:
    """What comes with hostshift."""
    kev = json.loads(_packaged("engine.published", "data", "kev.json"))
    support = json.loads(_packaged("engine.published", "data", "support.json"))
    return Published(
        kev=_ids(kev),
        kev_date=date.fromisoformat(kev["date"]),
        support_ends=_ends(support),
        support_date=date.fromisoformat(support["date"]),
    )


def published(state_dir: Path) -> Published:
    """What is in force on this machine; never raises, whatever the files hold."""
    home = state_dir / "published"
    return _published(home, tuple(_stamp(home / f"{name}.json") for name in FETCHED))


FETCHED: Final = ("kev", "epss", "cvss", "support", "packages")


def fetched(state_dir: Path, name: str) -> Mapping[str, Any] | None:
    """A fetched file; None where there is none that can be read."""
    try:
        document = json.loads((state_dir / "published" / f"{name}.json").read_text("utf-8"))
        date.fromisoformat(document["date"])
        _READ[name](document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)


@lru_cache(maxsize=8)  # a look at each of thousands of hosts asks again
def _published(home: Path, stamps: tuple[tuple[int, int, int], ...]) -> Published:
    del stamps  # only what tells that the files are other ones
    now = bundled()
    found = {name: document for name in FETCHED if (document := fetched(home.parent, name))}
    if "kev" in found and (day := date.fromisoformat(found["kev"]["date"])) > now.kev_date:
        now = replace(now, kev=_ids(found["kev"]), kev_date=day)
    if "support" in found and (day := date.fromisoformat(found["support"]["date"])) > (
        now.support_date
    ):
        now = replace(now, support_ends=_ends(found["support"]), support_date=day)
    if "epss" in found:
        day = date.fromisoformat(found["epss"]["date"])
        now = replace(now, predicted=_ids(found["epss"]), predicted_date=day)
    if "packages" in found:
        now = replace(now, early=_ends(found["packages"]))
    if "cvss" in found:
        now = replace(now, vectors=_vectors(found["cvss"]))
    return now


def _ids(document: Mapping[str, Any]) -> Ids:
    return {year: frozenset(map(int, numbers)) for year, numbers in document["cves"].items()}


def _vectors(document: Mapping[str, Any]) -> Mapping[str, str | None]:
    found = {cve: one["vector"] for cve, one in document["cves"].items()}
    if not all(vector is None or isinstance(vector, str) for vector in found.values()):
        raise ValueError("a vector is no text")
    return found


def _ends(document: Mapping[str, Any]) -> Ends:
    return {
        system: {version: date.fromisoformat(end) for version, end in releases.items()}
        for system, releases in document["support_ends"].items()
    }


_READ: Final = {"kev": _ids, "epss": _ids, "cvss": _vectors, "support": _ends, "packages": _ends}


def _packaged(package: str, *names: str) -> str:
    return resources.files(package).joinpath(*names).read_text("utf-8")
