"""An operator of the lab, and what runs leave on its hosts."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine
from tests.lab.processes import stop, wait_until
from tests.lab.scenarios import lab_packages
from tests.operators import Operator

SLOW = ("lab-slow", "lab-lib")
SLOW_WORKS = "lab-slow: step 2 "
"""What lab-slow's postinst says in its second second."""
HOME = "var/lib/hostshift"


def slow_packages(host: Machine) -> None:
    lab_packages(host, "v1", SLOW)


class Controller(Operator):
    """An operator whose inventory has one host of the lab."""

    def __init__(
        self,
        directory: Path,
        host: Machine,
        keys: Mapping[str, object] | None = None,
        tables: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(directory, directory / "inventory.toml")
        self.host = host
        write_inventory(directory, [host], hosts={host.name: keys or {}}, tables=tables)

    def digest(self, candidate: str = "upgrade") -> str:
        return self.plan(self.host.name, candidate)

    def run(
        self, candidate: str = "upgrade", *, check: int | None = 0
    ) -> subprocess.CompletedProcess[bytes]:
        digest = self.digest(candidate)
        return self.call("run", self.host.name, candidate, "--confirm", digest, check=check)

    def begin_run(self, candidate: str = "upgrade") -> subprocess.Popen[bytes]:
        digest = self.digest(candidate)
        return self.begin("run", self.host.name, candidate, "--confirm", digest)

    @contextmanager
    def running(self, candidate: str = "upgrade") -> Iterator[subprocess.Popen[bytes]]:
        """A run that was begun; its command has ended when the context is left."""
        process = self.begin_run(candidate)
        try:
            yield process
        finally:
            stop(process)

    def told_run(self) -> str:
        """The id of the run that was begun last, as its command said it."""
        found = wait_until(lambda: re.search(r"(?m): run (\S+)$", self.said()), "a run's id")
        return found[1]

    def mirror(self, run: str, step: str = "upgrade") -> bytes:
        """The copy of a step's log on this machine; empty where there is none."""
        state = Path(self.environment["XDG_STATE_HOME"])
        try:
            return (state / "hostshift/runs" / run / step / "log").read_bytes()
        except FileNotFoundError:
            return b""


def job_file(host: Machine, name: str, step: str = "upgrade") -> Path:
    found = sorted((host.root / HOME / "runs").glob(f"*/{step}"))
    return found[-1] / name if found else host.root / "nothing-yet"


def log_of(host: Machine) -> bytes:
    try:
        return job_file(host, "log").read_bytes()
    except OSError:
        return b""


def exit_of(host: Machine) -> str | None:
    try:
        return job_file(host, "exit").read_text().strip()
    except OSError:
        return None


def has_lock(host: Machine) -> bool:
    return (host.root / HOME / "lock").exists()


def units(host: Machine) -> str:
    return host.inside("systemctl list-units --all --no-legend 'hostshift-*'").stdout


def slow_for(host: Machine, seconds: int) -> None:
    """How long lab-slow's postinst takes."""
    (host.root / "etc/lab").mkdir(exist_ok=True)
    (host.root / "etc/lab/slow").write_text(f"{seconds}\n")


def let_finish(host: Machine) -> None:
    """Have lab-slow's postinst end within a second."""
    (host.root / "etc/lab/enough").touch()


def wait_for_log(host: Machine, pattern: str, timeout: float = 60) -> None:
    wait_until(
        lambda: re.search(pattern.encode(), log_of(host)) is not None, pattern, timeout=timeout
    )


def wait_for_exit(host: Machine, timeout: float = 90) -> None:
    wait_until(lambda: exit_of(host) is not None, "the job's result", timeout=timeout)
