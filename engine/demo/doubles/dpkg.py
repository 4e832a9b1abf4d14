"""dpkg(1): --configure -a, --audit, --get-selections, --print-architecture and the like."""

from __future__ import annotations

from . import dpkg_query
from .install import Progress, configure
from .packages import Database, native, pretty
from .state import LockHeldError, dpkg_lock, err, is_root, out
from .versions import satisfies

_AUDIT = {
    "half-configured": (
        "The following packages are only half configured, probably due to problems\n"
        "configuring them the first time.  The configuration should be retried using\n"
        "dpkg --configure <package> or the configure menu option in dselect:"
    ),
    "unpacked": (
        "The following packages have been unpacked but not yet configured.\n"
        "They must be configured using dpkg --configure or the configure\n"
        "menu option in dselect for them to work:"
    ),
    "half-installed": (
        "The following packages are only half installed, due to problems during\n"
        "installation.  The installation can probably be completed by retrying it;\n"
        "the packages can be removed using dselect or dpkg --remove:"
    ),
}


def main(program: str, arguments: list[str]) -> int:
    """Run dpkg."""
    words = [word for word in arguments if not word.startswith("--force-")]
    match words:
        case ["--audit" | "-C"]:
            _audit(Database())
        case ["--configure", "-a" | "--pending"]:
            return _configure()
        case ["--print-architecture"]:
            out(native())
        case ["--print-foreign-architectures"]:
            return 0
        case ["--get-selections", *_]:
            for package in sorted(Database().installed.values(), key=lambda p: p.key):
                out(f"{pretty(package.key)}\t{package.fields['Status'].split()[0]}")
        case ["--compare-versions", left, relation, right]:
            return 0 if satisfies(left, relation, right) else 1
        case ["--version"]:
            out("Debian 'dpkg' package management program version 1.22.21 (amd64).")
        case ["-l" | "--list" | "-s" | "--status" | "-W" | "--show" | "-L" | "-S", *_]:
            return dpkg_query.main("dpkg-query", words)
        case _:
            err(f"dpkg: error: unknown option {' '.join(words)}")
            return 2
    return 0


def _audit(database: Database) -> None:
    for state, text in _AUDIT.items():
        found = [package for package in database.broken() if package.state == state]
        if found:
            out(text)
            for package in found:
                summary = package.fields.get("Description", "").split("\n")[0]
                out(f" {pretty(package.key):20} {summary}")
            out("")


def _configure() -> int:
    if not is_root():
        err("dpkg: error: requested operation requires superuser privilege")
        return 2
    try:
        with dpkg_lock(0):
            return 1 if configure(Database(), Progress(None)).names else 0
    except LockHeldError as held:
        err(
            "dpkg: error: dpkg frontend lock was locked by another process with pid "
            f"{held.pid}\nNote: removing the lock file is always wrong, can damage the locked area"
        )
        return 2
