"""The pure parts of the sync: its commands, its log, the source guard, accounts."""

from __future__ import annotations

import pytest

from engine.preflight.values import Accounts, FileSystem, Owner, Volume
from engine.sync import (
    Progress,
    Source,
    SourceVolume,
    account_conflicts,
    pass_commands,
    read_pass,
    read_progress,
    seen_by_preflight,
    source_guard,
    worth_another,
)
from engine.sync.passes import ssh_config
from engine.sync.target import problems_of

RUN = "20261126t080000-ab12"
PLACE = f"/var/lib/hostshift/runs/{RUN}/sync"
SOURCE = Source("admin", ("ssh-ed25519 AAAA",), 2222)
SEEN = SourceVolume("/srv/a", "directory", "uuid", 1000, 10_000, empty=False)


def test_the_commands_of_a_pass() -> None:
    first, second = pass_commands(
        RUN, SOURCE, "10.0.0.1", None, ("/srv/a", "/srv/o dd"), kind="bulk", bandwidth_kib=500
    )
    assert first == (
        *("sh", f"{PLACE}/pass", "bulk", "/srv/a", "--"),
        *("rsync", "-aHAXSx", "--numeric-ids", "--delete", "--partial", "--timeout=120"),
        *("--bwlimit=500", "--no-human-readable", "--info=progress2", "--stats"),
        *("-e", f"ssh -F {PLACE}/ssh_config -p 2222", "admin@10.0.0.1:/srv/a/", "/srv/a/"),
    )
    assert second[-2:] == ("admin@10.0.0.1:/srv/o%20dd/", "/srv/o dd/")
    for kind in ("rehearsal", "verify"):
        (command,) = pass_commands(
            *(RUN, SOURCE, "fd00::1", 22, ("/srv/a",)), kind=kind, checksum=True
        )
        assert "-n" in command
        assert ("-i" in command) == (kind == "verify")
        assert {"--checksum", "--delete", f"ssh -F {PLACE}/ssh_config -p 22"} < set(command)
        assert command[-2] == "admin@[fd00::1]:/srv/a/"


@pytest.mark.parametrize("address", ["server1.example.com", "10.0.0.1:x", "-oProxyCommand=x", ""])
def test_only_an_address_is_one(address: str) -> None:
    with pytest.raises(ValueError, match="IPv4 or IPv6"):
        pass_commands(RUN, SOURCE, address, None, ("/srv/a",), kind="final")


@pytest.mark.parametrize("login", ["-x", "a b", "", "a@b", "$(id)"])
def test_only_a_login_is_one(login: str) -> None:
    with pytest.raises(ValueError, match="login"):
        pass_commands(RUN, Source(login, ()), "10.0.0.1", None, ("/srv/a",), kind="final")


def test_only_a_bandwidth_is_one() -> None:
    with pytest.raises(ValueError, match="bandwidth"):
        pass_commands(*(RUN, SOURCE, "10.0.0.1", None, ("/srv/a",)), kind="bulk", bandwidth_kib=0)


@pytest.mark.parametrize(
    ("heard", "problem"),
    [
        ("admin@10.0.0.1: Permission denied (publickey).", "does not take the key"),
        ("Host key verification failed.", "another host key"),
        ("ssh: connect to host 10.0.0.1 port 22: Connection refused", "nothing listens"),
        ("ssh: connect to host 10.0.0.1 port 22: Connection timed out", "can't be reached"),
        ("sudo: a password is required", "NOPASSWD"),
        ("/x/gate: 99: exec: rsync: not found", "apt-get install rsync"),
        ("hostshift: server1 refuses: /srv/o%20dd/ is empty", "server1 refuses: /srv/o%20dd/"),
        ("hostshift: refused: /srv/o%20dd is a link here", "is a link here"),
        ("something new", "rsync ended with 112: something new"),
    ],
)
def test_what_is_in_the_way_is_told_in_words(heard: str, problem: str) -> None:
    said = ["tried 0 /srv/a", "said fine", "", "tried 112 /srv/o%20dd", f"said {heard}", "", "done"]
    (told,) = problems_of(said)
    assert told.startswith("/srv/o dd: ")
    assert problem in told


def test_ssh_uses_nothing_of_the_successors_own() -> None:
    config = ssh_config(RUN).splitlines()
    assert f"IdentityFile {PLACE}/key" in config
    assert {"IdentitiesOnly yes", "IdentityAgent none", "BatchMode yes"} < set(config)


LOG = b"""hostshift: running: sh /x/pass bulk /srv/a -- rsync
hostshift: pass bulk /srv/a begins
\r         32768   5%    1.95MB/s    0:01:10 (xfr#1, ir-chk=10/12)\
\r        500000  50%  512.00kB/s    1:00:05 (xfr#2, to-chk=4/12)

Number of files: 12 (reg: 8, dir: 4)
Number of created files: 5 (reg: 3, dir: 2)
Number of deleted files: 2 (reg: 1, link: 1)
Number of regular files transferred: 4
Total file size: 1,000,000 bytes
Total transferred file size: 600000 bytes
Literal data: 550000 bytes
Matched data: 50000 bytes
rsync: [sender] file has vanished: "/srv/a/x"
hostshift: some files vanished
hostshift: pass bulk /srv/a ended with 24 after 12 s
"""


def test_a_pass_is_read_from_its_log() -> None:
    (bulk,) = read_pass(LOG).volumes
    assert (bulk.path, bulk.kind, bulk.exit_status, bulk.seconds) == ("/srv/a", "bulk", 24, 12)
    assert (bulk.files, bulk.created, bulk.deleted) == (4, 5, 2)
    assert (bulk.sent_bytes, bulk.total_bytes, bulk.differences) == (550_000, 1_000_000, None)
    assert bulk.complaints[0].endswith('file has vanished: "/srv/a/x"')
    both = read_pass(LOG + LOG.replace(b"/srv/a", b"/srv/b%20c").replace(b"bulk", b"rehearsal"))
    rehearsal = both.volumes[1]
    assert rehearsal.path == "/srv/b c"
    assert (rehearsal.sent_bytes, rehearsal.differences) == (600_000, 4 + 2 + 2)
    assert (both.sent_bytes, both.seconds, both.differences) == (1_150_000, 24, None)
    unfinished = read_pass(LOG + b"hostshift: pass bulk /srv/z begins\n")
    assert unfinished.volumes[1].exit_status is None
    assert unfinished.total_bytes is None
    assert read_pass(b"").seconds is None


def test_progress_is_the_last_word_of_the_volume_in_hand() -> None:
    begins, first, last = b"hostshift: pass final /srv/a begins\n", *LOG.split(b"\r")[1:3]
    assert read_progress(begins + b"\r" + first) == Progress(
        "/srv/a", 32768, None, 1.95 * 1024 * 1024, None
    )
    known = Progress("/srv/a", 500_000, 50, 512 * 1024, 3605)
    assert read_progress(begins + b"\r" + first + b"\r" + last.split(b"\n")[0]) == known
    assert read_progress(begins) is None
    assert read_progress(LOG) is None
    assert read_progress(b"") is None


@pytest.mark.parametrize(
    ("seconds", "another"),
    [
        ((), False),
        ((7200.0,), True),
        ((40.0,), False),
        ((7200.0, 900.0), True),
        ((7200.0, 900.0, 120.0), True),
        ((7200.0, 900.0, 120.0, 59.0), False),
        ((7200.0, 6900.0), False),
        ((900.0, 120.0, 110.0), False),
    ],
)
def test_passes_are_repeated_while_they_get_much_shorter(
    seconds: tuple[float, ...], another: bool
) -> None:
    assert worth_another(seconds) is another


def test_the_guard_finds_a_sound_source_sound() -> None:
    assert source_guard((), (SEEN,)) == ()
    assert source_guard((SEEN,), (SEEN,)) == ()
    less = SourceVolume("/srv/a", "directory", "uuid", 900, 9_000, empty=False)
    assert source_guard((SEEN,), (less,)) == ()
    uncounted = SourceVolume("/srv/a", "directory", "uuid")
    assert source_guard((SEEN,), (uncounted,)) == ()


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (SourceVolume("/srv/a", "missing"), "isn't there"),
        (SourceVolume("/srv/a", "other"), "no directory"),
        (SourceVolume("/srv/a", "directory", "uuid", 0, 4096, empty=True), "is empty"),
        (SourceVolume("/srv/a", "directory", "else", 1000, 10_000, empty=False), "file system"),
        (SourceVolume("/srv/a", "directory", None, 1000, 10_000, empty=False), "file system"),
        (SourceVolume("/srv/a", "directory", "uuid", 899, 10_000, empty=False), "entries"),
        (SourceVolume("/srv/a", "directory", "uuid", 1000, 8_999, empty=False), "bytes"),
    ],
)
def test_the_guard_stops(now: SourceVolume, reason: str) -> None:
    (said,) = source_guard((SEEN,), (now,))
    assert said.startswith("/srv/a")
    assert reason in said


def test_what_preflight_saw_is_compared_with() -> None:
    on = FileSystem("/srv", "ext4", "/dev/vdb", "uuid")
    whole = Volume("s", "/srv/a", "directory", "/srv/a", on, used_bytes=10_000, entries=1000)
    nfs = Volume("s", "/n", "directory", "/n", FileSystem("/n", "nfs4", "h:/n"))
    seen = seen_by_preflight(
        (whole, nfs, Volume("s", "/x", "unknown"), Volume("s", "/y", "dangling"))
    )
    assert seen == (
        SEEN,
        SourceVolume("/n", "directory", "nfs4 h:/n"),
        SourceVolume("/y", "missing"),
    )


def test_numbers_that_are_somebody_elses() -> None:
    old = Accounts(
        ((0, "root"), (33, "www-data"), (108, "redis"), (109, "wiki")), ((0, "root"), (33, "www"))
    )
    new = Accounts(
        ((0, "root"), (33, "www-data"), (107, "redis"), (4711, "bob")), ((0, "root"), (33, "web"))
    )
    owners = (Owner(0, 0), Owner(33, 33), Owner(108, 0), Owner(109, 0), Owner(4711, 0), Owner(9, 9))
    assert account_conflicts(old, new, owners) == (
        "the user redis owns data and has uid 108 on server1, but 107 on the successor",
        "the user wiki (uid 109) owns data and isn't there on the successor",
        "uid 4711 owns data and is nobody on server1, but the user bob on the successor",
        "gid 33 owns data and is www on server1, but the group web on the successor",
    )
    assert account_conflicts(old, old, owners) == ()
