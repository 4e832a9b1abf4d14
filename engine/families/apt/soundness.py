"""What is wrong with a host before anything is done to it: an update would make it worse."""

from __future__ import annotations

from typing import Final

from engine.model.candidate import Blocker
from engine.model.facts import Facts
from engine.programs.systemd import is_container

CLOCK_FAR_OFF_S = 300
"""apt takes no list from the future (Acquire::Max-FutureTime), Kerberos stops at five minutes."""
REPAIR_CLOCK: Final = "repair:clock"
REPAIR_GRUB_DEVICE: Final = "repair:grub-device"
_SSHD = (
    "sshd refuses its own configuration: sessions go on, but once it is restarted, by an update "
    "or a reboot, nobody can log in any more."
)
_SUDO = "sudo refuses its own configuration, so that whoever becomes root by it is locked out."
_REFUSED = {
    "sshd": ("sshd-config", _SSHD, "sshd -t"),
    "visudo": ("sudo-config", _SUDO, "visudo -c"),
}


def blockers(facts: Facts) -> list[Blocker]:
    """Configuration that keeps people out, what can't be written to, a clock that is far off."""
    found = []
    for refused in facts.refused_configs or ():
        named, words, test = _REFUSED[refused.program]
        found.append(Blocker(named, f"{words} It says: {refused.said}", test))
    if facts.read_only:
        mounts = ", ".join(facts.read_only)
        found.append(
            Blocker(
                "read-only",
                f"{mounts} can only be read. The kernel does that to a file system with errors: "
                "look at the disk before anything else.",
                "dmesg --level=err,warn | tail -n 50",
            )
        )
    off = facts.clock_off_s
    if off is not None and abs(off) > CLOCK_FAR_OFF_S:
        where = "ahead of" if off > 0 else "behind"
        found.append(
            Blocker(
                "clock-off",
                f"The host's clock is {span(abs(off))} {where} this machine's, one of them is "
                "wrong. With a wrong clock signatures and certificates count as expired, or not "
                "valid yet.",
                f"hostshift plan {facts.host} {REPAIR_CLOCK}" if facts.systemd else "date -u",
            )
        )
    return found


def boot_loader_blockers(facts: Facts) -> list[Blocker]:
    """For what updates grub-pc, whose script fails where a disk is gone (its postinst)."""
    gone = facts.grub_devices_gone
    if not gone or is_container(facts.virtualization):
        return []
    return [
        Blocker(
            "grub-device",
            f"grub-pc installs the boot loader to {', '.join(gone)}, which isn't there: its update "
            "fails half-way, and the host may not boot again.",
            f"hostshift plan {facts.host} {REPAIR_GRUB_DEVICE}\n"
            "# by hand: dpkg-reconfigure grub-pc",
        )
    ]


def span(seconds: int) -> str:
    """A time in its largest unit, rounded down."""
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
    return f"{seconds} seconds"
