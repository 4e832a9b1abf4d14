"""Properties of the inventory's readers: durations, windows, places, and arbitrary bytes."""

from __future__ import annotations

import contextlib
import re
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli
import tomlkit
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.inventory import InventoryError, InventoryErrors, durations, load, windows
from engine.inventory.importing import ansible, openssh, write_inventory
from engine.inventory.lines import KeyPath, Lines
from engine.inventory.reading import read_text
from engine.inventory.wrong import WrongValue

# Other work shares the machine: how long one example takes tells nothing.
settings.register_profile("inventory", deadline=None)
CALM = settings.get_profile("inventory")
ANYTHING = st.text(max_size=60)
EARLIEST = datetime.fromisoformat("2000-01-01")
MOMENTS = st.datetimes(
    min_value=EARLIEST, max_value=EARLIEST.replace(year=2050), timezones=st.just(UTC)
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
)

# durations


@CALM
@given(st.integers(0, durations.LONGEST_S))
def test_a_duration_reads_back_as_it_is_shown(seconds: int) -> None:
    assert durations.parse(durations.show(seconds)) == seconds


@CALM
@given(ANYTHING | st.from_regex(r"[0-9]{1,15} ?[a-z]{1,7}", fullmatch=True))
@example("٣d")
@example("5D")
@example("1d ")
@example("")
def test_a_duration_is_read_or_refused_and_suggestions_can_be_read(text: str) -> None:
    try:
        seconds = durations.parse(text)
    except WrongValue as error:
        for written in re.findall(r'write "(.*)"', error.suggestion or ""):
            durations.parse(written)
        return
    assert re.fullmatch(durations.PATTERN, text)
    assert 0 <= seconds <= durations.LONGEST_S


# windows


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def window_texts(draw: st.DrawFn) -> tuple[str, set[int], int, int]:
    """A window's text with what it says."""
    days = draw(st.sets(st.integers(0, 6), max_size=7))
    opens = draw(st.integers(0, 1_439))
    closes = draw(st.integers(1, 1_440).filter(lambda minute: minute != opens))
    names = [windows.DAYS[day] for day in sorted(days)]
    text = f"{clock(opens)}-{clock(closes)} {draw(ZONES)}"
    return (f"{','.join(names)} {text}" if names else text), days or set(range(7)), opens, closes


@CALM
@given(window_texts(), MOMENTS)
def test_a_window_is_open_when_its_wall_clock_says_so(
    written: tuple[str, set[int], int, int], moment: datetime
) -> None:
    text, days, opens, closes = written
    window = windows.parse(text)
    local = moment.astimezone(window.zone)
    # the same said differently: minutes since the opening of today or of yesterday
    length = (closes - opens) % 1_440 or 1_440
    minute = local.hour * 60 + local.minute
    today = local.weekday() in days and 0 <= minute - opens < length
    yesterday = (local.weekday() - 1) % 7 in days and 0 <= minute + 1_440 - opens < length
    assert window.contains(moment) == (today or yesterday)


@CALM
@given(window_texts(), MOMENTS)
def test_the_next_opening_is_ahead_and_within_a_week(
    written: tuple[str, set[int], int, int], moment: datetime
) -> None:
    window = windows.parse(written[0])
    opening = window.next_opening(moment)
    assert moment < opening <= moment + timedelta(days=8)
    local = opening.astimezone(window.zone)
    skipped_hour = local.hour * 60 + local.minute != window.opens
    assert skipped_hour or window.contains(opening)
    assert (
        skipped_hour
        or not window.contains(opening - timedelta(seconds=1))
        or (len(window.days) == 7 and (window.closes - window.opens) % 1_440 == 0)
        or window.closes == 1_440
    )


@CALM
@given(st.integers(0, 6), st.integers(0, 6))
def test_a_range_of_days_runs_forward_and_over_the_weekend(first: int, last: int) -> None:
    text = f"{windows.DAYS[first]}-{windows.DAYS[last]} 01:00-02:00 UTC"
    days = windows.parse(text).days
    assert first in days
    assert last in days
    assert len(days) == (last - first) % 7 + 1


@given(ANYTHING | st.from_regex(r"[A-Za-z,-]{0,9} ?[0-9:.-]{0,12} ?[A-Za-z/._-]{0,15}"))
@example("Sun 02:00-05:00 ../../../etc/passwd")
@example("Sun 02:00-05:00 Europe")
@example("Sun 02:00-05:00 /etc/localtime")
@example("Sun 02:00-05:00 Europe/Paris/x")
@settings(CALM, max_examples=60)
def test_a_window_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(WrongValue):
        windows.parse(text)


# places of keys

KEYS = st.text(string.ascii_letters + string.digits + "-_. \"\\\n'é=]#", max_size=6)
SCALARS = (
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(string.printable + "é'\"\\#[]{}=,", max_size=12).map(lambda t: t.replace("\r", ""))
    | st.datetimes().map(lambda moment: moment.replace(microsecond=0))
    | st.dates()
)
VALUES = st.recursive(
    SCALARS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(KEYS, parts, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


def paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Every key path of a value, and of the values in it."""
    found: list[KeyPath] = [path] if path else []
    if isinstance(value, dict):
        for key, part in value.items():
            found += paths(part, (*path, key))
    if isinstance(value, list):
        for index, part in enumerate(value):
            found += paths(part, (*path, index))
    return found


@given(DOCUMENTS)
@settings(CALM, suppress_health_check=[HealthCheck.too_slow])
def test_every_key_of_a_document_has_a_place_and_nothing_else_has(document: dict[str, Any]) -> None:
    text = tomlkit.dumps(document)
    assert set(paths(tomli.loads(text))) == set(Lines(text).places)


@st.composite
def written_keys(draw: st.DrawFn) -> tuple[str, str]:
    """A key, and one of the ways to write it."""
    key = draw(st.text(string.ascii_letters + "-_. é#=[]'", min_size=1, max_size=5))
    ways = [tomlkit.string(key).as_string()]
    if re.fullmatch(r"[A-Za-z0-9_-]+", key):
        ways.append(key)
    if "'" not in key:
        ways.append(f"'{key}'")
    return key, draw(st.sampled_from(ways))


WRITTEN = [
    ("1", 1), ("'a # = ['", 1), ('"x\\"]"', 1), ("[1, 2]", 1), ("{z = {y = 1}}", 1),
    ('"""a\nb = 1\n"""', 3), ("'''\n[x]\n''''", 3), ('"""\\"""\n"""""', 2), ("[\n  1, # ]\n]", 3),
    ("1979-05-27 07:32:00", 1), ("[{a = 1},\n {b = 2}]", 2), ("[[],\n[[]]]", 2),
]  # fmt: skip


@CALM
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["key", "table", "rows", "blank", "comment", "dotted"]),
            written_keys(),
            st.sampled_from(WRITTEN),
        ),
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_the_line_is_the_one_it_was_written_on(
    pieces: list[tuple[str, tuple[str, str], tuple[str, int]]], newline: str
) -> None:
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, (kind, (key, written), (value, height)) in enumerate(pieces):
        name, here = f"k{number}", len(lines) + 1
        match kind:
            case "key":
                lines += f"  {written}.{name} = {value} # = 3".split("\n")
                expected[*table, key, name] = here
                assert len(lines) == here - 1 + height
            case "dotted":
                lines += f"{name} . {written}\t= {value}".split("\n")
                expected[*table, name, key] = here
            case "table":
                lines.append(f"[{name} . {written}] # ]")
                table = (name, key)
                expected[table] = here
            case "rows":
                lines += [f"[[ {name}.{written} ]]", f"[[{name}.{written}]]"]
                table = (name, key, 1)
                expected[name, key, 0], expected[table] = here, here + 1
            case "blank":
                lines.append(" \t")
            case _:
                lines.append(f"# [{written}]")
    text = newline.join(lines)
    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError:
        return  # a key of one table is a value in another: not this test's matter
    places = Lines(text)
    assert {path: places.of(path) for path in expected} == expected


def test_rows_nested_in_rows() -> None:
    text = "[[a]]\n[a.t]\nx = 1\n[[a.b]]\n[[a.b]]\nc = {d = [1,\n2]}\n[[a]]\n[[a.b]]\ny = 1\n"
    places = Lines(text)
    assert places.of(("a", 0, "t", "x")) == 3
    assert places.of(("a", 0, "b", 1, "c", "d", 1)) == 7
    assert places.of(("a", 1, "b", 0, "y")) == 10
    assert places.of(("a", 1, "b", 0, "gone", 3)) == 9
    assert set(places.places) == set(paths(tomli.loads(text)))


@CALM
@given(st.text(string.printable, max_size=80) | st.text(max_size=40))
@example('"""' + '"' * 5_000)
@example("a = '''" + "''" * 5_000)
@example("a = " + "[" * 5_000)
@example('a = "\\')
@example("[a]\n[a")
def test_places_of_any_text_end_and_never_raise(text: str) -> None:
    places = Lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in places.places.values())


# reading


def faults_of(path: Path) -> tuple[InventoryError, ...]:
    """The faults of a file; warnings where it has none."""
    try:
        return load(path).warnings
    except InventoryErrors as errors:
        return errors.errors


PIECES = st.sampled_from(
    [
        "[hosts.a]", "[hosts.b]", "[[hosts]]", "[defaults]", "[services.s]", "[zones.z]", "[store]",
        'host = "a"', "after = [", '"b"', "]", 'jump = "b"', "port = 22", "port = -1", "hosts = 1",
        'window = "Sun 1-2"', "checks = [{}, 3]", "volumes = [[]]", 'volumes = ["/a", "/a/b"]',
        "deadlines = 1", "names = [1]", "a.b.c = 1", 'soak = "5w"', "=", '"', "'''", "\\", "\x00",
        'freeze = "x"', "groups = {}", "failover_tested = 2026-02-30", "x = 1e999", "\ufeff",
        'url = "sqlite:///x"', 'server = "::1%eth0"', 'address = "[::1]:22"', 'http = "http://[x"',
        'checks = [{http = "http://[x"}]', "identity = \"~nobody/x\"", 'snapshot = "~/\'"',
    ]
)  # fmt: skip


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    | st.lists(PIECES, max_size=12).map(lambda parts: "\n".join(parts).encode())
)
@settings(CALM, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(b"a = " + b"[" * 1_000)
@example(b"a = " + b"9" * 5_000)
@example(b"\xef\xbb\xbf")
@example(b"[hosts.a]\n[services.s]\nhost = 'a'\nchecks = [{http = 'http://[x'}]")
def test_any_bytes_are_read_or_refused_with_places(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "inventory.toml"
    path.write_bytes(data)
    for error in faults_of(path):
        assert error.message
        assert error.line is None or 1 <= error.line <= data.count(b"\n") + 1
        assert str(error).removeprefix(str(path)).isprintable()


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
@settings(
    CALM,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_tables_are_read_or_refused(
    tmp_path: Path, host: dict[str, Any], service: dict[str, Any], whole: dict[str, Any]
) -> None:
    path = tmp_path / "inventory.toml"
    document = {**whole, "hosts": {"a": host}, "services": {"s": service}, "zones": {"z": whole}}
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    with pytest.raises(InventoryErrors):
        load(path)  # a service without host, at least


# importing

SSH_WORDS = st.sampled_from(
    ["Host", "Match", "Include", "User", "HostName", "Port", "host", "a", "web1", "web1.x", "A",
     "git", "root", "192.0.2.1", "*", "!a", "a?", "x/y", '"a b"', '"', "=", "exec", "none", "-o",
     "é", "\x1b", "::1", "%h", "a" * 90]
)  # fmt: skip
INI_WORDS = st.sampled_from(
    ["[g]", "[g:children]", "[g:vars]", "[h:children]", "[h]", "g", "h", "a", "b:22", "web[1:3]",
     "x[a:c]y[01:02]", "ansible_host=192.0.2.1", "ansible_host=::1", "ansible_port=22", "A",
     "ansible_port=99999", "ansible_user=x", "ansible_user='a b'", "ansible_connection=local",
     "ansible_ssh_common_args='-J a'", "ansible_ssh_common_args='-J b'", "none", "é\x1b", "#", "'",
     "ansible_become=yes", "[", "]", "x=" + "y" * 90, "[::1]:22", "ansible_user=" + "z" * 90]
)  # fmt: skip


def lines_of(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Lines of a few words each."""
    return st.lists(st.lists(words, min_size=1, max_size=4).map(" ".join), max_size=10).map(
        "\n".join
    )


@CALM
@given(lines_of(SSH_WORDS))
def test_whatever_an_openssh_file_holds_passes_check(text: str) -> None:
    read_text(Path("x"), write_inventory(openssh.read(Path("/nonexistent/config"), text)))


@CALM
@given(lines_of(INI_WORDS))
def test_whatever_an_ansible_file_holds_passes_check_or_is_refused(text: str) -> None:
    try:
        found = ansible.read_ini(Path("/nonexistent/hosts"), text)
    except InputError:
        return
    read_text(Path("x"), write_inventory(found))
