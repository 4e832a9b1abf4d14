"""Files that can't be read, aren't UTF-8, or aren't TOML."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from engine.inventory import InventoryErrors, load


def told(path: Path, data: bytes | None = None) -> list[str]:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InventoryErrors) as raised:
        load(path)
    assert raised.value.hint
    return [str(error).removeprefix(str(path)) for error in raised.value.errors]


def test_a_missing_file(tmp_path: Path) -> None:
    assert told(tmp_path / "x.toml") == [": there is no such file"]


def test_a_directory_names_the_inventory_in_it(tmp_path: Path) -> None:
    (tmp_path / "inventory.toml").touch()
    with pytest.raises(InventoryErrors) as raised:
        load(tmp_path)
    assert raised.value.errors[0].message == "this is a directory"
    assert str(tmp_path / "inventory.toml") in raised.value.hint


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)  # root, as in the lab, is never refused for real
    assert told(tmp_path / "x.toml") == [": can't be read: Permission denied"]


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert told(tmp_path / "f" / "x") == [": can't be read: Not a directory"]


def test_a_path_with_a_nul() -> None:
    with pytest.raises(InventoryErrors, match="can't be read: embedded null byte"):
        load(Path("a\0b"))


def test_bad_utf_8_is_told_by_offset_and_line(tmp_path: Path) -> None:
    assert told(tmp_path / "x", b'[hosts.a]\nuser = "caf\xe9"\n') == [
        ":2: not UTF-8: byte 0xe9 at offset 21"
    ]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbf[hosts.a]\r\nport = 22\r\n")
    assert load(path).host("a").port == 22


SYNTAX = [
    (
        "[hosts.a]\nuser = ops\n",
        '2: column 8: Invalid value; text is written in quotes: user = "ops"',
    ),
    (
        "[hosts.a]\nport: 22\n",
        "2: column 5: Expected '=' after a key in a key/value pair; write port = ...",
    ),
    ('[hosts.a]\nuser = "x\n', "2: column 10: Illegal character '\\n'"),
    ("[hosts.a\n", "1: column 9: Expected ']' at the end of a table declaration"),
]


@pytest.mark.parametrize(("text", "expected"), SYNTAX)
def test_a_syntax_error_says_line_and_column(tmp_path: Path, text: str, expected: str) -> None:
    assert told(tmp_path / "x", text.encode()) == [f":{expected}"]


def test_hosts_and_keys_given_twice_are_told_by_name_all_of_them(tmp_path: Path) -> None:
    text = b'[hosts.a]\nport=1\n[hosts.b]\n[hosts.a]\nuser="x"\nuser="y"\n[hosts."b"]\n'
    advice = "; a server stands in the inventory once"
    assert told(tmp_path / "x", text) == [
        f":4: hosts.a: host a is declared twice (first on line 1){advice}",
        ":6: hosts.a.user: is given twice (first on line 5)",
        f":7: hosts.b: host b is declared twice (first on line 3){advice}",
    ]


def test_what_stands_before_a_duplicate_is_told_too(tmp_path: Path) -> None:
    found = told(tmp_path / "x", b"[hosts.a]\n[hosts.b]\nuser = ops\n[hosts.a]\n")
    assert found[0].startswith(":3: column 8: Invalid value")


@pytest.mark.parametrize("value", ["[" * 1_000, "9" * 5_000])
def test_values_beyond_all_reason(tmp_path: Path, value: str) -> None:
    assert "can't be read as TOML" in told(tmp_path / "x", f"a = {value}".encode())[0]


def test_an_endless_file_is_refused() -> None:
    if not stat.S_ISCHR(Path("/dev/zero").stat().st_mode):
        pytest.skip("no /dev/zero here")
    assert told(Path("/dev/zero")) == [": is over 64 MiB; this is no inventory"]
