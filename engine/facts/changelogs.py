"""What pending updates fix: changelogs by the host's own apt, kept on this machine by version.

The changelog of a version never changes, so one host's is every host's of the same distribution.
A host is asked only when a person asks (`fetch`); whoever looks at it afterwards has what was kept
(`with_updates`).
"""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from engine.errors import HostOutputError
from engine.facts.cache import recall
from engine.facts.sections import new_nonce, take_apart
from engine.files import write_whole
from engine.model.facts import Change, Facts, Packages, Update
from engine.model.host import Host
from engine.programs.debian_changelog import News, between
from engine.published import Published, published
from engine.session import Session
from engine.shell import Script
from engine.text import clean

SCHEMA: Final = 1
BUDGET_S: Final = 120
"""Seconds for all changelogs of one host."""
LARGEST_ARCHIVE: Final = 5_000_000
"""Bytes of a .deb that is fetched for its changelog, where there is none to be had alone."""
MOST: Final = 40
"""Source packages that one exchange asks for: 40 of 300 kB fit its bound."""
_LIMIT_BYTES: Final = 14 * 1024 * 1024
_NO_MORE: Final = "the time was over"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pending update of one source package.

    ``package``, with ``:arch`` where apt prints that, stands for all binaries of the source.
    """

    source: str
    package: str
    installed: str
    candidate: str


@dataclass(frozen=True, slots=True)
class Changelog:
    """What a pending update brings.

    Attributes:
        via: ``apt``, or ``archive``: from the .deb; None: no data.
        news: Of NEWS.Debian, which only archives hold; None where there was none.
        why: Why there are no data.
    """

    wanted: Wanted
    via: str | None = None
    changes: News = field(default_factory=News)
    news: News | None = None
    why: str | None = None


def wanted(packages: Packages | None) -> tuple[Wanted, ...]:
    """The pending updates of installed packages, one for each source, sorted by it."""
    found: dict[str, Change] = {}
    for change in _changes(packages):
        if change.action != "upgrade" or not (change.from_version and change.to_version):
            continue
        source, name = _source(change), change.name.partition(":")[0]
        if source not in found or name == source:
            found[source] = change
    return tuple(
        Wanted(source, change.name, change.from_version or "", change.to_version or "")
        for source, change in sorted(found.items())
    )


def kept(state_dir: Path, facts: Facts) -> tuple[Changelog, ...]:
    """What is kept of the changelogs of a host's pending updates; asks nobody."""
    system = facts.os.id or "unknown"
    return tuple(_kept(state_dir, system, one) for one in wanted(facts.packages))


def with_updates(state_dir: Path, facts: Facts) -> Facts:
    """The facts with what kept changelogs tell of their pending updates; asks nobody."""
    return told(facts, kept(state_dir, facts), published(state_dir))


def told(facts: Facts, found: Iterable[Changelog], data: Published) -> Facts:
    """The facts with what these changelogs tell of their pending updates, and of the holes in them.

    Where a changelog doesn't go back to the installed version only its dates and CVEs so far are
    known: then the number of CVEs isn't.
    """
    if facts.packages is None:
        return facts
    known = tuple(_update(one) for one in found if one.via is not None)
    if not known:
        return facts
    ids = sorted({cve for update in known for cve in update.cve_ids})
    packages = replace(
        facts.packages,
        updates=known,
        cves=tuple(data.cve(one) for one in ids),
        kev_date=data.kev_date,
    )
    return replace(facts, packages=packages)


def pending_cves(state_dir: Path) -> frozenset[str]:
    """The holes that changelogs name which are kept for updates that a former look saw pending."""
    hosts = (recall(state_dir, unquote(f.stem)) for f in (state_dir / "facts").glob("*.json"))
    updates = (
        u
        for facts in hosts
        if facts is not None
        for one in kept(state_dir, facts)
        if one.via is not None
        for u in _update(one).cve_ids
    )
    return frozenset(updates)


async def fetch(session: Session, host: Host, facts: Facts) -> tuple[Changelog, ...]:
    """Ask the host's apt for the changelogs that aren't kept yet, and keep them.

    Returns:
        One for each pending update, in the order of `wanted`.

    Raises:
        HostOutputError: what came is not what the script prints.
        UnreachableError, DeadlineError, NeedsPersonError: see `Transport.run`.
    """
    system = facts.os.id or "unknown"
    found = {one.wanted: one for one in kept(session.state_dir, facts)}
    lacking = [want for want, one in found.items() if one.via is None]
    for want in lacking[MOST:]:
        found[want] = Changelog(want, why=f"only {MOST} are asked for at once; ask again")
    if lacking:
        for one, text in await _ask(session, host, lacking[:MOST]):
            found[one.wanted] = one
            if text is not None and not session.read_only:
                _keep(_file(session.state_dir, system, one.wanted), text)
    return tuple(found.values())


async def _ask(
    session: Session, host: Host, lacking: Sequence[Wanted]
) -> list[tuple[Changelog, dict[str, str] | None]]:
    nonce = new_nonce()
    words = [word for want in lacking for word in (want.package, want.candidate)]
    done = await session.transport.run(
        host,
        Script.host(
            "changelog.sh",
            nonce,
            str(BUDGET_S),
            str(LARGEST_ARCHIVE),
            *words,
            after=("frames.sh", "archives.sh"),
        ),
        deadline_s=host.deadlines.light_probe_s + BUDGET_S + 30,
        limit_bytes=_LIMIT_BYTES,
    )
    output = take_apart(done.stdout, nonce)
    if "host" not in output.sections:
        said = clean(done.stderr[-500:]).strip() or "it said nothing about why"
        raise HostOutputError(
            f"{host.name} did not tell what its updates change: {said}",
            hint="See that its /tmp can be written to and that the login shell prints nothing.",
        )
    found: list[tuple[Changelog, dict[str, str] | None]] = []
    for number, want in enumerate(lacking, 1):
        section = output.sections.get(f"changelog-{number}")
        via, _, text = section.output.partition(b"\n") if section else (b"", b"", b"")
        if section is None or via not in (b"apt", b"archive"):
            why = _NO_MORE if section is None else _last_line(section.errors)
            found.append((Changelog(want, why=why), None))
            continue
        news = output.sections.get(f"news-{number}")
        texts = {"via": via.decode(), "text": clean(text)}
        if news is not None and news.exit_status == 0:
            texts["news"] = clean(news.output)
        found.append((_read(want, texts), texts))
    return found


def _last_line(errors: bytes) -> str:
    lines = [line.strip() for line in clean(errors).split("\n") if line.strip()]
    return lines[-1][:200] if lines else "there is none where apt looks, and none in the archive"


def _read(want: Wanted, texts: dict[str, str]) -> Changelog:
    versions = want.installed, want.candidate
    news = texts.get("news")
    return Changelog(
        want,
        texts["via"],
        between(texts["text"].encode(), *versions),
        None if news is None else between(news.encode(), *versions),
    )


def _update(one: Changelog) -> Update:
    entries = one.changes.entries
    cves = tuple(dict.fromkeys(cve for entry in entries for cve in entry.cves))
    dates = [entry.written for entry in entries if entry.written is not None]
    complete = one.changes.complete
    return Update(
        one.wanted.source,
        cves=len(cves) if complete else None,
        published=entries[0].written if entries else None,
        cve_ids=cves,
        oldest=min(dates) if dates and complete else None,
    )


def _changes(packages: Packages | None) -> Sequence[Change]:
    every = packages.transactions if packages else None
    return max((t.changes for t in every or ()), key=len, default=())


def _source(change: Change) -> str:
    return change.source or change.name.partition(":")[0]


# -- what is kept ------------------------------------------------------------------------------


def _file(state_dir: Path, system: str, want: Wanted) -> Path:
    name = f"{quote(want.source, safe='')}_{quote(want.candidate, safe='')}.json.gz"
    return state_dir / "changelogs" / quote(system, safe="") / name[-250:]


def _kept(state_dir: Path, system: str, want: Wanted) -> Changelog:
    try:
        return _recall(_file(state_dir, system, want), want)
    except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError):
        return Changelog(want, why="it was not asked for yet")


@lru_cache(maxsize=4_096)  # a fleet has the same versions everywhere; what isn't there isn't kept
def _recall(file: Path, want: Wanted) -> Changelog:
    document = json.loads(gzip.decompress(file.read_bytes()))
    if document["schema"] != SCHEMA:
        raise ValueError("another schema")
    return _read(want, document["texts"])


def _keep(file: Path, texts: dict[str, str]) -> None:
    """Whole or not at all, readable by its owner only; a full disk costs another fetch."""
    data = gzip.compress(json.dumps({"schema": SCHEMA, "texts": texts}).encode(), mtime=0)
    with contextlib.suppress(OSError):
        write_whole(file, data)
