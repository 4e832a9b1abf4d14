"""The lab's only way out: a caching reverse proxy to the machine's own Debian mirror.

It listens on the lab's bridge and opens its upstream connections in the network namespace outside,
so the hosts have no route anywhere.

    /debian/...           the archive; what never changes is kept in the cache
    /debian-security/...  the security archive
    /lab/...              the lab's own package repository

A file `fault.json` in the state directory makes it misbehave, see `Fault`.
"""

import argparse
import ctypes
import http.client
import http.server
import json
import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Self

CLONE_NEWNET = 0x40000000
BLOCK = 1 << 16
UPSTREAM_TIMEOUT_S = 120.0
TRIES = 3
KEEP_S = 90 * 86400.0
"""Packages that nobody has asked for in this time are dropped from the cache."""

NEVER_CHANGES = re.compile(r"/pool/|/by-hash/")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong for the paths that `match` finds."""

    match: str
    status: int | None = None
    """Answer with this status and nothing else."""
    delay_s: float = 0.0
    truncate: int | None = None
    """Close the connection after so many bytes."""
    bytes_per_s: float | None = None

    @classmethod
    def read(cls, path: Path, wanted: str) -> Self:
        """The fault that is in force for a path; without one, a harmless one."""
        try:
            fault = cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError):
            return cls(match="")
        return fault if re.search(fault.match, wanted) else cls(match="")

    def write(self, path: Path) -> None:
        """Put it in force."""
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(path)


def download(url: str, file: Path) -> int:
    """Fetch a file and return the status of the last try; it is whole with 200 only.

    The mirror gets another try: what it cuts short would stay in the cache, and what it refuses
    once would be missing on a host without a word of it.
    """
    status = 0
    for attempt in range(TRIES):
        time.sleep(attempt)
        status = _download(url, file)
        if status < 500:
            break
    return status


def _download(url: str, file: Path) -> int:
    request = urllib.request.Request(url, headers={"User-Agent": "Debian APT-HTTP/1.3"})
    try:
        with (
            urllib.request.urlopen(request, timeout=UPSTREAM_TIMEOUT_S) as answer,
            file.open("wb") as out,
        ):
            shutil.copyfileobj(answer, out, BLOCK)
            return 502 if answer.length else 200  # what is left; http.client says no word of it
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 502


class Store:
    """Files of the mirror on this machine: fixed ones in the cache, indexes for one lab only."""

    def __init__(self, cache: Path, indexes: Path, outer_network: Path) -> None:
        self.cache = cache
        self.indexes = indexes
        self.outer_network = os.open(outer_network, os.O_RDONLY | os.O_CLOEXEC)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._locks: dict[Path, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, path: str, upstream: str) -> Path | int:
        """The file for a path of the proxy, fetched when missing; or the status to answer."""
        kept = self.cache if NEVER_CHANGES.search(path) else self.indexes
        file = kept / path
        absent = file.with_name(file.name + ".absent")
        with self._guard:
            lock = self._locks.setdefault(file, threading.Lock())
        with lock:
            if absent.exists():
                return 404
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                status = self._fetch(upstream, file)
                if status == 404 and kept is self.indexes:
                    absent.touch()
                if status != 200:
                    return status
        os.utime(file, (time.time(), file.stat().st_mtime))
        return file

    def _fetch(self, url: str, file: Path) -> int:
        part = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}.part")
        # setns moves this thread only; its listening side lives on in the other threads
        if self._libc.setns(self.outer_network, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            status = download(url, part)
            if status == 200:
                part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        return status

    def prune(self) -> None:
        """Drop what has not been asked for in a long time, and what a killed lab left half done."""
        now = time.time()
        for file in self.cache.rglob("*"):
            try:
                used = file.stat().st_atime
            except FileNotFoundError:
                continue
            limit = 3600.0 if file.suffix == ".part" else KEEP_S
            if file.is_file() and now - used > limit:
                file.unlink(missing_ok=True)


class Proxy(http.server.ThreadingHTTPServer):
    """The server; its handler finds everything it needs here."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        store: Store,
        upstreams: dict[str, str],
        lab: Path,
        fault: Path,
    ) -> None:
        self.store = store
        self.upstreams = upstreams
        self.lab = lab
        self.fault = fault
        super().__init__(address, Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of an apt."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: apt tells its user what it got."""

    def do_HEAD(self) -> None:
        """Answer like GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer from the lab's repository, the cache or the mirror."""
        path = self.path.partition("?")[0].lstrip("/")
        fault = Fault.read(self.server.fault, path)
        time.sleep(fault.delay_s)
        found = fault.status or self._find(path)
        if isinstance(found, int):
            self.send_response(found)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(found, fault)

    def _find(self, path: str) -> Path | int:
        top, _, rest = path.partition("/")
        if ".." in path:
            return 400
        if top == "lab":
            file = self.server.lab / rest
            return file if file.is_file() else 404
        if top not in self.server.upstreams:
            return 403
        return self.server.store.get(path, f"{self.server.upstreams[top]}/{rest}")

    def _send(self, path: Path, fault: Fault) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = self._start_of_range(size)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(size - start))
            self.send_header(
                "Last-Modified", formatdate(os.fstat(file.fileno()).st_mtime, usegmt=True)
            )
            if start:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.end_headers()
            if self.command == "HEAD":
                return
            file.seek(start)
            # ten pieces a second, so that also a small file comes slowly
            piece = max(1, int(fault.bytes_per_s / 10)) if fault.bytes_per_s else BLOCK
            left = size - start if fault.truncate is None else min(fault.truncate, size - start)
            while left > 0 and (block := file.read(min(piece, left))):
                self.wfile.write(block)
                left -= len(block)
                if fault.bytes_per_s:
                    time.sleep(len(block) / fault.bytes_per_s)
            if fault.truncate is not None:
                self.close_connection = True

    def _start_of_range(self, size: int) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(wanted[1]) if wanted and int(wanted[1]) < size else 0


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    for name in ("address", "cache", "indexes", "lab", "fault", "outer-network", "archive"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--security", default="")
    given = parser.parse_args()
    store = Store(Path(given.cache), Path(given.indexes), Path(given.outer_network))
    upstreams = {"debian": given.archive}
    if given.security:
        upstreams["debian-security"] = given.security
    store.prune()
    address = (given.address, given.port)
    with Proxy(address, store, upstreams, Path(given.lab), Path(given.fault)) as proxy:
        proxy.serve_forever()


if __name__ == "__main__":
    main()
