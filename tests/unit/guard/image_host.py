"""An image-based host in a directory: the demo's doubles of its programs, and trees to boot."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.demo.build import DOUBLES
from tests.unit.jobs.local_host import LocalHost

FORMER, NEW, OLDER, LATER = (seed * 64 for seed in "abcd")
"""Checksums: the deployment that runs, the one that is staged, one that is kept, one that comes."""

REBOOT = """#!/bin/sh
next=$(ostree admin status | sed -n '1s/^. [^ ]* \\([0-9a-f]*\\).*/\\1/p')
cp '{root}/trees/'"$next" '{root}/etc/ssh/sshd_config'
echo "$next" >>'{root}/boots'
exec sh '{doubles}/bin/reboot'
"""


class ImageHost:
    """What is booted, what comes next, and what each deployment has in its /etc."""

    def __init__(self, lan: LocalHost, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lan = lan
        demo = lan.root.parent / "demo"
        (demo / "control").mkdir(parents=True)
        (demo / "root").symlink_to(lan.root)
        self._status = demo / "control/rpm-ostree.json"
        self.environment = {
            "HOSTSHIFT_DEMO_HOST": str(demo),
            "HOSTSHIFT_DEMO_PYTHON": sys.executable,
            "HOSTSHIFT_DEMO_DOUBLES": str(DOUBLES),
        }
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        for folder in ("boot", "sbin", "trees"):
            (lan.root / folder).mkdir()
        (lan.root / "etc/os-release").write_text("VERSION=a\n")
        (lan.root / "proc/1").mkdir()
        (lan.root / "proc/1/comm").write_text("systemd\n")
        for name in ("ostree", "rpm-ostree"):
            self.double(name)
        lan.double("systemctl", f'exec sh "{DOUBLES}/bin/systemctl" "$@"\n')
        (demo / "control/units").write_text("sshd.service\tactive\trunning\tenabled\tOpenSSH\n")
        (demo / "control/failed-units").touch()
        reboot = lan.root / "sbin/reboot"
        reboot.write_text(REBOOT.format(doubles=DOUBLES, root=lan.root))
        reboot.chmod(0o755)
        self.tree(FORMER, "good")
        self.tree(NEW, "good")
        self.keep(
            self.deployment(NEW, staged=True),
            self.deployment(FORMER, booted=True),
            self.deployment(OLDER),
        )

    def double(self, name: str) -> None:
        """Have the demo's double of a program."""
        python = f'"$HOSTSHIFT_DEMO_PYTHON" -I -S "{DOUBLES}/run.py"'
        self.lan.double(name, f'exec {python} {name} "$@"\n')

    def tree(self, checksum: str, sshd_config: str) -> None:
        """What a deployment has in /etc/ssh; what sshd fails with is "bad"."""
        (self.lan.root / "trees" / checksum).write_text(f"{sshd_config}\n")

    @staticmethod
    def deployment(checksum: str, *, booted: bool = False, staged: bool = False) -> dict[str, Any]:
        return {
            "osname": "os",
            "checksum": checksum,
            "serial": 0,
            "version": checksum[:1],
            "origin": "somewhere",
            "booted": booted,
            "staged": staged,
        }

    def keep(self, *deployments: dict[str, Any]) -> None:
        self._status.write_text(json.dumps({"deployments": deployments}))

    def stage(self, checksum: str) -> None:
        """What an updater does by itself."""
        self.keep(self.deployment(checksum, staged=True), *self.deployments())

    def deployments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._status.read_text())["deployments"]
        return found

    @property
    def booted(self) -> str:
        return next(str(one["checksum"]) for one in self.deployments() if one["booted"])

    @property
    def boots(self) -> list[str]:
        """What was booted since, in order."""
        file: Path = self.lan.root / "boots"
        return file.read_text().split() if file.exists() else []
