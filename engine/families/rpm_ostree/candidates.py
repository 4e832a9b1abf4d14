"""What could be done to an rpm-ostree host, from its deployments; this version only looks.

The order of deployments is the boot order: index 0 boots next (rpm-ostree's daemon,
``deployment_populate_variant``). First before the booted one is pending, first after it is the
way back (``ostree_sysroot_query_deployments_for``).
"""

from __future__ import annotations

from engine.model.candidate import Blocker, Candidate, Effects, Kind
from engine.model.facts import Deployment, Facts
from engine.model.host import Host


def candidates(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """``deploy-upgrade``, ``deploy-finalize`` and ``deploy-rollback``, each with its blockers."""
    return (_upgrade(facts), _finalize(facts), _rollback(facts))


def _upgrade(facts: Facts) -> Candidate:
    command = "rpm-ostree upgrade"
    blockers = [_only_looks(command), *_common(facts), *_driver(facts)]
    return Candidate(
        id="deploy-upgrade",
        kind="deploy-upgrade",
        title="stage a newer deployment beside the booted one",
        changes=None,
        effects=Effects(reboot=False, units=(), containers=()),
        blockers=tuple(blockers),
    )


def _finalize(facts: Facts) -> Candidate:
    pending = _pending(facts)
    blockers = _common(facts)
    title = "reboot into the pending deployment"
    if pending is None:
        if facts.deployments is not None:
            blockers.append(
                Blocker(
                    "nothing-to-do",
                    "No other deployment waits to be booted.",
                    "rpm-ostree upgrade --check",
                )
            )
    else:
        title = f"reboot into {_shown(pending)}"
        if _is_older(pending, _booted(facts)):
            title += " (older than the booted one)"
        command = "systemctl reboot"
        if pending.locked:
            command = f"rpm-ostree finalize-deployment {pending.checksum or ''}".rstrip()
            blockers.append(
                Blocker(
                    "finalization-locked",
                    f"{_shown(pending)} is staged and locked, usually by an update agent that "
                    "waits for its moment: a reboot would not apply it.",
                    command,
                )
            )
        blockers.insert(0, _only_looks(command))
    return _rebooting("deploy-finalize", title, pending, facts, blockers)


def _rollback(facts: Facts) -> Candidate:
    target = next((d for d in facts.deployments or () if d.rollback), None)
    blockers = _common(facts)
    title = "go back to the previous deployment"
    pending = _pending(facts)
    if target is None:
        if facts.deployments is not None:
            blockers.append(
                Blocker(
                    "nothing-to-do",
                    "No earlier deployment is kept that one could go back to.",
                    "rpm-ostree status",
                )
            )
    else:
        title = f"go back to {_shown(target)}"
        blockers.insert(0, _only_looks("rpm-ostree rollback --reboot"))
        if pending is not None and pending.staged:
            blockers.append(
                Blocker(
                    "staged-deployment",
                    f"{_shown(pending)} is staged, and rpm-ostree goes back only once it is gone.",
                    "rpm-ostree cleanup -p",
                )
            )
        blockers += _driver(facts)
    return _rebooting("deploy-rollback", title, target, facts, blockers)


def _rebooting(
    kind: Kind, title: str, target: Deployment | None, facts: Facts, blockers: list[Blocker]
) -> Candidate:
    running = facts.containers
    return Candidate(
        id=kind,
        kind=kind,
        title=title,
        changes=None if target else (),
        to=None if target is None else target.version or target.checksum,
        effects=Effects(
            reboot=True,
            containers=None if running is None else tuple(sorted(c.name for c in running)),
            download_bytes=0,
        ),
        blockers=tuple(blockers),
    )


def _only_looks(command: str) -> Blocker:
    return Blocker("not-supported-yet", "This version only looks at hosts of this family.", command)


def _common(facts: Facts) -> list[Blocker]:
    found = []
    if facts.deployments is None:
        found.append(
            Blocker("not-looked", "The deployments could not be read.", "rpm-ostree status --json")
        )
    if facts.busy:
        found.append(Blocker("busy", f"rpm-ostree is at work: {facts.busy}.", "rpm-ostree status"))
    return found


def _driver(facts: Facts) -> list[Blocker]:
    """An agent that drives updates by itself, against which rpm-ostree refuses to act."""
    names = {a.name.removesuffix(".service") for a in facts.auto_updates or () if a.enabled}
    if "zincati" not in names:
        return []
    return [
        Blocker(
            "update-driver",
            "Zincati drives the updates of this host: rpm-ostree refuses to act beside it, and it "
            "would undo a rollback.",
            "systemctl stop zincati.service",
        )
    ]


def _booted(facts: Facts) -> Deployment | None:
    return next((d for d in facts.deployments or () if d.booted), None)


def _pending(facts: Facts) -> Deployment | None:
    """What the next boot runs, where that isn't what runs now."""
    first = next(iter(facts.deployments or ()), None)
    # With none booted (a container, a live image) nothing waits for a reboot either.
    return first if first and not first.booted and _booted(facts) else None


def _is_older(one: Deployment, other: Deployment | None) -> bool:
    if other is None or one.timestamp is None or other.timestamp is None:
        return False
    return one.timestamp < other.timestamp


def _shown(deployment: Deployment) -> str:
    return deployment.version or (deployment.checksum or "an unnamed deployment")[:12]
