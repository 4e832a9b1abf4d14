"""A guard on a demo host: nothing of the machine below is asked, restarted or put back."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.demo.opening import Fleet
from engine.guard import arm, confirm, look
from engine.inventory import Inventory
from engine.jobs import lock
from engine.model.plan import GuardAct
from engine.reboot import begin
from engine.transport.ssh import SshTransport
from tests.unit.jobs.local_host import until

RUN, STEP = "20260325t093000-demo", "guard"


def on_watch(root: Path) -> bool:
    mark = f"{root}/var/lib/hostshift/runs/{RUN}/{STEP}/armed/guardian".encode()
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # gone
            if mark in line.read_bytes():
                return True
    return False


async def test_a_demo_host_is_guarded(
    fleet: Fleet, inventory: Inventory, transport: SshTransport
) -> None:
    host = next(host for host in inventory.hosts if host.name == "server7")
    root = fleet.root("server7")
    await lock.take(transport, host, RUN, {"host": host.name}, 0)
    act = GuardAct(("ssh", "sudo", "pam", "network", "firewall"), 15)
    armed = await arm(transport, host, RUN, STEP, act, {})
    assert (armed.state.state, armed.state.watching) == ("armed", True)
    assert armed.state.tests == ("route 4",)  # all that can be asked below another root
    assert on_watch(root)
    assert (await confirm(transport, host, RUN, STEP)).state == "confirmed"
    await until(lambda: not on_watch(root))


async def test_a_reboot_into_another_deployment_is_guarded(
    fleet: Fleet, inventory: Inventory, transport: SshTransport
) -> None:
    host = inventory.host("server9")
    root = fleet.root(host.name)
    await lock.take(transport, host, RUN, {"host": host.name}, 0)
    armed = await arm(transport, host, RUN, STEP, GuardAct(("deployment",), 60), {})
    assert (armed.state.state, armed.state.awaits_reboot) == ("armed", True)
    assert (await begin(transport, host, RUN, "reboot", {})).how == "started"
    await until((root / f"var/lib/hostshift/runs/{RUN}/reboot/exit").exists)
    assert not (await look(transport, host, RUN, STEP)).awaits_reboot
    assert (await confirm(transport, host, RUN, STEP)).state == "confirmed"
    assert "43.20260323.3.0" in (root / "etc/os-release").read_text()
    await until(lambda: not on_watch(root))
