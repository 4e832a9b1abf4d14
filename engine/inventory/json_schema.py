"""The inventory's JSON Schema (draft 2020-12), for editors that know TOML."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from engine.inventory.schema import InventoryTable


class _ForToml(GenerateJsonSchema):
    """TOML has no null: a key is there or it isn't."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """The schema as plain data."""
    schema = InventoryTable.model_json_schema(schema_generator=_ForToml)
    for table in schema.get("$defs", {}).values():
        table.pop("title", None)
    return {
        **schema,
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "hostshift inventory",
    }
