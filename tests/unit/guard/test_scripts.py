"""guard.sh and guardian.sh under each shell: saving, deciding once, putting back."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from engine.errors import HostOutputError, RefusedError
from engine.guard import Armed, arm, confirm, look, withdraw
from engine.jobs import lock
from engine.jobs.answers import LockedError
from engine.model.plan import GuardAct, GuardTopic
from tests.unit.jobs.local_host import LocalHost, until

RUN, STEP = "20261123t030000-ab12", "guard"


async def armed(lan: LocalHost, seconds: int, *topics: GuardTopic, strict: bool = False) -> Armed:
    await lock.take(lan, lan.host, RUN, {"host": "h1"}, 0)
    act = GuardAct(topics or ("ssh",), seconds, strict)
    return await arm(lan, lan.host, RUN, STEP, act, {"operator": "ops"}, settle_s=0)


def directory(lan: LocalHost) -> Path:
    return lan.home / "runs" / RUN / STEP


async def ended(lan: LocalHost) -> None:
    await until((directory(lan) / "exit").exists)


async def test_broken_and_alone_it_puts_back_what_was_saved(guarded: LocalHost) -> None:
    ssh = guarded.root / "etc/ssh"
    first = await armed(guarded, 4, "ssh", "sudo")
    assert (first.found, first.state.state, first.state.watching) == (False, "armed", True)
    assert first.state.tests == ("sshd",)  # no visudo here, and so nothing said of it
    (ssh / "sshd_config").write_text("bad\n")
    (ssh / "linked").unlink()
    (ssh / "added").write_text("bad\n")
    (guarded.root / "etc/sudoers").write_text("was not there at arming\n")
    await ended(guarded)
    assert (ssh / "sshd_config").read_text() == "good\n"
    assert (ssh / "sshd_config").stat().st_mode & 0o777 == 0o640
    assert (ssh / "linked").readlink() == Path("sshd_config")
    assert sorted(path.name for path in ssh.iterdir()) == ["linked", "sshd_config"]
    assert sorted(path.name for path in ssh.parent.iterdir()) == ["passwd", "ssh"]
    replaced = directory(guarded) / "replaced/etc"
    assert (replaced / "ssh/added").read_text() == "bad\n"
    assert (replaced / "sudoers").read_text() == "was not there at arming\n"
    assert "restart ssh.service\n" in (guarded.root / "systemctl.log").read_text()
    state = await look(guarded, guarded.host, RUN, STEP)
    assert (state.state, state.healthy, state.differs) == ("fired", True, ())
    assert state.failed == ("sshd",)
    assert (await confirm(guarded, guarded.host, RUN, STEP)).state == "fired"
    # read anew by every look, not remembered
    (ssh / "linked").unlink()
    (ssh / "linked").symlink_to("other")
    (guarded.root / "etc/sudoers").write_text("anew\n")
    anew = await look(guarded, guarded.host, RUN, STEP)
    assert anew.differs == ("/etc/ssh", "/etc/sudoers")


async def test_healthy_and_alone_it_stands_down(guarded: LocalHost) -> None:
    await armed(guarded, 4)
    (guarded.root / "etc/ssh/sshd_config").write_text("better\n")
    await ended(guarded)
    assert (await look(guarded, guarded.host, RUN, STEP)).state == "stood-down"
    assert (guarded.root / "etc/ssh/sshd_config").read_text() == "better\n"
    assert not (directory(guarded) / "replaced").exists()


async def test_strict_asks_no_test(guarded: LocalHost) -> None:
    await armed(guarded, 4, strict=True)
    (guarded.root / "etc/ssh/sshd_config").write_text("better\n")
    await ended(guarded)
    assert (guarded.root / "etc/ssh/sshd_config").read_text() == "good\n"


async def test_what_failed_at_arming_does_not_count(guarded: LocalHost) -> None:
    (guarded.root / "etc/ssh/sshd_config").write_text("bad\n")
    assert (await armed(guarded, 1)).state.tests == ()
    await ended(guarded)
    assert (await look(guarded, guarded.host, RUN, STEP)).state == "stood-down"


async def test_one_of_many_decides(guarded: LocalHost) -> None:
    await armed(guarded, 60)
    ends = await asyncio.gather(
        *(call(guarded, guarded.host, RUN, STEP) for call in (confirm, withdraw) * 3)
    )
    assert len({(end.state, end.at) for end in ends}) == 1
    assert ends[0].state in {"confirmed", "withdrawn"}
    assert not (directory(guarded) / "armed/saved").exists()
    assert (await armed(guarded, 60)).state.state == ends[0].state  # never armed again


async def test_arming_is_done_once(guarded: LocalHost) -> None:
    both = await asyncio.gather(armed(guarded, 60), armed(guarded, 60))
    assert {one.state.state for one in both} == {"armed"}
    assert (await armed(guarded, 60)).found
    names = {path.name for path in directory(guarded).iterdir()}
    assert not [name for name in names if name.startswith("arming")]
    assert (directory(guarded) / "armed/saved/etc/ssh/sshd_config").exists()
    await withdraw(guarded, guarded.host, RUN, STEP)


async def test_a_revert_that_was_cut_off_is_finished(guarded: LocalHost) -> None:
    await armed(guarded, 60)
    guarded.end()
    home = directory(guarded)
    (home / "verdict").write_text("fired 2026-11-23T03:00:00Z\n")
    shutil.rmtree(guarded.root / "etc/ssh")  # between its two renames
    (guarded.root / "etc/ssh.hostshift-old").mkdir()
    state = await look(guarded, guarded.host, RUN, STEP)
    assert (state.state, state.healthy) == ("fired", None)
    guardian = await asyncio.create_subprocess_exec(
        *(*guarded.shell, f"{home}/armed/guardian", f"{home}/armed", str(guarded.root), "watch"),
        env={"PATH": f"{guarded.doubles}:/usr/bin:/bin"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await guardian.wait() == 0
    assert (guarded.root / "etc/ssh/sshd_config").read_text() == "good\n"
    assert not (guarded.root / "etc/ssh.hostshift-old").exists()
    assert (await look(guarded, guarded.host, RUN, STEP)).healthy


async def test_what_cannot_be_saved_is_told_and_left_alone(guarded: LocalHost) -> None:
    guarded.double("cp", 'case $* in *nsswitch.conf*) exit 1 ;; esac\nexec /bin/cp "$@"\n')
    switch = guarded.root / "etc/nsswitch.conf"
    switch.write_text("old\n")
    state = (await armed(guarded, 4, "pam", strict=True)).state
    assert state.unsaved == ("/etc/nsswitch.conf",)
    switch.write_text("new\n")
    await ended(guarded)
    assert switch.read_text() == "new\n"
    assert (await look(guarded, guarded.host, RUN, STEP)).differs == ()  # it covered nothing else


async def test_what_it_could_not_put_back_is_told(guarded: LocalHost) -> None:
    await armed(guarded, 4, "ssh", "pam")
    (guarded.root / "etc/ssh/sshd_config").write_text("bad\n")
    guarded.double("cp", 'case $* in *saved*) exit 1 ;; esac\nexec /bin/cp "$@"\n')
    await ended(guarded)
    state = await look(guarded, guarded.host, RUN, STEP)
    assert (state.state, state.healthy, state.differs) == ("fired", False, ("/etc/ssh",))


async def test_it_is_not_armed_without_lock_or_systemd(guarded: LocalHost) -> None:
    await lock.take(guarded, guarded.host, "another", {"host": "h1"}, 0)
    with pytest.raises(LockedError):
        await arm(guarded, guarded.host, RUN, STEP, GuardAct(("ssh",), 60), {})
    assert (await look(guarded, guarded.host, RUN, STEP)).state == "missing"
    assert (await confirm(guarded, guarded.host, RUN, STEP)).state == "missing"
    await lock.release(guarded, guarded.host, "another")
    (guarded.root / "run/systemd/system").rmdir()
    with pytest.raises(RefusedError, match="systemd"):
        await armed(guarded, 60)


async def test_a_guard_whose_process_died_is_not_called_on_watch(guarded: LocalHost) -> None:
    await armed(guarded, 60)
    guarded.end()
    assert (await look(guarded, guarded.host, RUN, STEP)).watching is False
    assert (await armed(guarded, 60)).state.watching
    await withdraw(guarded, guarded.host, RUN, STEP)


async def test_a_full_disk_is_an_error_and_no_guard(guarded: LocalHost) -> None:
    guarded.double("mkdir", 'case $* in *arming*) exit 1 ;; esac\nexec /bin/mkdir "$@"\n')
    with pytest.raises(HostOutputError):
        await armed(guarded, 60)
    assert (await look(guarded, guarded.host, RUN, STEP)).state == "missing"
