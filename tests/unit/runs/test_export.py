"""A run as Markdown: what stands in it, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.model.candidate import Effects
from engine.model.facts import Change
from engine.model.journal import JournalEntry
from engine.model.plan import JobAct, OutageWindow, Plan, Step, VerifyAct
from engine.model.run import Run, StepState
from engine.runs.markdown import LOG_LIMIT, to_markdown

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=72)
JOB = JobAct(
    commands=(("apt-get", "-o", "Dpkg::Options::=--force-confold", "two words"),),
    environment=(("DEBIAN_FRONTEND", "noninteractive"),),
)
CHANGE = Change("openssl", "upgrade", "3.0.1-1", "3.0.2-1", "Debian:12", True, "amd64")
PLAN = Plan(
    "web2",
    "upgrade:security",
    BEGAN,
    (
        Step("upgrade", "Upgrade the packages", "host", JOB),
        Step("verify", "Look again", "controller", VerifyAct()),
    ),
    Effects(),
    None,
    OutageWindow(None, "unknown"),
    (CHANGE,),
)
RUN = Run(
    id="20261123T014800-a1b2c3",
    host="web2",
    candidate="upgrade:security",
    state="failed",
    operator="ada@laptop",
    digest="3f9c" * 16,
    started_at=BEGAN,
    steps=(
        StepState(
            "upgrade",
            "Upgrade the packages",
            "failed",
            BEGAN,
            BEGAN + timedelta(seconds=84),
            ("exit status 100",),
        ),
        StepState("verify", "Look again", "planned"),
    ),
    since=NOW - timedelta(minutes=70),
    ended_at=NOW - timedelta(minutes=70),
    reason=("E: dpkg returned <an> error | code_1",),
    hint="Plan `repair`.",
)
JOURNAL = (JournalEntry(BEGAN, "confirmed", "ada@laptop", "The plan was confirmed."),)


def test_everything_a_post_mortem_asks_for_is_there() -> None:
    text = to_markdown(PLAN, RUN, JOURNAL, {"upgrade": b"Get:1 openssl\nE: it broke\n"}, NOW)
    for line in (
        "# upgrade:security on web2",
        "Exported at 2026-11-23 03:00:00. All times are UTC.",
        "| Run | 20261123T014800-a1b2c3 |",
        "| Host | web2 |",
        "| Operator | ada@laptop |",
        f"| Digest | {'3f9c' * 16} |",
        "| State | failed since 2026-11-23 01:50:00 |",
        "| Started | 2026-11-23 01:48:00 |",
        "| Ended | 2026-11-23 01:50:00 |",
        "| Duration | 2 min 00 s |",
        "## Why it ended so",
        r"- E: dpkg returned &lt;an&gt; error \| code\_1",
        r"- What can be done: Plan \`repair\`.",
        "### 1. Upgrade the packages",
        "- State: failed",
        "- Carried out on the host",
        "- Started 2026-11-23 01:48:00, ended 2026-11-23 01:49:24, 1 min 24 s",
        "- exit status 100",
        "export DEBIAN_FRONTEND=noninteractive",
        "apt-get -o Dpkg::Options::=--force-confold 'two words'",
        "### 2. Look again",
        "- State: planned",
        "| upgrade | openssl | 3.0.1-1 | 3.0.2-1 |",
        "| 2026-11-23 01:48:00 | ada@laptop | confirmed | The plan was confirmed. |",
        "### Log of Upgrade the packages",
        "E: it broke",
    ):
        assert line in text.split("\n"), line


def test_logs_are_only_there_when_they_were_given() -> None:
    without = to_markdown(PLAN, RUN, JOURNAL, None, NOW)
    assert without.endswith("## Logs\n\nLeft out of this export.\n")
    assert to_markdown(PLAN, RUN, JOURNAL, {}, NOW).endswith("## Logs\n\nNothing was written.\n")
    other = to_markdown(PLAN, RUN, JOURNAL, {"upgrade-2": b"second attempt\n"}, NOW)
    assert "### Log of upgrade-2\n\n```\nsecond attempt\n```\n" in other
    elsewhere = to_markdown(PLAN, RUN, JOURNAL, {"upgrade": None}, NOW)
    assert "The log of Upgrade the packages is not on the machine of this export." in elsewhere
    assert "Nothing was written" not in elsewhere


def test_a_long_log_keeps_head_and_tail_in_whole_lines_and_says_the_cut() -> None:
    log = b"".join(b"line %06d\n" % number for number in range(20_000))
    text = to_markdown(PLAN, RUN, (), {"upgrade": log}, NOW)
    shown = [line for line in text.split("\n") if line.startswith("line ")]
    assert shown[0] == "line 000000"
    assert shown[-1] == "line 019999"
    assert all(len(line) == len("line 000000") for line in shown)
    kept = sum(len(line) + 1 for line in shown)
    assert LOG_LIMIT - 24 < kept <= LOG_LIMIT
    assert f"Of {len(log):,} bytes {len(log) - kept:,} are left out in the middle." in text
    assert f"\n... {len(log) - kept:,} bytes left out ...\n" in text
    exactly = to_markdown(PLAN, RUN, (), {"upgrade": b"x" * 63 + b"\n" + b"y" * 100}, NOW)
    assert "left out" not in exactly


def test_words_of_a_host_begin_nothing_of_their_own() -> None:
    said = ("- a", "1. b", "2026-11-23 c", "+1", "    # d", "3.0.1 e", "@@ f\n# g")
    text = to_markdown(PLAN, replace(RUN, reason=said), (), None, NOW).split("\n")
    start = text.index("## Why it ended so") + 2
    assert text[start : start + len(said)] == [
        *(r"- \- a", r"- 1\. b", "- 2026-11-23 c", r"- \+1"),
        *(r"- \# d", r"- 3\.0.1 e", r"- @@ f \# g"),
    ]


def test_a_live_run_says_where_it_stands_and_a_lost_plan_that_it_is_lost() -> None:
    waits = replace(
        RUN, state="waiting", ended_at=None, reason=(), hint=None, waits_for="Reboot now?"
    )
    text = to_markdown(None, waits, (), None, NOW)
    assert "## Where it stands\n\n- It waits for an answer: Reboot now?\n" in text
    assert "| Ended | not ended |" in text
    assert "| Duration | 1 h 12 min |" in text
    assert text.count("Its commands are not on record.") == 2
    assert "## Journal\n\nNothing is on record.\n" in text


def test_a_fence_is_longer_than_any_in_the_log() -> None:
    log = b"before\n`````\n# not a heading\n"
    text = to_markdown(PLAN, RUN, (), {"upgrade": log}, NOW)
    assert "\n``````\nbefore\n`````\n# not a heading\n``````\n" in text
