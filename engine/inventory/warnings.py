"""What is worth a word but no reason to refuse: the fleet can be looked at without it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from engine.inventory.draft import Draft
from engine.inventory.faults import Fault, Nearest
from engine.inventory.lines import KeyPath
from engine.inventory.resolve import absolute_path, jump_of, program_words, setting
from engine.inventory.schema import Table
from engine.inventory.wrong import shown

HOST_PROGRAMS: Final = ("snapshot", "snapshot_restore", "snapshot_remove", "clone", "destroy")
REPLACEMENT_PROGRAMS: Final = ("provision", "decommission", "references")
SERVICE_PROGRAMS: Final = (
    *("sync", "verify", "deploy", "restore", "backup_age", "test", "final_backup"),
)
ZONE_PROGRAMS: Final = ("key_command", "command")
HOOK_PROGRAMS: Final = ("before", "after", "notify")
_NUMBER_BEHIND: Final = re.compile(r"[-_]?[0-9]+$")
UNUSED_WHEN_LOCAL: Final = ("address", "user", "port", "identity", "known_hosts", "jump")


def warnings(draft: Draft, base: Path) -> Iterator[Fault]:
    """Missing scripts and keys, settings without effect, names that invite trouble."""
    if not draft.host_names:
        yield Fault(("hosts",), "there is no host in this inventory", "add [hosts.NAME]")
    yield from _programs(draft, base)
    yield from _key_files(draft, base)
    for name in draft.hosts:
        yield from _host(draft, name)
    yield from _jumps_like_hosts(draft)
    for name, service in draft.services.items():
        if service.thaw is not None and not service.freeze_is_command:
            yield Fault(("services", name, "thaw"), "thaw is only run when freeze is a command")
    if draft.store.url is not None and _holds_password(draft.store.url):
        yield Fault(
            ("store", "url"),
            "a password in a file that is kept in version control",
            "leave it out and use ~/.pgpass (PGPASSFILE)",
        )


def _tables(draft: Draft) -> Iterator[tuple[KeyPath, Table, tuple[str, ...]]]:
    yield ("defaults",), draft.defaults, HOST_PROGRAMS
    yield ("replacement",), draft.replacement, REPLACEMENT_PROGRAMS
    yield ("hooks",), draft.hooks, HOOK_PROGRAMS
    for name, host in draft.hosts.items():
        yield ("hosts", name), host, HOST_PROGRAMS
        if host.replacement is not None:
            yield ("hosts", name, "replacement"), host.replacement, REPLACEMENT_PROGRAMS
    for name, service in draft.services.items():
        yield ("services", name), service, SERVICE_PROGRAMS
    for name, zone in draft.zones.items():
        yield ("zones", name), zone, ZONE_PROGRAMS


def _programs(draft: Draft, base: Path) -> Iterator[Fault]:
    look = cache(lambda text: _program_fault(program_words(text, base)[0]))
    for path, table, keys in _tables(draft):
        for key in keys:
            text = getattr(table, key)
            found = look(text) if text is not None else None
            if found is not None:
                yield Fault((*path, key), *found)


def _program_fault(program: str) -> tuple[str, str | None] | None:
    if "/" not in program:
        if shutil.which(program) is not None:
            return None
        return f"there is no program {shown(program)} on this machine's PATH", _like_a_path(program)
    path = Path(program)
    if not _exists(path):
        return f"there is no file {program}", None
    if path.is_dir():
        return f"{program} is a directory", None
    if not os.access(path, os.X_OK):
        return f"{program} can't be executed", f"chmod +x {program}"
    return None


def _like_a_path(program: str) -> str | None:
    return f'did you mean "./{program}"?' if "." in program else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a directory on the way that may not be entered
        return False


def _key_files(draft: Draft, base: Path) -> Iterator[Fault]:
    missing = cache(lambda text: not _exists(Path(absolute_path(text, base))))
    tables: list[tuple[KeyPath, Table, str]] = [(("defaults",), draft.defaults, "identity")]
    tables += [(("hosts", name), host, "identity") for name, host in draft.hosts.items()]
    tables += [(("zones", name), zone, "key_file") for name, zone in draft.zones.items()]
    for path, table, key in tables:
        text = getattr(table, key)
        if text is not None and missing(text):
            yield Fault((*path, key), f"there is no file {absolute_path(text, base)}")


def _host(draft: Draft, name: str) -> Iterator[Fault]:
    yield from _named_after_a_service(draft, name)
    if setting(draft, name, "transport")[1] != "local":
        return
    for key in UNUSED_WHEN_LOCAL:
        if getattr(draft.hosts[name], key) is not None:
            yield Fault(("hosts", name, key), f'{key} has no effect with transport = "local"')


def _named_after_a_service(draft: Draft, name: str) -> Iterator[Fault]:
    """The host's name or address tells what runs on it; a DNS name of a service is an error."""
    advice = "give the server a name of its own, such as server1"
    if name in draft.services:
        yield Fault(
            ("hosts", name),
            f"a host and a service are both called {name}; servers are never named after a service",
            advice,
            ("services", name),
        )
        return
    here = {s.lower(): s for s, table in draft.services.items() if table.host == name}
    address = draft.hosts[name].address
    for path, text in ((("hosts", name), name), (("hosts", name, "address"), address)):
        stem = _NUMBER_BEHIND.sub("", (text or "").partition(".")[0].lower())
        if stem in here:
            yield Fault(
                path,
                f"{text} is named after the service {here[stem]}, which lives on it; servers are "
                "never named after a service",
                advice,
                ("services", here[stem]),
            )
            return


def _jumps_like_hosts(draft: Draft) -> Iterator[Fault]:
    told: set[KeyPath] = set()
    near = Nearest(draft.host_names, likeness=0.8)
    for name in draft.hosts:
        place, jump = jump_of(draft, name)
        if jump is None or place in told:
            continue
        told.add(place)
        if jump in draft.hosts:
            if setting(draft, jump, "transport")[1] == "local":
                yield Fault(place, f"{jump} is this machine itself; there is nothing to jump over")
        elif near.to(jump) is not None:
            yield Fault(
                place,
                f"{shown(jump)} is no host of this inventory and is taken as an OpenSSH alias",
                near.to(jump),
            )


def _holds_password(url: str) -> bool:
    try:
        return urlsplit(url).password is not None or "password=" in url
    except ValueError:
        return False
