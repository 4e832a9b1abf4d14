"""What the run store refuses, and how it fails."""

from __future__ import annotations

from datetime import datetime

from engine.clock import rfc3339
from engine.errors import HostshiftError, InputError, RefusedError

_LIST_HINT = "hostshift runs lists them."


class StoreError(HostshiftError):
    """The store can't be used: corrupt, full, gone, of another version. Nothing was written."""

    kind = "store"


class StoreUnreachableError(StoreError):
    """The store doesn't answer now; the same may work later.

    Whether a write whose answer was lost has happened isn't known; every method may be called
    again with the same arguments.
    """

    kind = "store-unreachable"


class NoStoreError(StoreError):
    """There is no store yet, and a viewer doesn't make one. So there are no runs."""

    kind = "no-store"


class NoRunError(InputError):
    """The store has no such run."""

    def __init__(self, run: str) -> None:
        super().__init__(f"There is no run {run!r}.", hint=_LIST_HINT)


class RunEndedError(RefusedError):
    """The run has ended; nothing can be asked of it and nobody can drive it."""

    kind = "run-ended"

    def __init__(self, run: str, state: str) -> None:
        super().__init__(
            f"Run {run} has ended ({state}); nothing was changed.",
            hint=f"hostshift log {run} shows what it did.",
        )


class DuplicateRunError(RefusedError):
    """Another run has this id already."""

    def __init__(self, run: str) -> None:
        super().__init__(f"There is another run {run}; nothing was changed.", hint=_LIST_HINT)


class HostBusyError(RefusedError):
    """A host has an active run; one at a time.

    Attributes:
        host: Its name.
        run: The active run's id.
    """

    kind = "host-busy"

    def __init__(self, host: str, run: str) -> None:
        self.host = host
        self.run = run
        super().__init__(
            f"{host} has an active run, {run}; nothing was changed.",
            hint=f"hostshift attach {run} follows it; what it waits for is said there.",
        )


class LeaseHeldError(RefusedError):
    """Someone else drives the run and was heard of lately.

    Attributes:
        owner: Who drives it.
        until: Until when the lease holds without another heartbeat.
    """

    kind = "lease-held"

    def __init__(self, run: str, owner: str, until: datetime) -> None:
        self.owner = owner
        self.until = until
        super().__init__(
            f"Run {run} is driven by {owner}, who was heard of lately "
            f"(the lease holds until {rfc3339(until)}).",
            hint="Wait until the lease has run out, or take the run over by name with a reason.",
        )


class BoundReachedError(RefusedError):
    """As many runs act at once as may; the run can be claimed when one of them has ended.

    Attributes:
        bound: How many may.
    """

    kind = "bound-reached"

    def __init__(self, bound: int) -> None:
        self.bound = bound
        act = "1 run acts" if bound == 1 else f"{bound} runs act"
        super().__init__(
            f"{act} at once, and no more may.",
            hint="It begins when one of them has ended or waits for a person.",
        )


class LostRunError(RefusedError):
    """The run isn't ours any more: taken over, given back or ended. Nothing was written.

    Attributes:
        owner: Who drives it now; None: nobody.
    """

    kind = "lost-run"

    def __init__(self, run: str, owner: str | None, state: str) -> None:
        self.owner = owner
        now = f"{owner} drives it" if owner else f"nobody drives it, its state is {state}"
        super().__init__(
            f"Run {run} was taken from this hostshift: {now}.",
            hint=f"hostshift attach {run} follows it.",
        )


class ChangedError(RefusedError):
    """What is recorded of a step contradicts what is to be recorded; nothing was written."""

    kind = "workflow-changed"

    def __init__(self, run: str, number: int, recorded: str, wanted: str) -> None:
        super().__init__(
            f"Step {number} of run {run} is recorded as {recorded}, not as {wanted}.",
            hint="The run was begun by another version of hostshift; carry it on with that one.",
        )


class OpenStepError(RefusedError):
    """A step was begun and has no result yet, so its hosts can't be given to other runs.

    Attributes:
        steps: The names of such steps.
    """

    kind = "open-step"

    def __init__(self, run: str, steps: tuple[str, ...]) -> None:
        self.steps = steps
        super().__init__(
            f"Run {run} keeps its hosts: it isn't known how {', '.join(steps)} ended.",
            hint="Look at the host; what is read there ends the step.",
        )
