"""Quoting and masking as types: no string is ever interpolated into a shell.

A `Command` is a tuple of words. It becomes shell text only in `Command.line`, which quotes every
word, and text for people only in `Command.shown`, which masks every `Secret`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources

MASK = "********"
_RESERVED = frozenset(
    {
        *("if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until"),
        *("for", "in", "function", "select", "time", "coproc"),
    }
)
"""Words that a shell takes for its own grammar when they stand unquoted where a command's name
does (POSIX XCU 2.4, and those of bash and ksh)."""


class Secret:
    """A value that must not be seen: it has no readable repr, str or format."""

    __slots__ = ("_value", "name")

    def __init__(self, value: str, name: str = "secret") -> None:
        self._value = value
        self.name = name

    def reveal(self) -> str:
        """The value itself; call this only where it leaves for the place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.name})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is never serialised")


Word = str | Secret


@dataclass(frozen=True, slots=True)
class Command:
    """One program with its arguments, unquoted.

    Raises:
        ValueError: there is no word; or one holds a NUL byte, which no program argument can carry
            (execve(2)), or a lone surrogate, which no byte sequence stands for.
    """

    words: tuple[Word, ...]

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("a command needs at least one word")
        for word in self.words:
            text = word.reveal() if isinstance(word, Secret) else word
            if "\0" in text:
                raise ValueError("a command's word can't hold a NUL byte")
            if not _is_text(text):
                raise ValueError("a command's word must be text that UTF-8 can carry")

    @classmethod
    def of(cls, *words: Word) -> Command:
        """Build a command from its words."""
        return cls(tuple(words))

    def argv(self) -> tuple[str, ...]:
        """The words as execve(2) takes them, secrets revealed."""
        return tuple(w.reveal() if isinstance(w, Secret) else w for w in self.words)

    def line(self) -> str:
        """The command as one line for a POSIX shell, every word quoted, secrets revealed."""
        return _joined(self.argv())

    def shown(self) -> str:
        """The command as one line for people, secrets masked."""
        return _joined(MASK if isinstance(w, Secret) else w for w in self.words)

    def __iter__(self) -> Iterator[Word]:
        return iter(self.words)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _joined(words: Iterable[str]) -> str:
    """The words quoted, the first one also where a shell would take it for something else.

    That is for its own grammar, an assignment, or (in ``sh -c LINE``) an option.
    """
    name, *arguments = words
    if name in _RESERVED or "=" in name or name.startswith("-"):
        quoted = "'" + name.replace("'", "'\"'\"'") + "'"
    else:
        quoted = shlex.quote(name)
    return " ".join([quoted, *map(shlex.quote, arguments)])


@dataclass(frozen=True, slots=True)
class Script:
    """A POSIX sh script that is sent on standard input, with its positional parameters.

    Attributes:
        name: The file's name below ``engine/host``, for messages.
        text: The script's whole text.
        args: Positional parameters ($1 ...), passed as words and never spliced into the text.
        stdin: Data that the script reads after its own text; empty for most.
    """

    name: str
    text: str = field(repr=False)
    args: tuple[str, ...] = ()
    stdin: bytes = field(default=b"", repr=False)

    @classmethod
    def host(cls, name: str, *args: str, after: tuple[str, ...] = (), stdin: bytes = b"") -> Script:
        """Load ``engine/host/<name>`` as it is shipped, after the files that it builds on.

        Raises:
            FileNotFoundError: there is no such script in the package.
        """
        place = resources.files("engine").joinpath("host")
        text = "".join(place.joinpath(file).read_text("utf-8") for file in (*after, name))
        return cls(name, text, args, stdin)
