"""The pure parts: the stream's parser, progress lines, ids, scripts, the mirror."""

from __future__ import annotations

import hashlib
import shlex
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import HostOutputError
from engine.jobs.layout import checked_id, directory, unit_name
from engine.jobs.mirror import Mirror, read
from engine.jobs.script import job_script, shipped
from engine.jobs.stream import Chunk, Said, StreamParser
from engine.model.plan import JobAct
from engine.model.run import Progress
from engine.programs.apt_status import parse_line
from engine.programs.dpkg_versions import Installed, parse


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_the_stream_is_read_the_same_however_it_is_cut(logs: list[bytes], size: int) -> None:
    stream, offset = b"boot b\nalive yes\n", 0
    for log in logs:
        stream += b"log %d %d\n" % (offset, len(log)) + log
        offset += len(log)
    stream += b"exit 0\ndone\n"
    parser, items = StreamParser(), []
    for start in range(0, len(stream), size):
        items += list(parser.feed(stream[start : start + size]))
    copy = bytearray()
    for item in items:
        if isinstance(item, Chunk):
            assert item.offset == len(copy)
            copy += item.data
    assert bytes(copy) == b"".join(logs)
    said = [item for item in items if isinstance(item, Said)]
    assert said == [Said("boot", "b"), Said("alive", "yes"), Said("exit", "0"), Said("done")]


@pytest.mark.parametrize(
    "stream", [b"bash: warning\n", b"log x 5\n", b"log 1\n", b"log -1 5\n", b"x" * 70_000]
)
def test_a_stream_that_is_none_is_refused(stream: bytes) -> None:
    with pytest.raises(HostOutputError):
        list(StreamParser().feed(stream))


def test_what_is_said_is_cleaned() -> None:
    said = list(StreamParser().feed(b"progress \x1b]0;owned\x07plain\n"))
    assert said == [Said("progress", "plain")]


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("dlstatus:1:9.4771:Retrieving file 1 of 3 (2s remaining)",
         Progress("download", 9.4771, "Retrieving file 1 of 3 (2s remaining)")),
        ("pmstatus:lab-slow:80.0:Installed lab-slow (all)",
         Progress("install", 80.0, "Installed lab-slow (all)")),
        ("pmstatus:dpkg-exec:0:Running dpkg", Progress("install", 0.0, "Running dpkg")),
        ("pmerror:libc6:amd64:50.5:it: broke",
         Progress("error", 50.5, "libc6:amd64: it: broke")),
        ("pmconffile:/etc/a b:50:'x' 'y' 1 1",
         Progress("conffile", 50.0, "/etc/a b: 'x' 'y' 1 1")),
        ("pmstatus:x:100.0001:", Progress("install", 100.0, "")),
        ("dlstatus:1:-1:x", Progress("download", 0.0, "x")),
        ("media-change:disk:drive:text", None),
        ("pmstatus:x", None),
        ("", None),
    ],
)  # fmt: skip
def test_apt_status_lines(line: str, progress: Progress | None) -> None:
    assert parse_line(line) == progress


@given(st.text())
def test_apt_status_never_raises(line: str) -> None:
    found = parse_line(line)
    assert found is None or found.percent is None or 0 <= found.percent <= 100


def test_versions() -> None:
    output = (
        b"ii \tbash\tamd64\t5.2-1\nrc \told\tall\t1\nhi \theld\tall\t1\niF \tbad\tall\t2\njunk\n"
    )
    found = parse(output)
    assert found[0] == Installed("bash", "amd64", "5.2-1", "ii")
    assert [p.present for p in found] == [True, False, True, False]
    assert [p.gone for p in found] == [False, True, False, False]


@given(st.binary())
def test_versions_never_raise(output: bytes) -> None:
    parse(output)


@pytest.mark.parametrize(
    "word", ["", ".", "..", "-x", "a/b", "a b", "a\nb", "a'b", "é", "a" * 65, "a_b", "a%b"]
)
def test_words_that_are_no_ids(word: str) -> None:
    for use in (checked_id, lambda w: directory("run", w), lambda w: unit_name(w, "step")):
        with pytest.raises(ValueError, match="not usable"):
            use(word)


_words = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(_words, min_size=1, max_size=4), st.lists(_words, max_size=3))
def test_a_job_script_holds_every_word_quoted(command: list[str], expected: list[str]) -> None:
    act = JobAct(
        commands=(("prog", *command),), simulation=("sim", *command), expected=tuple(expected)
    )
    calls = job_script(act)[len(shipped("holder.sh")) + 1 + len(shipped("act.sh")) :]
    words = shlex.split(calls)
    want: list[str] = []
    for line in expected:
        want += ["expect", line]
    assert words == [*want, "guard", "sim", *command, "act", "prog", *command]


def test_a_repairs_simulation_stands_before_its_last_command() -> None:
    act = JobAct(commands=(("a",), ("b",), ("c",)), last_simulation=("s",))
    assert job_script(act).splitlines()[-4:] == ["try a", "try b", "spare s", "act c"]


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "A;B", "é"])
def test_a_variable_needs_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        job_script(JobAct(commands=(), environment=((name, "x"),)))


def test_a_nul_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        job_script(JobAct(commands=(("echo", "a\0b"),)))


def test_the_mirror_is_private_and_idempotent(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "run" / "step" / "log")
    assert mirror.write(0, b"hello ")
    assert mirror.write(6, b"world")
    assert mirror.write(0, b"hello ")
    assert not mirror.write(100, b"a hole")
    assert mirror.length == 11
    assert mirror.path.read_bytes() == b"hello world"
    assert mirror.digest() == hashlib.sha256(b"hello world").hexdigest()
    assert stat.S_IMODE(mirror.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(mirror.path.parent.stat().st_mode) == 0o700
    assert read(mirror.path, 6, 3) == b"wor"
    second = Mirror(mirror.path)
    assert (mirror.alone, second.alone) == (True, False)
    second.close()
    mirror.back(20)
    assert mirror.length == 11
    mirror.back(5)
    assert mirror.path.read_bytes() == b"hello"
    assert mirror.length == 5
    mirror.restart()
    assert mirror.length == 0
    assert read(mirror.path, 0, 10) == b""
    mirror.close()
    mirror.close()
    assert read(tmp_path / "none", 0, 10) == b""
