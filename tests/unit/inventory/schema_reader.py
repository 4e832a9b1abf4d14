"""As much of a JSON Schema validator as the inventory's schema uses; the rest is an error."""

from __future__ import annotations

import re
from typing import Any

ANNOTATIONS = {"$schema", "$defs", "title", "description", "format", "default"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,),
    "number": (int, float), "boolean": (bool,),
}  # fmt: skip


def complaints(value: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value, by a schema that refers to its own $defs."""
    return _complaints(value, schema, schema, "$")


def _complaints(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    found: list[str] = []
    for word, rule in sorted(schema.items(), key=lambda item: item[0] != "type"):
        if word == "$ref":
            found += _complaints(value, root["$defs"][rule.removeprefix("#/$defs/")], root, at)
        elif word == "type":
            is_flag = isinstance(value, bool) and rule != "boolean"
            if not isinstance(value, TYPES[rule]) or is_flag:
                return [*found, f"{at}: not {rule}"]
        elif word == "properties":
            for key in rule.keys() & value.keys():
                found += _complaints(value[key], rule[key], root, f"{at}.{key}")
        elif word == "additionalProperties":
            more = value.keys() - schema.get("properties", {}).keys()
            for key in more:
                found += (
                    [f"{at}: unknown {key}"]
                    if rule is False
                    else _complaints(value[key], rule, root, f"{at}.{key}")
                )
        elif word == "items":
            for part in value:
                found += _complaints(part, rule, root, f"{at}[]")
        elif word == "oneOf":
            if sum(not _complaints(value, one, root, at) for one in rule) != 1:
                found.append(f"{at}: not exactly one")
        elif word == "propertyNames":
            found += [f"{at}: name {key}" for key in value if not re.search(rule["pattern"], key)]
        elif not _holds(word, rule, value):
            found.append(f"{at}: {word} {rule}")
    return found


def _holds(word: str, rule: Any, value: Any) -> bool:
    match word:
        case "enum":
            return value in rule
        case "pattern":
            return re.search(rule, value) is not None
        case "required":
            return all(key in value for key in rule)
        case "minimum":
            return bool(value >= rule)
        case "maximum":
            return bool(value <= rule)
        case _ if word in ANNOTATIONS:
            return True
        case _:
            raise ValueError(f"the schema uses {word}, which this reader doesn't know")
