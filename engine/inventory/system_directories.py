"""Directories that belong to one machine's system and never to a service's data, and why.

Copied onto a successor they would overwrite its own. Sources: the Filesystem Hierarchy Standard
3.0, hier(7), file-hierarchy(7).
"""

from __future__ import annotations

from typing import Final

_PROGRAMS: Final = "programs and libraries of the installed release"
_AT_BOOT: Final = "made anew by the kernel and the system at each boot"
_PACKAGES: Final = "the package manager's record of what is installed here"
_MACHINE: Final = "what this very machine is, knows of itself and is reached by"

WHOLE: Final = {
    "/bin": _PROGRAMS,
    "/boot": "the kernels and the boot loader of this very machine",
    "/dev": _AT_BOOT,
    "/etc/netplan": _MACHINE,
    "/etc/network": _MACHINE,
    "/etc/ssh": "the host keys by which this very machine is known",
    "/lib": _PROGRAMS,
    "/lib32": _PROGRAMS,
    "/lib64": _PROGRAMS,
    "/libx32": _PROGRAMS,
    "/ostree": _PROGRAMS,
    "/proc": _AT_BOOT,
    "/run": _AT_BOOT,
    "/sbin": _PROGRAMS,
    "/sys": _AT_BOOT,
    "/sysroot": _PROGRAMS,
    "/usr/bin": _PROGRAMS,
    "/usr/include": _PROGRAMS,
    "/usr/lib": _PROGRAMS,
    "/usr/lib32": _PROGRAMS,
    "/usr/lib64": _PROGRAMS,
    "/usr/libexec": _PROGRAMS,
    "/usr/sbin": _PROGRAMS,
    "/usr/share": _PROGRAMS,
    "/var/lib/apt": _PACKAGES,
    "/var/lib/cloud": _MACHINE,
    "/var/lib/dpkg": _PACKAGES,
    "/var/lib/hostshift": "hostshift's own record of what it did here",
    "/var/lib/rpm": _PACKAGES,
    "/var/lib/systemd": _MACHINE,
    "/var/run": _AT_BOOT,
}
"""Neither these nor anything below them."""

ITSELF: Final = {
    "/": "the whole system",
    "/etc": "the configuration of this very machine, its name, accounts and addresses among it",
    "/tmp": "passing files of every program",
    "/usr": _PROGRAMS,
    "/usr/local": "programs of this machine's own",
    "/var": "the package manager's records and the logs among the data",
    "/var/cache": "what programs can make anew",
    "/var/lib": "the package manager's records among the data",
    "/var/log": "the logs of this very machine",
    "/var/spool": "the crontabs and queues of every program",
    "/var/tmp": "passing files of every program",
}
"""Not these, but directories below them may hold a service's data."""


def why_system(path: str) -> tuple[str, bool] | None:
    """Why an absolute, normalised path is no service's, and whether paths below it may be one's.

    None where it may be a volume.
    """
    if path in ITSELF:
        return ITSELF[path], True
    for top, why in WHOLE.items():
        if path == top or path.startswith(top + "/"):
            return why, False
    return None
