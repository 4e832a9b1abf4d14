"""The Debian mirror of this machine, read from its own apt sources.

Nothing here names a mirror: a lab downloads from where its machine does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECURITY_SUITE = re.compile(r"-security$|/updates$")


@dataclass(frozen=True, slots=True)
class Source:
    """One archive with its suites."""

    uri: str
    suites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where the machine gets Debian from."""

    archive: str
    security: str | None


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                fields[name] = f"{fields.get(name, '')} {line.strip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields:
            yield fields


def parse_deb822(text: str) -> Iterator[Source]:
    """The sources of a `.sources` file."""
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split() or stanza.get("enabled", "") == "no":
            continue
        for uri in stanza.get("uris", "").split():
            yield Source(uri, tuple(stanza.get("suites", "").split()))


def parse_classic(text: str) -> Iterator[Source]:
    """The sources of a `sources.list`."""
    for line in text.splitlines():
        if found := re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", line):
            yield Source(found[1], (found[2],))


def _sources(root: Path) -> Iterator[Source]:
    for path in sorted((root / "etc/apt").glob("sources.list.d/*.sources")):
        yield from parse_deb822(path.read_text())
    for path in [
        root / "etc/apt/sources.list",
        *sorted((root / "etc/apt").glob("sources.list.d/*.list")),
    ]:
        if path.is_file():
            yield from parse_classic(path.read_text())


def _resolve(root: Path, uri: str) -> str | None:
    """Cloud images write `mirror+file:` and keep the address in another file."""
    if uri.startswith("mirror+file:"):
        listed = root / uri.removeprefix("mirror+file:").lstrip("/")
        uri = next(iter(listed.read_text().split()), "") if listed.is_file() else ""
    return uri.rstrip("/") if uri.startswith(("http://", "https://")) else None


def _names_of_release(root: Path) -> set[str]:
    text = (root / "etc/os-release").read_text()
    codename = re.search(r'(?m)^VERSION_CODENAME="?([a-z]+)', text)
    return {"stable", "oldstable", "testing"} | ({codename[1]} if codename else set())


def read_mirror(root: Path = Path("/")) -> Mirror:
    """Read the machine's mirror.

    Raises:
        LookupError: its apt sources name no Debian archive over HTTP.
    """
    releases = _names_of_release(root)
    archive: str | None = None
    security: str | None = None
    for source in _sources(root):
        uri = _resolve(root, source.uri)
        for suite in source.suites if uri else ():
            if SECURITY_SUITE.sub("", suite) not in releases:
                continue
            if SECURITY_SUITE.search(suite):
                security = security or uri
            else:
                archive = archive or uri
    if archive is None:
        raise LookupError(f"no Debian archive over HTTP in {root / 'etc/apt'}")
    return Mirror(archive, security)
