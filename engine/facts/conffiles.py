"""Configuration files that a candidate would ask about, as they are and as the package brings them.

A host is asked only when a person asks: its apt fetches archives for it. Nothing of the texts is
kept on this machine, since configuration files hold secrets.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.errors import HostOutputError
from engine.facts.sections import new_nonce, take_apart
from engine.families.protocol import Sections
from engine.model.facts import Change, Packages
from engine.model.host import Host
from engine.session import Session
from engine.shell import Script
from engine.text import clean
from engine.transport.protocol import Completed

BUDGET_S: Final = 120
"""Seconds for all files of one host."""
_READ_S: Final = 30
"""Seconds for what is written down already."""
LARGEST_ARCHIVE: Final = 50_000_000
"""Bytes of an archive that is fetched for its configuration files."""
MOST: Final = 30
"""Files that one exchange asks for: 30 of twice 200 kB fit its bound."""
_LIMIT_BYTES: Final = 14 * 1024 * 1024
LATER: Final = (
    "the run fetches the next release's version, writes down what differs on the host, and asks"
)
_NOT_THERE: Final = 3
"""Exit status of the scripts where the host has no such file."""
_CHANGED_SINCE: Final = "it was changed here after that was written down"
_WRITTEN: Final = re.compile(r"^conffile (\S+) (\S+) (.+)$", re.MULTILINE)
"""What release.sh writes before each difference."""


@dataclass(frozen=True, slots=True)
class AskedFile:
    """A configuration file, and the version of its package that would ask about it.

    Attributes:
        version: Empty: it isn't known before the run has fetched it.
    """

    path: str
    package: str
    version: str


@dataclass(frozen=True, slots=True)
class ConffileTexts:
    """One file in its two versions.

    Attributes:
        here: As it is on the host; None where it was removed.
        new: As the package brings it; None: it could not be had.
        asks: dpkg would ask about it (dpkg's source, configure.c): the new version is another than
            the last one that was installed, and than what is here. None: that isn't known.
        why: Why `new` or `here` isn't known.
        written: The difference as the host has written it down; `here` and `new` are empty then.
    """

    asked: AskedFile
    here: str | None
    new: str | None
    asks: bool | None = None
    why: str | None = None
    written: tuple[str, ...] | None = None

    def difference(self) -> tuple[str, ...]:
        """A unified diff from what is here to what the package brings, without a last newline."""
        if self.written is not None:
            return self.written
        lines = difflib.unified_diff(
            (self.here or "").splitlines(),
            (self.new or "").splitlines(),
            f"{self.asked.path} (yours)" if self.here is not None else "(you removed it)",
            f"{self.asked.path} ({self.asked.package} {self.asked.version})",
            lineterm="",
        )
        return tuple(lines)


def asked_files(
    packages: Packages | None, changes: Iterable[Change] | None
) -> tuple[AskedFile, ...]:
    """The configuration files that these changes may ask about, with who brings them; by path.

    Args:
        changes: None: it isn't known which, as with a release upgrade; then it may be all.
    """
    if changes is None:
        every = (packages.conffiles if packages else None) or ()
        return tuple(
            sorted((AskedFile(c.path, c.package, "") for c in every), key=lambda c: c.path)
        )
    coming = {
        change.name.partition(":")[0]: (change.name, change.to_version or "")
        for change in changes
        if change.action != "remove"
    }
    found = [
        AskedFile(one.path, *coming[one.package])
        for one in (packages.conffiles if packages else None) or ()
        if one.package in coming and coming[one.package][1] not in one.same_in
    ]
    return tuple(sorted(found, key=lambda one: (one.path, one.package)))


async def read_conffiles(
    session: Session, host: Host, files: Sequence[AskedFile]
) -> tuple[ConffileTexts, ...]:
    """Let the host's apt fetch the packages, and read both versions of each file.

    Of versions that aren't known, those of a release upgrade, it is what its run has written down.

    Returns:
        One for each, in their order.

    Raises:
        HostOutputError: what came is not what the script prints.
        UnreachableError, DeadlineError, NeedsPersonError: see `Transport.run`.
    """
    if not files:
        return ()
    if not all(one.version for one in files):
        written = {one.asked.path: one for one in await read_written(session, host)}
        return tuple(
            written.get(one.path) or ConffileTexts(one, None, None, why=LATER) for one in files
        )
    nonce = new_nonce()
    words = [word for one in files[:MOST] for word in (one.path, one.package, one.version)]
    done = await session.transport.run(
        host,
        Script.host(
            "conffile_texts.sh", nonce, str(BUDGET_S), str(LARGEST_ARCHIVE), *words,
            after=("frames.sh", "archives.sh"),
        ),
        as_root="if-possible",
        deadline_s=host.deadlines.light_probe_s + BUDGET_S + 30,
        limit_bytes=_LIMIT_BYTES,
    )  # fmt: skip
    sections = _taken_apart(host, done, nonce)
    return tuple(_texts(one, sections, number) for number, one in enumerate(files, 1))


async def read_written(session: Session, host: Host) -> tuple[ConffileTexts, ...]:
    """What a release upgrade's run has written down of the files that were changed here.

    Returns:
        In the order of the run's question; none where no run has written anything down.

    Raises:
        HostOutputError: what came is not what the script prints, or it can't be read.
        UnreachableError, DeadlineError, NeedsPersonError: see `Transport.run`.
    """
    nonce = new_nonce()
    done = await session.transport.run(
        host,
        Script.host("conffile_written.sh", nonce, str(_LIMIT_BYTES // 2), after=("frames.sh",)),
        as_root="if-possible",
        deadline_s=host.deadlines.light_probe_s + _READ_S,
        limit_bytes=_LIMIT_BYTES,
    )
    sections = _taken_apart(host, done, nonce)
    written = sections.get("written")
    if written is None or written.exit_status not in (0, _NOT_THERE):
        raise HostOutputError(
            f"{host.name} did not show what its run has written down: "
            + _last(written.errors if written else b"", "it came to no end"),
            hint="Only root may read it, as configuration files may hold secrets.",
        )
    words = sections.get("since")
    since = set(clean(words.output).split("\n")) if words else set()
    _, *parts = _WRITTEN.split(clean(written.output))
    found = [
        _written(AskedFile(path, package, "" if version == "-" else version), text, since)
        for package, version, path, text in zip(
            parts[::4], parts[1::4], parts[2::4], parts[3::4], strict=True
        )
    ]
    if written.truncated and found:
        found[-1] = replace(found[-1], written=None, why="it is too long to be shown")
    return tuple(found)


def _written(asked: AskedFile, text: str, since: set[str]) -> ConffileTexts:
    if f"later {asked.path}" in since:
        return ConffileTexts(asked, None, None, why=_CHANGED_SINCE)
    lines = tuple(line for line in text.split("\n") if line)
    here = None if f"gone {asked.path}" in since else ""
    if lines in ((), ("stays",)):
        return ConffileTexts(asked, here, "", asks=False, written=())
    return ConffileTexts(asked, here, "", written=lines)


def _taken_apart(host: Host, done: Completed, nonce: str) -> Sections:
    sections = take_apart(done.stdout, nonce).sections
    if "host" not in sections:
        said = clean(done.stderr[-500:]).strip() or "it said nothing about why"
        raise HostOutputError(
            f"{host.name} did not show its configuration files: {said}",
            hint="See that its /tmp can be written to and that the login shell prints nothing.",
        )
    return sections


def _texts(asked: AskedFile, sections: Sections, number: int) -> ConffileTexts:
    here, new = sections.get(f"here-{number}"), sections.get(f"new-{number}")
    if here is None or new is None:
        late = f"only {MOST} are asked for at once" if number > MOST else "the time was over"
        return ConffileTexts(asked, None, None, why=late)
    text = clean(here.output) if here.exit_status == 0 else None
    if here.exit_status not in (0, _NOT_THERE):
        return ConffileTexts(asked, None, None, why=_last(here.errors, "it can't be read here"))
    if new.exit_status != 0:
        return ConffileTexts(asked, text, None, why=_last(new.errors, "the archive can't be had"))
    if here.truncated or new.truncated:
        return ConffileTexts(asked, text, None, why="it is too long to be shown")
    recorded = sections.get(f"recorded-{number}")
    last = recorded.output.decode("ascii", "replace").strip() if recorded else ""
    here_is_new = here.exit_status == 0 and here.output == new.output
    as_last = hashlib.md5(new.output, usedforsecurity=False).hexdigest() == last
    return ConffileTexts(asked, text, clean(new.output), asks=not (here_is_new or as_last))


def _last(errors: bytes, otherwise: str) -> str:
    lines = [line.strip() for line in clean(errors).split("\n") if line.strip()]
    return lines[-1][:200] if lines else otherwise
