"""Each host of the demo tells the story it is there for, through the whole engine over SSH."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.candidates import foresee
from engine.clock import FixedClock
from engine.demo import open_demo
from engine.demo.fleet import COREOS_HOST, FLEET
from engine.demo.processes import members
from engine.errors import RefusedError
from engine.facts import look as look_at_hosts
from engine.facts import look_at
from engine.health import compare, take
from engine.model.facts import Facts, Look
from engine.model.host import Host
from engine.model.run import Run
from engine.plan import make_plan
from engine.runs import read_log, start, wait
from engine.session import Session
from engine.status import document
from tests.unit.demo.conftest import NOW, hosts

FEW = hosts("server2", "server4", "server5", "server8", "server13", COREOS_HOST.name)


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    async with open_demo(clock=FixedClock(NOW), speed=0, hosts=FEW) as opened:
        yield opened


async def looks_of(session: Session) -> dict[str, Look]:
    found: dict[str, Look] = {}

    def remember(seen: Look) -> None:
        found[seen.host] = seen

    await look_at_hosts(session, session.inventory.hosts, "full", remember)
    return found


@dataclass(frozen=True)
class Seen:
    """One look at the whole fleet."""

    hosts: tuple[Host, ...]
    looks: dict[str, Look]

    def document(self) -> dict[str, Any]:
        return document([(host, self.looks[host.name]) for host in self.hosts], NOW)


async def see_all() -> Seen:
    async with open_demo(clock=FixedClock(NOW), speed=0) as opened:
        return Seen(opened.inventory.hosts, await looks_of(opened))


@pytest.fixture(scope="module")
def seen() -> Seen:
    return asyncio.run(see_all())


async def facts_of(session: Session, name: str) -> Facts:
    seen = await look_at(session, session.inventory.host(name))
    assert seen.facts is not None, seen.error
    return seen.facts


async def carry_out(session: Session, name: str, candidate: str) -> Run:
    facts = await facts_of(session, name)
    plan = make_plan(session.inventory.host(name), facts, candidate, session.clock.now())
    run_id = await start(session, plan, plan.digest)
    return await asyncio.wait_for(wait(session, run_id), 60)


def test_the_fleet_as_the_doctrine_sees_it(seen: Seen) -> None:
    looks = seen.looks
    advice: dict[str, Any] = {}
    for host in seen.hosts:
        facts = looks[host.name].facts
        foreseen = foresee(host, facts, NOW) if facts else None
        recommended = foreseen.recommendation if foreseen else None
        advice[host.name] = recommended.kind if recommended else None
    assert advice == {
        "server1": "replace",
        "server2": "upgrade",
        "server3": "none",
        "server4": "upgrade",
        "server5": "none",
        "server6": "upgrade",
        "server7": "upgrade",
        "server8": "upgrade",
        "server9": "deploy-finalize",
        "server10": "none",
        "server11": None,
        "server12": "upgrade",
        "server13": "upgrade",
        "server14": "none",
    }
    error = looks["server11"].error
    assert error is not None
    assert error.kind == "connection-refused"


def test_no_host_has_a_problem_it_should_not_have(seen: Seen) -> None:
    looks = seen.looks
    problems = {
        name: [(p.section, p.message) for p in look.facts.problems]
        for name, look in looks.items()
        if look.facts is not None and look.facts.problems
    }
    assert set(problems) <= {"server14"}


def test_facts_of_the_stories(seen: Seen) -> None:
    looks = seen.looks
    facts = {name: look.facts for name, look in looks.items() if look.facts is not None}
    docker, held, coreos = facts["server4"], facts["server6"], facts["server9"]
    assert [c.name for c in docker.containers or ()] == ["scratchpad", "traefik", "wiki", "wiki-db"]
    assert held.packages is not None
    assert held.packages.held == ("mysql-server-8.0",)
    assert held.packages.kept_back == ("ubuntu-pro-client",)
    assert held.packages.phased == (
        "python3-software-properties", "snapd", "software-properties-common",
    )  # fmt: skip
    assert held.reboot.required
    assert [(d.staged, d.booted, d.rollback) for d in coreos.deployments or ()] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    assert coreos.family == "rpm-ostree"
    assert facts["server10"].kubernetes_node
    assert facts["server3"].privileged
    assert not facts["server14"].privileged
    assert facts["server12"].os.support_ends is not None
    assert facts["server12"].failed_units == ("logrotate.service",)


def test_what_stops_and_what_is_kept_is_foreseen(seen: Seen) -> None:
    foreseen = {
        host["name"]: next(c["effects"] for c in host["candidates"] if c["id"] == "upgrade")
        for host in seen.document()["hosts"]
        if host["family"] == "apt"
    }
    units = {name: effects["units"] for name, effects in foreseen.items() if effects["units"]}
    assert units == {
        "server1": ["ssh.service"],
        "server2": ["nginx.service"],
        "server4": ["docker.service"],
        "server8": ["dovecot.service"],
    }
    kept = {name: e["conffiles"] for name, e in foreseen.items() if e["conffiles"] != []}
    assert kept == {
        "server2": ["/etc/nginx/nginx.conf"],
        "server8": ["/etc/dovecot/conf.d/10-ssl.conf"],
    }


async def test_an_upgrade_goes_through_and_asks_for_a_reboot(session: Session) -> None:
    run = await carry_out(session, "server2", "upgrade")
    assert run.state == "succeeded", run.reason
    log = read_log(session, run.id, "upgrade", 0, 1 << 20)
    assert b"update-initramfs" in log
    assert b"Configuration file '/etc/nginx/nginx.conf'" in log
    assert b"Installing new version of config file /etc/logrotate.d/nginx" in log
    after = await facts_of(session, "server2")
    assert after.packages is not None
    assert after.packages.upgradable == 0
    assert after.reboot.required
    assert after.lock is None


async def test_an_upgrade_fails_and_says_so(session: Session) -> None:
    run = await carry_out(session, "server8", "upgrade")
    assert run.state in ("failed", "attention")
    assert b"dpkg: error processing package dovecot-core" in read_log(
        session, run.id, "upgrade", 0, 1 << 20
    )
    after = await facts_of(session, "server8")
    assert after.packages is not None
    assert [p.name for p in after.packages.broken or ()] == ["dovecot-core", "dovecot-imapd"]
    assert after.failed_units == ("dovecot.service",)


async def test_a_blocked_host_is_repaired_and_then_upgraded(session: Session) -> None:
    with pytest.raises(RefusedError):
        await carry_out(session, "server5", "upgrade")
    repaired = await carry_out(session, "server5", "repair")
    assert repaired.state == "succeeded", repaired.reason
    upgraded = await carry_out(session, "server5", "upgrade")
    assert upgraded.state == "succeeded", upgraded.reason


async def test_old_lists_are_refreshed_through_sudo(session: Session) -> None:
    before = await facts_of(session, "server13")
    assert before.lists_age_s == 52 * 3600
    run = await carry_out(session, "server13", "refresh")
    assert run.state == "succeeded", run.reason
    after = await facts_of(session, "server13")
    assert after.lists_age_s == 0
    assert before.packages is not None
    assert after.packages is not None
    assert (after.packages.upgradable or 0) == (before.packages.upgradable or 0) + 1


async def test_with_a_fixed_clock_every_start_looks_the_same(seen: Seen) -> None:
    documents = [seen.document(), (await see_all()).document()]
    for whole in documents:
        # The one thing that can't be fixed: the port at which nobody listens.
        unreachable = next(h for h in whole["hosts"] if h["name"] == "server11")
        assert unreachable["error"].pop("message")
    assert documents[0] == documents[1]


async def test_at_the_end_nothing_is_left() -> None:
    async with open_demo(clock=FixedClock(NOW), speed=1, hosts=hosts("server7")) as opened:
        place = opened.inventory.path.parent
        facts = await facts_of(opened, "server7")
        plan = make_plan(opened.inventory.host("server7"), facts, "upgrade", NOW)
        await start(opened, plan, plan.digest)
        sessions = place / "hosts/server7/control/sessions"
        deadline = time.monotonic() + 20
        while not (jobs := [j for j in _numbers(sessions) if members(j)]):
            assert time.monotonic() < deadline, "the job did not begin"
            await asyncio.sleep(0.05)
    assert not place.exists()
    assert [job for job in jobs if members(job)] == []


def _numbers(folder: Path) -> list[int]:
    return [int(entry.name) for entry in folder.iterdir()] if folder.is_dir() else []


def _tree(top: Path) -> dict[str, tuple[int, float]]:
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            stat = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (stat.st_size, stat.st_mtime)
    return found


async def test_nothing_outside_its_directory_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    for folder in (home / ".ssh", home / ".config", temporary):
        folder.mkdir(parents=True)
    home.joinpath(".ssh/config").write_text("Host *\n  ProxyJump nowhere.invalid\n")
    home.joinpath(".ssh/known_hosts").write_text("")
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    source = Path(__file__).parents[3] / "engine/demo"
    watched = (home, Path("/var/lib/hostshift"))
    before = [_tree(top) for top in watched]
    doubles = {name: seen for name, seen in _tree(source).items() if "/doubles/" in name}
    async with open_demo(clock=FixedClock(NOW), speed=0, hosts=hosts("server4")) as opened:
        run = await carry_out(opened, "server4", "upgrade")
        assert run.state == "succeeded", run.reason
    assert [_tree(top) for top in watched] == before
    assert {n: s for n, s in _tree(source).items() if "/doubles/" in n} == doubles
    assert list(temporary.iterdir()) == []


def test_every_host_says_why_it_is_there() -> None:
    assert len({host.name for host in FLEET}) == len(FLEET)
    assert all(host.tells for host in FLEET)


async def test_what_works_can_be_read_and_stays(session: Session) -> None:
    found = {}
    for name in ("server4", COREOS_HOST.name):
        host = session.inventory.host(name)
        found[name] = await take(session.transport, host, (), session.clock)
        again = await take(session.transport, host, (), session.clock)
        assert compare(found[name], again).good
        assert found[name].unread == ()
        assert [s.port for s in found[name].sockets or ()] == [22]
    lasting = {c.name: c.lasting for c in found["server4"].containers or ()}
    assert lasting["wiki"] is True
    assert lasting["scratchpad"] is False
