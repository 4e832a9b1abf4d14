"""A new host's keys come into known_hosts and an old one's go; ssh-keygen is the oracle."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InputError, RefusedError
from engine.transport.known_hosts import KnownHosts, KnownHostsError, forget, pin

needs_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (OpenSSH) is not installed"
)


def key(number: int, kind: str = "ssh-ed25519") -> str:
    body = bytes([number]) * 32
    parts = b"".join(len(p).to_bytes(4, "big") + p for p in (kind.encode(), body))
    return f"{kind} {base64.b64encode(parts).decode()}"


RSA = key(9, "ssh-rsa")


def known(seen: KnownHosts, path: Path, name: str, port: int = 22) -> list[str]:
    return [f"{e.algorithm} {e.key}" for e in seen.vouched(name, port, [path]).keys]


def test_keys_come_under_each_name_once(tmp_path: Path) -> None:
    path = tmp_path / "ssh" / "known_hosts"
    seen = KnownHosts()
    assert known(seen, path, "server2") == []
    lines = (f"server2 {key(1)}", f"server2 {RSA}", f"192.0.2.7 {key(1)}", f"192.0.2.7 {RSA}")
    names = ("Server2", "192.0.2.7")
    assert pin(path, names, None, (key(1) + " root@server2", RSA)) == lines
    assert known(seen, path, "server2") == [key(1), RSA]
    assert pin(path, names, 22, (key(1), RSA)) == ()
    assert path.read_text() == "".join(f"{line}\n" for line in lines)
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_port_stands_with_the_name(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    assert pin(path, ("server2", "2001:db8::1"), 2222, (key(1),)) == (
        f"[server2]:2222 {key(1)}", f"[2001:db8::1]:2222 {key(1)}",
    )  # fmt: skip
    assert forget(path, ("server2",), 22) == 0
    assert forget(path, ("server2",), 2222) == 1
    assert path.read_text() == f"[2001:db8::1]:2222 {key(1)}\n"


@pytest.mark.parametrize("there", [key(2), RSA])
def test_another_key_is_refused_with_both_fingerprints(tmp_path: Path, there: str) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"server2 {there}\n")
    with pytest.raises(RefusedError) as caught:
        pin(path, ("other", "server2"), None, (key(1),))
    assert caught.value.message.count("SHA256:") == 2
    assert path.read_text() == f"server2 {there}\n"


def test_a_key_of_another_type_joins_one_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"server2 {key(1)}")
    assert pin(path, ("server2",), None, (key(1), RSA)) == (f"server2 {RSA}",)
    assert path.read_text() == f"server2 {key(1)}\nserver2 {RSA}\n"


def test_a_revoked_key_and_a_pattern_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"@revoked * {key(1)}\n")
    with pytest.raises(RefusedError, match="revoked"):
        pin(path, ("server2",), None, (key(1),))
    for name in ("*", "a,b", "!a", "|1|x|y", "a b", "@revoked", "#", "", "-x"):
        with pytest.raises(InputError):
            pin(path, (name,), None, (key(2),))
    assert path.read_text() == f"@revoked * {key(1)}\n"


def test_only_the_hosts_own_entries_go(tmp_path: Path) -> None:
    path = tmp_path / "real"
    path.write_bytes(
        b"# server1 was here\r\n"
        b"server1 ssh-ed25519 AAAA old\n"
        b"  alias,SERVER1,192.0.2.1,other \tssh-rsa  BBBB x\r\n"
        b"server1,192.0.2.1 ssh-rsa CCCC\n"
        b"server1.example.com ssh-rsa DDDD\n"
        b"[server1]:2222 ssh-rsa EEEE\n"
        b"@cert-authority server1 ssh-rsa FFFF\n"
        b"@revoked server1 ssh-rsa GGGG\n"
        b"server?,server1 ssh-rsa HHHH\n"
        b"\n\xff\xfe server1\n"
        b"|1|bad ssh-rsa IIII"
    )
    path.chmod(0o644)
    link = tmp_path / "known_hosts"
    link.symlink_to("real")
    assert forget(link, ("server1", "192.0.2.1"), None) == 5
    assert path.read_bytes() == (
        b"# server1 was here\r\n"
        b"  alias,other \tssh-rsa  BBBB x\r\n"
        b"server1.example.com ssh-rsa DDDD\n"
        b"[server1]:2222 ssh-rsa EEEE\n"
        b"@cert-authority server1 ssh-rsa FFFF\n"
        b"@revoked server1 ssh-rsa GGGG\n"
        b"server?,server1 ssh-rsa HHHH\n"
        b"\n\xff\xfe server1\n"
        b"|1|bad ssh-rsa IIII"
    )
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o644
    assert forget(link, ("server1", "192.0.2.1"), None) == 0
    assert sorted(os.listdir(tmp_path)) == ["known_hosts", "real"]


def test_the_index_notices(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    seen = KnownHosts()
    pin(path, ("server1", "server2"), None, (key(1),))
    assert known(seen, path, "server1") == [key(1)]
    assert forget(path, ("server1",), None) == 1
    assert known(seen, path, "server1") == []
    assert known(seen, path, "server2") == [key(1)]


def test_no_file_has_nothing_to_forget(tmp_path: Path) -> None:
    assert forget(tmp_path / "none", ("a",), None) == 0
    with pytest.raises(KnownHostsError):
        forget(tmp_path, ("a",), None)


@needs_keygen
def test_hashed_entries_go_and_ssh_keygen_finds_none(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    pin(path, ("server1", "server2", "192.0.2.1"), None, (key(1),))
    pin(path, ("server1",), 2222, (key(1),))

    def found(name: str) -> bool:
        call = ["ssh-keygen", "-F", name, "-f", str(path)]
        return subprocess.run(call, capture_output=True, check=False).returncode == 0

    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], capture_output=True, check=True)
    assert path.read_text().count("|1|") == 4
    assert found("server1")
    assert found("[server1]:2222")
    assert pin(path, ("server1",), None, (key(1),)) == ()
    with pytest.raises(RefusedError):
        pin(path, ("server1",), None, (key(2),))
    assert forget(path, ("server1", "192.0.2.1"), None) == 2
    assert [found(n) for n in ("server1", "192.0.2.1", "server2", "[server1]:2222")] == [
        False, False, True, True,
    ]  # fmt: skip


NAMES = st.sampled_from(["a", "b", "server1", "192.0.2.1", "::1"])
LINES = st.lists(
    st.lists(NAMES, min_size=1, max_size=3).map(lambda n: f"{','.join(n)} {key(1)}")
    | st.sampled_from(["# a", "", "@revoked a ssh-rsa A", "*.x ssh-rsa A", "a", "a  "])
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.lists(NAMES, unique=True, max_size=3))
def test_others_keep_their_keys(tmp_path: Path, lines: list[str], names: list[str]) -> None:
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines))
    everyone = ("a", "b", "server1", "192.0.2.1", "::1")
    before = {name: known(KnownHosts(), path, name) for name in everyone}
    count = forget(path, tuple(names), None)
    after = {name: known(KnownHosts(), path, name) for name in everyone}
    assert after == {name: [] if name in names else found for name, found in before.items()}
    assert count == sum(len(before[name]) for name in names)
    assert forget(path, tuple(names), None) == 0
