"""How an apt host is changed: non-interactive by explicit policy, guarded by a simulation."""

from __future__ import annotations

from engine.errors import RefusedError
from engine.families.apt import chores, conffiles, release, release_ubuntu, soundness, subset
from engine.families.apt.policy import ENVIRONMENT, LOCK_WAIT_S, POLICY, PROGRESS_FD
from engine.families.guarding import (
    TOPICS,
    guarded,
    guarded_for,
    with_spare_sshd,
)
from engine.model.facts import Change, Facts, Transaction
from engine.model.host import Host
from engine.model.plan import GateAct, JobAct, Step, VerifyAct
from engine.programs.apt_transaction import expected_lines

CLOCK_S = 120
"""Seconds for a time server's answer; systemd-timesyncd asks again after 30 s at first."""
_SELECTION = {
    # What `apt upgrade` does: new packages yes, removals never (apt-get(8)).
    "upgrade": ("--with-new-pkgs", "upgrade"),
    "dist-upgrade": ("dist-upgrade",),
}


def steps(host: Host, facts: Facts, candidate: str) -> tuple[Step, ...]:
    """The steps of the candidates and of the chores.

    Raises:
        RefusedError: it can't be carried out here, or not from these facts.
    """
    if candidate.partition(":")[0] in ("hold", "unhold"):
        return _mark(candidate)
    if candidate == soundness.REPAIR_CLOCK:
        return _clock(facts)
    if candidate == soundness.REPAIR_GRUB_DEVICE:
        return _grub_device(facts)
    if candidate == "repair:removing":
        return _repair_removing(host, facts)
    if subset.is_subset(candidate):
        return _part(host, facts, candidate)
    match candidate:
        case "upgrade" | "dist-upgrade":
            return _upgrade(host, facts, candidate)
        case "release-upgrade" if facts.os.id == "ubuntu":
            return release_ubuntu.steps(host, facts)
        case "release-upgrade":
            return _release(host, facts)
        case "refresh":
            return _refresh(facts)
        case "repair":
            return _repair(host, facts)
        case "download":
            return _download()
        case "autoremove":
            return _autoremove(host, facts)
        case "undo":
            return _undo(host, facts)
        case "restart-services":
            return _restart(host, facts)
        case "clean":
            return _clean(facts)
        case _:
            raise RefusedError(
                f"This version has no steps for {candidate} on an apt host.",
                hint=f"hostshift status {host.name} shows what there is.",
            )


def simulation(candidate: str) -> tuple[str, ...]:
    """argv that says what a candidate would change, without a lock and without changing it."""
    return _simulated(_SELECTION[candidate])


def _simulated(selection: tuple[str, ...]) -> tuple[str, ...]:
    return ("apt-get", "-s", "-o", "Debug::NoLocking=true", *selection)


def _upgrade(host: Host, facts: Facts, candidate: str) -> tuple[Step, ...]:
    transaction = _known(host, facts, candidate)
    return _transact(host, facts, candidate, transaction.changes, _SELECTION[candidate])


def _part(host: Host, facts: Facts, candidate: str) -> tuple[Step, ...]:
    """A part of `upgrade`, by the names of what it takes; their marks stay what they are."""
    whole = _known(host, facts, subset.WHOLE)
    part = subset.part_of(whole, subset.parse(candidate), host.exclude)
    marked = subset.automatic(part)
    after = (("apt-mark", "auto", *marked),) if marked else ()
    return _transact(host, facts, subset.WHOLE, part.changes, subset.selection(part), after)


def _known(host: Host, facts: Facts, candidate: str) -> Transaction:
    transaction = facts.packages.transaction(candidate) if facts.packages else None
    if transaction is None or transaction.error:
        raise RefusedError(
            f"It isn't known what {candidate} would change on {host.name}.",
            hint=f"hostshift status {host.name}",
        )
    return transaction


def _transact(
    host: Host,
    facts: Facts,
    step: str,
    changes: tuple[Change, ...],
    selection: tuple[str, ...],
    after: tuple[tuple[str, ...], ...] = (),
) -> tuple[Step, ...]:
    act = JobAct(
        commands=(("apt-get", "-y", *POLICY, *selection), *after),
        simulation=_simulated(selection),
        expected=expected_lines(changes),
        environment=ENVIRONMENT,
        lock_wait_s=LOCK_WAIT_S,
    )
    job = Step(step, f"{_title(changes)} with apt-get", "host", act)
    return (*guarded(host, facts, changes, job), _verify(facts, changes))


def _title(changes: tuple[Change, ...]) -> str:
    words = []
    for verb, action in (
        ("upgrade", "upgrade"),
        ("install", "install"),
        ("remove", "remove"),
        ("downgrade", "downgrade"),
    ):
        number = sum(change.action == action for change in changes)
        if number:
            words.append(f"{verb} {number}")
    return ", ".join(words).capitalize() or "Nothing"


def _verify(facts: Facts, changes: tuple[Change, ...]) -> Step:
    return Step(
        id="verify",
        title="Look again: versions, dpkg, failed units",
        where="host",
        act=VerifyAct(changes=changes, failed_units_before=facts.failed_units),
        reversible=True,
    )


def _release(host: Host, facts: Facts) -> tuple[Step, ...]:
    """A Debian release upgrade, in the order of the release notes' chapter on upgrades.

    What it would change is foreseen from the next release's lists before anything is changed, and
    a person looks at it then.
    """
    ahead = release.ahead(facts)
    if ahead is None:
        raise RefusedError(
            f"{host.name} has no release to go to.", hint=f"hostshift status {host.name}"
        )
    old, new = ahead.old, ahead.new
    look = JobAct(
        commands=(
            ("release_prepare", old, new.codename),
            ("release_apt", "-o", "APT::Update::Error-Mode=any", "update"),
            ("release_apt", "-s", "-o", "Debug::NoLocking=true", "dist-upgrade"),
            ("release_sizes",),
        ),
        environment=ENVIRONMENT,
        functions=release.FUNCTIONS,
    )
    upgrade = JobAct(
        commands=(
            ("apt-get", "-y", *POLICY, "--without-new-pkgs", "upgrade"),
            ("apt-get", "-y", *POLICY, "dist-upgrade"),
        ),
        environment=ENVIRONMENT,
        lock_wait_s=LOCK_WAIT_S,
    )
    question = f"Upgrade {host.name} to Debian {new.version} ({new.codename}) now?"
    found = (
        Step("prepare", f"Foresee it with the lists of {new.codename}, set beside", "host", look,
             reversible=True),
        Step("decide", "Read what it would do, and decide", "controller",
             GateAct(question, shows="prepare"), gate=True, reversible=True),
        # From here to the reboot no network is needed, but for the lists.
        Step("download", "Download all of it, and install nothing", "host",
             JobAct(commands=(("release_apt", "-y", *POLICY, "--download-only", "dist-upgrade"),
                              *conffiles.shown(facts)),
                    environment=ENVIRONMENT, lock_wait_s=LOCK_WAIT_S,
                    functions=release.FUNCTIONS), reversible=True),
        *conffiles.kept_gate(facts),
        Step("sources", f"Lead the sources to {new.codename}; what isn't Debian's is off", "host",
             JobAct(commands=(("release_place",),), environment=ENVIRONMENT,
                    lock_wait_s=LOCK_WAIT_S, functions=release.FUNCTIONS),
             undo=("the former sources come back by themselves where lists can't be fetched",)),
        *guarded_for(host, facts, TOPICS, Step(
            "release-upgrade", "Upgrade without new packages first, then fully", "host", upgrade)),
        # Between the two a unit may fail that waits for the reboot: it is looked at after that.
        *release.restarted(host, facts),
        Step("done", f"See that it is {new.codename}; what the old release left", "host",
             JobAct(commands=(("release_done", new.codename),), environment=ENVIRONMENT,
                    functions=release.FUNCTIONS)),
    )  # fmt: skip
    return with_spare_sshd(host, found, ("sources",), release.KIND)


def _refresh(facts: Facts) -> tuple[Step, ...]:
    # Without Error-Mode=any apt-get ends with 0 although some lists failed; as an option it is
    # ignored by versions that don't know it, which -eany is not.
    update = (
        *("apt-get", "-o", "APT::Update::Error-Mode=any"),
        *("-o", f"APT::Status-Fd={PROGRESS_FD}", "update"),
    )
    act = JobAct(commands=(update,), environment=ENVIRONMENT, lock_wait_s=LOCK_WAIT_S)
    return (Step("refresh", "Fetch the package lists", "host", act), _verify(facts, ()))


def _download() -> tuple[Step, ...]:
    """What `dist-upgrade` would need, fetched before the window; only the cache grows."""
    command = ("apt-get", "-y", *POLICY, "--download-only", "dist-upgrade")
    act = JobAct(commands=(command,), environment=ENVIRONMENT, lock_wait_s=LOCK_WAIT_S)
    return (Step("download", "Download and install nothing", "host", act, reversible=True),)


def _autoremove(host: Host, facts: Facts) -> tuple[Step, ...]:
    """What nothing needs any more, old kernels too; apt keeps the running and the newest one."""
    look = JobAct(commands=(_simulated(("autoremove",)),), environment=ENVIRONMENT)
    act = JobAct(
        commands=(("apt-get", "-y", *POLICY, "autoremove"),),
        environment=ENVIRONMENT,
        lock_wait_s=LOCK_WAIT_S,
    )
    return (
        *_asked(look, "See what nothing needs any more",
                f"Remove these packages from {host.name}?", "Read what would go, and decide"),
        Step("autoremove", "Remove what nothing needs any more", "host", act),
        _verify(facts, ()),
    )  # fmt: skip


def _asked(look: JobAct, title: str, question: str, decide: str) -> tuple[Step, Step]:
    """A simulation on the host, and the gate that shows it."""
    gate = GateAct(question, shows="simulate")
    return (
        Step("simulate", title, "host", look, reversible=True),
        Step("decide", decide, "controller", gate, gate=True, reversible=True),
    )


def _undo(host: Host, facts: Facts) -> tuple[Step, ...]:
    """The last transaction that apt has recorded, whoever began it, taken back where it can be."""
    look = JobAct(commands=(("undo_look",),), environment=ENVIRONMENT, functions="undo.sh")
    act = JobAct(
        commands=(("undo_go", "-y", *POLICY),),
        environment=ENVIRONMENT,
        lock_wait_s=LOCK_WAIT_S,
        functions="undo.sh",
    )
    return (
        *_asked(look, "See what taking it back would do",
                f"Take the last transaction on {host.name} back?",
                "Read what it would do, and decide"),
        *guarded_for(
            host, facts, TOPICS, Step("undo", "Put the former versions back", "host", act)),
        _verify(facts, ()),
    )  # fmt: skip


def _restart(host: Host, facts: Facts) -> tuple[Step, ...]:
    units = chores.to_restart(host, facts)
    act = JobAct(commands=tuple(("systemctl", "restart", unit) for unit in units))
    title = f"Restart {len(units)} services that use replaced files"
    return (Step("restart-services", title, "host", act), _verify(facts, ()))


def _mark(chore: str) -> tuple[Step, ...]:
    verb, names = chores.marked(chore)
    act = JobAct(
        commands=(("apt-mark", verb, *names),), environment=ENVIRONMENT, lock_wait_s=LOCK_WAIT_S
    )
    taken = "unhold" if verb == "hold" else "hold"
    title = f"{'Hold' if verb == 'hold' else 'Hold no longer'} {', '.join(names)}"
    back = (f"apt-mark {taken} {' '.join(names)}",)
    return (Step(verb, title, "host", act, reversible=True, undo=back),)


def _clean(facts: Facts) -> tuple[Step, ...]:
    """What apt has fetched goes; what is installed stays."""
    act = JobAct(commands=(("apt-get", "clean"),), environment=ENVIRONMENT, lock_wait_s=LOCK_WAIT_S)
    size = facts.packages.archive_bytes if facts.packages else None
    frees = "" if size is None else f" ({-(-size // 1_000_000)} MB)"
    return (Step("clean", f"Remove fetched packages from apt's cache{frees}", "host", act),)


def _clock(facts: Facts) -> tuple[Step, ...]:
    """What the host has for it sets its clock: whose is wrong, nobody can say from here."""
    act = JobAct(commands=(("clock_set", str(CLOCK_S)),), functions="clock.sh")
    title = "Let the host's time service set its clock, and wait until it has"
    return (Step("clock", title, "host", act), _verify(facts, ()))


def _grub_device(facts: Facts) -> tuple[Step, ...]:
    act = JobAct(commands=(("grub_device",),), functions="grub_device.sh")
    title = "Have grub-pc install its boot loader to the disk of /boot/grub when it is updated"
    return (Step("grub-device", title, "host", act), _verify(facts, ()))


def _repair_removing(host: Host, facts: Facts) -> tuple[Step, ...]:
    """What `repair` leaves to a person, as after a release upgrade that got stuck half-way."""
    if facts.packages is None or not facts.packages.repair_removes:
        raise RefusedError(
            f"A repair of {host.name} would remove nothing, as far as is known.",
            hint=f"hostshift plan {host.name} repair",
        )
    finish = ("-f", "install")
    look = JobAct(commands=(_simulated(finish),), environment=ENVIRONMENT)
    act = JobAct(
        commands=(("apt-get", "-y", *POLICY, *finish),),
        environment=ENVIRONMENT,
        lock_wait_s=LOCK_WAIT_S,
    )
    return (
        *_asked(look, "See what finishing would change and remove",
                f"Finish it on {host.name}, and remove these packages?",
                "Read what would go, and decide"),
        *guarded_for(host, facts, TOPICS, Step("repair", "Finish what is half done", "host", act)),
        _verify(facts, ()),
    )  # fmt: skip


def _repair(host: Host, facts: Facts) -> tuple[Step, ...]:
    packages = facts.packages
    if packages is None or not packages.needs_repair:
        raise RefusedError(
            f"dpkg has nothing half done on {host.name} that a repair would finish, and no "
            "package is known to lack another.",
            hint=f"hostshift status {host.name}",
        )
    configure = ("dpkg", "--force-confdef", "--force-confold", "--configure", "-a")
    # What dpkg can't finish alone, because something is missing, the second command can.
    act = JobAct(
        commands=(configure, ("apt-get", "-y", "--no-remove", *POLICY, "-f", "install")),
        last_simulation=("apt-get", "-s", "-o", "Debug::NoLocking=true", "-f", "install"),
        environment=ENVIRONMENT,
        lock_wait_s=LOCK_WAIT_S,
    )
    title = "Finish what dpkg was interrupted in; add what is missing, remove nothing"
    return (
        Step("repair", title, "host", act),
        _verify(facts, ()),
    )
