"""The operator who replaces server1, and what her runs say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from tests.lab.replacement.world import OLD, World
from tests.operators import Operator

TTL_S = 2
"""What the names' TTL is lowered to."""


class Ann(Operator):
    """The operator who replaces server1."""

    def __init__(self, directory: Path, world: World) -> None:
        super().__init__(directory, world.inventory)
        world.hasten(TTL_S)

    def replace(
        self, host: str = OLD, candidate: str = "replace", *, check: int | None = 4
    ) -> dict[str, Any]:
        """Plan and run up to the gate."""
        digest = self.plan(host, candidate)
        self.call("run", host, candidate, "--confirm", digest, check=check, timeout=400)
        return self.last()

    def go_on(self, *, check: int | None = 4) -> dict[str, Any]:
        """Open the gate, and follow the run to the next one or its end."""
        run = self.last()
        words = ("answer", run["id"], "go-on", "--confirm", run["host"])
        self.call(*words, check=check, timeout=400)
        return self.last()

    def story(self) -> str:
        """The run with the evidence of each step, as its export tells it."""
        return self.call("export", self.last()["id"]).stdout.decode()


def window(run: dict[str, Any], last: str = "dns") -> float:
    """Seconds from the freeze to the DNS update, or a later step, as the run has recorded them."""
    steps = {step["id"]: step for step in run["steps"]}
    began, ended = (
        datetime.fromisoformat(str(moment))
        for moment in (steps["freeze"]["started_at"], steps[last]["ended_at"])
    )
    return (ended - began).total_seconds()


def states(run: dict[str, Any]) -> dict[str, str]:
    return {step["id"]: step["state"] for step in run["steps"]}
