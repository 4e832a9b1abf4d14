"""What packages own and what became of it: configuration files, unit files, running services.

``dpkg-query -W`` (its field ``Conffiles``), ``md5sum -c``, dpkg's file lists and ``systemctl
list-units``, as the probe's sections conffiles, unit-files and running-services give them.
"""

from __future__ import annotations

from typing import cast, get_args

from engine.model.facts import Conffile, ConffileState, PackageService
from engine.programs.lines import cleaned_lines, pairs

_STATES = frozenset(get_args(ConffileState))
_SERVICE = ".service"


def parse_conffiles(output: bytes) -> tuple[Conffile, ...] | None:
    """Lines ``STATE=PACKAGE|PATH``, sorted by path; None unless the look came to its end.

    What is no plain file any more dpkg warns of and leaves alone (dpkg's source, configure.c,
    ``conffderef``): it is left out.
    """
    found: set[Conffile] = set()
    whole = False
    for key, value in pairs(output):
        package, bar, path = value.partition("|")
        if (key, value) == ("seen", "all"):
            whole = True
        elif key in _STATES and bar and package and path.startswith("/"):
            found.add(Conffile(path, package, cast("ConffileState", key)))
    if not whole:
        return None
    return tuple(sorted(found, key=lambda c: (c.path, c.package, c.state)))


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
    running: tuple[str, ...], owners: dict[str, frozenset[str]]
) -> tuple[PackageService, ...]:
    """Running services with the packages that own their unit file or its template."""
    found: set[PackageService] = set()
    for service in running:
        prefix, at, _ = service.partition("@")
        template = f"{prefix}@{_SERVICE}" if at and service.endswith(_SERVICE) else service
        packages = owners.get(service) or owners.get(template) or ()
        found.update(PackageService(service, package) for package in packages)
    return tuple(sorted(found, key=lambda s: (s.name, s.package)))
