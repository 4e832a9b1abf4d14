"""``release-upgrade`` of an Ubuntu host: by do-release-upgrade(8), which is never just believed."""

from __future__ import annotations

from typing import Final

from engine.errors import RefusedError
from engine.families.apt.policy import ENVIRONMENT, LOCK_WAIT_S
from engine.families.apt.release import KIND, before_any, restarted
from engine.families.guarding import TOPICS, guarded_for, with_spare_sshd
from engine.model.candidate import Blocker, Candidate, Effects
from engine.model.facts import Facts, ReleaseUpgrader
from engine.model.host import Host
from engine.model.plan import GateAct, JobAct, Step

FUNCTIONS: Final = "release_ubuntu.sh"
_NO_WAY: Final = ("no-release-upgrader", "prompt-never", "no-next-release", "upgrade-broken")
_CONFIGURATION: Final = "/etc/update-manager/release-upgrades"


def candidates(host: Host, facts: Facts) -> tuple[Candidate, ...]:
    """The one of an Ubuntu host that may go to another release, as far as the host knows."""
    found = picked(host, facts, KIND)
    if found is None or any(blocker.id in _NO_WAY for blocker in found.blockers):
        return ()
    return (found,)


def picked(host: Host, facts: Facts, candidate: str) -> Candidate | None:
    """The same for whoever asks by its id; where there is no way to another release it says why."""
    if candidate != KIND or facts.os.id != "ubuntu" or facts.depth != "full":
        return None
    tool, running = facts.release_upgrader, facts.containers
    here = f"Ubuntu {facts.os.version_id or '?'}"
    return Candidate(
        id=KIND,
        kind=KIND,
        title=f"{here} to {_ahead(tool)}",
        changes=None,
        effects=Effects(
            reboot=True,
            containers=None if running is None else tuple(sorted(c.name for c in running)),
        ),
        blockers=tuple(_blockers(host, facts, here)),
        to=tool.version if tool else None,
    )


def _ahead(tool: ReleaseUpgrader | None) -> str:
    if tool is not None and tool.version:
        return f"{tool.version} ({tool.codename})"
    return "what do-release-upgrade offers"


def _blockers(host: Host, facts: Facts, here: str) -> list[Blocker]:
    tool = facts.release_upgrader
    if tool is None:
        return [
            Blocker(
                "no-release-upgrader",
                "do-release-upgrade isn't there, or its configuration could not be read.",
                "apt-get install ubuntu-release-upgrader-core",
            )
        ]
    if tool.prompt == "never":
        return [
            Blocker(
                "prompt-never",
                f"Release upgrades are switched off here (Prompt=never in {_CONFIGURATION}).",
                f"sed -i 's/^Prompt=.*/Prompt=lts/' {_CONFIGURATION}",
            )
        ]
    if tool.asked and tool.codename is None:
        which = "LTS release" if tool.prompt == "lts" else "release"
        return [
            Blocker(
                "no-next-release",
                f"{here} is followed by no {which} that Ubuntu offers, as the host was told last. "
                "The next LTS is offered from its first point release on.",
                "do-release-upgrade -c",
            )
        ]
    if tool.broken:
        return [
            Blocker(
                "upgrade-broken",
                f"Ubuntu says that the way to {tool.version or tool.codename} is broken for now: "
                f"{tool.broken}.",
                "do-release-upgrade -c",
            )
        ]
    found = before_any(host, facts, here)
    if facts.reboot.required:
        found.append(
            Blocker(
                "reboot-first",
                "A reboot is due, and the upgrader refuses to begin before it where the kernel or "
                "libc6 are the reason.",
                f"hostshift plan {host.name} reboot",
            )
        )
    return found


def steps(host: Host, facts: Facts) -> tuple[Step, ...]:
    """Ask, decide, upgrade as one detached job, reboot, and see what the host is then.

    Raises:
        RefusedError: it isn't known which release this is.
    """
    old = facts.os.codename
    if old is None:
        raise RefusedError(
            f"{host.name} does not say which release it is.", hint="Look at its /etc/os-release."
        )
    ahead = _ahead(facts.release_upgrader)
    upgrade = Step(
        "release-upgrade",
        "Run the upgrader without questions, its logs followed",
        "host",
        JobAct(commands=(("release_upgrade", old),), environment=ENVIRONMENT,
               lock_wait_s=LOCK_WAIT_S, functions=FUNCTIONS),
    )  # fmt: skip
    found = (
        Step("prepare", "Ask the upgrader which release there is", "host",
             JobAct(commands=(("release_offered",),), environment=ENVIRONMENT,
                    functions=FUNCTIONS), reversible=True),
        Step("decide", "Read what it would do, and decide", "controller",
             GateAct(f"Upgrade {host.name} to {ahead} now?", shows="prepare"), gate=True,
             reversible=True),
        *guarded_for(host, facts, TOPICS, upgrade),
        *restarted(host, facts),
        Step("done", "See that it is another release; what the old one left", "host",
             JobAct(commands=(("release_is_new", old),), environment=ENVIRONMENT,
                    functions=FUNCTIONS)),
    )  # fmt: skip
    return with_spare_sshd(host, found, ("guard", KIND), KIND)
