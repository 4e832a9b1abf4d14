"""Session: what the verbs of the engine's door share while one hostshift is open."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.clock import Clock, SystemClock
from engine.errors import InputError, ReadOnlyError
from engine.inventory import Inventory
from engine.transport.credentials import Credentials
from engine.transport.protocol import Transport

STATE_MODE = 0o700
"""Logs may hold secrets: nobody but the operator enters the state directory."""
STORE_FILE = "runs.db"
"""In the state directory, where the inventory names no other store of runs."""


def operator_name() -> str:
    """Who acts: the local user at this machine, as others will see it on the hosts."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


@dataclass(slots=True)
class Session:
    """One open hostshift.

    Attributes:
        state_dir: Controller-side state, 0700: mirrored logs, records of runs, cached facts.
        demo: The fleet is the embedded one; every screen says so.
        resolves: Whether this machine's resolver knows a name, None where that can't be told; no
            function: nobody is asked.
        rooms: What a room of the engine keeps for the length of this session, by its name.
    """

    inventory: Inventory
    transport: Transport
    credentials: Credentials
    state_dir: Path
    clock: Clock = field(default_factory=SystemClock)
    read_only: bool = False
    operator: str = field(default_factory=operator_name)
    demo: bool = False
    resolves: Callable[[str], Awaitable[bool | None]] | None = None
    rooms: dict[str, object] = field(default_factory=dict)

    def store_url(self) -> str:
        """Where runs are recorded: as the inventory says, else in the state directory."""
        url = self.inventory.store_url or f"sqlite:///{self.state_dir.absolute()}/{STORE_FILE}"
        path = url.removeprefix("sqlite:///")
        if path == url or path.startswith("/"):
            return url
        return f"sqlite:///{self.inventory.path.resolve().parent / path}"

    def must_be_allowed_to_change(self, what: str) -> None:
        """Call before anything that changes anything anywhere.

        Raises:
            ReadOnlyError: this session is read-only.
        """
        if self.read_only:
            raise ReadOnlyError(what)


def state_directory() -> Path:
    """Where this user's hostshift keeps its state, whether or not it is there yet."""
    from platformdirs import user_state_path

    return user_state_path("hostshift")


def open_session(
    inventory: Inventory,
    *,
    read_only: bool = False,
    state_dir: Path | None = None,
    credentials: Credentials | None = None,
) -> Session:
    """A session on real hosts, with the user's own state directory unless another is given.

    Args:
        credentials: What a person has typed for a session before this one.

    Raises:
        InputError: the state directory can't be made.
    """
    from engine.transport import open_transport
    from engine.transport.resolving import resolves

    state_dir = state_dir or state_directory()
    try:
        state_dir.mkdir(mode=STATE_MODE, parents=True, exist_ok=True)
        state_dir.chmod(STATE_MODE)
    except OSError as error:
        raise InputError(
            f"The state directory {state_dir} can't be made: {error.strerror}.",
            hint="Free some room or mend its permissions, or set XDG_STATE_HOME to another place.",
        ) from error
    credentials = credentials or Credentials()
    return Session(
        inventory=inventory,
        transport=open_transport(inventory, credentials),
        credentials=credentials,
        state_dir=state_dir,
        read_only=read_only,
        resolves=resolves,
    )
