"""What could be done in place to a Debian or Ubuntu host, from its facts alone."""

from __future__ import annotations

from engine.families.apt import effects, soundness
from engine.families.apt.soundness import span
from engine.families.apt.subset import WHOLE, Subset, dependents, source_of, sources_of, without
from engine.families.traits import names_with
from engine.model.candidate import Blocker, Candidate, Effects, Kind
from engine.model.facts import Change, Facts, Packages, Transaction
from engine.model.host import Host
from engine.programs.filesystems import filesystem_of
from engine.programs.kernel import is_image

ARCHIVES = "/var/cache/apt/archives"
"""Where apt keeps what it downloads (Dir::Cache::archives, apt.conf(5)) unless configured away."""
SYSTEM = "/usr"
BOOT = "/boot"
INODES = 1_000
"""A judgement: a handful of packages is as many files."""
"""Where nearly all of what packages install comes to lie."""
_KINDS: tuple[Kind, ...] = ("upgrade", "dist-upgrade")


def candidates(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """``upgrade`` and ``dist-upgrade``, with changes, effects and this family's blockers."""
    return tuple(_candidate(host, facts, kind) for kind in _KINDS)


def _candidate(host: Host, facts: Facts, kind: Kind) -> Candidate:
    packages = facts.packages or Packages()
    transaction = packages.transaction(kind)
    changes = None if transaction is None or transaction.error else transaction.changes
    blockers = [
        *dpkg_blockers(facts, packages),
        *simulation_blockers(host, facts, kind, transaction),
    ]
    if transaction is not None and changes is not None:
        blockers += _set_blockers(host, facts, kind, transaction)
    return Candidate(
        id=kind,
        kind=kind,
        title=_title(kind, changes),
        changes=changes,
        effects=_effects(facts, transaction if changes is not None else None),
        blockers=tuple(blockers),
    )


def part_of_upgrade(
    host: Host, facts: Facts, subset: Subset, part: Transaction, obstacles: tuple[Blocker, ...]
) -> Candidate:
    """The candidate of a part of ``upgrade``, in which its own obstacles stand first."""
    blockers = (
        *dpkg_blockers(facts, facts.packages or Packages()),
        *obstacles,
        *_set_blockers(host, facts, WHOLE, part),
    )
    return Candidate(
        id=subset.id,
        kind=WHOLE,
        title=_title(subset.id, part.changes),
        changes=part.changes,
        effects=_effects(facts, part),
        blockers=blockers,
        subset=subset.name,
    )


def _title(kind: str, changes: tuple[Change, ...] | None) -> str:
    if changes is None:
        return f"apt {kind}"
    if not changes:
        return f"apt {kind}: nothing to change"
    removed = sum(change.action == "remove" for change in changes)
    what = f"apt {kind}: {_count(len(changes) - removed, 'package')}"
    return f"{what}, {_count(removed, 'removal')}" if removed else what


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _effects(facts: Facts, transaction: Transaction | None) -> Effects:
    if transaction is None:
        return Effects()
    changes = transaction.changes
    packages = facts.packages or Packages()
    stays = [change for change in changes if change.action != "remove"]
    return Effects(
        reboot=bool(names_with(stays, "wants-reboot")),
        units=effects.units(packages, changes),
        containers=effects.containers(facts, changes),
        conffiles=effects.conffiles(packages, changes),
        download_bytes=transaction.download_bytes,
        disk_bytes=transaction.disk_bytes,
    )


def dpkg_blockers(facts: Facts, packages: Packages) -> list[Blocker]:
    """What is wrong with the host, or with dpkg itself; apt does nothing until it is mended."""
    found = soundness.blockers(facts)
    if facts.dpkg_lock is not None:
        found.append(_lock_blocker(facts))
    if facts.packages_at_work:
        # What looks half done is the very work that goes on: to repair it now would be wrong.
        return found
    repair = f"hostshift plan {facts.host} {packages.repair}"
    if packages.interrupted:
        found.append(
            Blocker(
                "dpkg-interrupted",
                "dpkg was interrupted in the middle of its work: some packages are unpacked and "
                "not configured, and apt refuses everything until that is finished.",
                f"{repair}\n# by hand: dpkg --configure -a",
            )
        )
    if packages.broken:
        shown = ", ".join(f"{b.name} ({b.state})" for b in packages.broken[:5])
        more = f" and {len(packages.broken) - 5} more" if len(packages.broken) > 5 else ""
        found.append(
            Blocker(
                "dpkg-broken",
                f"{_count(len(packages.broken), 'package')} neither properly installed nor "
                f"properly removed: {shown}{more}.{_removed_by_repair(packages)}",
                f"{repair}\n# by hand: dpkg --configure -a; then apt-get -s -f install",
            )
        )
    if facts.depth == "full" and facts.packages is not None and packages.interrupted is None:
        found.append(
            Blocker(
                "dpkg-unknown",
                "It could not be told whether dpkg was interrupted, and acting on an interrupted "
                "dpkg can break the host.",
                "dpkg --audit",
            )
        )
    return found


def _removed_by_repair(packages: Packages) -> str:
    removed = packages.repair_removes or ()
    more = f" and {len(removed) - 10} more" if len(removed) > 10 else ""
    return f" To finish it removes {', '.join(removed[:10])}{more}." if removed else ""


def _lock_blocker(facts: Facts) -> Blocker:
    holder = facts.dpkg_lock
    pid = holder.pid if holder else None
    command = (holder.command if holder else None) or "a program that could not be named"
    age = holder.running_s if holder else None
    since = f"; it has run for {span(age)}" if age is not None else ""
    return Blocker(
        "dpkg-lock",
        f"dpkg is busy: {command}"
        + (f" (process {pid})" if pid else "")
        + f" holds its lock{since}.",
        f"tail --pid={pid} -f /dev/null" if pid else "fuser -v /var/lib/dpkg/lock-frontend",
    )


def simulation_blockers(
    host: Host, facts: Facts, kind: Kind, transaction: Transaction | None
) -> list[Blocker]:
    """Whether it is known at all what would change."""
    if transaction is None and _lists_are_missing(facts):
        # Before the depth is asked: a full look could simulate nothing either.
        return [_lists_missing(host)]
    if facts.depth == "light" and transaction is None:
        return [
            Blocker(
                "not-looked",
                "This was only a light look: what would change has not been simulated.",
                f"hostshift status {host.name}",
            )
        ]
    if transaction is None:
        said = [problem.message for problem in facts.problems if problem.section == kind]
        return [
            Blocker(
                "simulation-failed",
                " ".join(("What would change could not be simulated on the host.", *said)),
                f"apt-get -s {kind}",
            )
        ]
    if not transaction.error:
        return []
    words = " ".join(transaction.error.split())
    interrupted = "dpkg was interrupted" in words
    if facts.packages_at_work and (interrupted or transaction.unfit):
        return []
    if interrupted and facts.packages and facts.packages.interrupted:
        return []
    if transaction.unfit:
        return [
            Blocker(
                "broken-dependencies",
                f"Installed packages don't fit together: {words}",
                f"hostshift plan {host.name} {(facts.packages or Packages()).repair}\n"
                "# by hand: apt-get -s -f install",
            )
        ]
    return [
        Blocker(
            "simulation-failed",
            f"apt could not work out what it would do: {words}",
            f"apt-get -s {kind}",
        )
    ]


def _set_blockers(host: Host, facts: Facts, kind: Kind, transaction: Transaction) -> list[Blocker]:
    """What forbids this very set of changes."""
    changes = transaction.changes
    if not changes:
        return [_nothing(host, facts, kind)]
    found = []
    excluded = tuple(c for c in changes if _is_excluded(c, host.exclude))
    if excluded:
        found.append(_excluded(host, facts, excluded))
    downgrades = [change.name for change in changes if change.action == "downgrade"]
    if downgrades:
        found.append(
            Blocker(
                "downgrade",
                f"The set would downgrade {', '.join(downgrades)}, and apt-get refuses that "
                "without being asked by name; a pin is the usual cause.",
                f"apt-cache policy {' '.join(downgrades)}",
            )
        )
    if any(c.name == "grub-pc" and c.action != "remove" for c in transaction.changes):
        found += soundness.boot_loader_blockers(facts)
    return found + _room_blockers(facts, transaction)


def _is_excluded(change: Change, exclude: tuple[str, ...]) -> bool:
    return source_of(change) in exclude


def _excluded(host: Host, facts: Facts, excluded: tuple[Change, ...]) -> Blocker:
    """The way out is a part of ``upgrade``: `upgrade` itself where that leaves them out."""
    upgrade = facts.packages.transaction(WHOLE) if facts.packages else None
    changes = upgrade.changes if upgrade else ()
    left_out = {s for s in sources_of(changes) if s in host.exclude}
    way = without(dependents(upgrade, left_out)).id if upgrade and left_out else WHOLE
    names = ", ".join(sorted({change.name for change in excluded}))
    return Blocker(
        "excluded",
        f"The set holds {names}, which the inventory excludes on this host.",
        f"hostshift plan {host.name} {way}",
    )


def _lists_are_missing(facts: Facts) -> bool:
    packages = facts.packages or Packages()
    return facts.lists_age_s is None and not packages.upgradable


def _lists_missing(host: Host) -> Blocker:
    return Blocker(
        "lists-missing",
        "There are no package lists on the host, or their age can't be told, so that "
        "'nothing to do' would prove nothing.",
        f"hostshift plan {host.name} refresh",
    )


def _nothing(host: Host, facts: Facts, kind: Kind) -> Blocker:
    packages = facts.packages or Packages()
    refresh = f"hostshift plan {host.name} refresh"
    if _lists_are_missing(facts):
        return _lists_missing(host)
    kept = packages.kept_back or ()
    if kind == "upgrade" and kept:
        return Blocker(
            "nothing-to-do",
            f"apt upgrade would change nothing; it keeps back {', '.join(kept[:5])}"
            + (" and more" if len(kept) > 5 else "")
            + ", which only dist-upgrade may take.",
            f"hostshift plan {host.name} dist-upgrade",
        )
    return Blocker("nothing-to-do", "There is nothing that this would change.", refresh)


def _room_blockers(facts: Facts, transaction: Transaction) -> list[Blocker]:
    """Not enough disk for the download, what is unpacked from it, or a kernel's initramfs."""
    kept = (facts.packages.archive_bytes if facts.packages else None) or 0
    filesystems = facts.filesystems or ()
    needed: dict[str, int] = {}
    for path, size in (
        (ARCHIVES, transaction.download_bytes),
        (SYSTEM, transaction.disk_bytes),
        (BOOT, _boot_bytes(facts, transaction)),
    ):
        where = filesystem_of(path, filesystems)
        if where is not None and size is not None and size > 0:
            needed[where.mount] = needed.get(where.mount, 0) + size
    found = []
    for filesystem in filesystems:
        need, free = needed.get(filesystem.mount, 0), filesystem.free_bytes
        if free is not None and need > free:
            words = (
                f"{filesystem.mount} has {megabytes(free)} free and {megabytes(need)} would be "
                "needed."
            )
            remedy = f"hostshift plan {facts.host} autoremove\n# by hand: apt-get autoremove"
            if kept and filesystem == filesystem_of(ARCHIVES, filesystems):
                words += f" Fetched packages that apt keeps there take {megabytes(kept)}."
                remedy = f"hostshift plan {facts.host} clean"
            found.append(Blocker("no-room", words, remedy))
    system = filesystem_of(SYSTEM, filesystems)
    if system is not None and system.free_inodes is not None and system.free_inodes < INODES:
        found.append(
            Blocker(
                "no-inodes",
                f"{system.mount} has room for {system.free_inodes} more files, of any size; below "
                f"{INODES} packages may not be unpacked to their end.",
                f"du --inodes -x -d 3 {system.mount} | sort -n | tail",
            )
        )
    return found


def _boot_bytes(facts: Facts, transaction: Transaction) -> int | None:
    """What new kernels take in /boot while the former ones are there, by the size of this one."""
    one = facts.packages.boot_bytes if facts.packages else None
    images = sum(is_image(c.name) and c.action != "remove" for c in transaction.changes)
    return None if one is None else images * one


def megabytes(size: int) -> str:
    """Bytes in whole megabytes (10^6), rounded up, as apt counts."""
    return f"{-(-size // 1_000_000)} MB"
