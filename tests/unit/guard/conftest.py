"""A host in a directory, under each shell that hosts have; the guard itself runs under it too."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.unit.jobs.conftest import lan
from tests.unit.jobs.local_host import LocalHost

__all__ = ["guarded", "lan", "with_sshd"]

SYSTEMCTL = """
case $1 in
is-active) [ "$3" = ssh.service ] ;;
show) echo "Id=$4" ;;
is-system-running) echo running ;;
*) echo "$*" >>"${0%/*}/../systemctl.log" ;;
esac
"""


@pytest.fixture
def guarded(lan: LocalHost) -> LocalHost:
    """Such a host with an sshd that finds fault with a configuration that holds "bad"."""
    lan.double("sh", f'exec {shlex.join(lan.shell)} "$@"\n')
    return with_sshd(lan)


def with_sshd(lan: LocalHost) -> LocalHost:
    """A host of which sshd, its configuration and its unit are there."""
    lan.double("sshd", '! grep -rq bad "${0%/*}/../etc/ssh"\n')
    lan.double("systemctl", SYSTEMCTL)
    (lan.root / "run/systemd/system").mkdir(parents=True)
    ssh = lan.root / "etc/ssh"
    ssh.mkdir(parents=True)
    (ssh / "sshd_config").write_text("good\n")
    (ssh / "sshd_config").chmod(0o640)
    (ssh / "linked").symlink_to(Path("sshd_config"))
    (lan.root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return lan
