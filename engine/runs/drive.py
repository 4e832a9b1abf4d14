"""Driver: carries out one run on one host, and never claims more than it has read there.

Every act is "look, act only if needed, look again": a driver that dies anywhere is replaced by
another that reads the same evidence. A lost connection ends nothing; it is asked again, for ever,
each time within a deadline, until the host answers or this hostshift is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from engine.clock import ForwardClock
from engine.errors import DeadlineError, HostOutputError, HostshiftError, UnreachableError
from engine.jobs import lock
from engine.jobs.answers import LinkLostError, LockedError
from engine.model.cutover import DnsSide
from engine.model.facts import Depth, Look
from engine.model.host import Host
from engine.model.plan import ConfirmAct, EndSpareAct, GuardAct, PutBackAct, SpareAct, Step
from engine.model.replacing import ReturnAct
from engine.model.run import Run
from engine.runs import steps
from engine.runs.acts.carry_out import carry_out
from engine.runs.acts.replacing import again
from engine.runs.errors import CannotStartError, NoAnswerError
from engine.runs.hold import Hold
from engine.runs.observe import Observation, ended_by_guard, out_of_reach
from engine.runs.phases import Phase, last_phases, phases
from engine.runs.records import Logs, Record
from engine.runs.snapshot import way_back
from engine.runs.successor import locked_hosts, successor_of
from engine.session import Session
from engine.transport.protocol import Transport

FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 30.0
"""Seconds between two tries to reach a lost host: doubled from the first to the last."""
BEAT_S: Final = 20.0
"""Seconds between two heartbeats on the host; a lock is stale after fifteen missed ones."""
LISTEN_S: Final = 1.0
"""Seconds between two looks for a person's word to this run."""

_STILL_LOCKED: Final = "The host's lock could not be given back yet"
_LISTENER: Final = 1_000_000
"""Beyond the numbers of steps."""

LookAt = Callable[[Session, Host, Depth], Awaitable[Look]]
T = TypeVar("T")


class Driver:
    """One run in hand.

    Args:
        hold: The right to write the run; without it the run is only looked at.
        resumed: This run was begun by another process, or by an earlier life of this one.

    Attributes:
        reobserve: Has the states follow the evidence when the link is lost or found again.
        stopper: Stops what goes on now, hard or not; None where nothing can be stopped.
        at_gate: It waits for an answer, and everybody who must know was told.
        unreachable: Why the host can't be asked now; None when it answered last.
        beside: What goes on beside the steps, by its name; ended when the driver ends.
        name_servers: What the name servers answered last, while a change of theirs is followed.
    """

    def __init__(
        self,
        session: Session,
        host: Host,
        record: Record,
        hold: Hold | None,
        look_at: LookAt,
        logs: Logs,
        *,
        resumed: bool,
    ) -> None:
        self.session = session
        self.host = host
        self.record = record
        self.hold = hold
        self.look_at = look_at
        self.logs = logs
        self.resumed = resumed
        self.acts = hold is not None and not session.read_only and not record.watched
        self.unreachable: str | None = None
        self.reobserve: Callable[[], None] = lambda: None
        self.stopper: Callable[[bool], Awaitable[None]] | None = None
        self.stop_asked: str | None = None
        self.at_gate = False
        self.beside: dict[str, asyncio.Task[None]] = {}
        self.name_servers: tuple[DnsSide, ...] = ()
        self._clock = ForwardClock(session.clock, record.run.since)
        self._beaten = session.clock.monotonic()

    @property
    def run(self) -> Run:
        """The run as it is known now."""
        return self.record.run

    @property
    def acted(self) -> bool:
        """Something was begun that changes the host; a guard or a spare sshd changes nothing."""
        acts = {step.id: step.act for step in self.record.plan.steps}
        nothing = GuardAct | SpareAct
        return any(not isinstance(acts.get(name), nothing) for name in self.record.begun)

    @property
    def successor(self) -> Host | None:
        """The host that takes over, once it is known where it is."""
        return successor_of(self.record, self.host)

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts whose locks this run has."""
        return locked_hosts(self.record, self.host)

    @property
    def transport(self) -> Transport:
        """How the host is asked."""
        return self.session.transport

    @property
    def at_once(self) -> int:
        """How many runs may act at once."""
        return self.session.inventory.at_once

    async def carry_out(self) -> None:
        """Do what is left of the plan, to an end that was observed. Returns when settled.

        Raises:
            RefusedError: the plan holds something that can't be carried out.
        """
        listening = asyncio.create_task(self._listen()) if self.acts else None
        try:
            if self.record.verdict is None and not self.run.ended:
                self._end(await self._all_phases())
            await self._last_steps()
        finally:
            others = [*self.beside.values(), *([listening] if listening is not None else [])]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        # Nobody listens any more: to ask for a run that has just ended would read as losing it.
        await self._settle()

    async def _all_phases(self) -> Observation:
        """Phase after phase; the verdict."""
        observed = Observation("succeeded", ("There was nothing to do.",))
        for phase in phases(self.record.plan):
            if self._is_done(phase):
                last = next(step for step in self.run.steps if step.id == phase.steps[-1].id)
                observed = Observation("succeeded", last.evidence)
                continue
            if self.stop_asked is not None:
                title = phase.steps[0].title
                return Observation("cancelled", (f"Stopped before: {title}.", self.stop_asked))
            observed = await carry_out(self, phase)
            self.reobserve = lambda: None
            if observed.state != "running":
                return observed
        return observed if observed.state != "running" else replace(observed, state="succeeded")

    def _is_done(self, phase: Phase) -> bool:
        states = {step.id: step.state for step in self.run.steps}
        return all(states[step.id] == "succeeded" for step in phase.steps)

    # The end

    def _end(self, observed: Observation) -> None:
        """Remember the verdict; what was only planned is not done any more."""
        always = {step.id for step in self.record.plan.steps if step.always}
        nothing = Observation("cancelled")
        run = self.run
        asks = any(isinstance(step.act, PutBackAct) for step in self.record.plan.steps)
        if observed.state in ("failed", "attention") and not asks:
            observed = replace(observed, reason=(*observed.reason, *way_back(run, self.host)))
        for step in run.steps:
            if step.state == "planned" and step.id not in always:
                run = steps.with_step(run, step.id, nothing, self.now())
        self.record = replace(self.record, verdict=observed)
        if not self._has_last_steps():
            self.keep(steps.with_state(run, observed, self.now()))
            return
        words = (*observed.reason, "What is done at the end of every run is being done.")
        self.keep(steps.with_state(run, Observation("running", words), self.now()))

    def _has_last_steps(self) -> bool:
        states = {step.id: step for step in self.run.steps}
        return any(states[p.step.id].ended_at is None for p in last_phases(self.record.plan))

    async def _last_steps(self) -> None:
        """What is done at the end of every run; only a guard that has fired changes the verdict."""
        verdict = self.record.verdict
        if verdict is None or self.run.ended:
            return
        put_back = any(
            isinstance(p.act, PutBackAct) and state.state == "rolled-back"
            for p in last_phases(self.record.plan)
            for state in self.run.steps
            if state.id == p.step.id
        )
        for phase in last_phases(self.record.plan):
            state = next(step for step in self.run.steps if step.id == phase.step.id)
            if state.ended_at is not None:
                continue
            if not self.acts or not self._something_began():
                nothing = Observation("cancelled", ("Nothing was begun.",))
                self.keep(steps.with_step(self.run, phase.step.id, nothing, self.now()))
                continue
            if put_back and isinstance(phase.act, ConfirmAct | EndSpareAct):
                gone = Observation("cancelled", ("It is not there on a host that was put back.",))
                self.keep(steps.with_step(self.run, phase.step.id, gone, self.now()))
                continue
            observed = await carry_out(self, phase)
            if isinstance(phase.act, PutBackAct):
                put_back, verdict = self._put_back(verdict, observed)
            elif isinstance(phase.act, ConfirmAct | ReturnAct):
                verdict = ended_by_guard(verdict, observed)
            elif observed.state not in ("running", "succeeded"):
                verdict = replace(verdict, reason=(*verdict.reason, *observed.reason))
        self.record = replace(self.record, verdict=verdict)
        self.keep(steps.with_state(self.run, verdict, self.now()))

    def _put_back(self, verdict: Observation, observed: Observation) -> tuple[bool, Observation]:
        """Whether the host's snapshot was put back, and what the run's end is with that."""
        if observed.state == "cancelled":
            more = way_back(self.run, self.host) if verdict.state in ("failed", "attention") else ()
            return False, replace(verdict, reason=(*verdict.reason, *observed.reason, *more))
        end = Observation(
            observed.state, (*observed.reason, "Before that:", *verdict.reason), observed.hint
        )
        self.record = replace(self.record, verdict=end)
        return observed.state == "rolled-back", end

    def _something_began(self) -> bool:
        return any(step.started_at is not None for step in self.run.steps)

    async def _settle(self) -> None:
        """Give the lock back. The state stands already: it is about the host, not about us."""
        if not self.acts or self.record.released or not self.run.ended:
            return
        await self.notify("ended")
        reason = tuple(line for line in self.run.reason if not line.startswith(_STILL_LOCKED))
        released = True
        for host in self.hosts:
            released &= await self._release(host, reason)
        # Another's lock is none of ours: there is nothing to give back either way.
        self.record = replace(self.record, released=True)
        if not released:
            reason = (*reason, "The host's lock was taken by another run meanwhile.")
        self.keep(replace(self.run, reason=reason))
        await self.saved()

    async def _release(self, host: Host, reason: tuple[str, ...]) -> bool:
        try:
            return await lock.release(self.transport, host, self.run.id)
        except HostshiftError as error:
            self.keep(replace(self.run, reason=(*reason, f"{_STILL_LOCKED}: {error.message}")))
            return await self.asking(
                lambda: lock.release(self.transport, host, self.run.id), silent=True, host=host
            )

    # Words from people

    async def _listen(self) -> None:
        """Take in what people ask of this run while it goes on."""
        heard = 0
        while self.hold is not None:
            # A number for each, as the store gives a message that was taken to its taker again.
            message = await self.hold.take("stop", _LISTENER + heard)
            if message is not None:
                heard += 1
                self.stop_asked = f"{message.sender} asked for it."
                if self.stopper is not None:
                    stop = partial(self.stopper, message.body.get("hard") is True)
                    await self.asking(stop, silent=True)
            await asyncio.sleep(LISTEN_S)  # real time: a clock that is told would run away

    async def notify(self, what: str) -> None:
        """Tell the inventory's notify script; that it fails changes nothing of the run."""
        from engine.runs.acts.script import notify

        if self.acts:
            await notify(self, what)

    # Asking the host

    async def asking(
        self, ask: Callable[[], Awaitable[T]], *, silent: bool = False, host: Host | None = None
    ) -> T:
        """Ask until the host answers.

        Args:
            silent: The run's state doesn't depend on the answer.
            host: Who is asked; the run's own host where it isn't given.

        Raises:
            LockedError, CannotStartError: the answer is a refusal.
            NoAnswerError: ``ask`` has given up.
        """
        delay = FIRST_RETRY_S
        while True:
            try:
                answer = await ask()
            except (LockedError, CannotStartError, NoAnswerError):
                raise
            except HostshiftError as error:
                if not silent:
                    self._lost(error)
                if isinstance(error, HostOutputError | DeadlineError | LinkLostError):
                    # A connection on which nothing is heard may be dead without knowing it.
                    await self.transport.forget((host or self.host).name)
                await self.sleep(delay)
                delay = min(2 * delay, LAST_RETRY_S)
            else:
                if not silent:
                    self._found()
                return answer

    def _lost(self, error: HostshiftError) -> None:
        self.unreachable = f"{error.message} ({error.hint})"
        self.reobserve()

    def _found(self) -> None:
        if self.unreachable is not None:
            self.unreachable = None
            self.reobserve()

    async def beat(self, step_id: str, *, at_once: bool = False) -> None:
        """Keep the host's lock fresh.

        A host that answers and can't write it decides nothing: what was to be asked is asked.
        """
        now = self.session.clock.monotonic()
        if not self.acts or (not at_once and now - self._beaten < BEAT_S):
            return
        self._beaten = now
        try:
            for host in self.hosts:
                await lock.beat(self.transport, host, self.run.id, step_id)
        except UnreachableError as error:
            self._lost(error)
        except HostshiftError:
            return
        else:
            self._found()

    async def sleep(self, seconds: float) -> None:
        """Wait, by the session's clock."""
        await self.session.clock.sleep(seconds)

    # States

    def in_hand(self, step: Step, observed: Observation) -> None:
        """A step that goes on, and the run with it; unknown while the host can't be asked."""

        def reobserve() -> None:
            seen = observed if self.unreachable is None else out_of_reach(self.unreachable)
            self.show(steps.with_step(self.run, step.id, seen, self.now()), seen)

        self.reobserve = reobserve
        reobserve()

    def over(self, step: Step, observed: Observation, result: dict[str, Any] | None = None) -> None:
        """A step that has ended, with what later steps need of it; or one that is asked about."""
        self.reobserve = lambda: None
        if again.is_asked_about(self, step, observed):
            self.record = replace(self.record, left=observed)
            self.keep(self.run)
        else:
            self.end(step, observed, result)

    def end(self, step: Step, observed: Observation, result: dict[str, Any] | None = None) -> None:
        """A step that has ended, for good."""
        if result is not None:
            results = {**self.record.results, step.id: result}
            self.record = replace(self.record, results=results)
        self.keep(steps.with_step(self.run, step.id, observed, self.now()))

    def show(self, run: Run, observed: Observation) -> None:
        """The run in an observed state, remembered when anything changed.

        A state in which the run would end is not shown yet: the driver ends it, with all its steps.
        """
        if observed.state in ("running", "waiting", "unknown", "planned"):
            run = steps.with_state(run, observed, self.now())
        if run != self.run:
            self.keep(run)

    def glance(self, run: Run) -> None:
        """The run with what passes too quickly to be remembered, such as progress."""
        self.record = replace(self.record, run=run)

    def keep(self, run: Run) -> None:
        """The run as it is now; written as soon as that is possible (see `saved`)."""
        self.record = replace(self.record, run=run)
        if self.hold is not None:
            self.hold.save(self.record)

    def asks(self) -> None:
        """Another question is asked; answers to former ones don't count for it."""
        self.record = replace(self.record, asked=self.record.asked + 1)

    def remark(self, words: str) -> None:
        """Something that people should read beside the state."""
        self.keep(replace(self.run, reason=(*self.run.reason, words)))

    def begun(self, step_id: str) -> datetime:
        """A step's act has begun on the host; since when that is known."""
        if step_id not in self.record.begun:
            self.record = replace(self.record, begun={**self.record.begun, step_id: self.now()})
        return self.record.begun[step_id]

    async def saved(self) -> None:
        """Wait until the store has everything: before every effect, and after every result.

        Raises:
            LostRunError: another hostshift has taken the run.
        """
        if self.hold is not None:
            await self.hold.flush()

    def fields(self) -> dict[str, str]:
        """What the host is told of the run."""
        run = self.run
        return {
            "host": run.host,
            "candidate": run.candidate,
            "operator": run.operator,
            "digest": run.digest,
        }

    def now(self) -> datetime:
        """What is recorded and what deadlines are measured by: it never goes backwards."""
        return self._clock.now()
