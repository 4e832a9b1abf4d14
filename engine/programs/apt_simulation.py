"""``apt-get -s upgrade`` and ``dist-upgrade``: what a candidate would change.

The grammar is that of apt's algorithms.cc (``pkgSimulate``), apt-private/private-output.cc for
the headers and the summary. All in the C locale and the layout of ``APT::Output-Version=0``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from engine.model.facts import Action, Change
from engine.programs import apt_origin
from engine.programs.debian_version import DebianVersion
from engine.programs.lines import cleaned_lines
from engine.text import clean

_INST = re.compile(r"Inst ([^\s:]+)(?::(\S+))? (?:\[([^\]\s]*)\] )?\(([^\s)]+)(.*)$")
_GONE = re.compile(r"(?:Remv|Purg) ([^\s:]+)(?::(\S+))? \[([^\]\s]*)\]")
_ARCHITECTURE = re.compile(r" \[([A-Za-z0-9-]+)\]\)")
_SUMMARY = re.compile(
    r"(\d{1,9}) upgraded, (\d{1,9}) newly installed, (?:(\d{1,9}) reinstalled, )?"
    r"(?:(\d{1,9}) downgraded, )?(\d{1,9}) to remove and (\d{1,9}) not upgraded\."
)
_UNFINISHED = re.compile(r"(\d{1,9}) not fully installed or removed\.")
_HEADERS = {
    "The following packages have been kept back:": "kept",
    "The following upgrades have been deferred due to phasing:": "phased",
}
# ubuntu-pro-client's apt-hook/json-hook.cc; the last one is what its older versions said.
_ESM = re.compile(
    r"The following security updates? requires? Ubuntu Pro with "
    r"|Get (?:more|another) security updates? through Ubuntu Pro with "
    r"|\*?The following packages could receive security updates with "
)
_MAX_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class Simulation:
    """What apt said it would do.

    Attributes:
        changes: Sorted by name and architecture.
        kept: Names under "kept back", as apt prints them (``:arch`` for foreign ones); on older
            apt these hold the phased ones too.
        phased: Names under apt's own phasing header (2.7.11 and later).
        esm: Names that exist only with a subscription.
        not_upgraded: The summary's count.
        unfinished: Packages that are not fully installed or removed.
        error: apt's own words when it could not simulate.
    """

    changes: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()
    phased: tuple[str, ...] = ()
    esm: tuple[str, ...] = ()
    not_upgraded: int | None = None
    unfinished: int = 0
    error: str | None = None


def parse(output: bytes, errors: bytes = b"", exit_status: int | None = 0) -> Simulation | None:
    """Read a simulation; None where it is neither complete nor an error of apt's own.

    Complete means: the summary line was there, the exit status was 0, and there are as many
    changes as the summary says.
    """
    lines = list(cleaned_lines(output))
    if exit_status != 0:
        error = error_of(errors)
        return Simulation(error="\n".join([error, *_unmet(lines)])) if error else None
    summary = next((m for line in lines if (m := _SUMMARY.match(line))), None)
    if summary is None:
        return None
    changes = tuple(sorted(_changes(lines), key=lambda c: (c.name, c.architecture or "", c.action)))
    upgraded, installed, _, downgraded, removed, left = (int(n or 0) for n in summary.groups())
    promised = upgraded + installed + downgraded + removed
    if len(changes) < promised:
        return None
    names = _named_lists(lines)
    unfinished = next((int(m[1]) for line in lines if (m := _UNFINISHED.match(line))), 0)
    return Simulation(
        changes,
        names["kept"],
        names["phased"],
        names["esm"],
        not_upgraded=left,
        unfinished=unfinished,
    )


def error_of(errors: bytes) -> str | None:
    """The ``E:`` lines of apt's standard error with what follows them, or None."""
    kept = [line for line in cleaned_lines(errors) if not line.startswith(("W: ", "N: "))]
    if not any(line.startswith("E: ") for line in kept):
        return None
    # apt says some of its errors twice.
    words = "\n".join(dict.fromkeys(line.removeprefix("E: ") for line in kept))
    return words[:_MAX_ERROR]


def _unmet(lines: list[str]) -> list[str]:
    """The packages below "unmet dependencies", which apt prints on standard output."""
    header = "The following packages have unmet dependencies:"
    if header not in lines:
        return []
    below = lines[lines.index(header) + 1 :][:20]
    return [line.strip() for line in takewhile(lambda line: line.startswith(" "), below)]


def _changes(lines: list[str]) -> Iterator[Change]:
    seen: set[tuple[str, str | None, str]] = set()
    for line in lines:
        change = _change(line)
        if change is None:
            continue
        key = (change.name, change.architecture, change.action)
        if key not in seen:
            seen.add(key)
            yield change


def _change(line: str) -> Change | None:
    if line.startswith("Inst ") and (match := _INST.match(line)):
        name, foreign, old, new, rest = match.groups()
        # The last "[...])" closes the parentheses; a tail of packages broken at this step of the
        # simulation ("[systemd:amd64 ]") may follow and holds no "])".
        closing = list(_ARCHITECTURE.finditer(rest))
        origins = rest[: closing[-1].start()].strip() if closing else rest.rstrip(")").strip()
        architecture = closing[-1][1] if closing else foreign
        return Change(
            name=_as_printed(name, foreign),
            action=_action(old, new),
            from_version=old or None,
            to_version=new,
            origin=origins or None,
            security=apt_origin.is_security(origins),
            architecture=architecture,
        )
    if line.startswith(("Remv ", "Purg ")) and (match := _GONE.match(line)):
        name, foreign, old = match.groups()
        shown = _as_printed(name, foreign)
        return Change(shown, "remove", old or None, None, None, architecture=foreign)
    return None


def _as_printed(name: str, foreign: str | None) -> str:
    """The guard on the host compares apt's own words, so ``:arch`` stays where apt prints it."""
    return f"{name}:{foreign}" if foreign else name


def _action(old: str | None, new: str) -> Action:
    if not old:
        return "install"
    return "downgrade" if DebianVersion(new) < DebianVersion(old) else "upgrade"


def _named_lists(lines: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {"kept": [], "phased": [], "esm": []}
    current: list[str] | None = None
    for line in lines:
        if line.startswith("  "):
            if current is not None:
                current.extend(line.split())
            continue
        topic = "esm" if _ESM.match(line) else _HEADERS.get(line)
        current = found[topic] if topic else None
    return {topic: tuple(sorted(set(names))) for topic, names in found.items()}


_URI = re.compile(r"'[^']*' \S+ (\d{1,18})(?: |$)")
_SPACE = re.compile(
    r"After this operation, ([\d.,]{1,20}) ?([kMGT]?B) (of additional disk space will be used"
    r"|disk space will be freed)\."
)
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_size(output: bytes, exit_status: int | None = 0) -> tuple[int | None, int | None]:
    """Bytes to download and bytes more on disk, from ``apt-get --print-uris``.

    What is in apt's archive cache already is not downloaded and not counted. Disk space is apt's
    rounded figure, negative where some is freed.
    """
    if exit_status != 0:
        return None, None
    text = clean(output)
    if not any(_SUMMARY.match(line) for line in text.split("\n")):
        return None, None
    download = sum(int(m[1]) for line in text.split("\n") if (m := _URI.match(line)))
    return download, _disk(text)


def _disk(text: str) -> int | None:
    match = _SPACE.search(text)
    if match is None:
        return None
    try:
        amount = float(match[1].replace(",", ""))
    except ValueError:
        return None
    return round(amount * _UNITS[match[2]]) * (-1 if "freed" in match[3] else 1)
