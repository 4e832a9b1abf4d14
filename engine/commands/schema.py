"""``hostshift schema``: the inventory's JSON Schema on standard output."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    from engine.inventory.json_schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
