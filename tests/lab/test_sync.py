"""Volumes move between two real hosts: everything of them, only that way, only by this key."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import sync
from engine.errors import RefusedError
from engine.inventory import load
from engine.jobs import lock
from engine.jobs.follow import Seen, follow
from engine.jobs.mirror import Mirror
from engine.jobs.start import start
from engine.model.host import Host
from engine.model.plan import JobAct
from engine.session import Session, open_session
from engine.sync import PassResult, Source
from tests.lab.conftest import NewHost
from tests.lab.inventory import write_inventory
from tests.lab.machine import Machine, Options
from tests.lab.processes import wait_until
from tests.lab.session import Lab
from tests.unit.jobs.jobs import FIELDS, plan_of

RUN = "20261126t080000-lab"
DATA, ODD = "/srv/data", "/srv/o dd*ü"
PATHS = (DATA, ODD)
HOME = f"var/lib/hostshift/runs/{RUN}"

# Hard and symbolic links, an access list, an extended attribute, a capability-like setuid bit, a
# sparse file, a pipe, numbers without a name, names that a shell or a terminal would trip over.
FILL = r"""
set -e; mkdir -p /srv/data/deep/er "/srv/o dd*ü"; cd /srv/data
head -c 3000000 /dev/urandom >big; ln big deep/hardlink; ln -s ../big deep/symlink
truncate -s 50M sparse; printf end >>sparse
echo acl >acl; setfacl -m u:4711:rwx -m g:4712:r acl; setfacl -d -m u:4711:rwx deep
echo attribute >attribute; setfattr -n user.lab -v value attribute
echo owner >owner; chown 12345:54321 owner; echo suid >suid; chmod 4750 suid
mkfifo pipe; touch -d '2001-02-03 04:05:06.789' deep/old; chmod 700 deep/er
echo odd >"$(printf 'new\nline \033[31m *?[x] \\ "q" $(id)')"; echo x >-rf
echo x >"/srv/o dd*ü/file"
"""
# Everything of every entry that a copy must keep, as one text.
TELL = r"""
cd "$1" && find . -printf '%P|%y|%m|%U|%G|%T@|%n|%l|' \( -type f -printf '%s|' -o -true \) \
  -printf '\n' | LC_ALL=C sort; find . -type f -exec sha256sum {} + | LC_ALL=C sort
getfacl -R -n . 2>/dev/null; getfattr -R -d -m - . 2>/dev/null | LC_ALL=C sort
"""


@dataclass
class Pair:
    """server1 and its successor, and the calls that a run would make."""

    session: Session
    old: Machine
    new: Machine
    directory: Path
    steps: int = 0

    @property
    def hosts(self) -> tuple[Host, Host]:
        return self.session.inventory.host("server1"), self.session.inventory.host("server2")

    async def open(self, valid_s: int = 600) -> Source:
        old, new = self.hosts
        key = await sync.make_key(self.session.transport, new, RUN)
        assert key == await sync.make_key(self.session.transport, new, RUN)
        return await sync.open_source(
            self.session.transport, old, RUN, key, self.new.address, PATHS, valid_s=valid_s
        )

    async def ready(self, source: Source, *paths: str) -> tuple[str, ...]:
        return await sync.ready(
            self.session.transport, self.hosts[1], RUN, source, self.old.address, paths or PATHS
        )

    async def begin(self, source: Source, kind: sync.Kind, **more: int) -> tuple[str, Mirror]:
        self.steps += 1
        step = f"sync-{self.steps}"
        commands = sync.pass_commands(
            RUN, source, self.old.address, None, PATHS, kind=kind,
            bandwidth_kib=more.get("bandwidth_kib"), checksum="checksum" in more,
        )  # fmt: skip
        if "below_kib" in more:
            commands += sync.sums_commands(
                *(RUN, source, self.old.address, None, PATHS),
                kind="trial" if kind == "rehearsal" else "sums", below_kib=more["below_kib"],
            )  # fmt: skip
        act = JobAct(commands=commands)
        await start(
            self.session.transport, self.hosts[1], plan_of(act), RUN, step, act, FIELDS,
            log_bound=1 << 20,
        )  # fmt: skip
        return step, Mirror(self.directory / step)

    async def end(self, begun: tuple[str, Mirror]) -> tuple[int | None, PassResult, str]:
        step, mirror = begun
        seen = Seen()
        while (
            seen := await follow(
                self.session.transport, self.hosts[1], RUN, step, mirror, lambda _: None, seconds=5
            )
        ).alive:
            pass
        log = mirror.path.read_bytes()
        return seen.exit_status, sync.read_pass(log), log.decode(errors="replace")

    async def sync(
        self, source: Source, kind: sync.Kind, **more: int
    ) -> tuple[int | None, PassResult, str]:
        return await self.end(await self.begin(source, kind, **more))

    def fill(self) -> None:
        self.old.inside(FILL)

    def told(self, machine: Machine, path: str) -> str:
        return machine.inside(f"set -- '{path}'; {TELL}").stdout

    def by_key(self, machine: Machine, words: str) -> subprocess.CompletedProcess[str]:
        """What the key gives when it is used by hand."""
        config = f"/{HOME}/sync/ssh_config"
        login = "admin@" if self.hosts[0].user == "admin" else ""
        return machine.inside(f"ssh -F {config} {login}{self.old.address} {words}", check=False)


@asynccontextmanager
async def pair(
    new_host: NewHost, directory: Path, user: str, successor: Options | None = None
) -> AsyncIterator[Pair]:
    old, new = new_host("server1"), new_host("server2", successor)
    become = "none" if user == "root" else "sudo"
    inventory = load(write_inventory(directory, [old, new], user=user, become=become))
    session = open_session(inventory, state_dir=directory / "state")
    try:
        made = Pair(session, old, new, directory)
        made.fill()
        await lock.take(session.transport, made.hosts[1], RUN, FIELDS, 0)
        yield made
    finally:
        await session.transport.close()


async def test_everything_of_a_volume_arrives(lab: Lab, new_host: NewHost, tmp_path: Path) -> None:
    newer = Options(base=lab.base("trixie"))
    async with pair(new_host, tmp_path, "admin", newer) as run:
        transport, (old, new) = run.session.transport, run.hosts
        keys = run.old.root / "home/admin/.ssh/authorized_keys"
        before = keys.read_bytes(), keys.stat().st_uid, keys.stat().st_mode
        volumes = await sync.look_at_source(transport, old, PATHS)
        assert [(v.state, v.empty) for v in volumes] == [("directory", False)] * 2
        source = await run.open()
        assert (source.login, source.port) == ("admin", 22)
        assert await run.ready(source) == ()

        status, done, log = await run.sync(source, "bulk", bandwidth_kib=100_000)
        assert status == 0, log
        assert [v.exit_status for v in done.volumes] == [0, 0]
        assert [v.path for v in done.volumes] == list(PATHS)
        assert (done.sent_bytes or 0) > 3_000_000
        for path in PATHS:
            assert run.told(run.new, path) == run.told(run.old, path)
        assert (run.new.root / "srv/data/sparse").stat().st_blocks < 1000
        # what the successor has too much of is counted, then gone
        run.new.inside("echo x >/srv/data/own; rm /srv/data/suid; echo y >>/srv/data/big")
        status, done, log = await run.sync(source, "rehearsal")
        assert (status, done.volumes[0].deleted, done.differences) == (0, 1, 3), log
        status, done, log = await run.sync(source, "verify")
        assert status == sync.DIFFERS, log
        assert done.volumes[0].differences == 5, log  # with a directory's time, and the other link
        assert "run the final pass again" in log
        status, done, log = await run.sync(source, "final")
        assert status == 0, log
        assert run.told(run.new, DATA) == run.told(run.old, DATA)
        # a change that leaves size and time alone is seen by checksums only
        run.new.inside(
            "cd /srv/data; t=$(stat -c %Y.%N owner); touch -r owner /t; printf OWNER >owner;"
            " echo >>owner; touch -r /t owner"
        )
        status, done, log = await run.sync(source, "verify")
        assert (status, done.differences) == (0, 0), log
        status, done, log = await run.sync(source, "verify", checksum=1)
        assert (status, done.differences) == (sync.DIFFERS, 1), log
        assert [v.path for v in done.volumes] == [DATA]  # the first failure ends the job
        status, done, log = await run.sync(source, "verify", below_kib=64)
        assert (status, done.differences) == (sync.DIFFERS, 1), log
        assert "differs: ./owner" in log
        status, done, log = await run.sync(source, "rehearsal", below_kib=64)
        assert (status, done.differences) == (0, 0), log
        assert [v.kind for v in done.volumes] == ["rehearsal"] * 2 + ["trial"] * 2
        run.new.inside("rm /srv/data/owner")
        assert (await run.sync(source, "final"))[0] == 0
        status, done, log = await run.sync(source, "verify", below_kib=64)
        assert (status, done.differences) == (0, 0), log

        assert await sync.close_source(transport, old, RUN)
        assert await sync.close_source(transport, old, RUN)
        assert (keys.read_bytes(), keys.stat().st_uid, keys.stat().st_mode) == before
        assert not (run.old.root / HOME / "sync-gate").exists()
        assert any("does not take the key" in p for p in await run.ready(source, DATA))
        assert await sync.drop_key(transport, new, RUN)
        assert not (run.new.root / HOME / "sync/key").exists()


async def test_a_cut_link_is_told_and_resumed(new_host: NewHost, tmp_path: Path) -> None:
    async with pair(new_host, tmp_path, "root") as run:
        keys = run.old.root / "root/.ssh/authorized_keys"
        before = keys.read_bytes()
        source = await run.open()
        assert source.login == "root"
        assert await run.ready(source) == ()
        config = run.new.root / HOME / "sync/ssh_config"  # four seconds instead of twenty
        text = config.read_text()
        config.write_text(text.replace("ServerAliveInterval 5", "ServerAliveInterval 1"))
        begun = await run.begin(source, "bulk", bandwidth_kib=500)
        log = run.new.root / HOME / begun[0] / "log"

        def at_work() -> bool:
            progress = sync.read_progress(log.read_bytes()[-4096:]) if log.exists() else None
            return progress is not None and progress.transferred_bytes > 100_000

        wait_until(at_work, "the transfer to be at work")
        run.old.link(up=False)
        wait_until((log.parent / "exit").exists, "rsync to notice", timeout=60)
        run.old.link(up=True)
        status, done, text = await run.end(begun)
        assert status in (sync.RSYNC + 12, sync.RSYNC + 30, 255), text
        assert "connection to server1" in text
        assert "goes on from what has arrived" in text
        assert done.volumes[-1].complaints
        status, done, text = await run.sync(source, "final")
        assert status == 0, text
        for path in PATHS:
            assert run.told(run.new, path) == run.told(run.old, path)
        assert await sync.close_source(run.session.transport, run.hosts[0], RUN)
        assert keys.read_bytes() == before


async def test_the_key_gives_reading_of_these_volumes_to_the_successor_alone(
    new_host: NewHost, tmp_path: Path
) -> None:
    async with pair(new_host, tmp_path, "admin") as run:
        transport, (old, new) = run.session.transport, run.hosts
        source = await run.open()
        assert await run.ready(source) == ()
        private = (run.new.root / HOME / "sync/key").read_bytes()
        before = run.told(run.old, DATA)
        reading = "rsync --server --sender -logDtpr . "
        for words in (
            "id", "'sh -c id'", f"'{reading}/etc/'", f"'{reading}/srv/data/../../etc/'",
            "'rsync --server -logDtpr . /srv/data/'", f"'{reading}/srv/data/;id'",
            f"'{reading} --log-file=/etc/x . /srv/data/'", "", "-t ''",
        ):  # fmt: skip
            got = run.by_key(run.new, words)
            assert "server1 refuses" in got.stderr, (words, got)
            assert "uid=" not in got.stdout
        # nothing is forwarded, and from anywhere else the key is none
        forwarded = run.by_key(
            run.new, "-o ExitOnForwardFailure=yes -o ClearAllForwardings=no -R 9:localhost:22 -N"
        )
        assert forwarded.returncode == 255
        other = new_host("elsewhere")
        copy = other.root / HOME / "sync"
        copy.mkdir(parents=True)
        for name in ("key", "ssh_config", "known_hosts"):
            (copy / name).write_bytes((run.new.root / HOME / "sync" / name).read_bytes())
            (copy / name).chmod(0o600)
        assert (copy / "key").read_bytes() == private
        assert "Permission denied" in run.by_key(other, f"'{reading}/srv/data/'").stderr
        # it ends by itself, and is renewed
        await run.open(valid_s=1)
        ends = time.monotonic() + 10

        def refused() -> bool:
            return "Permission denied" in run.by_key(run.new, "id").stderr

        wait_until(refused, "the key to run out", timeout=ends - time.monotonic())
        assert any("run out" in problem for problem in await run.ready(source, DATA))
        source = await run.open()
        assert await run.ready(source) == ()
        assert run.told(run.old, DATA) == before
        assert not (run.old.root / "etc/x").exists()
        # an emptied volume: told by the guard, and refused by server1 itself
        seen = await sync.look_at_source(transport, old, PATHS)
        run.old.inside("rm -rf /srv/data/* /srv/data/-rf")
        now = await sync.look_at_source(transport, old, PATHS)
        assert [r.split(" ")[1:3] for r in sync.source_guard(seen, now)] == [["is", "empty;"]]
        assert any("is empty" in problem for problem in await run.ready(source))
        status, _, log = await run.sync(source, "final")
        assert status in (sync.RSYNC + 12, sync.RSYNC + 43), (
            log
        )  # whichever is faster, ssh or rsync
        assert "server1 refuses: /srv/data/ is empty" in log
        # nothing flows back
        key = await sync.make_key(transport, new, "20261127t080000-lab")
        with pytest.raises(RefusedError, match="Data would flow back"):
            await sync.open_source(
                transport, new, "20261127t080000-lab", key, run.old.address, PATHS, valid_s=60
            )
        with pytest.raises(RefusedError, match="Data would flow back"):
            await sync.make_key(transport, old, RUN)
        assert await sync.close_source(transport, old, RUN)
