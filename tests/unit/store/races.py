"""Two hostshifts at once on one store, who want the same hosts, places and run.

Who acts is kept beside the store, in a file that only one process at a time changes.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

from engine.store import BoundReachedError, HostBusyError, LeaseHeldError, open_store
from engine.store.store import Store
from tests.unit.store.forking import Report, ended, fork
from tests.unit.store.values import a_run

HOSTS = ("server1", "server2", "server3")
BOUND = 2
AT_ONCE = 2
"""How many runs each worker acts on at once, as long as it is let: together more than may."""
RUNS = 3
"""How many runs each worker of a race carries out, beside the one that both want."""


class Floor:
    """Who acts on which host right now, in a file that only one at a time changes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.write_text(json.dumps({"acting": [], "most": 0, "wrong": [], "refusals": {}}))

    def change(self, change: Callable[[dict[str, object]], None]) -> None:
        """Change the file's content under a lock."""
        with self._file.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            data = json.load(file)
            change(data)
            file.seek(0)
            file.truncate()
            json.dump(data, file)

    def enter(self, run: str, host: str) -> None:
        """A run acts on a host."""

        def enter(data: dict[str, object]) -> None:
            acting, wrong = data["acting"], data["wrong"]
            if not isinstance(acting, list) or not isinstance(wrong, list):
                raise TypeError(acting)
            if any(other == host for _, other in acting):
                wrong.append(f"two runs act on {host}: {run} and {acting}")
            acting.append([run, host])
            if len(acting) > BOUND:
                wrong.append(f"{len(acting)} act at once: {acting}")
            data["most"] = max(len(acting), int(str(data["most"])))

        self.change(enter)

    def leave(self, run: str, host: str) -> None:
        """It does no more."""

        def leave(data: dict[str, object]) -> None:
            if isinstance(data["acting"], list):
                data["acting"].remove([run, host])

        self.change(leave)

    def refused(self, why: Exception) -> None:
        """A worker was refused something."""

        def refused(data: dict[str, object]) -> None:
            if isinstance(data["refusals"], dict):
                name = type(why).__name__
                data["refusals"][name] = data["refusals"].get(name, 0) + 1

        self.change(refused)

    def read(self) -> Report:
        """What was seen so far."""
        data = json.loads(self._file.read_text())
        return Report(
            wrong=data["wrong"] + [f"left behind: {one}" for one in data["acting"]],
            most_at_once=data["most"],
            refusals=data["refusals"],
        )


def compete(store: Store, floor: Floor, trial: int) -> None:
    """Carry out the run that both want, and some of one's own, on hosts that both want."""
    me = f"desk:{os.getpid()}"
    dice = random.Random(os.getpid() + trial)
    shared = f"shared{trial}"
    todo = [(f"run{trial}-{os.getpid()}-{n}", dice.choice(HOSTS)) for n in range(RUNS)]
    todo.append((shared, "server0"))
    acting: list[tuple[str, str, int]] = []
    until = time.monotonic() + 60
    while todo or acting:
        if todo and len(acting) < AT_ONCE:
            run, host = todo[-1]
            try:
                if run != shared:
                    store.create(a_run(run, host))
                epoch = store.claim(run, me, lease_s=60, bound=BOUND)
                floor.enter(run, host)
                store.begin_step(run, me, epoch, 1, "upgrade")
                acting.append((run, host, epoch))
                todo.pop()
                continue
            except LeaseHeldError as why:
                floor.refused(why)
                todo.pop()  # the other one has it
            except (HostBusyError, BoundReachedError) as why:
                floor.refused(why)
        if acting:
            _end(store, floor, me, *acting.pop(0), wait=shared)
        elif time.monotonic() > until:
            raise TimeoutError(f"{todo} were never let in")
        time.sleep(dice.uniform(0, 0.003))


def _end(
    store: Store, floor: Floor, me: str, run: str, host: str, epoch: int, *, wait: str
) -> None:
    store.end_step(run, me, epoch, 1, state="succeeded", result=None, evidence=("seen",))
    floor.leave(run, host)
    if run == wait:  # kept until both have asked for it, without counting
        store.save(run, me, epoch, state="waiting", snapshot={})
    else:
        store.finish(run, me, epoch, state="succeeded", snapshot={})


class Worker:
    """A process that competes once for each word that it is sent."""

    def __init__(self, url: str, floor: Floor, errors: Path) -> None:
        starts, self._start = os.pipe()
        self._done, done = os.pipe()

        def work() -> None:
            store = open_store(url)
            while word := os.read(starts, 8):
                compete(store, floor, int(word))
                os.write(done, b".")

        self.pid = fork(work, errors)
        os.close(starts)
        os.close(done)

    def start(self, trial: int) -> None:
        """Let it compete."""
        os.write(self._start, b"%d" % trial)

    def wait(self) -> None:
        """Until it has done so."""
        if not select.select([self._done], [], [], 90)[0] or not os.read(self._done, 1):
            raise TimeoutError("a worker stands still or has ended")

    def end(self) -> None:
        """There is no more to do."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def race_loop(url: str, directory: Path, trials: int) -> Report:
    """Two workers at once, each time from one start."""
    errors = directory / "errors"
    floor = Floor(directory / "floor")
    open_store(url).close()
    workers = [Worker(url, floor, errors) for _ in range(2)]
    store = open_store(url)
    try:
        for trial in range(trials):
            store.create(a_run(f"shared{trial}", "server0"))
            for worker in workers:
                worker.start(trial)
            for worker in workers:
                worker.wait()
            run = store.load(f"shared{trial}")
            if run is None or run.owner is None or run.epoch != 1:
                raise AssertionError(f"the shared run was not claimed once: {run}")
            store.finish(run.id, run.owner, run.epoch, state="succeeded", snapshot={})
    except TimeoutError:
        if not errors.exists():
            raise
    finally:
        for worker in workers:
            worker.end()
    report = floor.read()
    report.trials, report.runs = trials, sum(ended(run) for run in store.all())
    store.close()
    if errors.exists():
        report.wrong.append(errors.read_text())
    return report
