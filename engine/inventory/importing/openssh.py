"""Names of hosts in an OpenSSH client configuration (ssh_config(5)).

Only names are taken: what the configuration says of them is honoured at each connection. Patterns
are no hosts, and `Match` blocks are passed over, so that no `Match exec` is ever run.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.inventory.importing.found import Found, FoundHost

MAX_DEPTH: Final = 16
"""How deep `Include` may nest (readconf.c, READCONF_MAX_DEPTH)."""
MAX_BYTES: Final = 16 * 1024 * 1024

_LINE = re.compile(r'\s*"?([A-Za-z0-9]+)"?(?:\s*=\s*|\s+)(.*?)\s*')
_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
_PATTERN = re.compile(r"[*?!]")


@dataclass(slots=True)
class _Block:
    """One `Host` line with the keywords below it that tell machines apart."""

    aliases: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


def read(path: Path, text: str) -> Found:
    """The hosts that a client configuration names."""
    found = Found(path, "OpenSSH client configuration")
    names: set[str] = set()
    machines: dict[tuple[str, str], str] = {}
    for block in _blocks(_directives(text, path, 0, found)):
        user, host_name = block.said.get("user"), block.said.get("hostname")
        for alias, same in _machines(block.aliases, host_name):
            if alias in names:
                continue  # said again, as OpenSSH allows
            names.add(alias)
            if user == "git":
                found.left_out.append((alias, "its user is git: a forge, not a server"))
                continue
            found.left_out += [(other, f"the same machine as {alias}") for other in same]
            machine = (host_name or "", block.said.get("port", "22"))
            first = machines.setdefault(machine, alias) if host_name else alias
            if first != alias:
                found.left_out.append((alias, f"the same HostName and Port as {first}"))
                continue
            found.hosts.append(FoundHost(alias, become=False if user == "root" else None))
    return found


def _directives(text: str, path: Path, depth: int, found: Found) -> Iterator[tuple[str, list[str]]]:
    """Keywords in lower case with their words, those of included files in their place."""
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue  # blank, a comment, or a keyword without arguments
        keyword, rest = match[1].lower(), match[2]
        words = [quoted or bare for quoted, bare in _WORD.findall(rest)]
        if keyword != "include":
            yield keyword, words
        elif depth < MAX_DEPTH:
            for name in words:
                yield from _included(name, path, depth, found)


def _included(name: str, path: Path, depth: int, found: Found) -> Iterator[tuple[str, list[str]]]:
    # Relative ones count from ~/.ssh, whatever file they stand in (ssh_config(5), Include); a
    # configuration of another place is taken with what lies beside it.
    base = path.parent if depth == 0 else Path("~/.ssh").expanduser()
    try:
        pattern = str(base / Path(name).expanduser())
    except RuntimeError:  # ~ of a user that isn't there
        pattern = name
    for file in sorted(glob.glob(pattern)):
        try:
            with Path(file).open("rb") as opened:
                text = opened.read(MAX_BYTES).decode("utf-8", "replace")
        except OSError as error:
            found.remarks.append(f"The included file {file} can't be read: {error.strerror}.")
            continue
        yield from _directives(text, path, depth + 1, found)


def _blocks(directives: Iterator[tuple[str, list[str]]]) -> Iterator[_Block]:
    block: _Block | None = None
    for keyword, words in directives:
        if keyword in ("host", "match"):
            if block is not None:
                yield block
            block = _Block(
                [w for w in words if not _PATTERN.search(w)] if keyword == "host" else []
            )
        elif block is not None and words:
            block.said.setdefault(keyword, words[0])  # the first value that is obtained counts
    if block is not None:
        yield block


def _machines(aliases: list[str], host_name: str | None) -> Iterator[tuple[str, list[str]]]:
    """Aliases of one `Host` line by machine: the name to take, and its other names."""
    if host_name is not None and "%h" not in host_name and aliases:
        yield aliases[0], aliases[1:]
        return
    by_label: dict[str, list[str]] = {}
    for alias in aliases:
        label = alias if alias.replace(".", "").isdigit() else alias.partition(".")[0]
        by_label.setdefault(label, []).append(alias)
    for same in by_label.values():
        yield same[0], same[1:]
