"""A small fleet to try hostshift on by hand: `tests/lab/enter.sh python -m tests.lab`.

Three hosts: one with many real security updates pending, one clean, one whose dpkg was killed in
the middle of an upgrade. Everything is gone when the command ends.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

from tests.lab.inventory import isolated_home, write_inventory
from tests.lab.machine import Machine
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
    parser.add_argument("rest", nargs="*", help="after --: more arguments for the program")
    return parser.parse_args()


def main() -> int:
    """Boot the fleet, run the command, take the fleet away."""
    given = arguments()
    if not is_inside():
        say(OUTSIDE)
        return 69
    with ExitStack() as stack:
        lab = stack.enter_context(Lab())
        say("preparing the base system (the first time takes a minute or two)")
        lab.base()
        hosts = [stack.enter_context(lab.machine(name)) for name in FLEET]
        say(f"booting {', '.join(FLEET)}")
        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(boot, hosts))
        inventory = write_inventory(
            lab.settings.state, hosts, hosts={name: {"outage": it[2]} for name, it in FLEET.items()}
        )
        for host in hosts:
            say(f"{host.name} {host.address}: {FLEET[host.name][0]}")
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
