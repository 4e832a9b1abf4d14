"""The run screen follows a run and touches nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.model.run import Progress
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import NOW, make_run, small_fleet
from tui.run_pages import overview_page
from tui.screens.run import RunScreen


async def open_run(it: Opened, host: str = "web2") -> RunScreen:
    await it.scanned()
    it.app.screen.query_one("#fleet").move_to_key(host)  # type: ignore[attr-defined]
    await it.press("a")
    await it.on("RunScreen")
    screen = it.app.screen
    assert isinstance(screen, RunScreen)
    return screen


async def test_steps_progress_and_log_are_live() -> None:
    async with opened(size=(140, 40)) as it:
        screen = await open_run(it)
        run_id = screen._run_id
        it.verbs.logs[run_id, "upgrade"] = b"Get:1 openssl\nSetting up 10%\rSetting up 20%"
        await it.until(lambda: "Setting up 20%" in it.text())
        assert "Setting up 10%" not in it.text()
        assert "43 %" in it.text()
        run = it.verbs.runs[run_id]
        first = replace(run.steps[0], progress=Progress("install", 78.0, "Unpacking curl"))
        it.verbs.runs[run_id] = replace(run, steps=(first, *run.steps[1:]))
        await it.until(lambda: "78 %" in it.text() and "Unpacking curl" in it.text())


async def test_an_end_is_told_with_its_evidence_and_the_host_is_looked_at_again() -> None:
    async with opened(size=(140, 40)) as it:
        screen = await open_run(it)
        run = it.verbs.runs[screen._run_id]
        failed = make_run(run.id, "web2", "upgrade", "failed")
        it.verbs.runs[run.id] = failed
        await it.until(lambda: "✗ failed" in it.text())
        assert "exit status 100" in it.text()
        assert "plan `repair`" in " ".join(it.text().split())
        await it.until(lambda: it.verbs.asked[-1] == ("full", "web2"))


async def test_a_lost_connection_is_unknown_since_and_never_failed() -> None:
    async with opened(size=(140, 40)) as it:
        screen = await open_run(it)
        run = it.verbs.runs[screen._run_id]
        it.verbs.runs[run.id] = replace(
            run, state="unknown", reason=("The connection was lost.",), since=NOW
        )
        await it.until(lambda: "? unknown" in it.text())
        assert "The connection was lost." in it.text()
        assert "Not known for" in it.text()


async def test_closing_the_screen_leaves_the_run_alone() -> None:
    async with opened() as it:
        screen = await open_run(it)
        before = it.verbs.runs[screen._run_id]
        await it.press("q")
        await it.on("FleetScreen")
        assert it.verbs.runs[screen._run_id] is before
        await it.press("a")
        await it.on("RunScreen")


async def test_ctrl_c_ends_nothing_and_says_how_to_leave() -> None:
    async with opened(size=(140, 40)) as it:
        screen = await open_run(it)
        before = it.verbs.runs[screen._run_id]
        await it.press("ctrl+c", "ctrl+c")
        await it.until(lambda: "to quit" in it.text())
        assert it.app.is_running
        assert it.app.screen is screen
        assert it.verbs.runs[screen._run_id] == before
        assert it.verbs.decided == []


async def test_shift_j_shows_the_log_of_the_next_step_and_stays_there() -> None:
    async with opened(size=(140, 40)) as it:
        screen = await open_run(it)
        it.verbs.logs[screen._run_id, "upgrade"] = b"of the upgrade\n"
        it.verbs.logs[screen._run_id, "verify"] = b"of the verification\n"
        await it.until(lambda: "of the upgrade" in it.text())
        await it.press("J")
        await it.until(lambda: "of the verification" in it.text())
        run = it.verbs.runs[screen._run_id]
        it.verbs.runs[run.id] = replace(run, reason=("still at work",))
        await it.until(lambda: "still at work" in it.text())
        assert "of the verification" in it.text()
        await it.press("K")
        await it.until(lambda: "of the upgrade" in it.text())


async def test_a_host_without_anything_to_follow_says_so() -> None:
    hosts, looks = small_fleet()
    async with opened(hosts, looks) as it:
        await it.scanned()
        assert await it.bridge.attach("db1") is None
        assert await it.bridge.attach("mail") is None


def test_of_a_long_run_what_is_over_is_one_line() -> None:
    run = make_run("run-9", "db1", "replace")
    start = run.started_at
    steps = tuple(
        replace(
            run.steps[0],
            id=f"step-{n}",
            title=f"Title {n}",
            state="succeeded" if n < 20 else "running" if n == 20 else "planned",
            started_at=start + timedelta(minutes=n) if n <= 20 else None,
            ended_at=start + timedelta(minutes=n + 1) if n < 20 else None,
        )
        for n in range(30)
    )
    long = replace(run, steps=steps)

    def text(shown: str) -> str:
        return overview_page(long, None, shown, NOW, read_only=False).plain()

    told = text("step-20")
    assert "step 21 of 30" in told
    assert "1 to 19" in told
    assert "succeeded, 19 min 00 s" in told
    assert "Title 18" not in told
    assert all(f"Title {n}" in told for n in (19, 20, 29))
    assert "1 to 4\n" in text("step-5")
    assert "Title 4" in text("step-5")
    assert "1 to" not in text("step-0")
    short = replace(run, steps=steps[15:25])
    assert "Title 15" in overview_page(short, None, None, NOW, read_only=False).plain()
