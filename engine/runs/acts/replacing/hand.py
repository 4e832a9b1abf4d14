"""What the acts of a replacement share: how they ask, what they leave, how they fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from engine import dns
from engine.errors import HostshiftError, InputError, RefusedError
from engine.health.reach import way_to
from engine.jobs.answers import LockedError
from engine.model.host import Host
from engine.model.plan import Step
from engine.model.run import State
from engine.runs.errors import CannotStartError
from engine.runs.observe import Observation

if TYPE_CHECKING:
    from engine.runs.drive import Driver

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done:
    """An act that has ended well: what was seen, and what later steps need of it."""

    words: tuple[str, ...]
    result: dict[str, Any] | None = None


class NotDoneError(HostshiftError):
    """An act that has ended otherwise; the run goes no further."""

    kind = "not-done"

    def __init__(self, words: tuple[str, ...], *, hint: str, state: State = "failed") -> None:
        super().__init__("\n".join(words), hint=hint)
        self.words = words
        self.state = state


@dataclass(frozen=True, slots=True)
class Hand:
    """One step of a replacement while a driver carries it out."""

    driver: Driver
    step: Step
    more: bool

    @property
    def old(self) -> Host:
        """Server(n)."""
        return self.driver.host

    @property
    def new(self) -> Host:
        """Server(n+1).

        Raises:
            NotDoneError: nobody knows where it is.
        """
        found = self.driver.successor
        if found is None:
            raise NotDoneError(
                ("Where the successor is isn't known.",), hint="Plan and provision anew."
            )
        return found

    @property
    def run(self) -> str:
        """The run's id."""
        return self.driver.run.id

    def result(self, step_id: str) -> dict[str, Any]:
        """What an earlier step has left; empty where it has left nothing."""
        return dict(self.driver.record.results.get(step_id) or {})

    def says(self, *words: str) -> None:
        """Tell what goes on."""
        self.driver.in_hand(self.step, Observation("running", words))

    async def begins(self, name: str | None = None) -> datetime:
        """Have it remembered that the step's act has begun, before anything is done; since when."""
        since = self.driver.begun(name or self.step.id)
        self.driver.keep(self.driver.run)
        await self.driver.saved()
        return since

    async def ask(self, what: Callable[[], Awaitable[T]], host: Host | None = None) -> T:
        """Ask a host until it answers; a refusal is an answer.

        Raises:
            NotDoneError: it was refused, or can't be asked for.
        """

        async def once() -> T:
            try:
                return await what()
            except (CannotStartError, LockedError):
                raise
            except (RefusedError, InputError) as error:
                raise CannotStartError(error.message, hint=error.hint) from error

        try:
            return await self.driver.asking(once, host=host)
        except (CannotStartError, LockedError) as error:
            raise NotDoneError((error.message,), hint=error.hint) from error

    def must(self, problems: tuple[str, ...], hint: str) -> None:
        """Go on only where there are no problems.

        Raises:
            NotDoneError: there are.
        """
        if problems:
            raise NotDoneError(problems, hint=hint)


async def address_of(hand: Hand, host: Host) -> str:
    """The IP address of a host, as names are looked up here.

    Raises:
        NotDoneError: it has none.
    """
    name = (await way_to(host, None)).address
    found = await dns.open_wire(read_only=True).addresses(name)
    if isinstance(found, dns.Problem):
        raise NotDoneError((f"{host.name}: {found.message}",), hint=found.hint)
    return found[0]
