"""Moving volumes from server1 to its successor with rsync, pulled by the successor.

See docs/sync.md. The host-side half is ``engine/host/sync_*.sh``.
"""

from engine.sync.accounts import account_conflicts
from engine.sync.log import read_pass, read_progress
from engine.sync.passes import Kind, pass_commands, sums_commands, wire_of
from engine.sync.repeating import worth_another
from engine.sync.source import close_source, look_at_source, open_source, seen_by_preflight
from engine.sync.source_guard import source_guard
from engine.sync.target import drop_key, make_key, ready
from engine.sync.values import (
    DIFFERS,
    NOT_THE_TARGET,
    NOT_USABLE,
    RSYNC,
    PassResult,
    Progress,
    Source,
    SourceVolume,
    VolumePass,
)

__all__ = [
    "DIFFERS", "NOT_THE_TARGET", "NOT_USABLE", "RSYNC", "Kind", "PassResult", "Progress", "Source",
    "SourceVolume", "VolumePass", "account_conflicts", "close_source", "drop_key",
    "look_at_source", "make_key", "open_source", "pass_commands", "read_pass", "read_progress",
    "ready", "seen_by_preflight", "source_guard", "sums_commands", "wire_of", "worth_another",
]  # fmt: skip
