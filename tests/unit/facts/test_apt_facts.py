"""What an apt host's sections say beyond its simulations."""

from __future__ import annotations

import pytest

from engine.families.apt.observe import repair_removes
from engine.families.protocol import Section

STUCK = b"""Reading package lists...
The following packages will be REMOVED:
  libssl3
1 upgraded, 1 newly installed, 1 to remove and 43 not upgraded.
2 not fully installed or removed.
Inst openssh-client [1:9.2p1-2] (1:10.0p1-7 Debian:13.8/stable [amd64]) [openssl:amd64 ]
Remv libssl3 [3.0.20-1] [openssl:amd64 ]
Inst libssl3t64 (3.5.9-1 Debian:13.8/stable [amd64]) []
Conf openssh-client (1:10.0p1-7 Debian:13.8/stable [amd64])
Conf libssl3t64 (3.5.9-1 Debian:13.8/stable [amd64])
"""
HARMLESS = b"0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded.\n"


@pytest.mark.parametrize(
    ("output", "errors", "status", "expected"),
    [
        (STUCK, b"", 0, ("libssl3",)),
        (HARMLESS, b"", 0, ()),
        (b"", b"", 0, None),
        (b"", b"E: dpkg was interrupted, you must manually run it\n", 100, None),
        (STUCK[:200], b"", 0, None),
    ],
)
def test_what_finishing_would_remove(
    output: bytes, errors: bytes, status: int, expected: tuple[str, ...] | None
) -> None:
    section = Section("fix-broken", output, status, truncated=False, errors=errors)
    assert repair_removes({"fix-broken": section}) == expected
    assert repair_removes({}) is None
