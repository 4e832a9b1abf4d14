"""``needrestart -b``: what runs with code that is no longer on the disk.

Source: needrestart's README.batch.md. Lines ``NEEDRESTART-KEY: VALUE``; ``SVC`` a unit, ``KSTA``
the kernel's state (0 unknown, 1 current, 2 newer build, 3 newer version), ``UCSTA`` the same for
the processor's microcode.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.programs.lines import cleaned_lines


@dataclass(frozen=True, slots=True)
class NeedRestart:
    """Units to restart, and the kernel's state where it was asked for."""

    units: tuple[str, ...]
    kernel_state: int | None = None
    kernel_expected: str | None = None
    microcode_state: int | None = None


def parse(output: bytes, exit_status: int | None) -> NeedRestart | None:
    """Read its report; None unless it was complete enough to start with its version."""
    if exit_status != 0:
        return None
    fields: dict[str, list[str]] = {}
    for line in cleaned_lines(output):
        key, colon, value = line.partition(":")
        if colon and key.replace("-", "").isupper():
            fields.setdefault(key, []).append(value.strip())
    if "NEEDRESTART-VER" not in fields:
        return None

    def state(key: str) -> int | None:
        value = fields.get(key, [""])[0]
        return int(value) if value in ("0", "1", "2", "3") else None

    return NeedRestart(
        tuple(sorted({unit for unit in fields.get("NEEDRESTART-SVC", ()) if unit})),
        state("NEEDRESTART-KSTA"),
        fields.get("NEEDRESTART-KEXP", [""])[0] or None,
        state("NEEDRESTART-UCSTA"),
    )
