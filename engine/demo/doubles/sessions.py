"""setsid(1), which also notes the new session, so that the demo can end it when it closes."""

from __future__ import annotations

import os
import sys

from .state import CONTROL, err


def main(program: str, arguments: list[str]) -> int:
    """Run ``setsid [-f] PROGRAM ARGS...``."""
    words = list(arguments)
    fork = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option not in ("-f", "--fork"):
            err(f"setsid: unrecognized option '{option}'")
            return 1
        fork = True
    if not words:
        err("setsid: no command specified")
        return 1
    # util-linux forks by itself where its process leads a group and could have no new session.
    if fork or os.getpgrp() == os.getpid():
        sys.stdout.flush()
        if os.fork() != 0:
            return 0
    os.setsid()
    sessions = CONTROL / "sessions"
    sessions.mkdir(exist_ok=True)
    sessions.joinpath(str(os.getpid())).touch()
    try:
        os.execvp(words[0], words)
    except OSError as error:
        err(f"setsid: failed to execute {words[0]}: {error.strerror}")
        os._exit(127)
