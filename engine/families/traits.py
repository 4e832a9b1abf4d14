"""What a package is, told by its name: the kernel, the network, a container runtime.

The names are data in ``traits.toml``. They are a judgement, not something a host says; where a
number rests on them the risk table says so.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, get_args

from engine.model.facts import Change
from engine.model.plan import GuardTopic

Trait = Literal[
    "boot", "kernel", "kernel-headers", "kernel-modules", "wants-reboot", "core", "access",
    "network", "container-runtime", "database",
]  # fmt: skip


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    text = resources.files("engine.families").joinpath("traits.toml").read_text("utf-8")
    read = tomllib.loads(text)
    topics = {f"guard.{topic}": patterns for topic, patterns in read.pop("guard").items()}
    return {
        trait: re.compile("|".join(translate(pattern) for pattern in patterns))
        for trait, patterns in {**read, **topics}.items()
    }


@lru_cache(maxsize=8_192)
def has_trait(name: str, trait: Trait) -> bool:
    """Whether a package of this name (``:arch`` or not) is of that sort."""
    return _patterns()[trait].match(name.partition(":")[0]) is not None


@lru_cache(maxsize=8_192)
def traits_of(name: str) -> frozenset[Trait]:
    """Every sort that a package of this name is of."""
    return frozenset(trait for trait in get_args(Trait) if has_trait(name, trait))


def has_topic(name: str, topic: GuardTopic) -> bool:
    """Whether a package of this name could lock the operator out by this topic."""
    return _patterns()[f"guard.{topic}"].match(name.partition(":")[0]) is not None


def names_with(changes: Sequence[Change], trait: Trait) -> tuple[str, ...]:
    """The names among the changes that are of that sort, sorted, each once."""
    if not changes:
        return ()
    return tuple(sorted({change.name for change in changes if has_trait(change.name, trait)}))
