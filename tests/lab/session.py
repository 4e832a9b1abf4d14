"""A running lab: keys, apt proxy, base and repository, and the hosts made in it."""

import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from tests.lab import bases
from tests.lab.aptproxy import Fault
from tests.lab.keys import HOMES, make_key
from tests.lab.machine import Machine, Options
from tests.lab.mirror import Mirror, read_mirror
from tests.lab.processes import run, stop, wait_until
from tests.lab.settings import HERE, REPOSITORY, Settings

Prepare = Callable[[Machine], object]
FIRST_NUMBER, LAST_NUMBER = 10, 250


class Lab:
    """Everything hosts need, for as long as the context lasts."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_environment()
        self.mirror: Mirror = read_mirror()
        self.identities: dict[str, Path] = {}
        """The private key of each user."""
        self._stack = ExitStack()
        self._golden: dict[str, Path] = {}
        self._bases: dict[tuple[str, tuple[str, ...]], Path] = {}
        self._layers: dict[tuple[str, tuple[str, ...]], Path] = {}
        self._names = itertools.count(1)
        self._fault = self.settings.state / "fault.json"

    def __enter__(self) -> Self:
        for user in HOMES:
            key = self.settings.state / "keys" / user
            self.identities[user] = make_key(key, f"{user}@lab")
        with ExitStack() as stack:
            repository = stack.enter_context(self._repository())
            stack.enter_context(self._proxy(repository))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def base(self, suite: str | None = None, packages: Sequence[str] = ()) -> Path:
        """The base tree of a suite; the first use of a month builds it."""
        wanted = (suite or self.settings.suite, tuple(sorted(packages)))
        if wanted not in self._bases:
            context = bases.base(self.settings, *wanted)
            self._bases[wanted] = self._stack.enter_context(context)
        return self._bases[wanted]

    def layer(self, suite: str, packages: Sequence[str]) -> Path:
        """A suite's base with further packages: a layer for `Options.layers`."""
        wanted = (suite, tuple(sorted(packages)))
        if wanted not in self._layers:
            context = bases.layer(self.settings, suite, self.base(suite), wanted[1])
            self._layers[wanted] = self._stack.enter_context(context)
        return self._layers[wanted]

    @contextmanager
    def machine(self, name: str | None = None, options: Options | None = None) -> Iterator[Machine]:
        """A host that is made but off, destroyed at the end."""
        name = name or f"host{next(self._names)}"
        with self._number() as number:
            host = Machine(
                self.settings,
                name,
                number,
                base=self.base() if options is None or options.base is None else options.base,
                identities=self.identities,
                options=options,
            )
            try:
                host.make()
                yield host
            finally:
                host.destroy()

    def golden(self, name: str, prepare: Prepare, options: Options | None = None) -> Path:
        """A layer for `Options.layers`: the changes of a host that was prepared once and shut down.

        Clones get their own name, machine id and host keys.
        """
        if name not in self._golden:
            layer = self.settings.state / "golden" / name
            layer.parent.mkdir(exist_ok=True)
            with self.machine(f"golden-{name}", options) as host:
                host.start()
                host.wait_booted()
                prepare(host)
                host.power_off()
                for file in (host.root / "etc/ssh").glob("ssh_host_*"):
                    file.unlink()
                host.disk.unmount()
                host.disk.keep_changes(layer)
            self._golden[name] = layer
        return self._golden[name]

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """Let the apt mirror misbehave."""
        fault.write(self._fault)
        try:
            yield
        finally:
            self._fault.unlink(missing_ok=True)

    @contextmanager
    def _number(self) -> Iterator[int]:
        """An address that no other process of this lab uses."""
        folder = self.settings.state / "numbers"
        folder.mkdir(exist_ok=True)
        for number in range(FIRST_NUMBER, LAST_NUMBER + 1):
            taken = folder / str(number)
            try:
                taken.mkdir()
            except FileExistsError:
                continue
            try:
                yield number
            finally:
                taken.rmdir()
            return
        raise RuntimeError("the lab has no free address")

    @contextmanager
    def _repository(self) -> Iterator[Path]:
        script = HERE / "packages.sh"
        folder = self.settings.cache / "repositories"
        folder.mkdir(parents=True, exist_ok=True)
        bases.prune(folder, "*", 14 * 86400.0)
        path = folder / bases.key(script.read_bytes())
        with bases.built(path, lambda fresh: run([script, fresh])) as repository:
            yield repository

    @contextmanager
    def _proxy(self, repository: Path) -> Iterator[None]:
        settings = self.settings
        log = settings.state / "proxy.log"
        command = [
            *(sys.executable, "-m", "tests.lab.aptproxy"),
            *("--address", settings.gateway, "--port", str(settings.proxy_port)),
            *(
                "--cache",
                str(settings.cache / "mirror"),
                "--indexes",
                str(settings.state / "indexes"),
            ),
            *("--lab", str(repository), "--fault", str(self._fault)),
            *("--outer-network", str(settings.outer_network)),
            *("--archive", self.mirror.archive, "--security", self.mirror.security or ""),
        ]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"),
            )

        def is_up() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"the apt proxy ended: {log.read_text()}")
            return _answers(settings.gateway, settings.proxy_port)

        try:
            wait_until(is_up, "the apt proxy")
            yield
        finally:
            stop(process)


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True
