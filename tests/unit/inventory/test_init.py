"""`hostshift init`: OpenSSH and Ansible files become an inventory that check accepts."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.inventory import Inventory, load
from engine.inventory.importing import read_source, write_inventory
from engine.inventory.importing.ansible import expand
from tui.__main__ import main


def imported(tmp_path: Path, text: str, name: str = "hosts") -> tuple[Inventory, str]:
    """The inventory made of a file, and its text."""
    source = tmp_path / name
    source.write_text(textwrap.dedent(text), encoding="utf-8")
    written = write_inventory(read_source(source))
    target = tmp_path / "inventory.toml"
    target.write_text(written, encoding="utf-8")
    return load(target), written


SSH = """\
    # comment
    Include conf.d/*.conf missing/*
    Host bastion gate.example.com
        HostName 192.0.2.1
        User ops
    Host web1 web2 web2.example.com !db1 web-*
        ProxyJump bastion
    Host github.com
        User git
    Host root-box
        HostName=192.0.2.9
        User root
    Host bastion-as-root
        HostName 192.0.2.1
    Host bastion-other-port
        HostName 192.0.2.1
        Port 2222
    Match exec "touch {mark}" host x
        User nobody
    Match host secret
    Host * ?x
        User fallback
    Host "quoted name" a/b
    Host web1
        User again
    """


def test_an_openssh_configuration_gives_names_and_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "more.conf").write_text("Host db1\n  HostName 192.0.2.7\n")
    inventory, text = imported(tmp_path, SSH.replace("{mark}", str(mark)), "config")
    assert [host.name for host in inventory.hosts] == [
        "db1",
        "bastion",
        "web1",
        "web2",
        "root-box",
        "bastion-other-port",
    ]
    assert not mark.exists()
    assert all(host.user is None and host.port is None for host in inventory.hosts)
    assert [host.address for host in inventory.hosts] == [host.name for host in inventory.hosts]
    assert inventory.host("root-box").become == "none"
    assert inventory.host("web1").become == "sudo"
    assert "# github.com: its user is git: a forge, not a server" in text
    assert "# gate.example.com: the same machine as bastion" in text
    assert "# web2.example.com: the same machine as web2" in text
    assert "# bastion-as-root: the same HostName and Port as bastion" in text
    assert "# quoted name: not a name that a host can have; write it by hand" in text
    assert "# a/b: not a name that a host can have; write it by hand" in text


def test_includes_that_go_round_end(tmp_path: Path) -> None:
    inventory, _ = imported(tmp_path, f"Include {tmp_path}/config\nHost a\n", "config")
    assert [host.name for host in inventory.hosts] == ["a"]


def test_an_ansible_inventory_in_ini_form(tmp_path: Path) -> None:
    inventory, text = imported(
        tmp_path,
        """\
        # comment
        ; comment
        mail.example.com ansible_host=192.0.2.25 http="a b"   # comment
        here ansible_connection=local

        [web]
        web[01:03].example.com
        db-[a:b]:2222 ansible_user='admin'
        port.example.com:8022
        [2001:db8::2]:24

        [production:children]
        web

        [web:vars]
        ansible_user = deploy
        ansible_become=yes
        ansible_ssh_common_args=-o ProxyJump=bastion -o Foo=bar

        [production:vars]
        ansible_user=wrong
        ansible_port=9

        [all:vars]
        ansible_become=false
        ansible_ssh_private_key_file=~/.ssh/fleet

        [spare]
        mail.example.com
        template ansible_host="{{ lookup('x') }}"
        same ansible_host=192.0.2.25
        other ansible_ssh_common_args='-J ops@gate:22'
        old ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p -q gate2"'
        """,
    )
    names = [host.name for host in inventory.hosts]
    assert names[:2] == ["mail.example.com", "here"]
    assert [host.name for host in inventory.hosts if "web" in host.groups] == [
        "web01.example.com",
        "web02.example.com",
        "web03.example.com",
        "db-a",
        "db-b",
        "port.example.com",
        "2001-db8-2",
    ]
    assert inventory.host("2001-db8-2").address == "2001:db8::2"
    assert inventory.host("2001-db8-2").port == 24
    mail, web = inventory.host("mail.example.com"), inventory.host("web02.example.com")
    assert (mail.address, mail.port, mail.groups, mail.become) == (
        "192.0.2.25",
        None,
        ("spare",),
        "none",
    )
    assert mail.identity == Path("~/.ssh/fleet").expanduser()
    assert (web.user, web.port, web.jump, web.become) == ("deploy", 9, "bastion", "sudo")
    assert web.groups == ("production", "web")
    assert (inventory.host("db-a").user, inventory.host("db-a").port) == ("admin", 2222)
    assert inventory.host("port.example.com").port == 8022
    assert inventory.host("here").transport == "local"
    assert inventory.host("template").address == "template"
    assert inventory.host("other").jump is None
    assert inventory.host("old").jump == "gate2"
    assert "# jump: ops@gate:22 belongs into the OpenSSH client configuration" in text
    assert "# template: ansible_host is a template and was left out." in text
    assert "# same: the same machine as mail.example.com" in text


def test_what_ansible_inventory_prints(tmp_path: Path) -> None:
    inventory, _ = imported(
        tmp_path,
        """\
        {"_meta": {"hostvars": {"a": {"ansible_host": "192.0.2.1", "ansible_port": 2022,
                                      "nested": {"x": 1}}, "b": {}}},
         "all": {"children": ["ungrouped", "web"]}, "web": {"hosts": ["a", "b"]}}
        """,
    )
    assert (inventory.host("a").address, inventory.host("a").port) == ("192.0.2.1", 2022)
    assert inventory.host("b").groups == ("web",)


def test_jump_hosts_that_form_a_circle_are_told_and_left_out(tmp_path: Path) -> None:
    inventory, text = imported(
        tmp_path,
        "a ansible_ssh_common_args='-J b'\nb ansible_ssh_common_args='-J a'\n[g]\nc\n",
    )
    assert [host.jump for host in inventory.hosts] == [None, "a", None]
    assert "# a: its jump hosts form a circle and were left out." in text


REFUSED = [
    ("hosts.yml", "all:\n  hosts:\n    a:\n", "is YAML, which hostshift doesn't read"),
    ("hosts", "---\nall:\n", "is YAML, which hostshift doesn't read"),
    ("hosts", "{", "is not what ansible-inventory prints"),
    ("hosts", '{"g": []}', "is not what ansible-inventory prints"),
    ("hosts", "[g]\nweb[3:1]\n", "hosts:2: the range [3:1] runs backwards or too far"),
    ("hosts", "[g]\nweb[01:100]\n", "hosts:2: the ends of the range [01:100] must be equally long"),
    ("hosts", "web[1:999999999]\n", "hosts:1: over 100000 hosts"),
    ("hosts", "a b\n", "hosts:1: expected NAME=VALUE after the host, not 'b'"),
    ("hosts", "[g:odd]\na\n", "hosts:2: unknown kind of section [g:odd]"),
    ("hosts", "a x='\n", "hosts:1: No closing quotation"),
    ("config", "Host *\n  User x\n", "There is no host in"),
    ("hosts", "", "There is no host in"),
    ("hosts", "a\0b", "is no text file of hosts"),
]


@pytest.mark.parametrize(("name", "text", "expected"), REFUSED)
def test_what_cannot_be_imported_is_told(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    source = tmp_path / name
    source.write_text(text)
    with pytest.raises(InputError) as raised:
        read_source(source)
    assert expected in raised.value.message
    assert raised.value.hint


def test_yaml_is_told_with_the_way_through_ansible(tmp_path: Path) -> None:
    source = tmp_path / "hosts.yml"
    source.write_text("all:\n")
    with pytest.raises(InputError) as raised:
        read_source(source)
    assert f"ansible-inventory -i {source} --list > hosts.json" in raised.value.hint
    assert "hostshift init --from hosts.json" in raised.value.hint


def test_ranges_as_ansible_expands_them() -> None:
    assert list(expand("web[01:03]")) == ["web01", "web02", "web03"]
    assert list(expand("web[0:9:3].x")) == ["web0.x", "web3.x", "web6.x", "web9.x"]
    assert list(expand("[a:c]-[1:2]")) == ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"]
    assert list(expand("[y:B]")) == ["y", "z", "A", "B"]
    assert list(expand("x[:2]")) == ["x0", "x1", "x2"]
    assert list(expand("plain")) == ["plain"]


def test_init_prints_or_writes_and_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["init"]) == 2
    assert "can't be read" in capsys.readouterr().err
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host web1\n")
    assert main(["init"]) == 0
    printed = capsys.readouterr().out
    assert "[hosts.web1]" in printed
    target = tmp_path / "new.toml"
    assert main(["--read-only", "init", "--output", str(target)]) == 5
    assert not target.exists()
    assert main(["init", "--output", str(target)]) == 0
    assert target.read_text() == printed
    target.write_text("mine")
    assert main(["init", "--output", str(target)]) == 2
    assert target.read_text() == "mine"
    assert "is not overwritten" in capsys.readouterr().err
