"""apt-cache(8): policy and show, as far as candidates, their origins and sizes go."""

from __future__ import annotations

from .packages import Database
from .state import err, out


def main(program: str, arguments: list[str]) -> int:
    """Run apt-cache."""
    words = [word for word in arguments if not word.startswith("-")]
    if words[:1] == ["show"]:
        return _show(words[1:])
    if not words or words[0] != "policy":
        err(f"E: Invalid operation {words[0] if words else ''}")
        return 100
    database = Database()
    for name in words[1:]:
        for package in database.installed.values():
            if package.key[0] != name:
                continue
            offer = database.candidate(package.key)
            out(f"{name}:\n  Installed: {package.version}")
            out(f"  Candidate: {offer.version if offer else package.version}\n  Version table:")
            if offer is not None:
                out(f"     {offer.version} 500")
                for release in offer.releases:
                    out(f"        500 {release['X-Demo-Base']} {release['Suite']}/main Packages")
            out(f" *** {package.version} 100\n        100 /var/lib/dpkg/status")
    return 0


def _show(names: list[str]) -> int:
    database = Database()
    for word in names:
        name, _, version = word.partition("=")
        for package, offer in database.upgradable():
            if package.key[0] == name.partition(":")[0] and version in ("", offer.version):
                out(f"Package: {package.key[0]}\nVersion: {offer.version}\nSize: {offer.size}\n")
    return 0
