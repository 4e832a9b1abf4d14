"""A team: operators at machines of their own, whose hostshifts share a store and the demo's hosts.

Every hostshift is a process, and so is every host's program; nothing waits for itself.
"""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.demo.opening import Fleet
from engine.store import StoredRun, open_store
from engine.store.store import Store
from tests.lab.processes import wait_until
from tests.operators import Operator
from tests.unit.runs import demo_hostshift
from tests.unit.store.values import raw

PROGRAM = Path(demo_hostshift.__file__)
PATIENCE_S = 120
WAITS = b"Waiting for cache lock"
"""What a job says while the test holds its host's package lock."""


class Open:
    """A hostshift that has begun a run and stays open, as one with screens does."""

    def __init__(self, operator: Operator, host: str) -> None:
        self.process = subprocess.Popen(
            operator.words("stay", host),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=operator.environment,
        )
        if self.process.stdout is None:
            raise RuntimeError("no pipe")
        self.run = self.process.stdout.readline().decode().strip()

    def close(self) -> None:
        """Close it as a person does."""
        self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0

    def kill(self) -> None:
        """End it as a power cut of its machine does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE_S)


class Command:
    """A command that goes on; what it says is in files."""

    def __init__(self, operator: Operator, *words: str) -> None:
        self._out = operator.directory / f"{words[0]}.out"
        self._err = operator.directory / f"{words[0]}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                operator.words(*words), stdout=out, stderr=err, env=operator.environment
            )

    def says(self, words: str) -> None:
        """Wait until it says something."""
        wait_until(lambda: words in self.said(), f"{words!r}", timeout=PATIENCE_S)

    def said(self) -> str:
        """All that it has said to people."""
        return self._err.read_text(errors="replace")

    def writes(self, words: bytes) -> None:
        """Wait until a log that it writes has something."""
        wait_until(lambda: words in self.log(), f"{words!r}", timeout=PATIENCE_S)

    def log(self) -> bytes:
        """All that it has written of logs."""
        return self._out.read_bytes()

    def ends(self, status: int = 0) -> None:
        """Wait for its end."""
        assert self.process.wait(PATIENCE_S) == status, self.said()

    def kill(self) -> None:
        """End what a test that failed has left."""
        self.process.kill()
        self.process.wait(PATIENCE_S)


@dataclass
class Team:
    """Operators on one store.

    Attributes:
        owner: The store's URL with everything in it, for the test.
        url: What `[store] url` says.
        pgpass: What ~/.pgpass says, where the store wants a password.
        secret: That password; empty where there is none.
        tables: More of the inventory, as TOML.
    """

    directory: Path
    fleet: Fleet
    owner: str
    url: str
    pgpass: str
    secret: str
    store: Store
    tables: str = ""
    begun: list[Open | Command] = field(default_factory=list)

    def operator(self, name: str, url: str | None = None) -> Operator:
        """Somebody with a machine of their own: another home, another state directory.

        Args:
            url: Another `[store] url` than the team's.
        """
        place = self.directory / name
        made = Operator(place, place / "inventory.toml", (str(PROGRAM),))
        made.called(name)
        made.inventory.write_text(
            f'{self.fleet.inventory.read_text()}\n[store]\nurl = "{url or self.url}"\n{self.tables}'
        )
        home = Path(made.environment["HOME"])
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copy(self.fleet.client_config, home / ".ssh/config")
        if self.pgpass:
            (home / ".pgpass").touch(0o600)
            (home / ".pgpass").write_text(self.pgpass)
        made.environment[demo_hostshift.HOSTS] = str(self.fleet.place / "hosts")
        return made

    def open(self, operator: Operator, host: str) -> Open:
        """Begin an upgrade in a hostshift that stays open."""
        made = Open(operator, host)
        self.begun.append(made)
        return made

    def begin(self, operator: Operator, *words: str) -> Command:
        """A command that goes on."""
        made = Command(operator, *words)
        self.begun.append(made)
        return made

    def end(self) -> None:
        """End what a test that failed has left."""
        for one in self.begun:
            if one.process.poll() is None:
                one.kill()

    def job(self, host: str, run: str) -> Path:
        """The directory of an upgrade's job, on its host."""
        return self.fleet.root(host) / "var/lib/hostshift/runs" / run / "upgrade"

    def log(self, host: str, run: str) -> bytes:
        """What an upgrade's job has written, on its host."""
        try:
            return (self.job(host, run) / "log").read_bytes()
        except FileNotFoundError:
            return b""

    def locked(self, host: str) -> bool:
        """Whether a run holds the host."""
        return (self.fleet.root(host) / "var/lib/hostshift/lock").exists()

    @contextmanager
    def in_the_middle(self, host: str) -> Iterator[None]:
        """Keep a job of the host in the middle of its act: apt-get has begun, and must wait."""
        with (self.fleet.root(host) / "var/lib/dpkg/lock-frontend").open("a+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            yield

    def acts(self, host: str, run: str) -> None:
        """Wait until an upgrade is in the middle of its act."""
        wait_until(lambda: WAITS in self.log(host, run), f"{run} to act", timeout=PATIENCE_S)

    def known(self, run: str) -> StoredRun:
        """A run as the store has it."""
        found = self.store.load(run)
        assert found is not None
        return found

    def reaches(self, run: str, state: str) -> None:
        """Wait until the store has a run in a state."""
        wait_until(lambda: self.known(run).state == state, f"{run} {state}", timeout=PATIENCE_S)

    def told_the_secret(self) -> list[str]:
        """Where the store's password has got to, of all that hostshifts and hosts have written."""
        secret = self.secret.encode()
        written = [*self.directory.glob("*/home/.local/state"), self.fleet.place]
        files = [path for place in written for path in place.rglob("*") if path.is_file()]
        found = [str(path) for path in files if secret in path.read_bytes()]
        with raw(self.owner) as connection:
            for table in ("runs", "steps", "events", "messages"):
                rows = connection.execute(f"SELECT * FROM {table}").fetchall()
                found += [table] if self.secret in repr(rows) else []
        return found


@contextmanager
def team(
    directory: Path, fleet: Fleet, owner: str, *, url: str, pgpass: str = "", secret: str = ""
) -> Iterator[Team]:
    """A team, and its end."""
    store = open_store(owner)
    made = Team(directory, fleet, owner, url, pgpass, secret, store)
    try:
        yield made
    finally:
        made.end()
        store.close()
