"""Fault loops on a store, in a process of their own that is warm when it forks.

``python -m tests.unit.store.loops kill|race URL DIRECTORY TRIALS`` prints a report as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.unit.store.kills import kill_loop
from tests.unit.store.races import race_loop

if __name__ == "__main__":
    _, what, url, directory, trials = sys.argv
    loop = {"kill": kill_loop, "race": race_loop}[what]
    print(json.dumps(asdict(loop(url, Path(directory), int(trials)))))  # noqa: T201
