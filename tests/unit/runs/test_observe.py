"""The table of states: what evidence allows which state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.guard.state import GuardState, Word
from engine.model.run import State
from engine.runs.acts.health import ended_words
from engine.runs.observe import (
    LOOK_THERE,
    MAKE_ROOM,
    REPAIR,
    After,
    Evidence,
    JobEvidence,
    Observation,
    ended_by_guard,
    observe,
    observe_guard,
)

LOST = "no route to host"
WELL = After(checked=("all is well",))
TORN = After(unclean=("dpkg has lab-fail half done (iF)",))
FULL = ("no room is left on /",)


@dataclass(frozen=True)
class Row:
    name: str
    evidence: Evidence
    state: State
    says: tuple[str, ...] = field(default=())
    hint: str | None = None


def job(**more: object) -> JobEvidence:
    return JobEvidence(**more)  # type: ignore[arg-type]


def guard(word: Word, **more: object) -> GuardState:
    return GuardState(word, **more)  # type: ignore[arg-type]


TABLE = (
    Row("nothing begun", Evidence(), "planned"),
    Row("nothing begun, link lost", Evidence(unreachable=LOST), "unknown", (LOST,)),
    # No result yet
    Row("alive", Evidence(job=job(alive=True, same_boot=True)), "running"),
    Row("alive, boot not known", Evidence(job=job(alive=True)), "running"),
    Row("alive, then the link was lost",
        Evidence(unreachable=LOST, job=job(alive=True, same_boot=True)), "unknown", (LOST,)),
    Row("seen dead, then the link was lost",
        Evidence(unreachable=LOST, job=job(alive=False)), "unknown", (LOST,)),
    Row("whether it is alive was not readable", Evidence(job=job()), "unknown"),
    Row("no trace", Evidence(job=job(missing=True)), "attention", ("no trace",)),
    Row("never began", Evidence(job=job(begun=False)), "attention", ("never began",)),
    Row("killed", Evidence(job=job(alive=False, same_boot=True)), "attention", ("killed",)),
    Row("killed, the manager says how",
        Evidence(job=job(alive=False, same_boot=True, end="signal killed KILL")),
        "attention", ("signal killed KILL",)),
    Row("stopped from outside, which the manager calls a success",
        Evidence(job=job(alive=False, same_boot=True, end="success killed TERM")), "attention"),
    Row("killed, and dpkg is torn", Evidence(job=job(alive=False), after=TORN),
        "attention", ("lab-fail",), REPAIR),
    Row("killed, and dpkg is whole", Evidence(job=job(alive=False), after=WELL), "attention"),
    Row("another boot", Evidence(job=job(alive=False, same_boot=False)),
        "attention", ("started anew",)),
    Row("another boot, and its process number is in use",
        Evidence(job=job(alive=True, same_boot=False)), "attention", ("started anew",)),
    Row("another boot, and dpkg is torn",
        Evidence(job=job(alive=False, same_boot=False), after=TORN), "attention", (), REPAIR),
    # A result
    Row("ended well, not looked at yet", Evidence(job=job(exit_status=0)), "running"),
    Row("ended well, and the link was lost",
        Evidence(unreachable=LOST, job=job(exit_status=0)), "unknown", (LOST, "status 0")),
    Row("ended well, and all is well", Evidence(job=job(exit_status=0), after=WELL),
        "succeeded", ("all is well",)),
    Row("ended well after a reboot",
        Evidence(job=job(exit_status=0, same_boot=False), after=WELL),
        "succeeded", ("started anew",)),
    Row("all is well, and then the link was lost",
        Evidence(unreachable=LOST, job=job(exit_status=0), after=WELL), "succeeded"),
    Row("ended well, and there is more to do",
        Evidence(job=job(exit_status=0), after=WELL, more=True), "running"),
    Row("ended well, and the plan wants no look",
        Evidence(job=job(exit_status=0), needs_after=False), "succeeded"),
    Row("ended well, and the plan wants no look but has more",
        Evidence(job=job(exit_status=0), needs_after=False, more=True), "running"),
    Row("ended well, and a file was kept",
        Evidence(job=job(exit_status=0, kept=("kept your /etc/x",)), after=WELL),
        "succeeded", ("all is well", "kept your /etc/x")),
    Row("failed, and a file was kept",
        Evidence(job=job(exit_status=1, kept=("kept your /etc/x",)), after=WELL),
        "failed", ("kept your /etc/x",)),
    Row("ended well, but a package is not there",
        Evidence(job=job(exit_status=0), after=After(wrong=("lab-lib should be at 2.0",))),
        "attention", ("lab-lib should be at 2.0",)),
    Row("ended well, but dpkg is torn", Evidence(job=job(exit_status=0), after=TORN),
        "attention", ("lab-fail",), REPAIR),
    Row("ended well, but a unit fails",
        Evidence(job=job(exit_status=0), after=After(new_failed=("nginx.service",))),
        "attention", ("nginx.service",)),
    Row("ended well, but the look saw too little",
        Evidence(job=job(exit_status=0), after=After(unread=("the versions",))),
        "attention", ("the versions",)),
    Row("failed, not looked at yet", Evidence(job=job(exit_status=100)), "running"),
    Row("failed, and the link was lost",
        Evidence(unreachable=LOST, job=job(exit_status=100)), "unknown", ("status 100",)),
    Row("failed, and dpkg is whole", Evidence(job=job(exit_status=100), after=WELL),
        "failed", ("status 100",)),
    Row("failed, and apt said why",
        Evidence(job=job(exit_status=100, errors=("E: no room",)), after=WELL),
        "failed", ("status 100", "E: no room")),
    Row("failed, and dpkg is torn", Evidence(job=job(exit_status=100), after=TORN),
        "attention", ("status 100", "lab-fail"), REPAIR),
    Row("failed on a full disk, and dpkg is torn",
        Evidence(job=job(exit_status=100), after=replace(TORN, full=FULL)),
        "attention", ("status 100", "lab-fail", *FULL), MAKE_ROOM + REPAIR),
    Row("ended well, and the disk is full",
        Evidence(job=job(exit_status=0), after=replace(WELL, full=FULL)), "attention", FULL),
    Row("failed in a plan without a look, and there is more",
        Evidence(job=job(exit_status=1), after=WELL, needs_after=False, more=True), "failed"),
    # Nothing was changed
    Row("another transaction",
        Evidence(job=job(exit_status=10, untouched=True, difference=("+ Inst x - 1",))),
        "cancelled", ("Nothing was changed.", "+ Inst x - 1")),
    Row("the package manager's lock",
        Evidence(job=job(exit_status=11, untouched=True, holder="process 7 (dpkg)")),
        "cancelled", ("Nothing was changed.", "process 7 (dpkg)")),
    Row("asked to stop", Evidence(job=job(exit_status=12, untouched=True)), "cancelled"),
    Row("no simulation", Evidence(job=job(exit_status=13, untouched=True)), "failed"),
    Row("no packages",
        Evidence(job=job(exit_status=15, untouched=True, errors=("E: Failed to fetch x  503",))),
        "failed", ("Nothing was changed.", "could not be downloaded", "503")),
    Row("nothing changed, and the link was lost",
        Evidence(unreachable=LOST, job=job(exit_status=10, untouched=True)), "cancelled"),
    Row("a command's own status that looks like the guard's",
        Evidence(job=job(exit_status=10), after=WELL), "failed"),
    # A guard stood around the job
    Row("confirmed", Evidence(job=job(exit_status=0), after=WELL, guard=guard("confirmed")),
        "succeeded", ("all is well",)),
    Row("confirmed, and the job had failed",
        Evidence(job=job(exit_status=100), after=WELL, guard=guard("confirmed")), "failed"),
    Row("the guard stood down",
        Evidence(job=job(exit_status=0), after=WELL, guard=guard("stood-down")),
        "attention", ("stood down", "all is well")),
    Row("the guard fired, and all is back",
        Evidence(job=job(exit_status=0), after=WELL,
                 guard=guard("fired", healthy=True, differs=(), log=("restored /etc/ssh",))),
        "attention", ("fired", "is back as it was", "restored /etc/ssh", "all is well"),
        LOOK_THERE),
    Row("the guard fired, not looked at yet",
        Evidence(job=job(exit_status=0), guard=guard("fired", healthy=True)), "running"),
    Row("the guard fired, and the link was lost",
        Evidence(unreachable=LOST, job=job(exit_status=0), guard=guard("fired")), "unknown"),
    Row("the guard fired, and the job had failed",
        Evidence(job=job(exit_status=100), after=WELL, guard=guard("fired", healthy=False)),
        "attention", ("still fails", "status 100")),
    Row("the guard fired, and dpkg is torn",
        Evidence(job=job(exit_status=100), after=TORN, guard=guard("fired", healthy=True)),
        "attention", ("lab-fail",), REPAIR),
    Row("the guard is gone", Evidence(job=job(exit_status=0), after=WELL, guard=guard("missing")),
        "attention", ("gone from the host",)),
    Row("the guard could not be ended",
        Evidence(job=job(exit_status=0), after=WELL, guard=guard("armed")),
        "attention", ("could not be ended",)),
    Row("the guard stood down, and nothing was changed",
        Evidence(job=job(exit_status=12, untouched=True), guard=guard("stood-down")),
        "cancelled", ("Nothing was changed.", "stood down")),
    Row("the guard fired, and nothing was changed",
        Evidence(job=job(exit_status=12, untouched=True), guard=guard("fired", healthy=True)),
        "attention", ("Nothing was changed.", "fired")),
    Row("there is more, the guard is confirmed",
        Evidence(job=job(exit_status=0), needs_after=False, more=True, guard=guard("confirmed")),
        "running"),
    Row("there is more, but the guard fired",
        Evidence(job=job(exit_status=0), needs_after=False, more=True, guard=guard("fired")),
        "attention"),
)  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_state(row: Row) -> None:
    observed = observe(row.evidence)
    assert observed.state == row.state
    text = "\n".join(observed.reason)
    for words in row.says:
        assert words in text
    if row.hint is not None:
        assert observed.hint == row.hint
    assert observed.reason, "a state without a reason can't be believed"
    if observed.state in {"attention", "unknown"} and row.name != (
        "whether it is alive was not readable"
    ):
        assert observed.hint, "a person is left without a way on"


_lines = st.tuples() | st.tuples(st.just("something"))
_evidence = st.builds(
    Evidence,
    unreachable=st.none() | st.just(LOST),
    job=st.none()
    | st.builds(
        JobEvidence,
        missing=st.booleans(),
        begun=st.booleans(),
        alive=st.none() | st.booleans(),
        same_boot=st.none() | st.booleans(),
        exit_status=st.none() | st.sampled_from([0, 1, 10, 11, 12, 13, 100]),
        end=st.none() | st.just("success killed TERM"),
        untouched=st.booleans(),
    ),
    after=st.none()
    | st.builds(After, full=_lines, wrong=_lines, unclean=_lines, new_failed=_lines, unread=_lines),
    needs_after=st.booleans(),
    more=st.booleans(),
    guard=st.none()
    | st.builds(
        GuardState,
        st.sampled_from(Word.__args__),  # type: ignore[attr-defined]
        healthy=st.none() | st.booleans(),
        differs=st.none() | st.just(()) | st.just(("/etc/ssh",)),
    ),
)


@given(_evidence)
def test_success_always_has_a_result_of_zero_and_its_proof(evidence: Evidence) -> None:
    if observe(evidence).state != "succeeded":
        return
    assert evidence.job is not None
    assert evidence.job.exit_status == 0
    ended = evidence.guard.state if evidence.guard else "confirmed"
    assert ended in {"confirmed", "withdrawn"} or (evidence.job.untouched and ended != "fired")
    if evidence.needs_after and not evidence.job.untouched:
        after = evidence.after
        assert after is not None
        assert (*after.bad, *after.unread) == ()


@given(_evidence)
def test_a_lost_link_is_never_a_failure_nor_running(evidence: Evidence) -> None:
    job_ended = evidence.job is not None and evidence.job.exit_status is not None
    if evidence.unreachable is not None and not job_ended:
        assert observe(evidence).state == "unknown"


@given(_evidence)
def test_nothing_fails_without_a_result(evidence: Evidence) -> None:
    if observe(evidence).state in {"failed", "cancelled"}:
        assert evidence.job is not None
        assert evidence.job.exit_status not in {None, 0}


OVER = Observation("attention", ("The host has not come back.",), "Go to its console.")
FIRED = Observation("attention", ("It fired.",), "Look.")
UNDONE = Observation("rolled-back", ("It went back.",), "See why.")


@pytest.mark.parametrize(
    ("end", "guard_end", "state", "hint"),
    [
        (OVER, Observation("running", ("Confirmed.",)), "attention", "Go to its console."),
        (OVER, FIRED, "attention", "Go to its console."),
        (OVER, UNDONE, "rolled-back", "See why."),
        (Observation("cancelled", ("Stopped.",)), FIRED, "attention", "Look."),
        (Observation("failed", ("No.",), "The log."), Observation("cancelled", ("Nothing.",)),
         "failed", "The log."),
    ],
)  # fmt: skip
def test_a_guard_that_ends_last(
    end: Observation, guard_end: Observation, state: State, hint: str
) -> None:
    observed = ended_by_guard(end, guard_end)
    assert (observed.state, observed.hint) == (state, hint)
    assert {*observed.reason} == {*end.reason, *guard_end.reason}


@given(
    st.builds(
        GuardState,
        st.sampled_from(Word.__args__),  # type: ignore[attr-defined]
        healthy=st.none() | st.booleans(),
        differs=st.none() | st.just(()) | st.just(("/etc/ssh",)),
        deployment=st.sampled_from([None, "former", "other"]),
    ),
    st.booleans(),
)
def test_rolled_back_is_only_what_is_undone(guard: GuardState, begun: bool) -> None:
    state = observe_guard(guard, begun=begun).state
    assert (state == "rolled-back") is guard.undone
    assert (state == "succeeded") is (guard.state in {"confirmed", "withdrawn"})


@pytest.mark.parametrize(
    ("container", "command"),
    [("wiki", "docker start wiki"), ("x; reboot", "docker start 'x; reboot'")],
)
def test_a_command_with_a_hosts_word_can_be_typed_as_it_is(container: str, command: str) -> None:
    assert ended_words(container).endswith(f": {command}")
