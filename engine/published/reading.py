"""What the publishers' documents say, in the form of the bundled files. Pure; bytes from outside.

Each function raises ValueError, with words for a person, where a document isn't what it claims to
be: then the former one stays in force.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from engine.published.in_force import PREDICTED_FROM, by_year
from engine.text import clean_line

LEAST_KEV: Final = 1_000
LEAST_EPSS: Final = 100_000
"""Entries below which a list is a part of itself: KEV has had more than that since 2024, EPSS has a
score for each CVE there is."""
LARGEST: Final = 100_000_000
"""Bytes of a document once it is unpacked."""
_VECTOR: Final = re.compile(r"CVSS:3\.[01](/[A-Za-z]{1,3}:[A-Z]){8,30}", re.ASCII)
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*(\.\*)?", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def kev(data: bytes) -> dict[str, Any]:
    """CISA's list (known_exploited_vulnerabilities_schema.json)."""
    document = _json(data)
    if not isinstance(document, Mapping):
        raise ValueError("it is no catalog of known exploited vulnerabilities")
    found = document.get("vulnerabilities")
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise ValueError("it is no catalog of known exploited vulnerabilities")
    if document.get("count") != len(found):
        said = document.get("count")
        raise ValueError(f"it says that it has {said!r} entries, and {len(found)} came")
    if len(found) < LEAST_KEV:
        raise ValueError(f"it has {len(found)} entries, and should have more than {LEAST_KEV}")
    day = _day(str(document.get("dateReleased")))
    return {"date": day, "cves": by_year(str(one.get("cveID")) for one in found)}


def epss(data: bytes) -> dict[str, Any]:
    """The day's scores of FIRST, gzipped or not: those that count as if they were exploited."""
    text = _unpacked(data).decode("utf-8")
    head, _, rest = text.partition("\n")
    said = re.search(r"score_date:(\S+)", head)
    if not head.startswith("#") or said is None:
        raise ValueError("its first line names no day of the scores")
    rows = csv.DictReader(io.StringIO(rest))
    if not {"cve", "epss"} <= set(rows.fieldnames or ()):
        raise ValueError("it has no columns cve and epss")
    number, likely = 0, []
    for row in rows:
        score = float(row["epss"])
        if not 0 <= score <= 1:
            raise ValueError(f"{score} is no chance")
        number += 1
        if score >= PREDICTED_FROM:
            likely.append(row["cve"])
    if number < LEAST_EPSS:
        raise ValueError(f"it has {number} scores, and should have more than {LEAST_EPSS}")
    return {"date": _day(said[1]), "from": PREDICTED_FROM, "cves": by_year(likely)}


def vector(data: bytes, cve_id: str) -> str | None:
    """The CVSS vector of version 3 in a record of OSV (OSV schema, severity); None: it has none."""
    document = _json(data)
    if not isinstance(document, Mapping) or document.get("id") != cve_id:
        raise ValueError(f"it is no record of {cve_id}")
    severity = document.get("severity", [])
    if not isinstance(severity, list):
        raise ValueError("its severity is no list")
    for one in severity:
        score = one.get("score") if isinstance(one, Mapping) else None
        if isinstance(score, str) and _VECTOR.fullmatch(score):
            return score
    return None


def support(debian: bytes, ubuntu: bytes, known: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Last days with security updates that come without a subscription (distro-info-data).

    Debian's include LTS, and Ubuntu's are those of servers.

    Args:
        known: The same as it was: releases don't vanish, so a document without one is cut.
    """
    found = {
        "debian": _ends(debian, ("eol-lts", "eol")),
        "ubuntu": _ends(ubuntu, ("eol-server", "eol")),
    }
    for system, releases in known.items():
        if gone := set(releases) - set(found.get(system, ())):
            raise ValueError(f"{system} {', '.join(sorted(gone))} is missing in it")
    return found


def early(data: bytes) -> dict[str, str]:
    """Source packages and the day their support ends, before their release's.

    The form is that of debian-security-support's files ``security-support-ended.debN``: name, last
    supported version, day, and words; blanks between, ``#`` for remarks.
    """
    found = {}
    for line in data.decode("utf-8").splitlines():
        fields = line.split(maxsplit=3)
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) < 3 or not re.fullmatch(_SOURCE, fields[0]):
            raise ValueError(f"{clean_line(line[:80])!r} names no package with a day")
        found[fields[0]] = _day(fields[2])
    return found


def _ends(data: bytes, columns: tuple[str, ...]) -> dict[str, str]:
    ends = {}
    for row in csv.DictReader(io.StringIO(data.decode("utf-8"))):
        version = (row.get("version") or "").removesuffix(" LTS")
        end = next((day for name in columns if (day := row.get(name))), None)
        if re.fullmatch(r"\d{1,2}(\.\d\d?)?", version, re.ASCII) and row.get("release") and end:
            ends[version] = _day(end)
    return ends


def _day(text: str) -> str:
    found = _DAY.match(text)
    if found is None:
        raise ValueError(f"{clean_line(text[:40])!r} is no day")
    return date.fromisoformat(found[0]).isoformat()


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            found = stream.read(LARGEST + 1)
    except (OSError, EOFError) as error:
        raise ValueError("it can't be unpacked") from error
    if len(found) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    return found
