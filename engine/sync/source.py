"""server1's side: looking at its volumes, and letting the successor read them for a time.

Opening and closing are harmless when done twice, and raise as `Transport.run` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final, TypeVar

from engine.errors import HostOutputError, RefusedError
from engine.facts.sections import new_nonce, take_apart
from engine.families.protocol import Section
from engine.jobs.answers import ask
from engine.jobs.layout import checked_id
from engine.jobs.script import shipped, with_call
from engine.model.host import Host
from engine.preflight.answers import links_of, volume_of
from engine.preflight.values import Volume
from engine.programs import mounts
from engine.shell import Script
from engine.sync.passes import with_wires
from engine.sync.values import NO_PLACE, REVERSED, Source, SourceVolume
from engine.text import clean, clean_line, decode
from engine.transport.protocol import Completed, Transport

BUDGET_S: Final = 120
"""Seconds within which all volumes are counted, together; what isn't counted is None."""
_LIMIT_BYTES: Final = 4 * 1024 * 1024
_PUBLIC_KEY: Final = re.compile(r"[a-z0-9@.-]{1,64} [A-Za-z0-9+/=]{16,4000}")
_MOST_KEYS: Final = 20
_Parsed = TypeVar("_Parsed")


def seen_by_preflight(volumes: Iterable[Volume]) -> tuple[SourceVolume, ...]:
    """Volumes as preflight saw them, to compare with; what it couldn't look at is left out."""
    return tuple(_seen(volume) for volume in volumes if volume.state not in ("hidden", "unknown"))


async def look_at_source(
    transport: Transport, old: Host, paths: tuple[str, ...], *, budget_s: int = BUDGET_S
) -> tuple[SourceVolume, ...]:
    """The volumes as they are now, in their order, counted as preflight does. Changes nothing.

    Raises:
        HostOutputError: what came is not what the script prints.
    """
    nonce = new_nonce()
    script = Script.host(
        *("sync_look.sh", nonce, str(budget_s), *paths),
        after=("frames.sh", "running.sh", "volumes.sh"),
    )
    done = await transport.run(
        old,
        script,
        as_root="required",
        deadline_s=old.deadlines.full_probe_s + budget_s,
        limit_bytes=_LIMIT_BYTES,
    )
    sections = take_apart(done.stdout, nonce).sections
    attached = _whole(sections.get("mounts"), mounts.parse_attached) or ()
    links = _whole(sections.get("devices"), links_of) or {}
    volumes = [
        volume_of("", path, sections.get(f"volume-{number}"), attached, links, ())
        for number, path in enumerate(paths)
    ]
    unknown = [volume.path for volume in volumes if volume.state in ("hidden", "unknown")]
    if unknown:
        said = clean(done.stderr[-500:]).strip() or "it said nothing about why"
        raise HostOutputError(
            f"{old.name} did not tell how its volumes are ({', '.join(unknown)}): {said}",
            hint="Look at the host's load and disks; a mount that hangs makes such a look fail.",
        )
    return tuple(_seen(volume) for volume in volumes)


def _whole(
    section: Section | None, parse: Callable[[bytes, int | None], _Parsed | None]
) -> _Parsed | None:
    if section is None or section.truncated:
        return None
    return parse(section.output, section.exit_status)


def _seen(volume: Volume) -> SourceVolume:
    match volume.state:
        case "directory":
            system = volume.filesystem
            return SourceVolume(
                volume.path,
                "directory",
                None if system is None else system.uuid or f"{system.kind} {system.source}",
                volume.entries,
                volume.used_bytes,
                None if volume.entries is None else volume.entries == 0,
            )
        case "missing" | "dangling":
            return SourceVolume(volume.path, "missing")
        case _:
            return SourceVolume(volume.path, "other")


async def open_source(
    transport: Transport,
    old: Host,
    run: str,
    public_key: str,
    from_address: str,
    paths: Iterable[str],
    *,
    valid_s: int,
    back: bool = False,
) -> Source:
    """Let the successor read these volumes by its key for so long; again renews that.

    Args:
        from_address: The successor's IP address as server1 sees it.
        back: Also where data went the other way in former runs.

    Raises:
        RefusedError: data went the other way between these two, or there is no place for the key.
        ValueError: a word can't be what it should be.
    """
    if not _PUBLIC_KEY.fullmatch(public_key):
        raise ValueError("not a public key")
    gate = gate_text(run, paths)
    address = str(ip_address(from_address))
    words = (run, address, public_key, str(int(valid_s)), gate, *direction(back))
    script = with_call("sync_source.sh", "open", *words)
    done = await ask(transport, old, script)
    raise_refusal(old, done)
    said = [line.partition(" ") for line in clean(done.stdout).splitlines()]
    logins = [rest for word, _, rest in said if word == "login"]
    ports = [int(rest) for word, _, rest in said if word == "port" and rest.isdigit()]
    keys = [rest for word, _, rest in said if word == "host_key" and _PUBLIC_KEY.fullmatch(rest)]
    if not logins or ("open", "", "") not in said:
        raise HostOutputError(
            f"{old.name} did not say that the sync's key is in its place.",
            hint="Try again; if it stays, look at the account's authorized_keys there.",
        )
    if not keys:
        raise HostOutputError(
            f"{old.name} told no public host key of its sshd.",
            hint="See that `sshd -T` works there and /etc/ssh/ssh_host_*_key.pub exist.",
        )
    return Source(logins[0], tuple(keys[:_MOST_KEYS]), ports[0] if ports else None)


def gate_text(run: str, paths: Iterable[str]) -> str:
    """The script that is all the key can do."""
    sums = shipped("sync_sums.sh")
    return with_call("sync_gate.sh", checked_id(run), *with_wires(paths), before=sums).text


def direction(back: bool) -> tuple[str, ...]:
    """What tells both sides' scripts that data go back knowingly."""
    return ("back",) if back else ()


async def close_source(transport: Transport, old: Host, run: str) -> bool:
    """Take the key and the gate away; True when nothing is left, read back from the host."""
    script = with_call("sync_source.sh", "close", checked_id(run))
    done = await ask(transport, old, script)
    return decode(done.stdout).splitlines()[-1:] == ["closed"]


def raise_refusal(host: Host, done: Completed) -> None:
    """The refusals that both sides' scripts share.

    Raises:
        RefusedError: the script refused.
    """
    said = clean_line(decode(done.stdout).strip().rpartition("\n")[2])
    if done.exit_status == REVERSED:
        run, role, peer = (*said.removeprefix("reversed ").split(" "), "", "", "")[:3]
        raise RefusedError(
            f"Data would flow back: in run {run} {host.name} was the {role} of data, "
            f"{peer if peer != '-' else 'another server'} being the other side.",
            hint="Only server1 gives, only its successor takes. To go back to server1: "
            "hostshift plan SERVER2 replace:to=SERVER1. For another machine at that address, take "
            f"the line of that run out of /var/lib/hostshift/direction on {host.name}.",
        )
    if done.exit_status == NO_PLACE:
        raise RefusedError(
            f"The sync's key has no place on {host.name}: {said}.",
            hint="Mend that on the host, then try again.",
        )
    if done.exit_status != 0:
        raise HostOutputError(
            f"The sync could not be prepared on {host.name} (status {done.exit_status}).",
            hint="Try again; if it stays, look at the host yourself.",
        )
