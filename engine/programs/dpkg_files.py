"""What packages own and what became of it: configuration files, unit files, running services.

``dpkg-query -W`` (its field ``Conffiles``), ``md5sum -c``, dpkg's file lists and ``systemctl
list-units``, as the probe's sections conffiles, unit-files and running-services give them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast, get_args

from engine.model.facts import Conffile, ConffileState, PackageService
from engine.programs.lines import cleaned_lines, pairs
from engine.programs.maintainer_scripts import stops

_STATES = frozenset(get_args(ConffileState))
_SERVICE = ".service"
_CLUSTER = re.compile(r"postgresql@([0-9.]+)-")


def parse_conffiles(output: bytes) -> tuple[Conffile, ...] | None:
    """Lines ``STATE=PACKAGE|PATH`` and ``same=PACKAGE|VERSION|PATH``, sorted by path.

    None unless the look came to its end. What is no plain file any more dpkg warns of and leaves
    alone (dpkg's source, configure.c, ``conffderef``): it is left out.
    """
    states: dict[tuple[str, str], ConffileState] = {}
    same: dict[tuple[str, str], set[str]] = {}
    whole = False
    for key, value in pairs(output):
        package, _, rest = value.partition("|")
        if (key, value) == ("seen", "all"):
            whole = True
        elif key == "same":
            version, _, path = rest.partition("|")
            same.setdefault((path, package), set()).add(_unquoted(version))
        elif key in _STATES and package and rest.startswith("/"):
            states[rest, package] = cast("ConffileState", key)
    if not whole:
        return None
    return tuple(
        Conffile(path, package, states[path, package], tuple(sorted(same.get((path, package), ()))))
        for path, package in sorted(states)
    )


def _unquoted(version: str) -> str:
    """A version in the name of a fetched package (apt's acquire-item.cc quotes these two)."""
    return version.replace("%3a", ":").replace("%5f", "_")


def parse_unit_files(output: bytes) -> dict[str, frozenset[str]]:
    """Packages by the service that a file of theirs stands for, of ``grep -H`` in dpkg's lists.

    Lines ``./PACKAGE[:ARCHITECTURE].list:PATH``. A script in /etc/init.d stands for a service of
    its name (systemd-sysv-generator(8)).
    """
    found: dict[str, frozenset[str]] = {}
    for line in cleaned_lines(output):
        file, mark, path = line.partition(".list:/")
        package = file.removeprefix("./").partition(":")[0]
        folder, _, name = path.rpartition("/")
        if not (mark and package and name):
            continue
        service = name + _SERVICE if folder == "etc/init.d" else name
        if service.endswith(_SERVICE):
            found[service] = found.get(service, frozenset()) | {package}
    return found


def package_services(
    running: tuple[str, ...],
    owners: Mapping[str, frozenset[str]],
    acts: Mapping[str, frozenset[str]] | None = None,
) -> tuple[PackageService, ...]:
    """Running services with the packages that own their unit file or its template.

    A cluster of PostgreSQL also belongs to its version's package, whose scripts stop it
    (maintscripts-functions of postgresql-common).

    Args:
        acts: What each package's scripts stop or restart; None: that isn't known.
    """
    found: set[PackageService] = set()
    for service in running:
        prefix, at, _ = service.partition("@")
        template = f"{prefix}@{_SERVICE}" if at and service.endswith(_SERVICE) else service
        packages = set(owners.get(service) or owners.get(template) or ())
        cluster = _CLUSTER.match(service)
        if cluster is not None:
            packages.add(f"postgresql-{cluster[1]}")
        for package in packages:
            left = acts is not None and not stops(acts.get(package, frozenset()), service)
            found.add(PackageService(service, package, left))
    return tuple(sorted(found, key=lambda s: (s.name, s.package)))
