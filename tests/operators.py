"""One operator at one machine: a home of its own, an inventory, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.lab.inventory import isolated_home


class Operator:
    """One operator at one machine.

    Args:
        directory: Where the home is, and what the command said.
        inventory: The inventory file; it may be written later.
        program: What python runs; the command itself, or something around it.
    """

    def __init__(
        self, directory: Path, inventory: Path, program: Sequence[str] = ("-m", "tui")
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.inventory = inventory
        self.environment = isolated_home(directory)
        self._program = tuple(program)

    @property
    def state_dir(self) -> Path:
        """Where this operator's hostshift keeps its state."""
        return Path(self.environment["XDG_STATE_HOME"]) / "hostshift"

    def called(self, name: str) -> None:
        """Give the operator a name: every one that getpass.getuser knows."""
        self.environment |= dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), name)

    def words(self, *arguments: str) -> list[str]:
        """The command with these arguments."""
        return [sys.executable, *self._program, *arguments, "--inventory", str(self.inventory)]

    def call(
        self, *arguments: str, timeout: float = 180, check: int | None = 0
    ) -> subprocess.CompletedProcess[bytes]:
        """The command, to its end."""
        done = subprocess.run(
            self.words(*arguments),
            capture_output=True,
            env=self.environment,
            timeout=timeout,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, done.stderr.decode() + done.stdout.decode()[-3000:]
        return done

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The command, which goes on."""
        with (self.directory / "begun.err").open("wb") as said:
            return subprocess.Popen(
                self.words(*arguments),
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=self.environment,
            )

    def said(self) -> str:
        """What the command that was begun has said."""
        return (self.directory / "begun.err").read_text(errors="replace")

    def plan(self, host: str, candidate: str = "upgrade") -> str:
        """Have a plan printed; its digest."""
        document = json.loads(self.call("plan", host, candidate, "--json").stdout)
        return str(document["digest"])

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the store, the newest first."""
        found: list[dict[str, Any]] = json.loads(self.call("runs", "--json").stdout)["runs"]
        return found

    def last(self) -> dict[str, Any]:
        """The newest run."""
        return self.runs()[0]


def text(done: subprocess.CompletedProcess[bytes]) -> str:
    """All that a command said."""
    return (done.stderr + done.stdout).decode(errors="replace")
