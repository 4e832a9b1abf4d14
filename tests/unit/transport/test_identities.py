"""Which keys are offered, and in which order: from files and from a real ssh-agent."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.shell import Script
from engine.transport import failures
from engine.transport.client_config import ClientConfig, Endpoint
from engine.transport.ssh.identities import Identities
from tests.unit.transport.servers import make_key, odd_host, odd_server, run, transport_to

needs_agent = pytest.mark.skipif(
    shutil.which("ssh-agent") is None, reason="ssh-agent (OpenSSH) is not installed"
)
Add = Callable[..., None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir()
    return tmp_path


@pytest.fixture
def agent(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """A running agent; called with keys, it takes them in."""
    with tempfile.TemporaryDirectory(prefix="agent") as place:  # a socket's path must be short
        said = run("ssh-agent", "-s", "-a", f"{place}/s")
        pid = int(said.split("SSH_AGENT_PID=")[1].split(";")[0])
        monkeypatch.setenv("SSH_AUTH_SOCK", f"{place}/s")

        def add(*keys: Path) -> None:
            for key in keys:
                run("ssh-add", "-q", str(key))

        yield add
        os.kill(pid, signal.SIGTERM)


def _endpoint(**changes: object) -> Endpoint:
    endpoint = ClientConfig(Path("/nonexistent"), None).resolve("h")
    return replace(endpoint, **changes)  # type: ignore[arg-type]


async def _offered(endpoint: Endpoint, identity: Path | None = None) -> list[str]:
    identities = Identities()
    keyring = await identities.keyring(endpoint, identity)
    await identities.close()
    return [key.name.split(" (")[0] for key in keyring.keys]


async def test_default_keys_are_found(home: Path) -> None:
    assert await _offered(_endpoint()) == []
    make_key(home / ".ssh" / "id_ed25519")
    make_key(home / ".ssh" / "id_rsa", "rsa")
    assert await _offered(_endpoint()) == [
        str(home / ".ssh" / "id_rsa"),
        str(home / ".ssh" / "id_ed25519"),
    ]


async def test_a_named_key_is_the_only_one(home: Path) -> None:
    make_key(home / ".ssh" / "id_ed25519")
    mine = make_key(home / "mine")
    assert await _offered(_endpoint(), mine) == [str(mine)]
    assert await _offered(_endpoint(identity_files=(mine,))) == [str(mine)]


@needs_agent
async def test_the_agents_keys_come_in_sshs_order(home: Path, agent: Add) -> None:
    file, held, other = make_key(home / "file"), make_key(home / "held"), make_key(home / "other")
    agent(other, held)
    identities = Identities()
    keyring = await identities.keyring(_endpoint(identity_files=(file, held)), None)
    await identities.close()
    blobs = [key.pair.key_public_data for key in keyring.keys]
    wanted = [_blob(held), _blob(other), _blob(file)]
    assert blobs == wanted
    assert await _offered(_endpoint(identity_files=(file, held), identities_only=True)) == [
        "agent",
        str(file),
    ]
    assert await _offered(_endpoint(identity_agent=None, identity_files=(file,))) == [str(file)]


def _blob(key: Path) -> bytes:
    import base64

    return base64.b64decode(Path(f"{key}.pub").read_text().split()[1])


@needs_agent
async def test_a_key_that_the_agent_holds_needs_no_passphrase(home: Path, agent: Add) -> None:
    locked = make_key(home / "locked")
    agent(locked)
    run("ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(locked))
    assert await _offered(_endpoint(), locked) == ["agent"]
    (home / "locked.pub").unlink()  # the private file itself says which public key it has
    assert await _offered(_endpoint(), locked) == ["agent"]


async def test_an_encrypted_key_without_an_agent_is_named(home: Path) -> None:
    locked = make_key(home / "locked", passphrase="secret")
    keyring = await Identities().keyring(_endpoint(), locked)
    assert keyring.keys == ()
    assert keyring.encrypted == (locked,)


async def test_an_agent_that_is_gone_is_no_error(home: Path) -> None:
    make_key(home / ".ssh" / "id_ed25519")
    assert len(await _offered(_endpoint(identity_agent=str(home / "no-socket")))) == 1


async def test_a_key_file_is_read_once_and_again_when_it_changes(home: Path) -> None:
    mine = make_key(home / "mine")
    identities = Identities()
    first = await identities.keyring(_endpoint(), mine)
    again = await identities.keyring(_endpoint(), mine)
    assert again.keys[0].pair is first.keys[0].pair
    run("rm", str(mine), f"{mine}.pub")
    make_key(mine)
    changed = await identities.keyring(_endpoint(), mine)
    assert changed.keys[0].pair.key_public_data == _blob(mine)


async def test_a_certificate_beside_its_key_is_offered_first(home: Path) -> None:
    mine, authority = make_key(home / "mine"), make_key(home / "ca")
    run("ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", "ops", f"{mine}.pub")
    keyring = await Identities().keyring(_endpoint(), mine)
    assert [key.pair.get_algorithm() for key in keyring.keys] == [
        "ssh-ed25519-cert-v01@openssh.com",
        "ssh-ed25519",
    ]


async def test_a_certificate_of_the_configuration_is_offered(home: Path) -> None:
    mine, authority = make_key(home / "mine"), make_key(home / "ca")
    run("ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", "ops", f"{mine}.pub")
    elsewhere = home / "certificate.pub"
    (home / "mine-cert.pub").rename(elsewhere)
    endpoint = _endpoint(identity_files=(mine,), certificate_files=(elsewhere,))
    keyring = await Identities().keyring(endpoint, None)
    assert keyring.keys[0].pair.get_algorithm() == "ssh-ed25519-cert-v01@openssh.com"


@needs_agent
async def test_the_agent_logs_in(home: Path, agent: Add) -> None:
    async with odd_server(home) as odd:
        agent(home / "id_ed25519")
        host = odd_host(home, odd, identity=None)
        async with transport_to() as transport:
            done = await transport.run(host, Script("x", "echo hello"), deadline_s=60)
            assert done.stdout == b"hello\n"


async def test_without_any_key_it_is_said_before_anything_is_sent(home: Path) -> None:
    async with odd_server(home) as odd, transport_to() as transport:
        host = odd_host(home, odd, identity=None)
        with pytest.raises(failures.NoUsableKey, match="no default key"):
            await transport.run(host, Script("x", "true"), deadline_s=60)
        assert odd.connections == 0
