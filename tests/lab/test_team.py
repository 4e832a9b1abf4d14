"""A team on one store of PostgreSQL, each at a machine of their own, and a real host."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from tests.lab.conftest import NewHost
from tests.lab.controller import (
    SLOW_WORKS,
    Controller,
    has_lock,
    log_of,
    slow_for,
    slow_packages,
    units,
    wait_for_log,
)
from tests.lab.machine import Options
from tests.lab.scenarios import package_state, switch_to
from tests.lab.session import Prepare
from tests.operators import text
from tests.unit.store.postgres import Server

Golden = Callable[[str, Prepare], Path]
NEVER = "Sun 00:00-00:01 UTC"
"""A window that is closed for all but a minute of the week."""


def test_a_gate_is_answered_by_another_who_is_killed_and_taken_over_from(
    new_host: NewHost, golden: Golden, server: Server, tmp_path: Path
) -> None:
    host = new_host(options=Options(layers=[golden("runs-v1", slow_packages)]))
    switch_to(host, "v2")
    slow_for(host, 6)
    server.emptied()
    team: list[Controller] = []
    for name in ("eve", "bob"):
        store = {"store": {"url": server.url_to_share()}}
        one = Controller(tmp_path / name, host, {"window": NEVER}, store)
        one.environment["PGPASSWORD"] = server.password
        one.called(name)
        team.append(one)
    eve, bob = team

    eve.run(check=4)
    (run,) = (one["id"] for one in bob.runs())
    answers = bob.begin("answer", run, "go-on", "--confirm", host.name, "--because", "agreed")
    wait_for_log(host, SLOW_WORKS)
    answers.send_signal(signal.SIGKILL)
    answers.wait(10)
    taken = eve.call("attach", run, "--take-over", "bob's machine is off")
    assert taken.stdout == log_of(host)
    assert log_of(host).count(b"lab-slow: step 1 ") == 1
    assert package_state(host, "lab-slow") == "ii"
    assert [(step["id"], step["state"]) for step in eve.last()["steps"]] == [
        (name, "succeeded") for name in ("window", "baseline", "upgrade", "verify")
    ]
    assert not has_lock(host)
    assert units(host) == ""
    told = text(eve.call("export", run))
    for words in ("bob@", "agreed", "bob's machine is off"):
        assert words in told
