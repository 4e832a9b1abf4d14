"""A host that lies in every field: nothing of it reaches the terminal, nothing is markup."""

from __future__ import annotations

import io
import re
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.facts import Look
from engine.model.run import Progress
from engine.text import clean
from tests.tui.conftest import Opened, opened
from tests.tui.fake_bridge import (
    FakeVerbs,
    failure_look,
    fill_record,
    left_alone,
    make_facts,
    make_host,
    small_fleet,
)
from tui.screens.plan import PlanScreen
from tui.widgets.sheet import Line, Page, spans, wrap

NASTY = "\r[red]x[/red][/] [@click=app.exit]\x1b]0;t\x07\x1b[2J\x9b31m\u202e\u200bevil\x00 [$error"
T = TypeVar("T")


def poisoned(value: T, text: str) -> T:
    """A value with a text of the host in each of its strings, but those that decide."""
    if isinstance(value, str):
        return text  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(poisoned(item, text) for item in value)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, (type, date, datetime)):
        kept = ("host", "family", "depth", "action", "candidate", "state")
        changes: dict[str, Any] = {
            f.name: poisoned(getattr(value, f.name), text)
            for f in fields(value)
            if f.name not in kept
        }
        return replace(value, **changes)
    return value


def drawn(it: Opened) -> str:
    """What the terminal is sent, without the sequences that styles are made of."""
    out = io.StringIO()
    for strip in it.app.screen._compositor.render_strips():
        out.write(strip.render(it.app.console) + "\n")
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_hostile_host_is_only_text(size: tuple[int, int]) -> None:
    host = make_host("evil1", ("web",), None)
    facts = poisoned(make_facts(host, 6, 2), clean(NASTY))
    looks = {"evil1": Look("evil1", facts.taken_at, facts)}
    async with opened((host,), looks, size=size) as it:
        await it.scanned()
        await it.press("enter")
        await it.on("HostScreen")
        await it.settle()
        pages = [drawn(it)]
        for key in ("2", "3"):
            await it.press(key)
            await it.settle()
            pages.append(drawn(it))
        screen = PlanScreen(it.bridge, ("evil1",), "upgrade")
        await it.app.push_screen(screen)
        await it.until(lambda: screen.plans)
        await it.settle()
        pages.append(drawn(it))
        assert any("[red]x[/red][/]" in page for page in pages)
        for page in pages:
            assert all(char.isprintable() or char == "\n" for char in page)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_hostile_run_is_only_text(size: tuple[int, int]) -> None:
    text = clean(NASTY)
    host = make_host("evil1")
    facts = left_alone(small_fleet()[1]["web2"]).facts
    assert facts is not None
    facts = replace(poisoned(facts, text), host="evil1")
    verbs = FakeVerbs({"evil1": Look("evil1", facts.taken_at, facts)})
    fill_record(verbs)
    run_id = next(iter(verbs.runs))
    run = verbs.runs[run_id]
    steps = tuple(
        replace(step, title=text, evidence=(text,), progress=Progress(text, 3.0, text))
        for step in run.steps
    )
    run = replace(run, host="evil1", steps=steps, reason=(text,), hint=text)
    verbs.runs = {run_id: replace(run, candidate=text, operator=text, waits_for=text, owner=text)}
    verbs.journals[run_id] = tuple(poisoned(entry, text) for entry in verbs.journals[run_id])
    verbs.evidence = (text, text)
    async with opened((host,), verbs.looks, verbs=verbs, size=size) as it:
        await it.scanned()
        await it.press("H")
        await it.on("HistoryScreen")
        await it.settle()
        pages = [drawn(it)]
        await it.press("enter")
        await it.on("RunScreen")
        for key in ("1", "2", "4", "y", "t", "b", "e"):
            await it.press(key)
            await it.settle()
            pages.append(drawn(it))
            if len(it.app.screen_stack) > 4:
                await it.press("escape")
        assert all("[red]x" in page for page in pages)
        for page in pages:
            assert all(char.isprintable() or char == "\n" for char in page)


async def test_hostile_errors_and_notices_are_only_text() -> None:
    host = make_host("evil1")
    text = clean(NASTY)
    looks = {"evil1": failure_look("evil1", "unreachable", text, text)}
    async with opened((host,), looks) as it:
        await it.scanned()
        await it.press("u")
        await it.on("PlanScreen")
        await it.until(lambda: "[red]x" in it.text())
        assert all(char.isprintable() or char == "\n" for char in drawn(it))


@given(st.text(max_size=120), st.integers(0, 10), st.integers(1, 40))
def test_wrapping_loses_no_word_and_never_overflows(text: str, hang: int, width: int) -> None:
    text = clean(text).replace("\n", " ").replace("\t", " ")
    pieces = list(wrap(Line(spans((text, "plain")), hang), width))
    assert all(piece.cell_length <= max(width, 2) for piece in pieces)
    assert "".join("".join(p.plain.split()) for p in pieces) == "".join(text.split())


@given(st.text())
def test_brackets_in_a_page_are_never_markup(text: str) -> None:
    text = clean(text)
    page = Page().text(text).item(text).fact("Label", text).line((text, "warn"))
    assert text.split("\n", maxsplit=1)[0] in page.plain()
