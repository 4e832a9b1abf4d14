"""What a sync knows, as immutable values. None is unknown everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DIFFERS: Final = 40
"""Exit status of a verify pass that found differences."""
NOT_THE_TARGET: Final = 41
"""Exit status of a pass on a host that isn't the target of data in this run; nothing was done."""
NOT_USABLE: Final = 42
"""Exit status of a pass whose volume on the successor is a link or no directory."""
RSYNC: Final = 100
"""What is added to rsync's own exit status, so that it isn't taken for one of a job."""
REVERSED: Final = 24
"""Exit status of sync_source.sh and sync_target.sh: data went the other way."""
NO_PLACE: Final = 25
"""Exit status of theirs: a key can't be made, or there is no place for it."""


@dataclass(frozen=True, slots=True)
class SourceVolume:
    """One volume as it is on server1.

    Attributes:
        device: Its file system: the identifier, else kind and what it is mounted from.
        entries: Files, directories and links below it.
        used_bytes: On its own file system, as it takes room there.
    """

    path: str
    state: Literal["directory", "missing", "other"]
    device: str | None = None
    entries: int | None = None
    used_bytes: int | None = None
    empty: bool | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What opening server1 gave.

    Attributes:
        login: The account whose authorized_keys got the key.
        host_keys: Public host keys of its sshd, ``TYPE BASE64``.
        port: That its sshd listens on by its own configuration.
    """

    login: str
    host_keys: tuple[str, ...]
    port: int | None = None


@dataclass(frozen=True, slots=True)
class VolumePass:
    """What a pass over one volume did.

    Attributes:
        exit_status: rsync's own, or one of `NOT_THE_TARGET`, `NOT_USABLE`.
        files: Files, new or changed, that were transferred, or in a rehearsal would be.
        created, deleted: Entries of any kind.
        sent_bytes: File data that travelled (rsync's "Literal data"); in a rehearsal all bytes of
            the files that differ, which is the most that can travel.
        total_bytes: Size of all files of the volume.
        differences: Of a verify pass what it found; of a rehearsal entries that would be
            transferred, made or deleted; None for passes that copy.
        complaints: The last lines of rsync, ssh or the gate that tell what went wrong.
    """

    path: str
    kind: str
    exit_status: int | None = None
    seconds: int | None = None
    files: int | None = None
    created: int | None = None
    deleted: int | None = None
    sent_bytes: int | None = None
    total_bytes: int | None = None
    differences: int | None = None
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PassResult:
    """A pass over several volumes, in their order; the last one may be unfinished.

    The sums are None where a volume's part isn't known.
    """

    volumes: tuple[VolumePass, ...] = ()

    @property
    def sent_bytes(self) -> int | None:
        """File data that travelled, of all volumes."""
        return _sum([v.sent_bytes for v in self.volumes])

    @property
    def total_bytes(self) -> int | None:
        """Size of all files, of all volumes."""
        return _sum([v.total_bytes for v in self.volumes])

    @property
    def seconds(self) -> int | None:
        """How long it took."""
        return _sum([v.seconds for v in self.volumes])

    @property
    def sums_seconds(self) -> int:
        """How long the sums of small files took, of all volumes."""
        return sum(v.seconds or 0 for v in self.volumes if v.kind in ("trial", "sums"))

    @property
    def differences(self) -> int | None:
        """What is left, of all volumes."""
        return _sum([v.differences for v in self.volumes])


@dataclass(frozen=True, slots=True)
class Progress:
    """rsync's own word on the volume that it is at.

    Attributes:
        transferred_bytes: Of the volume, as it counts what has been dealt with.
        percent: None while rsync still finds more files, as it is of those that it knows.
        rate: Bytes a second.
        left_s: Seconds that it expects to be left; None together with ``percent``.
    """

    volume: str | None
    transferred_bytes: int
    percent: int | None
    rate: float | None
    left_s: int | None


def _sum(parts: list[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None
