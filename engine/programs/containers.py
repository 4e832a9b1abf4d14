"""Running containers: ``docker inspect``, and conmon's arguments for podman.

podman itself is not asked: it writes into its storage even to list (see docs/probe.md). conmon(8)
has the container's name after ``-n`` and its identifier after ``-c``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from engine.model.facts import Container
from engine.programs.lines import cleaned_lines, single


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container, running or not.

    Attributes:
        state: Docker's word: ``running``, ``exited``, ``restarting``, ``paused``, ...
        health: What its own health check says (``healthy``, ...); None: it has none.
        lasting: It is meant to run on: it has a restart policy, or it isn't known to have none.
        started: When it was started last, as docker writes it; None: not known.
    """

    name: str
    state: str
    health: str | None = None
    lasting: bool = True
    started: str | None = None


def parse(output: bytes, exit_status: int | None) -> tuple[Container, ...] | None:
    """Running containers by name; None where docker gave no answer that is understood."""
    if exit_status != 0 or "docker" not in single(output):
        return None
    found = {}
    for line in output.split(b"\n"):
        container = None
        if line.startswith(b"container "):
            container = _docker(line.removeprefix(b"container "))
            if container is None:
                return None
        elif line.startswith(b"conmon "):
            container = _conmon(line.removeprefix(b"conmon "))
        if container is not None:
            found[container.name] = container
    return tuple(sorted(found.values(), key=lambda c: c.name))


def parse_states(output: bytes, exit_status: int | None) -> tuple[ContainerState, ...] | None:
    """All containers of docker and the running ones of podman, by name; None as for `parse`.

    A line of docker's has name, state, restart policy, health ("" where there is none) and when it
    was started.
    """
    if exit_status != 0 or "docker" not in single(output):
        return None
    found = {}
    for line in output.split(b"\n"):
        if line.startswith(b"container "):
            words = _words(line.removeprefix(b"container "), 5)
            if words is None:
                return None
            name, state, policy, health, started = words
            name, lasting = name.removeprefix("/"), policy not in ("", "no")
            found[name] = ContainerState(name, state, health or None, lasting, started or None)
        elif line.startswith(b"conmon ") and (container := _conmon(line.removeprefix(b"conmon "))):
            found[container.name] = ContainerState(container.name, "running")
    return tuple(sorted(found.values(), key=lambda c: c.name))


def _docker(line: bytes) -> Container | None:
    words = _words(line, 3)
    if words is None:
        return None
    name, image, policy = words
    return Container(name.removeprefix("/"), image or None, policy or "no")


def _words(line: bytes, count: int) -> list[str] | None:
    """The JSON strings of a line, empty where they are missing; None without a name."""
    text = "\n".join(cleaned_lines(line))
    decoder, position = json.JSONDecoder(), 0
    values: list[str] = []
    while position < len(text) and len(values) < count:
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return None
        values.append(value if isinstance(value, str) else "")
        position += 1
    if not values or not values[0]:
        return None
    return values + [""] * (count - len(values))


def _conmon(line: bytes) -> Container | None:
    words = ["\n".join(cleaned_lines(word)) for word in line.split(b"\x01")]
    for option in ("-n", "--name", "-c", "--cid"):
        if option in words[:-1]:
            name = words[words.index(option) + 1]
            if name:
                return Container(name, None, None)
    return None
