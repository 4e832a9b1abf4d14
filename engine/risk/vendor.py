"""What is known of the vendors' own mistakes: how soon they are mended, and how many there were."""

from __future__ import annotations

import json
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from importlib import resources

ENOUGH = 20
"""Updates of a package below which the number of its regressions says nothing at all."""


@cache
def wait_curve() -> tuple[tuple[int, float], ...]:
    """Days since an update came out, and the share of regressions mended by then; both rise."""
    text = resources.files("engine.risk").joinpath("data/wait_curve.toml").read_text("utf-8")
    return tuple((days, share) for days, share in tomllib.loads(text)["fixed"])


def still_there(days: float) -> float:
    """The share of regressions that are not yet mended so many days after an update came out."""
    curve = wait_curve()
    return 1 - curve[max(0, bisect_right(curve, (days, 1.0)) - 1)][1]


@cache
def _worth_telling() -> Mapping[str, tuple[int, int]]:
    """Updates and regressions of the packages that had enough of the one and any of the other."""
    text = resources.files("engine.risk").joinpath("data/regressions.json").read_text("utf-8")
    rows: Mapping[str, tuple[int, int]] = json.loads(text)["packages"]
    return {name: (n, bad) for name, (n, bad) in rows.items() if n >= ENOUGH and bad}


def history(sources: set[str], shown: int = 2) -> str:
    """The worst records among these source packages, in words; empty where none is known.

    Evidence only: a package's record doesn't predict its next update (docs/risk.md).
    """
    known = _worth_telling()
    worth = [(name, *known[name]) for name in known.keys() & sources]
    worth.sort(key=lambda row: (-row[2] / row[1], row[0]))
    return ", ".join(f"{name} {bad} of {updates} updates" for name, updates, bad in worth[:shown])
