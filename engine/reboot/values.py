"""What is asked and answered about a reboot, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.model.run import State

RefusalId = Literal["dpkg", "job", "busy", "logged-in", "inhibitor"]
HARD: frozenset[RefusalId] = frozenset({"dpkg", "job"})
"""What the host itself refuses for, right before the reboot, whoever has decided otherwise."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that speaks against a reboot now, in words."""

    id: RefusalId
    message: str


@dataclass(frozen=True, slots=True)
class Boot:
    """What tells one boot from another; None: could not be read.

    Attributes:
        id: ``/proc/sys/kernel/random/boot_id`` (random(4)). In an LXC container it may be the
            machine's, which stays.
        pid1_start: When process 1 was started (proc(5), field 22 of stat), which a container has
            of its own.
    """

    id: str | None = None
    pid1_start: str | None = None

    def change_to(self, now: Boot) -> str | None:
        """What shows that another boot runs now, in words; None: nothing does."""
        if self.id and now.id and self.id != now.id:
            return f"boot id {self.id[:8]} became {now.id[:8]}"
        if self.pid1_start and now.pid1_start and self.pid1_start != now.pid1_start:
            return "process 1 was started anew (the boot id is the machine's and stays)"
        return None

    @property
    def known(self) -> bool:
        """Whether a change could be told at all."""
        return bool(self.id or self.pid1_start)


@dataclass(frozen=True, slots=True)
class Readiness:
    """A host before a reboot.

    Attributes:
        systemd: Whether systemd is process 1.
        container: As systemd-detect-virt(1) names it; None: none, or not known.
        refusals: What speaks against a reboot now.
        unread: What could not be looked at, as refusals: whether it would be one isn't known.
    """

    boot: Boot
    kernel: str | None
    systemd: bool
    container: str | None
    refusals: tuple[Refusal, ...] = ()
    unread: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What a host keeps of a reboot that was begun; None: not known.

    Attributes:
        boot: The boot that was to end.
        started_at: When, by the host's clock, RFC 3339.
        running: Services that ran then and are expected to run in every boot.
        passing: Services that ran then and needn't run again: started on demand, or for a while.
        failed: Units that had failed then.
        exit_status: Of the command that asks for the reboot.
        said: That command's last words.
    """

    boot: Boot
    started_at: str | None = None
    running: tuple[str, ...] | None = None
    passing: tuple[str, ...] = ()
    failed: tuple[str, ...] | None = None
    exit_status: int | None = None
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to giving the word.

    Attributes:
        how: ``found``: it was given before, in this boot or another; ``refused``: the host is at
            work, nothing was changed and it may be tried again.
        record: None where it was refused.
    """

    how: Literal["started", "found", "refused"]
    record: Record | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Back:
    """A host that answers after the word was given; in the old boot still, or in a new one.

    Attributes:
        record: None: the host knows of no reboot in this step.
        state: ``systemctl is-system-running``; None where systemd isn't process 1.
        settled_s: Seconds since start-up was finished; None: it isn't, or not known.
        active: Units that are active; None where they could not be listed.
        failed: Units that have failed; None likewise.
        lost: Units that ran before, of which systemd knows no file any more.
    """

    boot: Boot
    kernel: str | None
    systemd: bool
    record: Record | None = None
    state: str | None = None
    settled_s: float | None = None
    uptime_s: float | None = None
    active: tuple[str, ...] | None = None
    failed: tuple[str, ...] | None = None
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state with what binds it: reasons, one line each, and what a person can do."""

    state: State
    reason: tuple[str, ...] = ()
    hint: str | None = None
