"""Looking at one host and at many: nothing raises for a host's trouble, none holds up another."""

from __future__ import annotations

import asyncio
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from engine.candidates import foresee
from engine.errors import DeadlineError, HostshiftError, UnreachableError
from engine.facts import cache, look, look_at, scan
from engine.model.facts import Conffile, Facts, Look, PackageService
from engine.model.host import Host
from tests.unit.facts.probed import APT, FULL, HOST, NOW, FakeTransport, apt_answer, framed, session

WEB = Host("web1", "web1")
GONE = UnreachableError("web1 does not answer.", hint="Is it on?")


async def seen(answer: bytes, tmp_path: Path, depth: str = "full") -> Facts:
    def reply(host: Host, nonce: str, asked: str) -> bytes:
        return answer.replace(b"@NONCE@", nonce.encode())

    found = await look_at(session(FakeTransport(reply), tmp_path), WEB, depth)  # type: ignore[arg-type]
    assert found.facts is not None, found.error
    return found.facts


async def test_full_look_fills_the_facts(tmp_path: Path) -> None:
    facts = await seen(framed(FULL, "@NONCE@"), tmp_path)
    assert facts.family == "apt"
    assert facts.privileged
    assert facts.uptime_s == 12
    assert facts.lists_age_s == 3600
    assert facts.reboot.required
    assert facts.reboot.reasons == ("/run/reboot-required is there, for libc6, linux-base",)
    assert facts.packages is not None
    assert facts.packages.held == ("lab-conf",)
    assert facts.packages.kept_back == ("lab-eater",)
    upgrade = facts.packages.transaction("upgrade")
    assert upgrade is not None
    assert upgrade.download_bytes == 19585068
    assert {c.name: c.source for c in upgrade.changes}["lab-lib"] == "lab-source"
    assert facts.packages.conffiles == (
        Conffile("/etc/lab/lib.ini", "lab-lib", "changed"),
        Conffile("/etc/sudoers", "sudo", "unreadable"),
    )
    assert facts.packages.services == (PackageService("lab.service", "lab-lib"),)
    assert facts.problems == ()


HIDDEN = {"conffiles": "unreadable=lab-lib|/etc/lab/lib.ini\nseen=all\n"}


@pytest.mark.parametrize(
    ("more", "sections", "words"),
    [
        ({**HIDDEN, "host": HOST.replace("uid=0", "uid=1000")}, {"conffiles"}, "root only"),
        (HIDDEN, {"conffiles"}, "could not be"),
        ({"conffiles": "changed=lab-lib|/etc/lab/lib.ini\n"}, {"conffiles"}, "understood"),
        ({"host": HOST.replace("systemd=yes", "systemd=no")}, set(), ""),
    ],
)
async def test_what_can_not_be_foreseen_is_unknown_and_says_why(
    more: dict[str, str], sections: set[str], words: str, tmp_path: Path
) -> None:
    facts = await seen(framed({**FULL, **more}, "@NONCE@"), tmp_path)
    told = {p.section: p.message for p in facts.problems if p.section != "root"}
    assert told.keys() == sections
    assert all(words in message for message in told.values())
    upgrade = foresee(Host("server1", "server1"), facts, NOW).candidate("upgrade")
    assert upgrade is not None
    if sections:
        assert upgrade.effects.conffiles is None
        assert upgrade.effects.units == ("lab.service",)
    else:
        assert upgrade.effects.conffiles == ("/etc/lab/lib.ini",)
        assert upgrade.effects.units is None


async def test_light_look_leaves_what_it_did_not_look_at_unknown(tmp_path: Path) -> None:
    facts = await seen(framed(APT, "@NONCE@"), tmp_path, "light")
    assert facts.packages is not None
    assert facts.packages.upgradable == 5
    assert facts.packages.transactions is None
    assert facts.packages.kept_back is None
    assert facts.packages.phased is None
    assert facts.packages.esm is None
    assert facts.services_to_restart is None


async def test_without_lists_nothing_is_known_of_upgrades(tmp_path: Path) -> None:
    empty = {**FULL, "lists": "time 5 /var/lib/apt/lists\n", "upgradable": "Listing...\n"}
    facts = await seen(framed(empty, "@NONCE@"), tmp_path)
    assert facts.packages is not None
    assert facts.packages.upgradable is None
    assert facts.packages.transactions is None
    assert facts.packages.held == ("lab-conf",)
    assert [p.section for p in facts.problems] == ["lists"]


def target(state: str, base: str, component: str = "main") -> str:
    return f"target={state}|{base}|stable|{component}|amd64|http://{base}\n"


def release(base: str, age_s: int) -> str:
    return f"release {int(NOW.timestamp()) - age_s} /lists/{base}_InRelease\n"


@pytest.mark.parametrize("depth", ["light", "full"])
async def test_lists_of_former_sources_tell_nothing(depth: str, tmp_path: Path) -> None:
    moved = {**FULL, "targets": target("missing", "gone") + "seen=all\n"}
    facts = await seen(framed(moved, "@NONCE@"), tmp_path, depth)
    assert facts.packages is not None
    assert (facts.packages.upgradable, facts.packages.security) == (None, None)
    assert facts.packages.transactions is None
    assert facts.lists_age_s is None
    (problem,) = (p for p in facts.problems if p.section == "lists")
    assert "http://gone stable" in problem.message
    assert problem.hint == "hostshift plan web1 refresh"


async def test_a_configured_source_without_lists_is_named(tmp_path: Path) -> None:
    some = {
        **FULL,
        "lists": release("a", 7200) + release("former", 60),
        "targets": target("here", "a")
        + target("missing", "a", "contrib")
        + target("empty", "a", "non-free")
        + target("optional", "a")
        + target("missing", "b")
        + "target=missing|Disc_1|stable|main|amd64|cdrom:[Disc|1]\nseen=all\n",
    }
    facts = await seen(framed(some, "@NONCE@"), tmp_path)
    assert facts.packages is not None
    assert facts.packages.upgradable
    assert facts.lists_age_s == 7200
    problems = [p for p in facts.problems if p.section == "lists"]
    assert [p.message.split()[3:6] for p in problems] == [
        ["http://a", "stable", "contrib"],
        ["http://b", "stable", "is"],
    ]
    assert {p.hint for p in problems} == {"hostshift plan web1 refresh"}


async def test_without_the_security_archives_list_its_fixes_are_not_counted(tmp_path: Path) -> None:
    some = target("here", "a") + target("missing", "b").replace("|stable|", "|bookworm-security|")
    facts = await seen(framed({**FULL, "targets": some + "seen=all\n"}, "@NONCE@"), tmp_path)
    assert facts.packages is not None
    assert facts.packages.upgradable
    assert facts.packages.security is None


async def test_without_any_source_nothing_is_known(tmp_path: Path) -> None:
    facts = await seen(framed({**FULL, "targets": "seen=all\n"}, "@NONCE@"), tmp_path)
    assert facts.packages is not None
    assert facts.packages.upgradable is None
    assert facts.lists_age_s is None
    assert [p.message for p in facts.problems if p.section == "lists"] == [
        "No package source is configured on this host, so that nothing can be upgraded."
    ]


async def test_an_unsigned_source_needs_no_release_file(tmp_path: Path) -> None:
    unsigned = {**FULL, "targets": target("here", "plain") + "seen=all\n"}
    facts = await seen(framed(unsigned, "@NONCE@"), tmp_path)
    assert facts.packages is not None
    assert facts.packages.upgradable
    assert facts.lists_age_s is None
    assert not [p for p in facts.problems if p.section == "lists"]


@pytest.mark.parametrize("name", [n for n in FULL if n not in ("host", "sources", "kernel")])
async def test_a_failed_section_leaves_the_others_intact(name: str, tmp_path: Path) -> None:
    whole = await seen(framed(FULL, "@NONCE@"), tmp_path)
    broken = {**FULL, name: "\x1b[31mgarbage\n"}
    facts = await seen(
        framed(broken, "@NONCE@", statuses={name: 1}, errors={name: "boom"}), tmp_path
    )
    assert facts.family == "apt"
    quiet = ("fingerprint", "kubernetes", "virtualization", "lock")
    if name.endswith("-size") or name in (*quiet, "dpkg-kernels"):
        assert facts.problems == () or {p.section for p in facts.problems} == {name}
    else:
        assert name in {p.section for p in facts.problems}
    assert all(p.hint for p in facts.problems)
    if name != "filesystems":
        assert facts.filesystems == whole.filesystems
    if name != "dpkg":
        assert facts.packages is not None
        assert facts.packages.held == ("lab-conf",)


async def test_a_section_over_its_time_or_size_says_so(tmp_path: Path) -> None:
    facts = await seen(framed(FULL, "@NONCE@", statuses={"upgradable": 124}), tmp_path)
    assert any("within its time" in p.message for p in facts.problems)
    facts = await seen(framed(FULL, "@NONCE@", limit=300), tmp_path)
    assert any("cut at its bound" in p.message for p in facts.problems)


async def test_a_probe_that_ends_early_says_where(tmp_path: Path) -> None:
    answer = framed(APT, "@NONCE@", done=False) + b"\n@NONCE@ begin upgrade\nRea"
    facts = await seen(answer, tmp_path)
    assert any("upgrade" in p.message for p in facts.problems if p.section == "probe")
    assert facts.packages is not None
    assert facts.packages.transactions == ()


async def test_translated_output_is_unknown_and_not_up_to_date(tmp_path: Path) -> None:
    french = {**FULL, "upgradable": "En train de lister...\n", "upgrade": "0 mis à jour\n"}
    facts = await seen(framed(french, "@NONCE@"), tmp_path)
    assert facts.packages is not None
    assert facts.packages.upgradable is None
    assert facts.packages.security is None
    assert facts.packages.transaction("upgrade") is None
    assert facts.packages.kept_back is None
    assert {"upgradable", "upgrade"} <= {p.section for p in facts.problems}


async def test_phased_is_told_apart_on_older_ubuntu(tmp_path: Path) -> None:
    everything = (
        FULL["upgrade"]
        .replace("4 upgraded, 1 newly", "5 upgraded, 1 newly")
        .replace("3 upgraded, 1 newly", "4 upgraded, 1 newly")
    )
    everything += "Inst lab-eater [1.0-1] (2.0-1 Ubuntu:22.04/jammy-updates [all])\n"
    facts = await seen(framed({**FULL, "upgrade-phased": everything}, "@NONCE@"), tmp_path)
    assert facts.packages is not None
    assert facts.packages.phased == ("lab-eater",)
    assert facts.packages.kept_back == ()


@pytest.mark.parametrize(
    ("installed", "required"),
    [("", False), ("ii \traspberrypi-kernel\tarmhf\t1:1.20230405-1\n", None)],
)
async def test_a_kernel_that_is_not_in_boot_by_its_release_tells_nothing(
    installed: str, required: bool | None, tmp_path: Path
) -> None:
    bare = {"kernel": "release=5.10.103-v7l+\nversion=#1529 SMP\n", "dpkg-kernels": installed}
    facts = await seen(framed({**FULL, **bare}, "@NONCE@"), tmp_path)
    assert facts.kernel.expected is None
    assert facts.reboot.required is required


async def test_text_from_hosts_is_cleaned(tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07\x9b2Jevil\u202e.service loaded failed failed x\n"
    facts = await seen(framed({**FULL, "units": hostile}, "@NONCE@"), tmp_path)
    assert facts.failed_units == ("evil.service",)


@pytest.mark.parametrize("answer", [b"", b"\xff\x00" * 5000, b"Last login: today\n", b"N begin a"])
async def test_what_is_no_probe_is_an_error_with_a_hint(answer: bytes, tmp_path: Path) -> None:
    found = await look_at(session(FakeTransport(lambda *_: answer), tmp_path), WEB, "light")
    assert found.facts is None
    assert found.error is not None
    assert found.error.kind == "output"
    assert found.error.hint


async def test_transport_trouble_becomes_the_looks_error(tmp_path: Path) -> None:
    found = await look_at(session(FakeTransport(lambda *_: GONE), tmp_path), WEB, "light")
    assert found.error is not None
    assert (found.error.kind, found.error.message) == ("unreachable", GONE.message)


async def test_bugs_are_not_swallowed(tmp_path: Path) -> None:
    def bug(*_: object) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await look_at(session(FakeTransport(bug), tmp_path), WEB, "light")


def fleet(count: int) -> list[Host]:
    return [Host(f"h{i:03}", f"h{i:03}") for i in range(count)]


async def test_a_dead_host_holds_up_nobody_and_concurrency_is_bounded(tmp_path: Path) -> None:
    def answer(host: Host, nonce: str, depth: str) -> bytes | HostshiftError:
        if host.name == "h003":
            return DeadlineError("too slow", hint="wait")
        return apt_answer(host, nonce, depth)

    transport = FakeTransport(answer)
    looks: list[Look] = []
    await look(session(transport, tmp_path), fleet(40), "light", looks.append, concurrency=7)
    assert sorted(found.host for found in looks) == [host.name for host in fleet(40)]
    assert [found.host for found in looks if found.error] == ["h003"]
    assert transport.most == 7


async def test_cancelling_ends_every_probe(tmp_path: Path) -> None:
    hosts = fleet(5)
    transport = FakeTransport(apt_answer, hangs=frozenset({"h001", "h002"}))
    looks: list[Look] = []
    three = asyncio.Event()

    def on_look(found: Look) -> None:
        looks.append(found)
        if len(looks) == 3:
            three.set()

    task = asyncio.create_task(look(session(transport, tmp_path), hosts, "light", on_look))
    await asyncio.wait_for(three.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(transport.cancelled) == ["h001", "h002"]
    assert transport.running == 0


async def test_scan_uses_former_full_looks_while_their_fingerprint_stands(tmp_path: Path) -> None:
    transport = FakeTransport(apt_answer)
    here = session(transport, tmp_path)
    looks: list[Look] = []
    await scan(here, fleet(3), looks.append)
    assert [depth for _, depth in transport.calls] == ["light"] * 3 + ["full"] * 3
    assert [found.facts.depth for found in looks if found.facts] == ["light"] * 3 + ["full"] * 3
    transport.calls.clear()
    looks.clear()
    await scan(here, fleet(3), looks.append)
    assert [depth for _, depth in transport.calls] == ["light"] * 3
    facts = looks[0].facts
    assert facts is not None
    assert facts.depth == "full"
    assert facts.packages is not None
    assert facts.packages.kept_back == ("lab-eater",)


async def test_scan_looks_again_where_the_fingerprint_changed(tmp_path: Path) -> None:
    sections = {"fingerprint": "1 2 3 /var/lib/dpkg/status\n"}

    def answer(host: Host, nonce: str, depth: str) -> bytes:
        return framed({**(FULL if depth == "full" else APT), **sections}, nonce)

    transport = FakeTransport(answer)
    here = session(transport, tmp_path)
    await scan(here, [WEB], lambda _: None)
    sections["fingerprint"] = "9 2 3 /var/lib/dpkg/status\n"
    transport.calls.clear()
    await scan(here, [WEB], lambda _: None)
    assert transport.calls == [("web1", "light"), ("web1", "full")]


async def test_scan_takes_pending_security_first(tmp_path: Path) -> None:
    def answer(host: Host, nonce: str, depth: str) -> bytes:
        secure = "Listing...\nssl/x-security 2 amd64 [upgradable from: 1]\n"
        sections = {**(FULL if depth == "full" else APT)}
        if host.name == "h002":
            sections["upgradable"] = secure
        return framed(sections, nonce)

    transport = FakeTransport(answer)
    await scan(session(transport, tmp_path), fleet(4), lambda _: None, full_at_once=1)
    full = [name for name, depth in transport.calls if depth == "full"]
    assert full == ["h002", "h000", "h001", "h003"]


async def test_scan_keeps_the_light_look_when_the_full_one_fails(tmp_path: Path) -> None:
    def answer(host: Host, nonce: str, depth: str) -> bytes | HostshiftError:
        return GONE if depth == "full" else apt_answer(host, nonce, depth)

    looks: list[Look] = []
    await scan(session(FakeTransport(answer), tmp_path), [WEB], looks.append)
    assert len(looks) == 2
    assert looks[1].facts is not None
    assert looks[1].facts.depth == "light"
    assert GONE.message in looks[1].facts.problems[-1].message


async def test_kept_facts_are_private_whole_and_ignored_when_damaged(tmp_path: Path) -> None:
    await look_at(session(FakeTransport(apt_answer), tmp_path), WEB, "full")
    file = tmp_path / "facts" / "web1.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in file.parent.iterdir()] == ["web1.json"]
    former = cache.recall(tmp_path, "web1")
    assert former is not None
    assert cache.recall(tmp_path, "web2") is None
    for damaged in ("", "{", "[1]", '{"schema": 1, "facts": {"host": 3}}', '{"schema": 0}'):
        file.write_text(damaged)
        assert cache.recall(tmp_path, "web1") is None
    wrong = json.dumps({"schema": cache.SCHEMA, "facts": {}})
    file.write_text(wrong)
    assert cache.recall(tmp_path, "web1") is None


async def test_read_only_keeps_nothing(tmp_path: Path) -> None:
    await look_at(session(FakeTransport(apt_answer), tmp_path, read_only=True), WEB, "full")
    assert not (tmp_path / "facts").exists()


async def test_odd_names_stay_inside_the_folder(tmp_path: Path) -> None:
    odd = Host("../../etc/x", "x")
    await look_at(session(FakeTransport(apt_answer), tmp_path), odd, "full")
    assert len(list((tmp_path / "facts").iterdir())) == 1
    assert cache.recall(tmp_path, odd.name) is not None


async def test_joining_takes_volatile_facts_from_the_light_look(tmp_path: Path) -> None:
    former = await seen(framed(FULL, "@NONCE@"), tmp_path)
    light = await seen(
        framed({**APT, "units": "new.service loaded failed\n"}, "@NONCE@"), tmp_path, "light"
    )
    joined = cache.join(light, former)
    assert joined is not None
    assert joined.failed_units == ("new.service",)
    assert joined.packages is not None
    assert former.packages is not None
    assert joined.packages.transactions == former.packages.transactions
    assert cache.join(replace(light, fingerprint="other"), former) is None
    assert cache.join(replace(light, fingerprint=None), replace(former, fingerprint=None)) is None
    late = replace(light, taken_at=light.taken_at + cache.LONGEST * 2)
    assert cache.join(late, former) is None


async def test_fingerprint_covers_root_and_boot(tmp_path: Path) -> None:
    first = await seen(framed(APT, "@NONCE@"), tmp_path, "light")
    user = {**APT, "host": HOST.replace("uid=0", "uid=1000")}
    boot = {**APT, "host": HOST.replace("boot_id=b1", "boot_id=b2")}
    others = [await seen(framed(s, "@NONCE@"), tmp_path, "light") for s in (user, boot)]
    assert len({first.fingerprint, *(facts.fingerprint for facts in others)}) == 3
    assert (await seen(framed(APT, "@NONCE@"), tmp_path, "light")).fingerprint == first.fingerprint
