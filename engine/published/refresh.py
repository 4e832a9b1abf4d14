"""Fetching published data anew: over HTTP, verified before they count, the former kept if not.

The only importer of httpx besides the health checks. Proxies are those of the environment
(``HTTPS_PROXY``), as for any program that fetches something from the internet.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from engine.files import write_whole
from engine.published import reading
from engine.published.in_force import bundled, fetched, published
from engine.published.sources import SOURCES, Source
from engine.text import clean_line

if TYPE_CHECKING:
    import httpx

DEADLINE_S: Final = 120.0
"""For one document, whole; for all records of holes together five times as long."""
LARGEST: Final = 40_000_000
"""Bytes of one document as it comes."""
AT_ONCE: Final = 8
MOST_RECORDS: Final = 2_000
"""Records that are asked for in one go."""
OLDEST: Final = 9
"""The first release of Debian of which there is a file of packages whose support ended early."""
ASK_AGAIN_DAYS: Final = 30
"""A hole's vector may be given or changed later: so long it isn't asked for again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one source.

    Attributes:
        state: ``newer``: it counts from now on; ``unchanged``: what is here is as new;
            ``failed``: what was here before stays in force.
        said: More about it, for a person.
    """

    name: str
    state: Literal["newer", "unchanged", "failed"]
    of: date | None
    said: str


class _FailedError(Exception):
    """With words for a person."""


async def refresh(
    state_dir: Path,
    today: date,
    cves: Iterable[str] = (),
    names: Sequence[str] = (),
    addresses: Mapping[str, str] | None = None,
) -> tuple[Outcome, ...]:
    """Fetch these sources, each for itself: one that fails keeps no other from being had.

    Args:
        cves: Holes whose vectors are wanted: those of pending updates.
        names: Of sources; none: all.
        addresses: Other places than the publishers', by the inventory's key.
    """
    import httpx

    wanted = [source for source in SOURCES if not names or source.name in names]
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(
        follow_redirects=True, timeout=30.0, limits=limits, headers={"User-Agent": "hostshift"}
    ) as client:
        fetch = _Fetch(client, state_dir, today, frozenset(cves), dict(addresses or {}))
        return tuple(await asyncio.gather(*(fetch.source(source) for source in wanted)))


@dataclass(frozen=True, slots=True)
class _Fetch:
    client: httpx.AsyncClient
    state_dir: Path
    today: date
    cves: frozenset[str]
    addresses: Mapping[str, str]

    async def source(self, source: Source) -> Outcome:
        """One source; never raises for what is outside of this machine, or a full disk on it."""
        ways: dict[str, Callable[[Source], Awaitable[Outcome]]] = {
            "kev": self._listed,
            "epss": self._listed,
            "cvss": self._vectors,
            "support": self._support,
            "packages": self._packages,
        }
        try:
            return await ways[source.name](source)
        except _FailedError as error:
            return Outcome(source.name, "failed", None, str(error))
        except OSError as error:
            why = f"it can't be kept: {error.strerror or error}"
            return Outcome(source.name, "failed", None, why)

    def _address(self, source: Source, key: str) -> str:
        return self.addresses.get(key, source.addresses[key])

    async def _listed(self, source: Source) -> Outcome:
        address = self._address(source, source.name)
        read = {"kev": reading.kev, "epss": reading.epss}[source.name]
        document = await _read(read, await self._get(address), address)
        of = date.fromisoformat(document["date"])
        if of > self.today:
            raise _FailedError(f"{address} is of {of}, which is yet to come")
        now = published(self.state_dir)
        had = now.kev_date if source.name == "kev" else now.predicted_date
        if had is not None and of <= had:
            word = "as new" if of == had else f"newer, of {had}"
            return Outcome(source.name, "unchanged", had, f"what is here is {word}")
        self._keep(source, address, document)
        number = sum(map(len, document["cves"].values()))
        return Outcome(source.name, "newer", of, f"{number} holes")

    async def _support(self, source: Source) -> Outcome:
        places = [self._address(source, key) for key in ("debian", "ubuntu")]
        debian, ubuntu = [await self._get(place) for place in places]
        had = published(self.state_dir).support_ends
        known = {**bundled().support_ends, **had}
        ends = await _read(lambda data: reading.support(data, ubuntu, known), debian, places[0])
        number = sum(map(len, ends.values()))
        self._keep(source, " ".join(places), {"date": self.today.isoformat(), "support_ends": ends})
        as_it_was = {s: {v: d.isoformat() for v, d in r.items()} for s, r in had.items()}
        state: Literal["newer", "unchanged"] = "unchanged" if ends == as_it_was else "newer"
        return Outcome(source.name, state, self.today, f"{number} releases")

    async def _packages(self, source: Source) -> Outcome:
        """A file for each release of Debian; a new one has none before its first package ends."""
        address = self._address(source, "packages")
        had = published(self.state_dir).early or {}
        ends = {}
        for version in published(self.state_dir).support_ends["debian"]:
            if not version.isdecimal() or int(version) < OLDEST:
                continue
            place = f"{address}{version}"
            data = await self._get(place, missing=True)
            if data is not None:
                ends[version] = await _read(reading.early, data, place)
            elif version in had:
                raise _FailedError(f"{place} is gone")
        if not ends:
            raise _FailedError(f"{address} has a file for no release")
        number = sum(map(len, ends.values()))
        document = {"date": self.today.isoformat(), "support_ends": ends}
        self._keep(source, address, document)
        as_it_was = {v: {name: d.isoformat() for name, d in r.items()} for v, r in had.items()}
        state: Literal["newer", "unchanged"] = "unchanged" if ends == as_it_was else "newer"
        return Outcome(source.name, state, self.today, f"{number} packages")

    async def _vectors(self, source: Source) -> Outcome:
        kept = dict((fetched(self.state_dir, "cvss") or {}).get("cves", {}))
        lacking = sorted(cve for cve in self.cves if self._is_due(kept.get(cve)))[:MOST_RECORDS]
        address = self._address(source, source.name)
        if not lacking:
            said = "of all holes that pending updates name" if self.cves else _NONE_NAMED
            return Outcome(source.name, "unchanged", None, said)
        gate = asyncio.Semaphore(AT_ONCE)
        failures: list[str] = []
        had = 0

        async def one(cve: str) -> None:
            nonlocal had
            async with gate:
                if len(failures) >= AT_ONCE:
                    return  # the rest would fail the same way, each after its own deadline
                try:
                    place = f"{address}/{cve}"
                    data = await self._get(place, missing=True)
                    found = (
                        None
                        if data is None
                        else await _read(lambda text: reading.vector(text, cve), data, place)
                    )
                except _FailedError as error:
                    failures.append(str(error))
                else:
                    kept[cve] = {"vector": found, "asked": self.today.isoformat()}
                    had += 1

        try:
            async with asyncio.timeout(5 * DEADLINE_S):
                await asyncio.gather(*(one(cve) for cve in lacking))
        except TimeoutError:
            failures.append("the time was over, ask again for the rest")
        self._keep(source, address, {"date": self.today.isoformat(), "cves": kept})
        if failures:
            raise _FailedError(f"{failures[0]} ({had} of {len(lacking)} records were had)")
        with_one = sum(kept[cve]["vector"] is not None for cve in lacking)
        return Outcome(
            source.name, "newer", self.today, f"{with_one} of {len(lacking)} holes have a vector"
        )

    def _is_due(self, kept: object) -> bool:
        if not isinstance(kept, Mapping):
            return True
        try:
            age = self.today - date.fromisoformat(str(kept.get("asked")))
        except ValueError:
            return True
        return not 0 <= age.days < ASK_AGAIN_DAYS

    async def _get(self, address: str, *, missing: bool = False) -> Any:
        """The bytes there; None for a 404 where one may be ``missing``."""
        import httpx

        found = bytearray()
        try:
            async with asyncio.timeout(DEADLINE_S), self.client.stream("GET", address) as response:
                if response.status_code == 404 and missing:
                    return None
                if response.status_code != 200:
                    raise _FailedError(f"{address} answered with status {response.status_code}")
                async for part in response.aiter_bytes():
                    found += part
                    if len(found) > LARGEST:
                        raise _FailedError(f"{address} is larger than {LARGEST} bytes")
        except TimeoutError as error:
            raise _FailedError(f"{address} did not end within {DEADLINE_S:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            why = clean_line(str(error) or type(error).__name__, 200)
            raise _FailedError(f"{address} can't be had: {why}") from error
        return bytes(found)

    def _keep(self, source: Source, address: str, document: Mapping[str, Any]) -> None:
        whole = {"source": address, "licence": source.licence, **document}
        text = json.dumps(whole, sort_keys=True)
        write_whole(self.state_dir / "published" / f"{source.name}.json", text.encode())


_NONE_NAMED = "no pending update names a hole yet: `hostshift changelog HOST` asks for that"


async def _read(parse: Callable[[bytes], Any], data: bytes, address: str) -> Any:
    try:
        return await asyncio.to_thread(parse, data)
    except (ValueError, TypeError, KeyError) as error:
        raise _FailedError(f"{address} is refused: {clean_line(str(error), 200)}") from error
