"""The OpenSSH client configuration; `ssh -G` is the oracle wherever it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.transport.client_config import ClientConfig, ClientConfigError, Endpoint, split_words

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh (OpenSSH) is not installed")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def _config(home: Path, text: str) -> ClientConfig:
    (home / ".ssh" / "config").write_text(text)
    return ClientConfig(home / ".ssh" / "config", None)


def _oracle(home: Path, alias: str, *options: str) -> dict[str, list[str]]:
    done = subprocess.run(
        ["ssh", "-G", "-F", str(home / ".ssh" / "config"), *options, alias],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


CONFIG = """
# comment
Host web1 web2
    HostName %h.example.com
    User deploy   # a comment at the end
    Port 2222
    IdentityFile /keys/id_%h_%r
    IdentityFile "/keys/with blank"
Host web* !web9
    User late
    ServerAliveInterval 1m30s
    ServerAliveCountMax=7
Host "quoted"
    HostName=equals.example.com
    IdentitiesOnly yes
    IdentityFile none
Host inner
    ProxyJump bastion,ops@other:2022
Host jumpless
    ProxyJump none
Host command
    ProxyCommand nc -X connect  %h %p # not a comment
Host both
    ProxyCommand none
    ProxyJump bastion
Host alias
    HostKeyAlias shared
    UserKnownHostsFile /kh/one /kh/%k "/kh/with blank"
    GlobalKnownHostsFile /kh/global
Match originalhost matched user root
    Port 2001
Match host *.example.com,!web2.example.com
    IdentityFile /keys/by-hostname
Match exec "test %n = executed"
    Port 2003
Match !exec "true"
    Port 1
Match final host final.example.com
    User finally
Host final
    HostName final.example.com
Host v6
    AddressFamily inet6
    BindAddress ::1
    HostName fe80::1%%eth0
Host agentless
    IdentityAgent none
Host agent
    IdentityAgent /run/%u/agent
Host *
    User everyone
    CertificateFile /keys/cert.pub
"""
ALIASES = [
    *("web1", "web2", "web3", "web9", "quoted", "inner", "jumpless", "command", "both", "alias"),
    *("matched", "executed", "final", "v6", "agentless", "agent", "192.0.2.7", "unknown"),
]


def _same_files(ours: tuple[Path, ...], theirs: list[str]) -> bool:
    return [str(path) for path in ours] == [os.path.expanduser(word) for word in theirs]


@needs_ssh
@pytest.mark.parametrize("alias", ALIASES)
def test_it_is_read_as_ssh_reads_it(alias: str, home: Path) -> None:
    ours = _config(home, CONFIG).resolve(alias)
    theirs = _oracle(home, alias)
    assert ours.hostname == theirs["hostname"][0]
    assert ours.user == theirs["user"][0]
    assert str(ours.port) == theirs["port"][0]
    assert ours.identities_only == (theirs["identitiesonly"] == ["yes"])
    assert ",".join(ours.proxy_jump) == theirs.get("proxyjump", [""])[0].replace("none", "")
    assert ours.host_key_alias == theirs.get("hostkeyalias", [None])[0]
    if "proxycommand" in theirs:
        wanted = theirs["proxycommand"][0]
        expanded = wanted.replace("%h", ours.hostname).replace("%p", str(ours.port))
        assert (ours.proxy_command or "none") == expanded
    assert (ours.alive_interval_s or 0) == int(theirs["serveraliveinterval"][0])
    assert (ours.alive_count or 3) == int(theirs["serveralivecountmax"][0])
    assert {"AF_INET6": "inet6", "AF_INET": "inet", "AF_UNSPEC": "any"}[
        ours.address_family.name
    ] == theirs["addressfamily"][0]


@needs_ssh
@pytest.mark.parametrize("alias", ["web1", "web2", "web3", "unknown"])
def test_identity_files_add_up(alias: str, home: Path) -> None:
    ours = _config(home, CONFIG).resolve(alias)
    theirs = _oracle(home, alias)["identityfile"]
    expanded = [f.replace("%h", ours.hostname).replace("%r", ours.user) for f in theirs]
    if ours.identity_files is None:
        assert any("id_ed25519" in file for file in theirs)  # the defaults
    else:
        assert _same_files(ours.identity_files, expanded)
    assert _same_files(ours.certificate_files, _oracle(home, alias)["certificatefile"])


def test_files_of_host_keys(home: Path) -> None:
    config = _config(home, CONFIG)
    alias = config.resolve("alias")
    assert [str(p) for p in alias.known_hosts] == ["/kh/one", "/kh/shared", "/kh/with blank"]
    assert [str(p) for p in alias.global_known_hosts] == ["/kh/global"]
    plain = config.resolve("unknown")
    assert [str(p) for p in plain.known_hosts] == [
        f"{home}/.ssh/known_hosts",
        f"{home}/.ssh/known_hosts2",
    ]
    assert str(plain.global_known_hosts[0]) == "/etc/ssh/ssh_known_hosts"


def test_no_known_hosts_file_never_means_any_key_will_do(home: Path) -> None:
    ours = _config(home, "UserKnownHostsFile none\nStrictHostKeyChecking no\n").resolve("h")
    assert ours.known_hosts == ()


def test_which_agent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/default")
    monkeypatch.setenv("MY_AGENT", "/run/mine")
    config = _config(home, CONFIG + "\nHost named\nIdentityAgent $MY_AGENT\n")
    assert config.resolve("unknown").identity_agent == "/run/default"
    assert config.resolve("agentless").identity_agent is None
    assert (
        config.resolve("agent").identity_agent == f"/run/{config.resolve('x').user and _me()}/agent"
    )
    config = _config(home, "Host named\nIdentityAgent $MY_AGENT\n")
    assert config.resolve("named").identity_agent == "/run/mine"
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert _config(home, "").resolve("h").identity_agent is None


def _me() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


@needs_ssh
def test_user_and_port_of_the_inventory_win_and_are_matched(home: Path) -> None:
    config = _config(home, CONFIG)
    ours = config.resolve("matched", "root", None)
    assert (ours.user, ours.port) == ("root", 2001)
    assert _oracle(home, "matched", "-l", "root")["port"] == ["2001"]
    ours = config.resolve("web1", "someone", 99)
    assert (ours.user, ours.port, ours.hostname) == ("someone", 99, "web1.example.com")


INCLUDES = {
    "config": "Include conf.d/*.conf\nHost outer\n  Include inner.conf\n  Port 3\n"
    "Host *\n  Port 9\n",
    "conf.d/10-a.conf": "Host a\n  Port 1\n",
    "conf.d/20-b.conf": "Host b\n  Port 2\n",
    "conf.d/ignored.txt": "Port 77\n",
    "inner.conf": "Host outer\n  User inner\nHost a\n  User never\n",
}


@needs_ssh
@pytest.mark.parametrize("alias", ["a", "b", "outer", "other"])
def test_includes_are_read_where_they_stand(alias: str, home: Path) -> None:
    for name, text in INCLUDES.items():
        path = home / ".ssh" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("Include ", f"Include {home}/.ssh/"))
    config = ClientConfig(home / ".ssh" / "config", None)
    ours, theirs = config.resolve(alias), _oracle(home, alias)
    assert (ours.user, str(ours.port)) == (theirs["user"][0], theirs["port"][0])


def test_an_include_is_relative_to_the_users_directory(home: Path) -> None:
    for name, text in INCLUDES.items():
        (home / ".ssh" / name).parent.mkdir(exist_ok=True)
        (home / ".ssh" / name).write_text(text)
    config = ClientConfig(home / ".ssh" / "config", None)
    assert [config.resolve(alias).port for alias in ("a", "b", "c")] == [1, 2, 9]


def test_files_are_read_once_and_again_when_they_change(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    original = Path.read_text

    def counted(self: Path, *args: str, **kwargs: str) -> str:
        read.append(self)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", counted)
    config = _config(home, "Include extra.d/*\nHost a\nPort 1\n")
    for alias in ("a", "b", "c", "a"):
        config.resolve(alias)
    assert len(read) == 1
    _config(home, "Include extra.d/*\nHost a\nPort 22222\n")
    assert config.resolve("a").port == 22222
    (home / ".ssh" / "extra.d").mkdir()
    (home / ".ssh" / "extra.d" / "new").write_text("Host a\nPort 5\n")
    assert config.resolve("a").port == 5


def test_the_machines_configuration_comes_second(home: Path, tmp_path: Path) -> None:
    system = tmp_path / "ssh_config"
    system.write_text("Host *\nPort 7\nUser machine\n")
    (home / ".ssh" / "config").write_text("Host a\nPort 1\n")
    config = ClientConfig(home / ".ssh" / "config", system)
    assert (config.resolve("a").port, config.resolve("a").user) == (1, "machine")
    assert config.resolve("b").port == 7


def test_without_files_the_defaults_count(home: Path) -> None:
    ours = ClientConfig(None, home / "none").resolve("h")
    assert isinstance(ours, Endpoint)
    assert (ours.hostname, ours.port, ours.user) == ("h", 22, _me())
    assert ours.identity_files is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('Host a\nUser "open\n', r"config:2: a quote is not closed"),
        ("Port many\n", "Port many"),
        ("ServerAliveInterval soon\n", "ServerAliveInterval soon"),
        ("HostName %Z\n", "%Z means nothing"),
        ("IdentityFile ${NOT_SET_ANYWHERE}/k\n", "NOT_SET_ANYWHERE"),
        ("Match localnetwork 10.0.0.0/8\n", "config:1: hostshift does not know"),
        ("Match host\n", "config:1: Match host needs an argument"),
        ("Include loop\n", "nested deeper"),
    ],
)
def test_what_can_not_be_used_is_told(text: str, told: str, home: Path) -> None:
    (home / ".ssh" / "loop").write_text("Include loop\n")
    with pytest.raises(ClientConfigError, match=told) as caught:
        _config(home, text).resolve("h")
    assert caught.value.exit_status == 2
    assert caught.value.hint


def test_unknown_keywords_are_left_alone(home: Path) -> None:
    assert _config(home, "UseKeychain yes\nFooBar baz\nPort 3\n").resolve("h").port == 3


def test_a_command_of_match_is_run_once_and_only_when_it_decides(home: Path) -> None:
    count = home / "count"
    config = _config(home, f'Match originalhost a exec "echo >>{count}"\nPort 5\n')
    assert config.resolve("b").port == 22
    assert not count.exists()
    assert config.resolve("a").port == 5
    config.resolve("a", "other")
    assert count.read_text() == "\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ('"a b" c', ["a b", "c"]),
        ("'a b' c", ["a b", "c"]),
        ("a\\ b c", ["a b", "c"]),
        ('"a\\"b"', ['a"b']),
        ("a#b #c", ["a#b"]),
        ("C:\\path", ["C:\\path"]),
        ("", []),
    ],
)
def test_words_of_a_line(text: str, words: list[str]) -> None:
    assert split_words(text) == words
