"""The command ``hostshift``: standard library only, until it is known what is asked.

Each headless command is a module of `engine.commands` with ``add_arguments`` and ``run``; only the
one that was asked for is imported. The screens are imported only when they open.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

COMMANDS = {
    "check": "validate the inventory: every error at once, with file, line and key",
    "status": "probe the hosts and print what could be updated; changes nothing",
    "plan": "print the exact steps of one candidate, with their digest; changes nothing",
    "changelog": "print what pending updates change and which CVEs they fix; changes nothing",
    "conffiles": "print how pending updates would change configuration files; changes nothing",
    "run": "carry out a plan that was confirmed by its digest, without the screens",
    "runs": "list past and live runs",
    "log": "write the log of a run",
    "attach": "follow a live run",
    "answer": "open the gate at which a run waits, or end the run there",
    "stop": "end a run after the transaction in hand",
    "export": "write a run as Markdown for the post-mortem",
    "calibration": "print what was predicted of past runs against what came of them",
    "unlock": "look at, or break on evidence, the lock that a run left on a host",
    "demo": "the whole application on an embedded fleet; needs no server and no root",
    "data": "print how old published data are (holes, ends of support), or fetch them anew",
    "init": "print a first inventory made from Ansible or OpenSSH files",
    "schema": "print the JSON Schema of the inventory, for editors",
}


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    # None as a default tells "not given", so that the options may stand on either side.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--inventory", type=Path, metavar="FILE", help="the inventory to work on")
    common.add_argument(
        "--read-only", action="store_true", help="refuse, in the engine, to change anything"
    )
    parser = argparse.ArgumentParser(
        prog="hostshift",
        parents=[common],
        description="Decide and carry out updates of a fleet of Linux servers over SSH. "
        "Without a command the screens open.",
        epilog="Exit status: 0 done; 1 failed; 2 wrong input; 3 hosts not reached; "
        "4 a person must decide; 5 refused, nothing changed.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    asked = next((word for word in argv if word in COMMANDS), None)
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text, parents=[common])
        if name == asked:
            importlib.import_module(f"engine.commands.{name}").add_arguments(command)
    return parser


def _open_screens(args: argparse.Namespace) -> int:
    from engine.errors import InputError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "The screens need a terminal, and there is none.",
            hint="Use a headless command, such as `hostshift status` (see hostshift --help).",
        )
    from engine import door
    from tui.app import HostshiftApp

    inventory, credentials, theme = door.load(args.inventory), None, None
    while True:
        session = door.open_session(inventory, read_only=args.read_only, credentials=credentials)
        app = HostshiftApp(session, theme=theme)
        status = app.run() or 0
        if app.bridge.next_inventory is None:
            return status
        inventory, theme = app.bridge.next_inventory, app.theme
        credentials = session.credentials


def _open_demo(args: argparse.Namespace) -> int:
    """The demo's screens, which no command of the engine may import."""
    import asyncio

    import engine.commands.demo as demo
    from tui.app import HostshiftApp

    async def screens() -> int:
        async with demo.open_session(args) as session:
            return await HostshiftApp(session).run_async() or 0

    return asyncio.run(screens())


def _screens(args: argparse.Namespace) -> Callable[[argparse.Namespace], int] | None:
    """What opens the screens; None where a headless command is asked for."""
    if args.version:
        return None
    if args.command is None:
        return _open_screens
    if args.command == "demo" and sys.stdin.isatty() and sys.stdout.isatty():
        import engine.commands.demo as demo

        return None if demo.is_headless(args) else _open_demo
    return None


def _headless(args: argparse.Namespace) -> int:
    """Carry out a command that needs no screens."""
    if args.version:
        from importlib.metadata import version

        print(f"hostshift {version('hostshift')}")
        return 0
    status: int = importlib.import_module(f"engine.commands.{args.command}").run(args)
    return status


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    args = _parser(words).parse_args(words)
    args.inventory = getattr(args, "inventory", None)
    args.read_only = getattr(args, "read_only", False)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run hostshift; returns the exit status as in docs/command-line.md."""
    from engine.commands.output import ReaderGoneError, told_output

    try:
        with told_output():
            args = _arguments(list(sys.argv[1:] if argv is None else argv))
            open_screens = _screens(args)
            if open_screens is None:
                return _headless(args)
        return open_screens(args)
    except KeyboardInterrupt:
        print("hostshift: interrupted; jobs on hosts go on.", file=sys.stderr)
        return 130
    except (ReaderGoneError, BrokenPipeError):  # the latter from standard error: 2>&1 | head
        return ReaderGoneError.exit_status
    except Exception as error:
        from engine.errors import HostshiftError

        if not isinstance(error, HostshiftError):
            raise
        print(f"hostshift: {error.message}\n  hint: {error.hint}", file=sys.stderr)
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
