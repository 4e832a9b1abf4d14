"""Becoming root, with doubles of `sudo` and `id` first on the PATH of this machine's own shell.

Real sudo, with PAM, use_pty and requiretty, is proven in tests/lab/test_transport.py.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import DeadlineError, HostOutputError, HostshiftError
from engine.model.host import Host
from engine.shell import Script, Secret
from engine.transport import failures
from engine.transport.credentials import Credentials
from engine.transport.local import LocalTransport
from engine.transport.protocol import AsRoot, Completed

PASSWORD = "correct horse 'battery'"
WHOAMI = Script(
    "whoami.sh", 'root=$1; shift; echo "uid $(id -u) root<$root> args<$*>"', ("a", "b c")
)

ID = """#!/bin/sh
echo "${FAKE_UID:-1000}"
"""
# What sudo 1.9 and sudo-rs do, as far as it can be seen from outside. The mode is the file `mode`.
SUDO = """#!/bin/sh
here=${0%/*}
printf '%s\\n' "$*" >>"$here/calls"
mode=$(cat "$here/mode")
ask= prompt=
while :; do
    case $1 in
    -n) ask=no; shift ;;
    -k|-S) shift ;;
    -p) prompt=$2; shift 2 ;;
    --) shift; break ;;
    *) break ;;
    esac
done
die() { echo "$1" >&2; exit 1; }
run() { FAKE_UID=0; export FAKE_UID; exec "$@"; }
case $mode in
nopasswd) run "$@" ;;
not-root) exec "$@" ;;
denied) die "asker is not in the sudoers file." ;;
denied-rs) die "sudo: I'm sorry asker. I'm afraid I can't do that" ;;
tty) die "sudo: sorry, you must have a tty to run sudo" ;;
broken) die "sudo: /etc/sudo.conf is owned by uid 1000, should be 0" ;;
esac
if [ "$ask" = no ]; then
    case $mode in
    *-rs) die "sudo: interactive authentication is required" ;;
    *) die "sudo: a password is required" ;;
    esac
fi
case $mode in
lecture) printf 'We trust you have received the usual lecture.\\n\\n' >&2 ;;
otp) prompt="Verification code: " ;;
hang) while :; do sleep 1; done ;;
*-rs) prompt="[sudo: $prompt] Password: " ;;
esac
for try in 1 2 3; do
    printf '%s' "$prompt" >&2
    IFS= read -r password || die "sudo: no password was provided"
    echo "$password" >>"$here/attempts"
    if [ "$password" = "$(cat "$here/password")" ]; then
        case $mode in
        denied-after) die "Sorry, user asker is not allowed to execute '/bin/sh' as root on h." ;;
        esac
        run "$@"
    fi
    case $mode in
    one-try) break ;;
    *-rs) echo "sudo: Authentication failed, try again." >&2 ;;
    *) echo "Sorry, try again." >&2 ;;
    esac
done
die "sudo: 3 incorrect password attempts"
"""


class Doubles:
    """The directory with the doubles, and what they saw."""

    def __init__(self, place: Path) -> None:
        self.place = place
        for name, text in (("id", ID), ("sudo", SUDO)):
            (place / name).write_text(text)
            (place / name).chmod(0o755)
        (place / "password").write_text(PASSWORD)

    def be(self, mode: str) -> None:
        (self.place / "mode").write_text(mode)

    def _lines(self, name: str) -> list[str]:
        file = self.place / name
        return file.read_text().splitlines() if file.exists() else []

    @property
    def calls(self) -> list[str]:
        return self._lines("calls")

    @property
    def attempts(self) -> list[str]:
        return self._lines("attempts")


@pytest.fixture
def doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doubles:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Doubles(tmp_path)


@pytest.fixture
def known() -> Credentials:
    return Credentials()


@pytest.fixture
async def transport(known: Credentials) -> AsyncIterator[LocalTransport]:
    transport = LocalTransport(known)
    yield transport
    await transport.close()


HOST = Host("h", "h", transport="local", become="sudo")


async def _run(
    transport: LocalTransport,
    as_root: AsRoot = "required",
    host: Host = HOST,
    deadline_s: float = 60,
) -> Completed:
    return await transport.run(host, WHOAMI, as_root=as_root, deadline_s=deadline_s)


async def test_without_a_password_it_takes_one_command(
    doubles: Doubles, transport: LocalTransport
) -> None:
    doubles.be("nopasswd")
    done = await _run(transport)
    assert done.stdout == b"uid 0 root<> args<a b c>\n"
    assert done.as_root
    assert doubles.calls == ["-n -- sh -s --  a b c"]


async def test_someone_who_is_root_needs_no_sudo(
    doubles: Doubles, transport: LocalTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_UID", "0")
    doubles.be("denied")
    assert (await _run(transport)).as_root
    assert doubles.calls == []


@pytest.mark.parametrize("mode", ["password", "lecture", "password-rs", "one-try"])
async def test_the_password_is_sent_once_and_to_sudo_only(
    mode: str, doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be(mode)
    known.set_sudo_password(Secret(PASSWORD))
    done = await _run(transport)
    assert done.stdout == b"uid 0 root<> args<a b c>\n"
    assert done.as_root
    assert doubles.attempts == [PASSWORD]
    assert not any(PASSWORD in call for call in doubles.calls)
    assert PASSWORD.encode() not in done.stdout + done.stderr
    assert PASSWORD not in repr(done)


async def test_what_was_learnt_saves_the_question_next_time(
    doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be("password")
    known.set_sudo_password(Secret(PASSWORD))
    await _run(transport)
    await _run(transport)
    assert [call.split()[0] for call in doubles.calls] == ["-n", "-k", "-k"]
    await transport.forget("h")
    await _run(transport)
    assert [call.split()[0] for call in doubles.calls[3:]] == ["-n", "-k"]


async def test_a_missing_password_is_asked_for(doubles: Doubles, transport: LocalTransport) -> None:
    doubles.be("password")
    with pytest.raises(failures.SudoPasswordNeeded) as caught:
        await _run(transport)
    assert caught.value.kind == "sudo-password"
    assert caught.value.exit_status == 4
    done = await _run(transport, "if-possible")
    assert done.stdout == b"uid 1000 root<> args<a b c>\n"
    assert not done.as_root
    assert done.not_root_because is not None
    assert done.not_root_because.kind == "sudo-password"
    assert doubles.attempts == []


@pytest.mark.parametrize("mode", ["password", "password-rs", "one-try"])
async def test_a_wrong_password_is_tried_once_and_forgotten(
    mode: str, doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be(mode)
    known.set_sudo_password(Secret("wrong"))
    with pytest.raises(failures.SudoPasswordWrong) as caught:
        await _run(transport)
    assert caught.value.kind == "sudo-password-wrong"
    with pytest.raises(failures.SudoPasswordNeeded):
        await _run(transport)
    assert doubles.attempts == ["wrong"]
    assert "wrong" not in caught.value.message.replace("wrong password", "")


async def test_a_wrong_password_for_many_hosts_fails_on_one_of_them(
    doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    """Many hosts share an account: fifty failures would lock it."""
    doubles.be("password")
    known.set_sudo_password(Secret("wrong"))
    hosts = [Host(f"h{n}", "h", transport="local", become="sudo") for n in range(8)]
    got = await asyncio.gather(
        *(_run(transport, host=host) for host in hosts), return_exceptions=True
    )
    kinds = sorted(error.kind for error in got if isinstance(error, HostshiftError))
    assert kinds == ["sudo-password"] * 7 + ["sudo-password-wrong"]
    assert doubles.attempts == ["wrong"]


async def test_a_right_password_for_many_hosts_serves_all(
    doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be("password")
    known.set_sudo_password(Secret(PASSWORD))
    hosts = [Host(f"h{n}", "h", transport="local", become="sudo") for n in range(8)]
    got = await asyncio.gather(*(_run(transport, host=host) for host in hosts))
    assert all(done.as_root for done in got)
    assert doubles.attempts == [PASSWORD] * 8


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("denied", "sudo-denied"),
        ("denied-rs", "sudo-denied"),
        ("denied-after", "sudo-denied"),
        ("tty", "sudo-tty"),
        ("broken", "sudo-failed"),
        ("not-root", "sudo-failed"),
    ],
)
async def test_sudos_refusal_is_told_and_not_provoked_twice(
    mode: str, kind: str, doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be(mode)
    known.set_sudo_password(Secret(PASSWORD))
    with pytest.raises(failures.NotRoot) as caught:
        await _run(transport)
    assert caught.value.kind == kind
    assert caught.value.exit_status == 5
    assert caught.value.hint
    done = await _run(transport, "if-possible")
    assert done.stdout == b"uid 1000 root<> args<a b c>\n"
    assert done.not_root_because is not None
    assert done.not_root_because.kind == kind
    assert len(doubles.attempts) <= 1


@pytest.mark.parametrize("mode", ["nopasswd", "not-root", "password", "denied", "tty"])
async def test_a_script_runs_once_whichever_way_it_takes(
    mode: str, doubles: Doubles, transport: LocalTransport
) -> None:
    doubles.be(mode)
    script = Script("count.sh", f'echo run >>"{doubles.place}/runs"')
    await transport.run(HOST, script, as_root="if-possible", deadline_s=60)
    assert (doubles.place / "runs").read_text() == "run\n"


async def test_a_refusal_is_not_provoked_twice(
    doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be("denied-after")
    known.set_sudo_password(Secret(PASSWORD))
    for _ in range(3):
        with pytest.raises(failures.SudoDenied):
            await _run(transport)
    assert len(doubles.attempts) <= 1


async def test_a_host_without_sudo_says_so(
    doubles: Doubles, transport: LocalTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    (doubles.place / "sudo").unlink()
    for program in ("sh", "printf"):
        (doubles.place / program).symlink_to(f"/usr/bin/{program}")
    monkeypatch.setenv("PATH", str(doubles.place))
    with pytest.raises(failures.SudoMissing) as caught:
        await _run(transport)
    assert caught.value.kind == "sudo-missing"


async def test_a_question_that_is_not_for_the_password_gets_no_password(
    doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be("otp")
    known.set_sudo_password(Secret(PASSWORD))
    with pytest.raises(DeadlineError, match="had not started") as caught:
        await _run(transport, deadline_s=1)
    assert "Verification code" in caught.value.message
    assert doubles.attempts == []


async def test_a_sudo_that_hangs_ends_with_the_deadline(
    doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be("hang")
    known.set_sudo_password(Secret(PASSWORD))
    started = time.monotonic()
    with pytest.raises(DeadlineError):
        await _run(transport, deadline_s=0.5)
    assert time.monotonic() - started < 5


async def test_a_script_that_needs_root_is_not_run_without(
    doubles: Doubles, transport: LocalTransport, tmp_path: Path
) -> None:
    plain = Host("h", "h", transport="local", become="none")
    touch = Script("touch.sh", f'touch "{tmp_path}/done"')
    with pytest.raises(failures.NotRoot) as caught:
        await transport.run(plain, touch, as_root="required", deadline_s=60)
    assert caught.value.kind == "privilege"
    assert not (tmp_path / "done").exists()
    done = await transport.run(plain, touch, as_root="if-possible", deadline_s=60)
    assert (tmp_path / "done").exists()
    assert done.not_root_because is not None
    assert done.not_root_because.kind == "privilege"


async def test_who_asks_for_no_root_gets_none(doubles: Doubles, transport: LocalTransport) -> None:
    doubles.be("nopasswd")
    done = await _run(transport, "no")
    assert done.stdout.startswith(b"uid 1000")
    assert doubles.calls == []
    assert done.not_root_because is None


async def test_data_reaches_the_script_after_the_password(
    doubles: Doubles, transport: LocalTransport, known: Credentials
) -> None:
    doubles.be("password")
    known.set_sudo_password(Secret(PASSWORD))
    data = bytes(range(256)) * 1000
    script = Script("cat.sh", "cat", stdin=data)
    done = await transport.run(HOST, script, as_root="required", deadline_s=60)
    assert done.stdout == data


async def test_a_login_that_runs_nothing_is_told_in_its_own_words(
    doubles: Doubles, transport: LocalTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    (doubles.place / "sh").write_text(
        "#!/bin/dash\necho This account is not available. >&2\nexit 1\n"
    )
    (doubles.place / "sh").chmod(0o755)
    with pytest.raises(HostOutputError, match="This account is not available"):
        await _run(transport, "no")
