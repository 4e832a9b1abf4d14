"""A package mirror that fails between the plan and the download: nothing may be changed by it."""

from __future__ import annotations

import re

import pytest

from tests.lab.aptproxy import Fault
from tests.lab.conftest import NewFault
from tests.lab.controller import Controller, job_file, slow_for
from tests.lab.faults.truth import end_of
from tests.lab.machine import Machine
from tests.lab.processes import wait_until
from tests.lab.session import Lab


@pytest.mark.parametrize(
    ("how", "mirror", "words"),
    [
        ("answers 503", Fault(match=r"\.deb$", status=503), "503  Service Unavailable"),
        ("cuts packages short", Fault(match=r"\.deb$", truncate=100), "Error reading from server"),
        ("falls silent", Fault(match=r"\.deb$", delay_s=30), "Connection failed"),
    ],
)
def test_a_mirror_that_fails(
    eve: Controller,
    upgradable: Machine,
    lab: Lab,
    fault: NewFault,
    how: str,
    mirror: Fault,
    words: str,
) -> None:
    case = fault(f"mirror {how}", "failed, exit 1, nothing changed")
    # How long apt waits, and how often it tries again, is the host's own setting.
    settings = 'Acquire::http::Timeout "2";\nAcquire::Retries "0";\n'
    (upgradable.root / "etc/apt/apt.conf.d/zz-patience").write_text(settings)
    with lab.fault(mirror), eve.running() as process:
        process.wait(120)
    said = eve.said()
    assert re.search(rf"E: Failed to fetch \S+/lab-lib_2.0-1.deb +{words}", said)
    assert "hint: Look at the mirror" in said
    nothing = "nothing changed" if "Nothing was changed." in said else "and what was changed?"
    case.observed(f"{end_of(eve, eve.told_run())}, exit {process.returncode}, {nothing}")


def test_a_very_slow_mirror(
    eve: Controller, upgradable: Machine, lab: Lab, fault: NewFault
) -> None:
    case = fault("mirror is very slow", "running with progress, then succeeded, exit 0")
    slow_for(upgradable, 1)

    def shares() -> set[float]:
        file = job_file(upgradable, "progress")
        text = file.read_text() if file.exists() else ""
        return {float(share) for share in re.findall(r"(?m)^dlstatus:\d+:([\d.]+):", text)}

    with eve.running() as process:
        with lab.fault(Fault(match=r"\.deb$", bytes_per_s=300)):
            wait_until(lambda: len(shares()) > 1, "the download to come forward", timeout=90)
            before = eve.last()["state"]
        process.wait(120)
    end = end_of(eve, eve.told_run())
    case.observed(f"{before} with progress, then {end}, exit {process.returncode}")
