"""Which sort of file an import is given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from engine.errors import InputError
from engine.inventory.importing import ansible, openssh
from engine.inventory.importing.found import Found

LARGEST_BYTES: Final = 64 * 1024 * 1024

_SECTION = re.compile(r"^\[[^\]]+\]", re.MULTILINE)
_YAML_LINE = re.compile(r"^(?:---|[A-Za-z_][\w-]*:)\s*$", re.MULTILINE)


def ssh_config() -> Path:
    """The user's OpenSSH client configuration."""
    return Path("~/.ssh/config").expanduser()


def read_source(path: Path | None) -> Found:
    """The hosts of an OpenSSH client configuration or of an Ansible inventory.

    Without a path, of the user's own client configuration.

    Raises:
        InputError: it can't be read, or holds no host.
    """
    found = _read(path or ssh_config(), named=path is not None)
    if not found.hosts:
        raise InputError(
            f"There is no host in {found.source}.",
            hint="Patterns such as `Host *` are no hosts. Name another file with --from: an "
            "OpenSSH client configuration or an Ansible inventory.",
        )
    return found


def _read(path: Path, *, named: bool) -> Found:
    text = _text(path, named=named)
    if path.suffix in (".yml", ".yaml") or (_YAML_LINE.search(text) and not _SECTION.search(text)):
        raise InputError(
            f"{path} is YAML, which hostshift doesn't read.",
            hint=f"Let Ansible read it: `ansible-inventory -i {path} --list > hosts.json`, "
            "then `hostshift init --from hosts.json`.",
        )
    if text.lstrip().startswith("{"):
        return ansible.read_json(path, text)
    if _is_client_configuration(text) and not _SECTION.search(text):
        return openssh.read(path, text)
    return ansible.read_ini(path, text)


def _is_client_configuration(text: str) -> bool:
    """Whether a line begins as one of ssh_config(5); Ansible would want NAME=VALUE after it."""
    for line in text.splitlines():
        words = line.replace("=", " ", 1).split() if line.count("=") == 1 else line.split()
        if len(words) > 1 and words[0].lower() in ("host", "match", "include"):
            return not any("=" in word for word in words) and "ansible_" not in line
    return False


def _text(path: Path, *, named: bool) -> str:
    hint = (
        "Name an OpenSSH client configuration or an Ansible inventory (INI, or the JSON of "
        "`ansible-inventory --list`)."
        if named
        else "Name one with --from: an OpenSSH client configuration or an Ansible inventory."
    )
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path} can't be read: {reason}.", hint=hint) from None
    if len(data) > LARGEST_BYTES or b"\0" in data:
        raise InputError(f"{path} is no text file of hosts.", hint=hint)
    return data.decode("utf-8", "replace")
