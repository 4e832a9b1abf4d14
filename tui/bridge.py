"""The bridge between screens and engine: the one place where they meet.

It starts looks, scans, plans and runs on the event loop, keeps the newest value of everything, and
tells the screens what changed, at most ten times a second. Screens ask it for values and never
wait for a host.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual.message import Message
from textual.message_pump import MessagePump

from engine.candidates.what_if import suppose
from engine.errors import HostshiftError, InputError, ReadOnlyError
from engine.inventory import Inventory
from engine.model.candidate import Foresight
from engine.model.cutover import CutoverView
from engine.model.facts import Depth, HostKeyOffer, Look
from engine.model.host import Host
from engine.model.journal import JournalEntry
from engine.model.plan import Plan
from engine.model.run import Run
from engine.session import Session
from engine.shell import Secret
from tui.exports import write_export
from tui.fleet_rows import Known
from tui.inventory_watch import InventoryWatch
from tui.messages import HostsChanged, InventoryChanged, RunsChanged, ScanProgress, Trouble
from tui.verbs import EngineVerbs, GateAnswer, Verbs
from tui.words import between

if TYPE_CHECKING:
    from engine.facts.conffiles import AskedFile, ConffileTexts
    from engine.preflight import Report

TELL_EVERY_S = 0.1
"""Seconds between two messages of one kind to the screens."""
FOLLOW_EVERY_S = 0.1
"""Seconds between two looks at the snapshots of live runs."""
OLD_LISTS_S = 24 * 60 * 60
"""Package lists older than this are refreshed before a plan is made from them."""
HISTORY = 500
"""Runs of the record that the history shows at most."""
FRESH_RUN_S = 12 * 60 * 60
"""A run that ended longer ago than this no longer tells a host's state when hostshift opens."""


def is_replacement(run: Run) -> bool:
    """Whether a run has a cutover."""
    return run.candidate.partition(":")[0] == "replace"


class Spawner(Protocol):
    """Starts a coroutine in the background; an unexpected error in it ends the app, loudly."""

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str) -> object: ...


PASSWORD_KINDS = ("sudo-password", "sudo-password-wrong")
"""Kinds of failures that a person ends by typing sudo's password."""


def wants_password(look: Look | None) -> bool:
    """Whether a look fell short because sudo asks for a password."""
    if look is None:
        return False
    if look.error is not None:
        return look.error.kind in PASSWORD_KINDS
    problems = look.facts.problems if look.facts is not None else ()
    return any(problem.kind in PASSWORD_KINDS for problem in problems)


@dataclass
class _News:
    """What changed since the screens were last told."""

    hosts: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    scan: bool = False


class Bridge:
    """Values for the screens, and the verbs they start.

    Attributes:
        next_inventory: What is to be opened when the screens have closed; None: nothing.
    """

    def __init__(self, session: Session, verbs: Verbs | None = None) -> None:
        self._session = session
        self._verbs: Verbs = verbs if verbs is not None else EngineVerbs(session)
        self._inventory = InventoryWatch(session.inventory.path)
        self.next_inventory: Inventory | None = None
        self._hosts = {host.name: host for host in session.inventory.hosts}
        self._looks: dict[str, Look] = {}
        self._foresights: dict[str, Foresight] = {}
        self._reports: dict[str, Report | HostshiftError] = {}
        self._examining: set[str] = set()
        self._runs: dict[str, Run] = {}
        self._run_of: dict[str, str] = {}
        self._past: dict[str, Run] = {}
        self._looking: dict[str, int] = {}
        self._listeners: list[MessagePump] = []
        self._news = _News()
        self._telling: asyncio.TimerHandle | None = None
        self._following = False
        self._spawn: Spawner | None = None
        self._waiting_for_scan: set[str] = set()
        self._scan_total = 0
        self._scans = 0

    # -- values

    @property
    def inventory_name(self) -> str:
        """The inventory file, as it is shown."""
        return self._session.inventory.path.name

    @property
    def inventory_changed(self) -> bool:
        """Its file is another one than was read, as far as was seen."""
        return self._inventory.changed

    def look_at_inventory(self) -> bool:
        """Look at the file again; whether it has changed since the last look, which is told."""
        news = self._inventory.look()
        if news:
            self._post(InventoryChanged)
        return news

    async def read_inventory(self) -> None:
        """Read the file as it is now, for a session after this one.

        Raises:
            InputError: it has errors.
        """
        self.next_inventory = await self._verbs.read_inventory()

    @property
    def read_only(self) -> bool:
        """Nothing can be changed; the engine refuses."""
        return self._session.read_only

    @property
    def demo(self) -> bool:
        """The fleet is the embedded one."""
        return self._session.demo

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts in the inventory's order."""
        return tuple(self._hosts.values())

    def now(self) -> datetime:
        """The session's time, UTC."""
        return self._session.clock.now()

    def known(self, name: str) -> Known:
        """All that is known of one host now."""
        run_id = self._run_of.get(name)
        report = self._reports.get(name)
        return Known(
            host=self._hosts[name],
            look=self._looks.get(name),
            foresight=self._foresights.get(name),
            run=None if run_id is None else self._runs.get(run_id),
            looking=name in self._looking,
            report=None if isinstance(report, HostshiftError) else report,
            no_report=report if isinstance(report, HostshiftError) else None,
            examining=name in self._examining,
        )

    def what_if(self, name: str, ids: Collection[str]) -> Foresight | None:
        """What would follow for a host if these suppositions were so; None: it wasn't looked at."""
        facts = self.known(name).facts
        if facts is None:
            return None
        return self._verbs.foresee(*suppose(self._hosts[name], facts, self.now(), ids))

    def has(self, name: str) -> bool:
        """Whether a host is in the inventory; one of the history may no longer be."""
        return name in self._hosts

    def run(self, run_id: str) -> Run | None:
        """The newest snapshot of a run, past ones of the history too."""
        return self._runs.get(run_id) or self._past.get(run_id)

    @property
    def live_runs(self) -> tuple[Run, ...]:
        """Runs that are followed and have not ended."""
        return tuple(run for run in self._runs.values() if not run.ended)

    @property
    def scan_progress(self) -> ScanProgress:
        """How far the scan is."""
        done = self._scan_total - len(self._waiting_for_scan)
        return ScanProgress(done, self._scan_total, self._scans > 0)

    @property
    def key_offers(self) -> tuple[HostKeyOffer, ...]:
        """Host keys that nobody has vouched for yet, in the inventory's order."""
        looks = (self._looks.get(name) for name in self._hosts)
        failures = (look.error for look in looks if look is not None and look.error is not None)
        return tuple(f.host_key for f in failures if f.host_key is not None)

    @property
    def hosts_wanting_password(self) -> tuple[str, ...]:
        """Hosts where root was wanted and sudo asks for a password that nobody has given."""
        return tuple(name for name in self._hosts if wants_password(self._looks.get(name)))

    # -- listeners

    def begin(self, spawn: Spawner) -> None:
        """Get to work: called once the app runs."""
        self._spawn = spawn
        self._start(self._take_up_runs(), "take up runs")

    async def _take_up_runs(self) -> None:
        """Show what goes on and what has just ended; carry on what nobody drives."""
        for run in await self._verbs.history(HISTORY):
            fresh = run.ended_at is None or between(run.ended_at, self.now()) < FRESH_RUN_S
            if fresh and self.has(run.host) and run.id not in self._runs:
                self._keep_run(run)
                if not run.ended and not self.read_only:
                    self._verbs.resume(run.id)
        self._follow()

    def listen(self, listener: MessagePump) -> None:
        """Tell this screen what changes from now on."""
        self._listeners.append(listener)

    def unlisten(self, listener: MessagePump) -> None:
        """Tell it no more."""
        with contextlib.suppress(ValueError):
            self._listeners.remove(listener)

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_EVERY_S, self.tell)

    def tell(self) -> None:
        """Tell the listeners now what changed since the last time."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        news, self._news = self._news, _News()
        if news.hosts:
            self._post(lambda: HostsChanged(frozenset(news.hosts)))
        if news.runs:
            self._post(lambda: RunsChanged(frozenset(news.runs)))
        if news.scan:
            self._post(lambda: self.scan_progress)

    def _post(self, message: Any) -> None:
        # Each listener gets a message of its own: one object can't be in two queues.
        for listener in tuple(self._listeners):
            made: Message = message()
            listener.post_message(made)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._spawn is None:
            raise RuntimeError("the bridge has not begun")

        async def watched() -> None:
            try:
                await work
            except HostshiftError as error:
                trouble = error
                self._post(lambda: Trouble(trouble))

        self._spawn(watched(), name=name)

    # -- looking

    def scan(self, names: Iterable[str] | None = None) -> None:
        """Look at these hosts, or at all."""
        hosts = tuple(self._hosts[name] for name in (names or self._hosts))
        self._start(self._scan(hosts), "scan")

    async def _scan(self, hosts: Sequence[Host]) -> None:
        self._scans += 1
        if self._scans == 1:
            self._scan_total = 0
            self._waiting_for_scan.clear()
        fresh = {host.name for host in hosts} - self._waiting_for_scan
        self._scan_total += len(fresh)
        self._waiting_for_scan |= fresh
        self._mark_looking(fresh)
        waiting = set(fresh)

        def on_look(look: Look) -> None:
            if look.host in waiting:
                waiting.discard(look.host)
                self._waiting_for_scan.discard(look.host)
                self._unmark_looking(look.host)
            self._keep_look(look)

        try:
            await self._verbs.scan(hosts, on_look)
        finally:
            for name in waiting:
                self._unmark_looking(name)
            self._waiting_for_scan -= waiting
            self._scans -= 1
            self._news.scan = True
            self._tell_soon()

    def look(self, name: str, depth: Depth = "full") -> None:
        """Look at one host; the screens hear of it by HostsChanged."""
        self._start(self._look(name, depth), f"look at {name}")

    async def _look(self, name: str, depth: Depth) -> None:
        self._mark_looking({name})
        try:
            self._keep_look(await self._verbs.look_at(self._hosts[name], depth))
        finally:
            self._unmark_looking(name)

    def shell_words(self, name: str) -> tuple[str, ...]:
        """The command that opens a terminal on a host."""
        return self._verbs.shell_words(self._hosts[name])

    def examine(self, name: str) -> None:
        """Find out what a replacement of a host would meet, unless that is known or under way."""
        if name not in self._reports and name not in self._examining:
            self._examining.add(name)
            self._start(self._examine(name), f"examine {name}")

    async def _examine(self, name: str) -> None:
        self._host_changed(name)
        try:
            facts = self.known(name).facts
            self._reports[name] = await self._verbs.examine(self._hosts[name], facts)
        except HostshiftError as error:
            self._reports[name] = error  # shown where the report would be
        finally:
            self._examining.discard(name)
            self._host_changed(name)

    def read_changelogs(self, name: str) -> None:
        """Ask a host for the changelogs of its pending updates, in the background."""
        self._start(self._read_changelogs(name), f"changelogs of {name}")

    async def _read_changelogs(self, name: str) -> None:
        self._mark_looking({name})
        try:
            look = (await self.fully(name)).look
            if look is not None and look.facts is not None:
                facts = await self._verbs.read_changelogs(self._hosts[name], look.facts)
                self._keep_look(replace(look, facts=facts))
        finally:
            self._unmark_looking(name)

    def forget_report(self, name: str) -> None:
        """Examine a host anew when somebody wants to know."""
        self._reports.pop(name, None)

    async def fully(self, name: str) -> Known:
        """What is known of a host, looked at in full depth first unless it was.

        Raises:
            HostshiftError: the host could not be looked at.
        """
        known = self.known(name)
        if known.facts is None or known.facts.depth != "full":
            await self._look(name, "full")
            known = self.known(name)
        if known.look is not None and known.look.error is not None:
            failure = known.look.error
            raise InputError(failure.message, hint=failure.hint)
        if known.facts is None:
            raise InputError(f"{name} could not be looked at.", hint="Look again with g.")
        return known

    def _keep_look(self, look: Look) -> None:
        name = look.host
        if name not in self._hosts:
            return
        self._looks[name] = look
        if look.facts is None:
            self._foresights.pop(name, None)
        else:
            host = self._hosts[name]
            self._foresights[name] = self._verbs.foresee(host, look.facts, self.now())
        self._host_changed(name)

    def _mark_looking(self, names: Iterable[str]) -> None:
        for name in names:
            self._looking[name] = self._looking.get(name, 0) + 1
            self._host_changed(name)

    def _unmark_looking(self, name: str) -> None:
        left = self._looking.get(name, 0) - 1
        if left > 0:
            self._looking[name] = left
        else:
            self._looking.pop(name, None)
        self._host_changed(name)

    def _host_changed(self, name: str) -> None:
        self._news.hosts.add(name)
        self._news.scan = True
        self._tell_soon()

    # -- plans and runs

    async def plan(self, name: str, candidate: str, take: Sequence[str] = ()) -> Plan:
        """A plan from a full look.

        Raises:
            HostshiftError: the host could not be looked at, or the candidate has blockers.
        """
        known = await self.fully(name)
        if known.facts is None:
            raise InputError(f"{name} could not be looked at.", hint="Look again with g.")
        return self._verbs.make_plan(known.host, known.facts, candidate, self.now(), take)

    async def read_conffiles(
        self, name: str, files: Sequence[AskedFile] | None
    ) -> tuple[ConffileTexts, ...]:
        """Both versions of configuration files that a plan may ask about; see `Verbs`.

        Raises:
            HostshiftError: the host could not be asked.
        """
        return await self._verbs.read_conffiles(self._hosts[name], files)

    def lists_are_old(self, name: str) -> bool:
        """Whether the package lists are older than a day, so that a refresh comes first."""
        facts = self.known(name).facts
        return facts is not None and (facts.lists_age_s or 0) > OLD_LISTS_S

    async def start(self, plan: Plan) -> str:
        """Carry out a plan that a person has confirmed; returns the run's id.

        Raises:
            HostshiftError: refused (read-only, blocker, lock, changed plan) or not reachable.
        """
        self._must_act(f"{plan.candidate} on {plan.host}")
        run_id = await self._verbs.start(plan, plan.digest)
        self._keep_run(self._verbs.get(run_id))
        self._follow()
        return run_id

    async def attach(self, name: str) -> str | None:
        """The run on a host: the one that is followed, or the one its lock tells of.

        To attach is a person's act, so a run whose hostshift is gone is carried on from here.

        Raises:
            HostshiftError: the lock's run can't be read.
        """
        known = self.known(name)
        look = known.look
        lock = None if known.facts is None else known.facts.lock
        if known.run is not None and (lock is None or lock.run == known.run.id):
            if not self.read_only:
                self._verbs.resume(known.run.id, take_over=True)
            return known.run.id
        if look is None or lock is None:
            return None
        run_id = await self._verbs.adopt(look)
        if run_id is not None:
            if not self.read_only:
                self._verbs.resume(run_id, take_over=True)
            self._keep_run(self._verbs.get(run_id))
            self._follow()
        return run_id

    def read_log(self, run_id: str, step_id: str, offset: int, limit: int) -> bytes:
        """Raw bytes of a step's log, from an offset."""
        return self._verbs.read_log(run_id, step_id, offset, limit)

    def _keep_run(self, run: Run) -> None:
        self._runs[run.id] = run
        self._news.runs.add(run.id)
        self._tell_soon()
        if not self.has(run.host):
            return
        current = self._run_of.get(run.host)
        if current is None or self._runs[current].started_at <= run.started_at:
            self._run_of[run.host] = run.id
        self._host_changed(run.host)

    def _follow(self) -> None:
        if not self._following and self.live_runs:
            self._following = True
            self._start(self._follow_runs(), "follow runs")

    async def _follow_runs(self) -> None:
        try:
            while live := self.live_runs:
                for old in live:
                    run = self._verbs.get(old.id)
                    if run == old:
                        continue
                    self._keep_run(run)
                    if run.ended and self.has(run.host):
                        self.look(run.host)
                await asyncio.sleep(FOLLOW_EVERY_S)
        finally:
            self._following = False

    # -- the record of runs

    async def history(self) -> tuple[Run, ...]:
        """The runs of the record, the newest first, at most `HISTORY` of them."""
        runs = await self._verbs.history(HISTORY)
        self._past = {run.id: run for run in runs}
        for run in runs:
            if self._runs.get(run.id, run) != run:
                self._keep_run(run)
        return runs

    def follow(self, run_id: str) -> None:
        """Keep a run of the history up to date from now on, unless it has ended; have its logs."""
        run = self._past.get(run_id)
        if run is not None and (run.ended or (run.owner_alive and not self.read_only)):
            self._verbs.resume(run_id)  # another hostshift's logs may be on another machine
        if run is not None and not run.ended and run_id not in self._runs:
            self._keep_run(run)
            self._follow()

    async def plan_of(self, run_id: str) -> Plan | None:
        """What a run carries out, where it is on record."""
        return await self._verbs.plan_of(run_id)

    async def cutover(self, run_id: str) -> CutoverView | None:
        """What is known now of the cutover of a run; None for a run that has none."""
        run = self.run(run_id)
        if run is None or not is_replacement(run):
            return None
        return await self._verbs.cutover(run_id)

    async def journal(self, run_id: str) -> tuple[JournalEntry, ...]:
        """What happened in a run, the oldest first."""
        return await self._verbs.journal(run_id)

    async def export(self, run_id: str, with_logs: bool) -> Path:
        """Write a run down as Markdown; returns the file.

        Raises:
            HostshiftError: it isn't on record, or the file can't be written.
        """
        text = await self._verbs.export(run_id, with_logs)
        return await asyncio.to_thread(write_export, self._session.state_dir, run_id, text)

    # -- what a person decides of a run; each raises HostshiftError when the engine refuses

    async def answer(self, run: Run, step_id: str, answer: GateAnswer, words: str) -> None:
        """Answer the gate that a run waits at."""
        self._must_act(f"answering the gate on {run.host}")
        await self._verbs.answer(run.id, step_id, answer, words)
        self._look_at_run(run.id)

    async def stop(self, run: Run, hard: bool, confirmation: str) -> None:
        """Stop a run after the transaction in hand, or hard."""
        self._must_act(f"stopping the run on {run.host}")
        await self._verbs.stop(run.id, hard, confirmation)
        self._look_at_run(run.id)

    async def go_back(self, run_id: str, confirmation: str) -> None:
        """Give up a cutover: back to the old server. ``confirmation``: its name, where typed."""
        run = self.run(run_id)
        self._must_act(f"going back to {run_id if run is None else run.host}")
        await self._verbs.go_back(run_id, confirmation)
        self._look_at_run(run_id)

    async def take_over(self, run: Run, reason: str) -> None:
        """Drive a run that another hostshift drove."""
        self._must_act(f"taking over the run on {run.host}")
        await self._verbs.take_over(run.id, reason)
        self._look_at_run(run.id)

    async def lock_evidence(self, name: str) -> tuple[str, ...]:
        """What the host says now of its lock."""
        return await self._verbs.lock_evidence(self._hosts[name])

    async def break_lock(self, name: str, confirmation: str, reason: str) -> None:
        """Break a host's lock, then look at the host again."""
        self._must_act(f"breaking the lock on {name}")
        await self._verbs.break_lock(self._hosts[name], confirmation, reason)
        self.look(name)

    def _must_act(self, what: str) -> None:
        if self.read_only:
            raise ReadOnlyError(what)

    def _look_at_run(self, run_id: str) -> None:
        self._keep_run(self._verbs.get(run_id))
        self._follow()

    # -- what a person gives

    def accept_keys(self, offers: Sequence[HostKeyOffer]) -> None:
        """Accept these host keys, then look at their hosts again."""
        self._start(self._accept_keys(tuple(offers)), "accept host keys")

    async def _accept_keys(self, offers: tuple[HostKeyOffer, ...]) -> None:
        self._must_act("accepting a host key")
        await self._verbs.accept_host_keys(offers)
        self.scan([offer.host for offer in offers if offer.host in self._hosts])

    def give_password(self, password: Secret, host: str | None, retry: Iterable[str]) -> None:
        """Keep a sudo password in memory, for one host or for all, and look again at some."""
        self._verbs.set_sudo_password(password, host)
        for name in retry:
            self.look(name)

    async def close(self) -> None:
        """Stop driving and close the connections; jobs on the hosts go on."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        await self._verbs.close()
