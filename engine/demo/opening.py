"""Opening the demo: the fleet on disk, its SSH servers, and a session on them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.clock import Clock, FixedClock, SystemClock
from engine.demo.build import build, copy_doubles, link_tools
from engine.demo.fleet import FLEET
from engine.demo.fleet_files import write_inventory
from engine.demo.hosts import DemoHost
from engine.demo.keys import new_key, write_client_files
from engine.demo.place import private_place, remove
from engine.demo.server import LOOPBACK, DemoServer, ServedHost
from engine.errors import InputError
from engine.session import Session, operator_name

_OPS_UID = "1000"
_PATIENCE_S = 10.0
"""Seconds for an orderly end after the terminal is gone."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet that is being served.

    Attributes:
        place: The private directory that holds everything.
        inventory: Its inventory file.
        client_config: The OpenSSH client configuration that leads to it.
    """

    place: Path
    inventory: Path
    client_config: Path

    def root(self, host_name: str) -> Path:
        """The file system of a host: what its scripts get as the host-side root."""
        return self.place / "hosts" / host_name / "root"


@contextlib.contextmanager
def serve_fleet(
    *,
    now: datetime,
    clock_stands: bool = False,
    pace: float = 1.0,
    hosts: tuple[DemoHost, ...] = FLEET,
) -> Iterator[Fleet]:
    """Make the fleet and serve it until the end of the block.

    Args:
        now: The moment from which the ages of the hosts' files count.
        clock_stands: The hosts' clocks stay at ``now``.
        pace: How long a second of the hosts' programs takes; 0 for no waiting at all.
    """
    if sys.platform != "linux":
        raise InputError(
            "The demo's hosts need Linux: their scripts use its tools.",
            hint="Start it on a Linux machine or in a container.",
        )
    common = {
        "HOSTSHIFT_DEMO_PYTHON": sys.executable,
        "HOSTSHIFT_DEMO_PACE": f"{pace:g}",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
    }
    if clock_stands:
        common["HOSTSHIFT_DEMO_NOW"] = f"{now.timestamp():.0f}"
    with contextlib.ExitStack() as open_things:
        with _told():
            place = open_things.enter_context(private_place())
            fleet = _set_up(place, hosts, common, now, pace, open_things)
        yield fleet


def _set_up(
    place: Path,
    hosts: tuple[DemoHost, ...],
    common: Mapping[str, str],
    now: datetime,
    pace: float,
    open_things: contextlib.ExitStack,
) -> Fleet:
    """Make every host and open its listener."""
    doubles, tools = place / "doubles", place / "tools"
    copy_doubles(doubles)
    link_tools(tools)
    common = {
        **common,
        "HOSTSHIFT_DEMO_DOUBLES": str(doubles),
        "HOSTSHIFT_DEMO_TOOLS": str(tools),
    }
    client_key = new_key("hostshift demo")
    server = DemoServer(client_key)
    open_things.callback(server.close)
    ports = {}
    for host in hosts:
        home = place / "hosts" / host.name
        build(host, home, doubles, now)
        key = new_key(f"host key of {host.name}")
        if host.listening:
            environments = _environments(host, home, tools, common)
            served = ServedHost(environments, home / "root/root", host.answer_delay_s * pace)
            ports[host.name] = (server.serve(served, key), key)
        else:
            ports[host.name] = (_dead_port(open_things), key)
    config = write_client_files(place, client_key, ports)
    return Fleet(place, write_inventory(place, hosts), config)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in words what keeps the demo from being made."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The demo can't be set up: {error}.",
            hint="It needs a writable temporary directory (TMPDIR) and ports on 127.0.0.1.",
        ) from error


def _environments(
    host: DemoHost, home: Path, tools: Path, common: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    user, uid = ("root", "0") if host.login == "root" else ("ops", _OPS_UID)
    return {
        user: {
            **common,
            "PATH": f"{home / 'bin'}:{tools}",
            "HOME": str(home / "root/root"),
            "TMPDIR": str(home / "root/tmp"),
            "USER": user,
            "LOGNAME": user,
            "HOSTSHIFT_DEMO_HOST": str(home),
            "HOSTSHIFT_DEMO_UID": uid,
        }
    }


def _dead_port(open_things: contextlib.ExitStack) -> int:
    """A port at which nothing listens, kept from everybody else by being bound."""
    bound = open_things.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    bound.bind((LOOPBACK, 0))
    port: int = bound.getsockname()[1]
    return port


@contextlib.asynccontextmanager
async def open_demo(
    *,
    clock: Clock | None = None,
    speed: float = 1.0,
    read_only: bool = False,
    operator: str | None = None,
    hosts: tuple[DemoHost, ...] = FLEET,
) -> AsyncIterator[Session]:
    """The demo as a session; at its end its jobs are ended and its directory is removed.

    Args:
        clock: A `FixedClock` makes the hosts' clocks stand too, so that no age drifts.
        speed: How long a second of the hosts' programs takes: 1 is like life, 0 waits for nothing.
        operator: Who acts; with a fixed clock always the same, unless told.
        hosts: Another fleet, for tests.
    """
    from engine.inventory import load
    from engine.runs import close
    from engine.transport.client_config import ClientConfig
    from engine.transport.credentials import Credentials
    from engine.transport.ssh import SshTransport

    clock = clock or SystemClock()
    fixed = isinstance(clock, FixedClock)
    serving = serve_fleet(now=clock.now(), clock_stands=fixed, pace=speed, hosts=hosts)
    with _ended_by_signals() as places, serving as fleet:
        places.append(fleet.place)
        inventory = load(fleet.inventory)
        credentials = Credentials()
        state_dir = fleet.place / "state"
        state_dir.mkdir(mode=0o700)
        transport = SshTransport(
            inventory,
            credentials,
            host_root=lambda host: str(fleet.root(host.name)),
            config=ClientConfig(fleet.client_config, None),
        )
        session = Session(
            inventory=inventory,
            transport=transport,
            credentials=credentials,
            state_dir=state_dir,
            clock=clock,
            read_only=read_only,
            operator=operator or ("alex@laptop" if fixed else operator_name()),
            demo=True,
        )
        try:
            yield session
        finally:
            await close(session)
            await transport.close()


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[list[Path]]:
    """Let a closed terminal and a polite kill end the demo as Ctrl-C does, so that it tidies up.

    Writing to a terminal that is gone fails, and what waits for its writer then waits for ever: so
    the terminal is taken away first, and who has not ended in time is ended, its places removed.
    In time means the whole process: a thread of the screens that is left alone would keep it.
    """
    places: list[Path] = []
    asked: list[int] = []
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def give_up() -> None:
        for place in places:
            remove(place)
        os._exit(128 + asked[0])

    patience = threading.Timer(_PATIENCE_S, give_up)
    patience.daemon = True

    def end(number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
        if patience.is_alive():
            return  # a second cancellation would break off the tidying up of the first
        asked.append(number)
        patience.start()
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    former: dict[signal.Signals, Any] = {}
    wakes = _waking(loop)
    try:
        for number in (signal.SIGHUP, signal.SIGTERM):
            if signal.getsignal(number) is signal.SIG_DFL:
                former[number] = signal.signal(number, end)
    except ValueError:
        pass  # not the main thread: then signals are somebody else's business
    try:
        yield places
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        wakes()


def _waking(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Have signals end the loop's wait; what takes that back.

    Python runs a handler once its main thread does something, and a signal that comes right before
    the wait, or to another thread, doesn't make it do anything (signal.set_wakeup_fd).
    """
    heard, told = socket.socketpair()
    heard.setblocking(False)
    told.setblocking(False)
    try:
        former = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    except ValueError:  # not the main thread
        heard.close()
        told.close()
        return lambda: None
    loop.add_reader(heard, lambda: heard.recv(4096))

    def end() -> None:
        now = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(former if now == told.fileno() else now)
        loop.remove_reader(heard)
        heard.close()
        told.close()

    return end


__all__ = ["Fleet", "open_demo", "serve_fleet"]
