"""The last lines of provision and backup_age scripts: read exactly, or refused with words."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import HostOutputError
from engine.scripts.printed import (
    Provisioned,
    read_backup_time,
    read_provisioned,
    read_references,
)
from engine.text import clean_line


def host_key(kind: str = "ssh-ed25519", body: bytes = bytes(32)) -> str:
    parts = b"".join(len(p).to_bytes(4, "big") + p for p in (kind.encode(), body))
    return f"{kind} {base64.b64encode(parts).decode()}"


def refusal(read: Callable[[bytes], object], log: bytes) -> str:
    try:
        read(log)
    except HostOutputError as error:
        return error.message + error.hint
    return ""


def printed(**said: Any) -> bytes:
    return json.dumps(said).encode()


def test_the_last_line_that_is_not_empty_counts() -> None:
    said = printed(address="192.0.2.7", host_keys=[host_key() + " root@new"], image="trixie")
    log = b'{"address": "192.0.2.1"}\r\nApply complete!\r\n' + said + b"\r\n\n  \n"
    assert read_provisioned(log) == Provisioned("192.0.2.7", (host_key(),), {"image": "trixie"})


@pytest.mark.parametrize("address", ["2001:db8::1", "server2", "server2.example.com", "10.0.0.1"])
def test_addresses_are_taken(address: str) -> None:
    assert read_provisioned(printed(address=address)) == Provisioned(address, (), {})


@pytest.mark.parametrize(
    "address",
    ["", "-oProxyCommand=x", "a b", "a;b", "[::1]", "ops@a", "a:22", "a..b", "a.", "1.2.3", "*",
     "10.0.0.256", "fe80::1%eth0", "a\x1b[m", "é", "x" * 64, "a." * 130 + "a", None, 7, ["a"]],
)  # fmt: skip
def test_other_addresses_are_not(address: Any) -> None:
    with pytest.raises(HostOutputError, match="address"):
        read_provisioned(printed(address=address))


@pytest.mark.parametrize(
    "keys",
    ["ssh-ed25519 AAAA", [7], [None], ["ssh-ed25519"], ["ssh-ed25519 ****"], ["ssh-ed25519 AAAA"],
     [host_key("ssh-rsa").replace("ssh-rsa", "ssh-ed25519")], [host_key() + "\n* ssh-rsa A"],
     [host_key().replace("ssh-", "-ssh-", 1)], [host_key(body=b"")], [host_key()] * 21, {"a": 1}],
)  # fmt: skip
def test_host_keys_must_be_keys(keys: Any) -> None:
    with pytest.raises(HostOutputError, match=r"host.key"):
        read_provisioned(printed(address="a", host_keys=keys))


@pytest.mark.parametrize(
    ("log", "said"),
    [(b"", "(nothing)"), (b" \n\n", "(nothing)"), (b"\x1b[31mno\x1b[m server", "no server"),
     (b"[1]", "[1]"), (b'{"address": "a"}\nDone.', "Done."), (b"[" * 60_000, "[[[[")],
)  # fmt: skip
def test_the_refusal_quotes_the_line_cleaned(log: bytes, said: str) -> None:
    with pytest.raises(HostOutputError) as caught:
        read_provisioned(log)
    assert said in caught.value.hint
    assert caught.value.hint.isprintable()
    assert len(caught.value.hint) < 500


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda t: t.encode("utf-8", "replace")))
@example(b'{"address": "\\ud800"}')
def test_any_log_is_read_or_refused(log: bytes) -> None:
    for read in (read_provisioned, read_backup_time):
        said = refusal(read, log)
        assert said == clean_line(said, 2_000), "a terminal could be made to obey it"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    st.ip_addresses().map(str),
    st.lists(st.binary(min_size=1, max_size=40).map(lambda b: host_key(body=b)), max_size=4),
    st.dictionaries(st.text(max_size=6).filter(lambda k: k not in ("address", "host_keys")), JSON),
    st.binary(max_size=60),
)
def test_what_was_printed_is_what_is_read(
    address: str, keys: list[str], more: dict[str, Any], before: bytes
) -> None:
    log = before + b"\n" + printed(address=address, host_keys=keys, **more) + b"\n"
    assert read_provisioned(log) == Provisioned(address, tuple(dict.fromkeys(keys)), more)


@settings(deadline=None)
@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_a_backups_time_is_read_in_utc(moment: datetime, offset: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    found = read_backup_time(f"looking\n{aware.isoformat()}\n".encode())
    assert found == aware
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "line", ["2026-11-23T03:00:00", "2026-11-23", "yesterday", "1764000000", "2026-13-01T00:00:00Z",
             "0001-01-01T00:00:00+14:00", "2026-11-23T03:00:00Z gitlab", ""],
)  # fmt: skip
def test_other_times_are_refused(line: str) -> None:
    with pytest.raises(HostOutputError, match="backup_age"):
        read_backup_time(line.encode())


def test_small_letters_and_a_blank_are_rfc_3339_too() -> None:
    expected = datetime(2026, 11, 23, 3, 0, 0, 500_000, tzinfo=UTC)
    assert read_backup_time(b"2026-11-23t03:00:00.5z") == expected
    assert read_backup_time(b"2026-11-23 03:00:00.500000000Z") == expected


def test_references_are_the_lines_that_say_something() -> None:
    assert read_references(b"") == ()
    assert read_references(b"\n  \nweb1 in monitoring\x1b[2J\nbackup: web1\n") == (
        "web1 in monitoring",
        "backup: web1",
    )
    assert len(read_references(b"x\n" * 500)) == 50
