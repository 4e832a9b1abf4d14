"""Whether this machine's resolver knows a name, with a deadline."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

DEADLINE_S: Final = 5
_UNKNOWN_NAME: Final = frozenset(
    code
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if (code := getattr(socket, name, None)) is not None
)
"""What says that there is no address (getaddrinfo(3)); all else says that nobody could tell."""


async def resolves(name: str) -> bool | None:
    """Whether a DNS name has an address; None: that could not be told in time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(DEADLINE_S):
            # The dot at the end keeps search domains out of it.
            await loop.getaddrinfo(f"{name.removesuffix('.')}.", None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return False if error.errno in _UNKNOWN_NAME else None
    except (OSError, UnicodeError):  # a deadline is an OSError, too
        return None
    return True
