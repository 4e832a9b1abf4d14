"""Where a TSIG key's secret comes from, and that it is never shown."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from engine.dns import Key, read_key
from engine.dns.key import parse
from engine.errors import HostshiftError, InputError, NeedsPersonError
from engine.inventory.value import Zone

SECRET = base64.b64encode(b"nobody may ever see this secret!").decode()
CLAUSE = f'key "hostshift." {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'


def zone(**fields: object) -> Zone:
    return Zone("example.com", "192.0.2.53", key_name="hostshift", **fields)  # type: ignore[arg-type]


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def unseen(error: HostshiftError) -> str:
    """What is shown of an error; no part of a secret may be in it."""
    shown = f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert SECRET[:6] not in shown
    return str(error)


async def test_without_a_name_there_is_no_key() -> None:
    assert await read_key(Zone("example.com", "192.0.2.53"), Path("/")) is None


@pytest.mark.parametrize(
    "text", [SECRET, f"\n {SECRET}\n", f"{SECRET[:20]}\n{SECRET[20:]}", CLAUSE]
)
async def test_each_source_in_each_form(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(text)
    monkeypatch.setenv("THE_KEY", text)
    sources = (
        {"key_file": tmp_path / "key"},
        {"key_env": "THE_KEY"},
        {"key_command": f"{program(tmp_path / 'tell', 'cat ./key')} ignored"},
    )
    for source in sources:
        found = await read_key(zone(**source), tmp_path)
        assert found is not None
        assert (found.name, found.algorithm) == ("hostshift", "hmac-sha256")
        assert found.secret.reveal() == SECRET


def test_a_key_is_never_shown() -> None:
    found = parse(zone(), CLAUSE, "the file")
    assert SECRET[:6] not in f"{found!r} {found} {asdict_shown(found)}"


def asdict_shown(found: Key) -> str:
    with pytest.raises(TypeError):
        asdict(found)
    with pytest.raises(TypeError):
        json.dumps(found.secret)
    return str(found.secret)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no TSIG secret"),
        (SECRET[:-1] + "!", "holds no TSIG secret"),
        (SECRET + CLAUSE + CLAUSE, "holds no TSIG secret"),
        (CLAUSE.replace("hostshift", "other"), "another name than the inventory says"),
        (CLAUSE.replace("sha256", "sha512"), "another algorithm than the inventory says"),
    ],
)
def test_what_is_no_key(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(zone(), text, "the file")
    assert said in unseen(caught.value)


async def test_sources_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_KEY", raising=False)
    fails = program(tmp_path / "fails", "echo the store is locked >&2; exit 3")
    tells = program(tmp_path / "tells", f"echo {SECRET}; echo {SECRET} >&2; exit 3")
    for source, said in (
        ({"key_file": tmp_path / "none"}, "No such file"),
        ({"key_env": "NO_KEY"}, "has no NO_KEY"),
        ({"key_command": str(tmp_path / "none")}, "can't be started"),
        ({"key_command": fails}, "ended with 3: the store is locked."),
        ({"key_command": tells}, "ended with 3."),
    ):
        with pytest.raises(InputError) as caught:
            await read_key(zone(**source), tmp_path)
        assert said in unseen(caught.value)


async def test_a_command_that_waits_for_somebody(tmp_path: Path) -> None:
    waits = program(tmp_path / "waits", "sleep 600 & wait")
    with pytest.raises(NeedsPersonError):
        await read_key(zone(key_command=waits), tmp_path, seconds=0.3)
