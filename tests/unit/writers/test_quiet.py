"""A successor that may not write yet: mail, cron and timers are held, and all of it goes again."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import writers
from tests.unit.jobs.local_host import LocalHost
from tests.unit.writers.conftest import RUN, double_host

SYSTEMCTL = r"""
root=${0%/*}/..
units=$root/units verb=$1
shift
case $verb in
list-units)
    for one in "$units"/*.timer; do [ "$(cat "$one")" != active ] || echo "${one##*/} x"; done
    ;;
is-active) [ "$(cat "$units/$2" 2>/dev/null)" = active ] ;;
is-enabled) cat "$units/$1.enabled" 2>/dev/null || exit 1 ;;
stop) [ ! -e "$units/$1" ] || [ -e "$units/$1.stuck" ] || echo inactive >"$units/$1" ;;
start)
    [ ! -e "$root/etc/systemd/system/$1.d/zz-hostshift-quiet.conf" ] || exit 1
    echo active >"$units/$1"
    ;;
restart) sh "$root/var/lib/hostshift/quiet/mail" on ;;
esac
"""
IP = r"""
rules=${0%/*}/../rules
touch "$rules"
case "$1 $2 $3" in
'rule show '*) cat "$rules" ;;
*' rule del') grep -qxF -e "$1 $5" "$rules" && grep -vxF -e "$1 $5" "$rules" >"$rules.new"; s=$?
    [ ! -e "$rules.new" ] || mv "$rules.new" "$rules"; exit $s ;;
*' rule add') [ "$1" != "$(cat "$rules.no" 2>/dev/null)" ] || exit 2; echo "$1 $5" >>"$rules" ;;
esac
"""


@pytest.fixture
def new(lan: LocalHost) -> LocalHost:
    host = double_host(lan)
    host.double("systemctl", SYSTEMCTL)
    host.double("ip", IP)
    for name, state, enabled in (
        ("cron.service", "active", "enabled"),
        ("app.timer", "active", "enabled"),
        ("logrotate.timer", "active", "enabled"),
        ("once.timer", "active", "static"),
    ):
        (host.root / "units" / name).write_text(f"{state}\n")
        (host.root / "units" / f"{name}.enabled").write_text(f"{enabled}\n")
    return host


def state(host: LocalHost, unit: str) -> str:
    return (host.root / "units" / unit).read_text().strip()


def left(host: LocalHost) -> list[Path]:
    return [*(host.root / "etc/systemd/system").rglob("*hostshift-quiet*")]


async def test_all_of_it_is_held_and_goes_again(new: LocalHost) -> None:
    await writers.quiet(new, new.host, RUN, ["logrotate.timer"])
    seen = await writers.quiet(new, new.host, RUN, ["logrotate.timer"])  # twice is once
    assert seen.problems == ()
    assert "mail to TCP ports 25 465 587 is refused" in seen.words
    assert [state(new, u) for u in ("cron.service", "app.timer", "logrotate.timer")] == [
        "inactive", "inactive", "active",
    ]  # fmt: skip
    assert sorted((new.root / "rules").read_text().split("\n")[:-1]) == [
        f"-{family} {30_000 + port}" for family in (4, 6) for port in (25, 465, 587)
    ]
    assert "ConditionPathExists=!/" in left(new)[0].read_text() + left(new)[-1].read_text()

    assert RUN in left(new)[0].read_text() + left(new)[-1].read_text()

    # Nothing that is installed meanwhile runs, and it is started when all of it goes.
    (new.root / "units/atd.service").write_text("inactive\n")
    (new.root / "units/atd.service.enabled").write_text("enabled\n")
    gone = await writers.let_speak(new, new.host, RUN)
    assert gone.problems == ()
    assert left(new) == []
    assert (new.root / "rules").read_text() == ""
    assert [state(new, u) for u in ("cron.service", "app.timer", "atd.service", "once.timer")] == [
        "active", "active", "active", "active",
    ]  # fmt: skip
    assert (await writers.let_speak(new, new.host, RUN)).problems == ()


async def test_units_of_the_services_run_while_they_are_tested(new: LocalHost) -> None:
    seen = await writers.quiet(new, new.host, RUN, ["cron", "app.timer"])
    assert seen.problems == ()
    assert [state(new, u) for u in ("cron.service", "app.timer", "logrotate.timer")] == [
        "active", "active", "inactive",
    ]  # fmt: skip
    gone = await writers.let_speak(new, new.host, RUN)
    assert gone.problems == ()
    assert state(new, "logrotate.timer") == "active"
    assert not (new.root / "var/lib/hostshift/quiet").exists()


async def test_workers_are_held_until_something_else_holds_them(new: LocalHost) -> None:
    queue = new.root / "units/queue.service"
    queue.write_text("active\n")
    workers = ["queue.service", "later.service"]
    seen = await writers.quiet(new, new.host, RUN, ["app.timer"], workers)
    assert seen.problems == ()
    assert (state(new, "queue.service"), state(new, "app.timer")) == ("inactive", "active")
    held = {path.parent.name for path in left(new)}
    assert {"queue.service.d", "later.service.d", "logrotate.timer.d"} <= held
    freed = await writers.free(new, new.host, RUN, workers)
    assert freed.problems == ()
    assert not {"queue.service.d", "later.service.d"} & {path.parent.name for path in left(new)}
    assert (await writers.let_speak(new, new.host, RUN)).problems == ()
    assert state(new, "queue.service") == "inactive", "who starts the services starts them, too"


async def test_what_can_not_be_held_is_told(new: LocalHost) -> None:
    (new.root / "rules.no").write_text("-4\n")
    (new.root / "units/cron.service.stuck").touch()
    seen = await writers.quiet(new, new.host, RUN, [])
    assert "cron.service did not stop" in seen.problems
    assert any("outgoing mail is not held" in one for one in seen.problems)
    (new.root / "rules.no").write_text("-6\n")  # a host without IPv6
    seen = await writers.quiet(new, new.host, RUN, [])
    assert seen.problems == ("cron.service did not stop",)


async def test_without_systemd_nothing_is_held_and_that_is_told(lan: LocalHost) -> None:
    seen = await writers.quiet(lan, lan.host, RUN, [])
    assert seen.problems == ("systemd does not run there: nothing is held",)
