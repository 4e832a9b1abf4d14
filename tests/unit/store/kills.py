"""Hostshifts that are killed at any moment, and a look at what they leave behind.

What really happened is kept beside the store, in a file of effects: the store is compared with it.
"""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

from engine.store import open_store
from engine.store.store import Store
from tests.unit.store.forking import Report, append, ended, fork
from tests.unit.store.values import a_run

STEPS = 5


def carry_on(url: str, effects: Path, runs: int, tell: Callable[[], object]) -> None:
    """Carry out runs, what others have left first, until so many have been finished.

    Args:
        tell: Called whenever a call of the store has returned.
    """
    store = open_store(url)
    tell()
    me = f"desk:{os.getpid()}"
    for _ in range(runs):
        left = [run for run in store.all() if run.ended_at is None]
        name = left[0].id if left else f"run{len(store.all())}"
        if not left:
            store.create(a_run(name))
        epoch = store.claim(name, me, lease_s=60, reason="its hostshift was killed")
        for number in range(STEPS):
            begun = store.begin_step(name, me, epoch, number, f"step{number}")
            tell()
            if begun.ended:
                continue
            append(effects, f"act {name} {number} {begun.attempt}\n")
            store.end_step(
                *(name, me, epoch, number),
                state="succeeded",
                result={"attempt": begun.attempt},
                evidence=("seen",),
            )
            append(effects, f"end {name} {number} {begun.attempt}\n")
            tell()
        store.finish(name, me, epoch, state="succeeded", snapshot={})
        append(effects, f"finish {name} 0 0\n")
        tell()


def compare(store: Store, effects: Path) -> list[str]:
    """What contradicts the effects that there were."""
    recorded = {
        (step.run, step.number): step for run in store.all() for step in store.steps(run.id)
    }
    wrong = []
    done: set[tuple[str, int]] = set()
    acted: dict[tuple[str, int], list[int]] = {}
    for line in effects.read_text().splitlines():
        what, run, number, attempt = line.split()
        step = (run, int(number))
        if what == "finish":
            if not ended(store.load(run)):
                wrong.append(f"{run} was finished, and that is not recorded")
        elif what == "end":
            done.add(step)
            if step not in recorded or not recorded[step].ended:
                wrong.append(f"the result of {step} was recorded and is gone")
        else:
            if step in done:
                wrong.append(f"{step} was repeated after it had finished")
            if step not in recorded or recorded[step].attempt < int(attempt):
                wrong.append(f"{step} had an effect before its intent was recorded")
            if int(attempt) in acted.setdefault(step, []):
                wrong.append(f"the intent of {step} was recorded and is gone")
            acted[step].append(int(attempt))
    for step, found in recorded.items():
        if found.ended and found.result != {"attempt": acted.get(step, [0])[-1]}:
            wrong.append(f"the result of {step} is not that of its last effect")
    return wrong


def kill_loop(url: str, directory: Path, trials: int) -> Report:
    """Children that work on the store, each killed at some moment; then one that ends all."""
    effects, errors = directory / "effects", directory / "errors"
    effects.touch()
    report = Report()
    moments = random.Random(trials)
    open_store(url).close()
    for trial in range(trials):
        reads, writes = os.pipe()

        def work(writes: int = writes) -> None:
            carry_on(url, effects, 1_000, lambda: os.write(writes, b"."))

        child = fork(work, errors)
        os.close(writes)
        # Killed while it opens the store or, however slow the machine is, some calls later.
        for _ in range(moments.randint(0, 2 * STEPS)):
            if not select.select([reads], [], [], 20)[0] or not os.read(reads, 1):
                report.wrong.append("it stood still or ended")
        time.sleep(moments.uniform(0, 0.008))
        os.kill(child, signal.SIGKILL)
        os.close(reads)
        report.killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        report.trials += 1
        if trial % 10 == 0:
            report.wrong += _looked_at(url, effects)
    os.waitpid(fork(lambda: carry_on(url, effects, 1, lambda: None), errors), 0)
    report.wrong += _looked_at(url, effects)
    if errors.exists():
        report.wrong.append(errors.read_text())
    store = open_store(url, read_only=True)
    for run in store.all():
        report.runs += 1
        if not ended(run):
            report.wrong.append(f"{run.id} was never ended")
        for step in store.steps(run.id):
            report.finished_steps += step.ended
            report.interrupted += step.attempt > 1
    store.close()
    return report


def _looked_at(url: str, effects: Path) -> list[str]:
    store = open_store(url)
    wrong = compare(store, effects)
    if url.startswith("sqlite"):
        with store._database.reading() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        if found != ["ok"]:
            wrong.append(f"integrity_check: {found}")
    store.close()
    return wrong
