"""What a host knows of its successor."""

from __future__ import annotations

import pytest

from engine.model.facts import BuiltSuccessor
from engine.programs.built_successor import parse


@pytest.mark.parametrize("address", ["192.0.2.2", "2001:db8::2", "server2.example.com"])
def test_a_name_and_an_address(address: str) -> None:
    serving = parse(f"server2\n{address}\nserves\n".encode())
    assert serving == BuiltSuccessor("server2", address, serves=True)
    assert parse(f"server2\n{address}\n".encode()) == BuiltSuccessor("server2", address)


@pytest.mark.parametrize(
    "output",
    [b"", b"server2\n", b"\n192.0.2.2\n", b"server2\n\n", b"-x\n192.0.2.2\n", b"a b\n192.0.2.2\n",
     b"server2\n-oProxyCommand=x\n", b"server2\n192.0.2.2;x\n"],
)  # fmt: skip
def test_what_can_not_be_one(output: bytes) -> None:
    assert parse(output) is None
