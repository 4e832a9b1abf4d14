"""The inventory after a replacement: what changes, what stays, what is refused."""

from __future__ import annotations

import os
import stat
import textwrap
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError, RefusedError
from engine.inventory import InventoryErrors, load
from engine.inventory.rewriting import difference, read, retire, succeed, write

EXAMPLE = Path(__file__).parents[3] / "inventory.toml"
PLAIN = textwrap.dedent("""\
    # the fleet
    [defaults]
    user = "ops"

    # the old one
    [hosts.server1] # in rack 3
    address = "192.0.2.1"   # its own
    # policy
    outage = "costly"
    failover_tested = 2026-11-01
    snapshot = "./snap.sh"
    destroy = "./destroy.sh 104"

    [hosts.server1.deadlines]
    connect = "5s"

    # another
    [hosts.app]
    after = [
      "server1", # its database
    ]

    [services.db]
    host = "server1"  # moves
    """)


def moved(text: str, **more: Any) -> str:
    given: dict[str, Any] = {"address": "192.0.2.2", "moved": ("db",), **more}
    after = succeed(text, "server1", "server2", **given)
    assert succeed(after, "server1", "server2", **given) == after
    return after


def test_the_successor_stands_after_the_old_host_with_its_policy_and_comments() -> None:
    assert moved(PLAIN) == PLAIN.replace(
        'destroy = "./destroy.sh 104"\n',
        'destroy = "./destroy.sh 104"\nretiring = true\nsuccessor = "server2"\n',
    ).replace(
        'connect = "5s"\n',
        textwrap.dedent("""\
            connect = "5s"

            [hosts.server2] # in rack 3
            address = "192.0.2.2"   # its own
            # policy
            outage = "costly"
            snapshot = "./snap.sh"

            [hosts.server2.deadlines]
            connect = "5s"
            """),
    ).replace('"server1", # its', '"server2", # its').replace('"server1"  # m', '"server2"  # m')


def test_the_old_host_leaves_with_its_tables_and_its_comment() -> None:
    after = retire(moved(PLAIN), "server1")
    assert "server1" not in after
    assert "the old one" not in after
    assert after.startswith('# the fleet\n[defaults]\nuser = "ops"\n\n[hosts.server2]')
    assert "\n# another\n[hosts.app]" in after
    assert retire(after, "server1") == after


def test_what_has_moved_can_move_back() -> None:
    there = moved(PLAIN)
    given: dict[str, Any] = {"address": "192.0.2.1", "moved": ("db",)}
    back = succeed(there, "server2", "server1", **given)
    assert succeed(back, "server2", "server1", **given) == back
    marks = 'retiring = true\nsuccessor = "{}"\n'
    table = there[there.index("[hosts.server2]") : there.index("[hosts.server2.deadlines]")]
    gone = table.removesuffix("\n") + marks.format("server1") + "\n"
    assert back == there.replace(marks.format("server2"), "").replace(table, gone).replace(
        '"server2", # its', '"server1", # its'
    ).replace('"server2"  # m', '"server1"  # m')
    assert retire(back, "server2") == PLAIN


def test_who_has_succeeded_stays_while_its_predecessor_does() -> None:
    with pytest.raises(InputError, match=r"hosts\.server1\.successor names it"):
        retire(
            moved(PLAIN.replace('host = "server1"  # moves', 'host = "app"'), moved=()), "server2"
        )


def test_without_an_address_of_its_own_the_name_is_it() -> None:
    for address in (None, "server2"):
        assert "address" not in tomli.loads(moved(PLAIN, address=address))["hosts"]["server2"]
    bare = PLAIN.replace('address = "192.0.2.1"   # its own\n', "")
    assert '[hosts.server2] # in rack 3\naddress = "192.0.2.2"\n' in moved(bare)


def test_where_a_service_stays_the_old_host_goes_on() -> None:
    after = tomli.loads(moved(PLAIN + '[services.mail]\nhost = "server1"\n'))
    assert "retiring" not in after["hosts"]["server1"]
    assert after["services"]["mail"]["host"] == "server1"
    assert after["hosts"]["app"]["after"] == ["server1", "server2"]


def test_a_jump_is_a_persons_decision_and_holds_the_old_host_back() -> None:
    text = PLAIN + '[hosts.inner]\njump = "server1"\n'
    after = moved(text)
    assert tomli.loads(after)["hosts"]["inner"]["jump"] == "server1"
    with pytest.raises(InputError, match=r"hosts\.inner\.jump leads through it"):
        retire(after, "server1")


def test_whoever_still_refers_to_the_old_host_is_named() -> None:
    with pytest.raises(InputError, match=r"service db lives on it; hosts\.app\.after names it"):
        retire(PLAIN, "server1")


@pytest.mark.parametrize(
    "text",
    [
        '[hosts]\nserver1 = {address = "a", port = 22} # c\nb.port = 3\n',
        'hosts.server1.address = "a"\nhosts.server1.port = 4\nhosts.b.after = ["server1"]\n',
        '[hosts.server1.deadlines]\nconnect = "3s"\n[hosts.server1]\nuser = "a"',
        '[hosts.server1]\nfreeze = """\n[hosts.server1]\n# no comment"""\n# mine\n\n# next\n',
        "[ hosts . \"server1\" ]\n[hosts.b]\n['hosts'.'server1'.replacement]\nsoak = '1d'\n",
        "[hosts.server1]\ngroups = [\n[\n'x']\n]\n",
        '[hosts.server1]\nretiring = false # not yet\n\n[hosts."server2.example.com"]\n',
        "\ufeff[hosts.server1]\n",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_way_to_write_a_host(text: str, newline: str) -> None:
    whole = (text.rstrip("\n") + "\n[services.db]\nhost = 'server1'\n").replace("\n", newline)
    after = moved(whole)
    data = tomli.loads(after.removeprefix("\ufeff"))
    was = tomli.loads(whole.removeprefix("\ufeff"))
    marks = {"retiring": True, "successor": "server2"}
    assert data["hosts"]["server1"] == {**was["hosts"]["server1"], **marks}
    inherited = {**was["hosts"]["server1"], "address": "192.0.2.2"}
    inherited.pop("retiring", None)
    assert data["hosts"]["server2"] == inherited
    assert data["services"]["db"]["host"] == "server2"
    assert after.count("\n") == after.count(newline)
    assert after.startswith("\ufeff") == text.startswith("\ufeff")
    gone = retire(after, "server1")
    assert "server1" not in tomli.loads(gone.removeprefix("\ufeff"))["hosts"]
    assert gone.count("\n") == gone.count(newline)


def test_a_quoted_name() -> None:
    text = '[hosts."server1.example.com"]\nport = 22\n[services.db]\nhost="server1.example.com"\n'
    after = succeed(text, "server1.example.com", "server2.example.com", address=None, moved=("db",))
    assert '\n[hosts."server2.example.com"]\nport = 22\n' in after
    assert retire(after, "server1.example.com") == (
        '[hosts."server2.example.com"]\nport = 22\n[services.db]\nhost="server2.example.com"\n'
    )


@pytest.mark.parametrize(
    ("text", "more", "word"),
    [
        ("[hosts.b]\n", {}, "no host server1"),
        (PLAIN, {"moved": ("mail",)}, "mail is not in this inventory"),
        (PLAIN + '[services.x]\nhost = "app"\n', {"moved": ("x",)}, "x lives on app"),
        (PLAIN + '[hosts.server2]\naddress = "192.0.2.9"\n', {}, "already, with the address"),
        ("hosts = [", {}, "can't be rewritten"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, more: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        moved(text, **more)


KEYS = {
    "port": st.integers(1, 65_535).map(str),
    "user": st.sampled_from(['"ops"', "'eve'", '"""root"""']),
    "groups": st.sampled_from(["[]", '["a", "b"]', '[\n  "a", # why\n]']),
    "console": st.sampled_from(["true", "false # none"]),
    "failover_tested": st.just("2026-11-01"),
    "clone": st.sampled_from(['"./clone.sh"', '"./clone.sh 1"']),
    "deadlines": st.sampled_from(['{connect = "5s"}', "{}"]),
}
NAMES = ("server1", "b", '"c.d"', "e-f")


@st.composite
def inventories(draw: st.DrawFn) -> str:
    """Inventories without faults, written in one of the ways there are."""
    parts: list[str] = []
    for name in draw(st.permutations(NAMES)):
        keys = draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True))
        lines = [f"{key} = {draw(KEYS[key])}" for key in keys]
        if name != "server1" and draw(st.booleans()):
            lines.append('after = ["server1"]')
        comment = draw(st.sampled_from(["", "# about it\n", "\n", "\n# said\n\n# of it\n"]))
        if draw(st.booleans()):
            dotted = "".join(f"{name}.{line}\n" for line in lines) or f"{name} = {{}}\n"
            parts.insert(0, dotted)
        else:
            parts.append(f"{comment}[hosts.{name}]\n" + "".join(f"{line}\n" for line in lines))
    for index, owner in enumerate(draw(st.lists(st.sampled_from(["server1", "b"]), max_size=3))):
        parts.append(f'[services.s{index}]\nhost = "{owner}"\n')
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return ("# top\n[hosts]\n" + "".join(parts)).replace("\n", newline)


@settings(deadline=None, max_examples=120)
@given(inventories(), st.sampled_from([None, "server2", "192.0.2.2"]))
def test_nothing_changes_but_what_was_meant(text: str, address: str | None) -> None:
    was = tomli.loads(text)
    services = {n: s["host"] for n, s in was.get("services", {}).items()}
    which = tuple(name for name, owner in services.items() if owner == "server1")
    after = succeed(text, "server1", "server2", address=address, moved=which)
    assert succeed(after, "server1", "server2", address=address, moved=which) == after
    now = tomli.loads(after)
    new = now["hosts"].pop("server2")
    left = {"failover_tested", "retiring", "successor", "address"}
    if " " in was["hosts"]["server1"].get("clone", ""):
        left.add("clone")
    assert new.pop("address", None) == (None if address == "server2" else address)
    assert new == {k: v for k, v in was["hosts"]["server1"].items() if k not in left}
    marks = {"retiring": True, "successor": "server2"}
    assert now["hosts"].pop("server1") == {**was["hosts"].pop("server1"), **marks}
    for host in was["hosts"].values():
        if "after" in host:
            host["after"] = ["server2"]
    assert now["hosts"] == was["hosts"]
    assert {n: s["host"] for n, s in now.get("services", {}).items()} == {
        name: "server2" if name in which else owner for name, owner in services.items()
    }
    gone = tomli.loads(retire(after, "server1"))
    assert {k: v for k, v in gone["hosts"].items() if k != "server2"} == now["hosts"]
    assert after.count("#") >= text.count("#"), "a comment was lost"


# -- the file -----------------------------------------------------------------------------------


def test_the_example_can_be_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "inventory.toml"
    path.write_bytes(EXAMPLE.read_bytes())
    before = read(path)
    after = succeed(before, "server1", "server2", address="192.0.2.7", moved=("gitlab", "wiki"))
    write(path, before, after)
    inventory = load(path)
    assert inventory.host("server1").retiring
    assert not inventory.host("server2").retiring
    assert inventory.host("server2").address == "192.0.2.7"
    assert {s.name for s in inventory.host("server2").services} == {"gitlab", "wiki"}
    last = retire(after, "server1")
    write(path, after, last)
    assert "server1" not in [host.name for host in load(path).hosts]
    assert os.listdir(tmp_path) == ["inventory.toml"]


def test_mode_and_link_stay(tmp_path: Path) -> None:
    real = tmp_path / "team" / "hosts.toml"
    real.parent.mkdir()
    real.write_bytes(b"[hosts.a]\r\n")
    real.chmod(0o640)
    link = tmp_path / "inventory.toml"
    link.symlink_to("team/hosts.toml")
    write(link, read(link), "[hosts.a]\r\n[hosts.b]\r\n")
    assert link.is_symlink()
    assert real.read_bytes() == b"[hosts.a]\r\n[hosts.b]\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_file_that_changed_or_would_be_broken_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text("[hosts.a]\n# mine\n")
    with pytest.raises(RefusedError, match="has changed since"):
        write(path, "[hosts.a]\n", "[hosts.b]\n")
    with pytest.raises(InventoryErrors):
        write(path, "[hosts.a]\n# mine\n", "[hosts.a]\nprot = 22\n")
    assert path.read_text() == "[hosts.a]\n# mine\n"
    assert os.listdir(tmp_path) == ["inventory.toml"]
    path.unlink()
    with pytest.raises(RefusedError, match="can't be read"):
        write(path, "[hosts.a]\n", "[hosts.b]\n")
    with pytest.raises(InputError):
        read(path)


def test_the_difference_is_for_people() -> None:
    assert difference(PLAIN, PLAIN, "inventory.toml") == ()
    shown = difference("a\r\nb\r\n", "a\r\nc\r\n", "inventory.toml")
    assert shown[:2] == ("--- inventory.toml\tnow", "+++ inventory.toml\tthen")
    assert shown[-2:] == ("-b", "+c")
