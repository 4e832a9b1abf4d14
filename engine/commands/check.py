"""``hostshift check``: every fault of the inventory at once, or a summary of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.inventory import Inventory, InventoryError, InventoryErrors, find, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``check``."""
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    parser.add_argument(
        "--dns",
        action="store_true",
        help="also ask the name servers whether the services' names lead to their hosts",
    )
    parser.add_argument(
        "--scratch",
        action="store_true",
        help="with --dns: also add a scratch record to each zone and remove it",
    )


def run(args: argparse.Namespace) -> int:
    """Read the inventory and tell: exit status 0 when it can be used, 2 when not.

    Warnings (a missing script) leave it at 0: the fleet can be looked at all the same. With
    ``--dns`` name servers are asked, and what they say counts too (docs/dns.md).

    Raises:
        InputError: there is no inventory, or the options contradict each other.
    """
    if args.scratch and not args.dns:
        raise InputError("--scratch goes with --dns.", hint="Type: hostshift check --dns --scratch")
    path = find(args.inventory)
    try:
        inventory = load(path)
    except InventoryErrors as errors:
        if args.json:
            print(json.dumps(_document(path, None, errors.errors)))
        else:
            _print_errors(errors)
        return InputError.exit_status
    if not args.json:
        for warning in inventory.warnings:
            print(_line(warning, "warning: "))
        print(summary(inventory), flush=True)
    if not args.dns:
        if args.json:
            print(json.dumps(_document(path, inventory, ())))
        return 0
    from engine.commands import check_dns

    found = check_dns.ask(inventory, scratch=args.scratch, read_only=args.read_only)
    if args.json:
        print(json.dumps({**_document(path, inventory, ()), "dns": check_dns.as_json(found)}))
    else:
        check_dns.show(found)
    return found.exit_status


def summary(inventory: Inventory) -> str:
    """One line of counts."""
    counted = ", ".join(_plural(number, what) for what, number in _counts(inventory).items())
    warnings = _plural(len(inventory.warnings), "warning")
    return f"{inventory.path}: {counted}; no errors, {warnings}"


def _print_errors(errors: InventoryErrors) -> None:
    for error in errors.errors:
        print(_line(error))
    sys.stdout.flush()
    print(f"hostshift: {_plural(len(errors.errors), 'error')}", file=sys.stderr)
    print(f"  hint: {errors.hint}", file=sys.stderr)


def _line(error: InventoryError, mark: str = "") -> str:
    where = f"{error.key_path}: " if error.key_path else ""
    advice = f"; {error.suggestion}" if error.suggestion else ""
    return f"{error.place()}: {mark}{where}{error.message}{advice}"


def _plural(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _counts(inventory: Inventory) -> dict[str, int]:
    services = sum(len(host.services) for host in inventory.hosts)
    return {"host": len(inventory.hosts), "service": services, "zone": len(inventory.zones)}


def _document(
    path: Path, inventory: Inventory | None, errors: Iterable[InventoryError]
) -> dict[str, Any]:
    counts = None
    if inventory is not None:
        counts = {f"{what}s": number for what, number in _counts(inventory).items()}
    return {
        "schema": 1,
        "file": str(path),
        "ok": inventory is not None,
        "counts": counts,
        "errors": [_as_json(error) for error in errors],
        "warnings": [_as_json(warning) for warning in inventory.warnings] if inventory else [],
    }


def _as_json(error: InventoryError) -> dict[str, Any]:
    return {
        "file": str(error.file),
        "line": error.line,
        "key": error.key_path or None,
        "message": error.message,
        "suggestion": error.suggestion,
    }
