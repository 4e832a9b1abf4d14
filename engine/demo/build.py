"""Making a demo host's directory: ``root`` is its file system, ``control`` what its doubles know.

Times of files count from the demo's clock, so that ages stay the same where that stands still.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from engine.demo.hosts import Archive, DemoHost, Package

DOUBLES = Path(__file__).parent / "doubles"
HOUR_S = 3_600
_BLOCK = 4_096
_TOOLS = (
    "awk", "basename", "cat", "chmod", "chown", "cksum", "cmp", "comm", "cp", "cut", "date", "dd",
    "df", "diff", "dirname", "du", "echo", "env", "expr", "false", "find", "fold", "getconf",
    "grep", "head", "ionice", "join", "kill", "ln", "ls", "md5sum", "mkdir", "mkfifo", "mktemp",
    "mv", "nice", "nl", "nohup", "od", "paste", "printf", "ps", "pwd", "readlink", "realpath",
    "renice", "rm", "rmdir", "sed", "seq", "sh", "sha256sum", "sleep", "sort", "split", "stat",
    "stdbuf", "tail", "tar", "tee", "test", "timeout", "touch", "tr", "true", "truncate", "tty",
    "uniq", "wc", "xargs",
)  # fmt: skip
_BELOW_ROOT = {"sbin": ("reboot",), "usr/bin": ("ostree", "rpm-ostree")}


def copy_doubles(target: Path) -> None:
    """Put the doubles where hosts can run them, whatever the package's own files may do."""
    target.mkdir()
    for source in sorted(DOUBLES.glob("*.py")):
        shutil.copyfile(source, target / source.name)
    programs = target / "bin"
    programs.mkdir()
    for source in sorted((DOUBLES / "bin").iterdir()):
        if source.is_file():
            shutil.copyfile(source, programs / source.name)
            programs.joinpath(source.name).chmod(0o755)


def link_tools(target: Path) -> None:
    """This machine's plain text tools, and nothing else of it, for the hosts' PATH."""
    target.mkdir()
    for name in _TOOLS:
        found = shutil.which(name, path=os.defpath + ":/usr/bin:/bin") or shutil.which(name)
        if found is not None:
            target.joinpath(name).symlink_to(found)


def build(host: DemoHost, place: Path, doubles: Path, now: datetime) -> None:
    """Make one host's directory."""
    moment = now.timestamp()
    root, control = place / "root", place / "control"
    for folder in (root / "tmp", root / "root", root / "var/lib/dpkg/updates", control):
        folder.mkdir(parents=True)
    _programs(host, place, doubles)
    _proc(host, root, moment)
    _etc(host, root)
    _boot(host, root)
    _control(host, control)
    for path, text in host.files.items():
        _write(root / path, text)
    if host.system.archives:
        _dpkg(host, root)
        _apt(host, root, control, moment)


def _programs(host: DemoHost, place: Path, doubles: Path) -> None:
    programs = place / "bin"
    programs.mkdir()
    for name in (*host.system.programs, *host.programs):
        if name in host.without:
            continue
        programs.joinpath(name).symlink_to(_double(doubles, name))
    # What must never be this machine's own is taken from below the host's root and nowhere else.
    for folder, names in _BELOW_ROOT.items():
        below = place / "root" / folder
        below.mkdir(parents=True)
        for name in names:
            if name == "reboot" or name in host.system.programs:
                below.joinpath(name).symlink_to(_double(doubles, name))


def _double(doubles: Path, name: str) -> Path:
    own = doubles / "bin" / name
    return own if own.exists() else doubles / "bin" / "python-double"


def _write(path: Path, text: str, moment: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    if moment is not None:
        os.utime(path, (moment, moment))


_MOUNTINFO = """22 1 254:2 / / rw,relatime shared:1 - ext4 /dev/vda2 rw
23 22 254:1 / /boot rw,relatime shared:2 - ext4 /dev/vda1 rw
"""
_NET = {  # proc(5): sshd listens, and there is one router
    "tcp": "  sl  local_address rem_address   st\n   0: 00000000:0016 00000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n",
    "udp": "  sl  local_address rem_address   st\n",
    "route": "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
}


def _proc(host: DemoHost, root: Path, moment: float) -> None:
    kernel = root / "proc/sys/kernel"
    boot_id = uuid.uuid5(uuid.NAMESPACE_DNS, f"{host.name}.servers.example.com")
    _write(kernel / "random/boot_id", f"{boot_id}\n")
    _write(kernel / "osrelease", f"{host.kernel}\n")
    image = f"linux-image-{host.kernel}"
    version = next((p.old for p in host.packages if p.name == image), "")
    _write(kernel / "version", host.system.kernel_build.format(version=version) + "\n")
    _write(kernel / "hostname", f"{host.name}.servers.example.com\n")
    uptime = host.uptime_d * 24 * HOUR_S
    _write(root / "proc/uptime", f"{uptime:.2f} {uptime * 1.9:.2f}\n")
    _write(root / "proc/locks", "")
    _write(root / "proc/mounts", _mounts(host))
    _write(root / "proc/self/mountinfo", _MOUNTINFO)
    for name, text in _NET.items():
        _write(root / "proc/net" / name, text)
    for number, name in enumerate(("systemd", *host.processes)):
        _write(root / f"proc/{1 + 611 * number}/comm", f"{name}\n")


def _mounts(host: DemoHost) -> str:
    return "/dev/vda2 / ext4 rw,relatime 0 0\n/dev/vda1 /boot ext4 rw,relatime 0 0\n"


def _etc(host: DemoHost, root: Path) -> None:
    _write(root / "etc/os-release", host.system.os_release)
    machine = hashlib.sha256(host.name.encode()).hexdigest()[:32]
    _write(root / "etc/machine-id", f"{machine}\n")
    root.joinpath("run/systemd/system").mkdir(parents=True)
    if host.system.archives:
        _write(root / "etc/apt/apt.conf.d/20auto-upgrades", _periodic(host))


def _periodic(host: DemoHost) -> str:
    enabled = any(unit.name == "unattended-upgrades.service" for unit in host.units)
    return (
        f'APT::Periodic::Update-Package-Lists "{int(enabled)}";\n'
        f'APT::Periodic::Unattended-Upgrade "{int(enabled)}";\n'
    )


def _boot(host: DemoHost, root: Path) -> None:
    root.joinpath("boot").mkdir()
    for release in (host.kernel, *host.kernels):
        if host.system.archives:
            _write(root / f"boot/vmlinuz-{release}", f"vmlinuz of {release}\n")
            _write(root / f"boot/initrd.img-{release}", f"initrd of {release}\n")


def _control(host: DemoHost, control: Path) -> None:
    control.joinpath("sessions").mkdir()
    _write(control / "virtualization", f"{host.virtualization}\n")
    _write(control / "sudoers", "ops\n" if host.login == "sudo" else "")
    _write(control / "units", "".join(
        f"{u.name}\t{u.active}\t{u.sub}\t{u.enabled}\t{u.description}\n" for u in host.units
    ))  # fmt: skip
    _write(control / "failed-units", "".join(f"{unit}\n" for unit in host.failed_units))
    _write(control / "restarts", "".join(f"{unit}\n" for unit in host.restarts))
    _write(control / "containers", "".join(
        f"{hashlib.sha256(c.name.encode()).hexdigest()}\t{c.name}\t{c.image}\t{c.restart_policy}\n"
        for c in host.containers
    ))  # fmt: skip
    sizes = zip(("/", "/boot"), host.free_mib, strict=True)
    _write(control / "filesystems", "".join(
        f"{mount} {mib * 1024 * 1024 // _BLOCK} {_BLOCK} {mib * 40} {mib * 90}\n"
        for mount, mib in sizes
    ))  # fmt: skip
    if host.rpm_ostree is not None:
        _write(control / "rpm-ostree.json", host.rpm_ostree)


def _paragraph(fields: Iterable[tuple[str, str | None]]) -> str:
    lines = [f"{name}: {value}".replace("\n", "\n ") for name, value in fields if value is not None]
    return "\n".join(lines) + "\n\n"


def _common(package: Package, version: str) -> list[tuple[str, str | None]]:
    return [
        ("Architecture", package.arch),
        ("Version", version),
        ("Multi-Arch", "same" if package.same else None),
        ("Source", package.source),
        ("Depends", package.depends or None),
        ("Breaks", package.breaks or None),
        ("Description", package.summary or package.name),
    ]


def _dpkg(host: DemoHost, root: Path) -> None:
    paragraphs = []
    packages = {p.name: p for p in (*host.system.base, *host.packages)}
    for package in sorted(packages.values(), key=lambda package: package.name):
        if package.old is None:
            continue
        want = "hold" if package.held else "install"
        fields = [
            ("Package", package.name),
            ("Status", f"{want} ok {package.state}"),
            ("Installed-Size", "1024"),
            *(f for f in _common(package, package.old) if package.new is None or f[0] != "Depends"),
            ("Conffiles", _files(root, package)),
        ]
        paragraphs.append(_paragraph(fields))
    _write(root / "var/lib/dpkg/status", "".join(paragraphs))
    _write(root / "var/lib/dpkg/lock-frontend", "")
    if host.interrupted:
        _write(root / "var/lib/dpkg/updates/0000", paragraphs[-1])


def _files(root: Path, package: Package) -> str | None:
    """Lay down what is told of a package's files; the checksums of its configuration files."""
    if not (package.units or package.conffiles or package.name == "dpkg"):
        return None
    paths = ("/.", *(f"/usr/lib/systemd/system/{unit}" for unit in package.units))
    name = f"{package.name}:{package.arch}" if package.same else package.name
    listed = "".join(f"{path}\n" for path in (*paths, *package.conffiles))
    _write(root / f"var/lib/dpkg/info/{name}.list", listed)
    acts = "".join(f"deb-systemd-invoke $_dh_action '{unit}'\n" for unit in package.units)
    if acts:
        _write(root / f"var/lib/dpkg/info/{name}.postinst", f"#!/bin/sh\n{acts}")
    recorded = ""
    for path in package.conffiles:
        text, file = f"# {path} of {package.name} {package.old}\n", root / path[1:]
        if not file.exists():
            _write(file, text)
        recorded += f"\n{path} {hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"
    return recorded or None


def _apt(host: DemoHost, root: Path, control: Path, moment: float) -> None:
    lists, mirror = root / "var/lib/apt/lists", control / "mirror"
    fetched = moment - host.lists_age_h * HOUR_S
    archives = dict.fromkeys(
        (*host.system.archives, *(a for package in host.packages for a in package.archives))
    )
    for archive in archives:
        name = _list_name(archive)
        release = _paragraph((
            ("Label", archive.label),
            ("Suite", archive.suite),
            ("Version", archive.version or None),
            ("Codename", archive.codename),
            ("X-Demo-Base", archive.base),
            ("X-Demo-Dist", archive.dist),
        ))  # fmt: skip
        for place, fresh in ((lists, False), (mirror, True)):
            offers = [p for p in _offered(host, archive) if fresh or not p.fresh]
            text = "".join(_offer(package) for package in offers)
            _write(place / f"{name}_InRelease", release, fetched)
            _write(place / f"{name}_main_binary-amd64_Packages", text, fetched)
    lists.joinpath("partial").mkdir()
    _write(root / "var/lib/apt/periodic/update-success-stamp", "", fetched)
    for path in (lists / "partial", lists):
        os.utime(path, (fetched, fetched))


def _list_name(archive: Archive) -> str:
    place = archive.base.partition("://")[2].replace("/", "_")
    return f"{place}_dists_{archive.dist}"


def _offered(host: DemoHost, archive: Archive) -> list[Package]:
    default = host.system.archives[:1]
    return [
        package
        for package in host.packages
        if package.new is not None and archive in (package.archives or default)
    ]


def _offer(package: Package) -> str:
    version = package.new or ""
    file = f"{package.name}_{version.partition(':')[2] or version}_{package.arch}.deb"
    source = package.source or package.name
    phased = package.phased
    return _paragraph((
        ("Package", package.name),
        *_common(package, version),
        ("Installed-Size", str(1024 + package.grows_kib)),
        ("Filename", f"pool/main/{source[0]}/{source}/{file}"),
        ("Size", str(package.size)),
        ("Phased-Update-Percentage", None if phased is None else str(phased)),
        ("X-Demo-Postinst", "\n".join(package.says) or None),
        ("X-Demo-Fails", package.fails),
        ("X-Demo-Failed-Unit", package.failed_unit),
        ("X-Demo-Restarts", " ".join(package.restarts) or None),
        ("X-Demo-Reboot", "yes" if package.reboot else None),
    ))  # fmt: skip
