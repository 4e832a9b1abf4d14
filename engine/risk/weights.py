"""What makes each way of going wrong more likely on this host: weights in log-odds.

One function for each failure mode of docs/risk.md. A fact that is missing counts with its worse
plausible value, and the weight says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from engine.risk.case import DEPLOYS, Case
from engine.risk.scope import named

KEPT_UP = ("always", "unless-stopped")
"""Restart policies that bring a container back when its runtime restarts.

Docker's on-failure doesn't; after a reboot unless-stopped has not either (WisePulse 2025).
"""


class Weight(NamedTuple):
    """One reason, with the name of the number that it rests on.

    Attributes:
        times: How often the number counts.
        most: The name of the number that bounds it.
    """

    id: str
    number: str
    value: str
    evidence: str
    unknown: bool = False
    times: float = 1
    most: str | None = None


def boot(case: Case) -> Iterator[Weight]:
    """Whether the host comes up again."""
    yield from _boot_chain(case)
    yield from _uptime(case)
    if case.half_way is not False:
        value = "dpkg half-way" if case.half_way else "dpkg's state not known"
        yield Weight(
            "boot-dpkg", "boot_dpkg", value, "what boot needs may be half done",
            unknown=case.half_way is None,
        )  # fmt: skip
    if case.release:
        yield Weight("boot-release", "boot_release", "another release", "everything boots anew")


def _uptime(case: Case) -> Iterator[Weight]:
    numbers, days = case.numbers, case.days_up
    worst = max("uptime_longer", "uptime_long", key=lambda number: numbers[number])
    if days is None:
        yield Weight(
            "uptime", worst, "uptime not known", f"taken as over {numbers['days_longer']:g} days",
            unknown=True,
        )  # fmt: skip
    elif days > min(numbers["days_long"], numbers["days_longer"]):
        number = worst if days > numbers["days_longer"] else "uptime_long"
        yield Weight("uptime", number, f"{days} days up", "what changed since was never booted")


def _boot_chain(case: Case) -> Iterator[Weight]:
    scope, kernel = case.scope, case.facts.kernel
    new_kernel: bool | None = bool(scope.coming.get("kernel"))
    if scope.has("boot"):
        yield Weight("boot-chain", "boot_chain", "boot chain changes", named(scope.has("boot")))
    elif case.candidate.kind in DEPLOYS or not scope.known:
        yield Weight(
            "boot-chain", "boot_chain", "kernel not known", "the trees were not compared",
            unknown=True,
        )  # fmt: skip
    elif case.candidate.kind == "reboot":
        new_kernel = None
        if kernel.running is None or kernel.expected is None:
            yield Weight(
                "boot-chain", "boot_chain", "kernel not known", "which one boots next",
                unknown=True,
            )  # fmt: skip
        elif kernel.running != kernel.expected:
            yield Weight("boot-chain", "boot_chain", kernel.expected, f"{kernel.running} runs now")
        else:
            new_kernel = False
    if case.candidate.kind in DEPLOYS:
        return
    if new_kernel:
        yield from _boot_room(case)
    yield from _kernel_modules(case, new_kernel)


def _kernel_modules(case: Case, new_kernel: bool | None) -> Iterator[Weight]:
    scope = case.scope
    built = scope.coming.get("kernel-modules")
    if built:
        yield Weight("kernel-modules", "kernel_modules", "built on the host", named(built))
    elif new_kernel is None or (new_kernel and scope.coming.get("kernel-headers")):
        # A kernel that comes without its headers is one that no module is built for.
        yield Weight(
            "kernel-modules", "kernel_modules", "DKMS not known",
            "whether modules are built on the host", unknown=True,
        )  # fmt: skip


def _boot_room(case: Case) -> Iterator[Weight]:
    room = case.numbers["boot_room_mb"]
    free = _free_mb(case, ("/boot", "/"))
    if free is None:
        yield Weight("boot-room", "boot_room", "room not known", "/boot", unknown=True)
    elif free < room:
        yield Weight("boot-room", "boot_room", f"{free} MB free", "/boot, and a kernel comes")


def _free_mb(case: Case, mounts: tuple[str, ...]) -> int | None:
    by_mount = {f.mount: f.free_bytes for f in case.facts.filesystems or ()}
    found = next((by_mount[mount] for mount in mounts if mount in by_mount), None)
    return None if found is None else found // 1_000_000


def access(case: Case) -> Iterator[Weight]:
    """Whether somebody still gets in."""
    scope, containers = case.scope, case.facts.containers
    network, way_in = scope.has("network"), scope.has("access")
    if network or not scope.known:
        yield Weight(
            "network", "network", "network stack changes" if network else "contents not known",
            named(network) if network else "the network stack may change", unknown=not network,
        )  # fmt: skip
        yield Weight(
            "foreign-rules", "foreign_rules",
            "containers run" if containers else "not looked at",
            "rules and routes that the network's daemon doesn't own", unknown=not containers,
        )  # fmt: skip
    if way_in or not scope.known:
        yield Weight(
            "way-in", "way_in", "the way in changes" if way_in else "contents not known",
            named(way_in) if way_in else "ssh, sudo, PAM", unknown=not way_in,
        )  # fmt: skip
    days = case.days_up
    if case.boots_differently and (days is None or days > case.numbers["days_long"]):
        value = "uptime not known" if days is None else f"{days} days up"
        yield Weight(
            "stale-network", "stale_network", value, "network configuration may have drifted",
            unknown=days is None,
        )  # fmt: skip
    if case.release:
        yield Weight(
            "access-release", "access_release", "another release", "network and sshd change"
        )


def service(case: Case) -> Iterator[Weight]:
    """Whether the services work as before."""
    yield from _containers(case)
    yield from _removals(case)
    scope = case.scope
    conffiles = case.candidate.effects.conffiles
    if case.candidate.kind != "reboot" and conffiles is None:
        number = _unknown_conffiles(case)
        taken = "1 decision is" if number == 1 else f"{number:g} decisions are"
        yield Weight(
            "conffiles", "conffile", "not known", f"{taken} taken",
            unknown=True, times=number, most="conffiles_most",
        )  # fmt: skip
    elif conffiles:
        yield Weight(
            "conffiles", "conffile", f"{len(conffiles)} changed on the host", named(conffiles),
            times=len(conffiles), most="conffiles_most",
        )  # fmt: skip
    if scope.foreign or scope.nameless:
        names = scope.nameless or scope.foreign
        value = "origin not known" if scope.nameless else f"{len(set(names))} from elsewhere"
        yield Weight(
            "third-party", "third_party", value, named(names), unknown=bool(scope.nameless)
        )
    if scope.majors or not scope.known:
        yield Weight(
            "upstream-major", "upstream_major",
            "new major version" if scope.majors else "versions not known",
            named(scope.majors) if scope.majors else "contents were not compared",
            unknown=not scope.majors,
        )  # fmt: skip
    if scope.downgraded:
        yield Weight("downgrades", "downgrades", "goes back", named(scope.downgraded))
    if scope.has("database"):
        yield Weight(
            "database-restart", "database_restart", "database", named(scope.has("database"))
        )
    if case.candidate.kind in ("dist-upgrade", "release-upgrade"):
        yield Weight("dist-upgrade", "dist_upgrade", "may remove packages", "apt dist-upgrade")
    if case.release:
        yield Weight("service-release", "service_release", "another release", "all that runs")


def _unknown_conffiles(case: Case) -> float:
    """Where not all files could be read, each that may have been changed counts as changed."""
    number = case.numbers["unknown_conffiles"]
    found = case.packages.conffiles
    if not found:
        return number
    names = {name.partition(":")[0] for name in case.scope.names}
    return max(number, sum(file.package in names for file in found))


def _containers(case: Case) -> Iterator[Weight]:
    running = case.facts.containers
    runtime = case.scope.has("container-runtime")
    if running == () or not case.stops_containers:
        yield from _layered(case)
        return
    if runtime or (case.release and not case.scope.known):
        value = "containers not known" if running is None else f"{len(running)} running"
        evidence = named(runtime) if runtime else "the runtime may change"
        yield Weight(
            "container-runtime", "container_runtime", value, evidence,
            unknown=running is None or not runtime,
        )  # fmt: skip
    back = ("always",) if case.reboots or case.release else KEPT_UP
    down = [c.name for c in running or () if c.restart_policy not in back]
    silent = [c.name for c in running or () if c.restart_policy is None]
    if running is None:
        yield Weight(
            "containers-stay", "containers_stay", "containers not known",
            "which come back by themselves", unknown=True,
        )  # fmt: skip
    elif down:
        yield Weight(
            "containers-stay", "containers_stay",
            "restart not known" if len(silent) == len(down) else f"{len(down)} may stay down",
            named(down), unknown=len(silent) == len(down),
        )  # fmt: skip
    yield from _layered(case)


def _layered(case: Case) -> Iterator[Weight]:
    if case.candidate.kind not in DEPLOYS:
        return
    if case.facts.deployments is None:
        yield Weight("layered", "layered", "layers not known", "deployments", unknown=True)
    elif names := [name for d in case.facts.deployments for name in d.layered]:
        yield Weight("layered", "layered", f"{len(set(names))} layered", named(names))


def _removals(case: Case) -> Iterator[Weight]:
    removed = set(case.scope.removed)
    if removed:
        number = len(removed)
        yield Weight(
            "removals", "removals", f"{number} removed", named(removed),
            times=math.log2(1 + number), most="removals_most",
        )  # fmt: skip
        yield Weight(
            "removed-in-use", "removed_in_use", "not looked at", "whether they are in use",
            unknown=True,
        )  # fmt: skip


def data(case: Case) -> Iterator[Weight]:
    """Whether the data are still there and right."""
    scope = case.scope
    if scope.has("database"):
        yield Weight("database", "database", "database", named(scope.has("database")))
    if scope.database_majors:
        yield Weight(
            "database-major", "database_major", "major version", named(scope.database_majors)
        )
    elif case.release and not scope.known:
        yield Weight(
            "database-major", "database_major", "databases not known", "another release",
            unknown=True,
        )  # fmt: skip
    if scope.new_libc or (case.release and not scope.known):
        seen = _postgresql(case)
        yield Weight(
            "collation", "collation", "libc changes", "PostgreSQL's text indexes"
            if seen else "whether PostgreSQL has text indexes here isn't known", unknown=not seen,
        )  # fmt: skip
    if case.release:
        yield Weight("data-release", "data_release", "another release", "formats change")


def _postgresql(case: Case) -> bool:
    declared = (s.name for s in case.host.services)
    units = (unit for s in case.host.services for unit in s.units)
    return any("postgres" in name for name in (*declared, *units, *case.scope.names))


def state(case: Case) -> Iterator[Weight]:
    """Whether the package system is left half-way."""
    if case.half_way is not False:
        yield Weight(
            "state-dpkg", "state_dpkg",
            "dpkg half-way" if case.half_way else "dpkg's state not known",
            "before it even begins", unknown=case.half_way is None,
        )  # fmt: skip
    free = _free_mb(case, ("/var/lib/dpkg", "/var/lib", "/var", "/"))
    if free is None:
        yield Weight("var-room", "var_room", "room not known", "/var", unknown=True)
    elif free < case.numbers["var_room_mb"]:
        yield Weight("var-room", "var_room", f"{free} MB free", "/var")
    held = case.packages.held
    if held is None:
        yield Weight("holds", "holds", "holds not known", "apt-mark showhold", unknown=True)
    elif held:
        yield Weight("holds", "holds", f"{len(held)} held", named(held))
    number = len(case.scope.names)
    if number > case.numbers["packages_many"]:
        yield Weight("many-packages", "many_packages", f"{number} packages", "in one go")
    elif not case.scope.known:
        yield Weight(
            "many-packages", "many_packages", "number not known", "contents not compared",
            unknown=True,
        )  # fmt: skip
    if case.release:
        yield Weight("state-release", "state_release", "another release", "thousands of packages")


MODES: Mapping[str, Callable[[Case], Iterator[Weight]]] = {
    "boot": boot,
    "access": access,
    "service": service,
    "data": data,
    "state": state,
}
"""The failure modes, in the order in which they are added up."""


def active(case: Case) -> tuple[str, ...]:
    """The ways in which it can go wrong at all."""
    kind = case.candidate.kind
    if kind in DEPLOYS:
        return ("boot", "service")
    if kind == "reboot":
        return ("boot", "access", "service")
    if case.boots_differently:
        return ("boot", "access", "service", "data", "state")
    return ("access", "service", "data", "state")
