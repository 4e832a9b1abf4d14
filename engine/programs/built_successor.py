"""What a host knows of the successor that is being built for it, as the probe shows it.

Written by engine/host/successor.sh: a name, an address, and perhaps "serves", a line each.
"""

from __future__ import annotations

from engine.inventory.names import host_name
from engine.inventory.wrong import WrongValue
from engine.model.facts import BuiltSuccessor
from engine.successor import is_address
from engine.text import clean


def parse(output: bytes) -> BuiltSuccessor | None:
    """Read the section ``successor``; None where it isn't whole, or can't be a name and an address.

    Whether it is a successor of this host, `engine.successor.follows` says.
    """
    lines = [line.strip() for line in clean(output).split("\n")]
    if len(lines) < 2:
        return None
    name, address = lines[:2]
    try:
        host_name(name)
        if not is_address(address):
            host_name(address)
    except WrongValue:
        return None
    return BuiltSuccessor(name, address, serves=lines[2:3] == ["serves"])
