"""Which password is tried where, and when it is not tried again."""

from __future__ import annotations

import pytest

from engine.shell import Secret
from engine.transport.credentials import Credentials

OLD, NEW = Secret("old"), Secret("new")


def test_a_hosts_own_password_comes_before_the_one_for_all() -> None:
    known = Credentials()
    assert known.sudo_password("a") is None
    known.set_sudo_password(OLD)
    known.set_sudo_password(NEW, "a")
    assert known.sudo_password("a") == NEW
    assert known.sudo_password("b") == OLD


def test_a_refused_password_is_not_tried_again_anywhere_until_it_worked_somewhere() -> None:
    known = Credentials()
    known.set_sudo_password(OLD)
    known.forget_sudo_password("a", OLD)
    assert known.sudo_password("a") is None
    assert known.sudo_password("b") is None


def test_a_password_that_worked_elsewhere_is_only_not_tried_where_it_was_refused() -> None:
    known = Credentials()
    known.set_sudo_password(OLD)
    known.prove(OLD)
    known.forget_sudo_password("a", OLD)
    assert known.sudo_password("a") is None
    assert known.sudo_password("b") == OLD


def test_what_was_typed_meanwhile_stays() -> None:
    known = Credentials()
    known.set_sudo_password(OLD)
    known.set_sudo_password(NEW)
    known.forget_sudo_password("a", OLD)
    assert known.sudo_password("a") == NEW


def test_typing_it_once_more_tries_it_once_more() -> None:
    known = Credentials()
    known.set_sudo_password(OLD, "a")
    known.forget_sudo_password("a")
    assert known.sudo_password("a") is None
    known.set_sudo_password(OLD, "a")
    assert known.sudo_password("a") == OLD


def test_forgetting_nothing_is_harmless() -> None:
    Credentials().forget_sudo_password("a")


@pytest.mark.parametrize("text", ["two\nlines", "a\rb", "nul\0"])
def test_a_password_is_one_line(text: str) -> None:
    """sudo would read the second line as a second attempt."""
    with pytest.raises(ValueError, match="one line"):
        Credentials().set_sudo_password(Secret(text))


def test_a_password_is_in_no_representation() -> None:
    known = Credentials()
    known.set_sudo_password(Secret("hunter2"), "a")
    assert "hunter2" not in repr(vars(known))
