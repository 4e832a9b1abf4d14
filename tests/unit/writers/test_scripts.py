"""writers.sh and its parts under each shell: freezing, thawing, the guard, the token."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from dataclasses import replace

import pytest

from engine import writers
from engine.errors import HostOutputError, RefusedError
from engine.model.writers import Writer
from engine.writers import Frozen
from tests.unit.jobs.local_host import BOOT, LocalHost, until
from tests.unit.writers.conftest import RUN, WRITERS, directory, state, unit

CRON = "# /srv/app data\n* * * * * root /srv/app data/tick\n* * * * * root /srv/app datas/tick\n"


async def armed(old: LocalHost, seconds: int = 600) -> None:
    await writers.arm(old, old.host, RUN, WRITERS, deadline_s=seconds)


async def frozen(old: LocalHost, *, seconds: int = 600) -> Frozen:
    await armed(old, seconds)
    return await writers.freeze(old, old.host, RUN, WRITERS, deadline_s=60)


async def guardian(old: LocalHost) -> int:
    """The guard's process, as a boot starts it."""
    process = await asyncio.create_subprocess_exec(
        *old.shell, str(directory(old) / "guardian"), str(old.root), "watch", RUN,
        env={"PATH": f"{old.doubles}:/usr/bin:/bin"},
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()


async def test_frozen_and_thawed_exactly(old: LocalHost) -> None:
    (old.root / "etc/cron.d/app").write_text(CRON)
    before = state(old)
    assert await frozen(old) == Frozen()
    now = state(old)
    assert {name: now[name] for name in ("db.service", "app.service", "app.timer", "box")} == {
        "db.service": "inactive", "app.service": "inactive", "app.timer": "inactive",
        "box": "false no",
    }  # fmt: skip
    assert now["etc/cron.d/app"] == CRON.replace("\n*", "\n#hostshift *", 1)
    log = (old.root / "systemctl.log").read_text()
    assert log.index("stop app.service app.timer app.socket") < log.index("stop db.service")
    held = {file.parent.name for file in old.root.rglob("zz-hostshift.conf")}
    assert held == {"db.service.d", "app.service.d", "app.timer.d", "app.socket.d"}
    assert await writers.prove(old, old.host, RUN, WRITERS) == ()
    # again: nothing is recorded anew
    assert await frozen(old) == Frozen()
    assert await writers.thaw(old, old.host, RUN) == ()
    assert state(old) == before
    assert not [*old.root.rglob("*.service.d")]
    # and once thawed, a second thaw starts nothing
    unit(old, "db.service", "inactive")
    assert await writers.thaw(old, old.host, RUN) == ()
    assert state(old)["db.service"] == "inactive"
    guard = await writers.guard_state(old, old.host, RUN)
    assert (guard.state, guard.thawed, guard.frozen) == ("disarmed", True, False)
    # another attempt of the same run
    unit(old, "db.service", "active")
    assert await frozen(old) == Frozen()
    assert (await writers.guard_state(old, old.host, RUN)).watching


async def test_what_speaks_against_the_proof(old: LocalHost) -> None:
    (old.root / "etc/cron.d/app").write_text(CRON)
    process = old.root / "proc/4711"
    (process / "fd").mkdir(parents=True)
    (process / "ns").mkdir()
    (process / "ns/mnt").symlink_to("mnt:[1]")
    (old.root / "proc/self/ns").mkdir(parents=True)
    (old.root / "proc/self/ns/mnt").symlink_to("mnt:[1]")
    (process / "comm").write_text("writer\n")
    assert await frozen(old) == Frozen()
    assert await writers.prove(old, old.host, RUN, WRITERS) == ()
    (process / "fd/3").symlink_to("/srv/app data/file")
    (process / "fd/4").symlink_to("/srv/app datas/file")
    (process / "cwd").symlink_to("/srv/app data")
    (process / "maps").write_text(
        "7f00-7f01 rw-s 00000000 00:1f 9 /srv/app data/mapped\n"
        "7f00-7f01 rw-p 00000000 00:1f 9 /srv/app data/private\n"
    )
    unit(old, "db.service", "active")
    (old.root / "boxes/box").write_text("true always\n")
    (old.root / "etc/cron.d/app").write_text(CRON)
    (old.root / "etc/systemd/system/app.timer.d/zz-hostshift.conf").unlink()
    seen = await writers.examine(old, old.host, RUN, WRITERS)
    assert seen.words == ("process 4711 (writer) is in /srv/app data",)
    assert set(seen.problems) == {
        "db.service is active", "app.timer is not held", "container box runs",
        "container box has the restart policy always",
        "/etc/cron.d/app has an entry that is not held",
        "process 4711 (writer) has /srv/app data/file open for writing",
        "process 4711 (writer) has /srv/app data/mapped open for writing",
    }  # fmt: skip


async def test_a_file_of_a_volume_under_another_name(old: LocalHost) -> None:
    """As a container sees it, which has the volume mounted elsewhere."""
    host = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    box = (
        "1 0 0:9 / / rw - overlay x rw\n"
        "2 1 8:1 /srv/app\\040data/db /data rw - ext4 x rw\n"
        "3 1 8:1 /srv/other /other rw - ext4 x rw\n"
    )
    for process, mounts in (("1", host), ("self", host), ("77", box)):
        place = old.root / "proc" / process
        (place / "ns").mkdir(parents=True)
        (place / "fd").mkdir(exist_ok=True)
        (place / "mountinfo").write_text(mounts)
        (place / "ns/mnt").symlink_to("mnt:[2]" if process == "77" else "mnt:[1]")
    (old.root / "proc/77/fd/5").symlink_to("/data/table")
    (old.root / "proc/77/fd/6").symlink_to("/other/table")
    (old.root / "proc/77/fd/7").symlink_to("/srv/app data/not-this-one")
    (old.root / "proc/77/comm").write_text("mysqld\n")
    assert await frozen(old) == Frozen()
    assert await writers.prove(old, old.host, RUN, WRITERS) == (
        "process 77 (mysqld) has /data/table open for writing",
    )


async def test_what_does_not_stop_is_not_frozen(alone: LocalHost) -> None:
    (alone.root / "units/db.service.stuck").touch()
    seen = await frozen(alone)
    assert seen.problems == ("db.service did not stop",)
    assert await writers.disarm(alone, alone.host, RUN) == "disarmed"
    with pytest.raises(RefusedError, match="come first"):
        await writers.surrender(alone, alone.host, RUN)


async def test_a_command_freezes_and_units_are_held_for_a_reboot(alone: LocalHost) -> None:
    seen = alone.root / "seen"
    own = (
        replace(WRITERS[0], freeze=f'echo "$HOSTSHIFT_SERVICE $HOSTSHIFT_RUN" >>"{seen}"',
                thaw=f"echo 'thawed; $x' >>'{seen}'; exit 3"),
        Writer("quiet", ("quiet.service",), freeze="none"),
    )  # fmt: skip
    await writers.arm(alone, alone.host, RUN, own, deadline_s=600)
    done = await writers.freeze(alone, alone.host, RUN, own, deadline_s=60)
    assert done == Frozen((), ("quiet is not frozen: freeze is none",))
    assert seen.read_text() == f"app {RUN}\n"
    now = state(alone)
    assert (now["db.service"], now["box"]) == ("active", "true no")
    assert "etc/systemd/system/db.service.d/zz-hostshift.conf" in now
    assert await writers.prove(alone, alone.host, RUN, own) == ()
    unit(alone, "db.service", "inactive")  # as after a reboot
    problems = await writers.thaw(alone, alone.host, RUN)
    assert len(problems) == 1
    assert problems[0].startswith("the thaw command of app ended with status 3")
    assert seen.read_text() == f"app {RUN}\nthawed; $x\n"
    assert state(alone)["db.service"] == "active"


async def test_what_only_its_own_command_lets_start_runs_again(old: LocalHost) -> None:
    refuses = old.root / "units/db.service.refuses"
    own = (
        replace(WRITERS[0], freeze=f"touch '{refuses}'; systemctl stop db.service",
                thaw=f"rm -f '{refuses}'"),
    )  # fmt: skip
    before = state(old)
    await writers.arm(old, old.host, RUN, own, deadline_s=600)
    assert await writers.freeze(old, old.host, RUN, own, deadline_s=60) == Frozen()
    assert state(old)["db.service"] == "inactive"
    assert await writers.thaw(old, old.host, RUN) == ()
    assert state(old) == before


async def test_the_guard_thaws_at_its_deadline(old: LocalHost) -> None:
    before = state(old)
    await frozen(old, seconds=600)
    with contextlib.suppress(RefusedError):  # it was faster than the look at it
        await armed(old, 1)
    await until((directory(old) / "thawed").exists)
    assert state(old) == before
    assert await writers.disarm(old, old.host, RUN) == "thawed"
    guard = await writers.guard_state(old, old.host, RUN)
    assert (guard.state, guard.thawed, guard.problems) == ("fired", True, ())
    with pytest.raises(RefusedError, match="come first"):
        await writers.surrender(old, old.host, RUN)
    with pytest.raises(RefusedError, match="not on watch"):
        await writers.freeze(old, old.host, RUN, WRITERS, deadline_s=60)


async def test_a_deadline_that_passed_while_the_host_was_off(alone: LocalHost) -> None:
    before = state(alone)
    await frozen(alone)
    alone.end()
    file = directory(alone) / "until"
    boot, uptime, _, length = file.read_text().split()
    assert boot == BOOT
    file.write_text(f"another {uptime} {int(time.time()) - 5} {length}\n")
    assert await guardian(alone) == 0
    assert state(alone) == before


async def test_a_clock_that_was_set_back_lengthens_nothing(alone: LocalHost) -> None:
    await armed(alone)
    alone.end()
    file = directory(alone) / "until"
    _, uptime, _, _ = file.read_text().split()
    file.write_text(f"another {uptime} {int(time.time()) + 10**6} 600\n")
    guard = await writers.guard_state(alone, alone.host, RUN)
    assert guard.watching is False
    assert guard.at is not None
    assert guard.at.timestamp() < time.time() + 660
    await armed(alone)
    assert (await writers.guard_state(alone, alone.host, RUN)).watching


async def test_one_decides_between_disarming_and_firing(alone: LocalHost) -> None:
    await frozen(alone)
    file = directory(alone) / "until"
    boot, _, epoch, length = file.read_text().split()
    file.write_text(f"{boot} 0 {epoch} {length}\n")
    _, _, said = await asyncio.gather(
        guardian(alone), guardian(alone), writers.disarm(alone, alone.host, RUN)
    )
    running = state(alone)["db.service"] == "active"
    assert running == (said == "thawed")


async def test_one_decides_between_thawing_and_surrendering(alone: LocalHost) -> None:
    for _ in range(3):
        assert await frozen(alone) == Frozen()
        assert await writers.disarm(alone, alone.host, RUN) == "disarmed"
        _, surrendered = await asyncio.gather(
            writers.thaw(alone, alone.host, RUN),
            writers.surrender(alone, alone.host, RUN),
            return_exceptions=True,
        )
        runs = state(alone)["db.service"] == "active"
        assert runs == (surrendered is not True)
        if surrendered is True:
            assert await writers.restore(alone, alone.host, RUN)
            assert await writers.thaw(alone, alone.host, RUN) == ()


async def test_firing_ends_a_freeze_that_is_at_work(alone: LocalHost) -> None:
    before = state(alone)
    alone.double(
        "docker", '[ "$1" != stop ] || exec sleep 60\n' + (alone.doubles / "docker").read_text()
    )
    await armed(alone, 3)
    with pytest.raises(HostOutputError, match="-9"):
        await writers.freeze(alone, alone.host, RUN, WRITERS, deadline_s=60)
    await until((directory(alone) / "thawed").exists)
    assert state(alone) == before


async def test_nothing_is_frozen_without_a_guard_or_a_token(alone: LocalHost) -> None:
    with pytest.raises(RefusedError):
        await writers.freeze(alone, alone.host, RUN, WRITERS, deadline_s=60)
    await armed(alone)
    alone.end()
    with pytest.raises(RefusedError, match="not on watch"):
        await writers.freeze(alone, alone.host, RUN, WRITERS, deadline_s=60)
    await armed(alone)
    other = (replace(WRITERS[0], units=("db.service",)),)
    with pytest.raises(RefusedError, match="other units"):
        await writers.freeze(alone, alone.host, RUN, other, deadline_s=60)
    (alone.home / "writers/app").write_text("moved x\n")
    with pytest.raises(RefusedError, match="token"):
        await armed(alone)
    with pytest.raises(RefusedError, match="token"):
        await writers.freeze(alone, alone.host, RUN, WRITERS, deadline_s=60)
    assert state(alone)["db.service"] == "active"


async def test_a_surrendered_host_never_thaws(alone: LocalHost) -> None:
    assert await frozen(alone) == Frozen()
    with pytest.raises(RefusedError, match="come first"):
        await writers.surrender(alone, alone.host, RUN)
    assert await writers.disarm(alone, alone.host, RUN) == "disarmed"
    assert await frozen_again(alone)
    for _ in range(2):
        assert await writers.surrender(alone, alone.host, RUN)
    with pytest.raises(RefusedError, match="token"):
        await writers.thaw(alone, alone.host, RUN)
    with contextlib.suppress(RefusedError):
        await armed(alone, 1)
    assert state(alone)["db.service"] == "inactive"
    assert await writers.token(alone, alone.host, RUN) == "moved"
    for _ in range(2):
        assert await writers.restore(alone, alone.host, RUN)
    assert await writers.thaw(alone, alone.host, RUN) == ()
    assert state(alone)["db.service"] == "active"


async def frozen_again(old: LocalHost) -> bool:
    """A run that is carried on after it was disarmed finds what it did."""
    return await writers.freeze(old, old.host, RUN, WRITERS, deadline_s=60) == Frozen()


async def test_the_successor(old: LocalHost) -> None:
    """This host, as the one that gets the services."""
    (old.root / "etc/cron.d/app").write_text(CRON)
    before = state(old)
    with pytest.raises(RefusedError, match="knows of no"):
        await writers.receive(old, old.host, RUN)
    for _ in range(2):
        assert await writers.hold(old, old.host, RUN, WRITERS) == ()
    assert state(old)["box"] == "false no"
    assert await writers.token(old, old.host, RUN) == "none"
    with pytest.raises(RefusedError, match="token"):
        await writers.start(old, old.host, RUN, WRITERS)
    with pytest.raises(RefusedError, match="token"):
        await armed(old)
    assert await writers.receive(old, old.host, RUN)
    for _ in range(2):
        assert await writers.start(old, old.host, RUN, WRITERS) == ()
        assert state(old) == before
    with pytest.raises(RefusedError, match="serves"):
        await writers.hold(old, old.host, RUN, WRITERS)
    assert await writers.stop(old, old.host, RUN, WRITERS) == ()
    assert state(old)["app.service"] == "inactive"
    assert await writers.start(old, old.host, RUN, WRITERS) == ()
    assert state(old) == before
    (old.root / "units/db.service.stuck").touch()
    assert not await writers.take_back(old, old.host, RUN)
    (old.root / "units/db.service.stuck").unlink()
    assert await writers.take_back(old, old.host, RUN)
    assert state(old)["db.service"] == "inactive"
    with pytest.raises(RefusedError, match="token"):
        await writers.start(old, old.host, RUN, WRITERS)


async def test_what_a_former_run_held_can_be_started_again(old: LocalHost) -> None:
    before = state(old)
    assert await writers.hold(old, old.host, RUN, WRITERS) == ()
    assert await writers.let_go(old, old.host, "another-run") == ()
    now = state(old)
    assert (now["db.service"], now["app.timer"], now["box"]) == (
        "inactive", "inactive", "false always",
    )  # fmt: skip
    assert not [*old.root.rglob("zz-hostshift.conf")]
    assert {name for name in before if name.startswith("etc")} == {
        name for name in now if name.startswith("etc")
    }
    assert await writers.hold(old, old.host, RUN, WRITERS) == ()
    assert await writers.receive(old, old.host, RUN)
    with pytest.raises(RefusedError, match="serves them"):
        await writers.let_go(old, old.host, "another-run")


async def test_what_was_given_away_comes_back_as_it_was(old: LocalHost) -> None:
    """This host was replaced in one run, and gets its services back in another."""
    (old.root / "etc/cron.d/app").write_text(CRON)
    unit(old, "app.socket", "active")
    unit(old, "cache.service", "active")
    unit(old, "db.service", "active", "RequiredBy=cache.service")
    before = state(old)
    refuses = old.root / "units/db.service.refuses"
    own = (
        replace(WRITERS[0], freeze=f"touch '{refuses}'; systemctl stop db.service cache.service",
                thaw=f"rm -f '{refuses}'"),
    )  # fmt: skip
    await writers.arm(old, old.host, RUN, own, deadline_s=600)
    assert (await writers.freeze(old, old.host, RUN, own, deadline_s=60)).problems == ()
    unit(old, "app.service", "inactive", "TriggeredBy=app.timer app.socket", "Type=simple")
    for name in ("app.timer", "app.socket"):
        unit(old, name, "inactive")  # as after a reboot
    assert await writers.disarm(old, old.host, RUN) == "disarmed"
    assert await writers.surrender(old, old.host, RUN)

    for back in ("back-1", "back-2"):  # the first one is given up before anything was started
        for _ in range(2):
            assert await writers.hold(old, old.host, back, own) == ()
    assert state(old)["db.service"] == "inactive"
    assert await writers.receive(old, old.host, "back-2")
    for _ in range(2):
        assert await writers.start(old, old.host, "back-2", own) == ()
        assert state(old) == before


async def test_a_host_without_systemd_holds_no_units(alone: LocalHost) -> None:
    shutil.rmtree(alone.root / "run/systemd")
    with pytest.raises(RefusedError, match="systemd"):
        await armed(alone)
    only = (replace(WRITERS[0], units=()),)
    await writers.arm(alone, alone.host, RUN, only, deadline_s=600)
    assert await writers.freeze(alone, alone.host, RUN, only, deadline_s=60) == Frozen()
    assert state(alone)["box"] == "false no"


async def test_no_answer_is_no_disarmed(alone: LocalHost) -> None:
    await frozen(alone)
    alone.link = False
    assert await writers.disarm(alone, alone.host, RUN) == "unknown"
