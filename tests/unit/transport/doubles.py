"""What doubles of a transport have in common."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from engine.model.host import Host
from engine.transport.failures import JumpFailed


class NoTunnels:
    """A transport without a jump host."""

    def tunnel(
        self, host: Host, address: str, port: int, *, deadline_s: float
    ) -> AbstractAsyncContextManager[Path]:
        """See `Transport.tunnel`."""
        raise JumpFailed("No tunnel leads there.", hint="This is a double.")
