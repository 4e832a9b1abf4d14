"""apt's own daily work: it waits for a job, a job waits for it, and nothing is left of either."""

from __future__ import annotations

from pathlib import Path

from tests.lab.conftest import NewHost
from tests.lab.controller import (
    SLOW_WORKS,
    Controller,
    let_finish,
    log_of,
    slow_for,
    slow_packages,
    wait_for_exit,
    wait_for_log,
)
from tests.lab.machine import Machine
from tests.lab.processes import wait_until
from tests.lab.scenarios import lab_packages, switch_to

IS_FREE = "flock -n /var/lib/apt/daily_lock true && echo free || echo held"
STATE = "systemctl show -p ActiveState --value apt-daily.service"


def daily_lock(host: Machine) -> str:
    return host.inside(IS_FREE).stdout.strip()


def test_daily_work_waits_for_the_job_and_then_goes_on(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    slow_packages(host)
    slow_for(host, 60)
    switch_to(host, "v2")
    host.inside(
        "systemctl unmask apt-daily.service apt-daily.timer; systemctl stop apt-daily.timer"
    )
    eve = Controller(tmp_path / "eve", host)
    assert daily_lock(host) == "free"
    with eve.running():
        wait_for_log(host, SLOW_WORKS)
        assert daily_lock(host) == "held"
        host.inside("systemctl start --no-block apt-daily.service")
        wait_until(lambda: host.inside(STATE).stdout.strip() == "activating", "the daily work")
        let_finish(host)
        wait_for_exit(host)
    wait_until(lambda: host.inside(STATE).stdout.strip() == "inactive", "its end", timeout=120)
    result = host.inside("systemctl show -p Result --value apt-daily.service").stdout.strip()
    assert result == "success"
    assert daily_lock(host) == "free"
    assert b"apt's own daily work waits until this has ended" in log_of(host)


def test_a_job_that_is_killed_leaves_nothing_held(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    slow_packages(host)
    slow_for(host, 60)
    switch_to(host, "v2")
    eve = Controller(tmp_path / "eve", host)
    with eve.running():
        wait_for_log(host, SLOW_WORKS)
        host.inside("systemctl kill -s KILL 'hostshift-*.service'")
        wait_until(lambda: daily_lock(host) == "free", "the lock")


def test_a_job_waits_for_daily_work_that_goes_on(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    lab_packages(host, "v1", ["lab-lib"])
    switch_to(host, "v2")
    hold = "exec 9>/var/lib/apt/daily_lock; flock 9; until [ -e /tmp/enough ]; do sleep 0.2; done"
    host.inside(f"setsid sh -c '{hold}' >/dev/null 2>&1 </dev/null &")
    wait_until(lambda: daily_lock(host) == "held", "the daily work")
    eve = Controller(tmp_path / "eve", host)
    with eve.running() as run:
        wait_for_log(host, "apt's own daily work goes on; waiting")
        host.inside("touch /tmp/enough")
        wait_for_exit(host)
        wait_until(lambda: run.poll() is not None, "the run's end")
    assert eve.last()["state"] == "succeeded"
