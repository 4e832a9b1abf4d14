"""Names and addresses: what may stand in a path, a DNS message or an argument of ssh."""

from __future__ import annotations

import ipaddress
import posixpath
import re
import shlex
from typing import Final
from urllib.parse import urlsplit

from engine.inventory.system_directories import why_system
from engine.inventory.wrong import WrongValue, shown

HOST_NAME: Final = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$"
WORD: Final = r"^[^\s,]+$"
SOURCE_PACKAGE: Final = r"^[A-Za-z0-9][A-Za-z0-9+._-]*$"

_HOST_NAME = re.compile(HOST_NAME[1:-1])
_WORD = re.compile(WORD[1:-1])
_SOURCE_PACKAGE = re.compile(SOURCE_PACKAGE[1:-1])
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_TARGET = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s/]+)@)?(?P<address>\[[0-9A-Fa-f:.]+\]|[^@:\[\]\s/]+)"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)


def host_name(text: str) -> str:
    """A host's name in the inventory, which also names directories and the successor.

    Raises:
        WrongValue: it is not made of letters, digits, dots, hyphens and underscores.
    """
    return _name(text, "host")


def service_name(text: str) -> str:
    """A service's name, which also stands in the environment of its scripts.

    Raises:
        WrongValue: as for a host's name.
    """
    return _name(text, "service")


def _name(text: str, what: str) -> str:
    if _HOST_NAME.fullmatch(text) and all(0 < len(part) < 64 for part in text.split(".")):
        return text
    better = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")
    meant = f'such as "{better}"' if better != text and _HOST_NAME.fullmatch(better) else None
    raise WrongValue(
        f"{shown(text)} can't name a {what}: letters, digits, '-', '_' and '.' in labels of 1 to "
        "63, a letter or digit at both ends",
        meant,
    )


def dns_name(text: str) -> str:
    """A DNS name (RFC 1035 section 2.3.4), lower case, without the final dot.

    Underscores and a leftmost ``*`` are allowed, as zones hold both.

    Raises:
        WrongValue: a label is empty, too long, or has other characters.
    """
    if not text.isascii():
        try:
            ascii_form = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise WrongValue(f"{shown(text)} is not a DNS name") from None
        raise WrongValue(f"{shown(text)} is not a DNS name", f'write its ASCII form "{ascii_form}"')
    name = text.removesuffix(".").lower()
    labels = name.removeprefix("*.").split(".")
    if len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels):
        return name
    if "://" in text:
        raise WrongValue(f"{shown(text)} is not a DNS name", f'did you mean "{_host_of(text)}"?')
    raise WrongValue(f"{shown(text)} is not a DNS name")


def _host_of(text: str) -> str | None:
    try:
        return urlsplit(text).hostname if "://" in text else None
    except ValueError:
        return None


def address(text: str) -> str:
    """What SSH connects to: an IP address, a DNS name or an alias of the OpenSSH configuration.

    Raises:
        WrongValue: it could be read as an option, or holds a user, a port or blanks.
    """
    return _target(text, "address")


def server(text: str) -> str:
    """A DNS server: an address or a name, without a port.

    Raises:
        WrongValue: as for an address.
    """
    return _target(text, "server")


def jump(text: str) -> str:
    """A host to connect through: one of the inventory, or an OpenSSH alias.

    Raises:
        WrongValue: as for an address.
    """
    try:
        return _target(text, "jump")
    except WrongValue as error:
        raise WrongValue(
            f"{shown(text)} is not the name of a host",
            "a user, a port or further jumps belong to a Host entry of ~/.ssh/config",
        ) from error


def _target(text: str, key: str) -> str:
    if _is_ipv6(text.strip("[]")):
        return text.strip("[]")
    usable = _WORD.fullmatch(text) and text.isprintable() and not set(text) & set("@:/[]")
    if usable and not text.startswith("-"):
        return text
    raise WrongValue(f"{shown(text)} is not an address", _parts_of(text, key))


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6  # a link-local one may name its interface
    except ValueError:
        return False


def _parts_of(text: str, key: str) -> str | None:
    """How a URL-like target is written in keys of its own."""
    split = _TARGET.fullmatch(text)
    if split is None or not (split["user"] or split["port"]):
        return None
    parts = {"user": split["user"], key: split["address"].strip("[]"), "port": split["port"]}
    written = [
        f"{name} = {value if name == 'port' else shown(value)}"
        for name, value in parts.items()
        if value
    ]
    return f"write {' and '.join(written)}"


def word(text: str) -> str:
    """One word: a group, a redundancy set, a user, a unit or a container.

    Raises:
        WrongValue: empty, with blanks or commas, or it could be read as an option.
    """
    if not _WORD.fullmatch(text) or text.startswith("-") or not text.isprintable():
        raise WrongValue(f"{shown(text)} is not one word (no blanks, no commas, no '-' in front)")
    return text


def source_package(text: str) -> str:
    """A source package's name (Debian Policy 5.6.1, widened to what rpm allows).

    Raises:
        WrongValue: it has other characters.
    """
    if not _SOURCE_PACKAGE.fullmatch(text):
        raise WrongValue(f"{shown(text)} is not a package name")
    return text


def line(text: str) -> str:
    """Text that is not empty and holds nothing a program's argument can't.

    Raises:
        WrongValue: it is blank, or has control characters besides tab and newline.
    """
    if not text.strip():
        raise WrongValue("must not be empty", "leave the key out instead")
    if not all(char.isprintable() or char in "\t\n" for char in text):
        raise WrongValue(f"{shown(text)} holds a control character")
    return text


def program(text: str) -> str:
    """A program of this machine with its arguments, quoted as for a shell (which never sees it).

    Raises:
        WrongValue: it is blank, or a quotation mark is left open.
    """
    try:
        words = shlex.split(line(text))
    except ValueError as error:
        if isinstance(error, WrongValue):
            raise
        raise WrongValue(f"{shown(text)} leaves a quotation mark open") from error
    if not words or not words[0]:
        raise WrongValue(f"{shown(text)} names no program")
    return text


def volume(text: str) -> str:
    """An absolute directory of data, normalised, that is not the system's own.

    Raises:
        WrongValue: it is relative, or a directory of the system.
    """
    if not text.startswith("/") or not text.isprintable() or ".." in text.split("/"):
        raise WrongValue(f"{shown(text)} is not an absolute path", "volumes are paths on the host")
    path = posixpath.normpath("/" + text.lstrip("/"))
    system = why_system(path)
    if system is not None:
        why, below = system
        raise WrongValue(
            f"{shown(path)} belongs to the system ({why}); a volume is a directory of a service's "
            "data",
            "name the directories below it that hold data" if below else None,
        )
    return path


def url(text: str) -> str:
    """An http or https URL with a host.

    Raises:
        WrongValue: another scheme, no host, or blanks.
    """
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or not text.isprintable() or " " in text:
        better = None if "://" in text or not _WORD.fullmatch(text) else f"https://{text}"
        raise WrongValue(
            f"{shown(text)} is not an http or https URL",
            f'did you mean "{better}"?' if better else None,
        )
    return text


def store_url(text: str) -> str:
    """Where runs are recorded: ``sqlite:///PATH`` or ``postgresql://...``.

    Raises:
        WrongValue: another scheme. The message never holds the URL, it may carry a password.
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "postgresql" and rest and text.isprintable():
        return text
    if separator and scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        return text
    meant = {"postgres": 'write "postgresql://..."', "sqlite": 'write "sqlite:///PATH"'}
    raise WrongValue(
        'must begin with "sqlite:///" or "postgresql://"', meant.get(scheme.partition("+")[0])
    )
