"""The gate as sshd's forced command runs it, with an rsync that only tells what it was given."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.sync.source import gate_text

RUN = "20261126t080000-ab12"
SHELLS = ("dash", "busybox", "bash")
RSYNC = """#!/bin/sh
printf 'in %s\\n' "$(pwd | tr '\\n' ' ')"
for word in "$@"; do printf 'word %s\\n' "$word"; done
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client saw: what rsync got (None: it was not run), and the refusal."""

    directory: str | None
    words: tuple[str, ...]
    error: str
    status: int


class Gate:
    """A server1 in a directory with its volumes, and the gate of one run."""

    def __init__(self, root: Path, shell: str, volumes: tuple[str, ...]) -> None:
        found = shutil.which(shell)
        if found is None:
            pytest.skip(f"there is no {shell} on this machine")
        self.shell = (found, "sh") if shell == "busybox" else (found,)
        if shell == "bash":
            self.shell = (found, "--posix")
        self.root = root
        place = root / f"var/lib/hostshift/runs/{RUN}/sync-gate"
        place.mkdir(parents=True)
        self.file = place / "gate"
        self.file.write_text(gate_text(RUN, volumes))
        self.direction = root / "var/lib/hostshift/direction"
        self.direction.write_text(f"other target 10.0.0.9\n{RUN} source 10.0.0.2\n")
        double = root / "doubles/rsync"
        double.parent.mkdir()
        double.write_text(RSYNC)
        double.chmod(0o755)
        for volume in volumes:
            self.directory(volume).mkdir(parents=True)
            (self.directory(volume) / "file").write_text("x")

    def directory(self, volume: str) -> Path:
        return self.root / volume.removeprefix("/")

    def run(self, command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.shell, str(self.file), command],
            capture_output=True,
            check=False,
            timeout=60,
            cwd="/",
            env={"PATH": os.environ["PATH"]},
        )

    def ask(self, command: str) -> Answer:
        done = self.run(command)
        lines = os.fsdecode(done.stdout).split("\n")
        ran = lines[0].startswith("in ")
        words = "\n".join(lines[1:]).removesuffix("\n").removeprefix("word ").split("\nword ")
        return Answer(
            lines[0].removeprefix("in ") if ran else None,
            tuple(words) if ran else (),
            os.fsdecode(done.stderr),
            done.returncode,
        )
