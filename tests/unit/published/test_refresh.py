"""Published data: fetched from a real server on loopback, verified, kept, and what is in force."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.candidates import foresee
from engine.facts.changelogs import fetch as fetch_changelogs
from engine.facts.changelogs import pending_cves, with_updates
from engine.model.facts import OperatingSystem
from engine.model.json_form import to_json
from engine.published import bundled, published
from engine.published.in_force import FETCHED
from engine.published.refresh import Outcome, refresh
from engine.published.sources import standing
from engine.risk.waiting import known_holes, waiting
from tests.unit.builders import NOW, facts, host, upgrade
from tests.unit.facts.probed import session
from tests.unit.facts.test_changelogs import answering, text

TODAY = date(2026, 11, 27)
WORST = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
NEW = "CVE-2026-4242"
KEYS = ("kev", "epss", "cvss", "debian", "ubuntu", "packages")
EARLY = b"# remark\n\npdns 4.7.3-2  2025-10-01\tNo support\nphp-horde.*\t0 2025-03-22 x\n"
EARLY += b"old 1 2030-01-01\n"
DEBIAN = "version,codename,series,created,release,eol,eol-lts,eol-elts\n"
UBUNTU = "version,codename,series,created,release,eol,eol-server,eol-esm\n"


def kev(day: str = "2026-11-20", ids: tuple[str, ...] = (NEW,), number: int | None = None) -> bytes:
    many = [*ids, *(f"CVE-2025-{n}" for n in range(1, 1_100))]
    found = [{"cveID": one, "vendorProject": "x"} for one in many]
    count = len(found) if number is None else number
    document = {"count": count, "dateReleased": f"{day}T17:00:00.0Z", "vulnerabilities": found}
    return json.dumps(document).encode()


def epss(day: str = "2026-11-26", likely: str = NEW) -> bytes:
    rows = [f"{likely},0.91000,0.99", "CVE-2026-4243,0.35999,0.98"]
    rows += [f"CVE-2020-{n},0.00042,0.1" for n in range(1, 100_001)]
    head = f"#model_version:v2025.03.14,score_date:{day}T00:00:00Z\ncve,epss,percentile\n"
    return gzip.compress((head + "\n".join(rows) + "\n").encode(), mtime=0)


def support(more: str = "99,Next,next,2027-01-01,2027-06-01,2030-06-01,2032-06-30\n") -> bytes:
    rows = (
        f"{version},N,n,2000-01-01,2001-01-01,{end.isoformat()}\n"
        for version, end in bundled().support_ends["debian"].items()
    )
    return (DEBIAN + "".join(rows) + more).encode()


def ubuntu() -> bytes:
    rows = (
        f"{version} LTS,N,n,2000-01-01,2001-01-01,{end.isoformat()}\n"
        for version, end in bundled().support_ends["ubuntu"].items()
    )
    return (UBUNTU + "".join(rows)).encode()


@dataclass
class Publisher:
    """What a server answers, by path: bytes, or a status."""

    url: str = ""
    answers: dict[str, bytes | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def addresses(self) -> dict[str, str]:
        return {name: f"{self.url}/{name}" for name in KEYS}


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            answer = made.answers.get(self.path, 404)
            body = answer if isinstance(answer, bytes) else b"no"
            self.send_response(200 if isinstance(answer, bytes) else answer)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        server.shutdown()
        thread.join(10)


def had(publisher: Publisher, home: Path, *names: str, cves: tuple[str, ...] = ()) -> list[Outcome]:
    found = asyncio.run(refresh(home, TODAY, cves, names, publisher.addresses()))
    return list(found)


def test_what_is_fetched_is_in_force_and_the_rest_as_it_was(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.answers = {
        "/kev": kev(), "/epss": epss(likely="CVE-2026-1"), "/debian": support(),
        "/ubuntu": ubuntu(), "/packages12": EARLY, f"/cvss/{NEW}": json.dumps(
            {"id": NEW, "severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"},
                                     {"type": "CVSS_V3", "score": WORST}]}).encode(),
    }  # fmt: skip
    found = had(publisher, tmp_path, cves=(NEW, "CVE-2026-9"))
    assert [(one.name, one.state) for one in found] == [
        ("kev", "newer"), ("epss", "newer"), ("cvss", "newer"), ("support", "newer"),
        ("packages", "newer"),
    ]  # fmt: skip
    now = published(tmp_path)
    assert now.cve(NEW).exploited is True
    assert now.cve(NEW).vector == WORST
    assert now.cve("CVE-2026-1").predicted is True
    assert now.cve("CVE-2026-4243").predicted is False
    assert now.end_of_support(OperatingSystem("debian", "99")) == date(2032, 6, 30)
    assert now.end_of_support(OperatingSystem("ubuntu", "22.04")) == date(2027, 6, 1)
    assert [(one.fetched, one.of) for one in standing(tmp_path)] == [
        (True, date(2026, 11, 20)), (True, date(2026, 11, 26)), *[(True, TODAY)] * 3,
    ]  # fmt: skip
    assert (tmp_path / "published" / "kev.json").stat().st_mode & 0o777 == 0o600


def test_a_record_is_asked_for_again_only_after_a_month(
    publisher: Publisher, tmp_path: Path
) -> None:
    had(publisher, tmp_path, "cvss", cves=(NEW,))  # there is none: that counts as an answer
    again = had(publisher, tmp_path, "cvss", cves=(NEW,))
    assert (again[0].state, publisher.asked) == ("unchanged", [f"/cvss/{NEW}"])
    later = date(2026, 12, 28)
    asyncio.run(refresh(tmp_path, later, (NEW,), ("cvss",), publisher.addresses()))
    assert len(publisher.asked) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (500, "answered with status 500"),
        (b"<html>", "it is no JSON"),
        (b"[]", "it is no catalog"),
        (kev(number=3), "it says that it has 3 entries, and 1100 came"),
        (b'{"count": 0, "dateReleased": "2026-11-20", "vulnerabilities": []}', "has 0 entries"),
        (kev(day="soon"), "is no day"),
        (kev(day="2026-12-24"), "which is yet to come"),
        (kev(ids=("CVE-x",)), "'CVE-x' is no CVE"),
    ],
)
def test_what_is_not_what_it_claims_to_be_is_refused_and_the_former_stays(
    publisher: Publisher, tmp_path: Path, answer: bytes | int, why: str
) -> None:
    publisher.answers = {"/kev": kev()}
    had(publisher, tmp_path, "kev")
    before = (tmp_path / "published" / "kev.json").read_bytes()
    publisher.answers = {"/kev": answer, "/debian": support(), "/ubuntu": ubuntu()}
    failed, other = had(publisher, tmp_path, "kev", "support")
    assert failed.state == "failed"
    assert why in failed.said
    assert other.state == "newer", "one that fails keeps no other from being had"
    assert (tmp_path / "published" / "kev.json").read_bytes() == before
    assert published(tmp_path).cve(NEW).exploited is True


def test_an_older_list_never_replaces_a_newer_one(publisher: Publisher, tmp_path: Path) -> None:
    publisher.answers = {"/kev": kev(day="2024-01-01")}
    found = had(publisher, tmp_path, "kev")[0]
    assert (found.state, found.of) == ("unchanged", bundled().kev_date)
    assert published(tmp_path).kev is bundled().kev


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"/epss": b"cve,epss\nCVE-2020-1,0.5\n"}, "names no day"),
        ({"/epss": gzip.compress(b"#score_date:2026-11-26\ncve,epss\nx,0.1\n")}, "has 1 scores"),
        ({"/epss": b"\x1f\x8bnothing"}, "can't be unpacked"),
        ({"/epss": b"#score_date:2026-11-26\ncve,epss\nCVE-1-1,1.5\n"}, "1.5 is no chance"),
    ],
)
def test_scores_that_can_not_be_read(
    publisher: Publisher, tmp_path: Path, answers: dict[str, bytes | int], why: str
) -> None:
    publisher.answers = answers
    found = had(publisher, tmp_path, "epss")[0]
    assert found.state == "failed"
    assert why in found.said


def test_a_list_of_releases_without_one_that_is_known_is_cut(
    publisher: Publisher, tmp_path: Path
) -> None:
    cut = b"\n".join(support().split(b"\n")[:8]) + b"\n"
    publisher.answers = {"/debian": cut, "/ubuntu": ubuntu()}
    found = had(publisher, tmp_path, "support")[0]
    assert found.state == "failed"
    assert "is missing in it" in found.said


def test_packages_whose_support_ends_early_are_found_on_the_host_that_has_them(
    publisher: Publisher, tmp_path: Path
) -> None:
    bookworm = OperatingSystem("debian", "12")
    names = ("bash", "old", "pdns", "php-horde-core")
    assert published(tmp_path).ended(bookworm, names) == ()
    publisher.answers = {"/packages12": EARLY}
    assert had(publisher, tmp_path, "packages")[0].said == "3 packages"
    early = published(tmp_path).ended(bookworm, names)
    assert [one.source for one in early] == ["old", "pdns", "php-horde-core"]
    assert published(tmp_path).ended(OperatingSystem("debian", "11"), names) == ()
    assert published(tmp_path).ended(OperatingSystem("ubuntu", "12"), names) == ()

    seen = facts()
    assert seen.packages is not None
    seen = replace(seen, packages=replace(seen.packages, ended=early))
    told = waiting(host(exposed=True), seen, NOW)
    assert (told.level, told.due_days) == ("high", 14)
    assert told.reasons[0].endswith("pdns since 2025-10-01, php-horde-core since 2025-03-22")
    advice = foresee(host(), seen, NOW).recommendation
    assert advice is not None
    assert advice.kind == "none", "nothing that is pending closes it"

    publisher.answers = {"/packages13": EARLY}
    assert had(publisher, tmp_path, "packages")[0].said.endswith("/packages12 is gone")
    publisher.answers = {"/packages12": b"<html>no</html>"}
    assert "names no package with a day" in had(publisher, tmp_path, "packages")[0].said
    assert published(tmp_path).ended(bookworm, ["pdns"]) != ()


def test_a_record_of_another_hole_is_refused_and_the_others_are_kept(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.answers = {
        f"/cvss/{NEW}": b'{"id": "CVE-1999-1"}',
        "/cvss/CVE-2026-5": json.dumps(
            {"id": "CVE-2026-5", "severity": [{"type": "CVSS_V3", "score": WORST}]}
        ).encode(),
    }
    found = had(publisher, tmp_path, "cvss", cves=(NEW, "CVE-2026-5"))[0]
    assert found.state == "failed"
    assert f"no record of {NEW} (1 of 2 records were had)" in found.said
    assert published(tmp_path).vectors == {"CVE-2026-5": WORST}


def test_nobody_there_and_no_room_are_told(tmp_path: Path) -> None:
    gone = {"kev": "http://127.0.0.1:1/kev"}
    found = asyncio.run(refresh(tmp_path, TODAY, (), ("kev",), gone))[0]
    assert found.state == "failed"
    assert "can't be had" in found.said


def test_a_file_in_the_way_is_told(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "published").write_text("in the way")
    publisher.answers = {"/kev": kev()}
    found = had(publisher, tmp_path, "kev")[0]
    assert (found.state, "can't be kept" in found.said) == ("failed", True)


@pytest.mark.parametrize(
    "damage",
    [
        *("", "{", "[]", "null", '{"date": "2027-01-01", "cves": 3}'),
        '{"date": "2027-01-01", "cves": {"CVE-2026-1": {"vector": 3}}}',
    ],
)
def test_a_damaged_file_counts_for_nothing(tmp_path: Path, damage: str) -> None:
    home = tmp_path / "published"
    home.mkdir()
    for name in FETCHED:
        (home / f"{name}.json").write_text(damage)
    now = published(tmp_path)
    assert (now.kev, now.predicted, now.vectors) == (bundled().kev, None, {})
    assert now.support_ends == bundled().support_ends


def test_a_look_holds_what_was_published_so_that_a_saved_scan_needs_nothing_else(
    publisher: Publisher, tmp_path: Path
) -> None:
    here = session(answering({"changelog-1": f"apt\n{text(NEW)}"}), tmp_path)
    seen = facts(upgrade("sudo", security=True))
    asyncio.run(fetch_changelogs(here, host(), seen))
    before = with_updates(tmp_path, seen)
    publisher.answers = {"/kev": kev()}
    had(publisher, tmp_path, "kev", "cvss", cves=(NEW,))
    after = with_updates(tmp_path, seen)
    assert [one.exploited for one in known_holes(before.packages)[0]] == [False]
    assert [one.exploited for one in known_holes(after.packages)[0]] == [True]
    told = waiting(host(exposed=True), after, NOW, *known_holes(after.packages))
    assert "known to be exploited (KEV of 2026-11-20)" in told.reasons[0]
    assert to_json(after)["packages"]["cves"][0]["exploited"] is True


def test_the_holes_that_pending_updates_name_are_those_whose_vectors_are_asked_for(
    tmp_path: Path,
) -> None:
    from engine.facts import cache

    here = session(answering({"changelog-1": f"apt\n{text(NEW)}"}), tmp_path)
    seen = replace(facts(upgrade("sudo", security=True)), fingerprint="f", depth="full")
    assert pending_cves(tmp_path) == frozenset()
    asyncio.run(fetch_changelogs(here, host(), seen))
    cache.keep(tmp_path, seen)
    assert pending_cves(tmp_path) == {NEW}


def test_the_command_fetches_prints_and_tells_what_failed(
    publisher: Publisher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tui.__main__ import main

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    inventory = tmp_path / "inventory.toml"
    lines = [f'{key} = "{url}"' for key, url in publisher.addresses().items()]
    inventory.write_text("[data]\n" + "\n".join(lines) + "\n")
    publisher.answers = {"/kev": kev()}
    words = ["--inventory", str(inventory), "data"]
    assert main(words) == 0
    assert "Old: kev" in capsys.readouterr().out
    assert main([*words, "refresh", "kev"]) == 0
    assert "kev: newer, 1100 holes" in capsys.readouterr().out
    assert main([*words, "refresh", "kev", "epss", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["state"]) for one in document["refreshed"]] == [
        ("kev", "unchanged"), ("epss", "failed"),
    ]  # fmt: skip
    assert main([*words, "--read-only", "refresh"]) == 5
    assert main([*words, "refresh", "kevv"]) == 2
    assert "There are: kev, epss, cvss, support, packages." in capsys.readouterr().err
