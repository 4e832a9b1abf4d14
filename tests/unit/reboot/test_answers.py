"""What reboot.sh prints, taken apart: the fields, and never an exception, whatever is printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reboot.answers import complete, cut, parse_back, parse_begun, parse_readiness
from engine.reboot.values import Boot, Refusal
from engine.text import clean

READY = b"""boot 6c7f4f0a
pid1 500
kernel 6.1.0-40-amd64
uptime 1000.50
systemd yes
container lxc
lock process 12 (apt-get upgrade)
package 13 200 dpkg
job run1/upgrade
other {"run":"run2","operator":"bob"}
busy 77 94050 a-program-with-
busy 78 50 restic
own 1000
logins logind
session Id=4
session User=0
session Name=root
session TTY=tty1
session Class=user
inhibitors {"type":"a(ssssuu)","data":[[["shutdown","vzdump","backup","block",0,40]]]}
done
"""
BEGUN = b"""how found
begun {"run":"r","started_at":"2026-11-24T03:00:00Z","boot_id":"6c7f","pid1_start":"5"}
failed a.service
failed-read
ran Id=web.service
ran Type=notify
ran UnitFileState=enabled
ran WantedBy=multi-user.target
ran\x20
ran Id=by-hand.service
ran Type=simple
ran UnitFileState=disabled
ran\x20
ran Id=wanted.service
ran Type=simple
ran UnitFileState=static
ran WantedBy=multi-user.target
ran\x20
ran Id=on-bus.service
ran Type=notify
ran UnitFileState=static
ran\x20
ran Id=socket.service
ran TriggeredBy=socket.socket
ran UnitFileState=disabled
ran\x20
ran Id=socket-and-boot.service
ran TriggeredBy=socket.socket
ran UnitFileState=enabled
ran\x20
ran Id=once.service
ran Type=oneshot
ran WantedBy=multi-user.target
ran\x20
ran Id=transient.service
ran Transient=yes
exit 1
log Call to Reboot failed
done
"""
BACK = b"""boot 7d
pid1 900
kernel 6.1.0-41-amd64
uptime 100.25
systemd yes
begun {"boot_id":"6c7f"}
state degraded
settled 40250000
unit active web.service
unit reloading x.service
unit failed a.service
units-read
done
"""


def test_readiness() -> None:
    ready = parse_readiness(READY, ("restic", "a-program-with-a-long-name"))
    assert ready.boot == Boot("6c7f4f0a", "500")
    assert (ready.kernel, ready.systemd, ready.container) == ("6.1.0-40-amd64", True, "lxc")
    assert ready.refusals == (
        Refusal("dpkg", "the package manager's lock is held by process 12 (apt-get upgrade)"),
        Refusal("dpkg", "dpkg is at work (process 13)"),
        Refusal("job", "the job of step upgrade of run run1 is at work"),
        Refusal("job", "the host is locked by bob (run run2)"),
        Refusal("busy", "a-program-with-a-long-name runs for 1 min (process 77)"),
        Refusal("busy", "restic runs for 16 min (process 78)"),
        Refusal("logged-in", "root is logged in on tty1"),
        Refusal("inhibitor", "vzdump forbids a shutdown: backup (process 40)"),
    )  # fmt: skip
    assert ready.unread == ()


def test_what_was_not_read_is_no_all_clear() -> None:
    ready = parse_readiness(
        b"unread dpkg /proc/locks\nunread busy /proc\nlogins unread\ninhibitors unread\n"
        b"systemd no\ncontainer unread\ndone\n",
        (),
    )
    assert [refusal.id for refusal in ready.unread] == ["dpkg", "busy", "logged-in", "inhibitor"]
    assert (ready.boot, ready.container, ready.systemd) == (Boot(), None, False)


def test_a_program_that_seems_to_come_from_the_future_has_no_age() -> None:
    ready = parse_readiness(b"uptime 5.00\nbusy 7 90000 borg\ndone\n", ("borg",))
    assert [r.message for r in ready.refusals] == ["borg runs (process 7)"]


def test_what_was_begun() -> None:
    begun = parse_begun(BEGUN)
    record = begun.record
    assert begun.how == "found"
    assert record is not None
    assert record.boot == Boot("6c7f", "5")
    assert record.started_at == "2026-11-24T03:00:00Z"
    assert record.running == (
        "by-hand.service", "socket-and-boot.service", "wanted.service", "web.service",
    )  # fmt: skip
    assert record.passing == (
        "on-bus.service", "once.service", "socket.service", "transient.service",
    )  # fmt: skip
    assert record.failed == ("a.service",)
    assert (record.exit_status, record.said) == (1, ("Call to Reboot failed",))


def test_what_was_refused() -> None:
    begun = parse_begun(b"how refused\nlock process 12 (apt)\nunread dpkg /proc/locks\ndone\n")
    assert (begun.how, begun.record) == ("refused", None)
    assert [refusal.id for refusal in begun.refusals] == ["dpkg", "dpkg"]


def test_what_is_not_known_of_a_record_is_none() -> None:
    record = parse_begun(b"how started\nbegun \ndone\n").record
    assert record is not None
    assert (record.boot, record.running, record.failed) == (Boot(), None, None)


def test_the_way_back() -> None:
    back = parse_back(BACK)
    assert back.boot == Boot("7d", "900")
    assert (back.state, back.settled_s, back.uptime_s) == ("degraded", 60.0, 100.25)
    assert (back.active, back.failed) == (("web.service", "x.service"), ("a.service",))
    assert back.record is not None
    assert back.record.boot == Boot("6c7f", None)


@pytest.mark.parametrize("settled", [b"0", b"", b"110000000", b"x"])
def test_no_time_is_told_from_clocks_that_differ(settled: bytes) -> None:
    assert parse_back(BACK.replace(b"40250000", settled)).settled_s is None


def test_units_that_were_not_listed_are_not_none() -> None:
    back = parse_back(BACK.replace(b"units-read\n", b""))
    assert (back.active, back.failed) == (None, None)


@pytest.mark.parametrize("output", [b"", b"done x\n", b"boot 1\n", b"undone\n"])
def test_a_cut_answer_is_seen(output: bytes) -> None:
    assert not complete(output)
    assert complete(output + b"\ndone\n")


def test_names_are_cut_as_the_kernel_does() -> None:
    assert cut("a-program-with-a-long-name") == "a-program-with-"
    assert cut("éééééééé") == "ééééééé"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from _texts(inner)


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from([READY, BEGUN, BACK]))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 30)))
        hostile = st.sampled_from([b"\x1b]0;x\x07", b"\xff", b"\0", b"\xe2\x80\xae", b"\r", b"{["])
        data = data[:at] + draw(hostile | st.binary(max_size=8)) + data[to:]
    return data


@given(_damaged())
def test_no_answer_breaks_it_or_keeps_what_terminals_obey(output: bytes) -> None:
    found = (parse_readiness(output, ("borg",)), parse_begun(output), parse_back(output))
    for text in _texts(found):
        assert clean(text) == text
