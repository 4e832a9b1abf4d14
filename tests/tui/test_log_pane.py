"""The log pane: what it keeps, where it stands, what a carriage return does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tui.widgets.log_pane import LogPane


class Pane(App[None]):
    def __init__(self, kept: int) -> None:
        super().__init__()
        self.kept = kept
        self.data = b""

    def compose(self) -> ComposeResult:
        yield LogPane(kept=self.kept)

    @property
    def pane(self) -> LogPane:
        return self.query_one(LogPane)

    def read(self, offset: int, limit: int) -> bytes:
        return self.data[offset : offset + limit]

    def lines(self) -> list[str]:
        return [self.pane.line(i) for i in range(self.pane.line_count)]

    def sight(self) -> list[str]:
        pane = self.pane
        return [pane.render_line(y).text[:-2].rstrip() for y in range(pane.size.height)]


@asynccontextmanager
async def pane(kept: int = 1000, height: int = 10) -> AsyncIterator[tuple[Pane, Pilot[None]]]:
    app = Pane(kept)
    async with app.run_test(size=(40, height)) as pilot:
        app.pane.show(app.read)
        app.pane.focus()
        await pilot.pause()
        yield app, pilot


def numbered(first: int, last: int) -> bytes:
    return b"".join(b"line %d\n" % i for i in range(first, last))


async def test_it_follows_the_end() -> None:
    async with pane() as (app, _):
        app.data = numbered(0, 100)
        app.pane.pull()
        assert app.sight() == [f"line {i}" for i in range(90, 100)]
        app.data += numbered(100, 103)
        app.pane.pull()
        assert app.sight()[-1] == "line 102"


async def test_a_line_in_pieces_is_one_line_and_a_carriage_return_rewrites_it() -> None:
    async with pane() as (app, _):
        for piece in (b"down", b"load 1%\rdownload 50", b"%\rdownload 100%", b"\r\nnext"):
            app.data += piece
            app.pane.pull()
        assert app.lines() == ["download 100%", "next"]


async def test_bytes_cut_inside_a_character_come_together_again() -> None:
    async with pane() as (app, _):
        for byte in "Größe ✓\n".encode():
            app.data += bytes([byte])
            app.pane.pull()
        assert app.lines() == ["Größe ✓"]


async def test_what_a_terminal_obeys_is_gone() -> None:
    async with pane() as (app, _):
        app.data = b"\x1b]0;mine\x07\x1b[2Jred \x9b31m \xe2\x80\xaetxt [red]x[/]\xff\x00\n"
        app.pane.pull()
        text = app.lines()[0]
        assert text.isprintable()
        assert "[red]x[/]" in text
        assert "mine" not in text


async def test_scrolling_up_stops_following_and_the_same_lines_stay_in_sight() -> None:
    async with pane(kept=50) as (app, pilot):
        app.data = numbered(0, 100)
        app.pane.pull()
        await pilot.press("pageup", "up")
        seen = app.sight()
        assert not app.pane.follows
        assert seen[0] == "line 80"
        app.data += numbered(100, 120)
        app.pane.pull()
        assert app.sight() == seen
        assert app.pane.dropped == 70
        await pilot.press("G")
        assert app.sight()[-1] == "line 119"


async def test_lines_that_fell_out_of_the_ring_are_counted() -> None:
    async with pane(kept=20) as (app, pilot):
        app.data = numbered(0, 100)
        app.pane.pull()
        await pilot.press("home")
        assert app.sight()[0] == "line 80"
        assert app.pane.border_subtitle == "line 81 of 100   G follows"


async def test_a_line_without_an_end_is_bounded() -> None:
    async with pane() as (app, _):
        app.data = b"x" * 3_000_000
        for _ in range(5):
            app.pane.pull()
        assert app.pane.line_count == 1
        assert len(app.pane.line(0)) < 100_000
        app.data += b"\nafter\n"
        app.pane.pull()
        assert app.lines()[-1] == "after"


async def test_long_lines_can_be_read_to_their_end() -> None:
    async with pane() as (app, pilot):
        app.data = b"a" * 40 + b"the end\n"
        app.pane.pull()
        assert "the end" not in app.sight()[0]
        await pilot.press("l", "right")
        assert "the end" in app.sight()[0]
        await pilot.press("h", "left", "h")
        assert app.sight()[0].startswith("aaa")


async def test_another_log_begins_anew() -> None:
    async with pane() as (app, pilot):
        app.data = numbered(0, 100)
        app.pane.pull()
        await pilot.press("home")
        app.pane.show(lambda offset, limit: b"other\n"[offset : offset + limit])
        assert app.pane.follows
        assert app.lines() == ["other"]
