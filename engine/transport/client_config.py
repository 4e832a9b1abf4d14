"""The OpenSSH client configuration (ssh_config(5)), read once and asked for many hosts.

What is honoured are the keywords that decide where, as whom and with which keys a connection is
made; all others are left alone. The first value that is obtained for a keyword wins, files are
read as ``~/.ssh/config`` then ``/etc/ssh/ssh_config``, and `Include`, `Host` and `Match` behave
as in OpenSSH 9 (readconf.c). Host names are not canonicalised (`CanonicalizeHostname`).
"""

from __future__ import annotations

import getpass
import glob
import hashlib
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import Final

from engine.errors import InputError

SYSTEM_FILE: Final = Path("/etc/ssh/ssh_config")
MAX_DEPTH: Final = 16
"""How deep `Include` may nest (readconf.c, READCONF_MAX_DEPTH)."""
MATCH_EXEC_S: Final = 10.0
"""Seconds that a command of `Match exec` may take; OpenSSH would wait for ever."""
_DEFAULT_KEYS: Final = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")
_USER_HOSTS: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_GLOBAL_HOSTS: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_MANY: Final = frozenset({"identityfile", "certificatefile"})
_LISTS: Final = frozenset({"userknownhostsfile", "globalknownhostsfile"})
_WHOLE_LINE: Final = frozenset({"proxycommand"})
_KNOWN: Final = (
    frozenset(
        [
            "hostname",
            "user",
            "port",
            "identitiesonly",
            "identityagent",
            "proxyjump",
            "hostkeyalias",
            "addressfamily",
            "bindaddress",
            "serveraliveinterval",
            "serveralivecountmax",
            "ciphers",
            "macs",
            "kexalgorithms",
            "hostkeyalgorithms",
            "pubkeyauthentication",
            "tag",
        ]
    )
    | _MANY
    | _LISTS
    | _WHOLE_LINE
)
_FLAGS: Final = frozenset({"all", "canonical", "final"})
_LINE = re.compile(r'^\s*"?(?P<word>[A-Za-z0-9]+)"?(?:\s*=\s*|\s+)(?P<rest>.*?)\s*$')
_TOKEN = re.compile(r"%(.?)")
_TIME = re.compile(r"(\d+)([smhdwSMHDW]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ClientConfigError(InputError):
    """The OpenSSH client configuration can't be used; the message names file and line."""

    kind = "client-config"


@dataclass(frozen=True, slots=True)
class Directive:
    """One line: its keyword in lower case, its words, and where it stands.

    ``included`` holds, for an `Include`, the lines of the files it names.
    """

    keyword: str
    words: tuple[str, ...]
    file: Path
    line: int
    included: tuple[Directive, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the client configuration says of one host; see ssh_config(5) for each.

    Attributes:
        alias: The name that was asked for.
        identity_files: None where the configuration names none: then the default keys count.
        identity_agent: The agent's socket, or None for no agent.
    """

    alias: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...] | None
    identities_only: bool
    identity_agent: str | None
    certificate_files: tuple[Path, ...]
    proxy_jump: tuple[str, ...]
    proxy_command: str | None
    known_hosts: tuple[Path, ...]
    global_known_hosts: tuple[Path, ...]
    host_key_alias: str | None
    address_family: socket.AddressFamily
    bind_address: str | None
    alive_interval_s: float | None
    alive_count: int | None
    ciphers: str | None
    macs: str | None
    kex: str | None
    host_key_algorithms: str | None
    public_key_auth: bool


def default_keys() -> tuple[Path, ...]:
    """The keys that ssh(1) offers without being told."""
    return tuple(Path.home() / ".ssh" / name for name in _DEFAULT_KEYS)


def split_words(text: str) -> list[str]:
    """Words of a line: blanks part them, quotes hold them, ``#`` ends them (misc.c, argv_split).

    Raises:
        ValueError: a quote is not closed.
    """
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        if text[at] == "#":
            break
        word, at = _one_word(text, at)
        words.append(word)
    return words


def _one_word(text: str, at: int) -> tuple[str, int]:
    word: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if (
            char == "\\"
            and following
            and (following in "\"'\\" or (not quote and following == " "))
        ):
            word.append(following)
            at += 1
        elif not quote and char in " \t":
            break
        elif not quote and char in "\"'":
            quote = char
        elif quote and char == quote:
            quote = ""
        else:
            word.append(char)
        at += 1
    if quote:
        raise ValueError("a quote is not closed")
    return "".join(word), at


@lru_cache(maxsize=16_384)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


def matches(value: str, pattern: str) -> bool:
    """Whether one pattern with ``*`` and ``?`` matches the whole value."""
    return _compiled(pattern).fullmatch(value) is not None


def matches_list(value: str, patterns: list[str]) -> bool:
    """Whether a list of patterns matches: one of them, and none of those with ``!``."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches(value, pattern[1:]):
                return False
        elif matches(value, pattern):
            found = True
    return found


@dataclass(slots=True)
class _Reader:
    """Reads files into directives and remembers which files it looked at."""

    stamps: dict[Path, tuple[int, int, int] | None] = field(default_factory=dict)

    def read(self, path: Path, *, user: bool, depth: int = 0) -> tuple[Directive, ...]:
        if depth > MAX_DEPTH:
            raise ClientConfigError(
                f"{path}: Include is nested deeper than {MAX_DEPTH}.",
                hint="Look for files that include each other.",
            )
        self.stamps[path] = stamp(path)
        try:
            text = path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ClientConfigError(
                f"{path} can't be read: {error.strerror}.", hint="Look at its owner and mode."
            ) from error
        return tuple(self._lines(path, text, user=user, depth=depth))

    def _lines(self, path: Path, text: str, *, user: bool, depth: int) -> Iterator[Directive]:
        for number, line in enumerate(text.split("\n"), 1):
            stripped = line.strip(" \t\r\f")
            if not stripped or stripped.startswith("#"):
                continue
            found = _LINE.match(stripped)
            if found is None:
                continue
            keyword = found["word"].lower()
            if keyword in _WHOLE_LINE:
                yield Directive(keyword, (found["rest"],), path, number)
                continue
            try:
                words = tuple(split_words(found["rest"]))
            except ValueError as error:
                raise ClientConfigError(
                    f"{path}:{number}: {error}.", hint="`ssh -G HOST` says the same."
                ) from error
            if keyword == "include":
                inner = tuple(self._include(words, user=user, depth=depth))
                yield Directive(keyword, words, path, number, inner)
            elif keyword in _KNOWN or keyword in ("host", "match"):
                yield Directive(keyword, words, path, number)

    def _include(self, words: tuple[str, ...], *, user: bool, depth: int) -> Iterator[Directive]:
        base = Path.home() / ".ssh" if user else SYSTEM_FILE.parent
        for word in words:
            pattern = os.path.expanduser(expand_variables(word))
            folder = Path(os.path.dirname(base / pattern))
            self.stamps[folder] = stamp(folder)  # a new file there changes what is included
            for name in sorted(glob.glob(str(base / pattern))):
                if os.path.isfile(name):
                    yield from self.read(Path(name), user=user, depth=depth + 1)


@lru_cache(maxsize=16_384)
def _from_home(word: str, home: str | None) -> Path:
    """A path with ``~``, which is ``home`` where that is set: the same few for every host."""
    return Path(os.path.expanduser(word))


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file changes: modification time, size, inode; None without a file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def expand_variables(text: str) -> str:
    """``${NAME}`` from the environment, as ssh_config(5) allows in file names.

    Raises:
        ClientConfigError: there is no such variable.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in os.environ:
            raise ClientConfigError(
                f"The OpenSSH client configuration names ${{{name}}}, which isn't set.",
                hint=f"Set {name}, or take it out of the configuration.",
            )
        return os.environ[name]

    return _VARIABLE.sub(value, text) if "$" in text else text


@dataclass(slots=True)
class _Values:
    """What was obtained so far for one host."""

    alias: str
    host: str
    local_user: str
    final: bool
    wants_final: bool = False
    first: dict[str, tuple[str, ...]] = field(default_factory=dict)
    many: dict[str, list[str]] = field(default_factory=dict)

    def one(self, keyword: str) -> str | None:
        words = self.first.get(keyword)
        return words[0] if words else None

    @property
    def hostname(self) -> str:
        named = self.one("hostname")
        return expand(named, {"h": self.host}) if named else self.host

    def path(self, word: str) -> Path:
        """A file's name with variables, tokens and the home directory replaced."""
        return _from_home(self.expanded(expand_variables(word)), os.environ.get("HOME"))

    def files(self, words: Sequence[str]) -> tuple[Path, ...]:
        """Files by name; "none" is no file, and never "any key will do"."""
        return tuple(self.path(word) for word in words if word.lower() != "none")

    def expanded(self, text: str) -> str:
        """The text with its percent tokens replaced; most have none."""
        return expand(text, self.tokens()) if "%" in text else text

    def tokens(self) -> dict[str, str]:
        """What each token stands for (ssh_config(5), TOKENS)."""
        local = socket.gethostname()
        port = self.one("port") or "22"
        user = self.one("user") or self.local_user
        jump = self.one("proxyjump") or ""
        joined = f"{local}{self.hostname}{port}{user}{jump}"
        return {
            "C": hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest(),
            "d": str(Path.home()),
            "h": self.hostname,
            "i": str(os.getuid()),
            "j": jump,
            "k": self.one("hostkeyalias") or self.alias,
            "L": local.split(".")[0],
            "l": local,
            "n": self.alias,
            "p": port,
            "r": user,
            "u": self.local_user,
        }


def expand(text: str, tokens: Mapping[str, str]) -> str:
    """Percent tokens of ssh_config(5), section TOKENS.

    Raises:
        ClientConfigError: a token that has no meaning here.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        if found[1] not in tokens:
            raise ClientConfigError(
                f"The OpenSSH client configuration holds {text!r}, and {found[0]} means nothing "
                "there.",
                hint="See TOKENS in `man ssh_config`; a percent sign is written %%.",
            )
        return tokens[found[1]]

    return _TOKEN.sub(value, text)


class ClientConfig:
    """The client configuration of the person who runs hostshift.

    Args:
        user_file: None means ``~/.ssh/config``.
        system_file: The machine's own; None means that there is none.
    """

    def __init__(
        self, user_file: Path | None = None, system_file: Path | None = SYSTEM_FILE
    ) -> None:
        self._user_file = user_file
        self._system_file = system_file
        self._stamps: dict[Path, tuple[int, int, int] | None] = {}
        self._directives: tuple[Directive, ...] | None = None
        self._resolved: dict[tuple[str, str | None, int | None], Endpoint] = {}
        self._executed: dict[str, bool] = {}
        self._runs_commands = False
        self._local_user = getpass.getuser()
        self._lock = threading.Lock()

    @property
    def runs_commands(self) -> bool:
        """Whether it holds `Match exec`: then `resolve` may take its time, and wants a thread."""
        with self._lock:
            if self._directives is None:
                self._refresh()
            return self._runs_commands

    def resolve(self, alias: str, user: str | None = None, port: int | None = None) -> Endpoint:
        """What the configuration says of a host; ``user`` and ``port`` win over it.

        Raises:
            ClientConfigError: the configuration can't be read or understood.
        """
        with self._lock:
            self._refresh()
            key = (alias, user, port)
            if key not in self._resolved:
                self._resolved[key] = self._resolve(alias, user, port)
            return self._resolved[key]

    def _refresh(self) -> None:
        if self._directives is not None and all(
            stamp(path) == seen for path, seen in self._stamps.items()
        ):
            return
        reader = _Reader()
        user_file = self._user_file or Path.home() / ".ssh" / "config"
        directives = reader.read(user_file, user=True)
        if self._system_file is not None:
            # a Host block of the user's file does not reach into the next file
            end = Directive("host", ("*",), self._system_file, 0)
            directives += (end, *reader.read(self._system_file, user=False))
        self._directives, self._stamps = directives, reader.stamps
        self._runs_commands = _has_exec(directives)
        self._resolved.clear()
        self._executed.clear()

    def _resolve(self, alias: str, user: str | None, port: int | None) -> Endpoint:
        values = _Values(alias, alias, self._local_user, final=False)
        if user is not None:
            values.first["user"] = (user,)
        if port is not None:
            values.first["port"] = (str(port),)
        self._apply(self._directives or (), values, active=True, never=False)
        if values.wants_final:
            values.host, values.final = values.hostname, True
            values.first["hostname"] = (values.host.replace("%", "%%"),)
            self._apply(self._directives or (), values, active=True, never=False)
        return _endpoint(values)

    def _apply(
        self, directives: tuple[Directive, ...], values: _Values, *, active: bool, never: bool
    ) -> None:
        """Walk the lines; ``never`` is the inside of an Include whose block doesn't match."""
        here = active
        for line in directives:
            match line.keyword:
                case "host":
                    here = not never and matches_list(values.host, list(line.words))
                case "match":
                    here = self._matches(line, values) and not never
                case "include":
                    self._apply(line.included, values, active=here, never=never or not here)
                case keyword if here and line.words:
                    _obtain(keyword, line.words, values)
                case _:
                    pass

    def _matches(self, line: Directive, values: _Values) -> bool:
        words = list(line.words)
        result = bool(words)
        while words:
            name, _, attached = words.pop(0).partition("=")
            negated = name.startswith("!")
            name = name.lstrip("!").lower()
            if name in _FLAGS:
                values.wants_final |= name == "final"
                found = True if name == "all" else values.final
            else:
                argument = attached or (words.pop(0) if words else None)
                if argument is None:
                    raise ClientConfigError(
                        f"{line.file}:{line.line}: Match {name} needs an argument.",
                        hint="`ssh -G HOST` says the same.",
                    )
                # like OpenSSH, a command is not run once the line can't match any more
                found = self._criterion(line, name, argument, values) if result else False
            if found == negated:
                result = False
        return result

    def _criterion(self, line: Directive, name: str, argument: str, values: _Values) -> bool:
        patterns = argument.split(",")
        match name:
            case "host":
                return matches_list(values.hostname, patterns)
            case "originalhost":
                return matches_list(values.alias, patterns)
            case "user":
                return matches_list(values.one("user") or values.local_user, patterns)
            case "localuser":
                return matches_list(values.local_user, patterns)
            case "tagged":
                return matches_list(values.one("tag") or "", patterns)
            case "exec":
                return self._exec(expand(argument, values.tokens()))
            case _:
                raise ClientConfigError(
                    f"{line.file}:{line.line}: hostshift does not know `Match {name}`.",
                    hint="Put what it decides into a Host block.",
                )

    def _exec(self, command: str) -> bool:
        """Whether a command ends with status 0; each is run once while the files stand."""
        if command not in self._executed:
            shell = os.environ.get("SHELL") or "/bin/sh"
            try:
                done = subprocess.run(
                    [shell, "-c", command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=MATCH_EXEC_S,
                    check=False,
                )
                self._executed[command] = done.returncode == 0
            except (OSError, subprocess.TimeoutExpired):
                self._executed[command] = False
        return self._executed[command]


def _has_exec(directives: tuple[Directive, ...]) -> bool:
    return any(
        _has_exec(line.included)
        or (line.keyword == "match" and any("exec" in word.lower() for word in line.words))
        for line in directives
    )


def _obtain(keyword: str, words: tuple[str, ...], values: _Values) -> None:
    if keyword in _MANY:
        kept = values.many.setdefault(keyword, [])
        if words[0] not in kept:
            kept.append(words[0])
    elif keyword not in values.first:
        values.first[keyword] = words


def _endpoint(values: _Values) -> Endpoint:
    interval = values.one("serveraliveinterval")
    count = values.one("serveralivecountmax")
    identities = values.many.get("identityfile")
    # ProxyJump and ProxyCommand compete: whichever comes first in the files wins, and "none" too
    order = [k for k in values.first if k in ("proxyjump", "proxycommand")]
    jump = values.one("proxyjump") if order[:1] == ["proxyjump"] else None
    command = values.one("proxycommand") if order[:1] == ["proxycommand"] else None
    if command is not None and command.lower() != "none":
        tokens = values.tokens()
        command = expand(command, {k: tokens[k] for k in "hnpr"})
    else:
        command = None
    return Endpoint(
        alias=values.alias,
        hostname=values.hostname,
        port=_number(values.one("port"), "Port", 22),
        user=values.one("user") or values.local_user,
        identity_files=None if identities is None else values.files(identities),
        identities_only=_yes(values.one("identitiesonly")),
        identity_agent=_agent(values),
        certificate_files=values.files(values.many.get("certificatefile", ())),
        proxy_jump=tuple(jump.split(",")) if jump and jump.lower() != "none" else (),
        proxy_command=command,
        known_hosts=values.files(values.first.get("userknownhostsfile", _USER_HOSTS)),
        global_known_hosts=values.files(values.first.get("globalknownhostsfile", _GLOBAL_HOSTS)),
        host_key_alias=values.one("hostkeyalias"),
        address_family={"inet": socket.AF_INET, "inet6": socket.AF_INET6}.get(
            (values.one("addressfamily") or "any").lower(), socket.AF_UNSPEC
        ),
        bind_address=values.one("bindaddress"),
        alive_interval_s=None if interval is None else _seconds(interval),
        alive_count=None if count is None else _number(count, "ServerAliveCountMax", 3),
        ciphers=values.one("ciphers"),
        macs=values.one("macs"),
        kex=values.one("kexalgorithms"),
        host_key_algorithms=values.one("hostkeyalgorithms"),
        public_key_auth=_yes(values.one("pubkeyauthentication") or "yes"),
    )


def _yes(word: str | None) -> bool:
    return word is not None and word.lower() not in ("no", "false")


def _number(word: str | None, keyword: str, default: int) -> int:
    if word is None:
        return default
    try:
        return int(word)
    except ValueError:
        raise ClientConfigError(
            f"The OpenSSH client configuration says {keyword} {word}, which is no number.",
            hint="`ssh -G HOST` shows what is meant.",
        ) from None


def _seconds(word: str) -> float:
    """A time as sshd_config(5), TIME FORMATS, writes it: ``90``, ``1m30s``."""
    parts = _TIME.findall(word)
    if not parts or "".join(number + unit for number, unit in parts) != word:
        raise ClientConfigError(
            f"The OpenSSH client configuration says ServerAliveInterval {word}, which is no time.",
            hint="`ssh -G HOST` shows what is meant.",
        )
    return sum(int(number) * _UNITS[unit.lower()] for number, unit in parts)


def _agent(values: _Values) -> str | None:
    word = values.one("identityagent")
    if word is None or word == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if word.lower() == "none":
        return None
    if word.startswith("$") and not word.startswith("${"):
        return os.environ.get(word[1:]) or None
    return str(values.path(word))
