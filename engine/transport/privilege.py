"""Running one script as the right user: directly, by `sudo -n`, or by sudo with a password.

The ways, and why each is safe:

* **direct** and **sudo -n** take one round trip. The script follows the command at once, because
  nothing on this way ever reads standard input but the shell that runs the script: `sudo -n` asks
  nobody and fails instead (sudo(8)). If it fails, the script was read by no one.
* **sudo with a password** goes step by step. The password is sent only after sudo's own prompt,
  a word made for this one call, was seen; the script only after a root shell printed a word of its
  own. `-k` makes sudo ask even where it remembers a login, so that the steps are always the same,
  and leaves no login behind for others. A password that is refused is forgotten at once.

What counts is what the far side printed, never what it was asked: a script's first words say
whether it runs as root.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from engine.errors import DeadlineError, HostOutputError, HostshiftError
from engine.model.facts import Failure
from engine.model.host import Host
from engine.shell import Command, Script, Secret
from engine.text import clean
from engine.transport import failures
from engine.transport.conversation import Conversation, Ended, Mark, Process, frame
from engine.transport.credentials import Credentials
from engine.transport.protocol import AsRoot, Completed

REMEMBER_S: Final = 300.0
"""Seconds for which sudo's answer is taken as it was: each refusal is a line in the host's log and
perhaps a mail to its administrator, and a mended sudoers file must still be noticed."""

# `LC_ALL=C` keeps sudo's messages in English, which is all that is known here; the scripts set
# their own. Words reach these lines as positional parameters only.
_ROOT_OR_SUDO: Final = (
    'if [ "$(id -u)" = 0 ]; then exec sh -s -- "$@"; fi; '
    'LC_ALL=C; export LC_ALL; exec sudo -n -- sh -s -- "$@"'
)
_ASK: Final = (
    "p=$1; l=$2; r=$3; shift 3; LC_ALL=C; export LC_ALL; "
    'exec sudo -k -S -p "$p" -- sh -c "$0" "$l" "$r" "$@"'
)
# $0 and $1 are the halves of the root mark.
_ROOT_SHELL: Final = 'printf "\\n%s%s \\n" "$0" "$1"; shift; exec sh -s -- "$@"'

_WANTS_PASSWORD = re.compile(
    r"password is required|authentication is required|terminal is required|askpass", re.IGNORECASE
)
_WANTS_TTY = re.compile(r"must have a tty", re.IGNORECASE)
_DENIES = re.compile(
    r"not in the sudoers|not allowed to (execute|run)|may not run|I'm afraid I can't do that",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"incorrect (password|authentication) attempt|sorry, try again|authentication failed"
    r"|maximum \d+ incorrect",
    re.IGNORECASE,
)


class Carrier(Protocol):
    """Starts shells on one host."""

    async def start(self, command: Command, conversation: Conversation) -> Process:
        """Start a command, its streams bound to the conversation.

        Raises:
            UnreachableError: it could not be started.
        """


@dataclass(slots=True)
class Privilege:
    """What was learnt about becoming root on each host, for as long as its connection lives."""

    credentials: Credentials
    first_try: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asks: dict[str, float] = field(default_factory=dict)
    _refusals: dict[str, tuple[float, failures.NotRoot]] = field(default_factory=dict)

    def asks_password(self, host_name: str) -> bool:
        """Whether sudo is known to ask on this host."""
        return time.monotonic() - self._asks.get(host_name, -math.inf) < REMEMBER_S

    def asked_password(self, host_name: str) -> None:
        """Remember that sudo asked."""
        self._asks[host_name] = time.monotonic()

    def refusal(self, host_name: str) -> failures.NotRoot | None:
        """Why sudo gave no root shell a moment ago, where it didn't."""
        at, refused = self._refusals.get(host_name, (-math.inf, None))
        return refused if time.monotonic() - at < REMEMBER_S else None

    def refuse(self, host_name: str, why: failures.NotRoot) -> failures.NotRoot:
        """Remember a refusal, and give it back to be raised."""
        self._refusals[host_name] = (time.monotonic(), why)
        return why

    def forget(self, host_name: str) -> None:
        """Its connection is gone; so is what was known of it."""
        self._asks.pop(host_name, None)
        self._refusals.pop(host_name, None)


@dataclass(frozen=True, slots=True)
class Task:
    """One script to run, with everything that `Transport.run` was asked."""

    host: Host
    script: Script
    root: str
    as_root: AsRoot
    limit_bytes: int
    sink: Callable[[bytes], None] | None

    @property
    def words(self) -> tuple[str, ...]:
        """The script's positional parameters, the host-side root first."""
        return (self.root, *self.script.args)


async def run_task(carrier: Carrier, task: Task, deadline_s: float, known: Privilege) -> Completed:
    """Run the task within its deadline; see `Transport.run` for what it raises."""
    last: list[Conversation] = []
    try:
        async with asyncio.timeout(deadline_s):
            return await _run(carrier, task, known, last)
    except TimeoutError:
        raise _too_late(task, deadline_s, last[-1] if last else None) from None


def _too_late(task: Task, deadline_s: float, heard: Conversation | None) -> DeadlineError:
    where = f"{task.script.name} on {task.host.name}"
    hint = "Look at the host's load and at what the script waits for; then look at the host again."
    if heard is None:
        return DeadlineError(
            f"{where} did not start within {deadline_s:g} s: the server gave no session.", hint=hint
        )
    seen = clean(heard.last_seen).replace("\n", " ").strip()
    said = f" Last it said: {seen}" if seen else " It had said nothing."
    if heard.started:
        state = f"It was told to stop.{said}"
    else:
        state = f"The script had not started, so nothing was done.{said}"
    return DeadlineError(f"{where} did not end within {deadline_s:g} s. {state}", hint=hint)


async def _run(
    carrier: Carrier, task: Task, known: Privilege, last: list[Conversation]
) -> Completed:
    if task.as_root == "no" or task.host.become == "none":
        return await _directly(carrier, task, last, why_not=None)
    try:
        return await _as_root(carrier, task, known, last)
    except (failures.NotRoot, failures.SudoPasswordNeeded, failures.SudoPasswordWrong) as error:
        if task.as_root == "required":
            raise
        return await _directly(carrier, task, last, why_not=error)


async def _directly(
    carrier: Carrier, task: Task, last: list[Conversation], why_not: HostshiftError | None
) -> Completed:
    """Run it as whoever is logged in."""
    command = Command.of("sh", "-s", "--", *task.words)
    heard = await _start(carrier, task, command, last)
    done = await _finish(task, heard, root_only=task.as_root == "required")
    if task.as_root == "no" or heard.is_root:
        return done
    if why_not is None:
        why_not = failures.NotRoot(
            f"{task.host.name} was logged in to without root's rights.",
            hint='Set `become = "sudo"` for this host, or log in as root.',
        )
        if task.as_root == "required":
            raise why_not
    return Completed(
        done.exit_status,
        done.stdout,
        done.stderr,
        truncated=done.truncated,
        signal=done.signal,
        not_root_because=Failure(why_not.kind, why_not.message, why_not.hint),
    )


async def _as_root(
    carrier: Carrier, task: Task, known: Privilege, last: list[Conversation]
) -> Completed:
    """Run it as root by the way that worked last, else by trying.

    Raises:
        NotRoot, SudoPasswordNeeded, SudoPasswordWrong: the script was not started.
    """
    name = task.host.name
    if refusal := known.refusal(name):
        raise refusal
    if not known.asks_password(name):
        command = Command.of("sh", "-c", _ROOT_OR_SUDO, "sh", *task.words)
        heard = await _start(carrier, task, command, last)
        ended = await _send_and_wait(heard, task, root_only=True)
        if heard.started and heard.is_root:
            return _completed(heard, ended)
        words = _words(heard)
        if heard.started:
            why = f"sudo on {name} gave a shell that isn't root's."
            raise known.refuse(name, failures.SudoFailed(why, hint="Look at its sudoers file."))
        _raise_for_link(task, heard, ended)
        if not _WANTS_PASSWORD.search(words):
            raise known.refuse(name, _refusal(task, words, ended))
        known.asked_password(name)
    return await _with_password(carrier, task, known, last)


async def _with_password(
    carrier: Carrier, task: Task, known: Privilege, last: list[Conversation]
) -> Completed:
    """Ask sudo with a password from memory; until it is proven, on one host at a time.

    Fifty hosts often share one account: a mistyped password must fail once, not fifty times.
    """
    password = _password(task, known)
    if known.credentials.is_proven(password):
        return await _ask(carrier, task, known, password, last)
    async with known.first_try:
        password = _password(task, known)
        heard, mark = await _start_asking(carrier, task, last)
        await _answer(task, known, password, heard, mark)
    return await _finish(task, heard, root_only=True)


def _password(task: Task, known: Privilege) -> Secret:
    password = known.credentials.sudo_password(task.host.name)
    if password is None:
        raise failures.SudoPasswordNeeded(
            f"sudo on {task.host.name} asks for a password.",
            hint="Give it in the terminal application (it is kept in memory only), or allow "
            "the user to run sudo without one.",
        )
    return password


async def _ask(
    carrier: Carrier,
    task: Task,
    known: Privilege,
    password: Secret,
    last: list[Conversation],
) -> Completed:
    heard, mark = await _start_asking(carrier, task, last)
    await _answer(task, known, password, heard, mark)
    return await _finish(task, heard, root_only=True)


async def _start_asking(
    carrier: Carrier, task: Task, last: list[Conversation]
) -> tuple[Conversation, Mark]:
    prompt = Mark()
    heard = Conversation(limit_bytes=task.limit_bytes, sink=task.sink, prompt=prompt)
    command = Command.of(
        "sh",
        "-c",
        _ASK,
        _ROOT_SHELL,
        f"{prompt.left}{prompt.right}",
        heard.root.left,
        heard.root.right,
        *task.words,
    )
    heard.process = await carrier.start(command, heard)
    last.append(heard)
    return heard, prompt


async def _answer(
    task: Task, known: Privilege, password: Secret, heard: Conversation, prompt: Mark
) -> None:
    """Go through sudo's question until a root shell has answered.

    Raises:
        SudoPasswordWrong, NotRoot: no root shell; the password was forgotten where it was refused.
        UnreachableError: the link ended.
    """
    if heard.process is None:
        raise RuntimeError("asked before it was started")
    sent = False
    try:
        while True:
            event = await heard.event()
            if event == "root":
                if sent:
                    known.credentials.prove(password)
                return
            if event == "prompt" and not sent:
                sent = True
                heard.process.write(f"{password.reveal()}\n".encode())
                continue
            ended = heard.ended or Ended()
            words = _words(heard).replace(prompt.left + prompt.right, "").strip()
            if event == "end":
                _raise_for_link(task, heard, ended)
            if event == "prompt" or _WRONG.search(words):
                known.credentials.forget_sudo_password(task.host.name, password)
                raise failures.SudoPasswordWrong(
                    f"sudo on {task.host.name} did not take the password.",
                    hint="It was forgotten and isn't tried again. Give it once more.",
                )
            raise known.refuse(task.host.name, _refusal(task, words, ended))
    finally:
        if not heard.root_said:
            heard.process.stop()


async def _start(
    carrier: Carrier, task: Task, command: Command, last: list[Conversation]
) -> Conversation:
    heard = Conversation(limit_bytes=task.limit_bytes, sink=task.sink)
    heard.process = await carrier.start(command, heard)
    last.append(heard)
    return heard


async def _send_and_wait(heard: Conversation, task: Task, *, root_only: bool) -> Ended:
    """Send the script, then its data once the shell has read the script whole, and wait."""
    process = heard.process
    if process is None:
        raise RuntimeError("sent before it was started")
    try:
        process.write(frame(task.script, heard.start, root_only=root_only))
        if task.script.stdin:
            # dash reads ahead by blocks: data that came with the script would be lost in them
            while not heard.started and heard.ended is None:
                await heard.event()
            if heard.ended is None:
                process.write(task.script.stdin)
            process.write_eof()
        # without data its input stays open: its end would end the script, see `frame`
        return await heard.until_end()
    finally:
        process.stop()


async def _finish(task: Task, heard: Conversation, *, root_only: bool) -> Completed:
    ended = await _send_and_wait(heard, task, root_only=root_only)
    if heard.sink_error is not None:
        raise heard.sink_error
    if not heard.started:
        _raise_for_link(task, heard, ended)
        raise _no_start(task, heard, ended)
    _raise_for_link(task, heard, ended)
    return _completed(heard, ended)


def _completed(heard: Conversation, ended: Ended) -> Completed:
    return Completed(
        ended.exit_status,
        heard.stdout,
        bytes(heard.stderr),
        truncated=heard.truncated,
        signal=ended.signal,
        as_root=heard.is_root,
    )


def _words(heard: Conversation) -> str:
    return clean(bytes(heard.stderr[-4096:])).strip()


def _no_start(task: Task, heard: Conversation, ended: Ended) -> HostOutputError:
    said = clean(bytes(heard.stderr[-400:]) or bytes(heard.noise[-400:])).strip()
    if heard.too_noisy:
        return HostOutputError(
            f"{task.host.name} prints without end before a command starts.",
            hint=f"Look at the shell's start-up files there: `ssh {task.host.address} true` "
            "should print nothing.",
        )
    status = "no status" if ended.exit_status is None else f"status {ended.exit_status}"
    return HostOutputError(
        f"{task.host.name} ran no script: the login ended with {status}"
        + (f" and said: {said}" if said else "."),
        hint=f"The user needs a login shell and `sh`: try `ssh {task.host.address} id`.",
    )


def _raise_for_link(task: Task, heard: Conversation, ended: Ended) -> None:
    """Raise when it was the connection that ended, not the shell."""
    if heard.sink_error is not None:
        raise heard.sink_error
    if isinstance(ended.error, HostshiftError):
        raise ended.error
    if ended.error is not None:
        state = (
            "What the script did by then is not known."
            if heard.started
            else "The script had not started."
        )
        why = clean(str(ended.error)).strip()
        raise failures.ConnectionDropped(
            f"The connection to {task.host.name} was lost"
            f"{f' ({why})' if why else ''} before {task.script.name} ended. {state}",
            hint="Look at the host again; what runs as a job there goes on without the connection.",
        )


def _refusal(task: Task, words: str, ended: Ended) -> failures.NotRoot:
    """Why sudo gave no root shell, told from its own words."""
    name = task.host.name
    said = f" It says: {words}" if words else ""
    if _WANTS_TTY.search(words):
        return failures.SudoNeedsTerminal(
            f"sudo on {name} works only from a terminal (requiretty).",
            hint="Add `Defaults:USER !requiretty` to its sudoers, USER being the one who logs in.",
        )
    if _DENIES.search(words):
        return failures.SudoDenied(
            f"sudo on {name} does not let this user act as root.{said}",
            hint="Allow the user to run commands as root in the host's sudoers file (visudo).",
        )
    if ended.exit_status == 127 or re.search(r"sudo: (command )?not found", words):
        return failures.SudoMissing(
            f"There is no sudo on {name}.{said}",
            hint='Install sudo there, or log in as root and set `become = "none"`.',
        )
    return failures.SudoFailed(
        f"sudo on {name} gave no root shell.{said}",
        hint=f"Try it by hand: `ssh -t {task.host.address} sudo true`.",
    )
