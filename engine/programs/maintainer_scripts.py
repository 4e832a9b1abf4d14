"""What the maintainer scripts of installed packages do to services, as the probe shows it.

Sources: deb-systemd-invoke(1p), invoke-rc.d(8), systemctl(1), debhelper's autoscripts.

The scripts that run are mostly those of the version that comes, which isn't known before it is
fetched; those of the installed one tell the same until a maintainer changes their mind.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from engine.programs.lines import cleaned_lines

ANY = "*"
"""Among the services that a package acts on: which ones can't be told."""
_COMMANDS = ("deb-systemd-invoke", "invoke-rc.d", "systemctl", "service", "start-stop-daemon")
_KILLS = ("kill", "pkill", "killall")
_STOPS = frozenset(
    {"stop", "restart", "try-restart", "condrestart", "reload-or-restart", "try-reload-or-restart"}
    | {"force-reload", "force-restart", "force-stop", "kill", "isolate"}
)
_KEEPS = frozenset(
    {"start", "reload", "try-reload", "status", "show", "cat", "list-units", "list-unit-files"}
    | {"is-active", "is-enabled", "is-failed", "is-system-running", "reset-failed", "preset"}
    | {"enable", "disable", "mask", "unmask", "reenable", "daemon-reload", "daemon-reexec"}
    | {"set-default", "get-default", "link", "revert", "was-enabled", "purge", "update-state"}
)
_ON_UPGRADE = "$_dh_action"
"""debhelper's variable for what it does after an upgrade: it is only used to restart."""
_SEPARATORS = re.compile(r"\s*(?:&&|\|\||;)\s*")


def parse(output: bytes) -> Mapping[str, frozenset[str]] | None:
    """Services that each package stops or restarts when it changes; a package that isn't there
    leaves all of its own running. None unless the look came to its end.
    """
    found: dict[str, set[str]] = {}
    whole = False
    for line in cleaned_lines(output):
        if line == "seen=all":
            whole = True
            continue
        package, mark, text = line.partition("|")
        if mark and package:
            found.setdefault(package, set()).update(_acted_on(text))
    return {package: frozenset(names) for package, names in found.items()} if whole else None


def stops(acts: frozenset[str], service: str) -> bool:
    """Whether a service is among those; an instance is stopped with what is named as it is."""
    name = service.partition("@")[0] + ".service"
    template = service.partition("@")[0] + "@.service"
    return ANY in acts or service in acts or ("@" in service and bool({name, template} & acts))


def _acted_on(text: str) -> Iterator[str]:
    if text.startswith((". ", "source ", ".\t")):
        yield ANY  # its functions may do anything
        return
    for part in _SEPARATORS.split(text.removesuffix("\\")):
        yield from _of_command(part)
    if text.endswith("\\"):
        yield ANY


def _of_command(part: str) -> Iterator[str]:
    try:
        words = shlex.split(part, comments=True)
    except ValueError:
        words = part.split()
    at = next((i for i, word in enumerate(words) if _is_command(word)), None)
    if at is None:
        return
    command, rest = words[at], words[at + 1 :]
    if command in _KILLS:
        yield ANY
        return
    if "--now" in rest:  # of disable and mask
        rest = ["stop", *(word for word in rest if word not in _KEEPS)]
    rest = [word for word in rest if not word.startswith(("-", ">", "<", "2>", "${DPKG_ROOT"))]
    verb = next((word for word in rest if word in _STOPS | _KEEPS or word == _ON_UPGRADE), None)
    if verb in _KEEPS:
        return
    names = [command, *rest] if command.startswith("/") else rest
    names = [name for name in names if name != verb]
    if verb is None:
        if any("$" in name for name in names if name != "$@"):
            yield ANY
        return
    for name in names:
        yield ANY if set(name) & set("$*?`") else _unit(name)


def _is_command(word: str) -> bool:
    name = word.lstrip("_(!")
    return name in _COMMANDS or name in _KILLS or word.startswith("/etc/init.d/")


def _unit(name: str) -> str:
    name = name.rpartition("/")[2]
    return name if "." in name else f"{name}.service"
