"""The logs of a run that another hostshift drives, copied from its host for those who look on.

Who drives a run copies its logs into a state directory of its own. Another hostshift on the same
store may be on another machine, so it follows the jobs for itself; that needs root on the host.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from engine.errors import HostshiftError, RefusedError
from engine.jobs.follow import ROUND_S, follow
from engine.jobs.mirror import Mirror
from engine.model.plan import JobAct
from engine.runs.evidence import job_evidence
from engine.runs.records import Logs, Record
from engine.session import Session

AGAIN_S: Final = 1.0
"""Seconds between two looks for a job to follow."""
LAST_S: Final = 30.0
"""Seconds for the rest of a run that has ended; its host may be out of reach."""


class LogCopies:
    """The copies of one run's logs, while others drive it.

    Args:
        record: The run as it was last read.
    """

    def __init__(self, session: Session, logs: Logs, record: Callable[[], Record]) -> None:
        self._session = session
        self._logs = logs
        self._record = record
        self._whole: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Copy what comes, until `end`. Harmless when done twice."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name="copy logs")

    async def end(self) -> None:
        """Copy no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def finish(self) -> None:
        """Copy the rest of a run that has ended, as far as it can be had."""
        await self.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await self._copy_all(seconds=0)

    async def _keep(self) -> None:
        while True:
            await self._copy_all(seconds=ROUND_S)
            await asyncio.sleep(AGAIN_S)

    async def _copy_all(self, seconds: int) -> None:
        record = self._record()
        if not self._session.inventory.has(record.run.host):
            return
        for step in record.plan.steps:
            wanted = isinstance(step.act, JobAct) and step.id in record.begun
            if wanted and step.id not in self._whole and await self._copy(record, step.id, seconds):
                self._whole.add(step.id)

    async def _copy(self, record: Record, step_id: str, seconds: int) -> bool:
        """Follow one job; True when no more of its log is to be had."""
        run, host = record.run.id, self._session.inventory.host(record.run.host)
        self._logs.make(run)
        mirror = Mirror(self._logs.path(run, step_id))
        try:
            if not mirror.alone:
                return False  # whoever drives it does so on this machine
            seen = await follow(
                self._session.transport, host, run, step_id, mirror, lambda _: None, seconds=seconds
            )
        except RefusedError:
            return True  # only root may read it
        except HostshiftError:
            return False
        finally:
            mirror.close()
        return job_evidence(seen).over and seen.log_is_whole is not False


def lacking(logs: Logs, record: Record) -> tuple[str, ...]:
    """The jobs of a run that began and of whose logs there is nothing here."""
    return tuple(
        step.id
        for step in record.plan.steps
        if isinstance(step.act, JobAct)
        and step.id in record.begun
        and logs.length(record.run.id, step.id) == 0
    )
