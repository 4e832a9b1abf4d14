"""The embedded fleet of ``hostshift demo``: hosts in directories, served by SSH on loopback.

`open_demo` gives a session on it; ``engine.demo.opening`` is imported when that is called.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.session import Session


def open_demo(**options: Any) -> AbstractAsyncContextManager[Session]:
    """See `engine.demo.opening.open_demo`."""
    from engine.demo.opening import open_demo as opened

    return opened(**options)


__all__ = ["open_demo"]
