"""Words reach a program as they are, whatever they hold: proven with the machine's own shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.shell import Command, Script
from engine.transport.conversation import Mark, frame

SHELLS = [
    shell
    for shell in (["/bin/sh"], ["bash", "--posix"], ["bash"], ["busybox", "sh"], ["zsh"])
    if shutil.which(shell[0])
]
_NASTY = st.sampled_from(
    [
        *("'", '"', "\\", "$", "`", "$(id)", "${x}", "!", "!!", "*", "?", "[a]", "~", "~root", "#"),
        *(";", "&", "|", "<", ">", "(", ")", "{", "}", "\n", "\r", "\t", " ", "-n", "--", "%s"),
        *("=", "A=b", "if", "\x1b[31m", "é", "日", "\u202e", "\x7f", "\x01", "", "$'x'", "{a,b}"),
    ]
)
_ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
words = st.lists(st.one_of(_NASTY, _ANY, st.lists(_NASTY, max_size=6).map("".join)), max_size=8)
several = st.lists(words, min_size=1, max_size=10)
few = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _run(shell: list[str], text: str, *stdin: bytes) -> bytes:
    done = subprocess.run(
        [*shell, "-c", text],
        input=b"".join(stdin),
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )
    return done.stdout


def _feed(command: list[str], text: bytes) -> bytes:
    """Send a script and keep its input open until it has ended, as the transport does."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        start_new_session=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("no pipes")
        process.stdin.write(text)
        process.stdin.flush()
        return process.stdout.read()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@few
@given(several)
@example([["-n", "-e", "\\c", "%b", "$0"]])
def test_a_shell_gives_every_word_on_unchanged(shell: list[str], lists: list[list[str]]) -> None:
    text = "\n".join(Command.of("printf", "<%s>\\n", *words, "end").line() for words in lists)
    expected = "".join(f"<{word}>\n" for words in lists for word in [*words, "end"])
    assert _run(shell, text) == expected.encode()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@few
@given(words)
def test_a_line_is_one_word_for_another_shell(shell: list[str], arguments: list[str]) -> None:
    """As sudo, sshd and nested shells see it: a quoted line quoted once more."""
    inner = Command.of("printf", "<%s>\\n", *arguments, "end").line()
    outer = Command.of("sh", "-c", inner).line()
    expected = "".join(f"<{word}>\n" for word in [*arguments, "end"])
    assert _run(shell, outer) == expected.encode()


@pytest.mark.parametrize(
    "name", ["if", "while", "time", "A=b", "x=", "!", "{", "a b", "a'b", "-x", "function"]
)
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_program_of_any_name_is_the_one_that_runs(
    shell: list[str], name: str, tmp_path: Path
) -> None:
    program = tmp_path / name
    program.write_text("#!/bin/sh\nprintf '%s' \"ran $1\"\n")
    program.chmod(0o755)
    done = subprocess.run(
        [*shell, "-c", Command.of(name, "it").line()],
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert done.stdout == b"ran it", done.stderr


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@few
@given(words)
def test_a_script_gets_its_parameters_unchanged(shell: list[str], arguments: list[str]) -> None:
    start = Mark()
    script = Script("x", 'for word do printf "<%s>\\n" "$word"; done')
    line = Command.of("sh", "-s", "--", "", *arguments).line()
    got = _feed([*shell, "-c", line], frame(script, start, root_only=False))
    _, _, output = got.partition(start.seen)
    assert output[2:] == "".join(f"<{word}>\n" for word in ["", *arguments]).encode()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_script_that_did_not_arrive_whole_does_nothing(shell: list[str]) -> None:
    start = Mark()
    body = "# a comment\necho one\nif true; then\n  echo two\nfi\necho three"
    sent = frame(Script("x", body), start, root_only=False)
    assert _feed([*shell, "-s"], sent).endswith(b"one\ntwo\nthree\n")
    for cut in range(len(sent) - 2):
        part = subprocess.run(
            [*shell, "-s"], input=sent[:cut], capture_output=True, check=False, timeout=30
        )
        assert part.stdout == b"", f"cut after {cut} bytes"


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_what_follows_a_script_is_data_and_never_run(shell: list[str]) -> None:
    start = Mark()
    sent = frame(Script("x", "echo script", stdin=b"data"), start, root_only=False)
    done = subprocess.run(
        [*shell, "-s"],
        input=sent + b"echo data was run\n" * 2_000,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.endswith(b"script\n")
    assert b"data was run" not in done.stdout
