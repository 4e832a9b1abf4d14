"""What has to be true at every end of a run, read from the host and not from hostshift."""

import re

from tests.lab.controller import Controller, exit_of, has_lock, log_of, units
from tests.lab.machine import Machine

DUE = ("lab-lib", "lab-slow")


def versions(host: Machine) -> set[str]:
    """State and version of what was due, as dpkg says: `ii 2.0-1` when it is done."""
    words = "${db:Status-Abbrev} ${Version}\\n"
    said = host.inside(f"dpkg-query -W -f '{words}' {' '.join(DUE)}").stdout
    return {" ".join(line.split()) for line in said.splitlines()}


def upgrades(host: Machine) -> int:
    """How often an upgrade was carried out, by apt's own history."""
    history = (host.root / "var/log/apt/history.log").read_text()
    return len(re.findall(r"(?m)^Commandline: apt-get .* upgrade$", history))


def end_of(eve: Controller, run_id: str) -> str:
    """The state that is claimed of a run that has ended; everything that goes with it holds."""
    state = next(str(run["state"]) for run in eve.runs() if run["id"] == run_id)
    host = eve.host
    assert eve.mirror(run_id) == log_of(host)
    assert not has_lock(host)
    assert units(host) == ""
    if state == "succeeded":
        assert (versions(host), upgrades(host), exit_of(host)) == ({"ii 2.0-1"}, 1, "0")
    elif state in ("failed", "cancelled"):
        assert (versions(host), upgrades(host)) == ({"ii 1.0-1"}, 0)
    return state
