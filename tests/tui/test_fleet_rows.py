"""What a row of the fleet says, and what the filter finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.facts import Facts, HostLock, LockHolder, Look, Reboot
from engine.model.run import Run, State
from tests.tui.fake_bridge import (
    NOW,
    failure_look,
    foresee,
    make_facts,
    make_host,
    make_run,
    small_fleet,
)
from tui.fleet_columns import fleet_columns
from tui.fleet_filter import FIELDS, STATE_WORDS, parse
from tui.fleet_rows import FleetRow, Known, count_up, row_of
from tui.host_pages import facts_page

HOST = make_host("web1", ("production", "web"))


def known(facts: Facts | None = None, run: Run | None = None) -> Known:
    if facts is None:
        return Known(HOST, run=run)
    return Known(HOST, Look(HOST.name, facts.taken_at, facts), foresee(HOST, facts), run)


def lock(alive: bool | None) -> HostLock:
    return HostLock("r1", "web1", "upgrade", "s", "ada", None, None, None, alive, None, None)


def test_nothing_known_is_said_and_not_guessed() -> None:
    row = row_of(known())
    assert (row.pending, row.reboot, row.score, row.recommended) == (None, None, None, None)
    assert row.state == "not looked at"
    assert row_of(replace(known(), looking=True)).state == "looking"


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("host-key-unknown", "key unknown"),
        ("host-key-changed", "key changed"),
        ("deadline", "no answer"),
        ("timeout", "unreachable"),
        ("sudo-password", "needs password"),
    ],
)
def test_trouble_has_a_name(kind: str, state: str) -> None:
    look = failure_look("web1", kind, "message", "hint")
    row = row_of(Known(HOST, look))
    assert row.state == state
    assert "trouble" in row.words
    assert ("unreachable" in row.words) == (not kind.startswith("host-key"))


def test_fixes_that_nobody_could_count_are_not_none() -> None:
    columns = {column.title: column for column in fleet_columns(lambda: NOW)}
    for pending, state, shown in ((0, "looked at", "–"), (3, "updates", "3   ? sec")):
        facts = replace(make_facts(HOST, pending), reboot=Reboot(False, ()))
        assert facts.packages is not None
        facts = replace(facts, packages=replace(facts.packages, security=None))
        row = row_of(known(facts))
        assert row.state == state
        cell = columns["Updates"].cell(row, 12)
        assert "".join(text for text, _ in cell).strip() == shown


def test_states_of_a_host_without_a_run() -> None:
    quiet = Reboot(False, ())
    assert row_of(known(replace(make_facts(HOST), reboot=quiet))).state == "up to date"
    assert row_of(known(make_facts(HOST))).state == "reboot due"
    assert row_of(known(make_facts(HOST, 3))).state == "updates"
    facts = make_facts(HOST, 3)
    assert facts.packages is not None
    broken = replace(facts, packages=replace(facts.packages, interrupted=True))
    row = row_of(known(broken))
    assert (row.state, "blocked" in row.words) == ("blocked", True)


@pytest.mark.parametrize(
    ("alive", "state"), [(True, "running"), (None, "run, unknown"), (False, "run to look at")]
)
def test_a_lock_on_the_host_is_a_run(alive: bool | None, state: str) -> None:
    assert row_of(known(replace(make_facts(HOST, 3), lock=lock(alive)))).state == state


def test_a_claim_on_the_host_is_a_run_that_waits() -> None:
    claim = replace(lock(False), claim=True)
    facts = replace(make_facts(HOST, 3), lock=claim)
    assert row_of(known(facts)).state == "run waits"
    assert "waits for an answer" in facts_page(known(facts), NOW).plain()


@pytest.mark.parametrize("state", ["running", "failed", "attention", "unknown", "waiting"])
def test_a_run_that_is_followed_says_the_state(state: State) -> None:
    run = make_run("r1", "web1", "upgrade", state)
    row = row_of(known(make_facts(HOST, 3), run))
    assert row.state.startswith(state)
    assert state in row.words


def test_after_a_run_that_succeeded_the_facts_say_what_is_left() -> None:
    run = make_run("r1", "web1", "upgrade", "succeeded")
    assert row_of(known(make_facts(HOST), run)).state == "succeeded"
    refresh = make_run("r1", "web1", "refresh", "succeeded")
    assert row_of(known(make_facts(HOST, 4), refresh)).state == "updates"


def fleet() -> list[FleetRow]:
    hosts, looks = small_fleet()
    found = []
    for host in hosts:
        look = looks[host.name]
        foresight = None if look.facts is None else foresee(host, look.facts)
        found.append(row_of(Known(host, look, foresight)))
    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("blocked", {"runner1"}),
        ("group:ci", {"runner1", "runner2"}),
        ("security group:web", {"web1", "web2"}),
        ("security group:web -running", {"web1"}),
        ("hostkey", {"ns1", "wiki"}),
        ("unreachable", {"mail"}),
        ("do:replace", {"db1"}),
        ("RUNNER", {"runner1", "runner2"}),
        ("state:key", {"ns1", "wiki"}),
        ("failing", {"gitlab"}),
        ("unacceptable", {"db1"}),
        ("nothing-has-this-name", set()),
    ],
)
def test_the_filter_finds(text: str, names: set[str]) -> None:
    matches = parse(text)
    assert matches is not None
    assert {row.name for row in fleet() if matches(row)} == names


@pytest.mark.parametrize("text", ["", "   ", "-", "!", "group:", "-group:"])
def test_an_unfinished_filter_hides_nothing(text: str) -> None:
    assert parse(text) is None


def test_every_state_word_and_field_is_one_word() -> None:
    assert all(word.isalpha() for word in (*STATE_WORDS, *FIELDS))


def test_counts_are_of_hosts() -> None:
    sums = count_up(fleet())
    assert (sums.hosts, sums.reachable, sums.blocked, sums.running) == (12, 9, 1, 1)
    assert (sums.pending, sums.security, sums.reboot) == (7, 6, 7)


def test_a_repair_is_offered_only_where_nothing_is_at_work() -> None:
    facts = make_facts(HOST)
    assert facts.packages is not None
    half = replace(facts, packages=replace(facts.packages, interrupted=True))
    assert known(half).half_done
    assert not known(replace(half, dpkg_lock=LockHolder(812, "apt-get"))).half_done
    assert not known(replace(half, lock=lock(True))).half_done
    assert known(replace(half, lock=lock(False))).half_done
