"""What `run` says of a digest that isn't the plan's: what has changed, or where it is from."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.commands.run import _must_be_confirmed
from engine.errors import RefusedError
from engine.inventory import Inventory
from engine.model.facts import Change
from engine.model.plan import Plan, combined_digest
from engine.runs import PlanChangedError
from engine.runs.printed import KEPT, KEPT_S, Printed, refusal
from engine.session import Session
from engine.transport.credentials import Credentials
from tests.unit.jobs.local_host import LocalHost
from tests.unit.runs.conftest import CHANGE, plan_of

THEN = plan_of("true", changes=(CHANGE,))
NOW = plan_of("true", changes=(replace(CHANGE, to_version="2.1"),))


def named(plan: Plan, host: str) -> Plan:
    return replace(plan, host=host)


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    printed = Printed(tmp_path)
    both = (THEN, named(NOW, "h2"))
    printed.keep(both)
    assert printed.find(combined_digest(both)) == both
    assert printed.find(THEN.digest) is None
    files = list((tmp_path / "plans").iterdir())
    assert [file.name for file in files] == [f"{combined_digest(both)}.json"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "plans").stat().st_mode) == 0o700


def test_a_plan_that_changed_is_refused_with_the_difference(tmp_path: Path) -> None:
    printed = Printed(tmp_path)
    printed.keep((THEN,))
    error = refusal(printed, THEN.digest, (NOW,))
    assert isinstance(error, PlanChangedError)
    assert error.exit_status == 5
    lines = error.message.splitlines()
    assert "- upgrade lab-lib 1.0 2.0" in lines
    assert "+ upgrade lab-lib 1.0 2.1" in lines
    assert "nothing was changed" in error.message
    assert "hostshift plan h1 upgrade" in error.hint


def test_of_several_hosts_only_those_that_changed_are_shown(tmp_path: Path) -> None:
    printed = Printed(tmp_path)
    then = tuple(named(THEN, name) for name in ("h1", "h2", "h3"))
    printed.keep(then)
    now = (named(NOW, "h3"), named(THEN, "h1"), named(NOW, "h2"))  # asked in another order
    error = refusal(printed, combined_digest(then), now)
    assert "h2 has changed" in error.message
    assert "h3 has changed" in error.message
    assert "h1 has changed" not in error.message


def test_a_long_difference_says_what_it_leaves_out(tmp_path: Path) -> None:
    changes = tuple(Change(f"p{n}", "upgrade", "1", "2", "X") for n in range(30))
    error = PlanChangedError(plan_of("true", changes=changes), plan_of("true"))
    assert error.message.endswith("... and 10 more")


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "e" * 63])
def test_a_digest_that_nobody_printed_is_told_apart(tmp_path: Path, digest: str) -> None:
    printed = Printed(tmp_path)
    printed.keep((THEN,))
    error = refusal(printed, digest, (NOW,))
    assert not isinstance(error, PlanChangedError)
    assert error.exit_status == 5
    assert "was printed here" in error.message
    assert "Nothing was changed" in error.message


@pytest.mark.parametrize(
    "now", [named(THEN, "h2"), replace(THEN, candidate="dist-upgrade")], ids=["host", "candidate"]
)
def test_the_digest_of_another_plan_is_told_apart(tmp_path: Path, now: Plan) -> None:
    printed = Printed(tmp_path)
    printed.keep((THEN,))
    error = refusal(printed, THEN.digest, (now,))
    assert not isinstance(error, PlanChangedError)
    assert "was printed for upgrade on h1, not for" in error.message


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"plans":[]}', '{"plans":[{"host":1}]}', "\0"])
def test_a_spoilt_file_is_no_plan(tmp_path: Path, text: str) -> None:
    printed = Printed(tmp_path)
    printed.keep((THEN,))
    (tmp_path / "plans" / f"{THEN.digest}.json").write_text(text)
    assert printed.find(THEN.digest) is None


def test_another_plan_under_the_digest_is_not_believed(tmp_path: Path) -> None:
    printed = Printed(tmp_path)
    printed.keep((THEN,))
    printed.keep((NOW,))
    os.replace(tmp_path / f"plans/{NOW.digest}.json", tmp_path / f"plans/{THEN.digest}.json")
    assert printed.find(THEN.digest) is None


def test_old_and_many_plans_are_given_up(tmp_path: Path) -> None:
    home = tmp_path / "plans"
    home.mkdir()
    for number in range(KEPT + 5):
        (home / f"{number}.json").touch()
    (home / "old.json").touch()
    os.utime(home / "old.json", (0, time.time() - KEPT_S - 60))
    Printed(tmp_path).keep((THEN,))
    assert len(list(home.iterdir())) == KEPT
    assert (home / f"{THEN.digest}.json").exists()
    assert not (home / "old.json").exists()


def test_where_nothing_can_be_written_only_the_difference_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plans").touch()
    Printed(tmp_path).keep((THEN,))
    full = tmp_path / "full"

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.runs.printed.json.dump", no_room)
    Printed(full).keep((THEN,))
    assert list((full / "plans").iterdir()) == []
    assert "was printed here" in refusal(Printed(full), THEN.digest, (NOW,)).message


def test_run_asks_the_state_directory_of_its_session(tmp_path: Path) -> None:
    lan = LocalHost(tmp_path / "host")
    session = Session(
        inventory=Inventory(path=Path("inventory.toml"), hosts=(lan.host,)),
        transport=lan,
        credentials=Credentials(),
        state_dir=tmp_path / "state",
    )
    Printed(session.state_dir).keep((THEN,))
    _must_be_confirmed(session, (NOW,), NOW.digest)
    with pytest.raises(PlanChangedError, match=r"\+ upgrade lab-lib 1\.0 2\.1"):
        _must_be_confirmed(session, (NOW,), THEN.digest)
    with pytest.raises(RefusedError, match="was printed here"):
        _must_be_confirmed(session, (NOW,), "f" * 64)
