"""The screens on the demo: from the fleet to an upgraded host, by a person's keys."""

from __future__ import annotations

from textual.pilot import Pilot

from engine.clock import FixedClock
from engine.demo import open_demo
from tests.screenshots import NOW, app_of, open_host, scanned, type_name, until
from tests.unit.demo.conftest import hosts
from tui.app import HostshiftApp
from tui.screens.plan import PlanScreen
from tui.screens.run import RunScreen


def _marked(pilot: Pilot[int]) -> bool:
    return "DEMO" in pilot.app.export_screenshot()


async def test_the_whole_way_by_keys() -> None:
    few = hosts("server4", "server9")
    async with open_demo(clock=FixedClock(NOW), speed=0, hosts=few) as session:
        app = HostshiftApp(session)
        async with app.run_test(size=(100, 30)) as pilot:
            await scanned(pilot)
            assert _marked(pilot)
            await open_host(pilot, "server4")
            assert _marked(pilot)
            await pilot.press("u")
            await until(pilot, lambda: bool(getattr(app.screen, "plans", ())), "the plan")
            assert _marked(pilot)
            await pilot.press("y")
            await type_name(pilot, "server4")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run's screen")
            assert _marked(pilot)
            screen = app.screen
            assert isinstance(screen, RunScreen)
            await until(
                pilot, lambda: screen.run_now is not None and screen.run_now.ended, "the end"
            )
            assert screen.run_now is not None
            assert screen.run_now.state == "succeeded"
            await pilot.press("escape")
            await scanned(pilot)
            facts = app_of(pilot).bridge.known("server4").facts
            assert facts is not None
            assert facts.packages is not None
            assert facts.packages.upgradable == 0


async def test_a_blocked_host_is_repaired_by_keys() -> None:
    few = hosts("server3", "server5")
    async with open_demo(clock=FixedClock(NOW), speed=0, hosts=few) as session:
        app = HostshiftApp(session)
        async with app.run_test(size=(100, 30)) as pilot:
            await scanned(pilot)
            await open_host(pilot, "server5")
            assert app_of(pilot).bridge.known("server5").half_done
            await pilot.press("R")
            await until(pilot, lambda: bool(getattr(app.screen, "plans", ())), "the plan")
            planned = app.screen
            assert isinstance(planned, PlanScreen)
            (plan,) = planned.plans
            assert any("--configure -a" in line for step in plan.steps for line in step.commands)
            await pilot.press("y")
            await type_name(pilot, "server5")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run's screen")
            screen = app.screen
            assert isinstance(screen, RunScreen)
            await until(
                pilot, lambda: screen.run_now is not None and screen.run_now.ended, "the end"
            )
            await scanned(pilot)
            assert screen.run_now is not None
            assert screen.run_now.state == "succeeded"
            assert not app_of(pilot).bridge.known("server5").half_done
