"""Hostshift processes on one store, on SQLite and PostgreSQL: whole runs on the demo's hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.demo.fleet import DOCKER_HOST, WEB_HOST
from engine.demo.opening import serve_fleet
from tests.lab.processes import wait_until
from tests.operators import text
from tests.unit.runs import demo_hostshift
from tests.unit.runs.demo_hostshift import LEASE
from tests.unit.runs.team import PATIENCE_S, WAITS, Team, team
from tests.unit.transport.servers import free_port
from tui.__main__ import main

NEVER = 'window = "Sun 00:00-00:01 UTC"\n'
"""A window that is closed for all but a minute of the week."""
SECRET = "not-s3cret"
GATED, FREE = WEB_HOST.name, DOCKER_HOST.name


@pytest.fixture(params=["sqlite", "postgresql"])
def together(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    """Two hosts, of which one has a gate; one run may act at once."""
    hosts = (replace(WEB_HOST, inventory=WEB_HOST.inventory + NEVER), DOCKER_HOST)
    if request.param == "sqlite":
        url = owner = f"sqlite:///{tmp_path}/runs.db"
        pgpass = ""
        secret = ""
    else:
        server = request.getfixturevalue("server")
        owner = server.emptied()
        url, pgpass, secret = server.url_to_share(), server.pgpass(), server.password
    with (
        serve_fleet(now=datetime.now(UTC), pace=0, hosts=hosts) as fleet,
        team(tmp_path, fleet, owner, url=url, pgpass=pgpass, secret=secret) as made,
    ):
        made.tables = "[limits]\nat_once = 1\n"
        yield made


def at(team: Team, run: str, state: str) -> int:
    """When a run came into a state: the place in the journal of all runs."""
    return next(event.id for event in team.store.events(run) if event.state == state)


def test_a_gate_is_answered_from_the_second_and_the_first_goes_on(together: Team) -> None:
    eve, bob = together.operator("eve"), together.operator("bob")
    first = together.open(eve, GATED)
    run = first.run
    together.reaches(run, "waiting")
    (seen,) = bob.runs()
    assert (seen["id"], seen["state"], seen["host"]) == (run, "waiting", GATED)
    assert seen["operator"].startswith("eve@")

    with together.in_the_middle(GATED):
        answered = bob.call("answer", run, "go-on", "--confirm", GATED, "--because", "agreed")
        assert "eve@" in text(answered)
        together.acts(GATED, run)
        looks_on = together.begin(bob, "attach", run)
        looks_on.writes(WAITS)
        refused = bob.call("run", GATED, "upgrade", "--confirm", "0" * 64, check=5)
        assert run in text(refused)

        # another host meanwhile: the second's own run waits for a place and touches nothing
        second = together.open(bob, FREE)
        waits = together.known(second.run)
        assert waits.owner is not None
        assert waits.owner.startswith("bob@")
        assert waits.state == "planned"
        assert not together.locked(FREE)
    looks_on.ends()
    together.reaches(second.run, "succeeded")
    second.close()
    first.close()
    assert together.known(run).epoch == 1
    assert at(together, run, "succeeded") < at(together, second.run, "running")
    assert not together.locked(GATED)
    (gate, *_) = together.store.steps(run)
    assert "agreed" in gate.evidence[0]
    assert gate.evidence[0].startswith("bob@")
    log = together.log(GATED, run)
    assert log.count(b"\nSetting up nginx ") == 1
    assert looks_on.log() == log


def test_the_second_takes_over_from_a_first_that_was_killed(together: Team) -> None:
    told = together.directory / "told"
    hook = together.directory / "hook.sh"
    hook.write_text(f"#!/bin/sh\necho $1 >>{told}\n")
    hook.chmod(0o755)
    together.tables += f'[hooks]\nbefore = "{hook} before"\nafter = "{hook} after"\n'
    eve = together.operator("eve")
    bob = together.operator("bob", together.owner)  # on PostgreSQL its URL holds the password
    with together.in_the_middle(FREE):
        first = together.open(eve, FREE)
        run = first.run
        together.acts(FREE, run)
        first.kill()
        finished = [step for step in together.store.steps(run) if step.ended]
        assert [step.name for step in finished] == ["before", "baseline"]
        refused = bob.call("attach", run, "--take-over", " ", check=5)
        assert "was heard of lately" in text(refused)
        second = together.begin(bob, "attach", run, "--take-over", "its machine is off")
        wait_until(
            lambda: together.known(run).epoch == 2, "the second to drive", timeout=PATIENCE_S
        )
        second.writes(WAITS)
    second.ends()
    steps = together.store.steps(run)
    assert list(steps[:2]) == finished
    assert [(step.name, step.state) for step in steps] == [
        (name, "succeeded") for name in ("before", "baseline", "upgrade", "verify", "after")
    ]
    assert told.read_text() == "before\nafter\n"
    log = together.log(FREE, run)
    assert log.count(b"\nSetting up docker.io ") == 1
    assert second.log() == log
    assert not together.locked(FREE)
    (event,) = (e for e in together.store.events(run) if e.kind == "taken-over")
    assert event.by.startswith("bob@")
    assert event.body["reason"] == "its machine is off"
    if together.secret:
        said = second.said() + text(bob.call("export", run, "--with-logs"))
        assert together.secret not in said
        assert together.told_the_secret() == []


@pytest.mark.parametrize("together", ["postgresql"], indirect=True)
def test_a_gate_whose_hostshift_was_killed_is_carried_on_by_who_answers(together: Team) -> None:
    eve, bob = together.operator("eve"), together.operator("bob")
    eve.environment[LEASE] = "2"
    first = together.open(eve, GATED)
    run = first.run
    together.reaches(run, "waiting")
    first.kill()
    wait_until(lambda: not together.known(run).lease_alive, "the lease's end")
    assert "its hostshift is gone (eve@" in text(bob.call("runs"))
    ended = bob.call("answer", run, "go-on", "--confirm", GATED)
    assert ended.stdout == together.log(GATED, run) != b""
    assert together.known(run).state == "succeeded"
    assert not together.locked(GATED)

    amy = together.operator("amy")  # who comes afterwards, from another machine
    lacking = amy.call("log", run, check=1)
    assert lacking.stdout == b""
    assert f"hostshift attach {run}" in text(lacking)
    assert amy.call("attach", run).stdout == ended.stdout


@pytest.mark.parametrize("together", ["postgresql"], indirect=True)
@pytest.mark.parametrize("trouble", ["wrong password", "no server"])
def test_a_store_that_is_not_ours_begins_nothing(
    together: Team,
    trouble: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url = together.owner.replace(together.secret, SECRET)
    if trouble == "no server":
        url = f"postgresql://hostshift:{SECRET}@127.0.0.1:{free_port()}/postgres"
    eve = together.operator("eve", url)
    for name, value in eve.environment.items():
        monkeypatch.setenv(name, value)
    demo_hostshift.on_demo(monkeypatch.setattr)
    host = ("--inventory", str(eve.inventory))
    assert main(["plan", FREE, "upgrade", "--json", *host]) == 0
    digest = json.loads(capfd.readouterr().out)["digest"]
    for words in (("runs",), ("attach", "x"), ("run", FREE, "upgrade", "--confirm", digest)):
        assert main([*words, *host]) == 1
        said = capfd.readouterr().err
        assert ("refuses us" if trouble == "wrong password" else "doesn't answer") in said
        assert "hint: " in said
        assert SECRET not in said
    assert not (together.fleet.root(FREE) / "var/lib/hostshift").exists()
    assert together.store.all() == ()
