"""A small fleet to try hostshift on by hand: `tests/lab/enter.sh python -m tests.lab`.

Three hosts: one with many real security updates pending, one clean, one whose dpkg was killed in
the middle of an upgrade. With `--replacement` it is the world of a replacement: server1, with three
services that clients write to, its name servers, and scripts that make its successor.
Everything is gone when the command ends.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import get_args

from tests.lab.inventory import isolated_home, write_inventory
from tests.lab.machine import Machine
from tests.lab.replacement.world import open_world
from tests.lab.replacement.writers import Kind
from tests.lab.scenarios import clean, interrupted_dpkg, with_security_updates
from tests.lab.session import Lab
from tests.lab.settings import OUTSIDE, is_inside

FLEET: dict[str, tuple[str, Callable[[Machine], object], str]] = {
    "web1": ("security updates pending", with_security_updates, "tolerable"),
    "db1": ("nothing to do", clean, "unacceptable"),
    "mail1": ("dpkg interrupted", interrupted_dpkg, "costly"),
}


def say(text: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"lab: {text}\n")
    sys.stderr.flush()


def boot(host: Machine) -> None:
    """Boot a host of the fleet and bring it into its state."""
    _, prepare, _ = FLEET[host.name]
    host.start()
    host.wait_booted()
    prepare(host)


def run_in_foreground(command: Sequence[str], environment: dict[str, str]) -> int:
    """Give the terminal to a command, and return its status as a shell would.

    An interrupt is the command's own affair.
    """
    with subprocess.Popen(command, env=environment) as process:
        while process.returncode is None:
            with suppress(KeyboardInterrupt):
                process.wait()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--program",
        type=shlex.split,
        default=[sys.executable, "-m", "tui"],
        metavar="WORDS",
        help="what gets `--inventory FILE` and the rest (default: python -m tui)",
    )
    what.add_argument("--shell", action="store_true", help="open a shell instead")
    what.add_argument(
        "--command", nargs=argparse.REMAINDER, metavar="WORD", help="run this instead, to the end"
    )
    parser.add_argument(
        "--replacement", action="store_true", help="a server to be replaced, with all that needs"
    )
    parser.add_argument("rest", nargs="*", help="after --: more arguments for the program")
    return parser.parse_args()


def fleet(lab: Lab, stack: ExitStack) -> Path:
    """Boot the fleet; its inventory."""
    say("preparing the base system (the first time takes a minute or two)")
    lab.base()
    hosts = [stack.enter_context(lab.machine(name)) for name in FLEET]
    say(f"booting {', '.join(FLEET)}")
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(boot, hosts))
    for host in hosts:
        say(f"{host.name} {host.address}: {FLEET[host.name][0]}")
    return write_inventory(
        lab.settings.state, hosts, hosts={name: {"outage": it[2]} for name, it in FLEET.items()}
    )


def replacement(lab: Lab, stack: ExitStack) -> Path:
    """Boot a server that is to be replaced, with clients that write to it; its inventory."""
    say("preparing two base systems and the services (the first time takes some minutes)")
    world = stack.enter_context(open_world(lab, lab.settings.state, lambda host: None))
    world.hasten(ttl_s=2)
    stack.callback(world.stop_writers)
    for kind in get_args(Kind):
        world.writer(kind)
    say(f"server1 {world.old.address}: three services, and clients that write to two of them")
    return world.inventory


def main() -> int:
    """Boot the hosts, run the command, take them away."""
    given = arguments()
    if not is_inside():
        say(OUTSIDE)
        return 69
    with ExitStack() as stack:
        lab = stack.enter_context(Lab())
        inventory = (replacement if given.replacement else fleet)(lab, stack)
        environment = isolated_home(lab.settings.state)
        environment["HOSTSHIFT_INVENTORY"] = str(inventory)
        if given.shell:
            say(f"HOSTSHIFT_INVENTORY={inventory}; leave the shell to end the lab")
            command = [os.environ.get("SHELL", "/bin/bash")]
        elif given.command:
            command = given.command
        else:
            command = [*given.program, "--inventory", str(inventory), *given.rest]
        return run_in_foreground(command, environment)


if __name__ == "__main__":
    sys.exit(main())
