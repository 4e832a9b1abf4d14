"""Who may write: freezing server1's writers, the guard that thaws them, the single-writer token.

See docs/writers.md. The host-side half is ``engine/host/writers.sh`` with its parts.
"""

from engine.model.writers import Writer
from engine.writers.calls import (
    Disarmed,
    Frozen,
    Token,
    arm,
    disarm,
    end_forward,
    examine,
    forward,
    free,
    freeze,
    guard_state,
    hold,
    let_go,
    let_speak,
    prove,
    quiet,
    receive,
    restore,
    start,
    stop,
    surrender,
    take_back,
    thaw,
    token,
)
from engine.writers.state import Guard, verdict

__all__ = [
    "Disarmed", "Frozen", "Guard", "Token", "Writer", "arm", "disarm", "end_forward",
    "examine", "forward", "free", "freeze", "guard_state", "hold", "let_go", "let_speak", "prove",
    "quiet", "receive", "restore", "start", "stop", "surrender", "take_back", "thaw", "token",
    "verdict",
]  # fmt: skip
