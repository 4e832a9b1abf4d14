"""Scripts over one SSH connection, against a real sshd."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path

import pytest

from engine.errors import DeadlineError
from engine.shell import Script
from engine.transport import failures, open_transport
from engine.transport.credentials import Credentials
from tests.unit.transport.servers import Fleet, Sshd, needs_sshd, running_sshd, transport_to
from tests.unit.transport.waiting import eventually

pytestmark = needs_sshd
CONNECTION = Script("x", 'echo "$SSH_CONNECTION"')


async def test_streams_status_and_parameters(sshd: Sshd) -> None:
    script = Script("x", 'echo "$#|$1|$2"; echo err >&2; exit 7', ('it\'s "$HOME"\n*',))
    async with transport_to(host_root=lambda host: f"/root of/{host.name}") as transport:
        done = await transport.run(sshd.host(), script, deadline_s=60)
    assert done.stdout.decode() == '2|/root of/server|it\'s "$HOME"\n*\n'
    assert (done.stderr, done.exit_status) == (b"err\n", 7)


SERVER = """\
server=$PPID
case $(cat /proc/$server/comm) in
sshd*) ;;
*) server=$(sed 's/.*) . //; s/ .*//' /proc/$server/stat) ;; # the login shell has stayed between
esac
"""
"""Sets $server to the sshd that serves the connection."""


async def test_a_signal_is_no_status(sshd: Sshd) -> None:
    die = f'{SERVER}[ "$server" = "$PPID" ] || kill -KILL $PPID\nkill -KILL $$'
    async with transport_to() as transport:
        done = await transport.run(sshd.host(), Script("x", die), deadline_s=60)
    assert (done.exit_status, done.signal) == (None, "KILL")


async def test_any_bytes_pass_both_ways(sshd: Sshd) -> None:
    data = os.urandom(3_000_000)
    async with transport_to() as transport:
        done = await transport.run(sshd.host(), Script("x", "cat", stdin=data), deadline_s=60)
    assert done.stdout == data


async def test_one_connection_serves_all_scripts(sshd: Sshd) -> None:
    async with transport_to() as transport:
        first = await transport.run(sshd.host(), CONNECTION, deadline_s=60)
        several = await asyncio.gather(
            *(transport.run(sshd.host(), CONNECTION, deadline_s=60) for _ in range(30))
        )
        assert {done.stdout for done in several} == {first.stdout}
        await transport.forget("server")
        again = await transport.run(sshd.host(), CONNECTION, deadline_s=60)
        assert again.stdout != first.stdout


async def test_a_server_with_few_sessions_is_given_time(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "server", "MaxSessions 2") as server:
        server.trust()
        async with transport_to() as transport:
            several = await asyncio.gather(
                *(transport.run(server.host(), CONNECTION, deadline_s=60) for _ in range(12))
            )
        assert len({done.stdout for done in several}) == 1


async def test_a_server_whose_sessions_are_all_taken_is_not_waited_for_for_ever(
    tmp_path: Path,
) -> None:
    with running_sshd(tmp_path / "server", "MaxSessions 1") as server:
        server.trust()
        async with transport_to() as transport:
            taken = tmp_path / "taken"
            first = Script("first", f'echo >"{taken}"; sleep 1000')
            holds = asyncio.create_task(transport.run(server.host(), first, deadline_s=1000))
            await eventually(taken.exists)
            with pytest.raises(DeadlineError, match="the server gave no session"):
                await transport.run(server.host(), Script("second", "true"), deadline_s=1)
            assert not holds.done()
            holds.cancel()
            await asyncio.wait([holds])


async def test_those_who_ask_at_the_same_time_share_a_new_connection(sshd: Sshd) -> None:
    async with transport_to() as transport:
        got = await asyncio.gather(
            *(transport.run(sshd.host(), CONNECTION, deadline_s=60) for _ in range(5))
        )
    assert len({done.stdout for done in got}) == 1


async def test_a_connection_that_died_unnoticed_is_made_anew(sshd: Sshd) -> None:
    async with transport_to() as transport:
        first = await transport.run(
            sshd.host(), Script("x", f"{SERVER}echo $server"), deadline_s=60
        )
        os.kill(int(first.stdout), 9)  # the sshd that serves this connection
        again = await transport.run(sshd.host(), CONNECTION, deadline_s=60)
        assert again.exit_status == 0


async def test_a_connection_that_breaks_in_the_middle_is_told(sshd: Sshd) -> None:
    async with transport_to() as transport:
        with pytest.raises(
            failures.ConnectionDropped, match=r"lost.*What the script did"
        ) as caught:
            await transport.run(
                sshd.host(),
                Script("x", f"{SERVER}sleep 0.2; kill -9 $server; sleep 5"),
                deadline_s=60,
            )
        assert caught.value.kind == "connection-lost"
        assert caught.value.exit_status == 3


async def test_the_deadline_stops_the_process(sshd: Sshd, tmp_path: Path) -> None:
    text = f'echo $$ >"{tmp_path}/pid"; echo "at step 3"; sleep 1000'
    started = time.monotonic()
    async with transport_to() as transport:
        with pytest.raises(DeadlineError, match="at step 3"):
            await transport.run(sshd.host(), Script("x", text), deadline_s=1)
        assert time.monotonic() - started < 10
        pid = int((tmp_path / "pid").read_text())
        await eventually(lambda: not Path(f"/proc/{pid}").exists())
        done = await transport.run(sshd.host(), Script("x", "echo well"), deadline_s=60)
        assert done.stdout == b"well\n"


async def test_cancelling_stops_the_process_at_once(sshd: Sshd, tmp_path: Path) -> None:
    text = f'echo $$ >"{tmp_path}/new"; mv "{tmp_path}/new" "{tmp_path}/pid"; sleep 1000'
    async with transport_to() as transport:
        running = asyncio.create_task(
            transport.run(sshd.host(), Script("x", text), deadline_s=1000)
        )
        await eventually((tmp_path / "pid").exists)
        started = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert time.monotonic() - started < 1
        pid = int((tmp_path / "pid").read_text())
        await eventually(lambda: not Path(f"/proc/{pid}").exists())


async def test_a_flood_is_cut_and_the_connection_lives_on(sshd: Sshd) -> None:
    async with transport_to() as transport:
        done = await transport.run(
            sshd.host(), Script("x", "yes"), deadline_s=60, limit_bytes=1_000_000
        )
        assert done.truncated
        assert len(done.stdout) == 1_000_000
        again = await transport.run(sshd.host(), Script("x", "echo well"), deadline_s=60)
        assert again.stdout == b"well\n"


async def test_a_sink_gets_everything_in_order(sshd: Sshd) -> None:
    got = bytearray()
    async with transport_to() as transport:
        done = await transport.run(
            sshd.host(),
            Script("x", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done"),
            deadline_s=60,
            sink=got.extend,
        )
    assert done.stdout == b""
    assert bytes(got) == b"".join(b"%d\n" % n for n in range(20_000))


async def test_root_is_told_by_the_host_itself(sshd: Sshd) -> None:
    async with transport_to() as transport:
        done = await transport.run(
            sshd.host(), Script("x", "id -u"), as_root="if-possible", deadline_s=60
        )
    assert done.as_root == (done.stdout == b"0\n")


async def test_closing_ends_what_runs_and_can_be_used_again(sshd: Sshd) -> None:
    async with transport_to() as transport:
        running = asyncio.create_task(
            transport.run(sshd.host(), Script("x", "sleep 1000"), deadline_s=1000)
        )
        await transport.run(sshd.host(), Script("x", "true"), deadline_s=60)
        await transport.close()
        with pytest.raises(failures.ConnectionDropped):
            await running
        done = await transport.run(sshd.host(), Script("x", "echo well"), deadline_s=60)
        assert done.stdout == b"well\n"


async def test_the_fleet_reaches_hosts_by_ssh(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    transport = open_transport(Fleet((sshd.host(),)), Credentials())
    done = await transport.run(sshd.host(), Script("x", "echo there"), deadline_s=60)
    assert done.stdout == b"there\n"
    await transport.close()


async def test_the_client_configuration_is_honoured(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "server") as server:
        server.trust("shared-name")
        config = tmp_path / "config"
        config.write_text(
            f"Host web\n  HostName 127.0.0.1\n  Port {server.port}\n  HostKeyAlias shared-name\n"
            f"  IdentityFile {server.identity}\n  IdentitiesOnly yes\n  Ciphers aes256-ctr\n"
            f"  UserKnownHostsFile {server.known_hosts}\n  ServerAliveInterval 7\n"
            "  KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256\n"
        )
        web = server.host("w", address="web", port=None, identity=None, known_hosts=None)
        async with transport_to(config=config) as transport:
            done = await transport.run(web, Script("x", "echo there"), deadline_s=60)
            assert done.stdout == b"there\n"
            cipher = transport._attempts["w"].task.result().connection.get_extra_info("send_cipher")
            assert cipher == "aes256-ctr"


async def test_the_fast_cipher_comes_first(sshd: Sshd) -> None:
    async with transport_to() as transport:
        await transport.run(sshd.host(), CONNECTION, deadline_s=60)
        connection = transport._attempts["server"].task.result().connection
        assert connection.get_extra_info("send_cipher") == "aes128-gcm@openssh.com"


async def test_a_proxy_command_carries_the_connection(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "server") as server:
        server.trust("behind")
        config = tmp_path / "config"
        serve = f"/usr/sbin/sshd -i -f {server.place}/sshd_config"
        config.write_text(f"Host behind\n  ProxyCommand sh -c 'echo noise >&2; exec {serve}'\n")
        behind = server.host("b", address="behind", port=None)
        async with transport_to(config=config) as transport:
            done = await transport.run(behind, Script("x", "echo there"), deadline_s=60)
            assert done.stdout == b"there\n"
        config.write_text("Host behind\n  ProxyCommand sh -c 'echo no way through >&2; exit 3'\n")
        async with transport_to(config=config) as transport:
            with pytest.raises(failures.JumpFailed, match=r"ProxyCommand of b .*no way through"):
                await transport.run(behind, Script("x", "true"), deadline_s=60)


async def test_a_server_that_gives_no_session_says_so(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "server", "MaxSessions 0") as server:
        server.trust()
        async with transport_to() as transport:
            with pytest.raises(failures.SessionRefused, match="no session"):
                await transport.run(server.host(), Script("x", "true"), deadline_s=60)


async def test_a_login_shell_that_prints_first_is_not_heard(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_text(
        "#!/bin/sh\necho 'Welcome to this host!'\nprintf more\n"
        'exec sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    noise.chmod(0o755)
    with running_sshd(tmp_path / "server", f"ForceCommand {noise}") as server:
        server.trust()
        async with transport_to() as transport:
            done = await transport.run(server.host(), Script("x", "echo out"), deadline_s=60)
            assert done.stdout == b"out\n"


async def test_no_secret_is_in_the_arguments_on_the_host(sshd: Sshd) -> None:
    """Scripts and their data travel on standard input: `ps` shows neither."""
    script = Script("x", "ps -eo args # needle-in-the-script", stdin=b"needle-in-the-data")
    async with transport_to() as transport:
        done = await transport.run(sshd.host(), script, deadline_s=60)
    seen = [line for line in done.stdout.splitlines() if b"sh -s" in line]
    assert seen
    assert not any(b"needle" in line for line in seen)


def test_the_tests_sshd_is_a_real_one() -> None:
    done = subprocess.run(["/usr/sbin/sshd", "-V"], capture_output=True, check=False, timeout=60)
    assert b"OpenSSH" in done.stderr + done.stdout
