"""apt-get changelog: two entries for a version that is on offer. All of it is made up."""

from __future__ import annotations

from email.utils import formatdate

from .packages import Database
from .state import err, now, out

_DAY = 86_400
_HOLES = {"linux-signed-amd64": "CVE-2024-1086", "sudo": "CVE-2021-3156"}
"""Real holes that are known to be exploited; that these versions mend them is made up."""


def changelog(names: list[str]) -> int:
    """Print those of NAME=VERSION; 100 where one isn't on offer."""
    database = Database()
    for word in names:
        name, _, version = word.partition("=")
        found = [
            (package, offer)
            for package, offer in database.upgradable()
            if package.key[0] == name.partition(":")[0] and offer.version == version
        ]
        if not found:
            err(f"E: Version '{version}' for '{name}' was not found")
            return 100
        package, offer = found[0]
        source = offer.fields.get("Source", package.key[0])
        security = offer.security
        hole = f" ({_HOLES[source]})" if security and source in _HOLES else ""
        what = f"Security update{hole}." if security else "New upstream release."
        urgency = "high" if security else "medium"
        _entry(source, offer.version, what, urgency, now() - 3 * _DAY)
        _entry(
            source, package.version, "The version that is installed.", "medium", now() - 90 * _DAY
        )
    return 0


def _entry(source: str, version: str, what: str, urgency: str, when: float) -> None:
    out(f"{source} ({version}) stable; urgency={urgency}\n\n  * {what}\n")
    out(f" -- Demo <demo@example.com>  {formatdate(when)}\n")
