"""Whatever is called, cut off, repeated or skipped: never may both hosts run the writers.

Two hosts in directories, the real scripts, and a controller that keeps to what docs/writers.md asks
of it: `receive` only after `surrender` said True, `restore` only after `take_back` did. NEVER_BOTH
in the environment is how many stories are tried.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine import writers
from engine.errors import HostshiftError
from engine.model.writers import Writer
from tests.unit.jobs.local_host import LocalHost, under
from tests.unit.writers.conftest import RUN, directory, double_host, unit

ONE = (Writer("app", ("app.service",)), Writer("db", ("db.service",)))
UNITS = ("app.service", "db.service")

STEPS = (
    *("arm", "freeze", "disarm", "surrender", "receive", "start"),
    *("take_back", "restore", "thaw"),
)
"""The cutover, and the way back."""

CRASHING = """
if read -r left <{root}/crash; then
    if [ "$left" -le 0 ]; then
        kill -KILL -- "-$(sed 's/^.*) //' /proc/$$/stat | cut -d' ' -f4)"
        exit 1
    fi
    echo $((left - 1)) >{root}/crash
fi 2>/dev/null
"""
"""Before a program: it, and the whole session of what called it, is killed when its turn comes."""

crash = st.none() | st.none() | st.integers(0, 25)
"""How many changes a call makes before it is killed."""


def crashing(root: Path) -> LocalHost:
    """A host of two units, on which programs that change something can be the last."""
    host = double_host(under("dash", root))
    for name in ("mv", "ln", "rm"):
        host.double(name, f'{CRASHING.format(root=root)}exec /bin/{name} "$@"\n')
    systemctl = (host.doubles / "systemctl").read_text()
    host.double(
        "systemctl",
        f"case $1 in start | stop) {CRASHING.format(root=root)} ;; esac\n{systemctl}",
    )
    unit(host, "app.service", "active")
    return host


def may_write(host: LocalHost) -> bool:
    """Something of it runs, or would run at the next boot."""
    held = host.root / "etc/systemd/system"
    return any(
        (host.root / "units" / name).read_text() == "active\n"
        or not (held / f"{name}.d/zz-hostshift.conf").exists()
        for name in UNITS
    )


class NeverBoth(RuleBasedStateMachine):
    """Everything that a run, two operators, a reboot and the guard may do."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.old, self.new = (crashing(Path(self.place.name) / name) for name in ("old", "new"))
        self.surrendered = False
        self.taken = False
        self.at = 0

    def teardown(self) -> None:
        for host in (self.old, self.new):
            host.end()
        self.runner.close()
        self.place.cleanup()

    def call(self, host: LocalHost, what: Awaitable[object], after: int | None = None) -> object:
        """A call that is killed after so many changes; its value, or None where it had none."""

        async def waited() -> object:
            return await what

        if after is not None:
            (host.root / "crash").write_text(f"{after}\n")
        try:
            return self.runner.run(waited())
        except HostshiftError:
            return None
        finally:
            (host.root / "crash").unlink(missing_ok=True)

    @initialize()
    def hold(self) -> None:
        """The cutover begins with a successor that is held."""
        assert self.call(self.new, writers.hold(self.new, self.new.host, RUN, ONE)) == ()

    # ---- server1

    def arm(self, after: int | None) -> None:
        self.call(self.old, writers.arm(self.old, self.old.host, RUN, ONE, deadline_s=600), after)

    def freeze(self, after: int | None) -> None:
        self.call(self.old, writers.freeze(self.old, self.old.host, RUN, ONE, deadline_s=60), after)

    def disarm(self, after: int | None) -> None:
        self.call(self.old, writers.disarm(self.old, self.old.host, RUN), after)

    @rule(after=crash)
    def thaw(self, after: int | None) -> None:
        self.call(self.old, writers.thaw(self.old, self.old.host, RUN), after)

    def surrender(self, after: int | None) -> None:
        done = self.call(self.old, writers.surrender(self.old, self.old.host, RUN), after)
        self.surrendered = self.surrendered or done is True

    def restore(self, after: int | None) -> None:
        self.surrendered = False
        self.call(self.old, writers.restore(self.old, self.old.host, RUN), after)

    @precondition(lambda self: (directory(self.old) / "until").exists())
    @rule(after=crash)
    def deadline(self, after: int | None) -> None:
        """It passes, wherever the guard stands; its process may be ended, and is started again."""
        self.old.end()
        file = directory(self.old) / "until"
        words = file.read_text().split()
        file.write_text(f"{words[0]} 0 0 {words[3]}\n")
        self.call(self.old, self.guardian(), after)

    async def guardian(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *self.old.shell, str(directory(self.old) / "guardian"), str(self.old.root),
            "watch", RUN,
            env={**os.environ, "PATH": f"{self.old.doubles}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        await process.wait()

    # ---- the successor

    def receive(self, after: int | None) -> None:
        self.taken = False
        self.call(self.new, writers.receive(self.new, self.new.host, RUN), after)

    def start(self, after: int | None) -> None:
        self.call(self.new, writers.start(self.new, self.new.host, RUN, ONE), after)

    @rule(after=crash)
    def stop_or_hold(self, after: int | None) -> None:
        verb = writers.stop if self.surrendered else writers.hold
        self.call(self.new, verb(self.new, self.new.host, RUN, ONE), after)

    def take_back(self, after: int | None) -> None:
        done = self.call(self.new, writers.take_back(self.new, self.new.host, RUN), after)
        self.taken = self.taken or done is True

    # ---- both

    @rule(after=crash)
    def go_on(self, after: int | None) -> None:
        """The next step of the cutover or of the way back; cut off, it is the next one still."""
        self.step(self.at, after)
        if after is None:
            self.at = (self.at + 1) % len(STEPS)

    @rule()
    def go_to_the_end(self) -> None:
        """Of the cutover or of the way back."""
        end = len(STEPS) if self.at > STEPS.index("start") else STEPS.index("take_back")
        while self.at < end:
            self.step(self.at, None)
            self.at += 1
            self.never_both()
        self.at %= len(STEPS)

    @rule(at=st.integers(0, len(STEPS) - 1), after=crash)
    def step(self, at: int, after: int | None) -> None:
        """Any of them, once more or too early."""
        if (STEPS[at] == "receive" and not self.surrendered) or (
            STEPS[at] == "restore" and not self.taken
        ):
            return
        getattr(self, STEPS[at])(after)

    @rule()
    def turn(self) -> None:
        """Back to server1, or to the cutover again."""
        self.at = 0 if self.at > STEPS.index("start") else STEPS.index("take_back")

    @rule(at_new=st.booleans())
    def reboot(self, at_new: bool) -> None:
        """Every unit is enabled; what holds it is all that keeps it from starting."""
        host = self.new if at_new else self.old
        host.end()
        host.set_boot(os.urandom(8).hex())
        for name in UNITS:
            held = host.root / f"etc/systemd/system/{name}.d/zz-hostshift.conf"
            unit(host, name, "inactive" if held.exists() else "active")

    @invariant()
    def never_both(self) -> None:
        assert not (may_write(self.old) and may_write(self.new))

    @invariant()
    def never_two_tokens(self) -> None:
        here = [
            name
            for host in (self.old, self.new)
            for name in ("app", "db")
            if (file := host.home / "writers" / name).exists()
            and file.read_text().startswith("here ")
        ]
        assert len(here) == len(set(here))


TestNeverBoth = NeverBoth.TestCase
TestNeverBoth.settings = settings(
    max_examples=int(os.environ.get("NEVER_BOTH", "3")),
    stateful_step_count=12,
    phases=(Phase.generate,),  # a shorter story would take minutes to find
    suppress_health_check=list(HealthCheck),
)
