"""Whether names lead to their hosts, and what `check --dns` makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import FixedClock
from engine.commands import check_dns
from engine.commands.check_dns import Found
from engine.dns import Answer, Problem, Proof, Records, Survey, survey
from engine.dns.survey import Place, judge
from engine.inventory import Inventory, Zone
from tests.unit.builders import NOW, host, service
from tests.unit.dns.servers import (
    NEW,
    OLD,
    PRIMARY,
    RESOLVER,
    SECONDARY,
    WWW,
    ZONE,
    Memory,
    MemoryWire,
    a,
)

SERVER1 = Place("server1", "server1.example.com", (OLD, "2001:db8::1"))
SILENT = Problem("timeout", "no answer", "wait")
LAME = Problem("lame", "holds no zone", "load it")
ALIAS = Records(WWW, "CNAME", 300, ("server1.example.com",))


def said(*found: Records, server: object = PRIMARY, **fields: object) -> Answer:
    values = {
        "rcode": "NOERROR",
        "authoritative": server != RESOLVER,
        "records": found,
        "addresses": tuple(v for r in found if r.type != "CNAME" for v in r.values),
        **fields,
    }
    return Answer(server, WWW, NOW, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([said(a(OLD))], "leads-there"),
        ([said(a(OLD), Records(WWW, "AAAA", 300, ("2001:db8::1",)))], "leads-there"),
        ([said(a(OLD), Records(WWW, "AAAA", 300, ("2001:db8::9",)))], "elsewhere"),
        ([said(Records(WWW, "A", 300, (OLD, NEW)))], "elsewhere"),
        ([said(a(NEW))], "elsewhere"),
        ([said(ALIAS)], "leads-there"),
        ([said(Records(WWW, "CNAME", 300, ("other.example.org",)))], "unknown"),
        ([said(ALIAS, addresses=(NEW,))], "leads-there"),
        ([said(rcode="NXDOMAIN")], "absent"),
        ([said(a(OLD)), said(a(OLD, ttl=5), server=SECONDARY)], "differs"),
        ([said(a(OLD)), said(a(NEW), server=SECONDARY)], "differs"),
        ([said(a(OLD)), said(a(OLD, ttl=5), server=RESOLVER)], "leads-there"),
        ([said(a(OLD)), said(a(NEW, ttl=5), server=RESOLVER)], "cached"),
        ([said(a(NEW)), said(a(OLD, ttl=5), server=RESOLVER)], "elsewhere"),
        ([said(a(NEW), server=RESOLVER)], "elsewhere"),
        ([said(a(OLD)), said(rcode=None, problem=SILENT, server=SECONDARY)], "leads-there"),
        ([said(rcode=None, problem=SILENT)], "unknown"),
        ([], "unknown"),
    ],
)
def test_verdicts(answers: list[Answer], verdict: str) -> None:
    assert judge(answers, SERVER1) == verdict


def test_a_host_whose_address_nobody_knows() -> None:
    assert judge([said(a(OLD))], Place("server1", "server1", (), SILENT)) == "unknown"


def found(
    *answers: Answer, problems: tuple[Problem, ...] = (), proofs: tuple[Proof, ...] = ()
) -> Found:
    from engine.dns.survey import Named

    named = Named("web", WWW, SERVER1, ZONE, answers, judge(answers, SERVER1))
    return Found(Survey((named,), {ZONE: (PRIMARY,)}, problems), proofs)


def test_exit_status() -> None:
    good = said(a(OLD))
    silent = said(rcode=None, problem=SILENT, server=SECONDARY)
    lame = said(a(OLD), problem=LAME, server=SECONDARY)
    assert found(good).exit_status == 0
    assert found(good, said(a(NEW), server=RESOLVER)).exit_status == 0
    assert found(good, silent).exit_status == 3
    assert found(good, problems=(SILENT,)).exit_status == 3
    assert found(good, lame).exit_status == 4
    assert found(good, silent, lame).exit_status == 4
    assert found(said(a(NEW)), silent).exit_status == 4
    assert found(silent).exit_status == 3
    failed = Proof(ZONE, ok=False, problem=Problem("refused", "no", "allow it"))
    assert found(said(a(NEW)), proofs=(failed,)).exit_status == 1
    assert found(good, proofs=(Proof(ZONE, ok=True),)).exit_status == 0


def test_what_is_wrong_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    check_dns.show(found(said(a(NEW)), said(rcode=None, problem=SILENT, server=SECONDARY)))
    told = capsys.readouterr()
    assert (
        f"{WWW} (web): leads to other addresses than those of server1 ({OLD}, 2001:db8::1)"
        in told.out
    )
    assert "  ns2.example.com (192.0.2.54)  no answer" in told.out
    assert "hostshift: no answer.\n  hint: wait\n" in told.err
    assert "  hint: Mend the records" in told.err


@pytest.mark.parametrize(
    ("left", "words"), [(True, "is still there"), (None, "may still be there"), (False, None)]
)
def test_a_scratch_record_that_was_left_is_told(
    capsys: pytest.CaptureFixture[str], left: bool | None, words: str | None
) -> None:
    proof = Proof(ZONE, ok=False, problem=Problem("refused", "no", "allow it"), left=left)
    check_dns.show(found(said(a(OLD)), proofs=(proof,)))
    told = capsys.readouterr().out
    assert ("  scratch: the record" in told) is (words is not None)
    assert words is None or f"the record {words}" in told


async def test_every_name_of_every_service() -> None:
    inventory = Inventory(
        Path("inventory.toml"),
        hosts=(
            host("server1", services=(service("web", names=(WWW, "www.example.org")),)),
            host("server2", services=(service("mail", "server2", names=("mail.example.com",)),)),
        ),
        zones=(Zone(ZONE, PRIMARY.address, watch=(RESOLVER.address,)),),
    )
    wire = MemoryWire(
        primary=Memory(
            [
                Records(ZONE, "NS", 300, ("ns1.example.com",)),
                a(PRIMARY.address, name="ns1.example.com"),
                a(OLD),
                a(OLD, name="mail.example.com"),
            ]
        ),
        resolver=Memory([a(OLD), a(OLD, name="www.example.org")], authoritative=False),
    )
    seen = await survey(
        wire, FixedClock(NOW), inventory, {"server1": OLD, "server2": "nowhere.example.com"}
    )
    assert [(n.name, n.zone, n.verdict, len(n.answers)) for n in seen.names] == [
        (WWW, ZONE, "leads-there", 2),
        ("www.example.org", None, "leads-there", 1),
        ("mail.example.com", ZONE, "unknown", 2),
    ]
    assert seen.servers == {ZONE: (PRIMARY, RESOLVER)}
