"""Who writes: held on the successor, frozen on the old host, and the right to write moved once.

The order is the whole point (docs/writers.md): freeze, copy, disarm and read back, surrender and
read back, receive, start. No answer from the old host means no start on the successor.
"""

from __future__ import annotations

from functools import partial

from engine import writers
from engine.errors import UnreachableError
from engine.model.replacing import (
    CHECK,
    FREEZE,
    SWITCH,
    FreezeAct,
    HoldAct,
    QuietAct,
    ReturnAct,
    StartAct,
    SwitchAct,
)
from engine.preflight.distributions_own import TIMERS
from engine.runs.acts.replacing import removal
from engine.runs.acts.replacing.data import renew
from engine.runs.acts.replacing.hand import Done, Hand, NotDoneError
from engine.runs.observe import Observation
from engine.runs.records import sent


async def hold(hand: Hand, act: HoldAct) -> Done:
    """Stop the successor's services, so that nothing there writes while the data are copied."""
    await _held(hand, act.writers)
    if act.workers:
        free = partial(writers.free, hand.driver.transport, hand.new, hand.run, act.workers)
        seen = await hand.ask(free, hand.new)
        hand.must(seen.problems, f"Look at the units on {hand.new.name}.")
    names = ", ".join(w.service for w in act.writers)
    return Done((f"Held on {hand.new.name}: {names}.",))


async def _held(hand: Hand, held: tuple[writers.Writer, ...]) -> None:
    problems = await hand.ask(
        partial(writers.hold, hand.driver.transport, hand.new, hand.run, held), hand.new
    )
    hand.must(problems, f"Look at the services on {hand.new.name}.")


async def quiet(hand: Hand, act: QuietAct) -> Done:
    """Nothing of the successor acts by itself before it may write; then all of it may.

    What can't be held is told and holds nothing up. What can't be let go would leave a server that
    serves without its mail or its jobs: that ends the cutover.
    """
    seen = await hand.ask(partial(_quiet, hand, act), hand.new)
    if not act.held:
        hand.must(seen.problems, f"Look at {hand.new.name}: `ip rule`, and its held units.")
        return Done((f"Mail, cron and timers of {hand.new.name} go.", *seen.words))
    told = (f"Not all of {hand.new.name} is held:", *seen.problems) if seen.problems else ()
    return Done((*told, *seen.words))


async def _quiet(hand: Hand, act: QuietAct) -> writers.Frozen:
    transport, new = hand.driver.transport, hand.new
    if not act.held:
        return await writers.let_speak(transport, new, hand.run)
    return await writers.quiet(
        transport, new, hand.run, (*sorted(TIMERS), *act.services), act.workers
    )


async def freeze(hand: Hand, act: FreezeAct) -> Done:
    """Arm the guard, stop the writers, prove it. From here on the outage counts."""
    transport = hand.driver.transport
    if hand.step.id not in hand.driver.record.begun:
        # The gate may have been open for days, and somebody may have tried the successor meanwhile.
        await _held(hand, act.writers)
        await renew(hand)
    await hand.begins()
    deadline = partial(
        writers.arm, transport, hand.old, hand.run, act.writers, deadline_s=act.deadline_s
    )
    await hand.ask(deadline)
    hand.says("The guard is armed; the writers are being stopped.")
    frozen = await hand.ask(
        partial(
            writers.freeze, transport, hand.old, hand.run, act.writers, deadline_s=act.deadline_s
        )
    )
    hand.must(frozen.problems, f"Look at the services on {hand.old.name}.")
    seen = await hand.ask(partial(writers.examine, transport, hand.old, hand.run, act.writers))
    hand.must(
        seen.problems, f"Something still writes on {hand.old.name}: name it in the inventory."
    )
    return Done(
        (
            f"The writers of {hand.old.name} are frozen, and that is proven.",
            *frozen.words,
            *seen.words,
        )
    )


async def switch(hand: Hand, act: SwitchAct) -> Done:
    """Move the right to write; a guard that has fired meanwhile ends the cutover."""
    transport = hand.driver.transport
    await hand.begins()
    state = await hand.ask(partial(_disarmed, hand))
    if state != "disarmed":
        raise NotDoneError(
            (f"The guard of {hand.old.name} has thawed its writers: {state}.",),
            hint="It took longer than thaw_after; rehearse once more, or raise it.",
        )
    if not await hand.ask(partial(writers.surrender, transport, hand.old, hand.run)):
        raise NotDoneError(
            (f"{hand.old.name} did not give the right to write away.",),
            hint=f"Look at /var/lib/hostshift on {hand.old.name}.",
        )
    if not await hand.ask(partial(writers.receive, transport, hand.new, hand.run), hand.new):
        raise NotDoneError(
            (f"{hand.new.name} did not take the right to write.",),
            hint=f"Look at /var/lib/hostshift on {hand.new.name}.",
        )
    await removal.moved(hand)
    return Done((f"Only {hand.new.name} may write now.",))


async def _disarmed(hand: Hand) -> str:
    """How the guard ended. Without an answer it may end either way, so it is asked again."""
    state = await writers.disarm(hand.driver.transport, hand.old, hand.run)
    if state == "unknown":
        raise UnreachableError(
            f"{hand.old.name} does not say whether its guard is disarmed.",
            hint="Nothing is started on the successor before it does.",
        )
    return state


async def start(hand: Hand, act: StartAct) -> Done:
    """Start the services on the successor."""
    problems = await hand.ask(
        partial(writers.start, hand.driver.transport, hand.new, hand.run, act.writers), hand.new
    )
    hand.must(problems, f"Look at the services on {hand.new.name}.")
    return Done((f"Started on {hand.new.name}.",))


async def go_back(hand: Hand, act: ReturnAct) -> Done | Observation:
    """Back to the old host, where the cutover was begun and no name was changed."""
    begun = hand.driver.record.begun
    if FREEZE not in begun:
        return Done(("The old host was never frozen.",))
    if any(sent(step) in begun or _over(hand, step) for step in act.switched):
        return Done(("The names lead to the successor; nothing was taken back.",))
    if not act.switched and _over(hand, CHECK):
        return Done(("The services run on the successor; nothing was taken back.",))
    transport = hand.driver.transport
    words: list[str] = []
    if SWITCH in begun:
        hand.says(f"The services on {hand.new.name} are being stopped.")
        problems = await hand.ask(
            partial(writers.stop, transport, hand.new, hand.run, act.writers), hand.new
        )
        if problems:
            raise NotDoneError(
                (
                    f"{hand.new.name} still runs services, so {hand.old.name} stays frozen:",
                    *problems,
                ),
                hint=f"Stop them on {hand.new.name} before anything is started on {hand.old.name}.",
                state="attention",
            )
        if act.quiet is not None:
            seen = await hand.ask(partial(_quiet, hand, act.quiet), hand.new)
            words += seen.problems
        taken = await hand.ask(partial(writers.take_back, transport, hand.new, hand.run), hand.new)
        if not taken:
            raise NotDoneError(
                (f"{hand.new.name} did not give the right to write back.",),
                hint=f"Look at it; {hand.old.name} stays frozen until then.",
                state="attention",
            )
        await hand.ask(partial(writers.restore, transport, hand.old, hand.run))
        if act.quiet is not None:
            await removal.noted(hand)
    hand.says(f"{hand.old.name} is being thawed.")
    problems = await hand.ask(partial(writers.thaw, transport, hand.old, hand.run))
    if problems:
        raise NotDoneError(
            (f"{hand.old.name} is not as it was:", *problems),
            hint=f"Start what is missing on {hand.old.name} by hand.",
            state="attention",
        )
    words.append(f"{hand.old.name} serves again, as before; nothing was lost.")
    observed = Observation("rolled-back", tuple(words))
    hand.driver.over(hand.step, Observation("succeeded", tuple(words)))
    await hand.driver.saved()
    return observed


def _over(hand: Hand, step_id: str) -> bool:
    return any(s.id == step_id and s.state == "succeeded" for s in hand.driver.run.steps)
