"""``hostshift status``: look at hosts, or at a saved scan, and print what was found."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.commands.scanning import Pair, chosen, exit_status, look_at_hosts
from engine.commands.status_text import details, failures, in_the_way, table
from engine.errors import InputError
from engine.status import document, from_saved, saved
from engine.text import natural_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``status``."""
    parser.add_argument("host", nargs="*", metavar="HOST", help="only these; all without a name")
    parser.add_argument(
        "--light", action="store_true", help="a cheap look: nothing is simulated on the hosts"
    )
    parser.add_argument("--json", action="store_true", help="the whole as JSON (schema 1)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the scan in this file")
    parser.add_argument(
        "--from", type=Path, metavar="FILE", dest="source", help="ask a saved scan, and no host"
    )


def run(args: argparse.Namespace) -> int:
    """Look and print; 3 when some hosts weren't reached, 4 when a person is needed for one."""
    pairs, now = _from_file(args) if args.source is not None else _from_hosts(args)
    if args.save is not None:
        save(args.save, saved(pairs, now))
    if args.json:
        sys.stdout.write(as_text(document(pairs, now)))
    else:
        _print(pairs, now, bool(args.host))
    return exit_status(look for _, look in pairs)


def _from_hosts(args: argparse.Namespace) -> tuple[tuple[Pair, ...], datetime]:
    from engine import door

    inventory = door.load(args.inventory)
    hosts = chosen(inventory, args.host)
    return look_at_hosts(args, inventory, hosts, "light" if args.light else "full")


def _from_file(args: argparse.Namespace) -> tuple[tuple[Pair, ...], datetime]:
    looks, now = from_saved(_read(args.source))
    if not args.host:
        return looks, now
    by_name = {host.name: (host, look) for host, look in looks}
    missing = [name for name in args.host if name not in by_name]
    if missing:
        raise InputError(
            f"{args.source} holds no host {missing[0]!r}.", hint=f"It has: {', '.join(by_name)}."
        )
    return tuple(by_name[name] for name in dict.fromkeys(args.host)), now


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} can't be read: {error.strerror}.", hint="Check the name given to --from."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON: {error}.", hint="Make one with: hostshift status --save FILE"
        ) from error


def save(path: Path, whole: dict[str, Any]) -> None:
    """Write a scan, for its owner only; the file is whole or isn't there.

    A pipe or a device is written to and stays what it is; a link stays a link.

    Raises:
        InputError: it can't be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(as_text(whole), "utf-8")
            return
        path = path.resolve()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(as_text(whole))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(
            f"{path} can't be written: {error.strerror}.", hint="Give --save another place."
        ) from error


def as_text(whole: dict[str, Any]) -> str:
    """A document as JSON text, with a newline at its end."""
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _print(pairs: tuple[Pair, ...], now: datetime, named: bool) -> None:
    """The table, and for few hosts that were asked for by name what stands behind it."""
    ordered = sorted(pairs, key=lambda pair: natural_key(pair[0].name))
    sys.stdout.write(table(ordered, now) + in_the_way(ordered, now))
    if named and len(ordered) <= 3:
        for host, look in ordered:
            sys.stdout.write(details(host, look, now))
    sys.stdout.flush()
    sys.stderr.write(failures(ordered))
