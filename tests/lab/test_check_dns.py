"""`hostshift check --dns` against real name servers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.nameservers import (
    PRIMARY,
    RESOLVER,
    SECONDARY,
    ZONE,
    NameServers,
    running,
    secret,
)
from tui.__main__ import main


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[NameServers]:
    with running(tmp_path) as up:
        yield up


def inventory(servers: NameServers, address: str = "127.53.1.1", key: str | None = None) -> str:
    file = servers.directory / "tsig.key"
    file.write_text(key or servers.keys["hostshift."])
    path = servers.directory / "inventory.toml"
    path.write_text(f"""
[hosts.server1]
address = "{address}"
[services.web]
host = "server1"
names = ["www.{ZONE}", "db.{ZONE}"]
[zones."{ZONE}"]
server = "{PRIMARY}"
key_name = "hostshift"
key_file = "{file}"
watch = ["{RESOLVER}"]
""")
    return str(path)


def test_names_that_lead_to_their_host(
    servers: NameServers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--read-only", "check", "--dns", "--inventory", inventory(servers)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    lines = told.out.splitlines()
    assert f"www.{ZONE} (web): leads to server1 (127.53.1.1)" in lines
    assert f"db.{ZONE} (web): leads to server1 (127.53.1.1)" in lines
    assert f"  dns1.{ZONE} ({PRIMARY})  A 127.53.1.1 (TTL 300)" in lines
    assert f"  dns2.{ZONE} ({SECONDARY})  CNAME server1.{ZONE} (TTL 300), to 127.53.1.1" in lines
    assert any(RESOLVER in line and "A 127.53.1.1" in line for line in lines)
    assert f"  dns2.{ZONE} ({SECONDARY})  name server  serial 1" in lines


def test_as_json(servers: NameServers, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--dns", "--json", "--inventory", inventory(servers, "127.9.9.9")]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    (www, db) = document["dns"]["names"]
    assert (www["verdict"], db["verdict"]) == ("elsewhere", "elsewhere")
    assert www["answers"][0] == {
        "server": PRIMARY,
        "port": 53,
        "rcode": "NOERROR",
        "authoritative": True,
        "serial": 1,
        "records": [{"type": "A", "ttl": 300, "values": ["127.53.1.1"]}],
        "problem": None,
    }


def test_the_scratch_proof_is_asked_for_by_name(
    servers: NameServers, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "--dns", "--scratch", "--inventory", inventory(servers)]
    assert main(["--read-only", *words]) == 5
    assert main(["check", "--dns", "--inventory", inventory(servers)]) == 0
    assert "serial 1\n" in capsys.readouterr().out, "nothing was changed by either"
    assert main(words) == 0
    told = capsys.readouterr()
    assert f"  scratch: added TXT _hostshift-scratch.{ZONE} at {PRIMARY}, and read it" in told.out
    assert "  scratch: removed it, and found it gone" in told.out
    wrong = secret()
    assert main(["check", "--dns", "--scratch", "--inventory", inventory(servers, key=wrong)]) == 1
    told = capsys.readouterr()
    assert f"the scratch proof of {ZONE} failed: {PRIMARY} finds the signature" in told.err
    assert wrong not in told.out + told.err


def test_servers_that_are_down(servers: NameServers, capsys: pytest.CaptureFixture[str]) -> None:
    servers.stop(SECONDARY)
    assert main(["check", "--dns", "--inventory", inventory(servers)]) == 3
    told = capsys.readouterr()
    assert f"hostshift: nothing takes DNS at dns2.{ZONE} ({SECONDARY}).\n  hint: " in told.err
    assert f"www.{ZONE} (web): leads to server1 (127.53.1.1)" in told.out
