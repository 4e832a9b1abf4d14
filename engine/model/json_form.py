"""Values as plain JSON data, and back: pydantic reads the dataclasses' own annotations."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")
_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    # Building one costs milliseconds, so each is built once.
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_json(value: object) -> Any:
    """A model value as dictionaries, lists, strings, numbers, booleans and null."""
    return _adapter(type(value)).dump_python(value, mode="json")


def from_json(kind: type[T], data: object) -> T:
    """Plain data back to a model value.

    Raises:
        pydantic.ValidationError: the data don't have the shape of ``kind``.
    """
    return _adapter(kind).validate_python(data)
