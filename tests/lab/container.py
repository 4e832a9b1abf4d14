"""A host's power: systemd-nspawn, which leaves reboots to its caller."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab.processes import wait_until
from tests.lab.settings import HERE

REBOOT = 133
"""nspawn's exit status when the host asked for a reboot."""
SHUT_DOWN = signal.SIGRTMIN + 3
"""Asks a systemd that is PID 1 of a container to power off."""


class Container:
    """Boots, reboots and stops one host."""

    def __init__(
        self, command: Sequence[str], console: Path, cgroups: Sequence[Path], *, unified: bool
    ):
        """Describe it.

        Args:
            command: systemd-nspawn with its arguments.
            console: what the host writes to its console.
            cgroups: the host's directory in each hierarchy.
            unified: give the host cgroup v2, whatever the machine has.
        """
        self._command = list(command)
        self._console = console
        self._cgroups = tuple(cgroups)
        self._unified = unified
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: threading.Thread | None = None
        self._mains = threading.Event()
        self._started = threading.Event()
        self.boots = 0
        self.reboot_delay_s = 0.0
        """How long its firmware takes."""
        self.comes_back = True
        """False: a host that never comes back from a reboot."""

    def start(self) -> None:
        """Switch it on."""
        if self.is_on():
            raise RuntimeError("it is on")
        self._mains.set()
        self._started.clear()
        # The whole life of nspawn belongs to one thread: signals bound to the death of a parent
        # (PDEATHSIG) mean the thread that forked.
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()
        if not self._started.wait(30):
            raise TimeoutError("systemd-nspawn did not start")

    def is_on(self) -> bool:
        """Whether it runs, or is on its way through a reboot."""
        return self._supervisor is not None and self._supervisor.is_alive()

    def _supervise(self) -> None:
        while True:
            self._process = self._boot()
            self._started.set()
            status = self._process.wait()
            if not (self._mains.is_set() and status == REBOOT and self.comes_back):
                return
            pause = time.monotonic() + self.reboot_delay_s
            while self._mains.is_set() and time.monotonic() < pause:
                time.sleep(0.02)
            if not self._mains.is_set():
                return

    def _boot(self) -> subprocess.Popen[bytes]:
        self.boots += 1
        # A fresh cgroup each time: nspawn splits its own, and in v2 a split one takes no process.
        joined: list[str] = []
        for cgroup in self._cgroups:
            fresh = cgroup / f"boot{self.boots}"
            fresh.mkdir(parents=True)
            joined.append(str(fresh))
        environment = dict(os.environ, SYSTEMD_LOG_LEVEL="warning")
        environment["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1" if self._unified else "0"
        with self._console.open("ab") as console:
            return subprocess.Popen(
                [str(HERE / "join.sh"), *joined, "--", *self._command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def leader(self) -> int | None:
        """The process id of the host's PID 1, as seen from the lab."""
        if self._process is None or self._process.poll() is not None:
            return None
        own = self._process.pid
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{own}/task/{own}/children").read_text().split():
                status = Path(f"/proc/{child}/status").read_text()
                numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
                # nspawn has a helper at first; the leader is 1 in a namespace of its own
                if numbers.split()[-1] == "1":
                    return int(child)
        return None

    def power_cut(self) -> None:
        """Kill it at once, as if the plug were pulled (its page cache survives)."""
        self._mains.clear()
        self.thaw()
        leader = self.leader()
        # the leader first: with it the kernel kills the whole host, nspawn's death alone may not
        for pid in (leader, self._process.pid if self._process else None):
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._join(15)
        if leader is not None:
            wait_until(lambda: _is_gone(leader), "the host to die", every=0.01)

    def power_off(self, timeout: float = 40.0) -> None:
        """Shut it down in order; pull the plug when it does not follow."""
        self._mains.clear()
        leader = self.leader()
        if leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(leader, SHUT_DOWN)
            self._join(timeout)
        if self.is_on():
            self.power_cut()

    def _join(self, timeout: float) -> None:
        if self._supervisor is not None:
            self._supervisor.join(timeout)

    def freeze(self) -> None:
        """Stop every process of the host: it accepts nothing and resets nothing."""
        self._set_frozen(True)

    def thaw(self) -> None:
        """Let a frozen host go on."""
        self._set_frozen(False)

    def _set_frozen(self, frozen: bool) -> None:
        # only one of the two: what v1 froze never counts as frozen in v2
        for cgroup in self._cgroups:
            if (switch := cgroup / "cgroup.freeze").exists():
                switch.write_text("1" if frozen else "0")
                events = cgroup / "cgroup.events"
                wanted = f"frozen {int(frozen)}"
                wait_until(_says(events, wanted), f"{wanted} in {events}")
                return
        for cgroup in self._cgroups:
            if (switch := cgroup / "freezer.state").exists():
                wanted = "FROZEN" if frozen else "THAWED"
                switch.write_text(wanted)
                wait_until(_says(switch, wanted), f"{wanted} in {switch}")

    def remove_cgroups(self) -> None:
        """Remove the host's empty cgroups."""
        for cgroup in self._cgroups:
            for directory, _, _ in os.walk(cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(directory)


def _says(file: Path, wanted: str) -> Callable[[], bool]:
    return lambda: wanted in file.read_text().splitlines()


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"
