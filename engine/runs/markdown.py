"""A run as Markdown, for the post-mortem. Pure: values in, text out.

The text is CommonMark 0.31 with the tables of GitHub Flavored Markdown 0.29. Nothing that came
from a host can leave its place in it: words are escaped (CommonMark 2.4), commands and logs stand
in fences that are longer than any run of backticks in them (CommonMark 4.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from engine.model.journal import JournalEntry
from engine.model.plan import Plan, Step
from engine.model.run import Run, StepState
from engine.runs.drill import Drill
from engine.runs.foreseen import Row
from engine.text import clean, clean_line

LOG_LIMIT = 64 * 1024
"""Bytes of one log that are exported; of a longer one half of it from each end."""
COMMAND_LIMIT = 1_000_000
"""Characters of one command, which is shown as executed and so not cut where any other line is."""
_SPECIAL = re.compile(r"[\\`*_{}\[\]#|~]")
_OPENS_BLOCK = re.compile(r"^((?:[0-9]+(?=[.)]))?)([-+=.)])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_WHERE = {
    "controller": "from the controller",
    "host": "on the host",
    "successor": "on the successor",
    "dns": "in the DNS",
}


def to_markdown(
    plan: Plan | None,
    run: Run,
    journal: Sequence[JournalEntry],
    logs: Mapping[str, bytes | None] | None,
    now: datetime,
    proven: Drill | None = None,
    foreseen: Sequence[Row] = (),
) -> str:
    """One run as a document.

    Args:
        plan: What was confirmed; None where it is no longer on record.
        journal: Its events, the oldest first.
        logs: Bytes of the steps' logs by the step's id; None: they are left out, for they may
            hold secrets.
        now: When it is exported; what has not ended yet lasts until then.
        proven: What a replacement has proven of the recovery from backup.
        foreseen: What was foreseen, beside what has happened.
    """
    planned = {step.id: step for step in plan.steps} if plan is not None else {}
    lines = [
        f"# {_words(run.candidate)} on {_words(run.host)}",
        "",
        f"Exported at {_moment(now)}. All times are UTC.",
        "",
        *_summary(run, now),
        "",
        *_reasons(run),
        *_drill(proven),
        *_foreseen(foreseen),
        "## Steps",
        "",
    ]
    for number, state in enumerate(run.steps, 1):
        lines += _step(number, state, planned.get(state.id), now)
    lines += _changes(plan)
    lines += _journal(journal)
    lines += _logs(run, logs)
    return "\n".join(lines).rstrip("\n") + "\n"


def _summary(run: Run, now: datetime) -> Iterator[str]:
    ended = "not ended" if run.ended_at is None else _moment(run.ended_at)
    yield from _table(
        ("Run", run.id),
        (
            ("Host", run.host),
            ("Candidate", run.candidate),
            ("Operator", run.operator),
            ("Digest", run.digest),
            ("State", f"{run.state} since {_moment(run.since)}"),
            ("Started", _moment(run.started_at)),
            ("Ended", ended),
            ("Duration", _lasted(run.started_at, run.ended_at or now)),
        ),
    )


def _reasons(run: Run) -> Iterator[str]:
    said = [_item(reason) for reason in run.reason]
    if run.waits_for is not None:
        said.append(f"- It waits for an answer: {_words(run.waits_for)}")
    if run.hint is not None:
        said.append(f"- What can be done: {_words(run.hint)}")
    if said:
        yield from ("## Why it ended so" if run.ended else "## Where it stands", "", *said, "")


def _foreseen(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    words = {True: "yes", False: "no", None: "not known"}
    cells = ((row.what, row.foreseen, row.observed, words[row.agrees]) for row in rows)
    head = ("what", "foreseen", "observed", "as foreseen")
    yield from ("## Foreseen and observed", "", *_table(head, cells), "")


def _drill(proven: Drill | None) -> Iterator[str]:
    """What the loss of the server would have cost: data since the backup, time to come back."""
    if proven is None:
        return
    rows = (
        (
            one.service,
            _moment(one.backup_at) if one.backup_at else "not known",
            _lasted(one.backup_at, one.asked_at) if one.backup_at and one.asked_at else "not known",
            _lasted_for(one.took),
        )
        for one in proven.services
    )
    head = ("service", "newest backup", "its age then", "restored in")
    yield from ("## Recovery drill", "", *_table(head, rows), "")
    if proven.took is None:
        yield from ("What was restored has not passed its tests.", "")
        return
    took = _lasted_for(proven.took)
    yield from (f"From the first step that builds to services that passed their tests: {took}.", "")


def _step(number: int, state: StepState, step: Step | None, now: datetime) -> Iterator[str]:
    yield from (f"### {number}. {_words(state.title)}", "", f"- State: {state.state}")
    if step is not None:
        yield f"- Carried out {_WHERE[step.where]}"
    if state.started_at is not None:
        ended = "not ended" if state.ended_at is None else f"ended {_moment(state.ended_at)}"
        lasted = _lasted(state.started_at, state.ended_at or now)
        yield f"- Started {_moment(state.started_at)}, {ended}, {lasted}"
    if state.evidence:
        yield from ("", "Evidence:", "", *(_item(line) for line in state.evidence))
    if step is not None and step.commands:
        commands = clean("\n".join(step.commands), COMMAND_LIMIT)
        yield from ("", "Commands:", "", *_fenced(commands, "sh"))
    elif step is None:
        yield from ("", "Its commands are not on record.")
    yield ""


def _changes(plan: Plan | None) -> Iterator[str]:
    if plan is None or not plan.changes:
        return
    rows = ((c.action, c.name, c.from_version or "", c.to_version or "") for c in plan.changes)
    yield from ("## Planned packages", "", *_table(("action", "package", "from", "to"), rows), "")


def _journal(journal: Sequence[JournalEntry]) -> Iterator[str]:
    yield from ("## Journal", "")
    if journal:
        rows = ((_moment(entry.at), entry.who, entry.kind, entry.text) for entry in journal)
        yield from _table(("time", "who", "event", "what"), rows)
    else:
        yield "Nothing is on record."
    yield ""


def _logs(run: Run, logs: Mapping[str, bytes | None] | None) -> Iterator[str]:
    yield from ("## Logs", "")
    if logs is None:
        yield "Left out of this export."
        return
    titles = {step.id: step.title for step in run.steps}
    for step_id in (*titles, *(other for other in logs if other not in titles)):
        title, log = titles.get(step_id, step_id), logs.get(step_id, b"")
        if log is None:
            yield from (f"The log of {_words(title)} is not on the machine of this export.", "")
            continue
        if not log:
            continue
        yield from (f"### Log of {_words(title)}", "", *_log(log), "")
    if all(log == b"" for log in logs.values()):
        yield "Nothing was written."


def _log(log: bytes) -> Iterator[str]:
    if len(log) <= LOG_LIMIT:
        yield from _fenced(clean(log))
        return
    half = LOG_LIMIT // 2
    head, tail = log[:half], log[-half:]
    # Whole lines where there are any: half a line would be taken for a whole one.
    head = head[: head.rfind(b"\n") + 1] or head
    tail = tail[tail.find(b"\n") + 1 :] or tail
    left_out = len(log) - len(head) - len(tail)
    yield from (f"Of {len(log):,} bytes {left_out:,} are left out in the middle.", "")
    cut = f"... {left_out:,} bytes left out ..."
    yield from _fenced("\n".join((clean(head).rstrip("\n"), cut, clean(tail))))


def _fenced(text: str, language: str = "") -> Iterator[str]:
    """Cleaned text as a code block."""
    text = text.rstrip("\n")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}{language}", text, fence)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield "|" + " --- |" * len(head)
    yield from (_row(row) for row in rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_words(cell) for cell in cells) + " |"


def _words(text: str) -> str:
    """Text as words on one line: no markup, no HTML, no end of the cell it stands in."""
    line = " ".join(clean_line(text).split())
    return _SPECIAL.sub(r"\\\g<0>", line).translate(_ENTITIES)


def _item(text: str) -> str:
    """Text as an item of a list, in which nothing else begins: no list, no rule."""
    return "- " + _OPENS_BLOCK.sub(r"\1\\\2", _words(text))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _lasted(start: datetime, end: datetime) -> str:
    return _lasted_for(end - start)


def _lasted_for(span: timedelta | None) -> str:
    if span is None:
        return "not known"
    seconds = max(0, int(span.total_seconds()))
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"
