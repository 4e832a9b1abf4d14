"""SSH, by asyncssh: this package is its only importer, and is imported at the first connection."""

from engine.transport.ssh.transport import SshTransport

__all__ = ["SshTransport"]
