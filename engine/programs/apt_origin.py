"""Origins as apt prints them: ``LABEL:VERSION/SUITE``, several joined by ``, ``.

Source: apt's pkgcache.cc, ``pkgCache::VerIterator::RelStr``. LABEL may hold blanks and slashes,
VERSION may be missing, and without a Release file there is only a host's name or ``localhost``.
"""

from __future__ import annotations

_DISTRIBUTIONS = frozenset(
    {"debian", "debian-security", "debian backports", "ubuntu", "ubuntuesm", "ubuntuesmapps"}
)


def split(origins: str) -> tuple[str, ...]:
    """The single origins of a package version."""
    return tuple(part for part in origins.split(", ") if part)


def suite(origin: str) -> str:
    """The suite of one origin: what follows the last slash or colon."""
    return origin.rpartition("/")[2].rpartition(":")[2]


def label(origin: str) -> str:
    """The label of one origin: what stands before the first colon."""
    return origin.partition(":")[0]


def is_security(origins: str) -> bool:
    """Whether some origin is a security archive.

    That is a suite ``*-security`` (Debian 11 and later, Ubuntu, its ESM archives) or the label
    ``Debian-Security`` (Debian 10 and earlier, whose suite is ``oldstable``).
    """
    return any(
        suite(origin).endswith("-security") or label(origin) == "Debian-Security"
        for origin in split(origins)
    )


def is_third_party(origins: str | None) -> bool | None:
    """Whether no origin is the distribution's own; None where there is no origin to judge."""
    known = split(origins or "")
    if not known:
        return None
    return not any(label(origin).lower() in _DISTRIBUTIONS for origin in known)
