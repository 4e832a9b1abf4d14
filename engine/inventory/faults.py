"""Faults by key path, before they have lines; and pydantic's errors in our own words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin

from pydantic_core import ErrorDetails

from engine.inventory import schema
from engine.inventory.lines import KeyPath
from engine.inventory.schema import Table
from engine.inventory.wrong import shown
from engine.model.host import Become

_YES: Final = {"yes", "true", "on", "y", "1"}
_NO: Final = {"no", "false", "off", "n", "0"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a key path.

    Attributes:
        other: A second place that belongs to it; its line is told too.
    """

    path: KeyPath
    message: str
    suggestion: str | None = None
    other: KeyPath | None = None


def did_you_mean(name: str, known: Iterable[str], *, likeness: float = 0.65) -> str | None:
    """A suggestion of the nearest known names, or None when none is near."""
    near = difflib.get_close_matches(name, list(known), n=2, cutoff=likeness)
    if not near:
        return None
    return "did you mean " + " or ".join(shown(name) for name in near) + "?"


COMPARISONS: Final = 100_000
"""How many pairs of names are compared for one inventory: a few seconds at most."""


class Nearest:
    """Suggestions among many names, until comparing them would take too long."""

    def __init__(self, known: Iterable[str], *, likeness: float = 0.65) -> None:
        self._known = sorted(known)
        self._likeness = likeness
        self._left = COMPARISONS
        self._found: dict[str, str | None] = {}

    def to(self, name: str) -> str | None:
        """The suggestion for a name, or None."""
        if name not in self._found:
            self._left -= len(self._known)
            affordable = self._left >= 0 and len(name) < 256
            self._found[name] = (
                did_you_mean(name, self._known, likeness=self._likeness) if affordable else None
            )
        return self._found[name]


def unknown_table(name: str, value: object) -> Fault:
    """A top-level key that the inventory doesn't have."""
    known = schema.InventoryTable.model_fields
    meant = schema.InventoryTable.meant.get(name)
    suggestion = f'did you mean "{meant}"?' if meant else did_you_mean(name, known)
    if suggestion is None and name in schema.HostTable.model_fields:
        suggestion = f"write it below [defaults] or [hosts.NAME]: {name} = ..."
    if suggestion is None and isinstance(value, Mapping):
        suggestion = f"a host is written [hosts.{json.dumps(name)}]"
    return Fault(
        (name,), "unknown table" if isinstance(value, Mapping) else "unknown key", suggestion
    )


def told(error: ErrorDetails, path: KeyPath, model: type[Table]) -> Fault:
    """One of pydantic's errors about the table at ``path``, which ``model`` describes."""
    loc, value, kind = error["loc"], error["input"], error["type"]
    where = (*path, *loc)
    context = error.get("ctx", {})
    if kind == schema.TOLD:
        return Fault(where, context["message"], context["suggestion"])
    if kind == "extra_forbidden":
        return Fault(where, "unknown key", _meant_key(path, loc, value, model))
    if kind == "missing":
        return Fault((*path, *loc[:-1]), f'the key "{loc[-1]}" is missing')
    if kind == "literal_error":
        choices = _choices(model, loc)
        listed = ", ".join(json.dumps(choice) for choice in choices)
        return Fault(where, f"{_value(value)} is none of {listed}", _meant_choice(value, choices))
    if kind in ("greater_than_equal", "less_than_equal"):
        return Fault(where, f"{_value(value)} is out of range: {error['msg'].lower()}")
    wanted = _WANTED.get(kind)
    if wanted is None:
        return Fault(where, error["msg"])
    return Fault(where, f"must be {wanted}, not {_sort(value)}", _meant_value(kind, value))


_WANTED: Final = {
    "string_type": "text", "int_type": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "bool_type": "true or false", "list_type": "a list",
    "date_type": "a date", "date_from_datetime_inexact": "a date", "model_type": "a table",
    "model_attributes_type": "a table", "dict_type": "a table",
}  # fmt: skip


def _sort(value: object) -> str:
    """What sort of TOML value this is."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {shown(value)}"
        case int() | float():
            return f"the number {shown_number(value)}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case datetime():
            return "a date with a time"
        case date():
            return "a date"
        case time():
            return "a time"
        case _:
            return type(value).__name__


def shown_number(value: float) -> str:
    """A number, not longer than people read."""
    if isinstance(value, int) and value.bit_length() > 256:  # str() of huge integers is refused
        return "with more digits than make sense"
    return str(value)


def _value(value: object) -> str:
    return shown(value) if isinstance(value, str) else _sort(value)


def _meant_value(kind: str, value: object) -> str | None:
    """How the value is written as the type it should have."""
    match kind, value:
        case "string_type", bool():
            return f'write "{str(value).lower()}"'
        case "string_type", int() | float() | date():
            return f'write "{shown_number(value) if isinstance(value, int | float) else value}"'
        case "string_type", [str() as only]:
            return f"write {json.dumps(only)}"
        case "list_type", str():
            parts = [part for part in value.replace(",", " ").split() if part]
            return f"write {json.dumps(parts[:8])}"
        case (("int_type" | "float_type"), str()) if value.isascii() and value.isdigit():
            return f"write {value[:20]} without quotes"
        case "bool_type", str() | int():
            word = str(value).lower() if not isinstance(value, int) or value in (0, 1) else ""
            return "write true" if word in _YES else "write false" if word in _NO else None
        case "date_type", str():
            return _meant_date(value)
        case (("date_type" | "date_from_datetime_inexact"), datetime()):
            return f"write {value.date()}"
        case _:
            return None


def _meant_date(text: str) -> str | None:
    try:
        return f"write {date.fromisoformat(text.strip())} without quotes"
    except ValueError:
        return "a date is written 2026-11-01, without quotes"


def _meant_choice(value: object, choices: tuple[str, ...]) -> str | None:
    if isinstance(value, bool) and choices == get_args(Become):
        return f'write "{"sudo" if value else "none"}"'
    return did_you_mean(value.lower(), choices) if isinstance(value, str) else None


def _meant_key(
    path: KeyPath, loc: tuple[int | str, ...], value: object, model: type[Table]
) -> str | None:
    """What an unknown key was probably meant to be."""
    name, table = str(loc[-1]), _model_at(model, loc[:-1])
    if name.lower() in table.meant:
        return f'did you mean "{table.meant[name.lower()]}"?'
    near = did_you_mean(name.lower(), table.model_fields)
    if near is not None:
        return near
    elsewhere = _tables_with(name)
    if elsewhere:
        return f"it belongs to {elsewhere}"
    if isinstance(value, Mapping) and len(path) == 2 and len(loc) == 1:
        dotted = ".".join((str(path[1]), name, *_single_keys(value)))
        return f'a name with dots is written in quotes: [{path[0]}."{dotted}"]'
    return None


def _single_keys(value: object) -> list[str]:
    """The keys of tables that hold nothing but one more table: the rest of a dotted name."""
    keys: list[str] = []
    while isinstance(value, Mapping) and len(value) == 1:
        key, value = next(iter(value.items()))
        if not isinstance(value, Mapping):
            break
        keys.append(key)
    return keys


@cache
def _tables_with(name: str) -> str:
    single = [f"[{t}]" for t, model in schema.SINGLE_TABLES.items() if name in model.model_fields]
    named = [
        f"[{t}.NAME]" for t, model in schema.NAMED_TABLES.items() if name in model.model_fields
    ]
    return " or ".join([*single, *named])


def _models_in(annotation: Any) -> type[Table] | None:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    for part in get_args(annotation):
        found = _models_in(part)
        if found is not None:
            return found
    return None


def _model_at(model: type[Table], loc: tuple[int | str, ...]) -> type[Table]:
    """The model of the table at a location inside another."""
    for part in loc:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = (_models_in(field.annotation) if field else None) or model
    return model


def _choices(model: type[Table], loc: tuple[int | str, ...]) -> tuple[str, ...]:
    names = [part for part in loc if isinstance(part, str)]
    field = _model_at(model, loc[:-1]).model_fields.get(names[-1]) if names else None
    return _literals(field.annotation) if field else ()


def _literals(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    for part in get_args(annotation):
        found = _literals(part)
        if found:
            return found
    return ()
