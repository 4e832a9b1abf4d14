"""The sync's gate, its names on the way, and the readers of its log, with whatever comes."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from engine.sync import (
    SourceVolume,
    close_source,
    open_source,
    read_pass,
    read_progress,
    source_guard,
    wire_of,
)
from engine.sync.passes import path_of
from tests.unit.jobs.local_host import LocalHost, under
from tests.unit.sync.gate import RUN, SHELLS, Gate

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample"
VOLUMES = ("/srv/data", "/srv/o dd*")
few = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

words = st.sampled_from(
    (
        "rsync", "--server", "--sender", ".", "/srv/data/", "/srv/o%20dd%2A/", "/etc/", "-r", "-nr",
        "-logDtpHAXrxSe.iLsfxCIvu", "--numeric-ids", "--timeout=9", "--bwlimit=9", "--delete", "-s",
        "--files-from=/x", "--log-file=/x", "-e", "-le", "*", "$(id)", ";id", "|", "\n", "", "--",
        "--remove-source-files", "/srv/data/..", "-L", "\\", "'", "&", "/srv/*/", "-e.x/y",
    )
)  # fmt: skip
shuffled = st.lists(words, max_size=9).map(" ".join)
begun = st.tuples(
    st.just("rsync --server --sender"), shuffled, st.sampled_from((".", "")), words
).map(" ".join)
asked = (
    st.one_of(shuffled, begun, begun.flatmap(lambda text: st.text(max_size=3).map(text.__add__)))
    .map(lambda text: text.replace("\0", ""))
    .filter(lambda text: text.isascii() or text.encode("utf-8", "ignore").decode() == text)
)
OPTION = re.compile(
    r"-[nlHogDtpAXrcxSd]+(e[.0-9][A-Za-z0-9.]*)?|-e[.0-9][A-Za-z0-9.]*|--numeric-ids"
    r"|--(timeout|bwlimit)=[0-9]+"
)


@pytest.fixture(scope="module", params=SHELLS[:2])
def gate(request: pytest.FixtureRequest) -> Iterator[Gate]:
    with tempfile.TemporaryDirectory() as directory:
        yield Gate(Path(directory), str(request.param), VOLUMES)


@few
@given(asked)
@example("rsync --server --sender -r . /srv/data/")
@example("rsync --server --sender -r --timeout=9 . /srv/o%20dd%2A/")
def test_nothing_but_reading_a_volume_gets_through_the_gate(gate: Gate, command: str) -> None:
    answer = gate.ask(command)
    if answer.directory is None:
        assert answer.status == 43
        assert answer.error.startswith("hostshift: server1 refuses: ")
        return
    server, sender, *options, dot, place = answer.words
    assert (server, sender, dot, place) == ("--server", "--sender", ".", "./")
    assert all(OPTION.fullmatch(option) for option in options)
    (volume,) = (v for v in VOLUMES if f"{gate.root}{v}" == answer.directory.strip())
    assert command.endswith(f" . {wire_of(volume)}/")
    assert command.split()[3:-2] == options


@pytest.fixture(scope="module", params=SHELLS[:2])
def server1(request: pytest.FixtureRequest) -> Iterator[LocalHost]:
    with tempfile.TemporaryDirectory() as directory:
        host = under(str(request.param), Path(directory) / "host")
        (host.root / "etc").mkdir()
        (host.root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        (host.root / "etc/ssh").mkdir()
        (host.root / "etc/ssh/ssh_host_ed25519_key.pub").write_text(f"{KEY} root@server1\n")
        (host.root / "root/.ssh").mkdir(parents=True)
        yield host


pieces = st.sampled_from(
    (
        b"ssh-ed25519 AAAA me\n", b"\r\n", b"\n", b" hostshift:sync:", RUN.encode(), b"x", b" ",
        b"# \xff\xfe", b"hostshift:sync:" + RUN.replace("-", ".").encode() + b"\n", b"\\", b"'",
    )
)  # fmt: skip


@settings(few, max_examples=10)
@given(st.lists(st.one_of(pieces, st.binary(max_size=20)), max_size=8).map(b"".join))
def test_opening_and_closing_leaves_every_byte_of_other_keys(
    server1: LocalHost, content: bytes
) -> None:
    own = f" hostshift:sync:{RUN}".encode()
    assume(not any(line.endswith(own) for line in content.split(b"\n")))
    file = server1.root / "root/.ssh/authorized_keys"
    file.write_bytes(content)

    async def there_and_back() -> None:
        await open_source(server1, server1.host, RUN, KEY, "10.0.0.2", VOLUMES, valid_s=60)
        line, _, rest = file.read_bytes().partition(b"\n")
        assert line.startswith(b'restrict,from="10.0.0.2",expiry-time="')
        assert rest == content
        assert await close_source(server1, server1.host, RUN)

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SUDO_USER", raising=False)
        asyncio.run(there_and_back())
    assert file.read_bytes() == content


segments = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda segment: segment not in (".", ".."))


@given(st.lists(segments, min_size=1, max_size=4))
def test_a_name_on_the_way_needs_no_quoting_and_leads_back(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    wire = wire_of(path)
    assert re.fullmatch(r"/[A-Za-z0-9/._%-]+", wire)
    assert path_of(wire) == path
    if re.fullmatch(r"[A-Za-z0-9/._-]+", path):
        assert wire == path


@given(
    st.sampled_from(("", "/", "srv", "/srv/", "//srv", "/srv/../etc", "/./x", "/srv//x", "/a\0b"))
)
def test_what_is_no_volume_has_no_name(path: str) -> None:
    with pytest.raises(ValueError, match="not usable as a volume"):
        wire_of(path)


lines = st.sampled_from(
    (
        b"hostshift: pass final /srv/a%20b begins\n",
        b"hostshift: pass rehearsal /srv/b begins\n",
        b"hostshift: pass final /srv/a%20b ended with 0 after 7 s\n",
        b"hostshift: differences in /srv/b: 9\n",
        b"Number of created files: 4 (reg: 3, dir: 1)\n",
        b"Number of deleted files: 1\n",
        b"Number of regular files transferred: 2\n",
        b"Total file size: 6,000 bytes\n",
        b"Literal data: 4 bytes\n",
        b"\r         32,768   0%    1.95kB/s    0:00:01 (xfr#1, to-chk=2/5)",
        b"\r999999999999999999999999999999 999% 1.2.3GB/s 9:99:99 (xfr#1, ir-chk=2/5)",
        b"rsync: [sender] read errors mapping: \xff\x1b[31m\n",
    )
)


@given(st.lists(st.one_of(lines, st.binary(max_size=40)), max_size=30).map(b"".join))
def test_a_log_is_read_whatever_is_in_it(log: bytes) -> None:
    for volume in read_pass(log).volumes:
        assert "\x1b" not in " ".join((volume.path, *volume.complaints))
        assert volume.exit_status is None or 0 <= volume.exit_status <= 999
    progress = read_progress(log)
    if progress is not None:
        assert progress.percent is None or 0 <= progress.percent <= 100


sizes = st.none() | st.integers(0, 10**15)
states = st.builds(
    SourceVolume,
    st.sampled_from(("/a", "/b")),
    st.sampled_from(("directory", "missing", "other")),
    st.none() | st.sampled_from(("one", "two")),
    sizes,
    sizes,
    st.none() | st.booleans(),
)


@given(st.lists(states, max_size=2), st.lists(states, max_size=2))
def test_the_guard_lets_only_sound_sources_through(
    before: list[SourceVolume], now: list[SourceVolume]
) -> None:
    if source_guard(tuple(before), tuple(now)):
        return
    earlier = {volume.path: volume for volume in before}
    assert set(earlier) <= {volume.path for volume in now}
    for volume in now:
        assert volume.state == "directory"
        assert not volume.empty
        was = earlier.get(volume.path)
        if was is None:
            continue
        assert was.device in (None, volume.device)
        for a, b in ((was.entries, volume.entries), (was.used_bytes, volume.used_bytes)):
            assert a is None or b is None or b >= a - a / 10
