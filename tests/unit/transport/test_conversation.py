"""Telling noise, sudo's prompt and a script's output apart, however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.shell import Script
from engine.transport.conversation import MAX_NOISE, MAX_STDERR, Conversation, Ended, Mark, frame


class _Process:
    def __init__(self) -> None:
        self.stopped = False

    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...

    def stop(self) -> None:
        self.stopped = True


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(
    st.binary(max_size=200), st.binary(max_size=200), st.lists(st.integers(0, 999)), st.booleans()
)
def test_a_scripts_output_is_what_follows_its_start(
    noise: bytes, output: bytes, cuts: list[int], root: bool
) -> None:
    heard = Conversation(limit_bytes=10_000)
    uid = b"0" if root else b"1"
    for piece in _pieces(noise + heard.start.seen + uid + b"\n" + output, cuts):
        heard.out(piece)
    assert heard.started
    assert heard.is_root == root
    assert heard.stdout == output


@given(st.binary(max_size=50), st.lists(st.integers(0, 999)))
async def test_sudos_prompt_is_seen_each_time_it_comes(noise: bytes, cuts: list[int]) -> None:
    prompt = Mark()
    word = f"{prompt.left}{prompt.right}".encode()
    heard = Conversation(limit_bytes=100, prompt=prompt)
    for piece in _pieces(noise + word + b"\nSorry, try again.\n" + word, cuts):
        heard.err(piece)
    assert [await heard.event(), await heard.event()] == ["prompt", "prompt"]
    assert heard._events.empty()


async def test_the_root_shells_word_comes_before_the_scripts() -> None:
    heard = Conversation(limit_bytes=100, prompt=Mark())
    heard.out(b"Welcome!" + heard.root.seen + b"\n")
    assert await heard.event() == "root"
    assert not heard.started
    heard.out(heard.start.seen + b"0\nout")
    assert await heard.event() == "start"
    assert heard.stdout == b"out"


async def test_what_was_sent_is_not_what_is_looked_for() -> None:
    """A shell that echoes its input (set -v, a terminal) can't answer for the script."""
    heard = Conversation(limit_bytes=100)
    heard.out(frame(Script("x", "echo"), heard.start, root_only=False))
    assert not heard.started


def test_marks_are_new_each_time() -> None:
    marks = [Conversation(limit_bytes=1) for _ in range(50)]
    assert len({m.start.left for m in marks} | {m.root.right for m in marks}) == 100


def test_a_prompt_within_the_scripts_own_errors_is_no_prompt() -> None:
    prompt = Mark()
    heard = Conversation(limit_bytes=100, prompt=prompt)
    heard.out(heard.start.seen + b"0\n")
    heard.err(f"{prompt.left}{prompt.right}".encode())
    assert heard._events.qsize() == 1  # the start


@pytest.mark.parametrize("cuts", [[], [1], [40, 80, 81]])
def test_output_over_the_limit_ends_the_script(cuts: list[int]) -> None:
    heard = Conversation(limit_bytes=5)
    heard.process = process = _Process()
    for piece in _pieces(heard.start.seen + b"0\n" + b"123456789", cuts):
        heard.out(piece)
    assert heard.stdout == b"12345"
    assert heard.truncated
    assert process.stopped
    heard.out(b"more")
    assert heard.stdout == b"12345"


def test_output_of_just_the_limit_is_whole() -> None:
    heard = Conversation(limit_bytes=5)
    heard.out(heard.start.seen + b"0\n12345")
    assert heard.stdout == b"12345"
    assert not heard.truncated


def test_a_login_shell_that_prints_without_end_is_stopped() -> None:
    heard = Conversation(limit_bytes=5)
    heard.process = process = _Process()
    for _ in range(MAX_NOISE // 1024 + 1):
        heard.out(b"n" * 1024)
    assert heard.too_noisy
    assert process.stopped


def test_standard_error_is_bounded() -> None:
    heard = Conversation(limit_bytes=5)
    for _ in range(3):
        heard.err(b"e" * MAX_STDERR)
    assert len(heard.stderr) == MAX_STDERR


def test_a_sink_gets_the_output_and_nothing_else() -> None:
    got: list[bytes] = []
    heard = Conversation(limit_bytes=100, sink=got.append)
    heard.out(b"noise" + heard.start.seen + b"0\nfirst")
    heard.out(b"second")
    assert got == [b"first", b"second"]
    assert heard.stdout == b""


def test_a_sink_that_fails_ends_the_script_and_keeps_its_error() -> None:
    def full(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    heard = Conversation(limit_bytes=100, sink=full)
    heard.process = process = _Process()
    heard.out(heard.start.seen + b"0\nout")
    assert process.stopped
    assert isinstance(heard.sink_error, OSError)


def test_the_first_end_counts() -> None:
    heard = Conversation(limit_bytes=100)
    heard.end(Ended(exit_status=3))
    heard.end(Ended(error=OSError()))
    assert heard.ended == Ended(exit_status=3)
