"""TOML data as tables of the schema, keeping what is right of a table that has faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from engine.inventory import names, schema
from engine.inventory.faults import Fault, told, unknown_table
from engine.inventory.lines import KeyPath
from engine.inventory.schema import (
    DataTable,
    DefaultsTable,
    HooksTable,
    HostTable,
    LimitsTable,
    ReplacementTable,
    RetentionTable,
    RiskTable,
    ServiceTable,
    StoreTable,
    Table,
    ZoneTable,
)
from engine.inventory.wrong import WrongValue

T = TypeVar("T", bound=Table)


@dataclass(slots=True)
class Draft:
    """What could be read of an inventory, and every fault found on the way.

    Attributes:
        host_names: All hosts that are written, also those whose table could not be read.
        wrong: Keys that are left out of the tables because their values are wrong.
        kept: For lists that lost wrong elements: where in the file the others stand.
    """

    defaults: DefaultsTable
    replacement: ReplacementTable
    hooks: HooksTable
    limits: LimitsTable
    retention: RetentionTable
    data: DataTable
    store: StoreTable
    risk: Table
    hosts: dict[str, HostTable] = field(default_factory=dict)
    services: dict[str, ServiceTable] = field(default_factory=dict)
    zones: dict[str, ZoneTable] = field(default_factory=dict)
    host_names: frozenset[str] = frozenset()
    faults: list[Fault] = field(default_factory=list)
    kept: dict[KeyPath, list[int]] = field(default_factory=dict)
    wrong: set[KeyPath] = field(default_factory=set)

    def lacks(self, path: KeyPath, key: str, table: Table) -> bool:
        """Whether a key is not there at all; one with a wrong value is there."""
        return getattr(table, key) is None and (*path, key) not in self.wrong

    def in_file(self, path: KeyPath) -> KeyPath:
        """A key path of this draft as it is in the file, where wrong elements still count."""
        if not self.kept:
            return path
        parts = list(path)
        for index, part in enumerate(parts):
            if isinstance(part, int) and path[:index] in self.kept:
                parts[index] = self.kept[path[:index]][part]
        return tuple(parts)


def draft(data: Mapping[str, Any]) -> Draft:
    """Read every table of a parsed inventory."""
    reader = _Reader(data)
    reader.faults += [unknown_table(key, value) for key, value in data.items() if key not in _KNOWN]
    hosts = data.get("hosts")
    return Draft(
        hosts=reader.named("hosts", HostTable, names.host_name),
        defaults=reader.single("defaults", DefaultsTable),
        replacement=reader.single("replacement", ReplacementTable),
        hooks=reader.single("hooks", HooksTable),
        limits=reader.single("limits", LimitsTable),
        retention=reader.single("retention", RetentionTable),
        store=reader.single("store", StoreTable),
        data=reader.single("data", DataTable),
        risk=reader.single("risk", RiskTable),
        services=reader.named("services", ServiceTable, names.service_name),
        zones=reader.named("zones", ZoneTable, names.dns_name),
        host_names=frozenset(hosts) if isinstance(hosts, Mapping) else frozenset(),
        faults=reader.faults,
        kept=reader.kept,
        wrong=reader.wrong,
    )


_KNOWN = schema.InventoryTable.model_fields


@dataclass(slots=True)
class _Reader:
    """Reads tables and gathers what is wrong with them."""

    data: Mapping[str, Any]
    faults: list[Fault] = field(default_factory=list)
    kept: dict[KeyPath, list[int]] = field(default_factory=dict)
    wrong: set[KeyPath] = field(default_factory=set)

    def single(self, name: str, model: type[T]) -> T:
        return self._table(model, self.data.get(name, {}), (name,)) or model()

    def named(self, name: str, model: type[T], check_name: Callable[[str], str]) -> dict[str, T]:
        tables = self.data.get(name, {})
        if not isinstance(tables, Mapping):
            self.faults.append(Fault((name,), "must be tables", f"write [{name}.NAME]"))
            return {}
        found: dict[str, T] = {}
        for key, value in tables.items():
            try:
                check_name(key)
            except WrongValue as error:
                self.faults.append(Fault((name, key), error.message, error.suggestion))
            if not isinstance(value, Mapping):
                self.faults.append(_not_a_table(name, key, value))
                continue
            table = self._table(model, value, (name, key))
            if table is not None:
                found[key] = table
        return found

    def _table(self, model: type[T], value: object, path: KeyPath) -> T | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            details = error.errors(include_url=False)
        self.faults += [told(detail, path, model) for detail in details]
        if not isinstance(value, Mapping):
            return None
        rest = self._without(value, [detail["loc"] for detail in details], path)
        try:
            return model.model_validate(rest)
        except ValidationError:
            return None  # contradictions between keys, which were told

    def _without(
        self, table: Mapping[str, Any], wrong: list[tuple[int | str, ...]], path: KeyPath
    ) -> dict[str, Any]:
        """The table without its wrong keys, and its lists without their wrong elements."""
        keys: set[str] = set()
        elements: dict[str, set[int]] = {}
        for loc in wrong:
            match loc:
                case (str(key), int(index), *_):
                    elements.setdefault(key, set()).add(index)
                case (str(key), *_):
                    keys.add(key)
                case _:
                    pass
        self.wrong |= {(*path, key) for key in keys}
        rest = {key: value for key, value in table.items() if key not in keys}
        for key in elements.keys() - keys:
            kept = [index for index in range(len(table[key])) if index not in elements[key]]
            self.kept[*path, key] = kept
            rest[key] = [table[key][index] for index in kept]
        return rest


def _not_a_table(name: str, key: str, value: object) -> Fault:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return Fault((name, key), "must be one table, not a list of them", f"write [{name}.{key}]")
    return Fault((name, key), "must be a table", f"write [{name}.{key}] and its keys below")
