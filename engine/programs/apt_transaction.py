"""The canonical form of an apt transaction, by which plan and host are compared.

The job makes the same lines on the host from what ``apt-get -s`` prints (apt's ``algorithms.cc``,
``Describe``), sorts them in the C locale and compares; one different byte and it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.facts import Change


def expected_lines(changes: Iterable[Change]) -> tuple[str, ...]:
    """What a simulation must say, one line a package, sorted by bytes, each once.

    ``Inst NAME FROM TO`` for what is installed, upgraded or downgraded (FROM is ``-`` for what is
    new) and ``Remv NAME FROM`` for what is removed or purged; NAME with ``:arch`` where apt prints
    that. ``Conf`` lines say nothing that isn't in these.
    """
    lines = {_line(change) for change in changes}
    return tuple(sorted(lines, key=lambda line: line.encode("utf-8")))


def _line(change: Change) -> str:
    old = change.from_version or "-"
    if change.action == "remove":
        return f"Remv {change.name} {old}"
    return f"Inst {change.name} {old} {change.to_version or '-'}"
