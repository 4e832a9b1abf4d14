"""The inventory's text after a replacement: the successor's table, and the old host's end.

Only what is meant changes: comments, order and line endings stay. Tables are copied and taken out
as text; single values are set by tomlkit. The result is read again and compared with what was
meant, so a way of writing TOML that this doesn't master is refused, never mangled. Nothing is ever
committed: the difference is the team's to look at.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import json
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import tomli
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from engine.errors import HostshiftError, InputError, RefusedError
from engine.inventory.reading import read_text

Data = dict[str, Any]
BOM: Final = "\ufeff"
MARKS: Final = ("retiring", "successor")
"""Keys of a host whose successor has taken over."""
OF_THE_OLD_MACHINE: Final = ("address", "failover_tested", *MARKS)
"""Keys that a successor doesn't inherit: its own address, and what was tried with the old one."""
OF_THIS_MACHINE: Final = ("snapshot", "snapshot_restore", "snapshot_remove", "clone", "destroy")
"""Scripts of a virtual machine: inherited only where no argument could name the old one."""
_BY_HAND: Final = "Change the inventory by hand: "
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def succeed(text: str, old: str, new: str, *, address: str | None, moved: tuple[str, ...]) -> str:
    """The inventory after the cutover. Doing it again changes nothing.

    The successor's table is made from the old host's, with its comments, and stands after it.
    Left out of it are the keys that belong to the old machine alone (`OF_THE_OLD_MACHINE`), its
    virtual machine's scripts where they have arguments, which may name that machine, and
    ``transport = "local"``. A table of the successor that is there already stays as it is.

    The old host is marked ``retiring`` with its ``successor``, unless services stay on it; one that
    takes its services back loses these marks. Hosts that come after it
    (``after``) come after the successor, which does its work now; where services stay, after both.
    ``jump`` is left alone: whether the successor forwards connections isn't known, and a wrong
    guess would cut off every host behind it. `retire` refuses as long as one jumps through it.

    Args:
        address: The successor's, where it isn't its name.
        moved: The services that live on the successor now.

    Raises:
        InputError: there is no such host or service, a service lives on a third host, the
            successor's table has another address, or the text can't be changed safely.
    """
    return _careful(text, f"[hosts.{_key(new)}]", lambda it: _succeed(it, old, new, address, moved))


def retire(text: str, old: str) -> str:
    """The inventory without the old host, after its end. Doing it again changes nothing.

    Its table goes with those below it and the comment right above it.

    Raises:
        InputError: services or other hosts still refer to it, each named; or the text can't be
            changed safely.
    """
    return _careful(text, f"[hosts.{_key(old)}]", lambda it: _retire(it, old))


def difference(before: str, after: str, name: str) -> tuple[str, ...]:
    """The change as a unified diff for people, without line endings; empty where there is none."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, name, "now", "then", lineterm=""
    )
    return tuple(lines)


def read(path: Path) -> str:
    """The file's exact text, with its line endings, as `succeed` and `write` take it.

    Raises:
        InputError: it can't be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}.", hint="Check the file.") from error


def write(path: Path, before: str, after: str) -> None:
    """Put the new text in the place of the old one, whole or not at all.

    The file that a symbolic link leads to is replaced, the link stays; mode and owner are kept.

    Raises:
        InventoryErrors: the new text is no inventory without faults; nothing was written.
        RefusedError: the file isn't ``before`` any more, or can't be written with its owner.
    """
    real = path.resolve()
    read_text(real, after.removeprefix(BOM))
    _must_still_be(real, before)
    try:
        was = real.stat()
        handle, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(after.encode())
                os.fchown(file.fileno(), was.st_uid, was.st_gid)
                os.fchmod(file.fileno(), was.st_mode & 0o7777)
                file.flush()
                os.fsync(file.fileno())
            _must_still_be(real, before)
            os.replace(name, real)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        folder = os.open(real.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise RefusedError(
            f"{real} can't be written: {error.strerror}.",
            hint="Look at the owner and mode of the file and of its directory.",
        ) from error


def _must_still_be(path: Path, before: str) -> None:
    try:
        now = path.read_bytes()
    except OSError as error:
        raise RefusedError(
            f"{path} can't be read: {error.strerror}; it was not written.", hint="Check the file."
        ) from error
    if now != before.encode():
        raise RefusedError(
            f"{path} has changed since it was read; it was not written.",
            hint="Look at the difference again: it is made anew from the file as it is now.",
        )


# -- the text as a whole ------------------------------------------------------------------------


def _careful(text: str, what: str, change: Callable[[str], tuple[str, Data]]) -> str:
    """Change a text and hold the result against what was meant."""
    mark = BOM if text.startswith(BOM) else ""
    body = text.removeprefix(BOM)
    windows = "\r\n" in body and "\n" not in body.replace("\r\n", "")
    unix = body.replace("\r\n", "\n") if windows else body
    try:
        after, meant = change(unix)
        right = _told(tomli.loads(after)) == _told(meant)
    except HostshiftError:
        raise
    except (TOMLKitError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _not_mastered(what) from error
    if not right:
        raise _not_mastered(what)
    return mark + (after.replace("\n", "\r\n") if windows else after)


def _not_mastered(what: str) -> InputError:
    return InputError(
        f"The inventory can't be rewritten safely around {what}; nothing was changed.",
        hint=f"{_BY_HAND}hosts are rewritten best where each has a [hosts.NAME] of its own.",
    )


def _told(data: Data) -> Data:
    """What an inventory says: no hosts are the same as an empty table of them."""
    return {key: value for key, value in data.items() if value != {}}


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _named(data: Mapping[str, Any], table: str) -> Data:
    found = data.get(table, {})
    return found if isinstance(found, dict) else {}


# -- the successor ------------------------------------------------------------------------------


def _succeed(
    text: str, old: str, new: str, address: str | None, moved: tuple[str, ...]
) -> tuple[str, Data]:
    data = tomli.loads(text)
    address = None if address == new else address
    _must_fit(data, old, new, address, moved)
    hosts, services = data["hosts"], _named(data, "services")
    made = new not in hosts
    if made:
        hosts[new] = _inherited(hosts[old], address)
    for name in moved:
        services[name]["host"] = new
    stays = any(isinstance(s, dict) and s.get("host") == old for s in services.values())
    for mark in MARKS:
        hosts[new].pop(mark, None)
    if not stays:
        hosts[old] |= {"retiring": True, "successor": new}
    afters = {
        path: [*dict.fromkeys(n for name in after for n in _instead(name, old, new, stays))]
        for path, after in _afters(data)
        if old in after and path[-2] not in (old, new)
    }
    for path, after in afters.items():
        _at(data, path[:-1])["after"] = after

    if not stays:
        text = _mark_retiring(text, old, new)
    text = _add_table(text, old, new, hosts[new]) if made else _unmarked(text, new)
    edits: dict[tuple[str, ...], tuple[str, Callable[[Any], None]]] = {}
    for name in moved:
        edits["services", name] = ("host", partial(_set, key="host", value=new))
    for path, after in afters.items():
        edits[path[:-1]] = ("after", partial(_set_list, old=old, new=new, meant=after))
    return _edit(text, edits), data


def _edit(text: str, edits: Mapping[tuple[str, ...], tuple[str, Callable[[Any], None]]]) -> str:
    """Change a key of each table; where it stands under its own header only these lines are read.

    A library that keeps comments takes half a minute for ten thousand hosts.
    """
    left = dict(edits)
    lines = text.split("\n")
    for block in reversed(_blocks(text)):
        key, change = left.get(block.path, ("", None))
        if change is None:
            continue
        part: Any = tomlkit.parse("\n".join([*lines[block.start : block.end], ""]))
        table = _at(part, block.path)
        if key in table:
            change(table)
            lines[block.start : block.end] = tomlkit.dumps(part).removesuffix("\n").split("\n")
            del left[block.path]
    text = "\n".join(lines)
    if not left:
        return text
    document: Any = tomlkit.parse(text)
    for path, (_, change) in left.items():
        change(_at(document, path))
    return tomlkit.dumps(document)


def _set(table: Any, key: str, value: str) -> None:
    if table.get(key) != value:
        table[key] = value


def _must_fit(data: Data, old: str, new: str, address: str | None, moved: tuple[str, ...]) -> None:
    hosts, services = _named(data, "hosts"), _named(data, "services")
    if not isinstance(hosts.get(old), dict):
        raise InputError(
            f"There is no host {old} in this inventory.", hint="Is it the inventory of this run?"
        )
    if old == new:
        raise InputError(f"{old} can't succeed itself.", hint="Name another successor.")
    there = hosts.get(new)
    if there is not None and there.get("address", new) != (address or new):
        raise InputError(
            f"{new} is in the inventory already, with the address {there.get('address', new)}; the "
            f"successor's is {address or new}.",
            hint=f"Look at [hosts.{_key(new)}]: is it this machine?",
        )
    for name in moved:
        where = services[name].get("host") if isinstance(services.get(name), dict) else None
        if where not in (old, new):
            what = f"lives on {where}" if where else "is not in this inventory"
            raise InputError(
                f"The service {name} {what}, so it can't have moved from {old} to {new}.",
                hint="Is the inventory that of this run?",
            )


def _inherited(old: Data, address: str | None) -> Data:
    """The successor's keys, in the order of the old host's."""
    table = {"address": address} if address is not None else {}
    table |= {key: value for key, value in copy.deepcopy(old).items() if not _left(key, value)}
    return table


def _left(key: str, value: object) -> bool:
    if key in OF_THE_OLD_MACHINE or (key == "transport" and value == "local"):
        return True
    return key in OF_THIS_MACHINE and isinstance(value, str) and len(shlex.split(value)) > 1


def _instead(name: str, old: str, new: str, stays: bool) -> tuple[str, ...]:
    if name != old:
        return (name,)
    return (old, new) if stays else (new,)


def _afters(data: Data) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Every ``after`` with its place."""
    places: dict[tuple[str, ...], Any] = {("defaults",): data.get("defaults")}
    places |= {("hosts", name): table for name, table in _named(data, "hosts").items()}
    for path, table in places.items():
        after = table.get("after") if isinstance(table, dict) else None
        if isinstance(after, list):
            yield (*path, "after"), after


def _at(data: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


def _set_list(table: Any, old: str, new: str, meant: list[str]) -> None:
    """Change ``after`` in its place, so that its comments and line breaks stay."""
    array = table["after"]
    if array == meant:
        return
    at = list(array).index(old)
    if old in meant:
        if new not in array:
            array.insert(at + 1, new)
    elif new in array:
        del array[at]
    else:
        array[at] = new


def _mark_retiring(text: str, old: str, new: str) -> str:
    table = tomli.loads(text)["hosts"][old]
    own = [block for block in _blocks(text, "hosts", old) if len(block.path) == 2]
    if not any(mark in table for mark in MARKS) and own:
        lines = text.split("\n")
        lines[own[0].end : own[0].end] = ["retiring = true", f"successor = {json.dumps(new)}"]
        return "\n".join(lines)
    document: Any = tomlkit.parse(text)
    for mark, value in zip(MARKS, (True, new), strict=True):
        if table.get(mark) != value:
            document["hosts"][old][mark] = value
    return tomlkit.dumps(document)


def _unmarked(text: str, host: str) -> str:
    if not any(mark in tomli.loads(text)["hosts"][host] for mark in MARKS):
        return text
    document: Any = tomlkit.parse(text)
    for mark in MARKS:
        document["hosts"][host].pop(mark, None)
    return tomlkit.dumps(document)


def _add_table(text: str, old: str, new: str, meant: Data) -> str:
    blocks = _blocks(text, "hosts", old)
    if not blocks:
        return _add_inline(text, old, new, meant)
    lines = text.split("\n")
    copies: list[str] = []
    headed = False
    for block in blocks:
        _, *rest = block.path[1:]
        header = ".".join(["hosts", _key(new), *(_key(part) for part in rest)])
        comment = lines[block.start][len(block.header) :]
        copies += ["", f"[{header}]{comment}"]
        if not rest:
            headed = True
            if "address" in meant and "address" not in tomli.loads(text)["hosts"][old]:
                copies.append(f"address = {json.dumps(meant['address'], ensure_ascii=False)}")
        copies += lines[block.start + 1 : block.end]
    if not headed:  # its keys stand elsewhere, as dotted ones
        return _add_inline(text, old, new, meant)
    made: Any = tomlkit.parse("\n".join([*copies, ""]))
    table = made["hosts"][new]
    for key in list(table):
        if key not in meant:
            del table[key]
        elif key == "address" and table[key] != meant[key]:
            table[key] = meant[key]
    copies = tomlkit.dumps(made).removesuffix("\n").split("\n")
    last = blocks[-1].end
    if last >= len(lines):
        copies.append("")
    return "\n".join([*lines[:last], *copies, *lines[last:]])


def _add_inline(text: str, old: str, new: str, meant: Data) -> str:
    document = tomlkit.parse(text)
    hosts: Any = document["hosts"]
    was = hosts[old]
    table = copy.deepcopy(was) if isinstance(was, InlineTable) else tomlkit.inline_table()
    for key in list(table):
        if key not in meant:
            del table[key]
    for key, value in meant.items():
        if key not in table or table[key] != value:
            table[key] = value
    if isinstance(hosts, Table | InlineTable):
        hosts.append(tomlkit.key(new), table)
    else:
        hosts[new] = table
    return tomlkit.dumps(document)


# -- the end of the old host --------------------------------------------------------------------


def _retire(text: str, old: str) -> tuple[str, Data]:
    data = tomli.loads(text)
    hosts = _named(data, "hosts")
    if old not in hosts:
        return text, data
    still = [
        *(f"the service {name} lives on it" for name, service in _named(data, "services").items()
          if isinstance(service, dict) and service.get("host") == old),
        *(f"{_place(path)} names it" for path, after in _afters(data)
          if old in after and path != ("hosts", old, "after")),
        *(f"{_place(path)} leads through it" for path in _jumps(data, old)),
        *(f"{_place(('hosts', name, 'successor'))} names it" for name, table in hosts.items()
          if name != old and isinstance(table, dict) and table.get("successor") == old),
    ]  # fmt: skip
    if still:
        raise InputError(
            f"{old} can't leave the inventory: {'; '.join(still)}.",
            hint=f"Let them name its successor, or take {old} out of them.",
        )
    del hosts[old]
    lines = text.split("\n")
    for block in reversed(_blocks(text, "hosts", old)):
        _cut(lines, block.start, block.end)
    text = "\n".join(lines)
    if old in _named(tomli.loads(text), "hosts"):
        document: Any = tomlkit.parse(text)
        del document["hosts"][old]
        text = tomlkit.dumps(document)
    return text, data


def _place(path: tuple[str, ...]) -> str:
    return ".".join(_key(part) for part in path)


def _jumps(data: Data, old: str) -> Iterator[tuple[str, ...]]:
    if _named(data, "defaults").get("jump") == old:
        yield ("defaults", "jump")
    for name, table in _named(data, "hosts").items():
        if name != old and isinstance(table, dict) and table.get("jump") == old:
            yield ("hosts", name, "jump")


def _cut(lines: list[str], start: int, end: int) -> None:
    """Take a table out, with the comment right above it and one of the gaps around it.

    A comment that begins the file is the file's.
    """
    first = start
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    if first == 0:
        first = start
    while end < len(lines) - 1 and not lines[end].strip():
        end += 1
    del lines[first:end]
    while first and first == len(lines) - 1 and not lines[first] and not lines[first - 1].strip():
        del lines[first - 1]
        first -= 1


# -- tables as text -----------------------------------------------------------------------------

_KEY_TEXT = r'(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]++|\\[^\n])*"|\'[^\'\n]*+\')'
_HEADER = re.compile(
    rf"[ \t]*+(?:\[\[|\[)[ \t]*+{_KEY_TEXT}(?:[ \t]*+\.[ \t]*+{_KEY_TEXT})*[ \t]*+(?:\]\]|\])"
)
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]++|\\[^\n])*"'
    r"|'[^'\n]*+'"
    r"|#[^\n]*+|[^\s\"'#\[\]{}]++|[^\S\n]++|.",
    re.DOTALL,
)


class _Block(NamedTuple):
    """A table: its header's line and text, and the line behind its last own one."""

    path: tuple[str, ...]
    start: int
    header: str
    end: int


def _blocks(text: str, *of: str) -> list[_Block]:
    """The table of this path and those below it, in the order of the file."""
    lines = text.split("\n")
    heads = list(_headers(text))
    ends = [*(line for line, _ in heads), len(lines)][1:]
    blocks = []
    for (start, header), following in zip(heads, ends, strict=True):
        path = _path(header)
        if path[: len(of)] == of:
            blocks.append(_Block(path, start, header, _end(lines, start, following)))
    return blocks


def _headers(text: str) -> Iterator[tuple[int, str]]:
    """Each line that begins a table, with its header; never one inside a value."""
    at = line = depth = 0
    fresh = True
    while at < len(text):
        head = _HEADER.match(text, at) if fresh and not depth else None
        if head is not None:
            yield line, head[0]
        found = head or _TOKEN.match(text, at)
        if found is None:
            return
        token, at = found[0], found.end()
        if head is None:
            depth += (token in ("[", "{")) - (token in ("]", "}"))
        line += token.count("\n")
        fresh = token == "\n"


def _path(header: str) -> tuple[str, ...]:
    path: list[str] = []
    said: Any = tomli.loads(header)
    while said:
        if isinstance(said, list):
            said = said[0]
            continue
        name, said = next(iter(said.items()))
        path.append(name)
    return tuple(path)


def _end(lines: list[str], start: int, following: int) -> int:
    """Where a table's own lines end: comments set off by a blank line, or before the next table
    without one, are not its own."""
    end = following
    while True:
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        first = end
        while first > start + 1 and _is_comment(lines[first - 1]):
            first -= 1
        set_off = first > start + 1 and not lines[first - 1].strip()
        if first == end or not (set_off or (end == following and following < len(lines))):
            return end
        end = first


def _is_comment(line: str) -> bool:
    # the last line of a long string may look like one, and then holds its closing quotes
    return line.lstrip().startswith("#") and '"""' not in line and "'''" not in line
