"""Ways between screens that several screens share."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Sequence
from typing import Final

from textual.app import SuspendNotSupported

from engine.errors import InputError
from engine.model.run import Run
from tui.bridge import Bridge
from tui.fleet_rows import Known
from tui.screens.base import CommandScreen
from tui.screens.password import PasswordScreen

SSH_FAILED: Final = 255
"""Exit status of ssh(1) itself, of a command there only where that ends so."""


def has_run(known: Known) -> bool:
    """Whether there is a run on the host to attach to."""
    return known.run is not None or (known.facts is not None and known.facts.lock is not None)


async def open_run(screen: CommandScreen[None], bridge: Bridge, name: str) -> None:
    """Show the run on a host, found by its lock where this hostshift doesn't follow it yet.

    Raises:
        HostshiftError: the lock's run can't be read.
    """
    from tui.screens.run import RunScreen

    run_id = await bridge.attach(name)
    if run_id is None:
        screen.notify("There is no run on this host.", severity="warning", markup=False)
    else:
        screen.show_screen(RunScreen(bridge, run_id))


async def ask_password(screen: CommandScreen[None], bridge: Bridge, hosts: Sequence[str]) -> None:
    """Ask once for the sudo password of these hosts, and look at them again with it."""
    given = await screen.app.push_screen_wait(PasswordScreen(tuple(hosts)))
    if given is not None:
        host = hosts[0] if len(hosts) == 1 and not given.for_all else None
        bridge.give_password(given.password, host, hosts)


async def break_lock(screen: CommandScreen[None], bridge: Bridge, name: str) -> None:
    """Show what the host says of its lock, and break it when the host's name is typed.

    Raises:
        HostshiftError: the host could not be asked, or the engine refuses.
    """
    from tui import run_decisions

    screen.notify(f"Asking {name} for evidence.", markup=False)
    question = run_decisions.break_lock(name, await bridge.lock_evidence(name))
    # Behind the notice in the app's queue, so that it doesn't cover the question's buttons.
    screen.app.call_later(screen.app.clear_notifications)
    given = await screen.app.push_screen_wait(question)
    if given is not None:
        await bridge.break_lock(name, given.phrase, given.words)
        screen.notify(f"The lock on {name} was broken.", markup=False)


async def open_shell(screen: CommandScreen[None], bridge: Bridge, name: str) -> None:
    """Give the terminal to ssh(1) on a host until it ends; the runs of this hostshift go on.

    Raises:
        HostshiftError: this hostshift is read-only.
    """
    words = bridge.shell_words(name)
    app = screen.app
    try:
        with app.suspend(), app.batch_update():  # what is drawn meanwhile would be drawn over it
            sys.stdout.write(f"{shlex.join(words)}\nhostshift comes back when you leave it.\n")
            sys.stdout.flush()
            process = await asyncio.create_subprocess_exec(*words)
            status = await process.wait()
    except SuspendNotSupported:
        command = shlex.join(words)
        screen.notify(command, title="No terminal to give away; type:", markup=False)
        return
    except OSError as error:
        message = f"{words[0]} can't be run: {error.strerror}."
        raise InputError(message, hint="Install OpenSSH's client.") from error
    if status == SSH_FAILED:
        screen.notify(f"ssh ended with {status}: no connection.", severity="warning", markup=False)
    bridge.look(name)


async def export_run(screen: CommandScreen[None], bridge: Bridge, run: Run) -> None:
    """Write a run down as Markdown, with its logs only when that is asked for.

    Raises:
        HostshiftError: it isn't on record, or the file can't be written.
    """
    from tui.screens.export import ExportScreen

    chosen = await screen.app.push_screen_wait(ExportScreen(run))
    if chosen is not None:
        file = await bridge.export(run.id, chosen == "with")
        screen.notify(str(file), title="Exported", timeout=12, markup=False)
