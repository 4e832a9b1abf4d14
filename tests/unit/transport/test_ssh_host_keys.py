"""Which host keys are taken, and what is said of all others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.model.host import Host
from engine.shell import Script
from engine.transport import failures
from engine.transport.failures import as_failure
from tests.unit.transport.servers import (
    Sshd,
    make_key,
    needs_sshd,
    public,
    run,
    running_sshd,
    transport_to,
)

pytestmark = needs_sshd
HELLO = Script("x", "echo hello")


def _fingerprint(key: Path) -> str:
    return run("ssh-keygen", "-lf", f"{key}.pub").split()[1]


async def _refused(host: Host) -> failures.HostKeyError:
    async with transport_to() as transport:
        with pytest.raises(failures.HostKeyError) as caught:
            await transport.run(host, HELLO, deadline_s=60)
    return caught.value


def _nobody_tried_to_log_in(server: Sshd) -> bool:
    return "publickey" not in server.log and "Postponed" not in server.log


async def _welcome(host: Host) -> bool:
    async with transport_to() as transport:
        done = await transport.run(host, HELLO, deadline_s=60)
    return done.stdout == b"hello\n"


async def test_an_unknown_key_is_offered_and_nothing_else_is_done(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        error = await _refused(server.host("web"))
        assert isinstance(error, failures.UnknownHostKey)
        assert (error.kind, error.exit_status) == ("host-key-unknown", 4)
        offer = error.offer
        assert (offer.host, offer.address, offer.port) == ("web", "127.0.0.1", server.port)
        assert offer.fingerprint == _fingerprint(server.host_keys[0])
        assert offer.line == f"[127.0.0.1]:{server.port} {public(server.host_keys[0])}"
        assert offer.file == str(server.known_hosts)
        assert offer.line in error.hint
        assert offer.file in error.hint
        assert offer.fingerprint in error.message
        assert as_failure(error).host_key == offer
        assert _nobody_tried_to_log_in(server)


async def test_what_a_person_accepts_is_known_from_then_on(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        async with transport_to() as transport:
            with pytest.raises(failures.UnknownHostKey) as caught:
                await transport.run(server.host(), HELLO, deadline_s=60)
            with pytest.raises(failures.UnknownHostKey):
                await transport.run(server.host(), HELLO, deadline_s=60)
            transport.accept_host_keys([caught.value.offer])
            done = await transport.run(server.host(), HELLO, deadline_s=60)
            assert done.stdout == b"hello\n"
        assert await _welcome(server.host())
        # the line is one that ssh(1) takes, too
        by_ssh = run(
            *("ssh", "-F", "none", "-i", str(server.identity), "-p", str(server.port)),
            *("-o", f"UserKnownHostsFile={server.known_hosts}", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=yes", "127.0.0.1", "echo hello"),
        )
        assert by_ssh == "hello\n"


async def test_many_unknown_keys_are_one_list(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        hosts = [server.host(f"h{n}", address=f"127.0.0.{n}") for n in range(1, 11)]
        server.stop()
        server.extra.append("ListenAddress 0.0.0.0")
        server.start()
        async with transport_to() as transport:
            errors = await asyncio.gather(
                *(transport.run(host, HELLO, deadline_s=60) for host in hosts),
                return_exceptions=True,
            )
            offers = [error.offer for error in errors if isinstance(error, failures.UnknownHostKey)]
            assert len(offers) == 10
            transport.accept_host_keys(offers)
            done = await asyncio.gather(
                *(transport.run(host, HELLO, deadline_s=60) for host in hosts)
            )
            assert all(one.stdout == b"hello\n" for one in done)


async def test_a_changed_key_is_refused_with_all_that_is_needed_to_judge(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        old = make_key(tmp_path / "old")
        server.known_hosts.write_text(f"# first line\n[127.0.0.1]:{server.port} {public(old)}\n")
        error = await _refused(server.host("web"))
        assert isinstance(error, failures.ChangedHostKey)
        assert (error.kind, error.exit_status) == ("host-key-changed", 4)
        assert _fingerprint(old) in error.message
        assert _fingerprint(server.host_keys[0]) in error.message
        assert f"{server.known_hosts}:2" in error.message
        assert f'ssh-keygen -R "[127.0.0.1]:{server.port}" -f {server.known_hosts}' in error.hint
        assert as_failure(error).host_key is None
        assert _nobody_tried_to_log_in(server)


async def test_a_key_of_another_kind_than_the_known_one_is_a_change(tmp_path: Path) -> None:
    """Else whoever is in between would only have to offer another kind of key."""
    with running_sshd(tmp_path / "s", kinds=("rsa",)) as server:
        old = make_key(tmp_path / "old")
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(old)}\n")
        error = await _refused(server.host())
        assert isinstance(error, failures.ChangedHostKey)
        assert _fingerprint(server.host_keys[0]) in error.message


@pytest.mark.parametrize("known", [0, 1, 2])
async def test_a_server_is_asked_for_the_kind_that_is_known(known: int, tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s", kinds=("ed25519", "rsa", "ecdsa")) as server:
        line = f"[127.0.0.1]:{server.port} {public(server.host_keys[known])}\n"
        server.known_hosts.write_text(line)
        assert await _welcome(server.host())


async def test_a_second_key_beside_a_stale_one_is_taken(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        old = make_key(tmp_path / "old")
        name = f"[127.0.0.1]:{server.port}"
        server.known_hosts.write_text(
            f"{name} {public(old)}\n{name} {public(server.host_keys[0])}\n"
        )
        assert await _welcome(server.host())


async def test_a_hashed_name_is_known(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        server.trust()
        run("ssh-keygen", "-H", "-f", str(server.known_hosts))
        assert "|1|" in server.known_hosts.read_text()
        assert await _welcome(server.host())


async def test_a_revoked_key_is_refused_even_if_it_is_known(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        server.trust()
        with server.known_hosts.open("a") as file:
            file.write(f"@revoked * {public(server.host_keys[0])}\n")
        error = await _refused(server.host())
        assert error.kind == "host-key-revoked"
        assert f"{server.known_hosts}:2" in error.message
        assert _nobody_tried_to_log_in(server)


def _certified(place: Path) -> tuple[Path, Path]:
    """An authority, and a host key's certificate by it."""
    place.mkdir(parents=True, exist_ok=True)
    authority = make_key(place / "ca")
    return authority, place / "host_ed25519-cert.pub"


async def test_an_authority_vouches_for_its_hosts(tmp_path: Path) -> None:
    place = tmp_path / "s"
    authority, certificate = _certified(place)
    with running_sshd(place) as server:
        server.stop()
        run(
            *("ssh-keygen", "-q", "-s", str(authority), "-I", "id", "-h"),
            *("-n", "web.example.com", f"{server.host_keys[0]}.pub"),
        )
        server.extra.append(f"HostCertificate {certificate}")
        server.start()
        server.known_hosts.write_text(f"@cert-authority *.example.com {public(authority)}\n")
        config = tmp_path / "config"
        config.write_text("Host web\n  HostName 127.0.0.1\n  HostKeyAlias web.example.com\n")
        web = server.host(address="web")
        async with transport_to(config=config) as transport:
            done = await transport.run(web, HELLO, deadline_s=60)
            assert done.stdout == b"hello\n"
        other = make_key(tmp_path / "other")
        server.known_hosts.write_text(f"@cert-authority *.example.com {public(other)}\n")
        async with transport_to(config=config) as transport:
            with pytest.raises(failures.HostKeyError) as caught:
                await transport.run(web, HELLO, deadline_s=60)
        assert _fingerprint(other) in caught.value.message
        assert _fingerprint(authority) in caught.value.message
        # without any authority the key itself is shown, as of any server
        server.known_hosts.write_text("")
        async with transport_to(config=config) as transport:
            with pytest.raises(failures.UnknownHostKey) as unknown:
                await transport.run(web, HELLO, deadline_s=60)
        assert unknown.value.offer.fingerprint == _fingerprint(server.host_keys[0])
        assert unknown.value.offer.line.startswith("web.example.com ssh-ed25519 ")


async def test_no_configuration_switches_checking_off(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s") as server:
        config = tmp_path / "config"
        config.write_text("StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n")
        async with transport_to(config=config) as transport:
            with pytest.raises(failures.UnknownHostKey):
                await transport.run(server.host(known_hosts=None), HELLO, deadline_s=60)
        config.write_text("StrictHostKeyChecking no\nUserKnownHostsFile none\n")
        async with transport_to(config=config) as transport:
            with pytest.raises(failures.UnknownHostKey):
                await transport.run(server.host(known_hosts=None), HELLO, deadline_s=60)
