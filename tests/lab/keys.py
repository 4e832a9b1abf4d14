"""The SSH keys of a lab: one for each user of its hosts, and each host's own."""

import os
from pathlib import Path

from tests.lab.processes import run

HOMES = {"root": "root", "admin": "home/admin", "asker": "home/asker", "outsider": "home/outsider"}
"""The users of every host. admin: sudo without a password; asker: with one; outsider: none."""

PASSWORDS = {"asker": "lab-password-asker", "outsider": "lab-password-outsider"}


def make_key(path: Path, comment: str) -> Path:
    """Make a key pair, if it is not there, and return the private one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])
    return path


def authorize(root: Path, identities: dict[str, Path]) -> None:
    """Let each user in with their key."""
    for user, identity in identities.items():
        home = root / HOMES[user]
        owner = home.stat()
        folder = home / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / "authorized_keys"
        file.write_text(identity.with_suffix(".pub").read_text())
        file.chmod(0o600)
        for path in (folder, file):
            os.chown(path, owner.st_uid, owner.st_gid)
