"""Fixtures of the lab: hosts that a test may break. Every test of this folder is marked `lab`."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.lab.controller import Controller, slow_for, slow_packages
from tests.lab.faults import table
from tests.lab.machine import Machine, Options
from tests.lab.scenarios import switch_to
from tests.lab.session import Lab, Prepare
from tests.lab.settings import HERE, OUTSIDE, is_inside

TIMEOUT_S = 900.0
"""The first test of a month builds the base."""

HOSTS = pytest.StashKey[list[Machine]]()


class NewHost(Protocol):
    """Makes hosts for one test."""

    def __call__(
        self, name: str | None = None, options: Options | None = None, *, start: bool = True
    ) -> Machine:
        """A booted host (or one that is off), destroyed when the test ends."""
        ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and skip them outside a lab."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.lab)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        if item.get_closest_marker("long") is not None and "LAB_LONG" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="it takes minutes: make long"))
        if not is_inside():
            item.add_marker(pytest.mark.skip(reason=OUTSIDE))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the consoles of a failing test's hosts to its report."""
    report = yield
    if report.failed:
        for host in item.stash.get(HOSTS, []):
            report.sections.append((f"console of {host.name}", host.console_tail()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was tried of what may go wrong, and how it ended."""
    table.show(terminalreporter)


class NewFault(Protocol):
    """Opens a row of the table of faults for one test."""

    def __call__(self, case: str, expected: str) -> table.Fault:
        """The case; what was observed is told to it."""
        ...


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> NewFault:
    """A case for the table of faults."""
    return lambda case, expected: table.Fault(request, case, expected)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab around this run: keys, apt proxy, base tree, package repository."""
    with Lab() as running:
        running.base()
        yield running


@pytest.fixture
def new_host(lab: Lab, request: pytest.FixtureRequest) -> Iterator[NewHost]:
    """A factory of hosts that live as long as the test."""
    hosts = request.node.stash.setdefault(HOSTS, [])
    with ExitStack() as stack:

        def make(
            name: str | None = None, options: Options | None = None, *, start: bool = True
        ) -> Machine:
            host = stack.enter_context(lab.machine(name, options))
            hosts.append(host)
            if start:
                host.start()
                host.wait_booted()
            return host

        yield make


@pytest.fixture(scope="session")
def golden(lab: Lab) -> Callable[[str, Prepare], Path]:
    """`golden(name, prepare)`: a layer prepared once a session, for `Options(layers=[...])`."""
    return lab.golden


def _slow_packages_are_due(host: Machine) -> None:
    slow_packages(host)
    switch_to(host, "v2")


@pytest.fixture
def upgradable(new_host: NewHost, golden: Callable[[str, Prepare], Path]) -> Machine:
    """A host on which lab-lib and lab-slow (twelve seconds) are due."""
    layer = golden("slow-due", _slow_packages_are_due)
    host = new_host(options=Options(layers=[layer]))
    slow_for(host, 12)
    return host


@pytest.fixture
def eve(tmp_path: Path, upgradable: Machine) -> Controller:
    """The operator who upgrades it."""
    return Controller(tmp_path, upgradable)
