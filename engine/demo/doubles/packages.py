"""dpkg's database and apt's lists of a demo host, and what an upgrade would change.

Plain classes: a double is started anew for each command, and dataclasses would double the time
that takes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from .state import LISTS, ROOT, STATUS, Stanza, lines_of, read_stanzas, replace_file, stanza_text
from .versions import compare, newest, satisfies

Key = tuple[str, str]
"""Name and architecture."""
_RELATION = re.compile(r"^(\S+?)(?::\w+)?(?:\s*\((<<|<=|=|>=|>>)\s*([^)\s]+)\))?$")
_GOOD = "installed"


@functools.cache
def native() -> str:
    """The host's own architecture."""
    return (lines_of(ROOT / "var/lib/dpkg/arch-native") or ["amd64"])[0]


def _key(fields: Stanza) -> Key:
    arch = fields["Architecture"]
    return fields["Package"], native() if arch == "all" else arch


class Installed:
    """One package of dpkg's status file."""

    def __init__(self, fields: Stanza) -> None:
        self.fields = fields

    @property
    def key(self) -> Key:
        """Name and architecture; packages for all count as native, as in apt."""
        return _key(self.fields)

    @property
    def version(self) -> str:
        """The version on the host."""
        return self.fields.get("Version", "")

    @property
    def held(self) -> bool:
        """Whether dpkg's selection is hold."""
        return self.fields["Status"].startswith("hold ")

    @property
    def state(self) -> str:
        """dpkg's state, such as ``installed`` or ``half-configured``."""
        return self.fields["Status"].split()[2]

    @state.setter
    def state(self, value: str) -> None:
        want, flag, _ = self.fields["Status"].split()
        self.fields["Status"] = f"{want} {flag} {value}"

    @property
    def broken(self) -> bool:
        """Half done: neither properly there nor properly gone."""
        return self.state not in (_GOOD, "not-installed", "config-files")


class Available:
    """One version that the lists offer, with every release that offers it."""

    def __init__(self, fields: Stanza) -> None:
        self.fields = fields
        self.releases: list[Stanza] = []

    @property
    def key(self) -> Key:
        """Name and architecture; packages for all count as native, as in apt."""
        return _key(self.fields)

    @property
    def version(self) -> str:
        """The version on offer."""
        return self.fields["Version"]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return int(self.fields.get("Size", "0"))

    @property
    def security(self) -> bool:
        """Whether some origin is a security archive."""
        return any(r["Suite"].endswith("-security") for r in self.releases)

    def origins(self) -> str:
        """The releases as a simulation prints them: ``LABEL:VERSION/SUITE, ...``."""
        return ", ".join(
            f"{r['Label']}:{r['Version']}/{r['Suite']}"
            if r.get("Version")
            else f"{r['Label']}:{r['Suite']}"
            for r in self.releases
        )

    def uri(self) -> str:
        """Where it would be downloaded from."""
        release = self.releases[0]
        return f"{release['X-Demo-Base']}/{self.fields['Filename']}"


class Transaction:
    """What one act would change; nothing where nothing is told."""

    def __init__(self) -> None:
        self.upgrade: list[Available] = []
        self.install: list[Available] = []
        self.remove: list[Installed] = []
        self.kept: list[str] = []
        self.held: list[str] = []
        self.phased: list[str] = []


class Database:
    """What is installed and what is on offer."""

    def __init__(self) -> None:
        self.installed = {p.key: p for p in map(Installed, read_stanzas(STATUS))}
        self.available = _read_lists()

    def save(self) -> None:
        """Write dpkg's status file."""
        ordered = sorted(self.installed.values(), key=lambda package: package.key)
        replace_file(STATUS, "".join(stanza_text(package.fields) for package in ordered))

    def broken(self) -> list[Installed]:
        """Packages that are half done, by name."""
        return sorted((p for p in self.installed.values() if p.broken), key=lambda p: p.key)

    def candidate(self, key: Key) -> Available | None:
        """The newest version on offer."""
        return self.available.get(key)

    def upgradable(self) -> list[tuple[Installed, Available]]:
        """Installed packages with something newer on offer, by name."""
        pairs = [
            (package, offer)
            for package in self.installed.values()
            if package.state not in ("config-files", "not-installed")
            and (offer := self.candidate(package.key)) is not None
            and compare(offer.version, package.version) > 0
        ]
        return sorted(pairs, key=lambda pair: pair[0].key)

    def plan(self, *, new: bool, removals: bool, phased_too: bool = False) -> Transaction:
        """What an upgrade would change: with new packages or not, with removals or not."""
        chosen: dict[Key, Available] = {}
        found = Transaction()
        for package, offer in self.upgradable():
            percentage = int(offer.fields.get("Phased-Update-Percentage", "100"))
            if package.held:
                found.held.append(_pretty(package.key))
            elif percentage < 100 and not offer.security and not phased_too:
                found.phased.append(_pretty(package.key))
            else:
                chosen[package.key] = offer
        wanted = set(chosen)
        installs, gone = self._settle(chosen, new=new, removals=removals)
        found.upgrade = [chosen[key] for key in sorted(chosen)]
        found.install = sorted(installs, key=lambda offer: offer.key)
        found.remove = [self.installed[key] for key in sorted(gone)]
        found.kept = sorted(_pretty(key) for key in wanted - set(chosen) - gone)
        return found

    def _settle(
        self, chosen: dict[Key, Available], *, new: bool, removals: bool
    ) -> tuple[list[Available], set[Key]]:
        """Leave out, again and again, what can't be had as things stand."""
        while True:
            installs: dict[Key, Available] = {}
            gone: set[Key] = set()
            refused: Key | None = None
            for key, offer in chosen.items():
                more = self._needs(offer, chosen)
                breaks = self._breaks(offer, chosen)
                if more is None or (more and not new) or (breaks and not removals):
                    refused = key
                    break
                installs.update(more)
                gone |= breaks
            if refused is None:
                for key in gone:
                    chosen.pop(key, None)
                return list(installs.values()), gone
            del chosen[refused]

    def _needs(self, offer: Available, chosen: dict[Key, Available]) -> dict[Key, Available] | None:
        """New packages that a version depends on; None when it can't be satisfied."""
        more: dict[Key, Available] = {}
        for name, relation, version in _relations(offer.fields.get("Depends", "")):
            key = (name, native())
            have = self.installed.get(key)
            will = chosen[key].version if key in chosen else have.version if have else None
            if will is not None and (not relation or satisfies(will, relation, version)):
                continue
            found = self.candidate(key)
            if have is not None or found is None:
                return None
            if relation and not satisfies(found.version, relation, version):
                return None
            deeper = self._needs(found, chosen)
            if deeper is None:
                return None
            more[key] = found
            more.update(deeper)
        return more

    def _breaks(self, offer: Available, chosen: dict[Key, Available]) -> set[Key]:
        gone: set[Key] = set()
        for name, relation, version in _relations(offer.fields.get("Breaks", "")):
            key = (name, native())
            have = self.installed.get(key)
            if have is None or have.state == "config-files":
                continue
            will = chosen[key].version if key in chosen else have.version
            if not relation or satisfies(will, relation, version):
                gone.add(key)
        return gone


def _relations(text: str) -> Iterable[tuple[str, str, str]]:
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _RELATION.match(part)
        if match is not None:
            yield match.group(1), match.group(2) or "", match.group(3) or ""


def _pretty(key: Key) -> str:
    return key[0] if key[1] == native() else f"{key[0]}:{key[1]}"


pretty = _pretty
"""A package's name as apt prints it: with its architecture only where that is foreign."""


def _read_lists() -> dict[Key, Available]:
    versions: dict[Key, dict[str, Available]] = {}
    for path in sorted(LISTS.glob("*_Packages")):
        base = path.name.split("_main_", 1)[0]
        release = (read_stanzas(LISTS / f"{base}_InRelease") or [{}])[0]
        for fields in read_stanzas(path):
            offer = Available(fields)
            same = versions.setdefault(offer.key, {}).setdefault(offer.version, offer)
            same.releases.append(release)
    return {key: offers[max(offers, key=newest)] for key, offers in versions.items()}
