"""A host that is a directory: the real scripts under a real shell, doubles first on PATH."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import DeadlineError, UnreachableError
from engine.model.host import Host
from engine.shell import Script
from engine.transport.protocol import DEFAULT_LIMIT, AsRoot, Completed
from tests.unit.transport.doubles import NoTunnels

BOOT = "11111111-2222-3333-4444-555555555555"
_FULL = ("sh", "-c", """trap '' XFSZ; ulimit -f 0; exec "$@" """, "full")
"""Before a command: what it writes to files fails, what it writes to pipes does not."""


class LocalHost(NoTunnels):
    """The transport and the host behind it.

    Attributes:
        link: Set to False to cut the link: what runs is lost, what comes is refused.
        full: Set to True to have every write to a file of the host fail, as on a full disk.
        shell: argv of the shell that reads the scripts.
        ran: Names of the scripts that were carried, in order.
    """

    def __init__(self, root: Path, shell: tuple[str, ...] = ("sh",)) -> None:
        self.root = root
        self.shell = shell
        self.link = True
        self.full = False
        self.ran: list[str] = []
        self._running: set[asyncio.subprocess.Process] = set()
        self.doubles = root / "doubles"
        self.doubles.mkdir(parents=True)
        self.set_boot(BOOT)
        (root / "proc/locks").write_text("")
        (root / "var/lib").mkdir(parents=True)
        self.home = root / "var/lib/hostshift"
        self.host = Host(name="h1", address="h1.example")

    def set_boot(self, boot: str) -> None:
        """Make the host say that it runs another boot."""
        file = self.root / "proc/sys/kernel/random/boot_id"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(boot + "\n")

    def double(self, name: str, text: str) -> None:
        """A program that stands first on PATH."""
        file = self.doubles / name
        file.write_text("#!/bin/sh\n" + text)
        file.chmod(0o755)

    def hasten(self) -> None:
        """Shorten what the jobs' scripts wait between two looks; count how often a watcher does."""
        self.double(
            "sleep",
            f'[ "$1" != 0.5 ] || echo >>{self.root}/naps\n'
            "case $1 in 0.4 | 0.5) set -- 0.1 ;; esac\n"
            'exec /usr/bin/sleep "$@"\n',
        )

    async def watched(self, looks: int = 3) -> None:
        """Wait until a job's watcher (runner.sh) has looked around a few times more."""
        naps = self.root / "naps"
        enough = (naps.stat().st_size if naps.exists() else 0) + looks
        await until(lambda: naps.exists() and naps.stat().st_size >= enough)

    def cut(self) -> None:
        """Lose the link, and with it every script that is under way (not the jobs)."""
        self.link = False
        for process in self._running:
            _kill(process)

    def freeze(self) -> None:
        """Let every script that is under way fall silent without ending."""
        for process in self._running:
            os.killpg(process.pid, signal.SIGSTOP)

    def processes(self) -> list[int]:
        """What still runs of all that was started on this host: its doubles stand on their PATH."""
        mark = f"PATH={self.doubles}:".encode()
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # gone, or not ours
                if mark in (directory / "environ").read_bytes():
                    found.append(int(directory.name))
        return found

    def watchers(self, job: Path) -> list[int]:
        """The runner's helpers beside a job's script: its children with the runner's own name."""
        runner = (job / "pid").read_text().strip()
        found = []
        for pid in self.processes():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                if stat[1] == runner and str(job / "runner").encode() in line:
                    found.append(pid)
        return found

    def end(self, within_s: float = 60) -> None:
        """End every job and script, also those that were never to end by themselves."""
        last = time.monotonic() + within_s
        while left := self.processes():
            if time.monotonic() > last:
                raise TimeoutError(f"still there: {left}")
            for pid in left:
                with contextlib.suppress(ProcessLookupError):  # it was faster
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _is_cut(self) -> bool:
        # The link may be cut at every await.
        return not self.link

    async def run(
        self,
        host: Host,
        script: Script,
        *,
        as_root: AsRoot = "no",
        deadline_s: float,
        limit_bytes: int = DEFAULT_LIMIT,
        sink: Callable[[bytes], None] | None = None,
    ) -> Completed:
        if not self.link:
            raise UnreachableError("no route to host", hint="look at the cable")
        self.ran.append(script.name)
        process = await asyncio.create_subprocess_exec(
            *(_FULL if self.full else ()), *self.shell, "-s", "--", str(self.root), *script.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PATH": f"{self.doubles}:{os.environ['PATH']}"},
        )  # fmt: skip
        self._running.add(process)
        if self._is_cut():
            _kill(process)
        kept = bytearray()
        try:
            async with asyncio.timeout(deadline_s):
                errors = asyncio.create_task(_all(process.stderr))
                await _send(process.stdin, b"{ " + script.text.encode() + b"\nexit\n}\n")
                if process.stdout is not None:
                    while block := await process.stdout.read(65536):
                        (sink or kept.extend)(block)
                stderr = await errors
                status = await process.wait()
        except TimeoutError as error:
            raise DeadlineError("too slow", hint="wait") from error
        finally:
            self._running.discard(process)
            if process.returncode is None:
                _kill(process)
                await process.wait()
        if self._is_cut():
            raise UnreachableError("connection lost", hint="look at the cable")
        return Completed(status, bytes(kept), stderr, as_root=True)

    async def forget(self, host_name: str) -> None:
        pass

    async def close(self) -> None:
        pass


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it was faster
        os.killpg(process.pid, signal.SIGKILL)


async def _send(pipe: asyncio.StreamWriter | None, data: bytes) -> None:
    if pipe is not None:
        try:
            pipe.write(data)
            await pipe.drain()
        except ConnectionError:
            pass  # it ended early; its status says why
        pipe.close()


async def _all(pipe: asyncio.StreamReader | None) -> bytes:
    return await pipe.read() if pipe is not None else b""


async def until(true: Callable[[], bool], within_s: float = 60) -> None:
    """Poll until something is true."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - files and processes ring no bell
            await asyncio.sleep(0.02)


SHELLS = ("dash", "busybox", "bash")
"""The shells that read scripts on hosts."""


def under(shell: str, root: Path) -> LocalHost:
    """A host whose scripts one of `SHELLS` reads; where there is none the test is skipped."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} on this machine")
    return LocalHost(
        root, {"busybox": (found, "sh"), "bash": (found, "--posix")}.get(shell, (found,))
    )
