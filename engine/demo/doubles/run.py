"""Entry of the doubles that are written in Python: ``python -I -S run.py PROGRAM ARGS...``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

_MODULES = {
    "apt": "apt_list",
    "apt-cache": "apt_cache",
    "apt-get": "apt_get",
    "apt-mark": "apt_mark",
    "boot": "deployments",
    "bootc": "deployments",
    "dpkg": "dpkg",
    "dpkg-deb": "archives",
    "dpkg-query": "dpkg_query",
    "ostree": "deployments",
    "rpm-ostree": "deployments",
    "setsid": "sessions",
}


def main() -> int:
    """Run one double; its exit status is the program's."""
    program, *arguments = sys.argv[1:]
    here = Path(__file__).resolve().parent
    sys.path.insert(0, str(here.parent))
    sys.dont_write_bytecode = False
    module = importlib.import_module(f"{here.name}.{_MODULES[program]}")
    status: int = module.main(program, arguments)
    sys.stdout.flush()
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(141)
