"""What counts as worse: a healthy host, of which each line of the table changes one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.health import CheckResult, Difference, Health, compare
from engine.model.host import Check
from engine.model.json_form import from_json, to_json
from engine.programs.containers import ContainerState
from engine.programs.mounts import Mount
from engine.programs.routes import DefaultRoute
from engine.programs.sockets import Listening
from engine.programs.systemd import RunningService

WEB = Check(http="https://gitlab.test/", expect=200)
NGINX = Listening("tcp", "0.0.0.0", 80, "nginx", "nginx.service")
STREAM = Listening("tcp", "127.0.0.1", 40961, "containerd", "containerd.service", True)
WELL = Health(
    host="server1",
    taken_at=datetime(2026, 11, 23, 3, 0, tzinfo=UTC),
    privileged=True,
    kernel="6.1.0-40-amd64",
    failed_units=("old.service",),
    services=(RunningService("nginx.service", True), RunningService("polkit.service", False)),
    sockets=(NGINX, STREAM),
    containers=(
        ContainerState("gitlab", "running", "healthy"),
        ContainerState("build-7", "running", None, lasting=False),
        ContainerState("done", "exited"),
    ),
    mounts=(Mount("/", "ext4"), Mount("/srv", "xfs")),
    routes=(DefaultRoute("IPv4", "192.0.2.1", "eth0"),),
    checks=(CheckResult("gitlab", WEB, True, "status 200", 0.1),),
)
AS_BEFORE = "failed unit: old.service, as before"


def result(ok: bool | None, detail: str) -> CheckResult:
    return CheckResult("gitlab", WEB, ok, detail)


def udp(address: str, port: int, program: str | None = "named", **more: Any) -> Listening:
    return Listening("udp", address, port, program, **more)


def tcp(address: str, port: int, program: str | None = "sshd", **more: Any) -> Listening:
    return Listening("tcp", address, port, program, **more)


SAID = "check gitlab http https://gitlab.test/ expects 200"


def test_nothing_has_changed() -> None:
    assert compare(WELL, WELL) == Difference(notes=(AS_BEFORE,), same=10)
    assert compare(WELL, WELL).good


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ({}, {"failed_units": ("new.service", "old.service")}, "new failed unit: new.service"),
        (
            {},
            {"failed_units": ("copy@2026-11-23.service", "old.service")},
            "new failed unit: copy@2026-11-23.service",
        ),
        ({}, {"services": ()}, "nginx.service runs no more"),
        (
            {},
            {"services": (), "failed_units": ("nginx.service", "old.service")},
            "new failed unit: nginx.service",
        ),
        ({}, {"sockets": (STREAM,)}, "listening no more: tcp 0.0.0.0:80 (nginx)"),
        (
            {},
            {"sockets": (replace(NGINX, address="127.0.0.1"), STREAM)},
            "listening no more: tcp 0.0.0.0:80 (nginx)",
        ),
        ({}, {"sockets": (NGINX,)}, "listening no more: tcp 127.0.0.1:40961 (containerd)"),
        (
            # another program's port of the kernel's choice is no stand-in
            {},
            {"sockets": (NGINX, replace(STREAM, port=50000, program="java"))},
            "listening no more: tcp 127.0.0.1:40961 (containerd)",
        ),
        (
            {"sockets": (tcp("fe80::1", 22), tcp("::1", 22))},
            {"sockets": (tcp("fe80::2", 22),)},
            "listening no more: tcp [::1]:22 (sshd)",
        ),
        (
            {"sockets": (tcp("2001:db8::1", 22),)},
            {"sockets": (tcp("0.0.0.0", 22),)},
            "listening no more: tcp [2001:db8::1]:22 (sshd)",
        ),
        (
            {"sockets": (udp("0.0.0.0", 53),)},
            {"sockets": ()},
            "bound no more: udp 0.0.0.0:53 (named)",
        ),
        (
            # a container's own program, by its scope, is nobody's session
            {"sockets": (replace(NGINX, place="docker-0123.scope"),)},
            {"sockets": ()},
            "listening no more: tcp 0.0.0.0:80 (nginx)",
        ),
        (
            # waiting for a first connection, held by systemd itself
            {"sockets": (replace(NGINX, program="systemd", place="init.scope"),)},
            {"sockets": ()},
            "listening no more: tcp 0.0.0.0:80 (systemd)",
        ),
        (
            {},
            {"containers": (ContainerState("gitlab", "exited"), WELL.containers[1])},  # type: ignore[index]
            "container gitlab is exited, was running",
        ),
        (
            {},
            {"containers": (WELL.containers[1],)},  # type: ignore[index]
            "container gitlab is gone, was running",
        ),
        (
            {},
            {"containers": (ContainerState("gitlab", "running", "starting"), WELL.containers[1])},  # type: ignore[index]
            "container gitlab is starting, was healthy",
        ),
        (
            {"containers": (ContainerState("build-7", "running", None, lasting=False),)},
            {"containers": (ContainerState("build-7", "restarting", None, lasting=False),)},
            "container build-7 is restarting, was running",
        ),
        ({}, {"mounts": (Mount("/", "ext4"),)}, "mount /srv is gone"),
        (
            {},
            {"mounts": (Mount("/", "ext4", read_only=True), Mount("/srv", "xfs"))},
            "mount / is read-only now",
        ),
        ({}, {"routes": ()}, "default route IPv4 via 192.0.2.1 (eth0) is gone"),
        (
            {},
            {"routes": (DefaultRoute("IPv6", "fe80::1", "eth0"),)},
            "default route IPv4 via 192.0.2.1 (eth0) is gone",
        ),
        (
            {},
            {"checks": (result(False, "status 502"),)},
            f"{SAID} fails: status 502 (passed before)",
        ),
    ],
)
def test_worse(before: dict[str, Any], after: dict[str, Any], worse: str) -> None:
    difference = compare(replace(WELL, **before), replace(WELL, **after))
    assert difference.worse == (worse,)
    assert not difference.good


@pytest.mark.parametrize(
    ("before", "after", "notes"),
    [
        # somebody needed it then, and nobody does now
        ({}, {"services": (RunningService("nginx.service", True),)}, ()),
        ({"failed_units": ()}, {"failed_units": ("run-u7.service",)}, ()),
        (
            {"failed_units": ()},
            {
                "failed_units": (
                    "web@7-192.0.2.1:80-192.0.2.9:5151.service",
                    "a@0-::1:22-::1:9.service",
                )
            },
            (),
        ),
        ({"failed_units": ()}, {"failed_units": ("hostshift-r1-upgrade.service",)}, ()),
        # a restarted program with another port of the kernel's choice
        (
            {},
            {"sockets": (NGINX, replace(STREAM, port=55555))},
            ("tcp 127.0.0.1:40961 (containerd) listens on port 55555 now",),
        ),
        (
            {"sockets": (udp("0.0.0.0", 40000, ephemeral=True),)},
            {"sockets": (udp("0.0.0.0", 50000, ephemeral=True),)},
            (),
        ),
        (
            {"sockets": (udp("0.0.0.0", 51820, None, ephemeral=True),)},
            {"sockets": ()},
            ("bound no more: udp 0.0.0.0:51820",),
        ),
        # every address includes each
        ({"sockets": (tcp("192.0.2.7", 22),)}, {"sockets": (tcp("0.0.0.0", 22),)}, ()),
        ({"sockets": (tcp("0.0.0.0", 22),)}, {"sockets": (tcp("::", 22, "systemd"),)}, ()),
        # virtual interfaces come with new link-local addresses
        ({"sockets": (udp("fe80::1", 123),)}, {"sockets": (udp("fe80::2", 123),)}, ()),
        # what a login forwards ends with it
        ({"sockets": (tcp("127.0.0.1", 6010, place="session-7.scope"),)}, {"sockets": ()}, ()),
        (
            {},
            {"containers": (WELL.containers[0],)},  # type: ignore[index]
            ("container build-7 is gone, was running",),
        ),
        (
            {},
            {
                "containers": (
                    WELL.containers[0],  # type: ignore[index]
                    ContainerState("build-7", "exited", lasting=False),
                )
            },
            ("container build-7 is exited, was running",),
        ),
        (
            {},
            {"routes": (DefaultRoute("IPv4", "192.0.2.1", "enp1s0"),)},
            ("default route IPv4 via 192.0.2.1 (eth0) is now IPv4 via 192.0.2.1 (enp1s0)",),
        ),
        (
            {},
            {"mounts": (Mount("/", "btrfs"), Mount("/srv", "xfs"))},
            ("mount / is btrfs, was ext4",),
        ),
        (
            {},
            {"kernel": "6.1.0-41-amd64"},
            ("kernel 6.1.0-41-amd64 runs, 6.1.0-40-amd64 ran before",),
        ),
        (
            {"checks": (result(False, "status 503"),)},
            {"checks": (result(False, "status 502"),)},
            (f"{SAID} fails as before: status 502",),
        ),
        (
            {"checks": (result(None, "no way"),)},
            {"checks": (result(None, "no way"),)},
            (f"{SAID} could be made neither before nor after: no way",),
        ),
        (
            {"containers": None},
            {"containers": None},
            ("containers could be read neither before nor after",),
        ),
    ],
)
def test_no_alarm(before: dict[str, Any], after: dict[str, Any], notes: tuple[str, ...]) -> None:
    old = replace(WELL, **{"failed_units": (), **before})
    difference = compare(old, replace(WELL, **{"failed_units": (), **after}))
    assert difference.good, difference
    assert difference.notes == notes
    assert difference.better == ()


@pytest.mark.parametrize(
    ("before", "after", "unread"),
    [
        (
            {},
            {"mounts": None, "unread": ("routes: x", "mounts: no answer in time")},
            "mounts: no answer in time (now)",
        ),
        (
            {"sockets": None, "unread": ("listening sockets: not understood",)},
            {},
            "listening sockets: not understood (before)",
        ),
        (
            {},
            {"checks": (result(None, "no route"),)},
            f"{SAID} could not be made: no route (passed before)",
        ),
        (
            {"checks": (result(False, "status 500"),)},
            {"checks": (result(None, "no route"),)},
            f"{SAID} could not be made: no route (failed before)",
        ),
        (
            {"checks": ()},
            {"checks": (result(False, "status 500"),)},
            f"{SAID} fails: status 500 (could not be made before)",
        ),
    ],
)
def test_what_can_not_be_compared(
    before: dict[str, Any], after: dict[str, Any], unread: str
) -> None:
    difference = compare(replace(WELL, **before), replace(WELL, **after))
    assert difference.unread == (unread,)
    assert difference.worse == ()
    assert not difference.good


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [
        ({}, {"failed_units": ()}, "old.service fails no more"),
        (
            {"containers": (ContainerState("gitlab", "restarting"),)},
            {},
            "container gitlab is running, was restarting",
        ),
        (
            {"checks": (result(False, "status 502"),)},
            {},
            f"{SAID} passes: status 200 (failed before)",
        ),
    ],
)
def test_better(before: dict[str, Any], after: dict[str, Any], better: str) -> None:
    difference = compare(replace(WELL, **before), replace(WELL, **after))
    assert difference.better == (better,)
    assert difference.good


def test_what_was_stopped_is_told_by_its_start() -> None:
    services = tuple(
        RunningService(name, True, name) for name in ("a.service", "b.service", "session-1.scope")
    )
    boxes = (ContainerState("web", "running", started="1"), ContainerState("done", "exited"))
    before = replace(WELL, services=services, containers=boxes)
    same = compare(before, before)
    assert (same.units, same.containers) == ((), ())
    anew = (replace(services[0], started="x"),)
    after = replace(before, services=anew, containers=(replace(boxes[0], started="2"), boxes[1]))
    found = compare(before, after)
    assert (found.units, found.containers) == (("a.service", "b.service"), ("web",))
    unknown = replace(before, services=(RunningService("a.service", True),), containers=None)
    found = compare(before, unknown)
    assert (found.units, found.containers) == (None, None)


def test_many_lines_are_cut_and_that_is_said() -> None:
    units = tuple(f"u{n:03}.service" for n in range(100))
    worse = compare(WELL, replace(WELL, failed_units=units)).worse
    assert len(worse) == 21
    assert worse[-1] == "... and 80 more"


def test_health_is_kept_as_json() -> None:
    data = to_json(WELL)
    assert from_json(Health, data) == WELL
    assert from_json(Health, to_json(replace(WELL, mounts=None))).mounts is None
    difference = compare(WELL, replace(WELL, services=()))
    assert from_json(Difference, to_json(difference)) == difference


SOCKETS = st.lists(
    st.builds(
        Listening,
        protocol=st.sampled_from(["tcp", "udp"]),
        address=st.sampled_from(["0.0.0.0", "127.0.0.1", "::", "::1", "fe80::1", "192.0.2.1"]),
        port=st.sampled_from([22, 80, 40000]),
        program=st.sampled_from([None, "a", "b"]),
        place=st.sampled_from([None, "a.service", "session-1.scope"]),
        ephemeral=st.booleans(),
    ),
    max_size=6,
).map(tuple)


@given(SOCKETS, SOCKETS)
def test_more_sockets_are_never_worse(
    some: tuple[Listening, ...], more: tuple[Listening, ...]
) -> None:
    before = replace(WELL, sockets=some)
    assert compare(before, replace(WELL, sockets=some + more)).worse == ()
    # Each one that is worse is one that was there before and isn't now.
    lost = compare(before, replace(WELL, sockets=more)).worse
    assert {line.partition(": ")[2] for line in lost} <= {s.shown for s in some if s not in more}


def test_a_container_that_ended_and_that_nothing_starts_is_named() -> None:
    gitlab, build, *_ = WELL.containers or ()
    ended = ContainerState("build-7", "exited", lasting=False)
    seen = compare(WELL, replace(WELL, containers=(gitlab, ended)))
    assert seen.ended == ("build-7",)
    assert seen.good
    lasting = ContainerState("gitlab", "exited")
    assert compare(WELL, replace(WELL, containers=(lasting, build))).ended == ()
