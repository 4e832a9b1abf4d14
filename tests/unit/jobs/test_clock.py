"""Having a host's time service set its clock: which one is asked, and when it counts as set.

Doubles stand for the services: a container has the machine's clock, and none of its own to set.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from engine.shell import Script

SYSTEMCTL = """
echo "systemctl $*" >>"$log"
case "$1 $2" in
"cat $has"*) exit 0 ;;
"cat "*) exit 1 ;;
"is-active "*) exit 3 ;;
esac
"""


def ran(place: Path, has: str, *, answers: bool = True, seconds: int = 2) -> tuple[int, str, str]:
    """Exit status, what is said, and what was called, on a host that has one time service."""
    log, tools = place / "log", place / "tools"
    tools.mkdir()
    doubles = {
        "systemctl": f"has={has} log={log}\n{SYSTEMCTL}",
        "timedatectl": f'echo "timedatectl $*" >>{log}\n'
        f'[ "$1" != show ] || echo {"yes" if answers else "no"}\n',
    }
    if has == "chrony":
        waited = f'[ "$1" != waitsync ] || exit {not answers:d}'
        doubles["chronyc"] = f'echo "chronyc $*" >>{log}\n{waited}\n'
    for name, text in doubles.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}")
        (tools / name).chmod(0o755)
    (place / "proc").mkdir()
    (place / "proc/uptime").symlink_to("/proc/uptime")
    say = "say() { printf 'hostshift: %s\\n' \"$*\"; }"
    script = f"root={place}\n{say}\n{Script.host('clock.sh').text}\nclock_set {seconds}"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": f"{tools}:{os.environ['PATH']}"},
    )  # fmt: skip
    return done.returncode, done.stdout, log.read_text() if log.exists() else ""


@pytest.mark.parametrize(
    ("has", "called"),
    [
        ("chrony", "chronyc -a makestep\nchronyc waitsync"),
        (
            "systemd-timesyncd.service",
            "timedatectl set-ntp true\nsystemctl restart systemd-timesyncd",
        ),
        ("ntpsec.service", "systemctl restart ntpsec\ntimedatectl show"),
    ],
)
def test_the_service_that_is_there_is_asked(tmp_path: Path, has: str, called: str) -> None:
    status, said, log = ran(tmp_path, has)
    assert status == 0, said
    assert called in log
    assert said.startswith("hostshift: before: 20")
    assert "hostshift: after: 20" in said


@pytest.mark.parametrize("has", ["chrony", "systemd-timesyncd.service"])
def test_a_clock_that_nobody_has_set_is_not_called_set(tmp_path: Path, has: str) -> None:
    status, said, _ = ran(tmp_path, has, answers=False, seconds=1)
    assert status != 0
    assert has == "chrony" or "no time server has answered within 1 s" in said


def test_a_host_without_a_time_service_says_so(tmp_path: Path) -> None:
    status, said, _ = ran(tmp_path, "nothing")
    assert status == 1
    assert "no time service is installed" in said
