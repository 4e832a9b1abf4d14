"""The command for a terminal, as OpenSSH's own client understands it (ssh -G, ssh(1))."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from engine.model.host import Host
from engine.transport.by_hand import shell_words

BASTION = Host("bastion", "192.0.2.9", user="jo%e", port=2200, identity=Path("/k/o d"), jump="edge")
KNOWN = {host.name: host for host in (BASTION, Host("edge", "edge.example.com", user="me"))}


def understood(host: Host) -> dict[str, str]:
    """ssh's own words for what it would do, without anybody's configuration."""
    program = shutil.which("ssh")
    if program is None:
        pytest.skip("there is no OpenSSH client on this machine")
    words = shell_words(host, KNOWN)
    assert words[0] == "ssh"
    done = subprocess.run(
        [program, "-G", "-F", "none", *words[1:]],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    first: dict[str, str] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        first.setdefault(key, value)
    return first


def test_what_the_inventory_says_is_what_ssh_does(tmp_path: Path) -> None:
    key = tmp_path / "db 1"
    key.touch()  # ssh passes over a key that isn't there, and says so
    said = understood(
        Host("db1", "db1.example.com", user="ops", port=2222, identity=key,
             known_hosts=Path("/known hosts"))
    )  # fmt: skip
    assert (said["user"], said["port"]) == ("ops", "2222")
    assert said["identityfile"] == str(key)
    assert said["userknownhostsfile"] == "/known hosts"


def test_what_it_does_not_say_is_the_clients() -> None:
    assert shell_words(Host("db1", "db1"), {}) == ("ssh", "--", "db1")
    assert understood(Host("db1", "db1", jump="none")).get("proxyjump", "none") == "none"
    assert understood(Host("db1", "db1", jump="a@b:22,c"))["proxyjump"] == "a@b:22,c"


def test_other_hosts_of_the_inventory_are_passed_with_their_own_words() -> None:
    proxy = understood(Host("db1", "db1", jump="bastion"))["proxycommand"]
    # As ssh gives it to a shell, once its tokens are taken out.
    words = _shell_splits(proxy.replace("[%h]:%p", "[db1]:22").replace("%%", "%"))
    assert words[:7] == ["ssh", "-p", "2200", "-l", "jo%e", "-i", "/k/o d"]
    assert words[-4:] == ["-W", "[db1]:22", "--", "192.0.2.9"]
    inner = words[words.index("-o") + 1].removeprefix("ProxyCommand=")
    assert _shell_splits(inner) == [
        "ssh", "-l", "me", "-W", "[%h]:%p", "--", "edge.example.com",
    ]  # fmt: skip
    mixed = understood(Host("db1", "db1", jump="edge,ann@last:2022"))["proxycommand"]
    assert mixed.endswith("-W '[%h]:%p' -- ssh://ann@last:2022")


def _shell_splits(line: str) -> list[str]:
    done = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True,
        timeout=30,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_this_machine_gives_the_users_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Host("laptop", "laptop", transport="local")
    monkeypatch.setenv("SHELL", "/bin/fish")
    assert shell_words(here, {}) == ("/bin/fish",)
    monkeypatch.delenv("SHELL")
    assert shell_words(here, {}) == ("/bin/sh",)
