"""The walls of the house, proven at run time and not only by the import contracts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCREENS = ("tui", "textual", "rich")


def _modules_after(code: str) -> set[str]:
    """The top-level names in sys.modules after some code has run in a fresh interpreter."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    return {name.partition(".")[0] for name in shown.splitlines()[-1].split()}


def test_no_engine_module_imports_the_screens() -> None:
    files = sorted((ROOT / "engine").rglob("*.py"))
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in files
        if "doubles" not in file.parts
    ]
    assert len(names) > 20
    loaded = _modules_after("import " + ", ".join(names))
    assert "engine" in loaded
    assert not loaded & set(SCREENS)


def test_version_and_help_load_nothing_heavy() -> None:
    for word in ("--version", "--help"):
        loaded = _modules_after(
            "import contextlib, tui.__main__ as m\n"
            f"with contextlib.suppress(SystemExit): m.main([{word!r}])"
        )
        heavy = {"textual", "rich", "asyncssh", "pydantic", "asyncio", "sqlalchemy"}
        assert not loaded & heavy, word


def test_the_door_needs_no_ssh_library_until_a_connection_is_made() -> None:
    assert "asyncssh" not in _modules_after("import engine.door")


def test_the_run_store_loads_its_library_only_when_one_is_opened() -> None:
    assert not _modules_after("import engine.door, engine.store") & {"sqlalchemy", "psycopg"}
    opened = _modules_after(
        "import engine.store, tempfile\n"
        "with tempfile.TemporaryDirectory() as d: engine.store.open_store(f'sqlite:///{d}/s').close()"
    )
    assert "sqlalchemy" in opened
    assert "psycopg" not in opened


def test_health_needs_no_http_library_until_a_check_is_made() -> None:
    assert "httpx" not in _modules_after("import engine.door, engine.health")


def test_dns_needs_no_library_until_a_wire_is_opened() -> None:
    assert "dns" not in _modules_after("import engine.door, engine.dns")


def test_the_top_level_holds_only_the_rooms_that_are_announced() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split("\n")
    assert {name.partition("/")[0] for name in tracked if name} <= {
        *("pyproject.toml", "tui", "engine", "inventory.toml", "tests", "screenshots", "docs"),
        *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile"),
        *(".ci", ".gitignore"),
    }


def test_no_group_of_a_pattern_is_possessive() -> None:
    # Python before 3.11.5 matches less than it should there, and Debian 12 has 3.11.2.
    possessive = re.compile(r"\)(?:[*?+]|\{[0-9,]+\})\+")
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for top in ("engine", "tui")
        for file in (ROOT / top).rglob("*.py")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if possessive.search(line)
    ]
    assert found == []
