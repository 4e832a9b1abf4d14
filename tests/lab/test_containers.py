"""Docker's containers on a real host: which stop with their runtime, and which come back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller
from tests.lab.machine import Machine, Options
from tests.lab.processes import wait_until
from tests.lab.scenarios import UPDATE, apt_get
from tests.lab.session import Lab
from tests.operators import text

PACKAGES = ("docker.io", "busybox-static")
POLICIES = {"always-1": "always", "unless-1": "unless-stopped", "plain-1": "no"}
FILES = {
    # Docker's registers need the controllers of cgroup v1, which nspawn mounts read-only.
    "systemd/system/lab-cgroup.service": """[Unit]
DefaultDependencies=no
Before=docker.service containerd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for at in /sys/fs/cgroup /sys/fs/cgroup/* /proc/sys; do \
if mountpoint -q $$at; then mount -o remount,bind,rw $$at; fi; done'
""",
    "systemd/system/docker.service.d/lab.conf": """[Unit]
Requires=lab-cgroup.service
After=lab-cgroup.service
""",
    # v1 doesn't say when a cgroup is empty, so that stopping would wait for two minutes.
    "systemd/system/user@.service.d/lab.conf": "[Service]\nTimeoutStopSec=2s\n",
}
IMAGE = (
    "mkdir -p /srv/image/bin && cp /bin/busybox /srv/image/bin/ &&"
    " ln -s busybox /srv/image/bin/sleep && tar -C /srv/image -c . | docker import - lab:1"
)
REPACKED = """
set -e
mkdir -p /srv/repository && cd /srv/repository
[ -e original.deb ] || { apt-get -q download docker.io && mv docker.io_*.deb original.deb; }
rm -f docker.io_*.deb
dpkg-deb -R original.deb tree
sed -i "s/^Version: .*/&+lab$1/" tree/DEBIAN/control
sed -i "s/invoke start 'docker.service'/invoke $2 'docker.service'/" tree/DEBIAN/postinst
dpkg-deb -Znone -b tree . >/dev/null && rm -r tree
for deb in docker.io_*.deb; do
    dpkg-deb -f "$deb"
    printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$deb" "$(stat -c %s "$deb")" \\
        "$(sha256sum "$deb" | cut -d ' ' -f 1)"
done >Packages
apt-get -q update
"""


@pytest.fixture
def host(lab: Lab, new_host: NewHost, tmp_path: Path) -> Machine:
    """A host with Docker, a container for each restart policy, and a newer docker.io at hand."""
    data = tmp_path / "docker"  # no overlay on an overlay: Docker's own lies on the machine's disk
    data.mkdir()
    host = new_host(
        options=Options(
            layers=[lab.layer(lab.settings.suite, PACKAGES)],
            unified=False,
            binds=[f"{data}:/var/lib/docker"],
            nspawn=["--capability=all", "--system-call-filter=@keyring bpf"],
        ),
        start=False,
    )
    daemon(host, live_restore=False)
    for name, content in FILES.items():
        file = host.root / "etc" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    host.start()
    host.wait_booted()
    apt_get(host, UPDATE)
    newer(host, 1, "start")
    host.inside(IMAGE)
    for name, policy in POLICIES.items():
        # sleep as PID 1 heeds no SIGTERM; a daemon that waits for it is killed, and forgets some.
        options = f"--network none --stop-signal KILL --restart {policy} --name {name}"
        host.inside(f"docker run -d {options} lab:1 sleep 9999")
    return host


def newer(host: Machine, version: int, action: str) -> None:
    """Have a newer docker.io at hand, which does this to its daemon."""
    host.inside(f"sh -s {version} {action}", stdin=REPACKED)
    repository = "deb [trusted=yes] file:/srv/repository ./\n"
    (host.root / "etc/apt/sources.list").write_text(repository)
    apt_get(host, UPDATE)


def daemon(host: Machine, *, live_restore: bool) -> None:
    settings = {"iptables": False, "bridge": "none", "live-restore": live_restore}
    file = host.root / "etc/docker/daemon.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(settings))


def containers(host: Machine) -> dict[str, tuple[str, str]]:
    """State and start of each."""
    form = "{{.Name}} {{.State.Status}} {{.State.StartedAt}}"
    shown = host.inside(f"docker inspect -f '{form}' $(docker ps -qa)").stdout
    lines = [line.split() for line in shown.splitlines()]
    return {name.removeprefix("/"): (state, started) for name, state, started in lines}


def running(host: Machine) -> list[str]:
    return sorted(name for name, (state, _) in containers(host).items() if state == "running")


def effects(eve: Controller) -> dict[str, Any]:
    (host,) = json.loads(eve.call("status", "--json").stdout)["hosts"]
    upgrade = next(c for c in host["candidates"] if c["id"] == "upgrade")
    return {key: upgrade["effects"][key] for key in ("units", "containers")}


def story(eve: Controller) -> str:
    return eve.call("export", eve.last()["id"]).stdout.decode()


def test_which_stop_and_which_come_back(host: Machine, tmp_path: Path) -> None:
    eve = Controller(tmp_path / "eve", host)
    before = containers(host)
    assert {state for state, _ in before.values()} == {"running"}

    # Debian's own package leaves its daemon running.
    assert effects(eve) == {"units": [], "containers": []}
    host.inside("systemctl restart containerd")  # nor do they notice that
    eve.run()
    assert containers(host) == before
    assert "It happened as foreseen: packages, units, containers" in story(eve)

    # One that restarts it, as that of Docker itself.
    newer(host, 2, "restart")
    apt_get(host, "install docker.io")
    newer(host, 3, "restart")
    host.inside("docker start plain-1")
    wait_until(lambda: running(host) == sorted(POLICIES), "the containers", timeout=60)
    before = containers(host)
    assert effects(eve) == {"units": ["docker.service"], "containers": sorted(POLICIES)}
    planned = eve.call("plan", host.name, "upgrade").stdout.decode()
    assert "plain-1" in planned
    done = eve.run()
    wait_until(lambda: running(host) == ["always-1", "unless-1"], "who comes back", timeout=60)
    assert before["always-1"] != containers(host)["always-1"]
    assert "Container plain-1 has ended, and has no restart policy: docker start plain-1" in text(
        done
    )
    table = story(eve)
    assert "| units | docker.service | docker.service | yes |" in table
    assert (
        f"| containers | {', '.join(sorted(POLICIES))} | {', '.join(sorted(POLICIES))} | yes |"
        in table
    )

    # With live-restore they don't notice.
    daemon(host, live_restore=True)
    host.inside("systemctl reload docker")
    newer(host, 4, "restart")
    before = containers(host)
    assert effects(eve) == {"units": ["docker.service"], "containers": []}
    planned = eve.call("plan", host.name, "upgrade").stdout.decode()
    assert re.search(r"Upgrade 1 with apt-get \(host, about [0-9]+ s\)", planned), planned
    eve.run()
    assert containers(host) == before
    told = story(eve)
    assert "It happened as foreseen: packages, units, containers" in told
    assert "| time | about " in told, "it was measured by the runs before"
    daemon(host, live_restore=False)
    host.reboot()
    wait_until(lambda: running(host) == ["always-1", "unless-1"], "who comes back", timeout=60)
