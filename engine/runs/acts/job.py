"""A job on the host: begun at most once, followed to its end, and proven by another look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from engine.errors import HostOutputError, RefusedError, UnreachableError
from engine.guard import GuardState
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.jobs.follow import ROUND_S, Seen, follow
from engine.jobs.mirror import Mirror, last
from engine.jobs.start import start, withdraw
from engine.jobs.stop import stop
from engine.model.facts import Facts
from engine.model.host import Host
from engine.model.plan import VerifyAct
from engine.model.run import Progress
from engine.programs.dpkg_versions import Installed, parse
from engine.runs import foreseen, steps
from engine.runs.acts import guard, health
from engine.runs.complaints import TAIL, last_errors
from engine.runs.errors import CannotStartError
from engine.runs.evidence import job_evidence, proof
from engine.runs.observe import After, Evidence, JobEvidence, Observation, guarded, observe
from engine.runs.phases import JobPhase
from engine.runs.verify import compare
from engine.shell import Script

if TYPE_CHECKING:
    from engine.runs.drive import Driver

SETTLE_S: Final = 2.0
"""Seconds that the service manager gets to write its last word about a job that was killed."""
STARTING_LOOKS: Final = 30
"""How often a watched run is looked at, `SETTLE_S` apart, before it counts as never begun."""
TRIES: Final = 3
"""How often a look that could not read everything, or a log that differed, is done again."""
VERSIONS_S: Final = 60


class JobInHand:
    """One phase that holds a job, while a driver carries it out.

    Args:
        host: Where the job runs; the run's own host where it isn't given.
        closes: The step is over with its job; else there is more to it once the job has ended well.
    """

    def __init__(
        self, driver: Driver, phase: JobPhase, host: Host | None = None, *, closes: bool = True
    ) -> None:
        self._closes = closes
        self._driver = driver
        self._phase = phase
        self._host = host or driver.host
        self._job: JobEvidence | None = None
        self._after: After | None = None
        self._guard: GuardState | None = None
        self._starts_failed = 0

    async def carry_out(self) -> Observation:
        """To the state that the evidence allows; ``running`` means that the next may begin."""
        driver, phase = self._driver, self._phase
        driver.reobserve = self.observed
        driver.stopper = self._stop
        try:
            refused = await self._begin()
            if refused is None:
                await self._follow()
        finally:
            driver.stopper = None
        if phase.confirm is not None:
            self._guard = await guard.end(driver, *phase.confirm, begun=refused is None)
            driver.reobserve = self.observed
        if refused is not None:
            if self._guard is None:
                return refused
            return guarded(self._guard, refused, begun=False)
        job = self._job
        if job is None:
            raise RuntimeError("a job that was followed has left no evidence")
        proves_itself = job.untouched or (job.exit_status == 0 and phase.verify is None)
        if not proves_itself:
            await self._look_after()
        observed = observe(self._evidence())
        self.observed()
        return observed

    # Beginning

    async def _begin(self) -> Observation | None:
        """Have the job begun, or the reason why it was not."""
        driver, step = self._driver, self._phase.job
        if step.id in driver.record.begun:
            return None
        if not driver.acts:
            begun = await self._was_begun()
            why, hint = "Its job was never begun.", "Ask who started it."
        elif driver.resumed and not driver.acted:
            # The confirmation was for then, not for whenever the next hostshift is opened.
            begun = not await self._withdrawn()
            why = "hostshift ended before the job began; nothing was changed."
            hint = "Plan again and confirm, if it is still wanted."
        else:
            driver.keep(steps.with_step(driver.run, step.id, _STARTING, driver.now()))
            await driver.saved()
            begun, why, hint = True, "", ""
            try:
                await driver.asking(self._start)
            except (LockedError, CannotStartError) as error:
                # An earlier try may have begun it before its answer was lost.
                begun = not await self._withdrawn()
                why, hint = f"{error.message} Nothing was changed.", error.hint
        if not begun:
            cancelled = Observation("cancelled", (why,), hint)
            nothing = Observation("cancelled", (why,))
            driver.keep(steps.with_step(driver.run, step.id, nothing, driver.now()))
            return cancelled
        driver.begun(step.id)
        self._job = JobEvidence(alive=True)
        self.observed()
        return None

    async def _withdrawn(self) -> bool:
        driver, step = self._driver, self._phase.job.id
        return await driver.asking(
            lambda: withdraw(driver.transport, self._host, driver.run.id, step)
        )

    async def _was_begun(self) -> bool:
        """Whether another's job begins; a run is looked at that has just taken its lock, too."""
        driver = self._driver
        mirror = Mirror(driver.logs.path(driver.run.id, self._phase.job.id))
        try:
            for attempt in range(STARTING_LOOKS):
                if attempt:
                    await driver.sleep(SETTLE_S)
                seen = await driver.asking(lambda: self._look(mirror, seconds=0))
                if seen.begun:
                    return True
        finally:
            mirror.close()
        return False

    async def _start(self) -> None:
        driver, step = self._driver, self._phase.job.id
        run = driver.run
        if self._phase.confirm is not None:
            await guard.must_watch(driver, self._phase.confirm[1])
        try:
            await start(
                driver.transport,
                self._host,
                driver.record.plan,
                run.id,
                step,
                self._phase.act,
                driver.fields(),
            )
            await lock.beat(driver.transport, self._host, run.id, step)
        except LockedError:
            raise
        except HostOutputError as error:
            self._starts_failed += 1
            if self._starts_failed < TRIES:
                raise
            raise CannotStartError(error.message, hint=error.hint) from error
        except RefusedError as error:
            raise CannotStartError(error.message, hint=error.hint) from error

    async def _stop(self, hard: bool) -> None:
        driver, step = self._driver, self._phase.job.id
        run = driver.run.id
        answer = await stop(driver.transport, self._host, run, step, hard=hard)
        if answer.verdict == "missing":
            await withdraw(driver.transport, self._host, run, step)

    # Following

    async def _follow(self) -> None:
        """Until the job is over. The job's evidence is left in ``self._job``."""
        driver = self._driver
        mirror = Mirror(driver.logs.path(driver.run.id, self._phase.job.id))
        settled = 0
        try:
            while True:
                seen = await driver.asking(lambda: self._look(mirror))
                self._job = job_evidence(seen)
                if not self._job.over:
                    self.observed()
                    await driver.beat(self._phase.job.id)
                    continue
                settled += 1
                if settled < TRIES and seen.log_is_whole is False:
                    continue
                if settled < 2 and self._job.exit_status is None:
                    await driver.sleep(SETTLE_S)
                    continue
                if self._job.exit_status:
                    errors = last_errors(last(mirror.path, TAIL))
                    self._job = replace(self._job, errors=errors)
                self.observed()
                return
        finally:
            mirror.close()

    async def _look(self, mirror: Mirror, seconds: int = ROUND_S) -> Seen:
        driver, step = self._driver, self._phase.job.id

        def progress(word: Progress | None) -> None:
            driver.unreachable = None
            # A word on progress may be the last of a job that is gone; only None is its pulse.
            if word is None and self._job is not None and self._job.alive is not True:
                self._job = JobEvidence(alive=True)
            if word is None and self._job is not None and driver.run.state != "running":
                self.observed()
            if word is not None:
                driver.glance(steps.with_progress(driver.run, step, word))

        return await follow(
            driver.transport, self._host, driver.run.id, step, mirror, progress, seconds=seconds
        )

    # Proving

    async def _look_after(self) -> None:
        """Probe the host again and compare; what can't be read is tried a few times."""
        driver, phase = self._driver, self._phase
        act = phase.verify[1] if phase.verify else VerifyAct()
        step = phase.verify[0] if phase.verify else phase.job
        if phase.verify is not None:
            driver.keep(steps.with_step(driver.run, step.id, _LOOKING, driver.now()))
        self._after = await look_after(driver, step.id, act)
        if act.changes and act.changes == driver.record.plan.changes:
            self._hold_against_the_plan(step.id, self._after)

    def _hold_against_the_plan(self, step_id: str, after: After) -> None:
        """What was foreseen beside what has happened: for the record, and in words."""
        driver, job = self._driver, self._job
        if job is None or job.exit_status != 0:
            return
        path = driver.logs.path(driver.run.id, self._phase.job.id)
        log, measured_s = last(path, TAIL), self._phase.job.expected_s
        plan, took = driver.record.plan, self._seconds()
        rows = foreseen.table(plan, job, after, log, took, measured_s)
        results = {**driver.record.results, step_id: foreseen.kept(rows)}
        driver.record = replace(driver.record, results=results)
        self._after = replace(after, checked=(*after.checked, *foreseen.words(rows)))

    def _seconds(self) -> float | None:
        """How long the job took."""
        state = next(s for s in self._driver.run.steps if s.id == self._phase.job.id)
        if state.started_at is None:
            return None
        return ((state.ended_at or self._driver.now()) - state.started_at).total_seconds()

    # States

    def _evidence(self) -> Evidence:
        return Evidence(
            unreachable=self._driver.unreachable,
            job=self._job,
            after=self._after,
            needs_after=self._phase.verify is not None,
            more=self._phase.more,
            guard=self._guard,
        )

    def observed(self) -> None:
        """Have the states follow the evidence, and remember them when they changed."""
        driver, phase = self._driver, self._phase
        if driver.unreachable is not None and self._job is not None and not self._job.over:
            # Alive was true then. The host has to say it anew, or its return would claim it.
            self._job = replace(self._job, alive=None)
        evidence = self._evidence()
        now = driver.now()
        own = observe(replace(evidence, needs_after=False, more=False, guard=None))
        if own.state == "succeeded" and not self._closes:
            own = replace(own, state="running")
        run = steps.with_step(driver.run, phase.job.id, own, now)
        observed = observe(evidence)
        if phase.verify is not None and self._job is not None and self._job.over:
            unguarded = observe(replace(evidence, guard=None))
            shown = proof(self._job, unguarded, self._after)
            if shown is not None:
                run = steps.with_step(run, phase.verify[0].id, shown, now)
        driver.show(run, observed)


async def look_after(driver: Driver, step_id: str, act: VerifyAct) -> After:
    """The host as it is now, compared with what the plan promised and with the baseline."""
    after = After()
    for attempt in range(TRIES):
        if attempt:
            await driver.sleep(SETTLE_S)
        await driver.beat(step_id, at_once=True)
        facts = await driver.asking(lambda: _facts(driver))
        installed = await driver.asking(lambda: _installed(driver)) if act.changes else None
        after = compare(act, facts, installed)
        if not after.unread:
            break
    return await health.added(driver, act, after)


async def _facts(driver: Driver) -> Facts:
    look = await driver.look_at(driver.session, driver.host, "full")
    if look.facts is None:
        why = look.error
        raise UnreachableError(
            why.message if why else f"{driver.host.name} could not be looked at.",
            hint=why.hint if why else "Look at it yourself.",
        )
    return look.facts


async def _installed(driver: Driver) -> tuple[Installed, ...]:
    script = Script.host("versions.sh")
    done = await driver.transport.run(driver.host, script, deadline_s=VERSIONS_S)
    return parse(done.stdout) if done.exit_status == 0 else ()


_STARTING = Observation("running", ("The job is being started.",))
_LOOKING = Observation("running", ("The host is being looked at again.",))
