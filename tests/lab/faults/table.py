"""The table of faults: each case with the end that is expected and the one that was observed."""

import pytest

FAULT = "fault"
Row = tuple[str, str, str]


class Fault:
    """One case. Its row is in the table also when the test fails before it has observed anything.

    Args:
        case: What goes wrong, in a few words.
        expected: The true end: a state of the run, and what holds on the host.
    """

    def __init__(self, request: pytest.FixtureRequest, case: str, expected: str) -> None:
        self.expected = expected
        self._properties = request.node.user_properties
        self._row = [case, expected, "not observed"]
        self._properties.append((FAULT, self._row))

    def observed(self, end: str) -> None:
        """Note what was observed, and hold it against what was expected."""
        self._row[2] = end
        assert end == self.expected


def rows(reporter: pytest.TerminalReporter) -> list[Row]:
    """The cases that were tried in this test run, in order."""
    reports = [r for outcome in ("passed", "failed") for r in reporter.stats.get(outcome, [])]
    return sorted(
        tuple(value)
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == FAULT
    )


def show(reporter: pytest.TerminalReporter) -> None:
    """Write the table, where there is anything to write."""
    found = rows(reporter)
    if not found:
        return
    heads = ("case", "expected end", "observed end")
    widths = [max(len(row[i]) for row in [heads, *found]) for i in range(2)]
    reporter.section("faults")
    for case, expected, observed in [heads, *found]:
        reporter.write_line(f"{case:{widths[0]}}  {expected:{widths[1]}}  {observed}")
