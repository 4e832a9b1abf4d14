"""A log that can't fill a disk: its beginning and its end stay, and the copy follows every cut."""

from __future__ import annotations

import os
import re
import signal

import pytest

from engine.jobs.mirror import Mirror
from tests.unit.jobs.jobs import begin, job_dir, see, sh
from tests.unit.jobs.local_host import LocalHost, until

BOUND = 256 * 1024
CUT = re.compile(
    rb"\nhostshift: this log grew beyond 262144 bytes: (\d+) bytes are left out here\.[^\n]{300,}\n"
)
FLOOD = "seq -f 'line %.0f of a flood' 1 40000"
"""About a megabyte."""


async def end_watcher(lan: LocalHost) -> None:
    await until((job_dir(lan) / "pid").exists)
    await until(lambda: len(lan.watchers(job_dir(lan))) == 1)
    os.kill(lan.watchers(job_dir(lan))[0], signal.SIGKILL)


async def test_a_flood_keeps_its_beginning_and_its_end(lan: LocalHost, mirror: Mirror) -> None:
    await begin(lan, sh(f"echo first; {FLOOD}; echo last"), log_bound=BOUND)
    while (seen := await see(lan, mirror)).exit_status is None:
        pass
    log = (job_dir(lan) / "log").read_bytes()
    assert BOUND / 2 <= len(log) <= BOUND
    assert seen.exit_status == 0
    assert seen.log_is_whole
    assert mirror.path.read_bytes() == log
    assert b"first\nline 1 of a flood\n" in log[:300]
    assert log.endswith(b"line 40000 of a flood\nlast\n")
    (left_out,) = CUT.findall(log)
    number, kept, total = map(int, (job_dir(lan) / "cut").read_text().split())
    assert number > 0
    assert number % 2 == 0  # once before and once after each change
    assert (kept, total) == (BOUND // 4 - 512, int(left_out))
    written = log[: log.index(b"first\n")] + b"first\n"
    written += b"".join(b"line %d of a flood\n" % n for n in range(1, 40001)) + b"last\n"
    # The writer had ended, so that nothing is left out but what is said.
    assert len(log) - 512 + int(left_out) == len(written)
    head, tail = CUT.sub(b"\0", log).split(b"\0")
    assert written.startswith(head)
    assert written.endswith(tail)


async def test_a_log_within_the_bound_is_complete(lan: LocalHost, mirror: Mirror) -> None:
    await begin(lan, sh("head -c 200000 /dev/zero"), log_bound=BOUND)
    await see(lan, mirror)
    assert b"\0" * 200_000 in mirror.path.read_bytes()
    assert b"grew beyond" not in mirror.path.read_bytes()


async def test_a_log_is_cut_while_it_is_written_and_followed(
    lan: LocalHost, mirror: Mirror
) -> None:
    go, rounds, log = lan.root / "go", 3, job_dir(lan) / "log"
    # What comes in the instant before the log is truncated may be lost, so it waits for that.
    text = f"for n in {' '.join(map(str, range(rounds)))}; do {FLOOD}; "
    text += f"while [ $(stat -c %s {log}) -ge {BOUND} ]; do sleep 0.05; done; "
    text += f"echo round $n is over; until [ -e {go}$n ]; do sleep 0.05; done; done; echo last"
    await begin(lan, sh(text), log_bound=BOUND)
    for number in range(rounds):
        over = b"round %d is over\n" % number
        await until(lambda end=over: log.stat().st_size < BOUND and end in log.read_bytes())  # type: ignore[misc]
        seen = await see(lan, mirror, seconds=0)
        assert seen.alive
        # The writer goes on at the new end of its file.
        assert over in mirror.path.read_bytes()
        assert mirror.path.read_bytes() == log.read_bytes()
        assert len(CUT.findall(mirror.path.read_bytes())) == 1
        (lan.root / f"go{number}").touch()
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    assert seen.log_is_whole
    assert mirror.path.read_bytes() == log.read_bytes()
    assert len(CUT.findall(log.read_bytes())) == 1
    assert log.read_bytes().endswith(b"last\n")


async def test_what_is_not_the_end_is_not_sent_again_after_a_cut(
    lan: LocalHost, mirror: Mirror
) -> None:
    go = lan.root / "go"
    await begin(
        lan, sh(f"head -c 100000 /dev/zero; until [ -e {go} ]; do sleep 0.05; done; {FLOOD}"),
        log_bound=BOUND,
    )  # fmt: skip
    while mirror.length < 100_000:
        await see(lan, mirror, seconds=0)
    mirror.write(10, b"spoilt")  # a copy that was right would not be asked for these bytes again
    go.touch()
    await until((job_dir(lan) / "exit").exists)
    seen = await see(lan, mirror)
    assert seen.log_is_whole is False
    assert mirror.length == 0
    while not (await see(lan, mirror)).log_is_whole:
        pass
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()


async def test_a_killed_watcher_harms_nobody(lan: LocalHost, mirror: Mirror) -> None:
    go = lan.root / "go"
    await begin(lan, sh(f"until [ -e {go} ]; do sleep 0.05; done; {FLOOD}"), log_bound=BOUND)
    await end_watcher(lan)
    go.touch()
    seen = await see(lan, mirror)
    assert seen.exit_status == 0
    # What the watcher did not do is done when the script has ended.
    assert (job_dir(lan) / "log").stat().st_size <= BOUND
    assert mirror.path.read_bytes() == (job_dir(lan) / "log").read_bytes()


@pytest.mark.parametrize("ended", [True, False])
async def test_a_part_that_was_sent_while_the_log_was_shortened_does_not_stay(
    lan: LocalHost, mirror: Mirror, *, ended: bool
) -> None:
    go = lan.root / "go"
    if ended:
        go.touch()
    text = f"head -c 60000 /dev/zero | tr '\\0' a; until [ -e {go} ]; do sleep 0.1; done"
    await begin(lan, sh(text), log_bound=BOUND)
    directory = job_dir(lan)
    await until(lambda: (directory / "log").stat().st_size > 60_000)
    if ended:
        await until((directory / "exit").exists)
    # Right before the first part is read the log becomes a shorter one: the rest of it is missing.
    lan.double(
        "tail",
        f"if [ -e {lan.root}/cut ]; then mv {lan.root}/cut {directory}/cut\n"
        f"truncate -s 5000 {directory}/log; echo the end >>{directory}/log; fi\n"
        'exec /usr/bin/tail "$@"\n',
    )
    (lan.root / "cut").write_text("1 4000 7\n")
    seen = await see(lan, mirror, seconds=0)
    assert not (lan.root / "cut").exists()
    log = (directory / "log").read_bytes()
    assert len(log) == 5008
    assert mirror.path.read_bytes() == (log if ended else log[:4000])
    assert seen.log_is_whole is (True if ended else None)


async def test_an_end_that_can_not_be_copied_is_left_out_and_counted(
    lan: LocalHost, mirror: Mirror
) -> None:
    lan.double("dd", 'case "$*" in if=*) exit 1 ;; esac\nexec /usr/bin/dd "$@"\n')
    go = lan.root / "go"
    text = f"until [ -e {go} ]; do sleep 0.05; done; head -c 300000 /dev/zero | tr '\\0' a"
    await begin(lan, sh(text), log_bound=BOUND)
    await end_watcher(lan)  # so that it is the runner's last look that finds it
    go.touch()
    seen = await see(lan, mirror)
    assert seen.log_is_whole
    log = (job_dir(lan) / "log").read_bytes()
    assert len(log) == BOUND // 4
    written = len(log[: log.index(b"aaaa")]) + 300_000
    counted = len(log) - 512 + int(CUT.findall(log)[0])
    assert 0 <= counted - written < 500  # bash says in the log that a process of its was killed
