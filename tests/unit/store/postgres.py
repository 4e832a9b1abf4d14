"""A PostgreSQL server of the tests' own: Debian's package, a directory, loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg

from tests.lab.processes import run, wait_until

USER = "hostshift"
MISSING = "PostgreSQL is not installed: the store was NOT tested on it (apt-get install postgresql)"


def binaries() -> Path | None:
    """Where the newest installed server's programs are; Debian has them outside of PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parents[1].name)
    )
    return found[-1].parent if found else None


class Server:
    """A running server. Its password is asked for, as a team's is."""

    def __init__(self, port: int, password: str) -> None:
        self.port = port
        self.password = password

    def url(self, database: str = "postgres", password: str | None = None) -> str:
        """The URL of a database, with the password that is right or another."""
        word = self.password if password is None else password
        return f"postgresql://{USER}:{word}@127.0.0.1:{self.port}/{database}"

    def url_to_share(self, database: str = "postgres") -> str:
        """What `[store] url` says: without the password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def pgpass(self) -> str:
        """The line of ~/.pgpass with the password."""
        return f"127.0.0.1:{self.port}:*:{USER}:{self.password}\n"

    def emptied(self) -> str:
        """The URL of a database that holds nothing; there is one, and tests come one by one."""
        url = self.url()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = error")  # of what goes along
            connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return url


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A server that ends with the block, and also when this process is killed."""
    # Not below pytest's directories: the server has another user, who can't enter those.
    home = Path(tempfile.mkdtemp(prefix="hostshift-postgres-"))
    password = secrets.token_hex(8)
    word = home / "password"
    word.write_text(password)
    if _is_root():
        for path in (home, word):
            shutil.chown(path, "postgres", "postgres")
    try:
        make = f"--no-sync --username={USER} --auth=scram-sha-256 --encoding=UTF8 --locale=C"
        run(
            [*_AS_SERVER, programs / "initdb", *make.split(), f"--pwfile={word}", home / "data"],
            directory=Path("/"),
        )
        with (home / "log").open("wb") as log, _server(programs, home, log) as port:
            server = Server(port, password)
            wait_until(lambda: _answers(server.url()), "PostgreSQL", timeout=60)
            yield server
    finally:
        shutil.rmtree(home)


@contextmanager
def _server(programs: Path, home: Path, log: IO[bytes]) -> Iterator[int]:
    port = _free_port()
    options = (
        f"--port={port} --listen-addresses=127.0.0.1 --unix-socket-directories= "
        # Clients are killed here, the machine isn't: the disk need not be waited for.
        "--fsync=off --shared-buffers=16MB --max-connections=30 "
        "--autovacuum=off --wal-level=minimal --max-wal-senders=0"
    )
    process = subprocess.Popen(
        [*_AS_SERVER, programs / "postgres", "-D", home / "data", *options.split()],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
    )
    try:
        yield port
    finally:
        process.send_signal(signal.SIGQUIT)  # at once, without tidying up: postgres(1)
        process.wait(timeout=60)


def _is_root() -> bool:
    return os.geteuid() == 0


# A server refuses to run as root; Debian's package brings a user for it. However this process ends,
# the kernel ends the server, with the signal that it knows as immediate shutdown.
_AS_SERVER = (
    "setpriv",
    *(("--reuid=postgres", "--regid=postgres", "--clear-groups") if _is_root() else ()),
    *("--pdeathsig", "QUIT", "--"),
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
