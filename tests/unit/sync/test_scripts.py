"""sync_source.sh, sync_target.sh and sync_pass.sh under each shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.errors import HostOutputError, RefusedError
from engine.jobs.script import shipped
from engine.sync import (
    DIFFERS,
    NOT_THE_TARGET,
    NOT_USABLE,
    RSYNC,
    Source,
    close_source,
    drop_key,
    look_at_source,
    make_key,
    open_source,
    read_pass,
    ready,
)
from engine.sync.target import pass_text
from tests.unit.jobs.conftest import lan
from tests.unit.jobs.local_host import LocalHost

__all__ = ["lan"]

RUN = "20261126t080000-ab12"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIhost"
NEW, OLD = "10.0.0.2", "10.0.0.1"
SOURCE = Source("root", (HOST_KEY,), 22)


@pytest.fixture
def old(lan: LocalHost, monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    """server1 with a root account that has other keys."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    (lan.root / "etc/ssh").mkdir(parents=True)
    (lan.root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (lan.root / "etc/ssh/ssh_host_ed25519_key.pub").write_text(f"{HOST_KEY} root@server1\n")
    (lan.root / "root/.ssh").mkdir(parents=True)
    return lan


def keys(old: LocalHost) -> Path:
    return old.root / "root/.ssh/authorized_keys"


async def opened(
    old: LocalHost, valid_s: int = 600, peer: str = NEW, *, back: bool = False
) -> Source:
    paths = ("/srv/o dd",)
    return await open_source(old, old.host, RUN, KEY, peer, paths, valid_s=valid_s, back=back)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ssh-ed25519 AAAA me\n",
        b"# mine\r\n\n  ssh-rsa AAAA \xff\xfe hostshift:sync:20261126t080000-ab123\n\n\nno end",
        b"ssh-rsa AAAA hostshift:sync:20261126t080000xab12\nx hostshift:sync:"
        + RUN.encode()
        + b" y\n",
    ],
)
async def test_the_key_comes_and_goes_and_the_rest_stays(old: LocalHost, content: bytes) -> None:
    file = keys(old)
    file.write_bytes(content)
    file.chmod(0o640)
    first = await opened(old)
    assert first == Source("root", (HOST_KEY,), None)
    line, _, rest = file.read_bytes().partition(b"\n")
    assert rest == content
    gate = f"{old.home}/runs/{RUN}/sync-gate/gate"
    options, _, words = line.decode().partition(f" {KEY}")
    assert words == f" hostshift:sync:{RUN}"
    begin = f'restrict,from="{NEW}",expiry-time="'
    assert options.startswith(begin)
    moment, _, command = options.removeprefix(begin).partition('",')
    assert command == f'command="/bin/sh {gate} \\"$SSH_ORIGINAL_COMMAND\\""'
    ends = datetime.strptime(moment, "%Y%m%d%H%M%S")  # noqa: DTZ007 - sshd takes local time
    assert timedelta(0) <= datetime.now() + timedelta(seconds=600) - ends < timedelta(seconds=60)  # noqa: DTZ005
    assert (old.home / "direction").read_text() == f"{RUN} source {NEW}\n"
    # renewed, not doubled
    await opened(old, valid_s=6000)
    renewed, _, rest = file.read_bytes().partition(b"\n")
    assert (rest, renewed != line) == (content, True)
    assert file.stat().st_mode & 0o777 == 0o640
    for _ in range(2):
        assert await close_source(old, old.host, RUN)
        assert file.read_bytes() == content
        assert file.stat().st_mode & 0o777 == 0o640
        assert not (old.home / f"runs/{RUN}/sync-gate").exists()
    assert [p.name for p in file.parent.iterdir()] == ["authorized_keys"]


async def test_a_file_that_was_made_for_it_goes_with_it(old: LocalHost) -> None:
    keys(old).parent.rmdir()
    await opened(old)
    assert keys(old).stat().st_mode & 0o777 == 0o600
    assert keys(old).parent.stat().st_mode & 0o777 == 0o700
    assert await close_source(old, old.host, RUN)
    assert not keys(old).exists()


async def test_after_a_crash_the_key_is_found_without_its_notes(old: LocalHost) -> None:
    await opened(old)
    shutil.rmtree(old.home / f"runs/{RUN}/sync-gate")
    assert await close_source(old, old.host, RUN)
    assert keys(old).read_bytes() == b""


async def test_sshd_says_where_keys_lie(old: LocalHost) -> None:
    old.double(
        "sshd",
        '[ "$1 $2 $3" = "-T -C user=root,host=10.0.0.2,addr=10.0.0.2" ] || exit 1\n'
        'echo "port 2222"; echo "authorizedkeysfile /etc/keys/%u .ssh/other"\n'
        'echo "hostkey /etc/ssh/ssh_host_ed25519_key"\n',
    )
    (old.root / "etc/keys").mkdir()
    assert (await opened(old)).port == 2222
    assert (old.root / "etc/keys/root").read_text().startswith("restrict,")
    assert await close_source(old, old.host, RUN)
    assert not (old.root / "etc/keys/root").exists()
    old.double("sshd", "echo 'authorizedkeysfile none'\n")
    with pytest.raises(RefusedError, match="AuthorizedKeysFile none"):
        await opened(old)


async def test_a_link_to_the_keys_stays_one(old: LocalHost) -> None:
    real = old.root / "root/keys"
    real.write_bytes(b"mine\n")
    keys(old).symlink_to(real)
    await opened(old)
    assert real.read_bytes().startswith(b"restrict,")
    assert await close_source(old, old.host, RUN)
    assert real.read_bytes() == b"mine\n"
    assert keys(old).is_symlink()


async def test_a_successor_is_no_source_for_its_predecessor(old: LocalHost) -> None:
    old.home.mkdir()
    for line in (f"{RUN} target 10.0.0.9", f"before target {NEW}"):
        (old.home / "direction").write_text(line + "\n")
        with pytest.raises(RefusedError, match="Data would flow back"):
            await opened(old)
        assert not keys(old).exists()
    # to the next in the row it is one
    (old.home / "direction").write_text("before target 10.0.0.9\n")
    await opened(old)
    assert (old.home / "direction").read_text().splitlines() == [
        "before target 10.0.0.9", f"{RUN} source {NEW}",
    ]  # fmt: skip


async def test_a_full_disk_leaves_the_keys_alone(old: LocalHost) -> None:
    keys(old).write_bytes(b"mine\n")
    await opened(old)
    before = keys(old).read_bytes()
    old.full = True
    with pytest.raises(HostOutputError):
        await opened(old, 6000)
    assert keys(old).read_bytes() == before


async def test_volumes_are_looked_at(old: LocalHost) -> None:
    (old.root / "srv/full").mkdir(parents=True)
    (old.root / "srv/full/file").write_text("x" * 10_000)
    (old.root / "srv/empty").mkdir()
    (old.root / "srv/file").write_text("x")
    (old.root / "srv/link").symlink_to("gone")
    (old.root / "proc/self").mkdir(exist_ok=True)
    (old.root / "proc/self/mountinfo").write_text(
        "22 1 8:1 / / rw shared:1 - ext4 /dev/vda1 rw\n23 22 8:2 / /srv rw - ext4 /dev/vdb rw\n"
    )
    (old.root / "dev/disk/by-uuid").mkdir(parents=True)
    (old.root / "dev/disk/by-uuid/abcd").symlink_to("/dev/vdb")
    paths = ("/srv/full", "/srv/empty", "/srv/file", "/srv/link", "/srv/gone")
    full, empty, *rest = await look_at_source(old, old.host, paths)
    assert (full.path, full.state, full.entries, full.empty) == ("/srv/full", "directory", 1, False)
    assert full.used_bytes is not None
    assert full.used_bytes > 8192
    assert (empty.state, empty.entries, empty.empty) == ("directory", 0, True)
    assert {full.device, empty.device} <= {"abcd", "ext4 /dev/vdb"}
    assert [one.state for one in rest] == ["other", "missing", "missing"]


KEYGEN = """
for last in "$@"; do :; done
echo private >"$last"; echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 hostshift" >"$last.pub"
echo made >>"${0%/*}/../keygen.log"
"""


async def test_a_key_is_made_once(lan: LocalHost) -> None:
    lan.double("ssh-keygen", KEYGEN)
    place = lan.home / f"runs/{RUN}/sync"
    for _ in range(2):
        assert await make_key(lan, lan.host, RUN) == "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
    assert (lan.root / "keygen.log").read_text() == "made\n"
    assert (place / "key").stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o700
    assert (lan.home / "direction").read_text() == f"{RUN} target -\n"
    assert (place / "pass").read_text() == pass_text()
    # interrupted between its two names: made again
    (place / "key").unlink()
    await make_key(lan, lan.host, RUN)
    assert (lan.root / "keygen.log").read_text() == "made\nmade\n"
    assert await drop_key(lan, lan.host, RUN)
    assert await drop_key(lan, lan.host, RUN)
    assert not (place / "key").exists()


async def test_a_source_is_no_target(lan: LocalHost) -> None:
    lan.double("ssh-keygen", KEYGEN)
    lan.double("rsync", "exit 0\n")
    lan.home.mkdir()
    (lan.home / "direction").write_text(f"{RUN} source {OLD}\n")
    with pytest.raises(RefusedError, match="Data would flow back"):
        await make_key(lan, lan.host, RUN)
    (lan.home / "direction").write_text(f"before source {OLD}\n")
    await make_key(lan, lan.host, RUN)
    with pytest.raises(RefusedError, match="Data would flow back"):
        await ready(lan, lan.host, RUN, SOURCE, OLD, ())


async def test_data_go_back_where_that_is_meant(old: LocalHost) -> None:
    """To a host that gave them, from one that took them; never in one and the same run."""
    old.double("ssh-keygen", KEYGEN)
    old.double("rsync", "exit 0\n")
    old.home.mkdir()
    said = old.home / "direction"
    said.write_text(f"before source {OLD}\n")
    assert await make_key(old, old.host, RUN, back=True)
    for _ in range(2):
        assert await ready(old, old.host, RUN, SOURCE, OLD, (), back=True) == ()
    assert said.read_text() == f"before source {OLD}\n{RUN} target {OLD}\n"
    with pytest.raises(RefusedError, match="Data would flow back"):
        await opened(old, back=True)
    said.write_text(f"before target {NEW}\n")
    with pytest.raises(RefusedError, match="Data would flow back"):
        await opened(old)
    assert (await opened(old, back=True)).login == "root"
    with pytest.raises(RefusedError, match="Data would flow back"):
        await make_key(old, old.host, RUN, back=True)


async def test_what_is_prepared_for_ssh(lan: LocalHost) -> None:
    lan.double("ssh-keygen", KEYGEN)
    lan.double("rsync", "exit 0\n")
    await make_key(lan, lan.host, RUN)
    assert await ready(lan, lan.host, RUN, SOURCE, OLD, ()) == ()
    place = lan.home / f"runs/{RUN}/sync"
    assert (place / "known_hosts").read_text() == f"server1 {HOST_KEY}\n"
    assert "StrictHostKeyChecking yes\n" in (place / "ssh_config").read_text()
    assert (lan.home / "direction").read_text() == f"{RUN} target {OLD}\n"
    await make_key(lan, lan.host, RUN)  # what is known by now stays
    assert (lan.home / "direction").read_text() == f"{RUN} target {OLD}\n"
    (place / "key").unlink()
    assert await ready(lan, lan.host, RUN, SOURCE, OLD, ()) == (
        "The one-time key is gone from the successor.",
    )


class Pass:
    """The wrapper in a successor's directory, around an rsync that does what it is told."""

    def __init__(self, lan: LocalHost) -> None:
        self.lan = lan
        self.place = lan.home / f"runs/{RUN}/sync"
        self.place.mkdir(parents=True)
        (self.place / "pass").write_text(pass_text())
        self.direction = lan.home / "direction"
        self.direction.write_text(f"{RUN} target {OLD}\n")
        self.target = lan.root / "srv/new/data"

    def run(self, kind: str, does: str) -> tuple[int, str]:
        self.lan.double("rsync", does)
        return self.call(kind, "rsync", "-n", "server1:/srv/data/", f"{self.target}/")

    def call(self, kind: str, *command: str) -> tuple[int, str]:
        done = subprocess.run(
            [*self.lan.shell, str(self.place / "pass"), kind, "/srv/data", "--", *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60, text=True,
            env={**os.environ, "PATH": f"{self.lan.doubles}:{os.environ['PATH']}"},
        )  # fmt: skip
        return done.returncode, done.stdout


@pytest.fixture
def passing(lan: LocalHost) -> Pass:
    return Pass(lan)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (23, "name the files"), (24, "still writes"), (30, "silent"), (35, "silent"),
        (12, "connection to server1"), (10, "connection to server1"), (11, "KiB free"),
        (20, "stopped"), (1, "EXIT VALUES"), (43, "server1 refused"),
    ],
)  # fmt: skip
def test_a_failure_is_told_in_words(passing: Pass, status: int, words: str) -> None:
    ended, log = passing.run("final", f"printf 'rsync: it broke'; exit {status}")
    assert ended == RSYNC + status
    assert words in log
    (volume,) = read_pass(log.encode()).volumes
    assert (volume.path, volume.kind, volume.exit_status) == ("/srv/data", "final", status)
    assert volume.complaints[0] == "rsync: it broke"
    assert words in " ".join(volume.complaints)
    assert passing.run("final", "exit 255")[0] == 255


@pytest.mark.parametrize("kind", ["bulk", "final", "rehearsal", "verify"])
def test_vanished_files_are_borne_by_bulk_alone(passing: Pass, kind: str) -> None:
    ended, log = passing.run(kind, "exit 24")
    assert ended == (0 if kind == "bulk" else RSYNC + 24)
    assert read_pass(log.encode()).volumes[0].exit_status == 24
    assert passing.run(kind, "exit 23")[0] == RSYNC + 23
    assert passing.run(kind, "exit 0")[0] == 0


def test_verify_counts_and_shows(passing: Pass) -> None:
    items = (
        "*deleting   a\n.d..t...... ./\n>f+++++++++ b c\ncL+++++++++ l -> m\nhf+++++++++ h => b\n"
    )
    other = "\nNumber of files: 5\nsent 42 bytes  received 457 bytes  998.00 bytes/sec\n"
    ended, log = passing.run("verify", f"printf '%s' '{items}{other}'; echo 'rsync: w' >&2")
    assert ended == DIFFERS
    assert items in log
    (volume,) = read_pass(log.encode()).volumes
    assert (volume.exit_status, volume.differences) == (0, 5)
    ended, log = passing.run("verify", f"printf '%s' '{other}'")
    assert (ended, read_pass(log.encode()).volumes[0].differences) == (0, 0)
    ended, log = passing.run("verify", "seq 1 5000 | sed 's/^/>f+++++++++ /'")
    assert ended == DIFFERS
    assert "and 4800 more" in log
    assert log.count(">f+++++++++") == 200
    assert read_pass(log.encode()).volumes[0].differences == 5000
    ended, log = passing.run("verify", f"printf '%s' '{items}'; exit 12")
    assert ended == RSYNC + 12


@pytest.mark.parametrize("change", ["", "other", "more", "less"])
def test_sums_of_small_files_are_compared(passing: Pass, tmp_path: Path, change: str) -> None:
    there = tmp_path / "there"
    for place in (passing.target, there):
        (place / "o dd").mkdir(parents=True)
        (place / "o dd/two\nlines").write_text("same")
        (place / "o dd/other").write_text(change if place == there else "")
        (place / "big").write_text(f"{place}{'x' * 1024}")
        (place / "link").symlink_to(place)
    if change in ("more", "less"):
        (there if change == "more" else passing.target).joinpath("-one").touch()
    sums = f"cd '{there}' && {shipped('sync_sums.sh')}\nsums 1\n"
    passing.lan.double("ssh", sums)
    command = ("1", "ssh", "server1", f"{passing.target}/")
    ended, log = passing.call("sums", *command)
    (volume,) = read_pass(log.encode()).volumes
    differing = ["./o dd/other"] * (change != "") + ["./-one"] * (change in ("more", "less"))
    shown = [line.removeprefix("differs: ") for line in log.splitlines() if "differs: " in line]
    assert (sorted(shown), volume.differences) == (sorted(differing), len(differing)), log
    assert ended == (DIFFERS if change else 0)
    assert passing.call("trial", *command)[0] == 0
    assert sorted(p.name for p in passing.place.iterdir()) == ["pass"]


def test_sums_that_can_not_be_made_are_no_sums(passing: Pass) -> None:
    passing.target.mkdir(parents=True)
    (passing.target / "file").write_text("x")
    command = ("64", "ssh", "server1", f"{passing.target}/")
    for status, words in ((123, "checksum_below = 0"), (43, "server1 refused"), (255, "lost")):
        passing.lan.double("ssh", f"exit {status}\n")
        for kind in ("sums", "trial"):
            ended, log = passing.call(kind, *command)
            assert ended not in (0, DIFFERS), log
            assert words in log
    passing.lan.double("ssh", "printf 'sum  ./file\\0'; exit 123\n")
    assert passing.call("trial", *command)[0] == 0, "files may vanish while server1 serves"
    assert passing.call("sums", *command)[0] == 123


def test_only_the_target_of_the_run_takes(passing: Pass) -> None:
    for line in ("", f"{RUN} source x\n", f"other target {OLD}\n"):
        passing.direction.write_text(line)
        ended, log = passing.run("final", "echo it ran")
        assert ended == NOT_THE_TARGET
        assert "it ran" not in log


def test_the_directory_on_the_successor(passing: Pass) -> None:
    assert passing.run("rehearsal", "true")[0] == 0
    assert not passing.target.parent.exists()
    assert passing.run("bulk", "true")[0] == 0
    assert passing.target.parent.is_dir()
    passing.target.symlink_to("/")
    ended, log = passing.run("final", "echo it ran")
    assert (ended, "it ran" in log) == (NOT_USABLE, False)
    assert "is a link here" in log
    passing.target.unlink()
    passing.target.write_text("")
    ended, log = passing.run("final", "echo it ran")
    assert (ended, "it ran" in log) == (NOT_USABLE, False)
