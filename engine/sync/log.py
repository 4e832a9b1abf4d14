"""Reading what a pass left in its job's log. Pure; what came from a host is cleaned and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from engine.sync.passes import path_of
from engine.sync.values import PassResult, Progress, VolumePass
from engine.text import clean_line, decode

_BEGINS: Final = re.compile(r"hostshift: pass ([a-z]{1,16}) (/\S{0,4000}) begins")
_ENDED: Final = re.compile(
    r"hostshift: pass ([a-z]{1,16}) (/\S{0,4000}) ended with (\d{1,3}) after (\d{1,9}) s"
)
_DIFFERENCES: Final = re.compile(r"hostshift: differences in /\S{0,4000}: (\d{1,15})")
_STAT: Final = re.compile(
    r"(Number of created files|Number of deleted files|Number of regular files transferred"
    r"|Total file size|Total transferred file size|Literal data): ([\d,.]{1,30})(?: bytes)?"
    r"(?: \((?:reg: ([\d,.]{1,30}))?[^)]*\))?"
)
_COMPLAINT: Final = re.compile(r"rsync: |rsync error: |rsync warning: |ssh: |hostshift: ")
_PROGRESS: Final = re.compile(
    r"\s*([\d,.]{1,30})\s+(\d{1,3})%\s+([\d.]{1,15})([kKMGTP]?)B/s\s+(\d{1,6}):(\d\d):(\d\d)"
    r"(?:\s+\(xfr#\d+, (ir|to)-chk=\d+/\d+\))?\s*"
)
_SUMS: Final = ("trial", "sums")
_UNITS: Final = {"": 1, "k": 1024, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4,
                 "P": 1024**5}  # fmt: skip
_MOST_VOLUMES: Final = 1000
_MOST_COMPLAINTS: Final = 20
_LONGEST: Final = 1000
_TAIL: Final = 16_384


def read_pass(log: bytes) -> PassResult:
    """What a job's log tells of its pass, volume by volume; never raises."""
    done: list[VolumePass] = []
    for line in _lines(log):
        if begins := _BEGINS.fullmatch(line):
            if len(done) == _MOST_VOLUMES:
                break
            sums = 0 if begins[1] in _SUMS else None  # they copy nothing, and trials count nothing
            done.append(VolumePass(_path(begins[2]), begins[1], sent_bytes=sums, differences=sums))
        elif done and done[-1].exit_status is None:
            done[-1] = _with_line(done[-1], line)
    return PassResult(tuple(_counted(volume) for volume in done))


def _with_line(volume: VolumePass, line: str) -> VolumePass:
    if ended := _ENDED.fullmatch(line):
        return replace(volume, exit_status=int(ended[3]), seconds=int(ended[4]))
    if found := _DIFFERENCES.fullmatch(line):
        return replace(volume, differences=int(found[1]))
    if stat := _STAT.fullmatch(line):
        return _with_stat(volume, stat[1], _number(stat[2]), _number(stat[3]))
    if _COMPLAINT.match(line):
        kept = (*volume.complaints, line)[-_MOST_COMPLAINTS:]
        return replace(volume, complaints=kept)
    return volume


def _with_stat(
    volume: VolumePass, name: str, number: int | None, regular: int | None
) -> VolumePass:
    dry = volume.kind in ("rehearsal", "verify")
    match name:
        case "Number of created files":
            # Regular ones are among those that are transferred.
            others = None if number is None else number - (regular or 0)
            return replace(
                volume,
                created=number,
                differences=others if volume.kind == "rehearsal" else volume.differences,
            )
        case "Number of deleted files":
            return replace(volume, deleted=number)
        case "Number of regular files transferred":
            return replace(volume, files=number)
        case "Total file size":
            return replace(volume, total_bytes=number)
        case "Total transferred file size" if dry:
            return replace(volume, sent_bytes=number)
        case "Literal data" if not dry:
            return replace(volume, sent_bytes=number)
    return volume


def _counted(volume: VolumePass) -> VolumePass:
    """A rehearsal's differences, which its statistics tell in three parts."""
    if volume.kind != "rehearsal" or volume.differences is None:
        return volume
    parts = (volume.differences, volume.files, volume.deleted)
    known = [part for part in parts if part is not None]
    return replace(volume, differences=sum(known) if len(known) == len(parts) else None)


def read_progress(log_tail: bytes) -> Progress | None:
    """The last word of ``--info=progress2`` at the end of a log; None where there is none."""
    volume: str | None = None
    found: re.Match[str] | None = None
    for line in _lines(log_tail[-_TAIL:]):
        if begins := _BEGINS.fullmatch(line):
            volume, found = _path(begins[2]), None
        elif _ENDED.fullmatch(line):
            volume, found = None, None
        elif progress := _PROGRESS.fullmatch(line):
            found = progress
    if found is None:
        return None
    done = _number(found[1])
    if done is None:
        return None
    # "ir-chk": rsync still finds more files, so that its percentage is of a part.
    whole = found[8] == "to" or (found[8] is None and int(found[2]) > 0)
    percent = min(int(found[2]), 100)
    left = int(found[5]) * 3600 + int(found[6]) * 60 + int(found[7])
    try:
        rate: float | None = float(found[3]) * _UNITS[found[4]]
    except ValueError:
        rate = None
    return Progress(volume, done, percent if whole else None, rate, left if whole else None)


def _lines(log: bytes) -> Iterator[str]:
    for line in re.split(rb"[\r\n]+", log):
        if line:
            yield clean_line(decode(line))[:_LONGEST]


def _path(wire: str) -> str:
    return clean_line(path_of(wire))


def _number(text: str | None) -> int | None:
    """A whole number, with or without separators of thousands."""
    digits = (text or "").replace(",", "").replace(".", "")
    return int(digits) if digits.isascii() and digits.isdigit() else None
