"""What a transaction would do to configuration files and services, from the facts alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.families.problems import needs_root, unread
from engine.families.protocol import Section, Sections
from engine.families.traits import names_with
from engine.model.facts import Change, Conffile, Facts, Packages, Problem
from engine.programs import dpkg_files, maintainer_scripts, systemd

_CONFFILES = "Which configuration files were changed on the host"
_RUNNING = "Which services run"
_UNIT_FILES = "Which services belong to packages"


def conffiles(packages: Packages, changes: Iterable[Change]) -> tuple[str, ...] | None:
    """Configuration files that dpkg asks about where the new version changes them too.

    They differ from what their package brought, or are gone (dpkg asks about these as well).
    Whether the new version of a file differs isn't known before it is fetched: until then it may,
    afterwards those are left out that don't. None where a file of the set could not be read.
    """
    changes = tuple(changes)
    if not changes:
        return ()
    if packages.conffiles is None:
        return None
    # A removal leaves them as they are; what an earlier one left is asked about when it comes back.
    coming: dict[str, set[str]] = {}
    for change in changes:
        if change.action != "remove":
            versions = coming.setdefault(change.name.partition(":")[0], set())
            versions.add(change.to_version or "")
    concerned = [
        found
        for found in packages.conffiles
        if found.package in coming and not coming[found.package] <= {*found.same_in}
    ]
    if any(found.state == "unreadable" for found in concerned):
        return None
    return tuple(sorted({found.path for found in concerned}))


def changed_conffiles(packages: Packages) -> tuple[Conffile, ...] | None:
    """All that somebody has changed, as a release upgrade may ask about each; None: not known."""
    found = packages.conffiles
    if found is None or any(one.state == "unreadable" for one in found):
        return None
    return tuple(sorted(found, key=lambda one: one.path))


def units(packages: Packages, changes: Iterable[Change]) -> tuple[str, ...] | None:
    """Services that run now and that the set's packages stop or restart.

    Those of which a package has the unit file, init script or template, and which its maintainer
    scripts don't leave running. None where it can't be told.
    """
    changes = tuple(changes)
    if not changes:
        return ()
    if packages.services is None:
        return None
    goes = {change.name.partition(":")[0]: change.action == "remove" for change in changes}
    return tuple(
        sorted(
            {
                found.name
                for found in packages.services
                if found.package in goes and (goes[found.package] or not found.stays)
            }
        )
    )


def containers(facts: Facts, changes: Sequence[Change]) -> tuple[str, ...] | None:
    """Containers that stop with their runtime; none where its daemon is left running.

    Docker's run on while containerd is restarted, unless docker's unit is bound to it, and with
    live-restore while dockerd is.
    """
    runtime = names_with(changes, "container-runtime")
    if not runtime:
        return ()
    if facts.containers is None:
        return None
    of_runtime = [change for change in changes if change.name in runtime]
    goes = any(change.action == "remove" for change in of_runtime)
    stopped = units(facts.packages or Packages(), of_runtime)
    spared: set[str] = set() if facts.docker_bound else {"containerd.service"}
    daemons = None if stopped is None else set(stopped) - spared
    if not goes and (daemons == set() or facts.live_restore):
        return ()
    return tuple(sorted(container.name for container in facts.containers))


def observe(
    sections: Sections, packages: Packages, *, privileged: bool, systemd_runs: bool | None
) -> tuple[Packages, tuple[Problem, ...]]:
    """Add both to the package side of a full look, and what of them could not be read."""
    problems: list[Problem] = []
    files = _whole(sections.get("conffiles"))
    changed = None if files is None else dpkg_files.parse_conffiles(files.output)
    if changed is None:
        problems.append(unread(sections.get("conffiles"), "conffiles", _CONFFILES))
    packages = replace(packages, conffiles=changed)
    if changed is not None and _hidden(packages):
        problems.append(
            unread(sections.get("conffiles"), "conffiles", _CONFFILES)
            if privileged
            else needs_root("conffiles", _CONFFILES)
        )
    if systemd_runs:
        packages, more = _services(sections, packages)
        problems.extend(more)
    return packages, tuple(problems)


def _services(sections: Sections, packages: Packages) -> tuple[Packages, list[Problem]]:
    problems = []
    listed, files = sections.get("running-services"), sections.get("unit-files")
    shown, owned = _whole(listed), _whole(files)
    running = None if shown is None else systemd.parse_failed(shown.output, shown.exit_status)
    if running is None:
        problems.append(unread(listed, "running-services", _RUNNING))
    # grep(1) ends with 1 where no line is found.
    if owned is None or (owned.exit_status != 0 and (owned.exit_status != 1 or owned.output)):
        problems.append(unread(files, "unit-files", _UNIT_FILES))
    elif running is not None:
        owners = dpkg_files.parse_unit_files(owned.output)
        acts = _whole(sections.get("service-acts"))
        services = dpkg_files.package_services(
            running, owners, None if acts is None else maintainer_scripts.parse(acts.output)
        )
        packages = replace(packages, services=services)
    return packages, problems


def _hidden(packages: Packages) -> bool:
    """Whether a file of some transaction's set could not be read."""
    made = packages.transactions or ()
    return any(conffiles(packages, transaction.changes) is None for transaction in made)


def _whole(section: Section | None) -> Section | None:
    return None if section is None or section.truncated else section
