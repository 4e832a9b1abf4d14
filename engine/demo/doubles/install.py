"""Carrying a transaction out: dpkg's part, with its words, its order and its failures.

What a package's scripts do beside printing is told in its paragraph of the lists:
``X-Demo-Postinst`` (lines of output, each optionally after ``+SECONDS``), ``X-Demo-Fails`` (the
reason of a failing script), ``X-Demo-Restarts`` (units that go on running the old files),
``X-Demo-Containers`` (it restarts the container runtime), ``X-Demo-Failed-Unit``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from .archives import conffile_text
from .packages import Available, Database, Installed, Key, Transaction, pretty
from .state import CONTROL, ROOT, UPDATES, add_line, err, now, out, pause, replace_file

UNPACK_S = 0.25
CONFIGURE_S = 0.25


class Progress:
    """apt's progress lines (APT::Status-Fd): download and install both count to a hundred."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._steps = 1
        self._done = 0

    def begin(self, steps: int) -> None:
        """Start a phase of so many steps."""
        self._steps, self._done = max(1, steps), 0

    def download(self, number: int, percent: float, text: str) -> None:
        """One file is being fetched."""
        self._line(f"dlstatus:{number}:{percent:.4f}:{text}")

    def step(self, name: str, text: str, kind: str = "pmstatus") -> None:
        """A step of dpkg begins."""
        self._line(f"{kind}:{name}:{100.0 * self._done / self._steps:.4f}:{text}")
        if kind == "pmstatus":
            self._done = min(self._steps, self._done + 1)

    def _line(self, text: str) -> None:
        if self._descriptor is not None:
            os.write(self._descriptor, (text + "\n").encode())


class Failures:
    """Packages whose scripts failed, in order, with what else stays unconfigured for them."""

    def __init__(self) -> None:
        self.names: list[str] = []


def _arch_name(key: Key, fields: dict[str, str]) -> str:
    """A package's name as dpkg prints it: with the architecture where it is multi-arch same."""
    return f"{key[0]}:{key[1]}" if fields.get("Multi-Arch") == "same" else key[0]


def carry_out(database: Database, transaction: Transaction, progress: Progress) -> Failures:
    """Remove, unpack and configure; the database on disk follows each step."""
    coming = [*transaction.install, *transaction.upgrade]
    progress.begin(3 * len(coming) + len(transaction.remove) + len(database.broken()))
    progress.step("dpkg-exec", "Running dpkg")
    out(
        f"(Reading database ... {28_000 + 97 * len(database.installed)} files and directories "
        "currently installed.)"
    )
    for package in transaction.remove:
        _remove(database, package, progress)
    for number, offer in enumerate(coming):
        _unpack(database, offer, number if len(coming) > 1 else None, progress)
    return configure(database, progress)


def _remove(database: Database, package: Installed, progress: Progress) -> None:
    progress.step(package.key[0], f"Removing {package.key[0]} ({package.key[1]})")
    out(f"Removing {_arch_name(package.key, package.fields)} ({package.version}) ...")
    pause(UNPACK_S)
    del database.installed[package.key]
    database.save()


def _unpack(database: Database, offer: Available, number: int | None, progress: Progress) -> None:
    key = offer.key
    name, arch = _arch_name(key, offer.fields), offer.fields["Architecture"]
    progress.step(key[0], f"Preparing {key[0]} ({arch})")
    file = f"{key[0]}_{offer.version.replace(':', '%3a')}_{arch}.deb"
    before = database.installed.get(key)
    if before is None:
        out(f"Selecting previously unselected package {name}.")
    shown = f"/var/cache/apt/archives/{file}" if number is None else f".../{number:02d}-{file}"
    out(f"Preparing to unpack {shown} ...")
    over = f" over ({before.version})" if before is not None else ""
    progress.step(key[0], f"Unpacking {key[0]} ({arch})")
    out(f"Unpacking {name} ({offer.version}){over} ...")
    pause(UNPACK_S)
    fields = {k: v for k, v in offer.fields.items() if k not in ("Filename", "Size", "SHA256")}
    want = "hold" if before is not None and before.held else "install"
    fields = {"Package": fields.pop("Package"), "Status": f"{want} ok unpacked", **fields}
    if before is not None and "Conffiles" in before.fields:
        fields["Conffiles"] = before.fields["Conffiles"]
    database.installed[key] = Installed(fields)
    database.save()


def configure(database: Database, progress: Progress) -> Failures:
    """Configure everything that is unpacked or half configured, as ``dpkg --configure -a``."""
    failures = Failures()
    waiting = database.broken()
    blocked: set[str] = set()
    for package in _in_order(waiting):
        culprit = next((n for n in _depends_on(package) if n in blocked), None)
        if culprit is not None:
            _left_unconfigured(database, package, culprit, progress)
        elif _configure(database, package, progress):
            continue
        blocked.add(package.key[0])
        failures.names.append(pretty(package.key))
    if waiting:
        _triggers(waiting)
    for update in UPDATES.glob("*"):
        update.unlink(missing_ok=True)
    if failures.names:
        err("Errors were encountered while processing:")
        for name in failures.names:
            err(f" {name}")
    return failures


def _in_order(packages: list[Installed]) -> Iterator[Installed]:
    """What others depend on first."""
    names = {package.key[0] for package in packages}
    done: set[str] = set()
    left = list(packages)
    while left:
        ready = [p for p in left if not (set(_depends_on(p)) & names) - done - {p.key[0]}]
        for package in ready or left[:1]:
            yield package
            done.add(package.key[0])
            left.remove(package)


def _depends_on(package: Installed) -> list[str]:
    return [d.strip().split(" ")[0] for d in package.fields.get("Depends", "").split(",") if d]


def _configure(database: Database, package: Installed, progress: Progress) -> bool:
    key, fields = package.key, package.fields
    progress.step(key[0], f"Configuring {key[0]} ({fields['Architecture']})")
    out(f"Setting up {_arch_name(key, fields)} ({package.version}) ...")
    if package.state == "unpacked" and "Conffiles" in fields:
        _conffiles(package)
    for line in filter(None, fields.get("X-Demo-Postinst", "").split("\n")):
        seconds, _, text = line[1:].partition(" ") if line.startswith("+") else ("0", "", line)
        pause(float(seconds))
        if text:
            out(text)
    pause(CONFIGURE_S)
    reason = fields.get("X-Demo-Fails")
    if reason is not None:
        _failed(database, package, reason, progress)
        return False
    package.state = "installed"
    _after(package)
    database.save()
    progress.step(key[0], f"Installed {key[0]} ({fields['Architecture']})")
    return True


def _conffiles(package: Installed) -> None:
    """The new version changes each of its configuration files: what was edited is kept."""
    import hashlib

    recorded = ""
    for line in filter(None, package.fields["Conffiles"].split("\n")):
        path, _, known = line.rpartition(" ")
        file = ROOT / path[1:]
        text = conffile_text(path, package.key[0], package.version)
        here = file.read_bytes() if file.exists() else b""
        if hashlib.md5(here, usedforsecurity=False).hexdigest() == known:
            out(f"Installing new version of config file {path} ...")
            replace_file(file, text)
        elif here != text.encode():
            out(
                f"\nConfiguration file '{path}'\n"
                " ==> Modified (by you or by a script) since installation.\n"
                " ==> Package distributor has shipped an updated version.\n"
                " ==> Keeping old config file as default."
            )
            replace_file(file.with_name(f"{file.name}.dpkg-dist"), text)
        recorded += f"\n{path} {hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"
    package.fields["Conffiles"] = recorded


def _failed(database: Database, package: Installed, reason: str, progress: Progress) -> None:
    name = pretty(package.key)
    for line in reason.split("\n"):
        err(line)
    why = (
        f"installed {package.key[0]} package post-installation script subprocess returned error "
        "exit status 1"
    )
    err(f"dpkg: error processing package {name} (--configure):\n {why}")
    progress.step(name, why, kind="pmerror")
    package.state = "half-configured"
    unit = package.fields.get("X-Demo-Failed-Unit")
    if unit:
        add_line(CONTROL / "failed-units", unit)
    database.save()


def _left_unconfigured(
    database: Database, package: Installed, culprit: str, progress: Progress
) -> None:
    name = pretty(package.key)
    err(f"dpkg: dependency problems prevent configuration of {name}:")
    err(f" {package.key[0]} depends on {culprit}; however:")
    err(f"  Package {culprit} is not configured yet.\n")
    err(f"dpkg: error processing package {name} (--configure):")
    err(" dependency problems - leaving unconfigured")
    progress.step(name, "dependency problems - leaving unconfigured", kind="pmerror")
    package.state = "unpacked"
    database.save()


def _after(package: Installed) -> None:
    """What a package leaves behind for the next look at the host."""
    fields, name = package.fields, package.key[0]
    for unit in fields.get("X-Demo-Restarts", "").split():
        add_line(CONTROL / "restarts", unit)
    if fields.get("X-Demo-Containers"):
        replace_file(CONTROL / "containers-since", f"{now():.0f}\n")
    if name.startswith("linux-image-") and name[len("linux-image-")].isdigit():
        release = name.removeprefix("linux-image-")
        for kind in ("vmlinuz", "initrd.img", "System.map", "config"):
            replace_file(ROOT / "boot" / f"{kind}-{release}", f"{kind} of {release}\n")
        modules = ROOT / "lib/modules" / release
        modules.mkdir(parents=True, exist_ok=True)
    if fields.get("X-Demo-Reboot"):
        replace_file(ROOT / "run/reboot-required", "*** System restart required ***\n")
        add_line(ROOT / "run/reboot-required.pkgs", name)


def _triggers(configured: list[Installed]) -> None:
    names = {package.key[0] for package in configured}
    if any(name.startswith("lib") for name in names):
        out("Processing triggers for libc-bin (2.41-12) ...")
        pause(0.3)
    if len(names) > 3:
        out("Processing triggers for man-db (2.13.1-1) ...")
        pause(0.8)
