"""Every parser on outputs kept as files: ``data/PARSER/CASE.txt`` gives ``CASE.json``.

``CASE.err`` and ``CASE.exit`` hold standard error and exit status where they matter. A case's
name says where it is from: ``lab`` and ``chroot`` are real outputs of Debian hosts made for it,
``made`` was written by hand from the program's source. After a change that is meant, run
``python -m tests.unit.programs.test_parsers`` and read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.model.json_form import to_json
from tests.unit.programs.parsers import PARSERS

DATA = Path(__file__).parent / "data"
CASES = sorted(DATA.glob("*/*.txt"))


def parsed(case: Path) -> Any:
    """What the parser makes of a case, as JSON data."""
    errors, status = case.with_suffix(".err"), case.with_suffix(".exit")
    result = PARSERS[case.parent.name](
        case.read_bytes(),
        errors.read_bytes() if errors.exists() else b"",
        int(status.read_text()) if status.exists() else 0,
    )
    return to_json(result)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_parser(case: Path) -> None:
    assert parsed(case) == json.loads(case.with_suffix(".json").read_text("utf-8"))


def test_every_parser_has_cases() -> None:
    assert {case.parent.name for case in CASES} == set(PARSERS)


def _write() -> None:
    for case in CASES:
        text = json.dumps(parsed(case), indent=1, ensure_ascii=True)
        case.with_suffix(".json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    _write()
