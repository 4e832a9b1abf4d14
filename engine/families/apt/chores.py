"""Small work on an apt host that is no candidate; it is planned and confirmed like one."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

from engine.errors import InputError, RefusedError
from engine.model.facts import Facts
from engine.model.host import Host

NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?")
"""A package's name (Debian policy 5.6.7), with an architecture where it is a foreign one."""
_ONLY_BY_REBOOT: Final = (
    *("dbus*.service", "systemd-*.service", "user@*.service", "getty@*.service"),
    *("serial-getty@*.service", "gdm*.service", "lightdm.service", "sddm.service"),
)
"""What needrestart leaves alone by its own defaults (needrestart.conf, override_rc), since sessions
or the whole host hang on it."""


def marked(chore: str) -> tuple[str, tuple[str, ...]]:
    """``hold:NAME,...`` or ``unhold:NAME,...`` as the verb and the names.

    Raises:
        InputError: a name is none, or there is none.
    """
    verb, _, rest = chore.partition(":")
    names = tuple(dict.fromkeys(rest.split(",")))
    wrong = [name for name in names if not NAME.fullmatch(name)]
    if wrong:
        raise InputError(
            f"{wrong[0]!r} is no name of a package.",
            hint=f"Name packages after the colon, as {verb}:openssl,libssl3.",
        )
    return verb, names


def to_restart(host: Host, facts: Facts) -> tuple[str, ...]:
    """The services that use replaced files and can be restarted one by one.

    Raises:
        RefusedError: there is none, or it isn't known.
    """
    found = facts.services_to_restart
    if found is None:
        raise RefusedError(
            f"Which services of {host.name} use replaced files isn't known.",
            hint="Install needrestart there, then look again in full.",
        )
    alone = tuple(s for s in found if not any(fnmatchcase(s, p) for p in _ONLY_BY_REBOOT))
    if not alone:
        rest = f" Only a reboot renews {', '.join(found)}." if found else ""
        raise RefusedError(
            f"No service of {host.name} is known to use replaced files.{rest}",
            hint=f"hostshift plan {host.name} reboot",
        )
    return alone
