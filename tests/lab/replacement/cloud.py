"""What makes and ends hosts for scripts, as a provider does: behind a socket, by name.

The hosts belong to the test, so they outlive the script that asked for them and whoever ran it, and
none outlives the test.
"""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from tests.lab.machine import Machine, Options
from tests.lab.session import Lab


class Cloud:
    """The hosts there are, by name.

    Args:
        socket: Where scripts ask; a short path (unix(7): 107 bytes).
        known_hosts: Gets the real key of every host there is.
        options: What a host is made with when a script asks for it.
        made: Is told of each new host, before it is switched on.
    """

    def __init__(
        self,
        lab: Lab,
        socket: Path,
        known_hosts: Path,
        options: Options,
        made: Callable[[Machine], object],
    ) -> None:
        self.socket = socket
        self.machines: dict[str, Machine] = {}
        self.destroyed: set[str] = set()
        self._lab = lab
        self._known_hosts = known_hosts
        self._options = options
        self._made = made
        self._stacks: dict[str, ExitStack] = {}
        self._lock = threading.RLock()

    @contextmanager
    def serving(self) -> Iterator[Self]:
        """Answer scripts; every host ends with the context."""
        cloud = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                asked = json.loads(self.rfile.readline())
                self.wfile.write(json.dumps(cloud.answer(asked["what"], asked["name"])).encode())

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        with Server(str(self.socket), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()
                for name in list(self.machines):
                    self.destroy(name)
                self.socket.unlink()

    def answer(self, what: str, name: str) -> dict[str, object]:
        """Do what a script asks; asked again it is done already."""
        try:
            with self._lock:
                if what == "destroy":
                    self.destroy(name)
                    return {"destroyed": name}
                machine = self.machines.get(name) or self.create(name, self._options)
                key = machine.known_hosts_line().split(maxsplit=1)[1].strip()
                return {"address": machine.address, "host_keys": [key]}
        except Exception as error:  # noqa: BLE001 # the script must hear of it, whatever it is
            return {"error": f"{what} {name}: {error}"}

    def create(self, name: str, options: Options) -> Machine:
        """Make a host and switch it on; it may still be booting."""
        with self._lock, ExitStack() as stack:
            machine = stack.enter_context(self._lab.machine(name, options))
            self._made(machine)
            machine.start()
            self._stacks[name] = stack.pop_all()
            self.machines[name] = machine
            self._write_keys()
        return machine

    def destroy(self, name: str) -> None:
        """Switch a host off in order, then take it away.

        Raises:
            KeyError: there was never such a host.
        """
        with self._lock:
            if name in self.destroyed and name not in self.machines:
                return
            self.machines[name].power_off()
            del self.machines[name]
            self._stacks.pop(name).close()
            self.destroyed.add(name)
            self._write_keys()

    def _write_keys(self) -> None:
        self._known_hosts.write_text("".join(m.known_hosts_line() for m in self.machines.values()))
