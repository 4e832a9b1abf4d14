"""The host after a job, compared with what the plan promised. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.model.facts import Change, Facts
from engine.model.plan import VerifyAct
from engine.programs.dpkg_versions import Installed
from engine.programs.filesystems import filesystem_of
from engine.runs.observe import After, Stopped

_NAMED = 10
"""Packages of one kind that are named; a hundred lines of them help nobody."""
_DATABASE = "/var/lib/dpkg"
_NO_ROOM = 17_000_000
"""Bytes free below which dpkg may not even write down what it has done: of what ext4 calls free,
nobody gets the last 4096 blocks (16 MiB; linux, fs/ext4/super.c, ext4_set_resv_clusters)."""


def compare(act: VerifyAct, facts: Facts, installed: Sequence[Installed] | None) -> After:
    """What is wrong, what is well, and what could not be seen.

    Args:
        installed: What dpkg has; None where it could not be asked or wasn't needed.
    """
    unread: list[str] = []
    checked: list[str] = []
    wrong: tuple[str, ...] = ()
    if act.changes:
        if not installed:
            unread.append("the versions of the packages could not be read")
        else:
            wrong = tuple(_wrong(act.changes, installed))
            if not wrong:
                checked.append(f"All {len(act.changes)} planned changes are there, at the version.")
    unclean = _unclean(facts, unread)
    if facts.packages is not None and not unclean and not unread:
        checked.append("dpkg has nothing half done.")
    new_failed = _new_failed(act, facts, unread)
    if facts.failed_units is not None and not new_failed:
        checked.append("No unit fails that did not fail before.")
    return After(
        wrong=_some(wrong),
        unclean=_some(unclean),
        new_failed=new_failed,
        full=_full(facts),
        unread=tuple(unread),
        checked=tuple(checked),
        stopped=Stopped(reboot_due=facts.reboot.required),
    )


def _wrong(changes: Iterable[Change], installed: Sequence[Installed]) -> Iterable[str]:
    by_name: dict[str, list[Installed]] = {}
    for package in installed:
        by_name.setdefault(package.name, []).append(package)
    for change in changes:
        # apt writes NAME:ARCH for what is not of the host's own architecture.
        name, _, architecture = change.name.partition(":")
        there = by_name.get(name, [])
        if architecture:
            there = [p for p in there if p.architecture == architecture]
        present = [p for p in there if p.present]
        if change.action == "remove":
            if any(not p.gone for p in there):
                yield f"{change.name} should be gone and is there"
        elif not any(p.version == change.to_version for p in present):
            yield f"{change.name} should be at {change.to_version} and is {_found(there)}"


def _found(there: Sequence[Installed]) -> str:
    said = [f"at {p.version} ({p.state})" for p in there if not p.gone]
    return ", ".join(said) or "not installed"


def _unclean(facts: Facts, unread: list[str]) -> tuple[str, ...]:
    packages = facts.packages
    if packages is None or packages.broken is None or packages.interrupted is None:
        if facts.family == "apt":
            unread.append("whether dpkg has something half done could not be read")
        return ()
    found = [f"dpkg has {p.name} half done ({p.state})" for p in packages.broken]
    if packages.interrupted:
        found.append("dpkg was interrupted in the middle of its work")
    return tuple(found)


def _full(facts: Facts) -> tuple[str, ...]:
    where = filesystem_of(_DATABASE, facts.filesystems or ())
    if facts.packages is None or where is None:
        return ()
    if where.free_bytes is not None and where.free_bytes < _NO_ROOM:
        return (f"no room is left on {where.mount}: {where.free_bytes // 1_000_000} MB are free",)
    if where.free_inodes == 0:
        return (f"no room is left on {where.mount}: no inode is free",)
    return ()


def _new_failed(act: VerifyAct, facts: Facts, unread: list[str]) -> tuple[str, ...]:
    if act.failed_units_before is None:
        return ()
    if facts.failed_units is None:
        unread.append("the failed units could not be read")
        return ()
    return tuple(sorted(set(facts.failed_units) - set(act.failed_units_before)))


def _some(lines: tuple[str, ...]) -> tuple[str, ...]:
    cut = len(lines) - _NAMED
    return (*lines[:_NAMED], f"... and {cut} more") if cut > 0 else lines
