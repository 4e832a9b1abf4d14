"""What a plan says of writers reaches the host word by word; any answer is read or refused."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import HostOutputError
from engine.model.writers import Writer
from engine.writers import spec
from engine.writers.state import Guard, read, read_guard, verdict

NAMED = ("writer", "unit", "container", "volume", "freezing", "thawing")
FUNCTIONS = "\n".join(
    f"""{name}() {{ printf '{name}'; printf '\\1%s' "$@"; printf '\\2'; }}""" for name in NAMED
)
texts = st.text(st.characters(exclude_characters="\0\1\2", codec="utf-8"), min_size=1, max_size=30)
paths = st.builds("/a{}".format, texts).filter(lambda path: "\n" not in path)
commands = texts.filter(lambda text: text not in {"stop", "none"})


@settings(max_examples=40)
@given(volume=paths, freeze=commands, thaw=texts)
def test_every_word_arrives(volume: str, freeze: str, thaw: str) -> None:
    one = Writer(
        "app", ("a@1.service", "plain", r"x\x2d.socket"), ("box",), (volume,), freeze, thaw
    )
    done = subprocess.run(
        ["sh", "-c", f"{FUNCTIONS}\n{spec.on_old((one,))}"], capture_output=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert [call.split("\1") for call in done.stdout.decode().split("\2")[:-1]] == [
        ["writer", "app", "command"], ["unit", "a@1.service"], ["unit", "plain.service"],
        ["unit", r"x\x2d.socket"], ["container", "box"], ["volume", volume.rstrip("/")],
        ["freezing", freeze], ["thawing", thaw],
    ]  # fmt: skip


@given(st.text(min_size=1, max_size=12))
def test_a_name_is_one_word_or_none(name: str) -> None:
    try:
        text = spec.on_new((Writer(name, units=(name,)),))
    except ValueError:
        return
    assert not set(name) & set(" \t\n'\"$`;/*?[]{}()<>&|~#=!")
    assert not name.startswith("-")
    assert text.count("\n") == 1


LINES = (
    "state armed", "state fired", "state none", "state x", "left 5", "left x", "done",
    "now 2026-11-26T03:00:00Z", "at 2026-11-26T03:00:00Z", "at 2026-99-26T03:00:00Z",
    "watching yes", "watching no", "lasting no", "thawed", "frozen", "problem \x1b[31mred",
)  # fmt: skip


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=12).map("\n".join))
def test_an_answer_is_read_or_refused(text: str) -> None:
    try:
        guard = read_guard(read(text.encode()))
    except HostOutputError:
        return
    words = verdict(guard)
    assert words.endswith(".")
    assert "\x1b" not in words


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        (Guard("none"), "No guard was armed for the writers."),
        (Guard("armed", watching=False), "it would not thaw."),
        (Guard("armed", lasting=True), "unless it is disarmed."),
        (Guard("armed"), "It does not survive a reboot of this host."),
        (Guard("disarmed"), "The guard was disarmed."),
        (Guard("fired"), "the writers are being thawed."),
        (Guard("fired", thawed=True), "it thawed the writers."),
        (Guard("fired", thawed=True, problems=("a", "b")), "it thawed the writers, but a; b."),
    ],
)
def test_a_look_in_words(guard: Guard, words: str) -> None:
    assert verdict(guard).endswith(words)
