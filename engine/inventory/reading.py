"""The steps of reading: bytes, text, TOML, tables, references, values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import tomli

from engine.inventory import references
from engine.inventory.draft import Draft
from engine.inventory.draft import draft as read_tables
from engine.inventory.errors import InventoryError, InventoryErrors
from engine.inventory.faults import Fault
from engine.inventory.lines import KeyPath, Lines
from engine.inventory.resolve import resolve
from engine.inventory.value import Inventory
from engine.inventory.warnings import warnings
from engine.inventory.wrong import shown, visible

LARGEST_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand hosts take about 3 MB; more than this is another kind of file."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_UNQUOTED = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*([A-Za-z~./][^\"'#\[\]{}]*?)\s*(?:#.*)?")
_COLON = re.compile(r"\s*([A-Za-z0-9_-]+)\s*:\s*\S.*")


def read(path: Path) -> Inventory:
    """Read and check one inventory file.

    Raises:
        InventoryErrors: every fault that was found, with its line.
    """
    return read_text(path, _text(path, _bytes(path)))


def read_text(path: Path, text: str) -> Inventory:
    """Check an inventory's text as if it stood in the file ``path``.

    Raises:
        InventoryErrors: every fault that was found, with its line.
    """
    draft = read_tables(_toml(path, text))
    faults = draft.faults + [_in_file(draft, fault) for fault in references.faults(draft)]
    if faults:
        raise InventoryErrors(_located(path, text, faults))
    base = path.resolve().parent
    inventory = resolve(draft, path, base)
    told = list(warnings(draft, base))
    if not told:
        return inventory
    return replace(inventory, warnings=_located(path, text, told))


def _in_file(draft: Draft, fault: Fault) -> Fault:
    other = None if fault.other is None else draft.in_file(fault.other)
    return replace(fault, path=draft.in_file(fault.path), other=other)


def key_path(path: KeyPath) -> str:
    """Keys joined as TOML writes them: ``hosts."web.1".after[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_key(part)}" if text else _key(part)
    return text


def _key(name: str) -> str:
    if _BARE_KEY.fullmatch(name):
        return name
    return shown(name)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except IsADirectoryError:
        inside = path / "inventory.toml"
        hint = f"Name the file in it: {inside}" if inside.is_file() else "Name a file."
        raise _one(path, None, "this is a directory", hint=hint) from None
    except FileNotFoundError:
        raise _one(
            path, None, "there is no such file", hint="`hostshift init` writes a first inventory."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        reason = error.strerror if isinstance(error, OSError) else None
        raise _one(
            path, None, f"can't be read: {reason or error}", hint="Check the file."
        ) from error
    if len(data) > LARGEST_BYTES:
        raise _one(path, None, "is over 64 MiB; this is no inventory", hint="Name another file.")
    return data


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _one(
            path,
            line,
            f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
            hint="Save the file as UTF-8; TOML knows no other encoding.",
        ) from None


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise InventoryErrors(
            _syntax(path, text, error),
            hint="Mend this first: what follows can only be read after it.",
        ) from None
    except (ValueError, RecursionError) as error:
        # Beyond the grammar: integers with thousands of digits, brackets hundreds deep.
        raise _one(path, None, f"can't be read as TOML: {error}", hint="Mend the value.") from None


def _syntax(path: Path, text: str, error: tomli.TOMLDecodeError) -> list[InventoryError]:
    """The parser's one error; a thing declared twice is told by its name, each of them."""
    twice = [_twice(path, *found) for found in Lines(text).twice]
    if twice and twice[0].line is not None and twice[0].line <= error.lineno:
        return twice
    message = f"column {error.colno}: {error.msg}"
    return [InventoryError(path, error.lineno, "", message, _syntax_hint(text, error)), *twice]


def _twice(path: Path, keys: KeyPath, line: int, first: int) -> InventoryError:
    declared = len(keys) == 2 and keys[0] in ("hosts", "services", "zones")
    what = f"{str(keys[0])[:-1]} {_key(str(keys[1]))} is declared" if declared else "is given"
    advice = "a server stands in the inventory once" if declared and keys[0] == "hosts" else None
    return InventoryError(
        path, line, key_path(keys), f"{what} twice (first on line {first})", advice
    )


def _syntax_hint(text: str, error: tomli.TOMLDecodeError) -> str | None:
    lines = text.split("\n")
    line = lines[error.lineno - 1] if error.lineno <= len(lines) else ""
    if len(line) > 500:
        return None
    unquoted = _UNQUOTED.fullmatch(line)
    if unquoted is not None:
        return f"text is written in quotes: {unquoted[1]} = {json.dumps(unquoted[2])}"
    colon = _COLON.fullmatch(line)
    return f"write {colon[1]} = ..." if colon is not None else None


def _located(path: Path, text: str, faults: Iterable[Fault]) -> tuple[InventoryError, ...]:
    lines = Lines(text)
    located = []
    for fault in faults:
        message = fault.message
        if fault.other is not None:
            message += f" (see line {lines.of(fault.other)})"
        advice = None if fault.suggestion is None else visible(fault.suggestion)
        located.append(
            InventoryError(
                path, lines.of(fault.path), key_path(fault.path), visible(message), advice
            )
        )
    return tuple(sorted(located, key=lambda error: error.line or 0))


def _one(path: Path, line: int | None, message: str, *, hint: str) -> InventoryErrors:
    return InventoryErrors([InventoryError(path, line, "", message)], hint=hint)
