"""The transport on real hosts: sudo as Debian ships it, links that break, hosts that freeze."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.errors import DeadlineError, UnreachableError
from engine.inventory import load
from engine.model.host import Host
from engine.session import Session, open_session
from engine.shell import Script, Secret
from engine.transport import failures
from engine.transport.protocol import AsRoot, Completed
from tests.lab.conftest import NewHost
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine
from tests.lab.scenarios import sudo_defaults

PASSWORD = "lab-password-asker"
WHOAMI = Script("whoami.sh", "id -u; exit 3", ("a word",))


@asynccontextmanager
async def session_for(
    machine: Machine, directory: Path, user: str, become: str = "sudo"
) -> AsyncIterator[Session]:
    inventory = load(write_inventory(directory, [machine], user=user, become=become))
    session = open_session(inventory, state_dir=directory / "state")
    try:
        yield session
    finally:
        await session.transport.close()


def _host(session: Session) -> Host:
    return session.inventory.hosts[0]


async def _run(
    session: Session, as_root: AsRoot = "required", script: Script = WHOAMI, deadline_s: float = 30
) -> Completed:
    return await session.transport.run(
        _host(session), script, as_root=as_root, deadline_s=deadline_s
    )


def _attempts(machine: Machine) -> int:
    """Failed passwords that sudo has logged."""
    return machine.inside("journalctl -t sudo --no-pager").stdout.count("authentication failure")


@pytest.mark.parametrize("defaults", [(), ("use_pty",), ("!use_pty",), ("lecture=always",)])
async def test_root_with_and_without_a_password(
    defaults: tuple[str, ...], new_host: NewHost, tmp_path: Path
) -> None:
    machine = new_host()
    sudo_defaults(machine, *defaults)
    async with session_for(machine, tmp_path, "admin") as session:
        done = await _run(session)
        assert (done.stdout, done.exit_status, done.as_root) == (b"0\n", 3, True)
        data = b"x" * 300_000
        done = await _run(session, script=Script("cat.sh", "cat", stdin=data))
        assert done.stdout == data
    async with session_for(machine, tmp_path, "asker") as session:
        done = await _run(session, "if-possible")
        assert not done.as_root
        assert done.not_root_because is not None
        assert done.not_root_because.kind == "sudo-password"
        session.credentials.set_sudo_password(Secret(PASSWORD))
        for _ in range(2):
            done = await _run(session)
            assert (done.stdout, done.exit_status, done.as_root) == (b"0\n", 3, True)
        done = await _run(session, script=Script("cat.sh", "cat", stdin=data))
        assert done.stdout == data
    # the password is in no log, and no login of sudo's stays behind for others
    assert PASSWORD not in machine.inside("journalctl --no-pager -a").stdout
    assert "password is required" in machine.ssh("sudo -n true", "asker", check=False).stderr


async def test_a_wrong_password_is_tried_once(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with session_for(machine, tmp_path, "asker") as session:
        session.credentials.set_sudo_password(Secret("wrong"))
        with pytest.raises(failures.SudoPasswordWrong):
            await _run(session)
        with pytest.raises(failures.SudoPasswordNeeded):
            await _run(session)
    assert _attempts(machine) == 1


@pytest.mark.parametrize("password", [None, "lab-password-outsider"])
async def test_who_is_not_in_the_sudoers_file(
    password: str | None, new_host: NewHost, tmp_path: Path
) -> None:
    machine = new_host()
    async with session_for(machine, tmp_path, "outsider") as session:
        if password is None:
            with pytest.raises(failures.SudoPasswordNeeded):
                await _run(session)
        else:
            session.credentials.set_sudo_password(Secret(password))
            with pytest.raises(failures.SudoDenied, match="not in the sudoers"):
                await _run(session)
        done = await _run(session, "if-possible")
        assert not done.as_root
        assert done.stdout != b"0\n"


async def test_a_sudo_that_wants_a_terminal(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    sudo_defaults(machine, "requiretty")
    async with session_for(machine, tmp_path, "admin") as session:
        with pytest.raises(failures.SudoNeedsTerminal, match="requiretty") as caught:
            await _run(session)
        assert "!requiretty" in caught.value.hint
        assert not (await _run(session, "if-possible")).as_root


async def test_a_host_without_sudo(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    machine.inside("mv /usr/bin/sudo /usr/bin/sudo.away")
    async with session_for(machine, tmp_path, "admin") as session:
        with pytest.raises(failures.SudoMissing):
            await _run(session)


async def test_a_root_login_needs_no_sudo(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    machine.inside("mv /usr/bin/sudo /usr/bin/sudo.away")
    async with session_for(machine, tmp_path, "root") as session:
        assert (await _run(session)).stdout == b"0\n"


@pytest.mark.parametrize("user", ["root", "admin", "asker"])
async def test_what_a_deadline_cuts_off_does_not_go_on(
    user: str, new_host: NewHost, tmp_path: Path
) -> None:
    """Root's processes, too, which the user's own sshd may not signal."""
    machine = new_host()
    async with session_for(machine, tmp_path, user) as session:
        session.credentials.set_sudo_password(Secret(PASSWORD))
        script = Script("hang.sh", "echo at step 3; ( sleep 4321 ); touch /root/went-on")
        with pytest.raises(DeadlineError, match="at step 3"):
            await _run(session, script=script, deadline_s=3)
        until = time.monotonic() + 20
        while "sleep 4321" in machine.inside("ps -eo args").stdout:
            assert time.monotonic() < until, "it went on"
            await asyncio.sleep(0.2)
        assert "went-on" not in machine.inside("ls /root").stdout


async def test_a_link_that_breaks_is_noticed_and_mended(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with session_for(machine, tmp_path, "root") as session:
        await _run(session)
        machine.link(up=False)
        with pytest.raises(DeadlineError, match="gave no session"):
            await _run(session, deadline_s=2)
        machine.link(up=True)
        await session.transport.forget(machine.name)
        assert (await _run(session)).stdout == b"0\n"


async def test_a_frozen_host_ends_within_its_deadline(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with session_for(machine, tmp_path, "root") as session:
        machine.freeze()
        started = time.monotonic()
        with pytest.raises(failures.ConnectTimeout) as caught:
            await _run(session)
        machine.thaw()
        assert 9 < time.monotonic() - started < 30
        assert caught.value.kind == "timeout"


@pytest.mark.parametrize(("how", "kind"), [("swallow", "timeout"), ("reset", "reset|refused")])
async def test_a_filter_in_between_is_told_from_a_host_that_is_off(
    how: str, kind: str, new_host: NewHost, tmp_path: Path
) -> None:
    machine = new_host()
    async with session_for(machine, tmp_path, "root") as session:
        getattr(machine.network, how)(22)
        with pytest.raises(UnreachableError) as caught:
            await _run(session)
        machine.network.heal()
        assert any(word in caught.value.kind for word in kind.split("|"))
        assert (await _run(session)).stdout == b"0\n"


async def test_a_lossy_line_carries_everything(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    machine.network.lose(10)
    async with session_for(machine, tmp_path, "root") as session:
        script = Script("x", "head -c 500000 /dev/zero")
        heard = b""
        for _ in range(5):  # a link that is silent for too long is given up, and that is said
            with contextlib.suppress(failures.ConnectionDropped):
                heard = (await _run(session, script=script, deadline_s=120)).stdout
                break
        assert len(heard) == 500_000
        assert not any(heard)


async def test_a_reinstalled_host_is_not_trusted(new_host: NewHost, tmp_path: Path) -> None:
    machine = new_host()
    async with session_for(machine, tmp_path, "root") as session:
        machine.inside(
            "rm /etc/ssh/ssh_host_*; ssh-keygen -q -A; systemctl restart ssh", check=False
        )
        with pytest.raises(failures.ChangedHostKey, match=r"known_hosts:\d"):
            await _run(session)
