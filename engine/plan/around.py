"""What every plan that acts has around its own steps: the window, the hooks, the baseline."""

from __future__ import annotations

from dataclasses import replace

from engine.inventory.value import Hooks
from engine.model.host import Host
from engine.model.plan import BaselineAct, GateAct, RebootAct, ServiceCheck, Step, VerifyAct
from engine.plan.hooks import with_hooks

WINDOW, BASELINE = "window", "baseline"
"""Ids of the steps."""


def around(host: Host, steps: tuple[Step, ...], hooks: Hooks) -> tuple[Step, ...]:
    """The steps of a plan that touches running services, with what comes before and after.

    First the question outside the maintenance window, before anybody is told of anything; then
    the hook, the baseline, the steps, whose looks compare with the baseline, and the hook after.
    """
    checks = tuple(ServiceCheck(s.name, check) for s in host.services for check in s.checks)
    noted = Step(
        BASELINE,
        "Note what works now: units, sockets, containers, mounts, checks",
        "host",
        BaselineAct(checks),
        reversible=True,
    )
    compared = tuple(_compared(step, checks) for step in steps)
    found = with_hooks((noted, *compared), hooks)
    return (*_window(host), *found)


def _compared(step: Step, checks: tuple[ServiceCheck, ...]) -> Step:
    if isinstance(step.act, VerifyAct | RebootAct):
        return replace(step, act=replace(step.act, baseline=BASELINE, checks=checks))
    return step


def _window(host: Host) -> tuple[Step, ...]:
    if host.window is None:
        return ()
    question = f"Act on {host.name} outside its maintenance window ({host.window})?"
    gate = GateAct(question, window=host.window)
    return (Step(WINDOW, "Wait for the window, or ask", "controller", gate, gate=True),)
