"""What of a log is shown as the reason of a failure."""

from __future__ import annotations

import pytest

from engine.runs.complaints import last_errors


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        pytest.param(b"Get:1 x\nE: one\nE: two\nE: one\n", ("E: one", "E: two"), id="apt"),
        pytest.param(
            b"hostshift: pass final /srv/a begins\n"
            b'rsync: [generator] rename "/srv/a/b" failed: Operation not permitted (1)\n'
            b"rsync error: some files/attrs were not transferred (code 23) at main.c(1865)\n",
            (
                'rsync: [generator] rename "/srv/a/b" failed: Operation not permitted (1)',
                "rsync error: some files/attrs were not transferred (code 23) at main.c(1865)",
            ),
            id="rsync",
        ),
        pytest.param(
            b"".join(b"E: %d\n" % n for n in range(9)), ("E: 6", "E: 7", "E: 8"), id="few"
        ),
        pytest.param(b"E: \x1b[2Jgone\x07\n", ("E: gone",), id="hostile"),
        pytest.param(b"E is no error\n", (), id="none"),
    ],
)
def test_the_last_errors(log: bytes, shown: tuple[str, ...]) -> None:
    assert last_errors(log) == shown
