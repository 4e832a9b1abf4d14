"""Packages of an apt host: counted at light depth, and told apart by simulations at full depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.families.apt.parts import left_behind, with_parts
from engine.families.problems import unread
from engine.families.protocol import Section, Sections
from engine.model.facts import Change, Depth, Packages, Problem, Transaction
from engine.programs import apt_list, apt_records, apt_simulation, dpkg, lines

_SIMULATED = ("upgrade", "dist-upgrade")
"""Candidates' kinds, and the names of their sections."""
_Sources = Mapping[tuple[str, str], str]


def packages_of(
    sections: Sections, depth: Depth, *, lists_known: bool
) -> tuple[Packages, tuple[Problem, ...]]:
    """The package side of the facts, and what of it could not be read.

    Without any package list apt finds nothing to upgrade and says so with success; that is not
    known here, and not zero.
    """
    problems: list[Problem] = []
    unusual = _unusual(sections, problems)
    listed = _listed(sections, problems) if lists_known else None
    packages = Packages(
        upgradable=len(listed) if listed is not None else None,
        security=sum(u.security for u in listed) if listed is not None else None,
        held=dpkg.held(unusual) if unusual is not None else None,
        broken=dpkg.broken(unusual) if unusual is not None else None,
        interrupted=_interrupted(sections, problems),
    )
    if depth == "full" and lists_known:
        packages = _simulated(sections, packages, listed, problems)
    return packages, tuple(problems)


def _unusual(sections: Sections, problems: list[Problem]) -> tuple[dpkg.Installed, ...] | None:
    section = sections.get("dpkg")
    found = dpkg.parse_unusual(section.output) if section else None
    if found is None:
        problems.append(unread(section, "dpkg", "The state of packages"))
    return found


def _listed(sections: Sections, problems: list[Problem]) -> tuple[apt_list.Upgradable, ...] | None:
    section = sections.get("upgradable")
    found = None
    if section is not None and section.exit_status == 0 and not section.truncated:
        found = apt_list.parse(section.output)
    if found is None:
        problems.append(unread(section, "upgradable", "What could be upgraded"))
    return found


def _interrupted(sections: Sections, problems: list[Problem]) -> bool | None:
    section = sections.get("dpkg-journal")
    found = dpkg.parse_journal(section.output) if section else None
    if found is None:
        problems.append(unread(section, "dpkg-journal", "Whether dpkg was interrupted"))
    return found


def _simulated(
    sections: Sections,
    packages: Packages,
    listed: tuple[apt_list.Upgradable, ...] | None,
    problems: list[Problem],
) -> Packages:
    sources = dpkg.parse_sources(_bytes(sections.get("sources")))
    transactions = []
    simulations = {}
    for kind in _SIMULATED:
        simulation = _simulation(sections.get(kind))
        if simulation is None:
            problems.append(unread(sections.get(kind), kind, f"What {kind} would change"))
            continue
        simulations[kind] = simulation
        transactions.append(_transaction(kind, simulation, sections.get(f"{kind}-size"), sources))
    upgrade = simulations.get("upgrade")
    phased = _phased(sections, upgrade)
    kept_back = _kept_back(listed, upgrade, packages.held, phased)
    stays = {"held": packages.held or (), "phased": phased or (), "kept back": kept_back or ()}
    newer = None if listed is None else {u.name for u in listed}
    if newer is not None:
        stays = {why: tuple(n for n in names if n in newer) for why, names in stays.items()}
    packages = replace(
        packages,
        archive_bytes=_sum(sections.get("archives")),
        boot_bytes=_sum(sections.get("boot")),
        sources=tuple(sorted(set(sources.values()))),
        transactions=tuple(
            _taken_apart(sections, found, sources, stays) if found.candidate == "upgrade" else found
            for found in transactions
        ),
        phased=phased,
        esm=_esm(simulations.values()) if simulations else None,
        kept_back=kept_back,
    )
    return _with_labels(packages)


def _sum(section: Section | None) -> int | None:
    return lines.whole_number(lines.single(_bytes(section)).get("bytes"))


def _taken_apart(
    sections: Sections,
    transaction: Transaction,
    sources: _Sources,
    stays: Mapping[str, tuple[str, ...]],
) -> Transaction:
    """With what its changes need of each other, where that could be read."""
    records, marks = sections.get("records"), sections.get("automatic")
    if (
        records is None
        or marks is None
        or records.truncated
        or marks.truncated
        or marks.exit_status != 0
    ):
        return transaction
    found = with_parts(
        transaction,
        apt_records.parse(records.output),
        apt_records.automatic(marks.output),
        sources,
    )
    return replace(found, left=left_behind(found, sources, stays))


def _bytes(section: Section | None) -> bytes:
    return section.output if section else b""


def _simulation(section: Section | None) -> apt_simulation.Simulation | None:
    if section is None or section.truncated:
        return None
    return apt_simulation.parse(section.output, section.errors, section.exit_status)


def _transaction(
    kind: str, simulation: apt_simulation.Simulation, size: Section | None, sources: _Sources
) -> Transaction:
    download, disk = None, None
    if size is not None and not size.truncated:
        download, disk = apt_simulation.parse_size(size.output, size.exit_status)
    changes = tuple(
        replace(change, source=sources.get((_plain(change.name), change.architecture or "")))
        for change in simulation.changes
    )
    if not changes and simulation.error is None and download is not None:
        disk = disk or 0
    return Transaction(kind, changes, download, disk, simulation.error)


def _esm(simulations: Iterable[apt_simulation.Simulation]) -> tuple[str, ...]:
    return tuple(sorted({name for simulation in simulations for name in simulation.esm}))


def _phased(
    sections: Sections, upgrade: apt_simulation.Simulation | None
) -> tuple[str, ...] | None:
    """Names that wait for their phase.

    apt 2.7.11 and later says so; before, they are what a simulation with
    ``APT::Get::Always-Include-Phased-Updates`` takes beyond the plain one.
    """
    if upgrade is None or upgrade.error is not None:
        return None
    found = {_plain(name) for name in upgrade.phased}
    section = sections.get("upgrade-phased")
    if section is not None:
        everything = _simulation(section)
        if everything is None or everything.error is not None:
            return tuple(sorted(found)) if found else None
        taken = {_plain(c.name) for c in upgrade.changes}
        found |= {_plain(c.name) for c in everything.changes if c.from_version} - taken
    return tuple(sorted(found))


def _kept_back(
    listed: tuple[apt_list.Upgradable, ...] | None,
    upgrade: apt_simulation.Simulation | None,
    held: tuple[str, ...] | None,
    phased: tuple[str, ...] | None,
) -> tuple[str, ...] | None:
    if upgrade is None or upgrade.error is not None or held is None or phased is None:
        return None
    left = {_plain(name) for name in upgrade.kept}
    if listed is not None:
        left |= {u.name for u in listed}
    taken = {_plain(change.name) for change in upgrade.changes}
    return tuple(sorted(left - taken - set(held) - set(phased)))


def _plain(name: str) -> str:
    return name.partition(":")[0]


def _with_labels(packages: Packages) -> Packages:
    """Count security updates by the simulations' labels too.

    ``apt list`` shows suites only, so that those of Debian 10 and earlier (a label) are counted
    here alone.
    """
    dist_upgrade = packages.transaction("dist-upgrade")
    if packages.security is None or dist_upgrade is None or dist_upgrade.error is not None:
        return packages
    labelled = sum(_is_secure_upgrade(change) for change in dist_upgrade.changes)
    return replace(packages, security=max(packages.security, labelled))


def _is_secure_upgrade(change: Change) -> bool:
    return change.security and change.action == "upgrade"
