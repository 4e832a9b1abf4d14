"""Whatever a host sends, reading and judging it never raise, and what comes out is clean text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.families.protocol import Section
from engine.model.host import Host, Service
from engine.preflight import judge
from engine.preflight.answers import read
from engine.preflight.words import volume_line
from engine.successor import Successor
from engine.text import clean

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOST = Host(
    "server1",
    "server1.example.com",
    services=(
        Service("git", "server1", ("git.example.com",), ("git", "a.timer"), ("web",), ("/srv/g",)),
        Service("wiki", "server1", volumes=("/srv/w", "/var/lib/w"), freeze="none"),
    ),
)
NUMBERS = st.sampled_from(["0", "1", "2", "124", "4711", "99999999999999999999", "-1", "x", ""])
WORDS = st.sampled_from(
    ["/srv/g", "/", "git.service", "web", "postgresql", "a:1,b:2", "directory", "loaded", "eth0"]
) | st.text(max_size=6)
KEYS = st.sampled_from([
    "kind", "real", "room", "readable", "owner", "acl", "lines", "kilobytes", "counted",
    "path", "libc", "icu", "rsync", "systemd", "uid", "cron", "queue", "hidden", "link",
    "fstab", "address", "ipv6", "end", "file", "rules", "table", "certificate", "seen",
    "holders", "database", "searched", "open", "user", "group", "Id", "Names", "LoadState",
    "ActiveState", "docker", "container",
])  # fmt: skip
LINES = st.builds(
    lambda key, sign, words: f"{key}{sign}{' '.join(words)}",
    KEYS,
    st.sampled_from(["=", " "]),
    st.lists(NUMBERS | WORDS, max_size=6),
)
WHOLE = st.sampled_from(["seen=all", "holders=all", "searched 0 0", "end=0", "kind=directory"])
OUTPUTS = st.lists(LINES | WHOLE, max_size=10).map(
    lambda lines: "\n".join(lines).encode("utf-8", "replace")
) | st.binary(max_size=200)
NAMES = st.sampled_from([
    "host", "accounts", "units", "timers", "cron", "queues", "sockets", "containers", "mounts",
    "devices", "fstab", "addresses", "mentions", "firewall", "certificates", "databases",
    "volume-0", "volume-1", "volume-2",
])  # fmt: skip
SECTIONS = st.dictionaries(
    NAMES,
    st.builds(
        Section,
        name=st.just("any"),
        output=OUTPUTS,
        exit_status=st.sampled_from([0, 0, 0, 1, None]),
        truncated=st.sampled_from([False, False, False, True]),
        errors=st.binary(max_size=20),
    ),
)


def texts(value: Any) -> Iterator[str]:
    """Every string inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for inner in value:
            yield from texts(inner)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))


@settings(deadline=None, max_examples=300)
@given(SECTIONS, st.booleans())
def test_anything_is_read_and_judged(sections: dict[str, Section], privileged: bool) -> None:
    found = read(HOST, sections, NOW, privileged=privileged)
    told = judge(HOST, found, Successor("server2"))
    assert len(found.volumes) == 3
    assert all(finding.message for finding in told)
    for volume in found.volumes:
        assert volume_line(volume)
    for text in (*texts(found), *texts(told)):
        assert clean(text) == text
    hash((found, told))  # immutable through and through


@settings(deadline=None, max_examples=100)
@given(SECTIONS)
def test_what_is_not_told_is_unknown_and_said_so(sections: dict[str, Section]) -> None:
    sections.pop("cron", None)
    sections.pop("volume-1", None)
    found = read(HOST, sections, NOW, privileged=True)
    assert found.cron is None
    assert found.volumes[1].state == "unknown"
    messages = [f.message for f in judge(HOST, found, Successor("server2"))]
    assert "Not known: crontabs: the host did not tell" in messages
    assert "Not known: volume /srv/w: the host did not tell" in messages
