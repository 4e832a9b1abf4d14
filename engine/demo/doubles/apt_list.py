"""apt(8): ``apt list --upgradable``, and apt-get's commands under their short names."""

from __future__ import annotations

import sys

from . import apt_get
from .options import UnknownOptionError, parse
from .packages import Database
from .state import err, out


def main(program: str, arguments: list[str]) -> int:
    """Run apt."""
    try:
        options = parse(arguments)
    except UnknownOptionError as unknown:
        err(str(unknown))
        return 100
    if not options.words or options.words[0] != "list":
        return apt_get.main(program, arguments)
    if not sys.stdout.isatty():
        err("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n")
    if "very-quiet" not in options.flags:
        out("Listing...")
    database = Database()
    if "upgradable" in options.flags:
        for package, offer in database.upgradable():
            suites = ",".join(dict.fromkeys(release["Suite"] for release in offer.releases))
            out(
                f"{package.key[0]}/{suites} {offer.version} {offer.fields['Architecture']} "
                f"[upgradable from: {package.version}]"
            )
        return 0
    for installed in sorted(database.installed.values(), key=lambda p: p.key):
        out(f"{installed.key[0]}/now {installed.version} {installed.key[1]} [installed,local]")
    return 0
