"""The quoting and masking types; that real shells agree is in tests/property/test_quoting.py."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from engine.shell import MASK, Command, Script, Secret

PASSWORD = "hunter2 'quoted'"


def test_a_command_has_at_least_one_word() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        Command.of()


@pytest.mark.parametrize("word", ["a\0b", "\0", "\ud800"])
def test_what_no_argument_can_carry_is_refused_before_anything_runs(word: str) -> None:
    with pytest.raises(ValueError, match="word"):
        Command.of("echo", word)
    with pytest.raises(ValueError, match="word"):
        Command.of("echo", Secret(word))


@pytest.mark.parametrize("name", ["if", "while", "case", "A=b", "x='y'"])
def test_a_program_is_never_taken_for_the_shells_grammar(name: str) -> None:
    assert Command.of(name, "x").line().startswith("'")


def test_words_are_quoted_one_by_one() -> None:
    assert Command.of("a", "b c", "", "d'e", "$(f)").line() == "a 'b c' '' 'd'\"'\"'e' '$(f)'"


def test_a_command_is_told_to_people_without_its_secrets() -> None:
    command = Command.of("login", "--user", "ops", Secret(PASSWORD, "password"))
    assert PASSWORD in command.argv()
    assert "hunter2" in command.line()
    for told in (command.shown(), repr(command), str(command), f"{command}"):
        assert "hunter2" not in told
    assert MASK in command.shown()


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(PASSWORD, "sudo")
    told = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert all("hunter2" not in text for text in told)
    assert secret.reveal() == PASSWORD


def test_a_secret_is_never_serialised() -> None:
    secret = Secret(PASSWORD)
    for serialise in (pickle.dumps, json.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            serialise(secret)


def test_secrets_are_equal_by_value_so_that_a_refused_one_is_known_again() -> None:
    assert Secret("a", "one") == Secret("a", "two")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_script_does_not_show_its_text_or_its_data() -> None:
    script = Script("probe.sh", "echo text", ("one",), stdin=b"data")
    assert "echo text" not in repr(script)
    assert "data" not in repr(script)
    assert "probe.sh" in repr(script)


def test_a_script_that_is_not_shipped_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        Script.host("no-such-script.sh")
