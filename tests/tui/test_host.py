"""The host screen: facts, candidates, the question only a person can answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import RefusedError
from engine.model.candidate import Recommendation
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import NOW, foresee, make_facts, make_host, small_fleet
from tui.fleet_rows import Known
from tui.host_pages import candidate_page, headline
from tui.screens.host import HostScreen
from tui.widgets.sheet import Sheet


async def open_host(it: Opened, name: str) -> HostScreen:
    if not it.bridge.scan_progress.total:
        await it.scanned()
    it.app.screen.query_one("#fleet").move_to_key(name)  # type: ignore[attr-defined]
    await it.press("enter")
    await it.on("HostScreen")
    await it.settle()
    screen = it.app.screen
    assert isinstance(screen, HostScreen)
    return screen


async def test_everything_at_once_where_there_is_room() -> None:
    async with opened(size=(200, 60)) as it:
        screen = await open_host(it, "gitlab")
        text = it.text()
        for part in ("★ upgrade", "Risk of acting", "kernel: linux-image-amd64 is", "22 changes"):
            assert part in text
        for fact in ("bookworm", "6.1.0-25-amd64", "backup.service", "gitlab/gitlab-ce:17"):
            assert fact in text
        assert "needrestart isn't installed" in text
        assert screen.candidates.cursor_key == "upgrade"


async def test_one_panel_at_a_time_at_80_columns() -> None:
    async with opened(size=(80, 24)) as it:
        await open_host(it, "gitlab")
        assert "What it would do" in it.text()
        await it.press("2")
        await it.until(lambda: "gitlab.servers.example.com" in it.text())
        assert "What it would do" not in it.text()
        await it.press("3")
        await it.until(lambda: "libssl3" in it.text())
        assert "! security" in it.line_with("libssl3")
        await it.press("1")
        await it.until(lambda: "What it would do" in it.text())


async def test_the_one_day_question_is_asked_only_where_it_is_open() -> None:
    async with opened(size=(160, 60)) as it:
        await open_host(it, "gitlab")
        assert "down for a whole day" in it.text()
        assert "[hosts.gitlab]" in it.text()
        await it.press("q")
        await it.on("FleetScreen")
        await open_host(it, "db1")
        assert "down for a whole day" not in it.text()
        assert "★ replace" in it.text()


async def test_blockers_come_with_their_remedy() -> None:
    async with opened(size=(160, 50)) as it:
        await open_host(it, "runner1")
        assert "■ Blocked: dpkg-interrupted" in it.text()
        assert "hostshift plan runner1 repair" in it.text()


async def test_a_key_plans_what_mends_the_first_blocker() -> None:
    async with opened(size=(160, 50)) as it:
        await open_host(it, "gitlab")
        await it.press("m")
        await it.until(lambda: "is mended by a plan" in it.text())
        await it.press("q")
        await it.on("FleetScreen")
        screen = await open_host(it, "runner1")
        screen.candidates.move_to_key("upgrade")
        await it.press("m")
        await it.on("PlanScreen")
        await it.until(lambda: "Plan repair" in it.text())


async def test_a_replacement_is_examined_when_somebody_looks_at_it() -> None:
    async with opened(size=(200, 70)) as it:
        await it.scanned()
        it.verbs.gate.clear()
        await open_host(it, "gitlab")
        assert ("examine", "gitlab") not in it.verbs.asked, "the cursor is on another candidate"
        await it.press("q")
        await it.on("FleetScreen")
        await open_host(it, "db1")
        await it.until(lambda: "looking at volumes" in it.text())
        it.verbs.gate.set()
        await it.until(lambda: "db3, db3.servers.example.com (db2 is taken)" in it.text())
        text = it.app.screen.query_one("#candidate-sheet", Sheet).page.plain()
        for part in (
            "volume /srv/wiki (wiki): 1.2 GB, 3400 entries, on /srv (ext4), 80.0 GB free",
            "name wiki.example.com (wiki): leads to db1 (192.0.2.1); a resolver still has older",
            "A 192.0.2.9 (TTL 300): 192.0.2.1",
            "Stops a replacement", "The volume [/srv/x] isn't there.", "→ mount it",
            "For a person to decide", "PostgreSQL 15", "To be known", "dns-unknown",
        ):  # fmt: skip
            assert part in text
        await it.press("k", "j")
        assert it.verbs.asked.count(("examine", "db1")) == 1
        await it.press("g")
        await it.until(lambda: it.verbs.asked.count(("examine", "db1")) == 2)


async def test_a_preflight_that_fails_says_why() -> None:
    async with opened(size=(200, 70)) as it:
        await it.scanned()
        it.verbs.refuse = RefusedError("db1 did not answer.", hint="Look at its load.")
        await open_host(it, "db1")
        await it.until(lambda: "No preflight" in it.text())
        assert "db1 did not answer." in it.text()
        assert "→ Look at its load." in it.text()


async def test_a_light_look_becomes_a_full_one() -> None:
    hosts, looks = small_fleet()
    async with opened(hosts, looks, size=(160, 50)) as it:
        await it.scanned()
        it.verbs.gate.clear()
        it.app.screen.query_one("#fleet").move_to_key("web1")  # type: ignore[attr-defined]
        await it.press("enter")
        await it.until(lambda: "looking in full" in it.text())
        assert ("full", "web1") in it.verbs.asked
        it.verbs.gate.set()
        await it.until(lambda: "12 changes" in it.text())
        assert "looking in full" not in it.text()


@pytest.mark.parametrize("name", ["mail", "wiki"])
async def test_a_host_that_was_not_reached_says_why_and_what_to_do(name: str) -> None:
    _, looks = small_fleet()
    failure = looks[name].error
    assert failure is not None
    async with opened(size=(200, 50)) as it:
        await open_host(it, name)
        text = " ".join(it.text().split())
        assert failure.message[:40] in text
        assert failure.hint[:30] in text
        await it.press("u")
        await it.until(lambda: "could not be looked at" in it.text())
        assert isinstance(it.app.screen, HostScreen)


async def test_a_changed_key_shows_both_fingerprints_and_offers_no_way_to_accept() -> None:
    async with opened(size=(200, 50)) as it:
        await open_host(it, "wiki")
        assert "SHA256:qqqq" in it.text()
        assert "SHA256:pppp" in it.text()
        assert all(offer.host != "wiki" for offer in it.bridge.key_offers)


async def test_packages_follow_the_candidate_under_the_cursor() -> None:
    async with opened(size=(160, 50)) as it:
        screen = await open_host(it, "gitlab")
        await it.press("j", "j")
        assert screen.candidates.cursor_key == "reboot"
        await it.until(lambda: "No package changes." in it.text())


async def test_unknown_is_said_as_unknown() -> None:
    hosts, looks = small_fleet()
    facts = looks["db2"].facts
    assert facts is not None
    bare = replace(
        facts, failed_units=None, containers=None, kubernetes_node=None, lists_age_s=None
    )
    looks["db2"] = replace(looks["db2"], facts=bare)
    async with opened(hosts, looks, size=(160, 60)) as it:
        await open_host(it, "db2")
        for label in ("Failed units", "Kubernetes"):
            assert "unknown" in it.line_with(label)
        assert "age unknown" in it.text()
        assert "Containers    unknown" in it.text()


def test_the_headline_has_the_first_reasons_and_their_candidate_has_all() -> None:
    host = make_host("web1", ("web",))
    foresight = foresee(host, make_facts(host))
    reasons = ("First.", "Second.", "Third.")
    advised = replace(foresight, recommendation=Recommendation("reboot", reasons))
    known = Known(host, foresight=advised)
    assert "First. Second." in headline(known, NOW).plain()
    assert "Third." not in headline(known, NOW).plain()
    page = candidate_page(known, advised.candidate("reboot"), "inventory.toml").plain()
    assert "Why this is advised" in page
    assert all(reason in page for reason in reasons)
    assert "advised" not in candidate_page(known, advised.candidate("upgrade"), "i.toml").plain()
    few = replace(foresight, recommendation=Recommendation("reboot", reasons[:2]))
    known = Known(host, foresight=few)
    assert "advised" not in candidate_page(known, few.candidate("reboot"), "i.toml").plain()


async def test_changelogs_are_fetched_when_somebody_asks_and_tell_what_is_fixed() -> None:
    async with opened(size=(200, 70)) as it:
        await open_host(it, "gitlab")
        sheet = it.app.screen.query_one("#candidate-sheet", Sheet)
        assert "What it fixes" not in sheet.page.plain()
        assert ("changelogs", "gitlab") not in it.verbs.asked
        it.verbs.gate.clear()
        await it.press("c")
        await it.until(lambda: "looking in full" in it.text())
        it.verbs.gate.set()
        await it.until(lambda: "What it fixes" in sheet.page.plain())
        text = sheet.page.plain()
        assert "libssl3: CVE-2021-44228, known to be exploited" in text
        assert "libssl3: CVE-2026-1" in text
        it.verbs.refuse = RefusedError("gitlab did not tell.", hint="See its /tmp.")
        await it.press("c")
        await it.until(lambda: "gitlab did not tell." in it.text())


async def test_a_terminal_on_the_host_and_a_look_when_it_was_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with opened(size=(120, 40)) as it:
        await it.scanned()
        await open_host(it, "web2")
        it.verbs.shell = ("sh", "-c", f"echo it ran >'{tmp_path}/ran'; exit 3")
        await it.press("exclamation_mark")
        await it.until(lambda: "No terminal to give away" in it.text())
        assert not (tmp_path / "ran").exists()
        given = []

        @contextmanager
        def suspend() -> Iterator[None]:
            given.append("away")
            yield
            given.append("back")

        monkeypatch.setattr(it.app, "suspend", suspend)
        before = it.verbs.asked.count(("full", "web2"))
        await it.press("exclamation_mark")
        await it.until(lambda: given == ["away", "back"])
        assert (tmp_path / "ran").read_text() == "it ran\n"
        await it.until(lambda: it.verbs.asked.count(("full", "web2")) > before)


async def test_whoever_may_change_nothing_gets_no_terminal() -> None:
    async with opened(read_only=True) as it:
        await it.scanned()
        await open_host(it, "web2")
        await it.press("exclamation_mark")
        await it.until(lambda: "read-only" in it.text())
