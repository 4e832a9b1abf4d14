"""What is read before a release upgrade is allowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.programs.apt_forecast import MOST, forecast

LOG = b"""hostshift: running: release_prepare bookworm trixie
hostshift: http://mirror/debian: bookworm becomes trixie
hostshift: off, not of Debian: deb https://docker.example bookworm stable
hostshift: pins name bookworm: /etc/apt/preferences.d/backports
Inst libc6 [2.36-9] (2.41-12 Debian:13.1/stable [amd64]) []
Inst libssl3t64 (3.5.1-1 Debian:13.1/stable [amd64])
Remv libssl3 [3.0.17-1]
Conf libc6 (2.41-12 Debian:13.1/stable [amd64])
Purg python3.11 [3.11.2-6]
Need to get 79.0 MB of archives.
After this operation, 52.4 MB of additional disk space will be used.
"""


def test_the_sum_of_a_simulation() -> None:
    assert forecast(LOG) == (
        "off, not of Debian: deb https://docker.example bookworm stable",
        "pins name bookworm: /etc/apt/preferences.d/backports",
        "1 packages upgraded, 1 new, 2 removed: libssl3, python3.11.",
        "Need to get 79.0 MB of archives.",
        "After this operation, 52.4 MB of additional disk space will be used.",
    )


def test_no_simulation_is_not_nothing_to_do() -> None:
    assert forecast(b"") == ("What would change stands in no log here.",)


def test_many_removals_are_counted_and_not_all_named() -> None:
    log = b"".join(b"Remv p%d [1]\n" % number for number in range(MOST + 5))
    (line,) = forecast(log)
    assert f"{MOST + 5} removed" in line
    assert line.endswith(f"p{MOST - 1} and more.")


@given(st.binary())
def test_whatever_a_log_holds(log: bytes) -> None:
    assert all(line.isprintable() for line in forecast(log))
