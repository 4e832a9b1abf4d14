"""os-release(5): ``KEY=value`` lines, quoted as for sh; nothing in them is ever expanded."""

from __future__ import annotations

import re

from engine.model.facts import OperatingSystem
from engine.programs.lines import cleaned_lines

_KEY = re.compile(r"[A-Z][A-Z0-9_]*")
# sh(1), Quoting: single quotes, double quotes, an escaped character, a comment, anything else.
_PIECE = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(\s+#.*)|([^'"\\])""")
_ESCAPED = re.compile(r'\\([$`"\\])')


def parse(output: bytes) -> OperatingSystem | None:
    """The operating system without its end of support; None where nothing was understood."""
    found: dict[str, str] = {}
    for line in cleaned_lines(output):
        key, equals, value = line.strip().partition("=")
        if equals and _KEY.fullmatch(key):
            found[key] = _unquoted(value)
    if not found:
        return None
    return OperatingSystem(
        id=found.get("ID", "").lower() or None,
        version_id=found.get("VERSION_ID") or None,
        codename=found.get("VERSION_CODENAME") or found.get("UBUNTU_CODENAME") or None,
        pretty_name=found.get("PRETTY_NAME") or None,
        id_like=tuple(found.get("ID_LIKE", "").lower().split()),
        variant_id=found.get("VARIANT_ID") or None,
    )


def _unquoted(value: str) -> str:
    found, position = "", 0
    while position < len(value):
        piece = _PIECE.match(value, position)
        if piece is None:  # a quote that isn't closed
            return value.strip("\"'")
        single, double, escaped, comment, other = piece.groups()
        if comment:
            break
        if double is not None:
            found += _ESCAPED.sub(r"\1", double)
        else:
            found += single or escaped or other or ""
        position = piece.end()
    return found.strip()
