"""A reboot on the demo: asked for and proven by the same scripts and rules as everywhere."""

from __future__ import annotations

from engine.demo.opening import Fleet
from engine.inventory import Inventory
from engine.jobs import lock
from engine.model.plan import RebootAct
from engine.reboot import begin, judge, look_back, readiness
from engine.transport.ssh import SshTransport
from tests.unit.transport.waiting import eventually

RUN, STEP, OLD, NEW = "run1", "reboot", "6.8.0-106-generic", "6.8.0-107-generic"


async def test_a_host_with_a_new_kernel_is_rebooted(
    fleet: Fleet, inventory: Inventory, transport: SshTransport
) -> None:
    host = next(h for h in inventory.hosts if (fleet.root(h.name) / f"boot/vmlinuz-{NEW}").exists())
    act = RebootAct(expected_kernel=NEW, busy=host.busy, baseline=None)
    await lock.take(transport, host, RUN, {"operator": "eve"}, 0)
    ready = await readiness(transport, host, RUN, act)
    assert ready.refusals == ()
    assert (ready.kernel, ready.systemd) == (OLD, True)
    begun = await begin(transport, host, RUN, STEP, {"operator": "eve"})
    assert begun.record is not None
    assert begun.record.running
    root = fleet.root(host.name)
    await eventually((root / f"var/lib/hostshift/runs/{RUN}/{STEP}/exit").exists)
    back = await look_back(transport, host, RUN, STEP)
    assert (back.kernel, back.record and back.record.exit_status) == (NEW, 0)
    found = judge(begun.record, back, act, units_before=None, waited_s=1)
    assert found.state == "succeeded", found
    assert not (root / "run/reboot-required").exists()
