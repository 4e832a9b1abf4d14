"""An upgrade that is under way on a host, and what must hold of it however it was disturbed."""

from __future__ import annotations

import re

from tests.lab.controller import (
    SLOW_WORKS,
    Controller,
    job_file,
    let_finish,
    slow_for,
    wait_for_log,
)
from tests.lab.faults.truth import end_of, upgrades
from tests.lab.processes import wait_until

_STATE = re.compile(r"^\|[^|]*\|[^|]*\| state \| ([a-z-]+):", re.MULTILINE)


class UnderWay:
    """`hostshift run HOST upgrade`, followed until its log says something.

    Args:
        seconds: How long lab-slow's postinst takes, unless it is let go before.
        until: What the log says then.
    """

    def __init__(self, eve: Controller, seconds: int = 300, until: str = SLOW_WORKS) -> None:
        self.eve = eve
        self.host = eve.host
        slow_for(self.host, seconds)
        self.process = eve.begin_run()
        wait_for_log(self.host, until, timeout=120)
        self.id = job_file(self.host, "log").parent.parent.name

    def claimed(self) -> str:
        """The state that `hostshift runs --json` claims now."""
        return next(str(run["state"]) for run in self.eve.runs() if run["id"] == self.id)

    def wait_until_unknown(self, timeout: float = 120) -> None:
        """Wait until it is told so, here and by another hostshift; it is followed on."""
        wait_until(lambda: ": unknown: " in self.eve.said(), "unknown", timeout=timeout)
        wait_until(lambda: self.claimed() == "unknown", "unknown", timeout=timeout)
        assert self.process.poll() is None, self.eve.said()

    def states(self) -> list[str]:
        """Every state that was claimed, in order, as the journal has them."""
        return _STATE.findall(self.eve.call("export", self.id).stdout.decode())

    def end(self) -> str:
        """Let the job go; the state that is claimed in the end, and the command's exit status."""
        let_finish(self.host)
        status = self.process.wait(240)
        return f"{self.proven()}, exit {status}"

    def proven(self) -> str:
        """The state that is claimed: nothing was lost, done twice, or called failed meanwhile."""
        state = end_of(self.eve, self.id)
        assert upgrades(self.host) <= 1
        assert "failed" not in self.states()
        return state
