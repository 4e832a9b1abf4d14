"""Which inventory file is meant when none, or one, is named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.errors import InputError

VARIABLE = "HOSTSHIFT_INVENTORY"
FILE_NAME = "inventory.toml"


class NoInventoryError(InputError):
    """None was named, and there is none where one is looked for."""


def user_file() -> Path:
    """The inventory in the user's configuration directory (XDG Base Directory on Linux)."""
    from platformdirs import user_config_path

    return user_config_path("hostshift") / FILE_NAME


def find(explicit: Path | None, environ: Mapping[str, str] | None = None) -> Path:
    """The inventory to read: the one named, $HOSTSHIFT_INVENTORY, ./inventory.toml, the user's.

    A file that was named is not looked for anywhere else; reading it tells what is wrong with it.

    Raises:
        NoInventoryError: none was named and there is none; the hint says where it was looked for.
    """
    if explicit is not None:
        return explicit.expanduser()
    named = (os.environ if environ is None else environ).get(VARIABLE, "")
    if named:
        return Path(named).expanduser()
    here, own = Path(FILE_NAME), user_file()
    for path in (here, own):
        if path.exists():
            return path
    raise NoInventoryError(
        "There is no inventory yet.",
        hint=f"Looked for --inventory, ${VARIABLE}, {here.absolute()} and {own}. "
        "`hostshift init` writes a first one from your SSH configuration; "
        "`hostshift demo` shows hostshift without any server.",
    )
