"""The demo's hosts tell what their updates change, by the script that real hosts get."""

from __future__ import annotations

from pathlib import Path

from engine.candidates import foresee
from engine.clock import FixedClock
from engine.facts import look_at
from engine.facts.changelogs import fetch, told
from engine.inventory import Inventory
from engine.published import bundled
from engine.session import Session
from engine.transport.credentials import Credentials
from engine.transport.ssh import SshTransport
from tests.unit.demo.conftest import NOW


async def test_a_kernel_with_a_hole_that_is_exploited_is_due_at_once(
    inventory: Inventory, transport: SshTransport, tmp_path: Path
) -> None:
    session = Session(inventory, transport, Credentials(), tmp_path, clock=FixedClock(NOW))
    host = inventory.host("server2")
    facts = (await look_at(session, host, "full")).facts
    assert facts is not None
    before = foresee(host, facts, NOW).waiting
    found = await fetch(session, host, facts)
    assert {one.via for one in found} == {"apt"}
    assert all(one.changes.complete for one in found)
    after = foresee(host, told(facts, found, bundled()), NOW).waiting
    assert before is not None
    assert after is not None
    assert "CVE-2024-1086: known to be exploited" in " ".join(after.reasons)
    assert after.due_days is not None
    assert before.due_days is None or after.due_days <= before.due_days
