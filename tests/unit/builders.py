"""Small builders of hosts, facts and looks: a healthy host, of which a test changes one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from engine.model.facts import (
    Change,
    Container,
    Deployment,
    Facts,
    Failure,
    Filesystem,
    Kernel,
    Look,
    OperatingSystem,
    Packages,
    Reboot,
    Transaction,
)
from engine.model.host import Check, Host, Replacement, Service

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DEBIAN = "Debian:12.12/oldstable"
SECURITY = "Debian-Security:12/oldstable-security"
THIRD_PARTY = "Docker CE:bookworm"


def host(name: str = "server1", **fields: Any) -> Host:
    """A declared host that may be down for a day, with a console, not on the internet."""
    declared = Host(
        name=name, address=f"{name}.example.com", outage="tolerable", console=True, exposed=False
    )
    return replace(declared, **fields)


def service(name: str = "gitlab", host_name: str = "server1", **fields: Any) -> Service:
    """A service that lacks nothing for a replacement."""
    whole = Service(
        name=name,
        host=host_name,
        names=(f"{name}.example.com",),
        units=(f"{name}.service",),
        deploy=f"./deploy/{name}.sh",
        restore=f"./restore/{name}.sh",
        backup_age=f"./backup/age.sh {name}",
        checks=(Check(unit=f"{name}.service"),),
    )
    return replace(whole, **fields)


def replaceable(**fields: Any) -> Host:
    """A host for which the inventory holds everything that a replacement needs."""
    return host(
        **{
            "services": (service(),),
            "zones_cover": True,
            "replacement": Replacement("./iac/provision.sh", "./iac/decommission.sh", 432_000),
            **fields,
        }
    )


def upgrade(name: str, *, security: bool = False, origin: str | None = "", **fields: Any) -> Change:
    """A package that goes from 1.0 to 1.1; an empty origin means the distribution's own."""
    shown = (SECURITY if security else DEBIAN) if origin == "" else origin
    return replace(Change(name, "upgrade", "1.0", "1.1", shown, security), **fields)


def install(name: str, **fields: Any) -> Change:
    """A package that is new."""
    return replace(Change(name, "install", None, "1.1", DEBIAN), **fields)


def remove(name: str) -> Change:
    """A package that goes."""
    return Change(name, "remove", "1.0", None, None)


def packages(*changes: Change, dist: tuple[Change, ...] = (), **fields: Any) -> Packages:
    """A sound dpkg with these changes pending; ``dist`` is what dist-upgrade does besides."""
    every = (*changes, *dist)
    found = Packages(
        upgradable=sum(change.action == "upgrade" for change in every),
        security=sum(change.security for change in every),
        held=(),
        kept_back=tuple(c.name for c in dist if c.action != "remove"),
        phased=(),
        esm=(),
        broken=(),
        interrupted=False,
        transactions=(
            Transaction("upgrade", changes, 1_000_000, 2_000_000),
            Transaction("dist-upgrade", every, 1_000_000, 2_000_000),
        ),
    )
    return replace(found, **fields)


def facts(*changes: Change, name: str = "server1", **fields: Any) -> Facts:
    """A full look, as root, at a healthy Debian 12 with these changes pending."""
    found = Facts(
        host=name,
        taken_at=NOW,
        depth="full",
        privileged=True,
        family="apt",
        fingerprint="f1",
        boot_id="0f0e0d0c-0000-4000-8000-000000000001",
        uptime_s=20 * 86_400,
        os=OperatingSystem(
            id="debian",
            version_id="12",
            codename="bookworm",
            pretty_name="Debian GNU/Linux 12 (bookworm)",
            support_ends=date(2028, 6, 30),
        ),
        virtualization="kvm",
        kubernetes_node=False,
        kernel=Kernel("6.1.0-40-amd64", "6.1.0-40-amd64"),
        reboot=Reboot(required=False),
        failed_units=(),
        filesystems=(
            Filesystem("/", 20_000_000_000, 1_000_000),
            Filesystem("/boot", 700_000_000, 10_000),
        ),
        lists_age_s=3_600,
        packages=packages(*changes),
        auto_updates=(),
        services_to_restart=(),
        containers=(),
        systemd=True,
    )
    return replace(found, **fields)


def light(**fields: Any) -> Facts:
    """A light look at the same host, with five updates pending, two of them for security."""
    seen = Packages(upgradable=5, security=2, held=(), broken=(), interrupted=False)
    return facts(**{"depth": "light", "packages": seen, "filesystems": None, **fields})


def deployment(index: int, **fields: Any) -> Deployment:
    """One deployment of an image-based host."""
    found = Deployment(
        index=index,
        version=f"43.{index}",
        checksum=f"{index}" * 64,
        image=None,
        origin="fedora:fedora/x86_64/coreos/stable",
        booted=False,
        staged=False,
        rollback=False,
        pinned=False,
        unlocked=None,
        layered=(),
        timestamp=datetime(2026, 11, 20 - index, tzinfo=UTC),
    )
    return replace(found, **fields)


def rpm_ostree(*deployments: Deployment, **fields: Any) -> Facts:
    """A look at an rpm-ostree host; without deployments: one booted and one to go back to."""
    return facts(
        **{
            "family": "rpm-ostree",
            "packages": None,
            "lists_age_s": None,
            "os": OperatingSystem(id="fedora", version_id="43", pretty_name="Fedora CoreOS 43"),
            "deployments": deployments
            or (deployment(0, booted=True), deployment(1, rollback=True)),
            **fields,
        }
    )


def look(found: Facts) -> Look:
    """A look that worked."""
    return Look(found.host, found.taken_at, facts=found)


def lost(name: str = "server9", kind: str = "timeout") -> Look:
    """A look at a host that did not answer."""
    return Look(
        name, NOW, error=Failure(kind, "No answer within 10 s.", "Is the host up? ping it.")
    )


def container(name: str = "web") -> Container:
    """A running container."""
    return Container(name, "nginx:1", "unless-stopped")
