"""Trees that hosts are layered on: built once, kept in the cache, never changed in place."""

import datetime as dt
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.processes import run, wait_until
from tests.lab.settings import HERE, Settings

BUILD_TIMEOUT_S = 1200.0
KEEP_MONTHS = 2


def _try_lock(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _locked(path: Path, how: int, timeout: float) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        wait_until(lambda: _try_lock(file, how), f"the lock {path}", timeout=timeout, every=0.2)
        yield file
    finally:
        os.close(file)


@contextmanager
def built(path: Path, build: Callable[[Path], object]) -> Iterator[Path]:
    """A directory of the cache, built when missing, held against pruning while in use.

    Of several labs that want it one builds and the others wait; a killed build leaves nothing that
    could be taken for a finished one.
    """
    lock_path = path.with_name(path.name + ".lock")
    with _locked(lock_path, fcntl.LOCK_SH, BUILD_TIMEOUT_S):
        if path.exists():
            yield path
            return
    with _locked(lock_path, fcntl.LOCK_EX, BUILD_TIMEOUT_S) as lock:
        if not path.exists():
            fresh = path.with_name(f".{path.name}.building")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            build(fresh)
            fresh.rename(path)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield path


def prune(folder: Path, pattern: str, older_than_s: float) -> None:
    """Remove directories of the cache that are old and that no lab uses."""
    now = dt.datetime.now(dt.UTC).timestamp()
    for path in folder.glob(pattern):
        # a build under way has the age that its packages give it, and another lock
        if path.name.startswith(".") or not path.is_dir():
            continue
        if now - path.stat().st_mtime < older_than_s:
            continue
        lock = path.with_name(path.name + ".lock")
        try:
            with _locked(lock, fcntl.LOCK_EX, 0.0):
                shutil.rmtree(path, ignore_errors=True)
                lock.unlink(missing_ok=True)
        except TimeoutError:
            continue


def key(*parts: str | bytes) -> str:
    """A short name for what some inputs make."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@contextmanager
def base(settings: Settings, suite: str, packages: Sequence[str] = ()) -> Iterator[Path]:
    """The base tree of a suite, with further packages if wanted; rebuilt every month.

    The lab's apt proxy must be running: inside a lab there is no other way to the mirror.
    """
    script = HERE / "base.sh"
    month = f"{dt.datetime.now(dt.UTC):%Y-%m}"
    name = f"{suite}-{key(script.read_bytes(), month, *sorted(packages))}"
    folder = settings.cache / "bases"
    folder.mkdir(parents=True, exist_ok=True)

    def build(directory: Path) -> None:
        mirror = f"{settings.proxy_url}/debian"
        run(
            [script, directory, suite, mirror, ",".join(sorted(packages))],
            timeout=BUILD_TIMEOUT_S,
        )
        directory.chmod(0o755)

    prune(folder, "*-*", KEEP_MONTHS * 31 * 86400.0)
    with built(folder / name, build) as path:
        yield path


@contextmanager
def layer(settings: Settings, suite: str, below: Path, packages: Sequence[str]) -> Iterator[Path]:
    """The layer of a base with further packages, for `Options.layers`; as old as the base.

    It costs what the packages do; a base of its own would cost a whole system more.
    """
    script = HERE / "layer.sh"
    folder = settings.cache / "layers"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{below.name}-{key(script.read_bytes(), *sorted(packages))}"

    def build(directory: Path) -> None:
        mirror = f"{settings.proxy_url}/debian"
        run([script, directory, below, suite, mirror, *packages], timeout=BUILD_TIMEOUT_S)

    prune(folder, "*-*", KEEP_MONTHS * 31 * 86400.0)
    with built(folder / name, build) as path:
        yield path / "changes"
