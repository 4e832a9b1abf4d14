"""The numbers of the model: those of ``parameters.toml``, some replaced by an inventory."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from engine.model.candidate import FactorOrigin
from engine.model.host import Host
from engine.risk.vendor import wait_curve

ORIGINS: Mapping[str, FactorOrigin] = {"D": "measured", "A": "anchored", "J": "judgement"}


@dataclass(frozen=True, slots=True)
class Model:
    """Which model gave a score: the words of ``status --json``.

    Attributes:
        digest: SHA-256 of the effective numbers, the same whoever wrote them down and how.
    """

    version: str
    digest: str
    data_date: str


@dataclass(frozen=True, eq=False, slots=True)
class Parameters:
    """The effective numbers. One value for each set of overrides, compared by identity."""

    model: Model
    values: Mapping[str, float]
    origins: Mapping[str, FactorOrigin]

    def __getitem__(self, name: str) -> float:
        return self.values[name]


@lru_cache(maxsize=64)
def parameters(overrides: tuple[tuple[str, float], ...] = ()) -> Parameters:
    """The shipped numbers with these in their place.

    Args:
        overrides: As in `Host.risk`; an override's origin is judgement, the team's own.

    Raises:
        ValueError: there is no such number, or it isn't between `least` and `most`.
    """
    file = _shipped()
    rows = file["parameters"]
    for name, value in overrides:
        if name not in rows or not rows[name]["least"] <= value <= rows[name]["most"]:
            raise ValueError(f"{name} = {value} is no parameter of the risk model")
    values = {name: float(row["value"]) for name, row in rows.items()}
    values |= {name: float(value) for name, value in overrides}
    origins = {name: ORIGINS[row["origin"]] for name, row in rows.items()}
    origins |= dict.fromkeys(dict(overrides), ORIGINS["J"])
    what = {"version": file["version"], "values": values, "wait": wait_curve()}
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode("ascii")).hexdigest()
    return Parameters(Model(file["version"], digest, file["data_date"]), values, origins)


def model(hosts: Iterable[Host] = ()) -> Model:
    """Which model scores these hosts; without any, the shipped one."""
    found = {host.risk for host in hosts}
    if len(found) <= 1:
        return parameters(*found).model
    # Scans of several inventories put together by hand: one name for all the sets there are.
    models = sorted((parameters(overrides).model for overrides in found), key=lambda m: m.digest)
    digest = hashlib.sha256("\n".join(m.digest for m in models).encode("ascii")).hexdigest()
    return Model(models[0].version, digest, models[0].data_date)


@cache
def _shipped() -> Mapping[str, Any]:
    text = resources.files("engine.risk").joinpath("parameters.toml").read_text("utf-8")
    return tomllib.loads(text)
