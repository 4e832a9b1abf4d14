"""The successor's name: the next number that nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.inventory import Inventory
from engine.successor import Successor, follows, names_of, propose
from tests.unit.builders import host, service


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("server1", "server2"),
        ("server9", "server10"),
        ("server", "server2"),
        ("web01", "web02"),
        ("web09", "web10"),
        ("web99", "web100"),
        ("web000", "web001"),
        ("server1.servers.example.com", "server2.servers.example.com"),
        ("host.dc2.example.com", "host2.dc2.example.com"),
        ("db1-fra", "db2-fra"),
        ("rack12-web3", "rack12-web4"),
        ("1", "2"),
        ("192.0.2.10", "server1"),
        ("id" + "7" * 30, "id" + "7" * 30 + "2"),
        ("a" * 63, "a" * 62 + "2"),
        ("a" * 62 + "9.example.com", "a" * 61 + "10.example.com"),
    ],
)
def test_the_next_number(name: str, expected: str) -> None:
    old = host(name, address="192.0.2.1")
    assert propose(old, ()).name == expected
    assert follows(old, expected)
    assert not follows(old, name)


@pytest.mark.parametrize(
    "name", ["server1", "server0", "server02", "server", "db2", "server2x", "server2.a", "2", ""]
)
def test_what_is_no_successor_of_a_host(name: str) -> None:
    assert not follows(host("server1", address="192.0.2.1"), name)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (["server1"], "server2"),
        (["server2"], "server3"),
        (["server2", "server3", "server5"], "server4"),
        (["SERVER2."], "server3"),
        (["server02"], "server3"),
        (["server2.other.example.org"], "server3"),  # somebody may call it by its short name
        (["server20", "server2x", "xserver2", "192.0.2.2"], "server2"),
    ],
)
def test_what_is_taken_is_passed_over(taken: list[str], expected: str) -> None:
    assert propose(host("server1", address="192.0.2.1"), taken).name == expected


def test_names_with_domains_are_compared_whole() -> None:
    old = host("server1.a.example.com", address="server1.a.example.com")
    assert propose(old, ["server2.b.example.com"]).name == "server2.a.example.com"
    assert propose(old, ["server2.A.example.com."]).name == "server3.a.example.com"
    assert propose(old, ["server2"]).name == "server3.a.example.com"


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("server1", "server1.servers.example.com", "server2.servers.example.com"),
        ("Server1", "server1.example.com.", "Server2.example.com"),
        ("db1.fra", "db1.fra.example.com", "db2.fra.example.com"),
        ("server1.example.com", "server1.example.com", "server2.example.com"),
        ("server1", "server1", None),
        ("server1", "192.0.2.1", None),
        ("server1", "2001:db8::1", None),
        ("server1", "alias.example.com", None),
    ],
)
def test_the_address_follows_where_it_is_the_name(
    name: str, address: str, expected: str | None
) -> None:
    assert propose(host(name, address=address), ()).address == expected


def test_the_address_must_be_free_too() -> None:
    old = host("server1", address="server1.example.com")
    assert propose(old, ["server2.example.com"]) == Successor(
        "server3", "server3.example.com", ("server2",)
    )


def test_an_inventory_takes_the_names_of_hosts_retiring_ones_too_and_of_services() -> None:
    inventory = Inventory(
        Path("inventory.toml"),
        (
            host("server1", services=(service("git", names=("server3.example.com",)),)),
            host("server2", retiring=True, address="192.0.2.2"),
            host("other", address="server4.example.com"),
        ),
    )
    taken = names_of(inventory)
    assert {"server1", "server2", "git", "server3.example.com", "server4.example.com"} <= taken
    assert propose(inventory.hosts[0], taken).name == "server5"
