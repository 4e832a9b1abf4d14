"""``replace``: building server(n+1), or going back to server(n), and what is lacking for it."""

from __future__ import annotations

from dataclasses import replace as with_fields
from typing import Final

from engine.model.candidate import Blocker, Candidate, Effects
from engine.model.host import Host, Service

TO: Final = "to="
"""Before the name of the server to go back to, in the subset of `go_back`."""


def moving(host: Host) -> Host:
    """The host with those of its services alone that a replacement moves."""
    return with_fields(host, services=tuple(s for s in host.services if not s.stays))


def replace(host: Host) -> Candidate:
    """The candidate; blocked while the inventory lacks something of it, each thing named."""
    stay = ", ".join(s.name for s in host.services if s.stays)
    host = moving(host)
    return Candidate(
        id="replace",
        kind="replace",
        title=f"build a successor, move the services to it but for {stay}"
        if stay
        else "build the successor, move the services, end this server",
        changes=(),
        effects=Effects(
            reboot=False,
            units=tuple(sorted({unit for s in host.services for unit in s.units})),
            containers=tuple(sorted({name for s in host.services for name in s.containers})),
            conffiles=(),
        ),
        blockers=missing(host),
    )


def go_back(host: Host) -> tuple[Candidate, ...]:
    """The way back after the DNS was changed: a replacement by the server that was replaced."""
    former = host.predecessor
    if former is None:
        return ()
    subset = f"{TO}{former}"
    found = replace(host)
    return (
        with_fields(
            found,
            id=f"{found.id}:{subset}",
            title=f"go back to {former}: copy back what was written since, and switch",
            subset=subset,
            blockers=(*no_decommission(host), *_not_whole(moving(host))),
        ),
    )


def missing(host: Host) -> tuple[Blocker, ...]:
    """What the inventory lacks before server(n+1) can take over, each with the lines to add."""
    host, found = moving(host), []
    if host.replacement.provision is None:
        found.append(_lacks("a script that provisions a successor", "provision"))
    found += no_decommission(host)
    for service in host.services:
        found += _missing_of(service)
    return (*found, *_not_whole(host))


def no_decommission(host: Host) -> tuple[Blocker, ...]:
    """That nobody could end a server, where the inventory has no script for it."""
    if host.replacement.decommission is not None:
        return ()
    return (_lacks("a script that ends the old server after the soak", "decommission"),)


def _not_whole(host: Host) -> tuple[Blocker, ...]:
    """What no way from one server to another can do without."""
    found = []
    if not host.services:
        found.append(
            Blocker(
                "replace-incomplete",
                "The inventory names no service of this host, so there is nothing that could be "
                "deployed, restored and tested on a successor.",
                f'[services.NAME] host = "{host.name}"',
            )
        )
    found += [
        Blocker(
            "replace-incomplete",
            f"Service {service.name} lacks health checks, so nobody could tell that it is "
            "well on a successor.",
            f'[services.{service.name}] checks = [{{http = "https://..."}}]',
        )
        for service in host.services
        if not service.checks
    ]
    if any(service.names for service in host.services) and not host.zones_cover:
        names = sorted({name for service in host.services for name in service.names})
        found.append(
            Blocker(
                "replace-incomplete",
                f"Not all of {', '.join(names)} lie in a zone of the inventory, so the names "
                "can't be moved to a successor.",
                '[zones."EXAMPLE.COM"] server = "ADDRESS OF THE PRIMARY"',
            )
        )
    return tuple(found)


def _missing_of(service: Service) -> list[Blocker]:
    wanted = (
        (service.deploy, "a script that deploys it", "deploy"),
        (service.restore, "a script that restores its data from the backup", "restore"),
        (service.backup_age, "a script that tells how old its newest backup is", "backup_age"),
    )
    return [
        Blocker(
            "replace-incomplete",
            f"Service {service.name} lacks {what}.",
            f'[services.{service.name}] {key} = "./{key.partition("_")[0]}/{service.name}.sh"',
        )
        for value, what, key in wanted
        if value is None
    ]


def _lacks(what: str, key: str) -> Blocker:
    remedy = f'[replacement] {key} = "./iac/{key}.sh"'
    return Blocker("replace-incomplete", f"The inventory lacks {what}.", remedy)
