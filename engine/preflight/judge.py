"""What follows from a preflight: what stops a replacement, what to decide, what isn't known. Pure.

The remedies name keys of the inventory or acts on the host. Whatever could not be read becomes a
finding too: a replacement that begins with an unknown says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from engine.candidates.replace import missing
from engine.dns.marks import Mark
from engine.dns.survey import MEND, Survey
from engine.model.host import Host
from engine.preflight import on_name_and_address, on_services, on_volumes
from engine.preflight.values import Finding, Preflight
from engine.successor import Successor

_ORDER: Final = {"stops": 0, "warns": 1, "tells": 2}


def judge(
    host: Host,
    found: Preflight,
    successor: Successor,
    names: Survey | None = None,
    marks: tuple[Mark, ...] | None = None,
    *,
    dns_asked: bool = False,
) -> tuple[Finding, ...]:
    """Everything to know before the successor is built, the gravest first.

    Args:
        marks: Records that hold the host's address and don't move by themselves.
        dns_asked: The successor's name was compared with the names that DNS knows.
    """
    findings = [
        *(Finding(b.id, "stops", b.message, b.remedy) for b in missing(host)),
        *on_volumes.volumes(found),
        *on_volumes.overlaps(found),
        *on_services.databases(host, found),
        *on_services.freezes(host, found),
        *on_services.runs(host, found),
        *on_services.writers(found),
        *on_services.owners(found),
        *on_services.tools(host, found),
        *on_name_and_address.name_and_address(host, found),
        *on_name_and_address.certificates(found),
        *_names(names),
        *_marks(marks or ()),
        *_unknown(host, found, successor, dns_asked=dns_asked),
    ]
    return tuple(sorted(findings, key=lambda f: _ORDER[f.level]))  # sorted() keeps the rest


def _names(survey: Survey | None) -> Iterator[Finding]:
    if survey is None:
        return
    for named in survey.names:
        if named.verdict in MEND:
            yield Finding("name", "warns", f"{named.shown}.", MEND[named.verdict])
    for problem in survey.all_problems:
        yield Finding("name-server", "warns", f"{problem.message}.", problem.hint)


def _marks(marks: Iterable[Mark]) -> Iterator[Finding]:
    for mark in marks:
        if mark.kind == "ptr":
            yield Finding(
                "ptr", "tells",
                f"{mark.address} is called {mark.says} (PTR), which mail servers look at: the "
                "successor's address needs a name, too.",
            )  # fmt: skip
        else:
            yield Finding(
                "spf", "warns",
                f"{mark.name} lets {mark.address} send its mail (SPF, {mark.says}), and not its "
                "successor unless that lies in there.",
                f"add the successor's address to the SPF record of {mark.name} before the cutover",
            )  # fmt: skip


def _unknown(
    host: Host, found: Preflight, successor: Successor, *, dns_asked: bool
) -> Iterator[Finding]:
    if not found.privileged:
        why = f": {found.not_root}" if found.not_root else ""
        yield Finding(
            "not-root", "warns",
            f"Looked at without root, so what isn't found here may be there all the same{why}.",
            'become = "sudo"',
        )  # fmt: skip
    for unread in found.unread:
        yield Finding("unread", "warns", f"Not known: {unread}")
    if not dns_asked:
        yield Finding(
            "dns-unknown", "tells",
            f"{successor.name} is free in the inventory; whether the DNS knows that name could not "
            "be asked.",
        )  # fmt: skip
    if host.services:
        yield Finding(
            "elsewhere-unknown", "tells",
            "What can't be seen from here: registrations with backup and monitoring, licences "
            "bound to the hardware, and what of the DNS nobody could ask.",
        )  # fmt: skip
