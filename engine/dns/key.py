"""The TSIG key's secret, from where the inventory says: a file, the environment, a command.

Nothing here, and no error, shows any part of what was read.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import os
import re
import shlex
import signal
from pathlib import Path
from typing import Final

from engine.dns.values import Key
from engine.errors import InputError, NeedsPersonError
from engine.inventory.value import Zone
from engine.shell import Secret
from engine.text import clean_line

COMMAND_S: Final = 60.0
"""A password manager may ask its owner."""
MOST: Final = 64 * 1024
_SECRET = re.compile(r'\bsecret\s+"([^"]*)"\s*;', re.IGNORECASE)
_NAME = re.compile(r'\bkey\s+"?([^"\s{;]+)"?\s*\{', re.IGNORECASE)
_ALGORITHM = re.compile(r'\balgorithm\s+"?([A-Za-z0-9.-]+)"?\s*;', re.IGNORECASE)


class TsigKeyError(InputError):
    """The TSIG key can't be had. Nothing was sent."""

    kind = "key"


async def read(zone: Zone, directory: Path, *, seconds: float = COMMAND_S) -> Key | None:
    """The key of a zone; None where the inventory names none.

    Args:
        directory: The inventory's, in which a key command is run.

    Raises:
        InputError: the secret isn't there or is none.
        NeedsPersonError: the command has not ended in time.
    """
    if zone.key_name is None:
        return None
    text, place = await _text(zone, directory, seconds)
    return parse(zone, text, place)


def parse(zone: Zone, text: str, place: str) -> Key:
    """A key from its text: base64 alone, or a key clause as tsig-keygen(8) writes it. Pure.

    Raises:
        InputError: it is neither, or the clause contradicts the inventory.
    """
    name = zone.key_name or ""
    clause = _SECRET.findall(text)
    if clause:
        _agree(place, "name", _NAME.findall(text), name)
        _agree(place, "algorithm", _ALGORITHM.findall(text), zone.key_algorithm)
    secret = clause[0] if len(clause) == 1 else "" if clause else "".join(text.split())
    if not _is_base64(secret):
        raise TsigKeyError(
            f"{place} holds no TSIG secret.",
            hint="It must hold the secret in base64, or one key clause as tsig-keygen writes it.",
        )
    return Key(name, zone.key_algorithm, Secret(secret, f"TSIG key {name}"))


def _agree(place: str, what: str, found: list[str], wanted: str) -> None:
    said = [text.removesuffix(".").lower() for text in found]
    if said and set(said) != {wanted}:
        raise TsigKeyError(
            f"{place} holds a key of another {what} than the inventory says "
            f"({clean_line(said[0], 100)}, not {wanted}).",
            hint=f"Make key_{what} and the file agree; the server's key clause decides.",
        )


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text.encode("ascii"), validate=True))
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return False


async def _text(zone: Zone, directory: Path, seconds: float) -> tuple[str, str]:
    if zone.key_file is not None:
        return await asyncio.to_thread(_file, zone.key_file), str(zone.key_file)
    if zone.key_env is not None:
        value = os.environ.get(zone.key_env)
        if value is None:
            raise TsigKeyError(
                f"The environment has no {zone.key_env}, which holds the TSIG key of {zone.name}.",
                hint=f"Start hostshift with {zone.key_env} set.",
            )
        return value, f"the environment's {zone.key_env}"
    words = shlex.split(zone.key_command or "")
    return await _output(words, directory, seconds), f"the output of {words[0]}"


def _file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST).decode("utf-8", "replace")
    except OSError as error:
        raise TsigKeyError(
            f"The TSIG key in {path} can't be read: {error.strerror}.",
            hint="Mend key_file in the inventory, or the file's permissions.",
        ) from error


async def _output(words: list[str], directory: Path, seconds: float) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise TsigKeyError(
            f"The key command {words[0]} can't be started: {error.strerror}.",
            hint="Mend key_command in the inventory.",
        ) from error
    try:
        async with asyncio.timeout(seconds):
            output, said = await process.communicate()
    except TimeoutError as error:
        raise NeedsPersonError(
            f"The key command {words[0]} has not ended within {seconds:g} s.",
            hint="Does it ask something? Unlock the password store first, then try again.",
        ) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        # What a failing command printed on its standard output may hold the secret.
        last = "" if output else clean_line(said.decode("utf-8", "replace").strip()[-200:])
        raise TsigKeyError(
            f"The key command {words[0]} ended with {process.returncode}"
            + (f": {last}." if last else "."),
            hint="Run it by hand: it must print the secret and nothing else.",
        )
    return output[:MOST].decode("utf-8", "replace")
