"""Running programs and waiting for things, always with a deadline."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar


class CommandError(Exception):
    """A program that had to succeed did not."""

    def __init__(self, command: Sequence[str], status: int, stdout: str, stderr: str) -> None:
        super().__init__(f"{' '.join(command)}: exit status {status}\n{stdout}\n{stderr}")
        self.status = status
        self.stdout = stdout
        self.stderr = stderr


def run(
    command: Sequence[str | Path],
    *,
    check: bool = True,
    stdin: str | None = None,
    timeout: float = 120.0,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    Raises:
        CommandError: it failed, and `check` is set.
        subprocess.TimeoutExpired: it was killed at the deadline.
    """
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        check=False,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        env=environment,
        cwd=directory,
    )
    if check and done.returncode != 0:
        raise CommandError(words, done.returncode, done.stdout, done.stderr)
    return done


T = TypeVar("T")


def wait_until(
    look: Callable[[], T | None], what: str, *, timeout: float = 60.0, every: float = 0.05
) -> T:
    """Look until there is something true to see, and return it.

    Raises:
        TimeoutError: nothing came in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:.0f} s for {what}")
        time.sleep(every)


def stop(process: subprocess.Popen[bytes] | subprocess.Popen[str], grace: float = 5.0) -> None:
    """End a process that we started, politely and then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(grace)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
