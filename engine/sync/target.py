"""The successor's side: its one-time key, and the proof that the way to server1 works.

All of it is harmless when done twice, and raises as `Transport.run` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Final

from engine.errors import HostOutputError
from engine.jobs.answers import ask, failed
from engine.jobs.layout import checked_id
from engine.jobs.script import shipped
from engine.model.host import Host
from engine.shell import Command, Script
from engine.sync.passes import known_hosts, path_of, proof_command, ssh_config
from engine.sync.source import direction, raise_refusal
from engine.sync.values import Source
from engine.text import clean, clean_line, decode
from engine.transport.protocol import Transport

PROOF_S: Final = 30
"""Seconds for the proof of one volume, beside a minute for all."""
_MOST_SAID: Final = 3

_MEANINGS: Final = (
    (
        "Permission denied",
        "server1 does not take the key: it has run out, or its sshd refuses this login",
    ),
    ("Host key verification failed", "server1 shows another host key than the one it told"),
    ("REMOTE HOST IDENTIFICATION", "server1 shows another host key than the one it told"),
    ("Connection refused", "nothing listens for SSH at that address and port of server1"),
    ("timed out", "server1 can't be reached from the successor; see firewalls between them"),
    ("No route to host", "server1 can't be reached from the successor; see firewalls between them"),
    ("password is required", "sudo on server1 asks for a password; allow that login NOPASSWD"),
    ("rsync: not found", "rsync is not installed on server1: apt-get install rsync"),
    ("rsync: command not found", "rsync is not installed on server1: apt-get install rsync"),
)


async def make_key(transport: Transport, new: Host, run: str, *, back: bool = False) -> str:
    """Have the successor make its one-time key pair, or find it; the public key is returned.

    The private key never leaves the successor.

    Args:
        back: See `open_source`.

    Raises:
        RefusedError: this host was the source of data in this run, or can't make a key.
    """
    call = Command.of("key", checked_id(run), pass_text(), *direction(back))
    done = await ask(transport, new, _script(call))
    raise_refusal(new, done)
    for line in clean(done.stdout).splitlines():
        word, _, key = line.partition(" ")
        if word == "key" and key.count(" ") == 1:
            return key
    raise HostOutputError(
        f"{new.name} did not tell the sync's public key.",
        hint="Try again; if it stays, look below /var/lib/hostshift/runs there.",
    )


def pass_text() -> str:
    """The script that makes each pass on the successor."""
    return f"{shipped('sync_sums.sh')}{shipped('sync_pass.sh')}"


async def drop_key(transport: Transport, new: Host, run: str) -> bool:
    """Remove the key pair and all that belongs to it from the successor; True when it is gone."""
    done = await ask(transport, new, _script(Command.of("drop", checked_id(run))))
    return "dropped" in decode(done.stdout).splitlines()


async def ready(
    transport: Transport,
    new: Host,
    run: str,
    source: Source,
    old_address: str,
    paths: Iterable[str],
    *,
    old_port: int | None = None,
    back: bool = False,
) -> tuple[str, ...]:
    """Prepare the successor and go each volume's way once without copying; () when all works.

    Args:
        old_address: server1's IP address as the successor reaches it.
        old_port: See `pass_commands`.
        back: See `open_source`.

    Raises:
        RefusedError: this host was the source of data for that address.
    """
    address = str(ip_address(old_address))
    proofs = [proof_command(run, source, address, old_port, path) for path in paths]
    script = _script(
        Command.of("ready", run, address, ssh_config(run), known_hosts(source), *direction(back)),
        # The fourth word is the volume's name on the way; see `proof_command`.
        *(Command.of("prove", proof[3], *proof) for proof in proofs),
    )
    done = await transport.run(
        new, script, as_root="required", deadline_s=60 + PROOF_S * len(proofs)
    )
    if done.exit_status is None:
        raise failed(new, script, done)
    raise_refusal(new, done)
    said = clean(done.stdout).splitlines()
    problems = tuple(problems_of(said))
    tried = {line.split(" ", 2)[2] for line in said if line.startswith("tried ")}
    if not problems and ("done" not in said or len(tried) != len({p[3] for p in proofs})):
        raise failed(new, script, done)
    return problems


def problems_of(said: list[str]) -> Iterator[str]:
    """What sync_target.sh found in the way, in words, from the lines that it said."""
    status, wire, words = 0, "", list[str]()
    for line in [*said, "tried 0 -"]:
        word, _, rest = line.partition(" ")
        match word:
            case "problem":
                yield rest
            case "said":
                words.append(rest)
            case "tried":
                if status != 0:
                    yield f"{clean_line(path_of(wire))}: {_meaning(status, words)}"
                number, _, wire = rest.partition(" ")
                status, words = int(number) if number.isdigit() else -1, []
            case _:
                pass


def _meaning(status: int, words: list[str]) -> str:
    """What went wrong, as well as it is known, with the words that were heard."""
    refusals = [word.partition(": ")[2] for word in words if word.startswith("hostshift: ")]
    for refusal in refusals:
        if refusal.startswith(("server1 refuses: ", "refused: ")):
            return refusal
    heard = [word for word in words if word.strip() and not word.startswith("hostshift: ")]
    for sign, meaning in _MEANINGS:
        if any(sign in word for word in heard):
            return f"{meaning} ({'; '.join(heard[:_MOST_SAID])})"
    return f"rsync ended with {status}: {'; '.join(heard[-_MOST_SAID:]) or 'it said nothing'}"


def _script(*calls: Command) -> Script:
    lines = "".join(f"{call.line()}\n" for call in (*calls, Command.of("finish")))
    return Script("sync_target.sh", shipped("sync_target.sh") + lines)
