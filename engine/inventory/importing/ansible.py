"""Hosts, groups and connection variables of Ansible inventories.

Two forms are read: the INI form, and the JSON that ``ansible-inventory --list`` prints (which is
how YAML and dynamic inventories get here, and what applies group_vars and host_vars).
"""

from __future__ import annotations

import json
import re
import shlex
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.errors import InputError
from engine.inventory.importing.found import Found, FoundHost

MOST_HOSTS: Final = 100_000
"""A mistyped range ends here instead of in memory."""

_SECTION = re.compile(r"\[([^:\[\]]+)(?::(\w+))?\]\s*(?:[#;].*)?")
_RANGE = re.compile(r"\[(\w*):(\w+)(?::(\d+))?\]")
_PORT = re.compile(r"(.*[^:]):([0-9]{1,5})")
_YES: Final = {"true", "yes", "on", "1"}
_BUILT_IN: Final = {"all", "ungrouped"}


@dataclass(slots=True)
class _Group:
    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Ansible:
    """An inventory as Ansible sees it, before its variables are resolved."""

    groups: dict[str, _Group] = field(default_factory=dict)
    hosts: dict[str, dict[str, str]] = field(default_factory=dict)

    def group(self, name: str) -> _Group:
        return self.groups.setdefault(name, _Group())


def read_ini(path: Path, text: str) -> Found:
    """The hosts of an inventory in INI form.

    Raises:
        InputError: a line can't be understood; the message names it.
    """
    ansible = _Ansible()
    group, kind = "ungrouped", "hosts"
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        section = _SECTION.fullmatch(stripped)
        try:
            if section is not None:
                group, kind = section[1].strip(), section[2] or "hosts"
                ansible.group(group)
            else:
                _entry(ansible, group, kind, stripped)
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: {error}",
                hint="Mend the line, or let Ansible read it: "
                "`ansible-inventory -i FILE --list > hosts.json`, then `--from hosts.json`.",
            ) from None
    found = _resolved(path, "Ansible inventory", ansible)
    for beside in ("group_vars", "host_vars"):
        if (path.parent / beside).is_dir():
            found.remarks.append(
                f"Variables in {beside}/ are YAML and were not read; if they hold addresses or "
                "ports, import what `ansible-inventory --list` prints instead."
            )
    return found


def _entry(ansible: _Ansible, group: str, kind: str, line: str) -> None:
    match kind:
        case "children":
            child = line.partition("#")[0].strip()
            ansible.group(group).children.append(child)
            ansible.group(child)
        case "vars":
            key, equals, value = line.partition("=")
            if not equals:
                raise ValueError("expected NAME=VALUE")
            ansible.group(group).variables[key.strip()] = _literal(value.strip())
        case "hosts":
            _host_line(ansible, group, line)
        case _:
            raise ValueError(f"unknown kind of section [{group}:{kind}]")


def _host_line(ansible: _Ansible, group: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    pattern, variables = words[0], {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"expected NAME=VALUE after the host, not {word[:80]!r}")
        variables[key] = _literal(value)
    without_ranges = _RANGE.sub("x", pattern)
    port = _PORT.fullmatch(pattern)
    if port is not None and (without_ranges.count(":") == 1 or port[1].endswith("]")):
        pattern = port[1]
        variables.setdefault("ansible_port", port[2])
    if pattern.startswith("[") and pattern.endswith("]") and without_ranges.count(":") > 1:
        pattern = pattern[1:-1]  # an IPv6 address, not a range
    for name in expand(pattern):
        ansible.hosts.setdefault(name, {}).update(variables)
        ansible.group(group).hosts.append(name)
        if len(ansible.hosts) > MOST_HOSTS:
            raise ValueError(f"over {MOST_HOSTS} hosts")


def _literal(value: str) -> str:
    """A value without the quotes that Ansible's literal evaluation would take off."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def expand(pattern: str) -> Iterator[str]:
    """The names of ``web[01:50].example.com`` or ``db-[a:f]``, steps as third part.

    Raises:
        ValueError: a range runs backwards, or its ends don't fit together.
    """
    match = _RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    head, tail = pattern[: match.start()], pattern[match.end() :]
    for part in _range(match[1] or "0", match[2], int(match[3] or 1)):
        for rest in expand(tail):
            yield f"{head}{part}{rest}"


def _range(first: str, last: str, step: int) -> Iterable[str]:
    text = f"[{first}:{last}]"
    if step < 1:
        raise ValueError(f"the range {text} has a step of zero")
    if len(first) == len(last) == 1 and first.isalpha() and last.isalpha():
        letters = string.ascii_letters
        start, end = letters.find(first), letters.find(last)
        if start < 0 or end < start:
            raise ValueError(f"the range {text} runs backwards")
        return letters[start : end + 1 : step]
    if not (first.isascii() and last.isascii() and first.isdigit() and last.isdigit()):
        raise ValueError(f"the range {text} is neither of numbers nor of letters")
    width = len(first) if first[0] == "0" and len(first) > 1 else 0
    if width and width != len(last):
        raise ValueError(f"the ends of the range {text} must be equally long")
    if len(last) > 9 or int(last) < int(first):
        raise ValueError(f"the range {text} runs backwards or too far")
    return (str(number).zfill(width) for number in range(int(first), int(last) + 1, step))


def read_json(path: Path, text: str) -> Found:
    """The hosts of what ``ansible-inventory --list`` printed.

    Raises:
        InputError: it is not JSON, or not of that shape.
    """
    try:
        data = json.loads(text)
        ansible = _from_json(data)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise InputError(
            f"{path} is not what ansible-inventory prints: {error}",
            hint="`ansible-inventory -i INVENTORY --list > hosts.json` writes such a file.",
        ) from None
    return _resolved(path, "Ansible inventory", ansible)


def _from_json(data: Mapping[str, Any]) -> _Ansible:
    ansible = _Ansible()
    for name, variables in data.get("_meta", {}).get("hostvars", {}).items():
        ansible.hosts[name] = _texts(variables)
    for name, table in data.items():
        if name == "_meta":
            continue
        group = ansible.group(name)
        group.hosts += [str(host) for host in table.get("hosts", [])]
        group.children += [str(child) for child in table.get("children", [])]
        group.variables |= _texts(table.get("vars", {}))
        for host in group.hosts:
            ansible.hosts.setdefault(host, {})
    return ansible


def _texts(variables: Mapping[str, Any]) -> dict[str, str]:
    return {str(k): str(v) for k, v in variables.items() if isinstance(v, str | int | float)}


def _resolved(path: Path, kind: str, ansible: _Ansible) -> Found:
    found = Found(path, kind)
    parents = _parents(ansible)
    depths = {name: _depth(name, parents) for name in ansible.groups}
    of_host: dict[str, set[str]] = {name: set() for name in ansible.hosts}
    for name, group in ansible.groups.items():
        above = _above(name, parents)
        for host in group.hosts:
            of_host[host] |= above
    for name, own in ansible.hosts.items():
        groups = sorted(of_host[name], key=lambda group: (depths.get(group, 0), group))
        variables: dict[str, str] = {}
        for group_name in ["all", *groups]:  # nearer groups win over those above them
            variables |= ansible.groups.get(group_name, _Group()).variables
        shown = tuple(sorted(set(groups) - _BUILT_IN))
        _add(found, name, variables | own, shown)
    return found


def _parents(ansible: _Ansible) -> dict[str, list[str]]:
    parents: dict[str, list[str]] = {}
    for name, group in ansible.groups.items():
        for child in group.children:
            parents.setdefault(child, []).append(name)
    return parents


def _above(group: str, parents: Mapping[str, list[str]]) -> set[str]:
    """A group with all groups that contain it; a loop ends by itself."""
    seen: set[str] = set()
    todo = [group]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += parents.get(name, ())
    return seen


def _depth(group: str, parents: Mapping[str, list[str]]) -> int:
    """How far below the top a group is, by its longest way; loops count as far as they go."""
    depth, level, seen = 0, {group}, {group}
    while level:
        level = {parent for name in level for parent in parents.get(name, ())} - {group}
        if level <= seen and level:
            break
        seen |= level
        depth += bool(level)
    return depth


def _add(found: Found, name: str, variables: Mapping[str, str], groups: tuple[str, ...]) -> None:
    def said(*keys: str) -> str | None:
        for key in keys:
            value = variables.get(key, "").strip()
            if "{{" in value:
                found.remarks.append(f"{name}: {key} is a template and was left out.")
            elif value:
                return value
        return None

    port = said("ansible_port", "ansible_ssh_port") or ""
    become = said("ansible_become", "ansible_sudo")
    method = said("ansible_become_method") or "sudo"
    found.hosts.append(
        FoundHost(
            name,
            address=said("ansible_host", "ansible_ssh_host"),
            port=int(port) if port.isascii() and port.isdigit() and len(port) < 6 else None,
            user=said("ansible_user", "ansible_ssh_user"),
            identity=said("ansible_ssh_private_key_file", "ansible_private_key_file"),
            jump=_jump(said("ansible_ssh_common_args", "ansible_ssh_extra_args") or ""),
            become=None if become is None else become.lower() in _YES and method == "sudo",
            local=said("ansible_connection") == "local",
            groups=groups,
        )
    )


def _jump(arguments: str) -> str | None:
    """The jump host among arguments for ssh: ``-J``, ``-o ProxyJump=``, or ``ssh -W``."""
    try:
        words = shlex.split(arguments)
    except ValueError:
        return None
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word == "-J":
            return following or None
        option = word.removeprefix("-o") or following
        key, _, value = option.partition("=")
        if key.lower() == "proxyjump":
            return value or None
        if key.lower() == "proxycommand" and "-W" in value:
            return _last_word_of_ssh(value)
    return None


def _last_word_of_ssh(command: str) -> str | None:
    """The host of ``ssh -W %h:%p -q user@bastion``."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    plain = [word for word in words[1:] if not word.startswith("-") and "%" not in word]
    return plain[-1] if plain else None
