"""Guards: the dead-man switch on a host that takes back what locked the operator out.

See docs/guard.md. The host-side half is ``engine/host/guard.sh``, and ``guardian.sh`` with its
parts; which packages call for a guard is said in ``engine.families.guarding``.
"""

from engine.guard.calls import SETTLE_S, Armed, arm, confirm, look, withdraw
from engine.guard.state import GuardState, verdict

__all__ = [
    "SETTLE_S", "Armed", "GuardState", "arm", "confirm", "look", "verdict", "withdraw",
]  # fmt: skip
