"""Plan: the exact ordered steps of one candidate or chore on one host, and their digest.

What the plan shows is what is executed: the commands that a screen prints are derived from the
very value that the executor takes, so the two can't differ.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from engine.model.candidate import Candidate, Effects, Risk
from engine.model.facts import Change
from engine.model.replacing import ReplacingAct, ServiceCheck, shown

Where = Literal["controller", "host", "successor", "dns"]
Chore = Literal[
    "refresh",
    "repair",
    "download",
    "autoremove",
    "clean",
    "restart-services",
    "undo",
    "hold",
    "unhold",
]


@dataclass(frozen=True, slots=True)
class JobAct:
    """Run commands one after the other as a detached job on the host; the first failure ends it.

    Attributes:
        commands: argv of each; quoted only when the job's script is written.
        simulation: argv of a simulation that is made on the host right before the commands.
        expected: What that simulation must say, one canonical line a package (see
            `Change` and docs/runs.md); when it says anything else the job ends with
            `PLAN_CHANGED` and nothing has been changed. None: no such guard.
        environment: Variables of the commands.
        lock_wait_s: How long to wait for the package manager's lock.
        last_simulation: argv of a simulation that is made before the last command, which is only
            carried out when it would remove nothing. The commands before it may fail: the last
            one has the last word.
        functions: File below ``engine/host`` whose functions the commands may call; None: none.
    """

    commands: tuple[tuple[str, ...], ...]
    simulation: tuple[str, ...] | None = None
    expected: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    lock_wait_s: int | None = None
    last_simulation: tuple[str, ...] | None = None
    functions: str | None = None
    kind: Literal["job"] = "job"


@dataclass(frozen=True, slots=True)
class BaselineAct:
    """Look at what works before anything is changed; what is found is the step's result.

    Attributes:
        checks: Health checks of the services on the host.
    """

    checks: tuple[ServiceCheck, ...] = ()
    kind: Literal["baseline"] = "baseline"


@dataclass(frozen=True, slots=True)
class VerifyAct:
    """Probe the host again and compare with what the plan promised.

    Attributes:
        changes: What must now be true of each package.
        failed_units_before: Units that had failed before; others that fail now are new.
        baseline: The step whose result is compared with what works now; None: there is none.
        checks: Health checks that must pass now if they passed before.
    """

    changes: tuple[Change, ...] = ()
    failed_units_before: tuple[str, ...] | None = None
    baseline: str | None = None
    checks: tuple[ServiceCheck, ...] = ()
    kind: Literal["verify"] = "verify"


@dataclass(frozen=True, slots=True)
class RebootAct:
    """Reboot the host, detached from SSH, and count it only when the host proves it.

    Attributes:
        expected_kernel: ``uname -r`` of the kernel that should run afterwards; None: not known.
        busy: Programs (names as in ``comm``, proc(5)) that must not be interrupted.
        baseline: The step whose result says which units ran before; None: there is none.
        checks: Health checks that must pass afterwards if they passed before.
        deadline_s: Within how many seconds the host must be back, settled.
        next_release: It boots the next release first: units that have gone with the old one are
            told, and nothing is wrong with that.
    """

    expected_kernel: str | None = None
    busy: tuple[str, ...] = ()
    baseline: str | None = None
    checks: tuple[ServiceCheck, ...] = ()
    deadline_s: int = 900
    next_release: bool = False
    kind: Literal["reboot"] = "reboot"


CONFFILES: Final = "conffiles"
"""Id of the step in which a release upgrade asks about configuration files, as all is fetched."""


@dataclass(frozen=True, slots=True)
class GateAct:
    """Wait until a person answers, or until the host's maintenance window is open.

    Attributes:
        question: What the person is asked.
        window: The host's window, as the inventory writes it; the gate opens by itself in it.
        deadline_s: After so many seconds without an answer nothing more is done; None: for ever.
        shows: The job before it whose simulation is told beside the question, in short.
    """

    question: str
    window: str | None = None
    deadline_s: int | None = None
    shows: str | None = None
    kind: Literal["gate"] = "gate"


GuardTopic = Literal["ssh", "sudo", "pam", "network", "firewall", "deployment"]


@dataclass(frozen=True, slots=True)
class GuardAct:
    """Arm the dead-man switch on the host: it reverts what it saved when nobody comes back.

    Attributes:
        topics: What could lock the operator out; decides what is saved and what is tested.
            ``deployment`` is the reboot of an image-based host into another deployment.
        deadline_s: After so many seconds without a confirmation the host tests itself; a job of
            the run that works starts the count anew, and a deployment's begins with its boot.
        strict: Revert without a confirmation, also when the host's own test passes.
    """

    topics: tuple[GuardTopic, ...]
    deadline_s: int
    strict: bool = False
    kind: Literal["guard"] = "guard"


@dataclass(frozen=True, slots=True)
class ConfirmAct:
    """Confirm over a new connection that the host can be reached, and take the guard away.

    Attributes:
        guard: The step that armed the guard.
    """

    guard: str
    kind: Literal["confirm"] = "confirm"


@dataclass(frozen=True, slots=True)
class SpareAct:
    """Start a second sshd of copied files, and see that it can be reached from here."""

    port: int
    kind: Literal["spare"] = "spare"


@dataclass(frozen=True, slots=True)
class EndSpareAct:
    """Take it away.

    Attributes:
        start: The step that started it.
        unless: Where this step was begun and the run ended badly, somebody may need it: it stays.
    """

    start: str
    unless: str
    kind: Literal["end-spare"] = "end-spare"


@dataclass(frozen=True, slots=True)
class ScriptAct:
    """Run a script of the inventory on the controller, with the event as JSON on its input.

    Attributes:
        command: The script's argv; paths are absolute.
        event: What it is told: ``before``, ``after``, ``notify``, or the key of the inventory that
            names it, such as ``provision``.
        deadline_s: Within how many seconds it must end.
        service: Whose script it is; None for those of the whole host.
        sync_pass: Of a service's ``sync`` script: ``bulk`` or ``final``.
        snapshot: The run whose snapshot it removes.
    """

    command: tuple[str, ...]
    event: str
    deadline_s: int
    service: str | None = None
    sync_pass: Literal["bulk", "final"] | None = None
    snapshot: str | None = None
    kind: Literal["script"] = "script"


@dataclass(frozen=True, slots=True)
class PutBackAct:
    """At a bad end of the run ask whether its snapshot is put back, do it, and look whether it is.

    Attributes:
        command: The argv of the host's ``snapshot_restore``.
        changes: What must then be true of each package.
        failed_units_before: Units that failed before the run.
        release: Codename of the release that the host must then be again; None: not known.
    """

    command: tuple[str, ...]
    deadline_s: int
    changes: tuple[Change, ...] = ()
    failed_units_before: tuple[str, ...] | None = None
    release: str | None = None
    kind: Literal["put-back"] = "put-back"


Act = (
    JobAct
    | VerifyAct
    | BaselineAct
    | RebootAct
    | GateAct
    | GuardAct
    | ConfirmAct
    | SpareAct
    | EndSpareAct
    | ScriptAct
    | PutBackAct
    | ReplacingAct
)

PLAN_CHANGED = 10
"""Exit status of a job that found another transaction than the planned one and changed nothing."""
LOCK_HELD = 11
"""Exit status of a job that waited for the package manager's lock in vain; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: where it acts, what exactly it does, and what of it is taken back.

    Attributes:
        reversible: It leaves nothing that would have to be taken back.
        expected_s: Seconds, as the step took on this host before, or by the plan's own guess.
        undo: In words, what the step takes back by itself, when, and what it doesn't. Nothing of
            it is a command: no step is undone by one.
    """

    id: str
    title: str
    where: Where
    act: Act = field(metadata={"discriminator": "kind"})
    gate: bool = False
    reversible: bool = False
    undo: tuple[str, ...] = ()
    expected_s: int | None = None
    always: bool = False
    """Carried out at the end of every run in which something was begun, also after a failure."""

    @property
    def commands(self) -> tuple[str, ...]:
        """The step's commands as lines for people, quoted as a shell would need them.

        The environment comes first, as the ``export`` that the job's script begins with.
        """
        match self.act:
            case JobAct(commands=commands, simulation=simulation, environment=environment) as act:
                exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment)
                return (
                    *((f"export {exports}",) if exports else ()),
                    *((shlex.join(simulation),) if simulation else ()),
                    *(shlex.join(c) for c in commands[:-1]),
                    *((shlex.join(act.last_simulation),) if act.last_simulation else ()),
                    *(shlex.join(c) for c in commands[-1:]),
                )
            case VerifyAct(checks=checks):
                return ("probe the host again (changes nothing)", *_shown(checks))
            case BaselineAct(checks=checks):
                return (
                    (
                        "note failed and running units, listening sockets, containers, mounts "
                        "(changes nothing)"
                    ),
                    *_shown(checks),
                )
            case RebootAct():
                return ("systemctl --no-block reboot",)
            case GateAct(question=question, window=window):
                return (f"ask: {question}", *((f"or wait for {window}",) if window else ()))
            case GuardAct(topics=topics, deadline_s=seconds, strict=strict):
                unless = "" if strict else " if the host's own test fails then"
                if "deployment" in topics:
                    return (
                        (
                            "note which deployment runs, and reboot into it again when nobody has "
                            f"confirmed {seconds} s after the host is up{unless}"
                        ),
                    )
                return (
                    (
                        f"save what {', '.join(topics)} rests on, and put it back when nobody has "
                        f"confirmed {seconds} s after the job{unless}"
                    ),
                )
            case ConfirmAct():
                return ("confirm over a new connection, then remove the guard",)
            case SpareAct(port=port):
                return (
                    f"run a copy of sshd with a copy of its configuration at port {port}",
                    "connect to it from here",
                )
            case EndSpareAct():
                return ("stop that sshd, and remove the copies",)
            case ScriptAct(command=command) | PutBackAct(command=command):
                return (shlex.join(command),)
            case _ as act:
                return shown(act)


def _shown(checks: tuple[ServiceCheck, ...]) -> tuple[str, ...]:
    return tuple(f"check {c.service}: {c.check.shown}" for c in checks)


@dataclass(frozen=True, slots=True)
class OutageWindow:
    """Seconds of interruption to expect, and how that is known."""

    expected_s: int | None
    source: Literal["measured", "estimated", "unknown"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact steps of one candidate (or chore) on one host.

    ``candidate`` is a candidate's id or a chore's name. ``created_at`` isn't part of the digest.
    """

    host: str
    candidate: str
    created_at: datetime
    steps: tuple[Step, ...]
    effects: Effects
    risk: Risk | None
    outage_window: OutageWindow
    changes: tuple[Change, ...] | None = ()
    interrupts: bool = True
    """It touches running services or can't be taken back: the confirmation is typed."""
    model: str | None = None
    """Digest of the numbers that the risk was worked out with; None where there is no risk."""
    take: tuple[str, ...] = ()
    """Configuration files of which the package's version is taken; the steps say how."""

    @property
    def digest(self) -> str:
        """SHA-256 over what would be done: host, candidate, packages with versions, commands.

        The numbers behind the risk are part of it: who confirms has seen what they say.
        What a verification merely compares with (units that have failed already), and how long
        steps took before, aren't in it: they don't change what would be done.
        """
        from engine.model.json_form import to_json

        what = {
            "host": self.host,
            "candidate": self.candidate,
            "changes": None if self.changes is None else [to_json(c) for c in self.changes],
            "steps": [to_json(_what_is_done(step)) for step in self.steps],
        }
        if self.model is not None:
            what["model"] = self.model
        text = json.dumps(what, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def _what_is_done(step: Step) -> Step:
    step = replace(step, expected_s=None)
    if isinstance(step.act, VerifyAct):
        return replace(step, act=replace(step.act, failed_units_before=None))
    return step


def combined_digest(plans: tuple[Plan, ...]) -> str:
    """One digest for several hosts' plans: the plan's own for one, a hash over all for more."""
    if len(plans) == 1:
        return plans[0].digest
    joined = "\n".join(sorted(f"{plan.host} {plan.digest}" for plan in plans))
    return hashlib.sha256(joined.encode("utf-8")).hexdigest()


__all__ = [
    "LOCK_HELD",
    "PLAN_CHANGED",
    "Act",
    "BaselineAct",
    "Candidate",
    "Chore",
    "ConfirmAct",
    "GateAct",
    "GuardAct",
    "GuardTopic",
    "JobAct",
    "OutageWindow",
    "Plan",
    "PutBackAct",
    "RebootAct",
    "ScriptAct",
    "ServiceCheck",
    "Step",
    "VerifyAct",
    "Where",
    "combined_digest",
]
