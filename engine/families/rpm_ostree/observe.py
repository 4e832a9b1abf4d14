"""What rpm-ostree says of its deployments."""

from __future__ import annotations

from dataclasses import replace

from engine.families.problems import unread
from engine.families.protocol import Sections
from engine.model.facts import AutoUpdate, Facts, Problem, Reboot
from engine.programs import rpm_ostree


def observe(sections: Sections, facts: Facts) -> tuple[Facts, tuple[Problem, ...]]:
    """Add deployments, a running transaction and a pending deployment's reboot."""
    section = sections.get("rpm-ostree")
    status = rpm_ostree.parse(section.output, section.exit_status) if section else None
    if status is None:
        return facts, (unread(section, "rpm-ostree", "The deployments"),)
    reasons = facts.reboot.reasons
    required: bool | None = bool(reasons)
    pending = rpm_ostree.next_boot(status.deployments)
    if pending is not None:
        reasons += (f"deployment {pending.version or pending.checksum} boots next",)
        required = True
    elif not any(deployment.booted for deployment in status.deployments):
        required = True if reasons else None
    busy = f"rpm-ostree: {status.transaction}" if status.transaction else None
    updates = facts.auto_updates
    driver = status.driver
    if driver and updates is not None:
        known = {update.name.lower() for update in updates}
        if driver.lower() not in known:
            updates = (*updates, AutoUpdate(driver.lower(), True))
    return (
        replace(
            facts,
            deployments=status.deployments,
            reboot=Reboot(required, reasons),
            busy=busy or facts.busy,
            auto_updates=updates,
        ),
        (),
    )
