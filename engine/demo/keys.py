"""Keys and OpenSSH files of one start of the demo: made anew, private, and gone with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import asyncssh

DOMAIN = "servers.example.com"
ALGORITHM = "ssh-ed25519"


def new_key(comment: str) -> asyncssh.SSHKey:
    """A key pair that nobody has seen before."""
    return asyncssh.generate_private_key(ALGORITHM, comment=comment)


def write_client_files(
    place: Path, client_key: asyncssh.SSHKey, hosts: Mapping[str, tuple[int, asyncssh.SSHKey]]
) -> Path:
    """Write the client's key, known_hosts and configuration; returns the configuration's path.

    The configuration is what carries the names of the demo's hosts to ports on loopback, as a
    real one carries names to addresses; known_hosts vouches for each host's own key, so checking
    is as strict as anywhere.
    """
    identity, known, config = place / "id_ed25519", place / "known_hosts", place / "ssh_config"
    identity.touch(mode=0o600)
    client_key.write_private_key(identity)
    known_lines, blocks = [], []
    for name, (port, key) in hosts.items():
        alias = f"{name}.{DOMAIN}"
        public = key.export_public_key().decode("ascii").split()[:2]
        known_lines.append(f"{alias} {' '.join(public)}\n")
        blocks.append(
            f"Host {alias}\n  HostName 127.0.0.1\n  Port {port}\n  HostKeyAlias {alias}\n"
        )
    common = (
        f'Host *\n  IdentityFile "{identity}"\n  IdentitiesOnly yes\n  IdentityAgent none\n'
        f'  UserKnownHostsFile "{known}"\n  GlobalKnownHostsFile /dev/null\n'
    )
    known.write_text("".join(known_lines), "ascii")
    config.write_text("".join([*blocks, common]), "utf-8")
    return config
