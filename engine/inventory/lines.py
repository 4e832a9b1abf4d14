"""Where a key stands in a TOML text.

TOML readers give values without places. This walks the text once, in linear time, and notes the
line of every key, table header and array element. It runs only when something has to be told, and
it trusts the parser: on text that TOML refuses it keeps what it understood before that point.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

KeyPath = tuple[str | int, ...]
DEEPEST: Final = 400
"""Levels that the parser takes; paths deeper than that would cost their square."""

# No group is repeated possessively: where one holds alternatives, Python before 3.11.5 matches less
# than it should (python/cpython 106052). Each part begins otherwise, so nothing is tried twice.
_BLANK = re.compile(r"[ \t]*+")
_GAP = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*")
_KEY = re.compile(r'[A-Za-z0-9_-]++|"(?:[^"\\\n]++|\\[^\n])*"|\'[^\'\n]*+\'')
_ATOM = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]++|\\[^\n])*"'
    r"|'[^'\n]*+'"
    r"|[^\s,\]}#\"'\[{][^\s,\]}#]*+(?: [0-9][^\s,\]}#]*+)?",  # a date may hold one space
    re.DOTALL,
)
_SHORT_ESCAPES: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))")


class _NotUnderstoodError(Exception):
    """The text is not TOML from here on."""


@dataclass(slots=True)
class _Frame:
    """An array or an inline table that is not closed yet."""

    path: KeyPath
    closer: str
    index: int = 0


@dataclass(slots=True)
class Lines:
    """Places of a TOML text.

    Attributes:
        places: Line, from 1, at which a key path first appears; arrays count from 0.
        twice: Keys and tables that are given a second time: path, line, first line.
    """

    text: str = field(repr=False)
    places: dict[KeyPath, int] = field(default_factory=dict, repr=False)
    twice: list[tuple[KeyPath, int, int]] = field(default_factory=list)
    _given: dict[KeyPath, int] = field(default_factory=dict, repr=False)
    _rows: dict[KeyPath, int] = field(default_factory=dict, repr=False)
    _counted_to: int = 0
    _line: int = 1

    def __post_init__(self) -> None:
        try:
            self._read()
        except _NotUnderstoodError:
            return

    def of(self, path: KeyPath) -> int:
        """The line of a key path, or of the nearest table around it that has one."""
        for length in range(len(path), 0, -1):
            line = self.places.get(path[:length])
            if line is not None:
                return line
        return 1

    def _read(self) -> None:
        table: KeyPath = ()
        end = len(self.text)
        pos = self._gap(0)
        while pos < end:
            if self.text.startswith("[", pos):
                table, pos = self._header(pos)
            else:
                path, pos = self._assignment(pos, table)
                pos = self._value(pos, path)
            pos = self._gap(pos)

    def _gap(self, pos: int) -> int:
        match = _GAP.match(self.text, pos)
        return match.end() if match else pos

    def _blank(self, pos: int) -> int:
        match = _BLANK.match(self.text, pos)
        return match.end() if match else pos

    def _line_at(self, pos: int) -> int:
        # Positions only grow, so the whole count is linear.
        self._line += self.text.count("\n", self._counted_to, pos)
        self._counted_to = pos
        return self._line

    def _give(self, path: KeyPath, line: int) -> None:
        first = self._given.get(path)
        if first is None:
            self._given[path] = line
        else:
            self.twice.append((path, line, first))

    def _keys(self, pos: int) -> tuple[list[str], int]:
        keys: list[str] = []
        while True:
            match = _KEY.match(self.text, self._blank(pos))
            if match is None:
                raise _NotUnderstoodError
            keys.append(_bare(match[0]))
            if len(keys) > DEEPEST:
                raise _NotUnderstoodError
            pos = self._blank(match.end())
            if not self.text.startswith(".", pos):
                return keys, pos
            pos += 1

    def _header(self, pos: int) -> tuple[KeyPath, int]:
        rows = self.text.startswith("[[", pos)
        closer = "]]" if rows else "]"
        keys, end = self._keys(pos + len(closer))
        if not self.text.startswith(closer, end):
            raise _NotUnderstoodError
        path: KeyPath = ()
        line = self._line_at(pos)
        for key in keys[:-1]:
            path = (*path, key)
            self.places.setdefault(path, line)
            if path in self._rows:  # a header goes into the last row of an array of tables
                path = (*path, self._rows[path])
        path = (*path, keys[-1])
        self.places.setdefault(path, line)
        if rows:
            self._rows[path] = self._rows.get(path, -1) + 1
            path = (*path, self._rows[path])
            self.places.setdefault(path, line)
        else:
            self._give(path, line)
        return path, end + len(closer)

    def _assignment(self, pos: int, table: KeyPath) -> tuple[KeyPath, int]:
        keys, end = self._keys(pos)
        if not self.text.startswith("=", end):
            raise _NotUnderstoodError
        path, line = table, self._line_at(pos)
        for key in keys:
            path = (*path, key)
            self.places.setdefault(path, line)
        self._give(path, line)
        return path, self._blank(end + 1)

    def _value(self, pos: int, path: KeyPath) -> int:
        """Walk over one value, without recursion: nesting is bounded by the text alone."""
        open_frames: list[_Frame] = []
        while True:
            opener = self.text[pos : pos + 1]
            if opener == "[" or opener == "{":
                frame = _Frame(path, "]" if opener == "[" else "}")
                open_frames.append(frame)
                if len(open_frames) > DEEPEST:
                    raise _NotUnderstoodError
                pos = self._gap(pos + 1)
                if not self.text.startswith(frame.closer, pos):
                    path, pos = self._element(frame, pos)
                    continue
            else:
                match = _ATOM.match(self.text, pos)
                if match is None:
                    raise _NotUnderstoodError
                pos = match.end()
            follows = self._after_value(open_frames, pos)
            if not open_frames:
                return follows[1]
            path, pos = follows

    def _after_value(self, open_frames: list[_Frame], pos: int) -> tuple[KeyPath, int]:
        """Close what closes here, and go on to the next element of what is still open."""
        while open_frames:
            frame = open_frames[-1]
            pos = self._gap(pos)
            if self.text.startswith(",", pos):
                pos = self._gap(pos + 1)
                if not self.text.startswith(frame.closer, pos):
                    return self._element(frame, pos)
            if not self.text.startswith(frame.closer, pos):
                raise _NotUnderstoodError
            open_frames.pop()
            pos += 1
        return (), pos

    def _element(self, frame: _Frame, pos: int) -> tuple[KeyPath, int]:
        if frame.closer == "}":
            return self._assignment(pos, frame.path)
        path = (*frame.path, frame.index)
        frame.index += 1
        self.places.setdefault(path, self._line_at(pos))
        return path, pos


def _bare(key: str) -> str:
    """A key without its quotes."""
    if key[0] == "'":
        return key[1:-1]
    if key[0] != '"':
        return key
    return _ESCAPE.sub(_unescaped, key[1:-1]) if "\\" in key else key[1:-1]


def _unescaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    if digits is None:
        return _SHORT_ESCAPES.get(match[4], match[4])
    code = int(digits, 16)
    return chr(code) if code < 0x110000 else ""
