"""docs/keys.md, made from the definitions of the commands; a test holds the file to it.

Write it anew with:

    python -c "from tui.keys_page import page; print(page(), end='')" > docs/keys.md
"""

from __future__ import annotations

from tui import history_rows
from tui.commands import PLACES, available, keys_of
from tui.fleet_filter import FIELDS, STATE_WORDS

_HEAD = """# Keys and the filter

This page is made from the program's own definitions (`tui/commands.py`, `tui/fleet_filter.py`).
`?` shows the same inside hostshift, `ctrl+p` searches the commands by name. Commands that lead to
a change on a host are marked with `*`; a read-only hostshift refuses them.
"""
_FILTER = """
## The filter of the fleet

`/` opens it. Words are separated by spaces and must all match.

- A plain word is searched in the host's name, address, groups and system, or is a state word.
- `field:text` searches one field: {fields}.
- A leading `-` or `!` turns a word around: `-up` hides what `up` would show.

Examples: `security -blocked`, `group:web reboot`, `os:debian risk:high`.

| state word | shows hosts where |
|---|---|
{words}

Enter goes back to the table and keeps the filter, escape clears it.

The filter of the history works alike. A plain word is searched in a run's host, candidate,
operator, id and digest, or is its state, `live` or `ended`; its fields are {history}.
"""


def page() -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD]
    for place, title in PLACES.items():
        rows = []
        for command in available(place):
            keys = " ".join(f"`{key}`" for key in keys_of(command).split())
            mark = " `*`" if command.changes else ""
            rows.append(f"| {keys} | {command.label}{mark} | {command.help} |")
        table = "\n".join(("| key | command | what it does |", "|---|---|---|", *rows))
        parts.append(f"\n## {title}\n\n{table}\n")
    fields = ", ".join(f"`{name}:`" for name in FIELDS)
    history = ", ".join(f"`{name}:`" for name in history_rows.FIELDS)
    words = "\n".join(f"| `{word}` | {meaning} |" for word, meaning in STATE_WORDS.items())
    parts.append(_FILTER.format(fields=fields, words=words, history=history))
    return "".join(parts)
