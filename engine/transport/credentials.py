"""Passwords for sudo: held in memory for one session, never written anywhere."""

from __future__ import annotations

from engine.shell import Secret


class Credentials:
    """What a person has typed. Nothing here is ever serialised, logged or passed as an argument."""

    def __init__(self) -> None:
        self._for_all: Secret | None = None
        self._for_host: dict[str, Secret] = {}
        self._refused: dict[str, Secret] = {}
        self._proven: set[Secret] = set()

    def set_sudo_password(self, password: Secret, host: str | None = None) -> None:
        """Remember a password for one host, or for all hosts without one of their own.

        Typing a refused password once more is a person's decision: it will be tried again.

        Raises:
            ValueError: it is not one line; sudo would take the next one for another attempt.
        """
        if any(char in password.reveal() for char in "\n\r\0"):
            raise ValueError("a password is one line")
        if host is None:
            self._for_all = password
            self._refused.clear()
        else:
            self._for_host[host] = password
            self._refused.pop(host, None)

    def sudo_password(self, host: str) -> Secret | None:
        """The password to try on a host, or None when a person has to be asked."""
        password = self._for_host.get(host, self._for_all)
        return None if password is None or self._refused.get(host) == password else password

    def forget_sudo_password(self, host: str, password: Secret | None = None) -> None:
        """Drop the password that a host has refused, so that it isn't tried again.

        A password for all that no host has taken yet is dropped for all; one that worked elsewhere
        is only not tried on this host. ``password`` is the one that was tried: another one that
        was typed meanwhile stays.
        """
        tried = password or self._for_host.get(host, self._for_all)
        if tried is None:
            return
        self._refused[host] = tried
        if self._for_host.get(host) == tried:
            del self._for_host[host]
        if self._for_all == tried and tried not in self._proven:
            self._for_all = None

    def prove(self, password: Secret) -> None:
        """A host has taken this password."""
        self._proven.add(password)

    def is_proven(self, password: Secret) -> bool:
        """Whether some host has taken this password."""
        return password in self._proven
