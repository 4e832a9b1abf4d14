"""Whatever a host wrote, it stays in its place in the Markdown of a run."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from engine.model.candidate import Effects
from engine.model.journal import JournalEntry
from engine.model.plan import JobAct, OutageWindow, Plan, Step
from engine.model.run import Run, StepState
from engine.runs.markdown import to_markdown

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
_PIECES = (
    *("`", "```", "````", "~~~", "|", "\\", "\\|", "<", "</td>", "<script>", "&lt;", "# ", "- "),
    *("\n", "\r", "\r\n", "\t", "\x1b[31m", "\x9b", "\x00", "\x85", "\u202e", "\u2028", "    "),
    *("1. ", "> ", "***", "[x](y)", "word", " ", "---", "|---|", "$(", "'"),
)
text = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=14).map("".join)
argument = text.filter(lambda word: "\0" not in word)
raw = text.map(lambda word: word.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)


def _scan(document: str) -> tuple[list[str], int]:
    """The lines outside of fenced code blocks, and how many blocks there are (CommonMark 4.5).

    Raises:
        AssertionError: a block is not closed.
    """
    outside: list[str] = []
    fence, blocks = "", 0
    for line in document.split("\n"):
        found = re.match(r" {0,3}(`{3,}|~{3,})(.*)$", line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            continue
        if found and not (found[1][0] == "`" and "`" in found[2]):
            fence, blocks = found[1], blocks + 1
            continue
        outside.append(line)
    assert not fence
    return outside, blocks


def _cells(line: str) -> int:
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1


@given(words=st.lists(text, min_size=9, max_size=9), command=argument, log=raw, more=st.binary())
def test_nothing_leaves_its_place(words: list[str], command: str, log: bytes, more: bytes) -> None:
    host, candidate, operator, title, reason, hint, evidence, who, event = words
    step = Step("upgrade", title, "host", JobAct(commands=(("echo", command),)))
    plan = Plan(host, candidate, NOW, (step,), Effects(), None, OutageWindow(None, "unknown"), None)
    run = Run(
        id="run-1",
        host=host,
        candidate=candidate,
        state="attention",
        operator=operator,
        digest="ab" * 32,
        started_at=NOW,
        steps=(StepState("upgrade", title, "attention", NOW, NOW, (evidence,)),),
        since=NOW,
        reason=(reason,),
        hint=hint,
    )
    journal = (JournalEntry(NOW, event, who, evidence),)
    document = to_markdown(plan, run, journal, {"upgrade": log, "other": more * 4_000}, NOW)

    controls = {c for c in document if unicodedata.category(c) == "Cc"} - {"\n", "\t"}
    assert not controls
    outside, blocks = _scan(document)
    assert blocks == 1 + bool(log) + bool(more)
    assert sum(line.startswith("#") for line in outside) == 6 + bool(log) + bool(more)
    assert sum(line.startswith("- ") for line in outside) == 6
    tables = [line for line in outside if line.startswith("|")]
    assert [_cells(line) for line in tables] == [2] * 10 + [4] * 3
    for line in outside:
        assert "<" not in line
        assert ">" not in line
        assert not line.startswith((" ", "\t", "~", "`", "="))
