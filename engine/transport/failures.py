"""What can go wrong between this machine and a host, each with a kind of its own and a hint."""

from __future__ import annotations

from engine.errors import HostshiftError, NeedsPersonError, RefusedError, UnreachableError
from engine.model.facts import Failure, HostKeyOffer


class NameError_(UnreachableError):  # noqa: N801, N818 - NameError is a builtin
    """The host's address could not be resolved."""

    kind = "dns"


class ConnectionRefused(UnreachableError):  # noqa: N818 - reads as the event it is
    """Something answered that nothing listens on the port."""

    kind = "connection-refused"


class NoRoute(UnreachableError):  # noqa: N818
    """The network said that the host can't be reached."""

    kind = "no-route"


class ConnectTimeout(UnreachableError):  # noqa: N818
    """No connection within the host's `connect` deadline; nothing was done there."""

    kind = "timeout"


class ConnectionReset(UnreachableError):  # noqa: N818
    """The server closed the connection before anyone was logged in."""

    kind = "reset"


class ConnectionDropped(UnreachableError):  # noqa: N818
    """The connection was lost in the middle; what the script did by then is not known."""

    kind = "connection-lost"


class AuthenticationRefused(UnreachableError):  # noqa: N818
    """The server took none of the keys that were offered."""

    kind = "auth"


class NoUsableKey(UnreachableError):  # noqa: N818
    """There is no key to offer: none found, unreadable, or encrypted without an agent."""

    kind = "identity"


class ProtocolFailure(UnreachableError):  # noqa: N818
    """What answers is no SSH server, or one that speaks no common algorithm."""

    kind = "protocol"


class SessionRefused(UnreachableError):  # noqa: N818
    """Logged in, but the server gives no session."""

    kind = "session"


class JumpFailed(UnreachableError):  # noqa: N818
    """The way to the host leads over another host, and that part failed.

    Attributes:
        cause: What failed on the jump host.
    """

    kind = "jump"

    def __init__(self, message: str, *, hint: str, cause: HostshiftError | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause


class HostKeyError(NeedsPersonError):
    """A host's key needs a person's eyes; nothing was sent to the host but a key exchange."""

    kind = "host-key"


class UnknownHostKey(HostKeyError):  # noqa: N818
    """Nobody has vouched for this key yet.

    Attributes:
        offer: What a person has to compare, and the line that would accept it.
    """

    kind = "host-key-unknown"

    def __init__(self, message: str, *, hint: str, offer: HostKeyOffer) -> None:
        super().__init__(message, hint=hint)
        self.offer = offer


class ChangedHostKey(HostKeyError):  # noqa: N818
    """The host shows another key than the one that known_hosts holds for it."""

    kind = "host-key-changed"


class RevokedHostKey(HostKeyError):  # noqa: N818
    """The host shows a key that known_hosts marks as revoked."""

    kind = "host-key-revoked"


class SudoPasswordNeeded(NeedsPersonError):  # noqa: N818
    """sudo asks for a password and none is in memory."""

    kind = "sudo-password"


class SudoPasswordWrong(NeedsPersonError):  # noqa: N818
    """sudo did not take the password; it was forgotten and isn't tried again."""

    kind = "sudo-password-wrong"


class NotRoot(RefusedError):  # noqa: N818
    """Root is required, and the inventory names no way to become root."""

    kind = "privilege"


class SudoDenied(NotRoot):
    """sudo knows the user and does not let it act as root."""

    kind = "sudo-denied"


class SudoMissing(NotRoot):
    """There is no sudo on the host."""

    kind = "sudo-missing"


class SudoNeedsTerminal(NotRoot):
    """sudoers says `requiretty`."""

    kind = "sudo-tty"


class SudoFailed(NotRoot):
    """sudo ended with words of its own before the script was started."""

    kind = "sudo-failed"


def as_failure(error: HostshiftError) -> Failure:
    """An error's words as a value, for what is stored and shown."""
    offer = error.offer if isinstance(error, UnknownHostKey) else None
    if isinstance(error, JumpFailed) and isinstance(error.cause, UnknownHostKey):
        offer = error.cause.offer
    return Failure(error.kind, error.message, error.hint, offer)
