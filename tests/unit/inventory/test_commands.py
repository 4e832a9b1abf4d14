"""`hostshift check` and `hostshift schema`, and which file is meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomli

from engine.errors import InputError
from engine.inventory import find
from engine.inventory.json_schema import json_schema
from tests.unit.inventory.schema_reader import complaints
from tui.__main__ import main

EXAMPLE = Path(__file__).parents[3] / "inventory.toml"


def test_check_of_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--inventory", str(EXAMPLE)]) == 0
    out = capsys.readouterr()
    assert out.out.splitlines()[-1].startswith(f"{EXAMPLE}: 5 hosts, 2 services, 2 zones; no err")
    assert f"{EXAMPLE}:" in out.out.splitlines()[0]
    assert ": warning: " in out.out.splitlines()[0]
    assert out.err == ""


def test_check_prints_every_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "i.toml"
    path.write_text('[hosts.server1]\nbecom = "sudo"\nport = "x"\n')
    assert main(["--inventory", str(path), "check"]) == 2
    out = capsys.readouterr()
    assert out.out.splitlines() == [
        f'{path}:2: hosts.server1.becom: unknown key; did you mean "become"?',
        f'{path}:3: hosts.server1.port: must be a whole number, not the text "x"',
    ]
    assert "2 errors" in out.err
    assert "hint: " in out.err


def test_check_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "i.toml"
    path.write_text('[hosts.a]\nbecom = "sudo"\n')
    assert main(["check", "--json", "--inventory", str(path)]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "file": str(path),
        "ok": False,
        "counts": None,
        "errors": [
            {
                "file": str(path),
                "line": 2,
                "key": "hosts.a.becom",
                "message": "unknown key",
                "suggestion": 'did you mean "become"?',
            }
        ],
        "warnings": [],
    }
    assert main(["check", "--json", "--inventory", str(EXAMPLE)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    assert document["counts"] == {"hosts": 5, "services": 2, "zones": 2}
    assert document["errors"] == []


def test_check_of_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--inventory", str(tmp_path / "no")]) == 2
    assert "there is no such file" in capsys.readouterr().out


def test_find_takes_the_first_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", "/home/op")
    with pytest.raises(InputError) as raised:
        find(None, {})
    for place in (
        "--inventory",
        "$HOSTSHIFT_INVENTORY",
        str(tmp_path / "inventory.toml"),
        str(tmp_path / "config/hostshift/inventory.toml"),
        "hostshift init",
        "hostshift demo",
    ):
        assert place in raised.value.hint
    own = tmp_path / "config/hostshift/inventory.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert find(None, {}) == own
    Path("inventory.toml").touch()
    assert find(None, {}) == Path("inventory.toml")
    assert find(None, {"HOSTSHIFT_INVENTORY": "~/x.toml"}) == Path("/home/op/x.toml")
    assert find(Path("y.toml"), {"HOSTSHIFT_INVENTORY": "x"}) == Path("y.toml")


def test_schema_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_schema_is_of_its_draft_and_describes_every_key() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    tables = [schema, *schema["$defs"].values()]
    assert len(tables) > 10
    for table in tables:
        assert table["type"] == "object"
        assert table["additionalProperties"] is False
        for key, described in table["properties"].items():
            target = schema["$defs"].get(described.get("$ref", "").rpartition("/")[2], {})
            assert described.get("description") or target.get("description"), key
    assert "null" not in json.dumps(schema)


def without_dates(value: Any) -> Any:
    """TOML data as an editor gives it to a validator: dates are text."""
    if isinstance(value, dict):
        return {key: without_dates(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_dates(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def test_the_example_is_valid_by_the_schema() -> None:
    data = without_dates(tomli.loads(EXAMPLE.read_text("utf-8")))
    assert complaints(data, json_schema()) == []


@pytest.mark.parametrize(
    "text",
    [
        "[hosts.a]\nbecom = 1",
        '[hosts.a]\nport = "22"',
        "[hosts.a]\nport = 70000",
        "[hosts.'a b']",
        '[hosts.a]\noutage = "bad"',
        '[hosts.a.deadlines]\nconnect = "5 days"',
        "[services.s]",
        '[services.s]\nhost = "a"\nchecks = [{tcp = 1, unit = "x"}]',
        "[zones.z]",
        '[zones.z]\nserver = "a"\ncommand = "b"',
        '[store]\nurl = "mysql://x"',
        "[default]",
    ],
)
def test_the_schema_refuses_what_check_refuses(text: str) -> None:
    assert complaints(tomli.loads(text), json_schema())


def test_check_asks_nobody_unless_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "i.toml"
    path.write_text("[hosts.a]\n")
    assert main(["check", "--scratch", "--inventory", str(path)]) == 2
    assert "--scratch goes with --dns" in capsys.readouterr().err
    assert main(["--read-only", "check", "--dns", "--scratch", "--inventory", str(path)]) == 5
    assert main(["check", "--dns", "--inventory", str(path)]) == 0
