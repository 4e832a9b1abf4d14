"""Clients under whose load a server is replaced: each request has a number, and is sent once.

    python -m tests.lab.replacement.writers files|shop SERVER JOURNAL

asks the DNS server for the service's name before each request, and adds a line to the journal after
it. It is a process of its own: what it measures doesn't depend on the test's.
"""

import http.client
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, Self

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import psycopg

from tests.lab.nameservers import ZONE
from tests.lab.processes import stop, wait_until
from tests.lab.settings import REPOSITORY

Kind = Literal["files", "shop"]
NAMES: Final = {"files": f"files.{ZONE}", "shop": f"shop.{ZONE}"}
EVERY_S: Final = 0.1
PASSWORD: Final = "lab-password-shop"  # of a database that lives for one test
TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. Times are seconds since the epoch, of one clock: the machine's."""

    number: int
    sent: float
    ended: float
    address: str | None
    """Where the name led; None: it could not be looked up."""
    problem: str | None
    """None: it was acknowledged."""


class Writer:
    """A client that writes from `start` to `stop`."""

    def __init__(self, kind: Kind, server: str, directory: Path) -> None:
        """Describe it.

        Args:
            kind: Which service.
            server: The DNS server that it asks: an authoritative one, or a resolver.
            directory: Where its journal goes.
        """
        self.kind = kind
        self.server = server
        self._journal = directory / f"{kind}-{server}.journal"
        self._said = directory / f"{kind}-{server}.said"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and wait until a first request was acknowledged."""
        words = ["-m", "tests.lab.replacement.writers", self.kind, self.server]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, *words, str(self._journal)],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )
        self.wait_for(1)
        return self

    def stop(self) -> None:
        """End it; a request that is under way then is in no journal, and was never acknowledged."""
        if self._process is not None:
            stop(self._process)
            self._process = None

    def wait_for(self, more: int, timeout: float = 60) -> None:
        """Wait until so many further requests were acknowledged."""
        wanted = len(self.acknowledged()) + more
        wait_until(
            lambda: len(self.acknowledged()) >= wanted,
            f"{more} acknowledged requests of {self.kind} by {self.server}: {self._why()}",
            timeout=timeout,
        )

    def attempts(self) -> list[Attempt]:
        """Every request so far, in the order they were sent."""
        try:
            text = self._journal.read_text()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind("\n") + 1]
        return [Attempt(**json.loads(line)) for line in whole.splitlines()]

    def acknowledged(self) -> set[int]:
        """The numbers of the requests that the service said it has."""
        return {a.number for a in self.attempts() if a.problem is None}

    def failures(self) -> list[Attempt]:
        """The others."""
        return [a for a in self.attempts() if a.problem is not None]

    def longest_gap_s(self, *, since: float = 0.0) -> float:
        """The longest time in which nothing was acknowledged: the outage, as this client saw it.

        It lies between two acknowledged requests, or after the last one when the last ones failed.

        Args:
            since: Only what was sent after that time counts.
        """
        seen = [a for a in self.attempts() if a.sent >= since]
        ends = [a.ended for a in seen if a.problem is None]
        ends += [a.ended for a in seen[-1:] if a.problem is not None]
        return max((b - a for a, b in itertools.pairwise(ends)), default=0.0)

    def _why(self) -> str:
        if self._process is not None and self._process.poll() is not None:
            return self._said.read_text()
        return str(self.failures()[-1:])


def look_up(name: str, server: str) -> str:
    """The address that a server gives for a name."""
    answer = dns.query.udp(dns.message.make_query(name, "A"), server, timeout=TIMEOUT_S)
    for records in answer.answer:
        if records.rdtype == dns.rdatatype.A:
            return str(records[0])
    raise LookupError(f"{server} has no address for {name}")


def write_file(number: int, sent: float, address: str) -> None:
    """One request to the file service."""
    connection = http.client.HTTPConnection(address, 8080, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"/{number}", f"{sent:.6f}", {"Host": NAMES["files"]})
        status = connection.getresponse().status
        if status != 200:
            raise ConnectionError(f"status {status}")
    finally:
        connection.close()


def write_row(number: int, sent: float, address: str) -> None:
    """One row of the shop's database; psycopg gives up a connection after 2 s at the earliest."""
    with psycopg.connect(
        host=NAMES["shop"],
        hostaddr=address,
        dbname="shop",
        user="shop",
        password=PASSWORD,
        connect_timeout=2,
        options="-c statement_timeout=1s -c timezone=UTC",
        tcp_user_timeout=2000,
        autocommit=True,
    ) as connection:
        connection.execute(
            "insert into orders (id, at) values (%s, to_timestamp(%s))", (number, sent)
        )


WRITE: Final[dict[str, Callable[[int, float, str], None]]] = {
    "files": write_file,
    "shop": write_row,
}


def attempt(kind: str, server: str, number: int) -> Attempt:
    """Send one request."""
    sent = time.time()
    address = problem = None
    try:
        address = look_up(NAMES[kind], server)
        WRITE[kind](number, sent, address)
    except (OSError, LookupError, http.client.HTTPException, dns.exception.DNSException) as error:
        problem = f"{type(error).__name__}: {error}"
    except psycopg.Error as error:
        problem = f"{type(error).__name__}: {error}"
    return Attempt(number, sent, time.time(), address, problem)


def main() -> None:
    """Write until somebody ends this process."""
    kind, server, journal = sys.argv[1:]
    # the numbers of two clients never meet: each has a block by the last byte of its DNS server
    number = int(server.rpartition(".")[2]) * 1_000_000
    with Path(journal).open("a", buffering=1) as lines:
        due = time.monotonic()
        while True:
            number += 1
            lines.write(json.dumps(asdict(attempt(kind, server, number))) + "\n")
            due = max(due + EVERY_S, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
