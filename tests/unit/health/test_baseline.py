"""Reading what health.sh says, and looking again until all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from engine.clock import FixedClock
from engine.errors import HostOutputError, HostshiftError, UnreachableError
from engine.health import Health, settled, take
from engine.model.host import Check, Host, Service
from engine.model.plan import ServiceCheck
from tests.unit.facts.probed import FakeTransport, data, framed

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HOST = Host(
    name="server1",
    address="192.0.2.1",
    services=(Service("ci", "server1", containers=("build-7",)),),
)
UNIT = ServiceCheck("gitlab", Check(unit="gitlab.service"))
SECTIONS = {
    "host": "uid=0\nkernel=6.1.0-40-amd64\nsystemd=yes\n",
    "failed": "old.service loaded failed failed Old\n",
    "services": data("services/lab-plain-bookworm"),
    "sockets": data("sockets/lab-plain-bookworm"),
    "containers": data("container_states/made-docker-and-podman"),
    "mounts": data("mounts/lab-plain-bookworm"),
    "routes": data("routes/lab-plain-bookworm"),
    "checks": "check 0 0 10.00 10.50 active\n",
}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


def answering(**changes: str) -> FakeTransport:
    return FakeTransport(lambda _, nonce, __: framed({**SECTIONS, **changes}, nonce))


async def taken(transport: FakeTransport, clock: FixedClock) -> Health:
    return await take(transport, HOST, [UNIT], clock)


async def test_everything_is_read(clock: FixedClock) -> None:
    transport = answering()
    health = await taken(transport, clock)
    assert len(transport.calls) == 1
    assert health.unread == ()
    assert health.taken_at == NOW
    assert health.privileged
    assert health.kernel == "6.1.0-40-amd64"
    assert health.failed_units == ("old.service",)
    assert health.services is not None
    assert "ssh.service" in {s.name for s in health.services if s.lasting}
    assert [s.shown for s in health.sockets or ()] == [
        "tcp 0.0.0.0:22 (sshd)",
        "tcp [::]:22 (sshd)",
    ]
    assert [m.point for m in health.mounts or ()] == ["/"]
    assert [r.shown for r in health.routes or ()] == ["IPv4 via 10.77.0.1 (host0)"]
    assert [(r.ok, r.detail, r.seconds) for r in health.checks] == [(True, "active", 0.5)]
    # What the inventory names is meant to run on, whatever its restart policy.
    assert {c.name for c in health.containers or () if c.lasting} == {
        "build-7",
        "cache",
        "gitlab",
        "quadlet",
    }


async def test_what_is_cut_failed_or_missing_is_not_known(clock: FixedClock) -> None:
    def answer(_: Host, nonce: str, __: str) -> bytes:
        said = {name: text for name, text in SECTIONS.items() if name != "routes"}
        whole = framed(
            said, nonce, statuses={"mounts": 1, "failed": 124}, errors={"mounts": "no such file\n"}
        )
        length = len(SECTIONS["sockets"])
        return whole.replace(b"end sockets 100000", b"end sockets %d" % length)

    health = await taken(FakeTransport(answer), clock)
    assert health.failed_units is None
    assert health.sockets is None
    assert health.mounts is None
    assert health.routes is None
    assert health.services is not None
    assert set(health.unread) == {
        "failed units: no answer in time",
        "listening sockets: there is more than is read",
        "mounts: no such file",
        "default routes: the host did not tell",
    }


async def test_without_systemd_that_is_the_reason(clock: FixedClock) -> None:
    def answer(_: Host, nonce: str, __: str) -> bytes:
        said = {n: t for n, t in SECTIONS.items() if n not in ("failed", "services")}
        return framed({**said, "host": "uid=0\nsystemd=no\n"}, nonce)

    health = await taken(FakeTransport(answer), clock)
    assert health.services is None
    assert "running services: systemd isn't the host's PID 1" in health.unread


async def test_half_an_answer_is_none(clock: FixedClock) -> None:
    cut = FakeTransport(lambda _, nonce, __: framed(SECTIONS, nonce, done=False))
    with pytest.raises(HostOutputError):
        await taken(cut, clock)


Answers = list[dict[str, str] | HostshiftError]
GONE = UnreachableError("Connection lost.", hint="Wait.")
SICK = {"failed": "new.service loaded failed failed New\n"}


def in_turn(answers: Answers) -> tuple[FakeTransport, Callable[[], int]]:
    """Answers one after the other, the last one for ever."""
    left = list(answers)

    def answer(_: Host, nonce: str, __: str) -> bytes | HostshiftError:
        now = left.pop(0) if len(left) > 1 else left[0]
        return now if isinstance(now, HostshiftError) else framed({**SECTIONS, **now}, nonce)

    transport = FakeTransport(answer)
    return transport, lambda: len(transport.calls)


@pytest.mark.parametrize(
    ("answers", "looks", "worse"),
    [
        ([{}], 2, ()),
        ([SICK, SICK, {}], 4, ()),
        # A good look between two crashes is none.
        ([{}, SICK, {}], 4, ()),
        # At 0, 3, ... 30 s.
        ([SICK], 11, ("new failed unit: new.service",)),
    ],
)
async def test_settling(
    answers: Answers, looks: int, worse: tuple[str, ...], clock: FixedClock
) -> None:
    before = await taken(answering(), clock)
    transport, count = in_turn(answers)
    difference, after = await settled(transport, HOST, before, [UNIT], clock, deadline_s=30)
    assert difference.worse == worse
    assert count() == looks
    assert after.failed_units is not None


async def test_a_host_out_of_reach_is_said_to_be_at_once(clock: FixedClock) -> None:
    before = await taken(answering(), clock)
    transport, count = in_turn([{}, GONE])
    with pytest.raises(UnreachableError):
        await settled(transport, HOST, before, [UNIT], clock, deadline_s=30)
    assert count() == 2
