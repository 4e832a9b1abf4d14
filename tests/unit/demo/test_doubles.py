"""The doubles act on demo hosts only, are real programs, and never look at a command's text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.demo.build import DOUBLES
from engine.demo.doubles.versions import compare
from engine.programs.debian_version import DebianVersion

PROGRAMS = sorted(path.name for path in (DOUBLES / "bin").iterdir())
IN_PYTHON = [
    *("apt", "apt-cache", "apt-get", "apt-mark", "dpkg", "dpkg-query", "setsid"),
    *("ostree", "rpm-ostree", "bootc", "boot"),
]


def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOSTSHIFT_DEMO_PYTHON": sys.executable,
        "HOSTSHIFT_DEMO_DOUBLES": str(DOUBLES),
        "HOME": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.mark.parametrize("name", PROGRAMS)
def test_without_a_demo_host_a_double_refuses(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", str(DOUBLES / "bin" / name), "-u"],
        env=environment(tmp_path),
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert b"works on demo hosts only" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", IN_PYTHON)
@pytest.mark.parametrize("where", ["", "."])
def test_nor_does_it_act_in_any_other_directory(name: str, where: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(DOUBLES / "run.py"), name, "update"],
        env={**environment(tmp_path), "HOSTSHIFT_DEMO_HOST": where},
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 126
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_shellcheck(name: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.fail("shellcheck is missing: install the dev extra")
    done = subprocess.run(
        [shellcheck, "-s", "sh", DOUBLES / "bin" / name], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()


VERSIONS = [
    "1.0", "1.0-1", "1.0-1+b1", "1.0~rc1-1", "1:0.9", "2.9.14+dfsg-1.3~deb12u4", "1.0a", "1.0+1",
    "2.9.14+dfsg-1.3~deb12u5", "3.5.4-1~deb13u1", "3.5.5-1~deb13u2", "10.0", "9", "0", "1.0-0",
]  # fmt: skip


@pytest.mark.parametrize("left", VERSIONS)
def test_versions_are_ordered_as_the_engine_orders_them(left: str) -> None:
    for right in VERSIONS:
        a, b = DebianVersion(left), DebianVersion(right)
        assert (compare(left, right) < 0) == (a < b), right
        assert (compare(left, right) == 0) == (a == b), right
