"""The probe's sections on configuration files and services, on files made for them."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest

from engine.model.facts import Conffile, PackageService
from engine.programs import dpkg_files, systemd
from tests.unit.facts.test_probe_script import APT, SHELLS, make, run

AS_RECORDED = "as recorded\n"
SUM = hashlib.md5(AS_RECORDED.encode(), usedforsecurity=False).hexdigest()
CONFFILES = rf"""=web
 /etc/web/same.conf {SUM}
 /etc/web/other.conf {SUM}
 /etc/web/gone.conf {SUM}
 /etc/web/no/folder.conf {SUM}
 /etc/web/with a blank {SUM}
 /etc/web/back\slash\ {SUM}
 /etc/web/a: FAILED {SUM}
 /etc/web/$(touch ran)`touch ran`|%s=.conf {SUM}
 /etc/web/old.conf {SUM} obsolete
 /etc/web/leaves.conf {SUM} remove-on-upgrade
 /etc/web/new.conf newconffile
 /etc/web/d {SUM}
=bare
=cron
 /etc/cron.conf {SUM}
 /etc/web/same.conf.too {SUM}
"""
CHANGED = (
    "other.conf", "with a blank", "back\\slash\\", "a: FAILED",
    "$(touch ran)`touch ran`|%s=.conf", "old.conf", "leaves.conf", "new.conf",
)  # fmt: skip
PROGRAMS = {
    **APT,
    "dpkg-query": 'case $* in *Conffiles*) cat "$HOME/conffiles" ;; esac',
    "systemctl": 'case $* in *--state=running*) cat "$HOME/running" ;; esac',
}


def prepared(root: Path) -> None:
    make(root, "conffiles", CONFFILES)
    make(root, "running", "")
    for name in ("same.conf", "same.conf.too"):
        make(root, f"etc/web/{name}", AS_RECORDED)
    for name in CHANGED:
        make(root, f"etc/web/{name}", "edited\n")
    make(root, "etc/web/d/inside")
    make(root, "etc/cron.conf", "edited\n")


WAYS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    *((shell, ()) for shell in SHELLS),
    (("sh",), ("timeout",)),
]
"""Shells, and what isn't there: with the script's own watch nothing has an input."""


@pytest.mark.parametrize(("shell", "without"), WAYS)
def test_configuration_files_that_differ(
    shell: tuple[str, ...], without: tuple[str, ...], tmp_path: Path
) -> None:
    prepared(tmp_path)
    output, done = run(tmp_path, shell=shell, depth="full", programs=PROGRAMS, without=without)
    assert done.stderr == b""
    section = output.sections["conffiles"]
    assert section.exit_status == 0, section.errors
    found = dpkg_files.parse_conffiles(section.output)
    changed = [f"/etc/web/{name}" for name in CHANGED[:5]]
    assert set(found or ()) == {
        *(Conffile(path, "web", "changed") for path in changed),
        Conffile("/etc/cron.conf", "cron", "changed"),
        Conffile("/etc/web/gone.conf", "web", "missing"),
        Conffile("/etc/web/no/folder.conf", "web", "missing"),
    }
    assert not [*tmp_path.glob("**/ran")]


def test_busybox_says_the_same(tmp_path: Path) -> None:
    prepared(tmp_path)
    applets = ("md5sum", "awk", "sed", "grep")
    busybox = {name: f'exec busybox {name} "$@"' for name in applets}
    output, _ = run(tmp_path, depth="full", programs={**PROGRAMS, **busybox})
    found = dpkg_files.parse_conffiles(output.sections["conffiles"].output)
    assert found is not None
    assert [file.state for file in found].count("changed") == 6
    assert [file.state for file in found].count("missing") == 2


def test_what_a_user_may_not_read_is_told_from_what_is_gone() -> None:
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh")
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        prepared(root)
        (root / "etc/web/no").mkdir()
        for name, mode in (("", 0o755), ("etc/web/other.conf", 0), ("etc/web/no", 0)):
            (root / name).chmod(mode)
        shell = nobody if os.geteuid() == 0 else ("sh",)
        output, _ = run(root, shell=shell, depth="full", programs=PROGRAMS)
        found = dpkg_files.parse_conffiles(output.sections["conffiles"].output)
    states = {file.path.removeprefix("/etc/web/"): file.state for file in found or ()}
    assert states["other.conf"] == states["no/folder.conf"] == "unreadable"
    assert states["gone.conf"] == "missing"
    assert states["with a blank"] == "changed"


def fetched(root: Path, version: str, files: dict[str, str], *, cut: int = 0) -> None:
    """A package of the double's own kind, a plain archive, where apt keeps what it fetched."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"./etc/web/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    content = made.getvalue()
    file = root / f"var/cache/apt/archives/web_{version}_all.deb"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content[:cut] if cut else content)


@pytest.mark.parametrize(("shell", "without"), WAYS)
def test_new_versions_that_were_fetched_already(
    shell: tuple[str, ...], without: tuple[str, ...], tmp_path: Path
) -> None:
    prepared(tmp_path)
    same = {"other.conf": AS_RECORDED, "gone.conf": AS_RECORDED, "with a blank": "edited\n"}
    fetched(tmp_path, "1%3a2.0-1", {**same, "a: FAILED": "new\n"})
    fetched(tmp_path, "3", same, cut=700)
    fetched(tmp_path, "4", {"with a blank": "new\n"})
    fetched(tmp_path, "5", same)
    os.truncate(tmp_path / "var/cache/apt/archives/web_5_all.deb", 20_000_001)
    programs = {**PROGRAMS, "dpkg-deb": 'cat "$2"'}
    output, done = run(tmp_path, shell=shell, depth="full", programs=programs, without=without)
    assert done.stderr == b""
    found = dpkg_files.parse_conffiles(output.sections["conffiles"].output)
    settled = {file.path.removeprefix("/etc/web/") for file in found or () if file.same_in}
    assert settled == same.keys()
    assert {file.same_in for file in found or ()} == {(), ("1:2.0-1",)}


def test_many_fetched_versions_take_bounded_time(tmp_path: Path) -> None:
    prepared(tmp_path)
    for number in range(30):
        fetched(tmp_path, f"{number}", {})
    count = f'case $1 in --fsys*) echo >>"{tmp_path}/asked" ;; esac; cat "$2"'
    programs = {**PROGRAMS, "dpkg-deb": count}
    run(tmp_path, depth="full", programs=programs)
    assert (tmp_path / "asked").read_text().count("\n") == 10


@pytest.mark.parametrize(("shell", "without"), WAYS)
def test_what_a_new_version_has_no_more_is_not_asked_about(
    shell: tuple[str, ...], without: tuple[str, ...], tmp_path: Path
) -> None:
    prepared(tmp_path)
    fetched(tmp_path, "2", {"with a blank": "new\n"})
    fetched(tmp_path, "3", {"with a blank": "new\n"}, cut=100)
    (tmp_path / "control").mkdir()
    listed = tmp_path / "control/conffiles"
    listed.write_text("/etc/web/with a blank\nremove-on-upgrade /etc/web/gone.conf\n")
    control = f'tar -cf - -C "{tmp_path}/control" ./conffiles'
    programs = {
        **PROGRAMS, "dpkg-deb": f'case $1 in --ctrl*) {control} ;; *) cat "$2" ;; esac',
    }  # fmt: skip
    output, done = run(tmp_path, shell=shell, depth="full", programs=programs, without=without)
    assert done.stderr == b""
    found = dpkg_files.parse_conffiles(output.sections["conffiles"].output) or ()
    same = {file.path.removeprefix("/etc/web/"): file.same_in for file in found}
    assert same["with a blank"] == same["gone.conf"] == ()
    assert same["other.conf"] == ("2", "3"), "one that is cut off has a whole control part"


@pytest.mark.parametrize(
    ("query", "status"), [("exit 2", 2), ("echo =a; echo ' /etc/a 00'", 0), ("exec sleep 9", None)]
)
def test_no_answer_is_not_taken_for_none(query: str, status: int | None, tmp_path: Path) -> None:
    more = {"dpkg-query": f"case $* in *Conffiles*) {query} ;; esac"}
    output, _ = run(tmp_path, depth="full", programs={**PROGRAMS, **more})
    section = output.sections["conffiles"]
    assert section.exit_status == status
    # nothing recorded, nothing differs: that is an answer
    assert dpkg_files.parse_conffiles(section.output) == (() if status == 0 else None)


def test_without_md5sum_nothing_is_known(tmp_path: Path) -> None:
    prepared(tmp_path)
    output, _ = run(tmp_path, depth="full", programs=PROGRAMS, without=("md5sum",))
    section = output.sections["conffiles"]
    assert section.exit_status == 127
    assert dpkg_files.parse_conffiles(section.output) is None


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_services_and_the_packages_that_own_them(shell: tuple[str, ...], tmp_path: Path) -> None:
    prepared(tmp_path)
    info = "var/lib/dpkg/info"
    make(tmp_path, f"{info}/web.list", "/.\n/lib/systemd/system\n/lib/systemd/system/web.service\n")
    make(
        tmp_path,
        f"{info}/db:amd64.list",
        "/usr/lib/systemd/system/db@.service\n/usr/lib/systemd/system/db.timer\n"
        "/usr/lib/systemd/system/db@.service.d/x.service\n/etc/init.d\n/etc/init.d/old\n",
    )
    make(tmp_path, f"{info}/web.md5sums", "/lib/systemd/system/no.service\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    running = ("web", "db@1-main", "old", "mine")
    lines = "".join(f"{name}.service loaded active running X\n" for name in running)
    (tmp_path / "running").write_text(lines)
    output, done = run(tmp_path, shell=shell, depth="full", programs=PROGRAMS)
    assert done.stderr == b""
    listed, owned = output.sections["running-services"], output.sections["unit-files"]
    names = systemd.parse_failed(listed.output, listed.exit_status)
    assert names is not None
    assert dpkg_files.package_services(names, dpkg_files.parse_unit_files(owned.output)) == (
        PackageService("db@1-main.service", "db"),
        PackageService("old.service", "db"),
        PackageService("web.service", "web"),
    )
    assert owned.output.count(b"\n") == 3


SCRIPT = """#!/bin/sh
set -e
# systemctl stop commented.service
if [ -d /run/systemd/system ] && [ "$1" = remove ]; then
    if true; then
        deb-systemd-invoke stop 'removed.service'
    fi
    systemctl stop removed.service
fi
[ "$1" = remove ] && systemctl stop removed.service || true
if [ "$1" = remove ] && true; then deb-systemd-invoke stop one.line; fi
if [ "$1" = upgrade ] || [ "$1" = remove ]; then
    invoke-rc.d web stop
else
    systemctl restart web.service
fi
. /usr/share/debconf/confmodule
. /usr/share/web/functions
"""


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_what_maintainer_scripts_do_to_services(shell: tuple[str, ...], tmp_path: Path) -> None:
    prepared(tmp_path)
    info = "var/lib/dpkg/info"
    for package in ("web", "db:amd64", "plain"):
        make(tmp_path, f"{info}/{package}.postinst", SCRIPT)
    make(tmp_path, f"{info}/web.list", "/lib/systemd/system/web.service\n")
    make(tmp_path, f"{info}/db:amd64.list", "/usr/lib/postgresql/15/bin/postgres\n")
    make(tmp_path, f"{info}/plain.list", "/usr/bin/plain\n")
    make(tmp_path, f"{info}/web.prerm", "if [ a ]; then :\nfi\nsystemctl stop web.service\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    output, _ = run(tmp_path, shell=shell, depth="full", programs=PROGRAMS)
    section = output.sections["service-acts"]
    assert section.exit_status == 0, section.errors
    lines = section.output.decode().splitlines()
    both = ["invoke-rc.d web stop", "systemctl restart web.service", ". /usr/share/web/functions"]
    assert lines == [
        *(f"db|{line}" for line in both),
        "web|systemctl stop web.service",
        *(f"web|{line}" for line in both),
        "seen=all",
    ]


def test_a_host_without_unit_files_has_none(tmp_path: Path) -> None:
    prepared(tmp_path)
    make(tmp_path, "var/lib/dpkg/info/web.list", "/.\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    output, _ = run(tmp_path, depth="full", programs=PROGRAMS)
    assert (output.sections["unit-files"].exit_status, output.sections["unit-files"].output) == (
        1,
        b"",
    )
