"""A hostshift process on a served demo fleet; only where its hosts' files are is another matter.

python demo_hostshift.py COMMAND...           the command, as it is
python demo_hostshift.py stay HOST ...        begins an upgrade and stays open, as the screens
                                              do, until its standard input ends
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import engine.transport
from tui.__main__ import main

if TYPE_CHECKING:  # a command loads what it needs and no more
    from engine.model.host import Host
    from engine.transport.credentials import Credentials
    from engine.transport.protocol import Transport
    from engine.transport.ssh.transport import Hosts

HOSTS, LEASE = "HOSTSHIFT_TEST_HOSTS", "HOSTSHIFT_TEST_LEASE"
"""Environment: the directory of the fleet's hosts; seconds for which a lease holds."""


def on_demo(set_attribute: Callable[[object, str, object], None] = setattr) -> None:
    """Have every session of this process find the hosts' files in their directories.

    Args:
        set_attribute: How a test that does so in its own process takes it back.
    """
    real, hosts = engine.transport.open_transport, Path(os.environ[HOSTS])

    def open_transport(inventory: Hosts, credentials: Credentials) -> Transport:
        def root(host: Host) -> str:
            return str(hosts / host.name / "root")

        return real(inventory, credentials, host_root=root)

    set_attribute(engine.transport, "open_transport", open_transport)
    if LEASE in os.environ:
        from engine.runs import hold, ledger

        set_attribute(hold, "LEASE_S", float(os.environ[LEASE]))
        set_attribute(ledger, "BEAT_S", hold.LEASE_S / 4)


async def stay(inventory: Path, name: str) -> None:
    """Begin an upgrade, print its run's id, and stay open."""
    from engine import door

    session = door.open_session(door.load(inventory))
    try:
        await door.open_runs(session)
        host = session.inventory.host(name)
        look = await door.look_at(session, host, "full")
        if look.facts is None:
            raise RuntimeError(look.error)
        now = session.clock.now()
        plan = door.make_plan(host, look.facts, "upgrade", now, session.inventory.hooks)
        run = await door.start(session, plan, plan.digest, fresh=look)
        sys.stdout.write(f"{run}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await door.close(session)
        await session.transport.close()


if __name__ == "__main__":
    on_demo()
    if sys.argv[1] == "stay":
        asyncio.run(stay(Path(sys.argv[-1]), sys.argv[2]))
    else:
        sys.exit(main())
