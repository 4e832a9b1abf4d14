"""What was foreseen beside what has happened: each row, and what a person is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model.candidate import Effects
from engine.model.plan import Plan
from engine.plan import make_plan
from engine.runs import foreseen
from engine.runs.observe import After, JobEvidence, Stopped
from tests.unit.builders import NOW, facts, host, upgrade

EFFECTS = Effects(
    reboot=False,
    units=("cron.service", "ssh.service"),
    containers=(),
    conffiles=("/etc/a.conf", "/etc/b.conf"),
    download_bytes=1_234_567,
)
STOPPED = Stopped(("cron.service", "ssh.service"), (), reboot_due=False)
BESIDE = ("/etc/a.conf.dpkg-dist", "/etc/b.conf.dpkg-old")
LOG = b"Get:1 x\nFetched 1,235 kB in 0s (3,210 kB/s)\n"


def planned(**effects: Any) -> Plan:
    plan = make_plan(host(), facts(upgrade("cron"), upgrade("openssh-server")), "upgrade", NOW)
    return replace(plan, effects=replace(EFFECTS, **effects))


def rows(
    plan: Plan | None = None,
    stopped: Stopped = STOPPED,
    beside: tuple[str, ...] = BESIDE,
    log: bytes = LOG,
    **after: Any,
) -> dict[str, foreseen.Row]:
    job = JobEvidence(exit_status=0, beside=beside)
    found = foreseen.table(plan or planned(), job, After(stopped=stopped, **after), log, 41.7)
    assert foreseen.of([{}, foreseen.kept(found)]) == found
    return {row.what: row for row in found}


def test_all_of_it_was_foreseen() -> None:
    found = rows()
    assert {what: row.agrees for what, row in found.items()} == {
        "packages": True, "units": True, "containers": True, "conffiles": True, "reboot": True,
        "download": True, "time": None,
    }  # fmt: skip
    assert found["units"].observed == "cron.service, ssh.service"
    assert found["time"].observed == "42 s"
    assert foreseen.words(found.values()) == (
        "It happened as foreseen: packages, units, containers, conffiles, reboot, download.",
    )


@pytest.mark.parametrize(
    ("what", "found", "agrees"),
    [
        ("units", rows(stopped=replace(STOPPED, units=("cron.service",))), False),
        ("units", rows(stopped=replace(STOPPED, units=None)), None),
        ("units", rows(planned(units=None)), None),
        ("containers", rows(stopped=replace(STOPPED, containers=("web",))), False),
        ("conffiles", rows(beside=BESIDE[:1]), False),
        ("conffiles", rows(beside=("?",)), None),
        ("reboot", rows(planned(reboot=True)), False),
        ("reboot", rows(stopped=replace(STOPPED, reboot_due=True)), None),  # since before, perhaps
        ("reboot", rows(planned(reboot=True), replace(STOPPED, reboot_due=True)), True),
        ("download", rows(log=b"Fetched 99.9 MB in 2min 3s (1 B/s)\n"), False),
        ("download", rows(log=b""), None),
        ("download", rows(planned(download_bytes=0), log=b""), True),
        ("download", rows(planned(download_bytes=None)), None),
        ("packages", rows(wrong=("cron should be at 2 and is at 1",)), False),
    ],
)
def test_one_of_it(what: str, found: dict[str, foreseen.Row], agrees: bool | None) -> None:
    assert found[what].agrees is agrees
    said = foreseen.words(found.values())
    others = [one for one in found.values() if one.agrees is False]
    assert len(others) == (agrees is False)
    if agrees is False:
        assert said[0].startswith(f"Foreseen otherwise: {what} {found[what].observed}; ")
    else:
        assert what in said[0] or agrees is None


def test_apts_words_on_a_download() -> None:
    assert foreseen.fetched(b"Fetched 512 B in 0s (9 B/s)\nFetched 12.3 kB in 1s (1 B/s)") == 12_300
    assert foreseen.fetched(b"  Fetched 1 B in 0s") is None


@pytest.mark.parametrize(
    ("before", "took", "agrees"),
    [(None, 41.7, None), (40, 41.7, True), (20, 50.0, True), (20, 50.6, False), (20, None, None)],
)
def test_the_time_is_held_against_what_it_took_before(
    before: int | None, took: float | None, agrees: bool | None
) -> None:
    found = foreseen.table(planned(), JobEvidence(exit_status=0), After(), LOG, took, before)
    assert found[-1].what == "time"
    assert found[-1].agrees is agrees
