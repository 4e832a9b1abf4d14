"""Whether server1's volumes may be taken for the truth, before anything is deleted. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine.sync.values import SourceVolume


def source_guard(
    before: tuple[SourceVolume, ...], now: tuple[SourceVolume, ...]
) -> tuple[str, ...]:
    """Reasons not to start a pass that deletes on the successor what server1 hasn't; () is fine.

    Args:
        before: As preflight saw them, or right before the last pass; volumes without a counterpart
            are judged by themselves.
        now: As they are.
    """
    earlier = {volume.path: volume for volume in before}
    return tuple(
        reason for volume in now for reason in _reasons(earlier.get(volume.path), volume)
    ) + tuple(
        f"{path}: nothing is known of it now"
        for path in earlier
        if path not in {volume.path for volume in now}
    )


def _reasons(before: SourceVolume | None, now: SourceVolume) -> Iterator[str]:
    if now.state == "missing":
        yield f"{now.path} isn't there any more" if before else f"{now.path} isn't there"
        return
    if now.state == "other":
        yield f"{now.path} is no directory"
        return
    if now.empty:
        yield f"{now.path} is empty; is its file system mounted?"
    if before is None:
        return
    if before.device is not None and now.device != before.device:
        found = now.device or "one that isn't known"
        yield f"{now.path} lies on another file system ({found}) than before ({before.device})"
    if now.empty:
        return
    for what, was, is_now in (
        ("bytes", before.used_bytes, now.used_bytes),
        ("entries", before.entries, now.entries),
    ):
        if was is not None and is_now is not None and is_now * 10 < was * 9:
            yield f"{now.path} is more than a tenth smaller: {was} {what} before, {is_now} now"
