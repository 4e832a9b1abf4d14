"""The engine's verbs as the bridge calls them: a protocol, and the real ones.

The engine is imported inside the methods, so that the first paint does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from engine.errors import RefusedError
from engine.inventory import Inventory
from engine.model.candidate import Foresight
from engine.model.cutover import CutoverView
from engine.model.facts import Depth, Facts, HostKeyOffer, Look
from engine.model.host import Host
from engine.model.journal import JournalEntry
from engine.model.plan import Plan
from engine.model.run import Run
from engine.session import Session
from engine.shell import Secret

if TYPE_CHECKING:
    from engine.facts.conffiles import AskedFile, ConffileTexts
    from engine.preflight import Report

OnLook = Callable[[Look], None]
GateAnswer = Literal["go-on", "end"]


class Verbs(Protocol):
    """What the screens can ask of the engine. Each raises HostshiftError for what it can't do."""

    async def read_inventory(self) -> Inventory:
        """The inventory as its file is now; the session keeps the one that it has."""

    async def scan(self, hosts: Sequence[Host], on_look: OnLook) -> None:
        """Look at all hosts lightly, then fully in the background where that is worth it."""

    async def look_at(self, host: Host, depth: Depth) -> Look:
        """Look at one host."""

    async def examine(self, host: Host, facts: Facts | None) -> Report:
        """What a replacement of a host would meet, and its successor's name."""

    async def read_changelogs(self, host: Host, facts: Facts) -> Facts:
        """The facts with what the changelogs of the pending updates tell; the host is asked."""

    async def read_conffiles(
        self, host: Host, files: Sequence[AskedFile] | None
    ) -> tuple[ConffileTexts, ...]:
        """Both versions of configuration files; the host's apt fetches their packages.

        Args:
            files: None: of all that a run has written down on the host.
        """

    def foresee(self, host: Host, facts: Facts, now: datetime) -> Foresight:
        """What could be done, what it would risk, what is recommended."""

    def make_plan(
        self, host: Host, facts: Facts, candidate: str, now: datetime, take: Sequence[str] = ()
    ) -> Plan:
        """The exact steps of one candidate or chore, some configuration files taken."""

    async def start(self, plan: Plan, confirmation: str) -> str:
        """Carry a confirmed plan out; returns the run's id."""

    async def adopt(self, look: Look) -> str | None:
        """Find a run by the lock on the host and follow it."""

    def shell_words(self, host: Host) -> tuple[str, ...]:
        """The command that opens a terminal on a host.

        Raises:
            ReadOnlyError: nothing is to be changed, and a person could change anything there.
        """

    def resume(self, run_id: str, *, take_over: bool = False) -> bool:
        """Follow a run of an earlier hostshift again; carry it on, too, once that is gone."""

    def get(self, run_id: str) -> Run:
        """A snapshot of a run."""

    def read_log(self, run_id: str, step_id: str, offset: int, limit: int) -> bytes:
        """Raw bytes of a step's log from the local mirror."""

    async def history(self, limit: int) -> tuple[Run, ...]:
        """Runs of the record, the newest first, at most so many."""

    async def plan_of(self, run_id: str) -> Plan | None:
        """The plan that a run carries out, where it is on record."""

    async def journal(self, run_id: str) -> tuple[JournalEntry, ...]:
        """What happened in a run, the oldest first."""

    async def export(self, run_id: str, with_logs: bool) -> str:
        """A run as Markdown."""

    async def answer(self, run_id: str, step_id: str, answer: GateAnswer, words: str) -> None:
        """Answer the gate that a run waits at."""

    async def stop(self, run_id: str, hard: bool, confirmation: str) -> None:
        """Stop a run after the transaction in hand, or hard."""

    async def cutover(self, run_id: str) -> CutoverView | None:
        """What is known now of a replacement's cutover."""

    async def go_back(self, run_id: str, confirmation: str) -> None:
        """Give up a cutover: back to the old server."""

    async def take_over(self, run_id: str, reason: str) -> None:
        """Drive a run that another hostshift drove."""

    async def lock_evidence(self, host: Host) -> tuple[str, ...]:
        """What speaks for and against a host's lock being alive, read from the host now."""

    async def break_lock(self, host: Host, confirmation: str, reason: str) -> None:
        """Break the lock on a host."""

    async def accept_host_keys(self, offers: Sequence[HostKeyOffer]) -> None:
        """Write these keys into the known_hosts files that the offers name."""

    def set_sudo_password(self, password: Secret, host: str | None) -> None:
        """Remember a password in memory."""

    async def close(self) -> None:
        """Stop driving runs; the jobs on the hosts go on."""


class EngineVerbs:
    """The verbs of the engine on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def read_inventory(self) -> Inventory:
        """See `Verbs.read_inventory`."""
        from engine.door import load

        return await asyncio.to_thread(load, self._session.inventory.path)

    async def scan(self, hosts: Sequence[Host], on_look: OnLook) -> None:
        """See `Verbs.scan`."""
        from engine.facts import scan

        await scan(self._session, hosts, on_look)

    async def look_at(self, host: Host, depth: Depth) -> Look:
        """See `Verbs.look_at`."""
        from engine.facts import look_at

        return await look_at(self._session, host, depth)

    async def examine(self, host: Host, facts: Facts | None) -> Report:
        """See `Verbs.examine`."""
        from engine.preflight import examine

        return await examine(self._session, host, facts)

    async def read_changelogs(self, host: Host, facts: Facts) -> Facts:
        """See `Verbs.read_changelogs`."""
        from engine.facts.changelogs import fetch, told
        from engine.published import published

        found = await fetch(self._session, host, facts)
        return told(facts, found, published(self._session.state_dir))

    async def read_conffiles(
        self, host: Host, files: Sequence[AskedFile] | None
    ) -> tuple[ConffileTexts, ...]:
        """See `Verbs.read_conffiles`."""
        from engine.facts.conffiles import read_conffiles, read_written

        if files is None:
            return await read_written(self._session, host)
        return await read_conffiles(self._session, host, files)

    def foresee(self, host: Host, facts: Facts, now: datetime) -> Foresight:
        """See `Verbs.foresee`."""
        from engine.candidates import foresee

        return foresee(host, facts, now)

    def make_plan(
        self, host: Host, facts: Facts, candidate: str, now: datetime, take: Sequence[str] = ()
    ) -> Plan:
        """See `Verbs.make_plan`."""
        from engine.plan import make_plan, replacing
        from engine.runs import measured_plan

        inventory = self._session.inventory
        about = replacing(inventory, host, facts)
        plan = make_plan(host, facts, candidate, now, inventory.hooks, about=about, take=take)
        return measured_plan(self._session, plan)

    async def start(self, plan: Plan, confirmation: str) -> str:
        """See `Verbs.start`."""
        from engine.runs import start

        return await start(self._session, plan, confirmation)

    def shell_words(self, host: Host) -> tuple[str, ...]:
        """See `Verbs.shell_words`."""
        from engine.transport.by_hand import shell_words

        self._session.must_be_allowed_to_change(f"a terminal on {host.name}")
        if self._session.demo:
            words = "The hosts of the demo give no terminal."
            raise RefusedError(words, hint="On hosts of an inventory it is that of ssh(1).")
        return shell_words(host, {one.name: one for one in self._session.inventory.hosts})

    async def adopt(self, look: Look) -> str | None:
        """See `Verbs.adopt`."""
        from engine.runs import adopt

        return await adopt(self._session, look)

    def resume(self, run_id: str, *, take_over: bool = False) -> bool:
        """See `Verbs.resume`."""
        from engine.runs import resume

        return resume(self._session, run_id, take_over=take_over)

    def get(self, run_id: str) -> Run:
        """See `Verbs.get`."""
        from engine.runs import get

        return get(self._session, run_id)

    def read_log(self, run_id: str, step_id: str, offset: int, limit: int) -> bytes:
        """See `Verbs.read_log`."""
        from engine.runs import read_log

        return read_log(self._session, run_id, step_id, offset, limit)

    # The record is read in a thread: it may wait for the disk or the network.

    async def history(self, limit: int) -> tuple[Run, ...]:
        """See `Verbs.history`."""
        from engine.runs import list_runs, open_runs

        await open_runs(self._session)
        return list_runs(self._session)[:limit]

    async def plan_of(self, run_id: str) -> Plan | None:
        """See `Verbs.plan_of`."""
        from engine.runs import open_runs, plan_of

        await open_runs(self._session)
        return plan_of(self._session, run_id)

    async def journal(self, run_id: str) -> tuple[JournalEntry, ...]:
        """See `Verbs.journal`."""
        from engine.runs import journal

        return await journal(self._session, run_id)

    async def export(self, run_id: str, with_logs: bool) -> str:
        """See `Verbs.export`."""
        from engine.runs import export

        return await export(self._session, run_id, with_logs=with_logs)

    async def answer(self, run_id: str, step_id: str, answer: GateAnswer, words: str) -> None:
        """See `Verbs.answer`."""
        from engine.runs import answer as say
        from engine.runs import get

        host = get(self._session, run_id).host  # its name was typed on the screen
        await say(self._session, run_id, step_id, answer, words=words, confirmation=host)

    async def stop(self, run_id: str, hard: bool, confirmation: str) -> None:
        """See `Verbs.stop`."""
        from engine.runs import stop

        await stop(self._session, run_id, hard=hard, confirmation=confirmation)

    async def cutover(self, run_id: str) -> CutoverView | None:
        """See `Verbs.cutover`."""
        from engine.runs import cutover_view

        return cutover_view(self._session, run_id)

    async def go_back(self, run_id: str, confirmation: str) -> None:
        """See `Verbs.go_back`; a replacement that is stopped returns by its own last steps."""
        from engine.runs import stop

        await stop(self._session, run_id, confirmation=confirmation)

    async def take_over(self, run_id: str, reason: str) -> None:
        """See `Verbs.take_over`."""
        from engine.runs import take_over

        await take_over(self._session, run_id, reason)

    async def lock_evidence(self, host: Host) -> tuple[str, ...]:
        """See `Verbs.lock_evidence`."""
        from engine.runs import lock_evidence

        return await lock_evidence(self._session, host.name)

    async def break_lock(self, host: Host, confirmation: str, reason: str) -> None:
        """See `Verbs.break_lock`."""
        from engine.runs import break_lock

        await break_lock(self._session, host.name, confirmation=confirmation, reason=reason)

    async def accept_host_keys(self, offers: Sequence[HostKeyOffer]) -> None:
        """See `Verbs.accept_host_keys`."""
        from engine.transport.known_hosts import accept_host_keys

        accept_host_keys(offers)

    def set_sudo_password(self, password: Secret, host: str | None) -> None:
        """See `Verbs.set_sudo_password`."""
        self._session.credentials.set_sudo_password(password, host)

    async def close(self) -> None:
        """See `Verbs.close`."""
        from engine.runs import close

        await close(self._session)
        await self._session.transport.close()
