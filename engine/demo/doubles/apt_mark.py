"""apt-mark(8): showhold, showauto, showmanual, hold, unhold."""

from __future__ import annotations

from .packages import Database, pretty
from .state import err, is_root, out


def main(program: str, arguments: list[str]) -> int:
    """Run apt-mark."""
    words = [word for word in arguments if not word.startswith("-")]
    database = Database()
    match words:
        case ["showhold", *_] | ["showholds", *_]:
            for key in sorted(p.key for p in database.installed.values() if p.held):
                out(pretty(key))
        case ["showauto", *_]:
            for package in sorted(database.installed.values(), key=lambda p: p.key):
                if package.fields.get("X-Demo-Auto"):
                    out(pretty(package.key))
        case ["showmanual", *_]:
            for package in sorted(database.installed.values(), key=lambda p: p.key):
                if not package.fields.get("X-Demo-Auto"):
                    out(pretty(package.key))
        case [("hold" | "unhold") as what, *names]:
            return _select(database, what, names)
        case _:
            err(f"E: Invalid operation {words[0] if words else ''}")
            return 100
    return 0


def _select(database: Database, what: str, names: list[str]) -> int:
    if not is_root():
        err("E: Could not create temporary file for /var/lib/apt/extended_states")
        return 100
    for name in names:
        found = [p for p in database.installed.values() if name in (p.key[0], ":".join(p.key))]
        if not found:
            err(f"E: Unable to locate package {name}")
            return 100
        for package in found:
            _, flag, state = package.fields["Status"].split()
            package.fields["Status"] = f"{'hold' if what == 'hold' else 'install'} {flag} {state}"
        out(f"{name} set on hold." if what == "hold" else f"Canceled hold on {name}.")
    database.save()
    return 0
