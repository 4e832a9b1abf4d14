"""The table of verdicts: what a host must show before its reboot counts, and what forbids one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model.plan import RebootAct
from engine.model.run import State
from engine.reboot import (
    Back,
    Boot,
    Readiness,
    Record,
    Refusal,
    RefusalId,
    Verdict,
    judge,
    shown,
    stands_against,
)

OLD = Boot("0" * 36, "500")
NEW = Boot("1" * 36, "700")
LXC = Boot("0" * 36, "900")
"""A container of the same machine, started anew: the boot id is the machine's."""
ACT = RebootAct(expected_kernel="6.1.0-41", deadline_s=900)
ANY = RebootAct(deadline_s=900)
NEXT = RebootAct(deadline_s=900, next_release=True)
RAN = ("cron.service", "nginx.service")
RECORD = Record(OLD, "2026-11-24T03:00:00Z", RAN, failed=())
BACK = Back(
    boot=NEW,
    kernel="6.1.0-41",
    systemd=True,
    record=RECORD,
    state="running",
    settled_s=5,
    uptime_s=20,
    active=(*RAN, "ssh.service", "basic.target"),
    failed=(),
)


def back(boot: Boot = NEW, **fields: Any) -> Back:
    return replace(BACK, boot=boot, **fields)


def noted(**fields: Any) -> Record:
    return replace(RECORD, **fields)


def verdict(
    found: Back | None,
    act: RebootAct = ACT,
    *,
    record: Record | None = RECORD,
    units: tuple[str, ...] | None = RAN,
    waited: float = 30,
    **more: Any,
) -> Verdict:
    return judge(record, found, act, units_before=units, waited_s=waited, **more)


OLD_BOOT = back(OLD, settled_s=90_000, kernel="6.1.0-40")
LESS = back(active=("cron.service",))
LESS_LATER = back(active=("cron.service",), settled_s=60)
BARE = back(systemd=False, state=None, settled_s=None, active=None, failed=None)
FAILS = back(state="degraded", failed=("nginx.service",), active=("cron.service",), settled_s=61)

TABLE: list[tuple[str, Verdict, State, str]] = [
    # silence
    ("silent", verdict(None), "running", "Last seen: nothing since the reboot was begun."),
    ("silent, seen", verdict(None, last_seen="boot 1, starting"), "running",
     "Last seen: boot 1, starting."),
    ("silent, just in time", verdict(None, waited=899.9), "running", "doesn't answer"),
    ("silent for too long", verdict(None, waited=900), "attention",
     "has not come back within 15 min"),
    # the old boot
    ("not yet down", verdict(OLD_BOOT), "running", "has not gone down yet"),
    ("going down", verdict(replace(OLD_BOOT, state="stopping")), "running", "not gone down yet"),
    ("never went down", verdict(OLD_BOOT, waited=900), "attention", "did not reboot"),
    ("hangs while going down", verdict(replace(OLD_BOOT, state="stopping"), waited=900),
     "attention", "Its state is stopping."),
    ("refused by systemd",
     verdict(replace(OLD_BOOT, record=noted(exit_status=1, said=("inhibited by bob",)))),
     "attention", "it says: inhibited by bob"),
    ("refused, yet it goes down",
     verdict(replace(OLD_BOOT, state="stopping", record=noted(exit_status=1))), "running", "down"),
    ("asked for", verdict(replace(OLD_BOOT, record=noted(exit_status=0))), "running", "down yet"),
    ("no sign of a boot", verdict(back(Boot())), "running", "can't be told"),
    ("no sign until the end", verdict(back(Boot()), waited=900), "attention", "can't be told"),
    ("no trace", verdict(back(record=None), record=None), "attention", "knows of no reboot"),
    # the new boot
    ("all well", verdict(BACK), "succeeded", "boot id 00000000 became 11111111"),
    ("all well, kernel", verdict(BACK), "succeeded", "Kernel 6.1.0-41 runs, as expected."),
    ("all well, late", verdict(BACK, waited=5000), "succeeded", "All 2 units"),
    ("container of a machine", verdict(back(LXC, kernel="x"), ANY), "succeeded",
     "process 1 was started anew"),
    ("only the start is known",
     verdict(back(Boot(None, "700"), record=noted(boot=Boot(None, "500")))), "succeeded",
     "process 1"),
    ("kernel of no interest", verdict(back(kernel="6.1.0-7"), ANY), "succeeded", "All 2"),
    ("wrong kernel", verdict(back(kernel="6.1.0-40")), "attention", "6.1.0-41 was expected"),
    ("wrong kernel, still starting", verdict(back(kernel="6.1.0-40", state="starting")),
     "attention", "6.1.0-40 runs"),
    ("unknown kernel", verdict(back(kernel=None)), "attention", "Kernel unknown runs"),
    ("starting", verdict(back(state="starting")), "running", "not settled yet"),
    ("starts for ever", verdict(back(state="starting"), waited=900), "attention", "starting"),
    ("no state", verdict(back(state=None)), "running", "nothing"),
    ("maintenance", verdict(back(state="maintenance")), "attention", "maintenance"),
    ("unlisted", verdict(back(active=None)), "running", "could not be listed"),
    ("unlisted until the end", verdict(back(failed=None), waited=900), "attention", "listed"),
    ("degraded as before",
     verdict(back(state="degraded", failed=("a.service",), record=noted(failed=("a.service",)))),
     "succeeded", "settled (degraded)"),
    ("healed", verdict(back(record=noted(failed=("a.service",)))), "succeeded", "running"),
    ("a new failure, at first",
     verdict(back(state="degraded", failed=("a.service",))), "running",
     "a.service has failed, and had not before"),
    ("a new failure", verdict(FAILS), "attention", "nginx.service has failed, and had not before"),
    ("failures, nobody knows since when",
     verdict(back(failed=("a.service",), settled_s=61, record=noted(failed=None))), "attention",
     "whether it had before isn't known"),
    ("gone with the old release",
     verdict(replace(LESS_LATER, lost=("nginx.service",)), act=NEXT), "succeeded",
     "nginx.service isn't part of the next release"),
    ("gone, and no release is left", verdict(replace(LESS_LATER, lost=("nginx.service",))),
     "attention", "nginx.service doesn't run"),
    ("missing, and known to the next release", verdict(LESS_LATER, act=NEXT), "attention",
     "nginx.service doesn't run"),
    ("missing, at first", verdict(LESS), "running", "nginx.service doesn't run, and ran before"),
    ("missing", verdict(LESS_LATER), "attention", "nginx.service doesn't run, and ran before"),
    ("missing at the deadline", verdict(LESS, waited=900), "attention", "nginx.service"),
    ("missing, clock unknown", verdict(back(active=(), settled_s=None)), "running", "doesn't run"),
    ("noted by the host itself", verdict(LESS_LATER, units=None), "attention", "nginx.service"),
    ("nobody noted", verdict(back(record=noted(running=None)), units=None), "attention",
     "was not noted"),
    ("nothing ran", verdict(back(active=()), units=()), "succeeded", "All 0 units"),
    ("comes and goes",
     verdict(BACK, units=(*RAN, "session-4.scope", "user@1000.service", "run-u12.service",
                          "hostshift-run-upgrade.service", "run-r0123.timer", "boot.mount",
                          "sshd@12-10.0.0.1:22-10.0.0.9:51234.service",
                          "coredump@0-123-0.service")), "succeeded", "All 2 units"),
    ("an instance stays", verdict(BACK, units=("app@1-blue.service",), waited=900), "attention",
     "app@1-blue.service"),
    ("a timer too", verdict(BACK, units=("backup.timer",), waited=900), "attention",
     "backup.timer"),
    ("on demand, says the host",
     verdict(back(record=noted(passing=("polkit.service",))), units=(*RAN, "polkit.service")),
     "succeeded", "All 2 units"),
    # without systemd
    ("no systemd", verdict(BARE, units=None, record=None), "attention", "isn't process 1 any more"),
    ("never had systemd", verdict(replace(BARE, record=noted(running=None)), units=None),
     "succeeded", "was not looked at"),
    ("had systemd", verdict(BARE), "attention", "isn't process 1 any more"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "state", "words"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_table(found: Verdict, state: State, words: str) -> None:
    assert found.state == state, found
    assert words in "\n".join(found.reason)
    assert bool(found.hint) == (state == "attention")


@pytest.mark.parametrize(
    ("console", "word"), [(True, "firmware"), (False, "Nobody"), (None, "doesn't say")]
)
def test_the_console_is_pointed_to(console: bool | None, word: str) -> None:
    assert word in (verdict(None, waited=900, console=console).hint or "")


def test_a_hundred_missing_units_are_not_all_named() -> None:
    many = tuple(f"u{number:03}.service" for number in range(100))
    found = verdict(BACK, units=many, waited=900)
    assert found.reason[-1] == "... and 90 more"
    assert len(found.reason) == 12


def test_what_was_seen_in_words() -> None:
    assert shown(BACK) == "boot 11111111, running, kernel 6.1.0-41"
    assert "systemd isn't process 1" in shown(BARE)


# -- what forbids one --------------------------------------------------------------------------


def ready(refusals: tuple[RefusalId, ...] = (), unread: tuple[RefusalId, ...] = ()) -> Readiness:
    return Readiness(
        OLD, "6.1", True, None,
        tuple(Refusal(topic, "yes") for topic in refusals),
        tuple(Refusal(topic, "not known") for topic in unread),
    )  # fmt: skip


EVERY: tuple[RefusalId, ...] = ("dpkg", "job", "busy", "logged-in", "inhibitor")


@pytest.mark.parametrize(
    ("found", "overridden", "left"),
    [
        (ready(), (), ()),
        (ready(EVERY), (), EVERY),
        (ready(EVERY), ("logged-in",), ("dpkg", "job", "busy", "inhibitor")),
        (ready(EVERY), EVERY, ("dpkg", "job")),
        (ready(unread=EVERY), (), ("dpkg", "job", "busy")),
        (ready(unread=EVERY), ("busy",), ("dpkg", "job")),
        (ready(unread=EVERY), EVERY, ("dpkg", "job")),
    ],
)
def test_what_stands_against_it(
    found: Readiness, overridden: tuple[RefusalId, ...], left: tuple[RefusalId, ...]
) -> None:
    assert tuple(refusal.id for refusal in stands_against(found, overridden)) == left
