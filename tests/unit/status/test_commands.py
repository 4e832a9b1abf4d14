"""``status`` and ``plan`` as they are typed: text, JSON, files and exit status."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import engine.session
from engine import door
from engine.clock import FixedClock
from engine.errors import RefusedError
from engine.inventory import Inventory
from engine.model.facts import Depth, Look
from engine.model.host import Host
from engine.preflight import Finding, Preflight, Report
from engine.preflight.values import Volume
from engine.store import NoStoreError
from engine.successor import Successor
from tests.unit.builders import NOW, facts, host, light, look, lost, packages, upgrade
from tests.unit.outputs import must_end_with_its_reader, must_tell_of_a_full_disk
from tui.__main__ import main

FIX = upgrade("openssl", security=True)


class Fleet:
    """Hosts that answer without a network; remembers how deeply they were asked."""

    def __init__(self) -> None:
        self.looks = {
            "server1": look(facts(FIX)),
            "server2": look(facts(FIX, name="server2")),
            "broken": look(facts(name="broken", packages=packages(FIX, interrupted=True))),
        }
        self.asked: list[tuple[str, Depth]] = []
        self.closed = False
        self.clock = FixedClock(NOW)
        self.transport = self

    async def close(self) -> None:
        self.closed = True

    async def look(
        self, session: object, hosts: Sequence[Host], depth: Depth, on_look: Callable[[Look], None]
    ) -> None:
        for declared in reversed(hosts):  # whoever answers first isn't the first by name
            self.asked.append((declared.name, depth))
            on_look(self.looks[declared.name])

    async def has_no_store(self, _session: object) -> None:
        raise NoStoreError("there is none", hint="None is needed.")

    async def has_no_runs(self, _session: object) -> None:
        """Nothing is open."""

    def inventory(self, _path: Path | None) -> Inventory:
        return Inventory(Path("inventory.toml"), tuple(host(name) for name in self.looks))


@pytest.fixture
def state_dir(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("state")
    monkeypatch.setattr(engine.session, "state_directory", lambda: made)
    return made


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> Fleet:
    made = Fleet()
    monkeypatch.setattr(door, "load", made.inventory)
    monkeypatch.setattr(door, "look", made.look)
    monkeypatch.setattr(door, "open_session", lambda inventory, read_only: made)
    monkeypatch.setattr(door, "open_runs", made.has_no_store)
    monkeypatch.setattr(door, "close", made.has_no_runs)
    return made


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> SimpleNamespace:
    status = main(words)
    shown = capsys.readouterr()
    return SimpleNamespace(status=status, out=shown.out, err=shown.err)


@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("status", "server1"), ("status", "--json"),
        ("plan", "server1", "upgrade"), ("plan", "server1", "upgrade", "--json"),
    ],
)  # fmt: skip
def test_an_output_that_can_not_be_written_is_told(
    fleet: Fleet, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    must_tell_of_a_full_disk(capfd, words)
    must_end_with_its_reader(capfd, words)


# -- status ------------------------------------------------------------------------------------


def test_a_table_of_the_fleet(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.looks["quick"] = look(light(name="quick"))
    fleet.looks["a-host-with-a-very-long-name"] = lost("a-host-with-a-very-long-name")
    shown = typed(capsys, "status")
    assert shown.out == (
        "HOST                OS         PEND  SEC  REBOOT  WAITING   ADVICE   RISK\n"
        "a-host-with-a-v...  (timeout)     -    -  -       -         -        -\n"
        "broken              debian 12     1    1  no      moderate  none     30 moderate\n"
        "quick               debian 12     5    2  no      moderate  upgrade  -\n"
        "server1             debian 12     1    1  no      moderate  upgrade  20 low\n"
        "server2             debian 12     1    1  no      moderate  upgrade  20 low\n"
        "\n"
        "broken  blocked (dpkg-interrupted); remedy: hostshift plan broken repair\n"
    )
    assert max(map(len, shown.out.splitlines())) <= 80
    assert shown.err.startswith("a-host-with-a-very-long-name: No answer within 10 s.\n  hint: ")
    assert shown.status == 3
    assert fleet.closed


def test_hosts_by_name_are_explained(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    shown = typed(capsys, "status", "broken")
    assert fleet.asked == [("broken", "full")]
    assert "advice: none" in shown.out
    assert "Repair first: dpkg was interrupted" in shown.out
    assert "remedy: hostshift plan broken repair" in shown.out
    assert shown.status == 0


def test_a_light_look(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "status", "--light", "server1", "server2", "server1")
    assert sorted(fleet.asked) == [("server1", "light"), ("server2", "light")]


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ((), 0),
        (("timeout",), 3),
        (("host-key-unknown",), 4),
        (("sudo-password",), 4),
        (("timeout", "host-key-changed"), 4),
    ],
)
def test_exit_status(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], kinds: tuple[str, ...], status: int
) -> None:
    fleet.looks |= {f"lost{i}": lost(f"lost{i}", kind) for i, kind in enumerate(kinds)}
    assert typed(capsys, "status").status == status


def test_an_unknown_host(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    shown = typed(capsys, "status", "server3")
    assert (shown.status, shown.out) == (2, "")
    assert "Did you mean server" in shown.err


def test_a_saved_scan_asks_nobody_and_says_the_same(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "scan.json"
    live = typed(capsys, "status", "--json", "--save", str(file))
    assert [e["name"] for e in json.loads(live.out)["hosts"]] == ["broken", "server1", "server2"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["scan.json"]
    fleet.asked.clear()
    fleet.clock.advance(10**8)
    assert typed(capsys, "status", "--json", "--from", str(file)).out == live.out
    one = typed(capsys, "status", "--json", "--from", str(file), "server2")
    assert [e["name"] for e in json.loads(one.out)["hosts"]] == ["server2"]
    assert fleet.asked == []
    missing = typed(capsys, "status", "--from", str(file), "server7")
    assert missing.status == 2
    assert "It has: " in missing.err


def test_a_scan_of_an_earlier_version_still_loads(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "scan.json"
    live = typed(capsys, "status", "--json", "--save", str(file))
    saved = json.loads(file.read_text())
    for entry in saved["hosts"]:
        seen = entry["facts"]["look"]["facts"]
        if seen is not None and seen["packages"] is not None:
            for later in ("conffiles", "services"):
                assert seen["packages"].pop(later) is None
    file.write_text(json.dumps(saved))
    assert typed(capsys, "status", "--json", "--from", str(file)).out == live.out


@pytest.mark.parametrize(
    "content",
    [None, b"{", b"\xff", b"[]", b"[" * 100_000],
    ids=["missing", "half", "no text", "a list", "deep"],
)
def test_a_file_that_is_no_scan(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "scan.json"
    if content is not None:
        file.write_bytes(content)
    shown = typed(capsys, "status", "--from", str(file))
    assert shown.status == 2
    assert shown.err.startswith("hostshift: ")


def test_a_scan_that_cannot_be_saved(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shown = typed(capsys, "status", "--save", str(tmp_path / "none" / "scan.json"))
    assert shown.status == 2
    assert "can't be written" in shown.err


def test_a_device_is_written_to_and_a_link_stays_one(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nowhere, link = tmp_path / "nowhere", tmp_path / "link"
    nowhere.symlink_to("/dev/null")
    link.symlink_to(tmp_path / "scan.json")
    for target in (nowhere, link):
        assert typed(capsys, "status", "server1", "--save", str(target)).status == 0
        assert target.is_symlink()
    assert json.loads((tmp_path / "scan.json").read_bytes())["schema"] == 1
    shown = typed(capsys, "status", "server1", "--save", str(tmp_path))
    assert shown.status == 2
    assert "can't be written" in shown.err


# -- plan --------------------------------------------------------------------------------------


def plan_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    shown = typed(capsys, "plan", *words, "--json")
    assert shown.status == 0, shown.err
    whole: dict[str, Any] = json.loads(shown.out)
    return whole


def test_a_plan_says_how_to_confirm_it(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    digest = plan_json(capsys, "server1", "upgrade")["digest"]
    shown = typed(capsys, "plan", "server1", "upgrade")
    assert f"hostshift run server1 upgrade --confirm {digest}\n" in shown.out
    assert "upgrade   openssl  1.0 -> 1.1  security" in shown.out
    assert "apt-get -y " in shown.out
    assert fleet.asked == [("server1", "full")] * 2


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_plan_that_was_printed_is_kept_for_comparison(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], state_dir: Path, form: list[str]
) -> None:
    assert typed(capsys, "plan", "server1", "upgrade", "--read-only").status == 0
    assert list(state_dir.iterdir()) == []
    assert typed(capsys, "plan", "server1", "server2", "upgrade", *form).status == 0
    kept = [file.name for file in (state_dir / "plans").iterdir()]
    digest = plan_json(capsys, "server1", "server2", "upgrade")["digest"]
    assert kept == [f"{digest}.json"]


def test_a_state_directory_that_cannot_be_made_is_no_reason_for_no_plan(
    fleet: Fleet,
    capsys: pytest.CaptureFixture[str],
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = state_dir / "file"
    file.touch()
    monkeypatch.setattr(engine.session, "state_directory", lambda: file)
    assert typed(capsys, "plan", "server1", "upgrade").status == 0


def test_several_hosts_have_one_digest(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    whole = plan_json(capsys, "server1", "server2", "upgrade")
    shown = typed(capsys, "plan", "server1", "server2", "upgrade")
    assert f"run server1 server2 upgrade --confirm {whole['digest']}" in shown.out
    assert [p["host"] for p in whole["plans"]] == ["server1", "server2"]


def test_one_host_without_a_plan_is_no_plan_at_all(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.looks["gone"] = lost("gone")
    blocked = typed(capsys, "plan", "server1", "broken", "upgrade")
    assert (blocked.status, blocked.out) == (5, "")
    assert "dpkg-interrupted" in blocked.err
    both = typed(capsys, "plan", "broken", "gone", "upgrade")
    assert both.status == 5
    assert "gone: No answer" in both.err
    assert typed(capsys, "plan", "server1", "gone", "upgrade").status == 3
    fleet.looks["gone"] = lost("gone", "host-key-unknown")
    assert typed(capsys, "plan", "gone", "upgrade").status == 4


def test_an_unknown_candidate_exits_with_2(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = typed(capsys, "plan", "server1", "upgrde")
    assert shown.status == 2
    assert "Did you mean 'upgrade'" in shown.err


def report(declared: Host) -> Report:
    volume = Volume("git", "/srv/git", "directory", used_bytes=2_500, entries=1, whole=True)
    findings = (
        Finding("replace-incomplete", "stops", "said by the refusal"),
        Finding("volume-empty", "warns", "The volume is empty.", "mount it"),
    )
    found = Preflight(declared.name, NOW, privileged=True, volumes=(volume,))
    return Report(Successor("server3", "server3.example.com", ("server2",)), found, findings)


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Preflights that answer without a network; the names that were asked."""
    asked: list[str] = []

    async def examine(session: object, declared: Host, facts: object) -> Report:
        asked.append(declared.name)
        if declared.name == "broken":
            raise RefusedError("broken fell silent", hint="Look at its load.")
        return report(declared)

    monkeypatch.setattr(door, "examine", examine)
    return asked


def test_a_replacement_tells_what_it_would_meet_and_stays_refused(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], examined: list[str]
) -> None:
    shown = typed(capsys, "plan", "server1", "replace")
    assert shown.status == 5
    assert shown.out == (
        "replace on server1: its successor would be server3, server3.example.com (server2 is "
        "taken)\n"
        "preflight as root: nothing was changed\n"
        "  volume /srv/git (git): 2.5 kB, 1 entry\n"
        "for a person to decide:\n"
        "  volume-empty: The volume is empty.\n"
        "    remedy: mount it\n\n"
    )
    assert "replace-incomplete" in shown.err
    assert examined == ["server1"]
    typed(capsys, "plan", "server1", "upgrade")
    assert examined == ["server1"], "other candidates need no preflight"


def test_a_replacement_as_json_has_the_shape_of_a_plan(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], examined: list[str]
) -> None:
    shown = typed(capsys, "plan", "server1", "replace", "--json")
    assert shown.status == 5
    whole = json.loads(shown.out)
    assert (whole["schema"], whole["host"], whole["candidate"]) == (1, "server1", "replace")
    assert (whole["digest"], whole["steps"]) == (None, [])
    assert whole["outage_window_s"] == {"expected": None, "from": "unknown"}
    assert {"effects", "risk", "created_at"} < set(whole)
    assert "replace-incomplete" in {blocker["id"] for blocker in whole["blockers"]}
    preflight = whole["preflight"]
    assert preflight["successor"] == {
        "name": "server3", "address": "server3.example.com", "passed_over": ["server2"],
    }  # fmt: skip
    assert preflight["findings"][1] == {
        "id": "volume-empty", "level": "warns", "message": "The volume is empty.",
        "remedy": "mount it",
    }  # fmt: skip
    assert preflight["found"]["volumes"][0]["used_bytes"] == 2_500
    assert preflight["found"]["databases"] is None
    several = typed(capsys, "plan", "server1", "broken", "replace", "--json")
    plans = json.loads(several.out)["plans"]
    assert [plan["host"] for plan in plans] == ["server1", "broken"]
    assert plans[1]["preflight"] is None
    assert "broken: no preflight: broken fell silent" in several.err
    fleet.looks["gone"] = lost("gone")
    gone = typed(capsys, "plan", "gone", "replace", "--json")
    assert (gone.status, gone.out) == (3, "")


def test_a_refresh_interrupts_nothing(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    shown = typed(capsys, "plan", "broken", "refresh")
    assert shown.status == 0
    assert "interrupts no service" in shown.out
