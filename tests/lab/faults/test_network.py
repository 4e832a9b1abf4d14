"""Faults of the way to a host during an upgrade: out of reach, lossy, reset."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

from tests.lab.conftest import NewFault, NewHost
from tests.lab.controller import Controller, exit_of, job_file, let_finish, wait_for_exit
from tests.lab.faults.under_way import UnderWay
from tests.lab.machine import Machine
from tests.lab.processes import wait_until

Act = Callable[[Machine], object]


def kill_sshd(host: Machine) -> None:
    host.inside("systemctl kill -s KILL ssh; systemctl stop ssh; pkill -KILL sshd", check=False)


def start_sshd(host: Machine) -> None:
    host.inside("systemctl reset-failed ssh; systemctl start ssh")


def swallow_while_looked_at(host: Machine) -> None:
    let_finish(host)
    wait_for_exit(host)
    host.network.swallow(22)


AWAY: dict[str, tuple[Act, Act]] = {
    "link cut, and back": (lambda host: host.link(up=False), lambda host: host.link(up=True)),
    "port 22 swallowed, and open again": (
        lambda host: host.network.swallow(22),
        lambda host: host.network.heal(),
    ),
    "host frozen, and thawed": (lambda host: host.freeze(), lambda host: host.thaw()),
    "sshd killed, and started again": (kill_sshd, start_sshd),
    "port 22 swallowed while the host is looked at again, and open": (
        swallow_while_looked_at,
        lambda host: host.network.heal(),
    ),
}
"""What puts a host out of reach, and what brings it back."""
SILENCE_S = 50.0
"""Within so many seconds a silence is known, whatever the host was asked; on a busy machine."""

TALK = "for n in $(seq 25); do seq 5000; sleep 0.2; done\n"
TALKED = 25 * 23_893
"""Bytes of it, in five seconds."""


def talkative(host: Machine) -> None:
    """Have apt say much before it calls dpkg: there is something to lose on the way."""
    (host.root / "root/talk").write_text(TALK)
    hook = host.root / "etc/apt/apt.conf.d/99talk"
    hook.write_text('DPkg::Pre-Invoke { "sh /root/talk"; };\n')


def test_a_host_that_is_out_of_reach_for_a_while(
    upgradable: Machine, new_host: NewHost, tmp_path: Path, fault: NewFault
) -> None:
    cases = {name: fault(name, "succeeded, exit 0") for name in AWAY}
    others = [new_host(options=upgradable.options) for _ in range(len(AWAY) - 1)]
    runs = {
        name: UnderWay(Controller(tmp_path / host.name, host))
        for name, host in zip(AWAY, [upgradable, *others], strict=True)
    }
    # All at once: most take the seconds after which a silence counts. The last is waited for first.
    for name, (disturb, _) in AWAY.items():
        disturb(runs[name].host)
    for name, (_, restore) in reversed(AWAY.items()):
        runs[name].wait_until_unknown(SILENCE_S)
        restore(runs[name].host)
        let_finish(runs[name].host)
    for name, case in cases.items():
        case.observed(runs[name].end())


def test_a_port_that_stays_swallowed(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    case = fault(
        "port 22 swallowed for good, Ctrl-C", "unknown, exit 4; attached: succeeded, exit 0"
    )
    run = UnderWay(eve)
    upgradable.network.swallow(22)
    run.wait_until_unknown()
    run.process.send_signal(signal.SIGINT)
    status = run.process.wait(60)
    end = f"{run.claimed()}, exit {status}"
    let_finish(upgradable)
    wait_for_exit(upgradable)
    assert exit_of(upgradable) == "0"
    upgradable.network.heal()
    attached = eve.call("attach", run.id, check=None)
    case.observed(f"{end}; attached: {run.proven()}, exit {attached.returncode}")


def test_a_line_that_loses_much(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    case = fault("every fifth packet lost each way, on a slow line", "succeeded, exit 0")
    talkative(upgradable)
    run = UnderWay(eve, 2, until="\n5000\n")
    upgradable.network.lose(20)
    upgradable.network.slow("2mbit")
    case.observed(run.end())


def test_connections_that_are_reset(eve: Controller, upgradable: Machine, fault: NewFault) -> None:
    seed = int(os.environ.get("LAB_SEED") or random.randrange(1 << 16))
    case = fault(f"connection reset three times (LAB_SEED={seed})", "succeeded, exit 0")
    talkative(upgradable)
    run = UnderWay(eve, 2, until="\n5000\n")
    for size in sorted(random.Random(seed).sample(range(TALKED), 2)):
        wait_for_size(upgradable, size)
        reset(upgradable)
    wait_for_exit(upgradable)
    reset(upgradable)
    case.observed(run.end())
    assert "unknown" in run.states()


def wait_for_size(host: Machine, size: int) -> None:
    """Wait until the job has said so many bytes."""
    log = job_file(host, "log")
    wait_until(lambda: log.stat().st_size >= size, f"{size} bytes of log", timeout=120)


def reset(host: Machine) -> None:
    """Answer every packet of a connection by a reset, until there is none any more."""
    network = host.network
    wait_until(lambda: network.is_connected(22), "a connection")
    network.reset(22)
    wait_until(lambda: not network.is_connected(22), "its end")
    network.heal()
