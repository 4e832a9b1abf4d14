"""Hosts in directories with a service manager and a container engine that keep files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.writers import Writer
from tests.unit.jobs.conftest import lan
from tests.unit.jobs.local_host import LocalHost, under

__all__ = ["WRITERS", "alone", "double_host", "lan", "old"]

RUN = "20261126t030000-ab12"

SYSTEMCTL = r"""
root=${0%/*}/..
units=$root/units verb=$1
shift
held() { [ -e "$root/etc/systemd/system/$1.d/zz-hostshift.conf" ]; }
case $verb in
show)
    file=$units/$3 active=inactive load=not-found drop=''
    if [ -e "$file" ]; then load=loaded; read -r active <"$file"; fi
    if held "$3"; then drop=${0%/doubles/*}/etc/systemd/system/$3.d/zz-hostshift.conf; fi
    printf '%s\n' "DropInPaths=$drop" "LoadState=$load" "ActiveState=$active" "Id=$3" \
        NeedDaemonReload=no
    [ ! -s "$file.conf" ] || while read -r line; do echo "$line"; done <"$file.conf"
    exit
    ;;
start)
    for one in "$@"; do
        [ -e "$units/$one" ] || exit 5
        held "$one" || [ -e "$units/$one.refuses" ] || echo active >"$units/$one"
    done
    ;;
stop) for one in "$@"; do [ -e "$units/$one.stuck" ] || echo inactive >"$units/$one"; done ;;
enable) echo active >"$units/$2" ;;
disable) rm -f "$units/$2" ;;
*) exit 0 ;;
esac
case $verb in start | stop) echo "$verb $*" >>"$root/systemctl.log" ;; esac
"""

DOCKER = r"""
box=${0%/*}/../boxes
for last in "$@"; do :; done
read -r running policy <"$box/$last" || exit 1
case $1 in
inspect) echo "$running $policy:0" ;;
update) echo "$running ${2#--restart=}" >"$box/$last" ;;
stop) echo "false $policy" >"$box/$last" ;;
start) echo "true $policy" >"$box/$last" ;;
esac
"""

WRITERS = (
    Writer(
        "app",
        units=("db.service", "app"),
        containers=("box",),
        volumes=("/srv/app data",),
    ),
)


def double_host(host: LocalHost) -> LocalHost:
    """A host with db.service, app.service with its timer and socket, and a container."""
    host.double("sh", f'exec {shlex.join(host.shell)} "$@"\n')
    host.double("systemctl", SYSTEMCTL)
    host.double("docker", DOCKER)
    host.double("sleep", 'case $1 in 1 | 2) set -- 0.1 ;; esac\nexec /usr/bin/sleep "$@"\n')
    root = host.root
    for path in ("run/systemd/system", "units", "boxes", "etc/cron.d", "srv/app data", "proc/1/fd",
                 "proc/2/fd"):  # fmt: skip
        (root / path).mkdir(parents=True)
    unit(host, "db.service", "active")
    unit(host, "app.service", "active", "TriggeredBy=app.timer app.socket", "Type=simple")
    unit(host, "app.timer", "active")
    unit(host, "app.socket", "inactive")
    (root / "boxes/box").write_text("true always\n")
    return host


def unit(host: LocalHost, name: str, state: str, *properties: str) -> None:
    """A unit of the double."""
    (host.root / "units" / name).write_text(state + "\n")
    (host.root / "units" / f"{name}.conf").write_text("\n".join(properties) + "\n")


def state(host: LocalHost) -> dict[str, str]:
    """What runs there, and what holds it."""
    found = {
        file.name: file.read_text().strip()
        for place in ("units", "boxes")
        for file in sorted((host.root / place).iterdir())
        if not file.name.endswith((".conf", ".stuck", ".refuses"))
    }
    for file in sorted((host.root / "etc").rglob("*")):
        if file.is_file():
            found[str(file.relative_to(host.root))] = file.read_text()
    return found


def directory(host: LocalHost) -> Path:
    """Where the run keeps its writers there."""
    return host.home / "runs" / RUN / "writers"


@pytest.fixture
def old(lan: LocalHost) -> LocalHost:
    """server1, under each shell that hosts have."""
    return double_host(lan)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[LocalHost]:
    """server1 under one shell, where the shell makes no difference."""
    host = double_host(under("dash", tmp_path / "host"))
    yield host
    host.end()
