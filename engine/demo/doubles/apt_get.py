"""apt-get(8): update, upgrades, install -f, check, changelog, download; real and simulated."""

from __future__ import annotations

import os

from .archives import KEPT, download, keep
from .changelogs import changelog
from .install import Progress, carry_out
from .options import Options, UnknownOptionError, parse
from .packages import Available, Database, Transaction, native, pretty
from .state import (
    CONTROL,
    LISTS,
    UPDATES,
    LockHeldError,
    dpkg_lock,
    err,
    is_root,
    now,
    out,
    pause,
    read_stanzas,
)

_UPGRADES = ("upgrade", "dist-upgrade", "full-upgrade", "install")


def main(program: str, arguments: list[str]) -> int:
    """Run apt-get (or apt's commands of the same names); 100 is any error, as in apt."""
    try:
        options = parse(arguments)
    except UnknownOptionError as unknown:
        err(str(unknown))
        return 100
    if "version" in options.flags:
        out(f"apt 3.0.3 ({native()})")
        return 0
    command = options.words[0] if options.words else ""
    if command == "update":
        return _update(options)
    if command in _UPGRADES:
        return _upgrade(program, command, options)
    if command == "check":
        return _check(Database(), options)
    if command == "changelog":
        return changelog(options.words[1:])
    if command == "download":
        return download(options.words[1:])
    if command == "indextargets":
        return _targets(options)
    if command in ("clean", "autoclean"):
        return 0
    err(f"E: Invalid operation {command}")
    return 100


def _update(options: Options) -> int:
    if not is_root():
        err("Reading package lists...")
        err("E: Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)")
        err("E: Unable to lock directory /var/lib/apt/lists/")
        return 100
    mirror = CONTROL / "mirror"
    number = size = 0
    for fresh in sorted(mirror.glob("*_InRelease")):
        number += 1
        release = (read_stanzas(fresh) or [{}])[0]
        base = fresh.name.removesuffix("_InRelease")
        lists = [path for path in sorted(mirror.glob(f"{base}_*")) if path != fresh]
        changed = any(_differs(path.name) for path in [fresh, *lists])
        where = f"{release['X-Demo-Base']} {release['X-Demo-Dist']}"
        pause(0.4)
        out(f"{'Get' if changed else 'Hit'}:{number} {where} InRelease")
        for path in lists if changed else ():
            number += 1
            size += path.stat().st_size
            out(f"Get:{number} {where}/main {native()} Packages [{_amount(path.stat().st_size)}]")
        for path in [fresh, *lists]:
            LISTS.joinpath(path.name).write_bytes(path.read_bytes())
            os.utime(LISTS / path.name, (now(), now()))
    os.utime(LISTS, (now(), now()))
    os.utime(LISTS / "partial", (now(), now()))
    for stamp in (CONTROL.parent / "root/var/lib/apt/periodic").glob("update*"):
        os.utime(stamp, (now(), now()))
    if size:
        out(f"Fetched {_amount(size)} in 1s ({_amount(size)}/s)")
    out("Reading package lists...")
    return 0


def _targets(options: Options) -> int:
    """The lists that the sources want; without --no-release-info only those that are here."""
    folder = options.setting("Dir::State::lists", f"{LISTS}/")
    for fresh in sorted((CONTROL / "mirror").glob("*_InRelease")):
        release = (read_stanzas(fresh) or [{}])[0]
        base = fresh.name.removesuffix("_InRelease")
        for path in sorted(fresh.parent.glob(f"{base}_*_Packages")):
            if "no-release-info" not in options.flags and not LISTS.joinpath(path.name).exists():
                continue
            key = path.name.removeprefix(f"{base}_").replace("_", "/")
            line = options.setting("format", "$(FILENAME)")
            for field, value in {
                "ARCHITECTURE": native(),
                "METAKEY": key,
                "FILENAME": f"{folder}{path.name}",
                "RELEASE": release["X-Demo-Dist"],
                "COMPONENT": key.partition("/")[0],
                "SITE": release["X-Demo-Base"],
            }.items():
                line = line.replace(f"$({field})", value)
            out(line)
    return 0


def _differs(name: str) -> bool:
    fresh, old = CONTROL / "mirror" / name, LISTS / name
    return not old.exists() or fresh.read_bytes() != old.read_bytes()


def _upgrade(program: str, command: str, options: Options) -> int:
    if "simulate" in options.flags or "uris" in options.flags:
        return _transact(program, command, options, real=False)
    if not is_root():
        err(
            "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)"
        )
        err(
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), "
            "are you root?"
        )
        return 100
    wait = float(options.setting("DPkg::Lock::Timeout", "0") or 0)
    try:
        with dpkg_lock(wait):
            return _transact(program, command, options, real=True)
    except LockHeldError as held:
        err(
            f"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process {held.pid} "
            "(apt-get)"
        )
        err(
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), "
            "is another process using it?"
        )
        return 100


def _transact(program: str, command: str, options: Options, *, real: bool) -> int:
    if real and UPDATES.is_dir() and any(UPDATES.iterdir()):
        err(
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the "
            "problem. "
        )
        return 100
    database = Database()
    transaction = _plan(program, command, options, database)
    if "uris" in options.flags:
        for offer in [*transaction.install, *transaction.upgrade]:
            file = f"{offer.key[0]}_{offer.version}_{offer.fields['Architecture']}.deb"
            out(f"'{offer.uri()}' {file.replace(':', '%3a')} {offer.size} ")
        return 0
    if "very-quiet" not in options.flags:
        out("Reading package lists...\nBuilding dependency tree...\nReading state information...")
        if command != "install":
            out("Calculating upgrade...")
        _show(transaction, database)
    if not real:
        _simulate(transaction, database)
        return 0
    return _act(transaction, database, options)


def _plan(program: str, command: str, options: Options, database: Database) -> Transaction:
    if command == "install":
        return Transaction()
    removals = command != "upgrade" and "no-remove" not in options.flags
    new = (
        command != "upgrade"
        or program == "apt"
        or "new" in options.flags
        or options.truth("APT::Get::Upgrade-Allow-New")
    )
    phased = options.truth("APT::Get::Always-Include-Phased-Updates")
    return database.plan(new=new, removals=removals, phased_too=phased)


def _show(transaction: Transaction, database: Database) -> None:
    groups = (
        ("The following packages will be REMOVED:", [pretty(p.key) for p in transaction.remove]),
        (
            "The following NEW packages will be installed:",
            [pretty(p.key) for p in transaction.install],
        ),
        ("The following upgrades have been deferred due to phasing:", transaction.phased),
        (
            "The following packages have been kept back:",
            sorted([*transaction.kept, *transaction.held]),
        ),
        (
            "The following packages will be upgraded:",
            [pretty(p.key) for p in transaction.upgrade],
        ),
    )
    for title, names in groups:
        if names:
            out(title)
            _columns(names)
    left = len(transaction.kept) + len(transaction.held) + len(transaction.phased)
    out(
        f"{len(transaction.upgrade)} upgraded, {len(transaction.install)} newly installed, "
        f"{len(transaction.remove)} to remove and {left} not upgraded."
    )
    broken = database.broken()
    if broken:
        out(f"{len(broken)} not fully installed or removed.")


def _columns(names: list[str]) -> None:
    line = " "
    for name in names:
        if len(line) + len(name) + 1 > 79:
            out(line)
            line = " "
        line += f" {name}"
    out(line)


def _simulate(transaction: Transaction, database: Database) -> None:
    for package in transaction.remove:
        out(f"Remv {pretty(package.key)} [{package.version}]")
    coming = [*transaction.install, *transaction.upgrade]
    for offer in coming:
        old = database.installed.get(offer.key)
        was = f" [{old.version}]" if old is not None else ""
        out(f"Inst {pretty(offer.key)}{was} ({_offered(offer)})")
    for broken in database.broken():
        offer_now = database.candidate(broken.key)
        origins = f" {offer_now.origins()}" if offer_now else ""
        if not any(offer.key == broken.key for offer in coming):
            arch = broken.fields["Architecture"]
            out(f"Conf {pretty(broken.key)} ({broken.version}{origins} [{arch}])")
    for offer in coming:
        out(f"Conf {pretty(offer.key)} ({_offered(offer)})")


def _offered(offer: Available) -> str:
    return f"{offer.version} {offer.origins()} [{offer.fields['Architecture']}]"


def _act(transaction: Transaction, database: Database, options: Options) -> int:
    coming = [*transaction.install, *transaction.upgrade]
    if not coming and not transaction.remove and not database.broken():
        return 0
    if "yes" not in options.flags:
        err("Do you want to continue? [Y/n] Abort.")
        return 1
    descriptor = options.setting("APT::Status-Fd")
    progress = Progress(int(descriptor) if descriptor else None)
    _download(coming, database, progress)
    for offer in coming:
        installed = database.installed.get(offer.key)
        if installed is not None and installed.fields.get("Conffiles"):
            keep(KEPT, offer, database)
    if "download" in options.flags:
        out("Download complete and in download only mode")
        return 0
    failures = carry_out(database, transaction, progress)
    if failures.names:
        err("E: Sub-process /usr/bin/dpkg returned an error code (1)")
        return 100
    return 0


def _download(coming: list[Available], database: Database, progress: Progress) -> None:
    total = sum(offer.size for offer in coming)
    if not coming:
        out("After this operation, 0 B of additional disk space will be used.")
        return
    out(f"Need to get {_amount(total)} of archives.")
    growth = sum(_growth(offer, database) for offer in coming)
    word = "of additional disk space will be used" if growth >= 0 else "disk space will be freed"
    out(f"After this operation, {_amount(abs(growth))} {word}.")
    done = 0
    for number, offer in enumerate(coming, 1):
        left = f"Retrieving file {number} of {len(coming)}"
        progress.download(number, 100.0 * done / max(1, total), left)
        release = offer.releases[0]
        out(
            f"Get:{number} {release['X-Demo-Base']} {release['X-Demo-Dist']}/main "
            f"{offer.fields['Architecture']} {offer.key[0]} {offer.fields['Architecture']} "
            f"{offer.version} [{_amount(offer.size)}]"
        )
        pause(min(1.5, 0.05 + offer.size / 40e6))
        done += offer.size
    progress.download(len(coming), 100.0, "Retrieving files")
    seconds = max(1, total // 20_000_000)
    out(f"Fetched {_amount(total)} in {seconds}s ({_amount(total // seconds)}/s)")


def _growth(offer: Available, database: Database) -> int:
    """Bytes on disk that a version needs more than what is there (Installed-Size is in KiB)."""
    old = database.installed.get(offer.key)
    before = int(old.fields.get("Installed-Size", "0")) if old is not None else 0
    return 1024 * (int(offer.fields.get("Installed-Size", "0")) - before)


def _amount(size: int) -> str:
    """A size as apt prints it (SizeToStr in apt's strutl.cc): decimal, at most four digits."""
    units = ("", "k", "M", "G")
    value, unit = float(size), 0
    while value >= 10_000 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    if unit and value < 100:
        return f"{value:.1f} {units[unit]}B"
    return f"{value:,.0f} {units[unit]}B"


def _check(database: Database, options: Options) -> int:
    out("Reading package lists...\nBuilding dependency tree...\nReading state information...")
    return 0
