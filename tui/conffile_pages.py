"""What the screen of configuration files says of each: the choice, and the difference."""

from __future__ import annotations

from dataclasses import dataclass

from engine.facts.conffiles import AskedFile, ConffileTexts
from tui.widgets.columns import Cell, Column, cut_left
from tui.widgets.sheet import Page
from tui.words import Tone, count

MOST_LINES = 2_000
"""Lines of a difference that are shown: more is read on the host."""


@dataclass(frozen=True, slots=True)
class Row:
    """A file with what is known of its versions, and the choice."""

    file: AskedFile
    texts: ConffileTexts | None
    taken: bool


def _choice(row: Row, width: int) -> Cell:
    if row.taken:
        return (("the package's", "warn"),)
    return (("yours stays", "plain"),)


def _path(row: Row, width: int) -> Cell:
    return ((cut_left(row.file.path, width), "strong"),)


def _package(row: Row, width: int) -> Cell:
    return ((row.file.package, "plain"),)


def _version(row: Row, width: int) -> Cell:
    return ((cut_left((row.texts.asked if row.texts else row.file).version, width), "muted"),)


def _asks(row: Row, width: int) -> Cell:
    if row.texts is None:
        return (("…", "muted"),)
    if row.texts.asks is None:
        return (("may ask", "warn"),)
    return (("differs", "warn"),) if row.texts.asks else (("not asked", "good"),)


def conffile_columns() -> tuple[Column[Row], ...]:
    """Choice, path, whether it is asked about, package and version."""
    return (
        Column("choice", "Choice", 13, 13, _choice, essential=True),
        Column("path", "File", 24, 70, _path, lambda row: row.file.path, essential=True),
        Column("asks", "", 9, 9, _asks, essential=True),
        Column("package", "Package", 14, 30, _package, lambda row: row.file.package),
        Column("version", "New version", 16, 30, _version),
    )


def difference_page(page: Page, row: Row) -> None:
    """The difference of one file, in the colours that everybody knows."""
    texts = row.texts
    if texts is None:
        page.text("Not read yet.", "muted")
        return
    if texts.why is not None:
        page.text(f"It can't be shown: {texts.why}.", "warn")
        page.text("dpkg keeps yours unless it is chosen otherwise.", "muted")
        return
    if texts.asks is False:
        page.text("The new version leaves it alone: yours stays, nothing is asked.", "good")
        return
    if row.taken:
        page.text(
            "The package's version comes in its place before dpkg looks at it; yours lies beside "
            "it as .dpkg-old afterwards.",
            "warn",
        )
    else:
        page.text("Yours stays; the package's lies beside it as .dpkg-dist afterwards.", "muted")
    page.gap()
    lines = texts.difference()
    for line in lines[:MOST_LINES]:
        page.line((line or " ", _tone(line)), hang=2)
    if len(lines) > MOST_LINES:
        page.text(f"... and {count(len(lines) - MOST_LINES, 'line')} more", "muted")


def _tone(line: str) -> Tone:
    if line.startswith(("---", "+++", "@@")):
        return "accent"
    return "good" if line.startswith("+") else "bad" if line.startswith("-") else "plain"
