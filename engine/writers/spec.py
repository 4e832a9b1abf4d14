"""A service's writers as the host-side script takes them. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.model.writers import Writer
from engine.shell import Command

_NAME = re.compile(r"[A-Za-z0-9_:.@\\][A-Za-z0-9_:.@\\-]*")
"""Units (systemd.unit(5)), containers and services: what neither a shell nor awk splits."""


def on_old(writers: Iterable[Writer]) -> str:
    """What is frozen, each the way that its service wants.

    Raises:
        ValueError: a name or a path can't be told to the host without a doubt.
    """
    return _text(_old(writers))


def on_new(writers: Iterable[Writer]) -> str:
    """What is held on the successor: there all of it is stopped, whatever freezes it on server1.

    Raises:
        ValueError: see `on_old`.
    """
    return _text(line for one in writers for line in _members(one, "stop"))


def _old(writers: Iterable[Writer]) -> Iterator[Command]:
    for one in writers:
        words = {None: "stop", "stop": "stop", "none": "none"}
        mode = words.get(one.freeze, "command")
        yield from _members(one, mode)
        if mode == "command" and one.freeze is not None:
            yield Command.of("freezing", one.freeze)
        if mode != "none" and one.thaw is not None:
            yield Command.of("thawing", one.thaw)


def _members(one: Writer, mode: str) -> Iterator[Command]:
    yield Command.of("writer", _named(one.service), mode)
    for unit in one.units:
        yield Command.of("unit", _named(unit if "." in unit else f"{unit}.service"))
    for container in one.containers:
        yield Command.of("container", _named(container))
    for volume in one.volumes:
        if not volume.startswith("/") or "\n" in volume:
            raise ValueError(f"not usable as a volume: {volume!r}")
        yield Command.of("volume", volume.rstrip("/") or "/")


def _named(word: str) -> str:
    if not _NAME.fullmatch(word):
        raise ValueError(f"not usable as a name on a host: {word!r}")
    return word


def _text(lines: Iterable[Command]) -> str:
    return "\n".join(line.line() for line in lines)
