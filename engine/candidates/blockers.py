"""What forbids acting on a host whatever its family: another run, no root, a cluster's node."""

from __future__ import annotations

from engine.clock import rfc3339
from engine.model.candidate import Blocker
from engine.model.facts import Facts
from engine.model.host import Host

WAITS_FOR_A_LOOK = frozenset({"not-looked", "not-supported-yet", "nothing-to-do"})
"""Blockers that say nothing bad of the host: there is nothing on it to mend first."""
REPAIRS = frozenset({"dpkg-interrupted", "dpkg-broken", "broken-dependencies"})
"""Blockers that say that the host itself is half-way, also where nothing else is due on it."""


def common_blockers(host: Host, facts: Facts) -> tuple[Blocker, ...]:
    """Blockers of everything that acts on the host."""
    found = (_kubernetes(facts), _run(facts), _privilege(host, facts))
    return tuple(blocker for blocker in found if blocker is not None)


def _kubernetes(facts: Facts) -> Blocker | None:
    if facts.kubernetes_node is False:
        return None
    if facts.kubernetes_node:
        return Blocker(
            "kubernetes",
            "This is a node of a Kubernetes cluster. Clusters drain and update their nodes by "
            "their own means; hostshift leaves them alone.",
            "kubectl get nodes",
        )
    if facts.depth == "light":
        return None
    return Blocker(
        "kubernetes-unknown",
        "It could not be told whether this is a node of a Kubernetes cluster, which hostshift "
        "must leave alone.",
        "pgrep -a kubelet",
    )


def _run(facts: Facts) -> Blocker | None:
    lock = facts.lock
    if lock is None:
        return None
    who = lock.operator or "somebody"
    since = f" since {rfc3339(lock.since)}" if lock.since else ""
    what = f" ({lock.candidate})" if lock.candidate else ""
    states = {True: "is at work", False: "has a job here that has ended", None: "holds the lock"}
    state = "waits at a gate" if lock.claim else states[lock.job_alive]
    return Blocker(
        "hostshift-run",
        f"Run {lock.run}{what} of {who} {state}{since}.",
        f"hostshift attach {lock.run}",
    )


def _privilege(host: Host, facts: Facts) -> Blocker | None:
    if facts.privileged:
        return None
    user = host.user or "USER"
    reason = next((f" {p.message}" for p in facts.problems if p.section == "root"), "")
    return Blocker(
        "privilege",
        f"hostshift is not root on this host and could not become root.{reason}",
        # hostshift's scripts are read by a root shell, so nothing less than ALL is honest.
        f"visudo -f /etc/sudoers.d/hostshift\n{user} ALL=(root) ALL\n"
        f"# or, to be asked for no password:\n{user} ALL=(root) NOPASSWD: ALL"
        + ('\n# and in the inventory: become = "sudo"' if host.become == "none" else ""),
    )
