"""The index of known_hosts; `ssh-keygen -F` is the oracle wherever it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from engine.model.facts import HostKeyOffer
from engine.transport.known_hosts import (
    KnownHosts,
    KnownHostsError,
    accept_host_keys,
    fingerprint,
    name_in_file,
)

needs_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (OpenSSH) is not installed"
)
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAI{}"


def _key(name: str) -> str:
    return KEY.format(name.ljust(43, "A")[:43].replace(".", "+"))


LINES = [
    f"plain.example.com ssh-ed25519 {_key('plain')} a comment",
    f"one,two,192.0.2.1 ssh-ed25519 {_key('list')}",
    f"[port.example.com]:2222 ssh-ed25519 {_key('port')}",
    f"port.example.com ssh-ed25519 {_key('noport')}",
    f"*.wild.example.com,!bad.wild.example.com ssh-ed25519 {_key('wild')}",
    f"10.0.?.1 ssh-ed25519 {_key('question')}",
    "# a comment",
    "",
    f"@cert-authority *.ca.example.com ssh-ed25519 {_key('ca')}",
    f"@revoked * ssh-ed25519 {_key('revoked')}",
    f"both.example.com ssh-ed25519 {_key('revoked')}",
    f"both.example.com ssh-ed25519 {_key('both')}",
    "1024 35 1234567 old.example.com",
    "@unknown-marker plain.example.com ssh-ed25519 AAAA",
    "garbage",
    "|1|not|base64 ssh-ed25519 AAAA",
    f"  indented.example.com\tssh-ed25519\t{_key('indented')}",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(LINES) + "\n")
    return path


def _found(file: Path, host: str, port: int = 22) -> list[str]:
    return [entry.key for entry in KnownHosts().vouched(host, port, [file]).keys]


@pytest.mark.parametrize(
    ("host", "port", "keys"),
    [
        ("plain.example.com", 22, ["plain"]),
        ("PLAIN.Example.com", 22, ["plain"]),
        ("two", 22, ["list"]),
        ("192.0.2.1", 22, ["list"]),
        ("port.example.com", 2222, ["port"]),
        ("port.example.com", 22, ["noport"]),
        ("port.example.com", 2, ["noport"]),
        ("x.wild.example.com", 22, ["wild"]),
        ("bad.wild.example.com", 22, []),
        ("wild.example.com", 22, []),
        ("10.0.7.1", 22, ["question"]),
        ("10.0.77.1", 22, []),
        ("both.example.com", 22, ["both"]),
        ("indented.example.com", 22, ["indented"]),
        ("unknown", 22, []),
        ("old.example.com", 22, []),
        ("lain.example.com", 22, []),
    ],
)
def test_lookup(host: str, port: int, keys: list[str], file: Path) -> None:
    assert _found(file, host, port) == [_key(name) for name in keys]


def test_markers(file: Path) -> None:
    vouched = KnownHosts().vouched("x.ca.example.com", 22, [file])
    assert [entry.key for entry in vouched.authorities] == [_key("ca")]
    assert vouched.keys == ()
    assert [entry.key for entry in vouched.revoked] == [_key("revoked")]
    assert [entry.where for entry in vouched.revoked] == [f"{file}:10"]


def test_a_key_without_the_port_is_no_evidence_of_a_change(file: Path) -> None:
    """ssh(1) takes it when it matches, and asks like for an unknown one when it doesn't."""
    vouched = KnownHosts().vouched("plain.example.com", 2022, [file])
    assert [entry.key for entry in vouched.keys] == [_key("plain")]
    assert vouched.evidence == ()
    assert KnownHosts().vouched("plain.example.com", 22, [file]).evidence != ()


@needs_keygen
@pytest.mark.parametrize("host", ["plain.example.com", "two", "x.wild.example.com", "unknown"])
def test_it_finds_what_ssh_keygen_finds(host: str, tmp_path: Path) -> None:
    """Plain, and after the names were hashed."""
    keys = []
    for name in ("a", "b"):
        path = tmp_path / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=60
        )
        keys.append(" ".join(path.with_suffix(".pub").read_text().split()[:2]))
    file = tmp_path / "known_hosts"
    file.write_text(
        f"plain.example.com {keys[0]}\none,two {keys[1]}\n*.wild.example.com {keys[0]}\n"
    )
    for step in ("plain", "hashed"):
        if step == "hashed":
            subprocess.run(
                ["ssh-keygen", "-H", "-f", str(file)], check=False, capture_output=True, timeout=60
            )
            assert "|1|" in file.read_text()
        done = subprocess.run(
            ["ssh-keygen", "-F", host, "-f", str(file)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        theirs = [line.split()[-1] for line in done.stdout.splitlines() if line[:1] != "#"]
        assert _found(file, host) == theirs, step


@needs_keygen
def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    import base64

    path = tmp_path / "k"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=60
    )
    public = path.with_suffix(".pub").read_text().split()[1]
    done = subprocess.run(
        ["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert fingerprint(base64.b64decode(public)) == done.stdout.split()[1]


def test_several_files_add_up_and_a_missing_one_is_no_error(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(f"plain.example.com ssh-rsa {_key('other')}\n")
    vouched = KnownHosts().vouched("plain.example.com", 22, [file, tmp_path / "no", other])
    assert [(e.key, e.file) for e in vouched.keys] == [
        (_key("plain"), file),
        (_key("other"), other),
    ]


def test_a_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(KnownHostsError, match="directory can't be read"):
        KnownHosts().vouched("h", 22, [tmp_path / "directory"])


def test_files_are_read_once_and_again_when_they_change(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    original = Path.read_text

    def counted(self: Path, *args: str, **kwargs: str) -> str:
        reads.append(self)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", counted)
    known = KnownHosts()
    for host in ("one", "two", "three", "one"):
        known.vouched(host, 22, [file])
    assert len(reads) == 1
    with file.open("a") as opened:
        opened.write(f"three ssh-ed25519 {_key('three')}\n")
    assert [e.key for e in known.vouched("three", 22, [file]).keys] == [_key("three")]
    assert len(reads) == 2


def test_hashed_names_are_walked_once_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64
    import hashlib
    import hmac

    def line(name: str) -> str:
        salt = hashlib.sha1(name.encode()).digest()
        digest = hmac.digest(salt, name.encode(), "sha1")
        parts = [base64.b64encode(part).decode() for part in (salt, digest)]
        return f"|1|{parts[0]}|{parts[1]} ssh-ed25519 {_key(name)}"

    file = tmp_path / "known_hosts"
    file.write_text("".join(f"{line(f'h{n}')}\n" for n in range(100)))
    known = KnownHosts()
    walked = 0
    original = hmac.digest

    def counted(key: bytes, message: bytes, digest: str) -> bytes:
        nonlocal walked
        walked += 1
        return original(key, message, digest)

    monkeypatch.setattr("engine.transport.known_hosts.hmac.digest", counted)
    for _ in range(5):
        assert [e.key for e in known.vouched("h7", 22, [file]).keys] == [_key("h7")]
    assert walked == 100


def test_names_in_the_file() -> None:
    assert name_in_file("Host.Example.COM", 22) == "host.example.com"
    assert name_in_file("h", 2222) == "[h]:2222"
    assert name_in_file("fe80::1", 22) == "fe80::1"


def _offer(file: Path, name: str) -> HostKeyOffer:
    line = f"{name} ssh-ed25519 {_key(name)}"
    return HostKeyOffer(name, name, 22, "ssh-ed25519", "SHA256:x", line, str(file))


def test_accepted_keys_are_found_at_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "known_hosts"
    known = KnownHosts()
    assert known.vouched("h1", 22, [file]).keys == ()
    accept_host_keys([_offer(file, f"h{n}") for n in range(50)])
    assert all(known.vouched(f"h{n}", 22, [file]).keys for n in range(50))
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_accepting_keeps_what_is_there_and_adds_nothing_twice(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"old ssh-ed25519 {_key('old')}")  # without a newline at its end
    file.chmod(0o644)
    offers = [_offer(file, "a"), _offer(file, "b"), _offer(file, "a")]
    accept_host_keys(offers)
    accept_host_keys(offers)
    names = [line.split()[0] for line in file.read_text().splitlines()]
    assert names == ["old", "a", "b"]
    assert file.stat().st_mode & 0o777 == 0o644


def test_accepting_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "known_hosts").symlink_to(tmp_path / "real")
    accept_host_keys([_offer(tmp_path / "known_hosts", "a")])
    assert (tmp_path / "real").read_text().startswith("a ")
    assert (tmp_path / "known_hosts").is_symlink()


def test_two_who_accept_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    threads = [
        threading.Thread(target=accept_host_keys, args=([_offer(file, f"h{n}")],))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.split()[0] for line in file.read_text().splitlines()) == sorted(
        f"h{n}" for n in range(20)
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("")
    file.chmod(0o400)
    with pytest.raises(KnownHostsError, match="can't be written"):
        accept_host_keys([_offer(file, "a")])


def test_a_file_in_the_place_of_a_directory_is_told_and_the_others_are_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KnownHostsError, match="can't be written"):
        accept_host_keys([_offer(tmp_path / "file" / "x", "a"), _offer(tmp_path / "good", "b")])
    assert (tmp_path / "good").read_text().startswith("b ")
