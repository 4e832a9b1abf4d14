"""Comparison of Debian versions (deb-version(7))."""

from __future__ import annotations

import functools
import re

_PART = re.compile(r"(\D*)(\d*)")


def _order(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _compare_part(left: str, right: str) -> int:
    while left or right:
        a, b = _PART.match(left), _PART.match(right)
        if a is None or b is None:
            break
        words = (
            (*map(_order, a.group(1)), 0),
            (*map(_order, b.group(1)), 0),
        )
        if words[0] != words[1]:
            return -1 if words[0] < words[1] else 1
        numbers = (int(a.group(2) or 0), int(b.group(2) or 0))
        if numbers[0] != numbers[1]:
            return -1 if numbers[0] < numbers[1] else 1
        left, right = left[a.end() :], right[b.end() :]
    return 0


def compare(left: str, right: str) -> int:
    """Below, equal to or above zero as left is older than, the same as or newer than right."""

    def split(version: str) -> tuple[int, str, str]:
        epoch, _, rest = version.rpartition(":")
        upstream, dash, revision = rest.rpartition("-")
        return int(epoch or 0), (upstream if dash else rest), (revision if dash else "0")

    a, b = split(left), split(right)
    if a[0] != b[0]:
        return -1 if a[0] < b[0] else 1
    return _compare_part(a[1], b[1]) or _compare_part(a[2], b[2])


def satisfies(have: str, relation: str, want: str) -> bool:
    """Whether a version fulfils a relation as control files (``>=``) or dpkg (``ge``) write it."""
    order = compare(have, want)
    return {
        "<<": order < 0,
        "lt": order < 0,
        "<=": order <= 0,
        "le": order <= 0,
        "=": order == 0,
        "eq": order == 0,
        "ne": order != 0,
        ">=": order >= 0,
        "ge": order >= 0,
        ">>": order > 0,
        "gt": order > 0,
    }[relation]


newest = functools.cmp_to_key(compare)
"""A sort key for versions."""
