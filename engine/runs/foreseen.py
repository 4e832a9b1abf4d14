"""What a run was foreseen to do, held against what it did. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.model.json_form import from_json, to_json
from engine.model.plan import Plan
from engine.runs.observe import After, JobEvidence

_FETCHED: Final = re.compile(rb"^Fetched ([0-9][0-9,.]*) ([kMG]?B) in ", re.MULTILINE)
"""apt's last word on a download (apt-pkg/acquire.cc and strutl.cc, SizeToStr: three digits)."""
_UNITS: Final = {b"B": 1, b"kB": 10**3, b"MB": 10**6, b"GB": 10**9}
_KEY: Final = "foreseen"
SLACK_S: Final = 10
"""Seconds beyond twice of what was measured that are no surprise. A judgement."""
_DECIDED: Final = (".dpkg-dist", ".dpkg-new", ".dpkg-old", ".ucf-dist")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing, foreseen and observed, in words.

    Attributes:
        agrees: None where one of the two isn't known.
    """

    what: str
    foreseen: str
    observed: str
    agrees: bool | None


def table(
    plan: Plan,
    job: JobEvidence,
    after: After,
    log: bytes,
    seconds: float | None,
    measured_s: int | None = None,
) -> tuple[Row, ...]:
    """The effects of the plan beside those that were seen.

    Args:
        after: The host as it was found after the job.
        log: The job's, or its end.
        seconds: How long the job took.
        measured_s: How long it took in former runs.
    """
    return (*_rows(plan, job, after, log), _time(measured_s, seconds))


def _rows(plan: Plan, job: JobEvidence, after: After, log: bytes) -> Iterator[Row]:
    effects, stopped = plan.effects, after.stopped
    planned = f"{len(plan.changes or ())} changes"
    as_planned = not after.wrong
    seen = planned if as_planned else f"{len(after.wrong)} are otherwise"
    yield Row("packages", planned, seen, as_planned)
    yield _names("units", effects.units, stopped.units)
    yield _names("containers", effects.containers, stopped.containers)
    yield _names("conffiles", effects.conffiles, conffiles(job.beside))
    yield _reboot(effects.reboot, stopped.reboot_due)
    yield _download(effects.download_bytes, fetched(log))


def _time(measured_s: int | None, seconds: float | None) -> Row:
    """Other updates take other times: a surprise is only what took more than twice as long."""
    foreseen = "not measured before" if measured_s is None else f"about {measured_s} s"
    took = "unknown" if seconds is None else f"{seconds:.0f} s"
    known = measured_s is not None and seconds is not None
    agrees = (seconds or 0) <= 2 * (measured_s or 0) + SLACK_S if known else None
    return Row("time", foreseen, took, agrees)


def _names(what: str, foreseen: Iterable[str] | None, seen: Iterable[str] | None) -> Row:
    known = foreseen is not None and seen is not None
    agrees = set(foreseen or ()) == set(seen or ()) if known else None
    return Row(what, _listed(foreseen), _listed(seen), agrees)


def _listed(names: Iterable[str] | None) -> str:
    return "unknown" if names is None else ", ".join(sorted(names)) or "none"


def conffiles(beside: tuple[str, ...]) -> tuple[str, ...] | None:
    """The configuration files that were asked about, by what lies beside them; None: not known."""
    if "?" in beside:
        return None
    return tuple(
        sorted(
            {name.removesuffix(end) for name in beside for end in _DECIDED if name.endswith(end)}
        )
    )


def _reboot(foreseen: bool | None, seen: bool | None) -> Row:
    words = {True: "due afterwards", False: "not due", None: "unknown"}
    # One that was due before is due still, and no surprise.
    agrees = None if None in (foreseen, seen) or (seen and not foreseen) else foreseen == seen
    return Row("reboot", words[foreseen], words[seen], agrees)


def _download(foreseen: int | None, seen: int | None) -> Row:
    if foreseen is not None and not foreseen and seen is None:
        seen = 0  # apt says nothing where it has nothing to fetch
    agrees = None
    if foreseen is not None and seen is not None:
        agrees = abs(foreseen - seen) <= max(foreseen, seen) / 100
    return Row("download", _bytes(foreseen), _bytes(seen), agrees)


def fetched(log: bytes) -> int | None:
    """Bytes that apt says it has fetched, to three digits; None where it says nothing."""
    found = _FETCHED.findall(log)
    if not found:
        return None
    number, unit = found[-1]
    return round(float(number.replace(b",", b"")) * _UNITS[unit])


def _bytes(count: int | None) -> str:
    if count is None:
        return "unknown"
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def kept(rows: Iterable[Row]) -> dict[str, Any]:
    """The table as what its step leaves."""
    return {_KEY: [to_json(row) for row in rows]}


def of(results: Iterable[Mapping[str, Any]]) -> tuple[Row, ...]:
    """The table among what a run's steps have left; empty where there is none."""
    return tuple(from_json(Row, row) for found in results for row in found.get(_KEY, ()))


def words(rows: Iterable[Row]) -> tuple[str, ...]:
    """What a person should know of it: each surprise, or that there was none."""
    known = [row for row in rows if row.agrees is not None]
    surprises = [row for row in known if not row.agrees]
    if not surprises:
        return (f"It happened as foreseen: {', '.join(row.what for row in known)}.",)
    return tuple(
        f"Foreseen otherwise: {row.what} {row.observed}; foreseen was {row.foreseen}."
        for row in surprises
    )
