"""``hostshift init``: a first inventory from OpenSSH or Ansible files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.errors import InputError, ReadOnlyError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``init``."""
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="an OpenSSH client configuration (default: ~/.ssh/config) or an Ansible inventory "
        "(INI, or the JSON of ansible-inventory --list)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write there, if nothing is there yet"
    )


def run(args: argparse.Namespace) -> int:
    """Print or write the inventory.

    Raises:
        InputError: the source can't be read or holds no host, or the output exists.
        ReadOnlyError: a file should be written by a read-only hostshift.
    """
    from engine.inventory.importing import read_source, write_inventory
    from engine.inventory.reading import read_text

    if args.output is not None and args.read_only:
        raise ReadOnlyError("writing an inventory")
    text = write_inventory(read_source(args.source))
    # What is handed over passes check; anything else is told here and nothing is written.
    read_text(args.output or Path("inventory.toml"), text)
    if args.output is None:
        sys.stdout.write(text)
        return 0
    try:
        with args.output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(
            f"{args.output} exists, and is not overwritten.",
            hint="Name another file, or take what you need from `hostshift init` without --output.",
        ) from None
    except OSError as error:
        raise InputError(
            f"{args.output} can't be written: {error.strerror}.", hint="Name another file."
        ) from None
    print(f"Wrote {args.output}; `hostshift check --inventory {args.output}` reads it.")
    return 0
