"""What a guard is said to be: read strictly, and told without a word too much."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import HostOutputError
from engine.guard.state import GuardState, Word, read_state, verdict

T = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def test_an_armed_guard() -> None:
    said = (
        b"state armed\nleft 90\nwatching yes\nnow 2026-11-23T02:58:30Z\ntest banner 192.0.2.1 22\n"
        b"test sshd\nunsaved /etc/hosts\nlog 2026-11-23T02:58:30Z armed\x1b[31m for ssh\ndone\n"
    )
    assert read_state(said) == GuardState(
        "armed",
        at=T,
        watching=True,
        tests=("banner 192.0.2.1 22", "sshd"),
        unsaved=("/etc/hosts",),
        log=("2026-11-23T02:58:30Z armed for ssh",),
    )


def test_one_that_waits_for_the_reboot() -> None:
    said = b"state armed\nawaits-reboot\nwatching yes\nnow 2026-11-23T02:58:30Z\ndone\n"
    assert read_state(said) == GuardState("armed", awaits_reboot=True, watching=True)


def test_one_that_fired() -> None:
    said = b"state fired\nat 2026-11-23T03:00:00Z\nnow 2026-11-23T04:00:00Z\nafter fails\n"
    assert read_state(said + b"done\n") == GuardState("fired", at=T, healthy=False)
    anew = read_state(said + b"differs /etc/ssh\nreread\ndone\n")
    assert anew == GuardState("fired", at=T, healthy=False, differs=("/etc/ssh",))
    assert read_state(said + b"reread\ndone\n").differs == ()
    for word in ("former", "other"):
        assert read_state(said + f"deployment {word}\ndone\n".encode()).deployment == word
    assert read_state(said + b"deployment x\ndone\n").deployment is None
    judged = read_state(said + b"failed banner 192.0.2.1 22; sshd; \ndone\n")
    assert judged.failed == ("banner 192.0.2.1 22", "sshd")


@pytest.mark.parametrize(
    "said", [b"", b"done\n", b"state fired\n", b"state maybe\ndone\n", b"found\nstate\ndone\n"]
)
def test_what_is_cut_off_or_unknown_is_no_state(said: bytes) -> None:
    with pytest.raises(HostOutputError):
        read_state(said)


@pytest.mark.parametrize("left", [b"", b"-3", b"x", "\u0663".encode(), b"99999999999"])
def test_a_count_that_cannot_be_read_is_not_known(left: bytes) -> None:
    said = b"state armed\nnow 2026-11-23T03:00:00Z\nleft " + left + b"\ndone\n"
    assert read_state(said).at is None


@given(st.lists(st.sampled_from([
    b"state armed", b"state fired", b"at 2026-99-99T00:00:00Z", b"left 5", b"done", b"now x",
    b"after passes", b"log \xff\x1b]0;x\x07", b"watching",
]) | st.binary(max_size=40)))  # fmt: skip
def test_no_answer_breaks_the_reading(lines: list[bytes]) -> None:
    with suppress(HostOutputError):
        state = read_state(b"\n".join(lines))
        assert "\x1b" not in "".join(state.log)
        assert verdict(state)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (GuardState("missing"), "No guard was armed."),
        (GuardState("armed", T, watching=True), "judges at 2026-11-23T03:00:00Z"),
        (GuardState("armed", T, watching=False), "it would not fire"),
        (GuardState("confirmed", T), "nothing was reverted"),
        (GuardState("withdrawn", T), "withdrawn at 2026"),
        (GuardState("stood-down", T), "the guard stood down at 2026-11-23T03:00:00Z and reverted"),
        (GuardState("fired", T, healthy=True), "own test passes since"),
        (GuardState("fired", T, healthy=False), "own test still fails"),
        (GuardState("fired"), "is being put back"),
        (GuardState("fired", T), "03:00:00Z, as nobody had confirmed: what"),
        (GuardState("fired", failed=("sshd", "route 4")), "own test failed (sshd; route 4): what"),
        (GuardState("fired", T, healthy=True, differs=()), "is back as it was, and the host's"),
        (GuardState("fired", T, healthy=True, differs=("/a", "/b")), "as it was (/a, /b), and"),
        (GuardState("fired", T, healthy=False, differs=()), "is back as it was, but the host's"),
        (GuardState("armed", awaits_reboot=True), "begins when the host is up again"),
        (GuardState("fired", T, healthy=True, differs=(), deployment="former"), "runs again, and"),
        (GuardState("fired", T, healthy=False, deployment="other"), "does not run, but the host's"),
    ],
)
def test_in_words(state: GuardState, words: str) -> None:
    assert words in verdict(state)


@pytest.mark.parametrize(
    ("state", "undone"),
    [
        (GuardState("fired", healthy=True, differs=(), deployment="former"), True),
        (GuardState("fired", healthy=True, differs=()), False),
        (GuardState("fired", healthy=True, differs=(), deployment="other"), False),
        (GuardState("fired", healthy=False, differs=(), deployment="former"), False),
        (GuardState("fired", healthy=None, differs=(), deployment="former"), False),
        (GuardState("fired", healthy=True, differs=("/etc",), deployment="former"), False),
        (GuardState("fired", healthy=True, deployment="former"), False),
        (GuardState("stood-down", healthy=True, differs=(), deployment="former"), False),
    ],
)
def test_when_everything_is_undone(state: GuardState, undone: bool) -> None:
    assert state.undone is undone


def test_every_state_has_words() -> None:
    for word in Word.__args__:  # type: ignore[attr-defined]
        assert verdict(GuardState(word))
