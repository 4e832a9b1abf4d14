"""What reboot.sh prints, as values. Pure, and total for whatever a host prints."""

from __future__ import annotations

import json
from typing import Any, get_args

from engine.programs import inhibitors, logins
from engine.programs.lines import cleaned_lines, whole_number
from engine.programs.systemd import parse_show
from engine.reboot.values import Back, Begun, Boot, Readiness, Record, Refusal, RefusalId

TICKS = 100
"""Clock ticks a second in proc(5): USER_HZ, which is 100 wherever these hosts run."""
COMM = 15
"""Bytes of a process' name that the kernel keeps (proc(5), comm)."""
_UNREAD: dict[RefusalId, str] = {
    "dpkg": "whether the package manager is at work could not be read",
    "job": "whether another hostshift is at work could not be read",
    "busy": "whether a program runs that must not be interrupted could not be read",
    "logged-in": "who is logged in at the console could not be read",
    "inhibitor": "whether a program forbids a shutdown could not be read",
}

Words = dict[str, list[str]]


def complete(output: bytes) -> bool:
    """Whether the answer came to its end."""
    return output.rstrip(b"\n").split(b"\n")[-1] == b"done"


def parse_readiness(output: bytes, busy: tuple[str, ...]) -> Readiness:
    """The answer to ``ready``.

    Args:
        busy: The names that were asked for, uncut.
    """
    words = _words(output)
    uptime = _seconds(_first(words, "uptime"))
    known, people = logins.parse(output)
    blocking = inhibitors.parse(output)
    unread: list[RefusalId] = [
        topic
        for topic in get_args(RefusalId)
        if any(line.split(" ")[0] == topic for line in words.get("unread", ()))
    ]
    unread += [] if known else ["logged-in"]
    unread += ["inhibitor"] if blocking is None else []
    container = _first(words, "container")
    return Readiness(
        boot=_boot(words),
        kernel=_first(words, "kernel"),
        systemd=_first(words, "systemd") == "yes",
        container=container if container not in ("none", "unread") else None,
        refusals=(
            *_hard(words),
            *_busy(words, busy, uptime),
            *(Refusal("logged-in", login.shown) for login in people),
            *(
                Refusal("inhibitor", f"{i.who} forbids a shutdown: {i.why}" + _process(i.pid))
                for i in blocking or ()
            ),
        ),
        unread=tuple(Refusal(topic, _UNREAD[topic]) for topic in unread),
    )


def parse_begun(output: bytes) -> Begun:
    """The answer to ``begin``, also where it refuses."""
    words = _words(output)
    if _first(words, "how") == "refused":
        unread = [Refusal("dpkg", _UNREAD["dpkg"])] if "unread" in words else []
        return Begun("refused", None, (*_hard(words), *unread))
    started = _first(words, "how") == "started"
    return Begun("started" if started else "found", _record(words, output))


def parse_back(output: bytes) -> Back:
    """The answer to ``back``."""
    words = _words(output)
    uptime = _seconds(_first(words, "uptime"))
    systemd = _first(words, "systemd") == "yes"
    units = [line.split(" ", 1) for line in words.get("unit", ()) if " " in line]
    read = "units-read" in words
    return Back(
        boot=_boot(words),
        kernel=_first(words, "kernel"),
        systemd=systemd,
        record=_record(words, output),
        state=_first(words, "state") if systemd else None,
        settled_s=_settled(_first(words, "settled"), uptime),
        uptime_s=uptime,
        active=tuple(sorted({u[1] for u in units if u[0] != "failed"})) if read else None,
        failed=tuple(sorted({u[1] for u in units if u[0] == "failed"})) if read else None,
        lost=tuple(sorted(set(words.get("lost", ())))),
    )


def _words(output: bytes) -> Words:
    found: Words = {}
    for line in cleaned_lines(output):
        word, _, rest = line.partition(" ")
        found.setdefault(word, []).append(rest)
    return found


def _first(words: Words, word: str) -> str | None:
    return next(iter(words.get(word, ())), None) or None


def _boot(words: Words) -> Boot:
    return Boot(_first(words, "boot"), _first(words, "pid1"))


def _hard(words: Words) -> tuple[Refusal, ...]:
    """The package manager and hostshift's own jobs."""
    found = [
        Refusal("dpkg", f"the package manager's lock is held by {line}")
        for line in words.get("lock", ())
    ]
    for line in words.get("package", ()):
        pid, _, rest = line.partition(" ")
        found.append(Refusal("dpkg", f"{rest.partition(' ')[2]} is at work{_process(pid)}"))
    for line in words.get("job", ()):
        run, _, step = line.partition("/")
        found.append(Refusal("job", f"the job of step {step} of run {run} is at work"))
    found += [Refusal("job", _other(line)) for line in words.get("other", ())]
    found += [
        Refusal("job", f"the guard that was armed for it (step {line}) has ended before")
        for line in words.get("guard", ())
    ]
    return tuple(found)


def _other(line: str) -> str:
    lock = _json(line)
    run, who = (str(lock.get(key) or "")[:200] for key in ("run", "operator"))
    return f"the host is locked by {who or 'somebody'} (run {run or 'unknown'})"


def _busy(words: Words, asked: tuple[str, ...], uptime: float | None) -> tuple[Refusal, ...]:
    # By bytes, as the kernel cuts.
    full = {cut(name): name for name in reversed(asked)}
    found = []
    for line in words.get("busy", ()):
        pid, _, rest = line.partition(" ")
        start, _, name = rest.partition(" ")
        ticks = whole_number(start)
        age = None if ticks is None or uptime is None else uptime - ticks / TICKS
        since = f" for {_for(age)}" if age is not None and age >= 0 else ""
        found.append(Refusal("busy", f"{full.get(name, name)} runs{since}{_process(pid)}"))
    return tuple(found)


def cut(name: str) -> str:
    """A program's name as the kernel keeps it."""
    return name.encode()[:COMM].decode(errors="ignore")


def _for(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes < 1:
        return f"{int(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _process(pid: object) -> str:
    return f" (process {pid})" if pid else ""


def _record(words: Words, output: bytes) -> Record | None:
    if "begun" not in words:
        return None
    job = _json(words["begun"][0])
    status = _first(words, "exit")
    running, passing = _ran(output)
    return Record(
        boot=Boot(_text(job, "boot_id"), _text(job, "pid1_start")),
        started_at=_text(job, "started_at"),
        running=running,
        passing=passing,
        failed=tuple(sorted(set(words.get("failed", ())))) if "failed-read" in words else None,
        exit_status=whole_number(status, 255),
        said=tuple(line for line in words.get("log", ()) if line),
    )


def _ran(output: bytes) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Services that ran: those of every boot, and those that come and go."""
    lines = output.split(b"\n")
    shown = b"\n".join(x.removeprefix(b"ran ").strip() for x in lines if x.startswith(b"ran"))
    units = parse_show(shown)
    if not units:
        return None, ()
    passing = {name for name, unit in units.items() if _passes(unit)}
    return tuple(sorted(units.keys() - passing)), tuple(sorted(passing))


def _passes(unit: dict[str, str]) -> bool:
    """Whether a service comes and goes: nothing starts it in every boot (systemd.unit(5)).

    That is what ends by itself, what was made for a while, and what is started only when somebody
    calls it on the bus or at its socket. What a person has started by hand doesn't pass: that it
    is gone after a reboot is just what must be said.
    """
    if unit.get("Transient") == "yes" or unit.get("Type") == "oneshot":
        return True
    if unit.get("WantedBy") or unit.get("RequiredBy") or unit.get("BoundBy"):
        return False
    how = unit.get("UnitFileState", "")
    return how == "static" or (bool(unit.get("TriggeredBy")) and not how.startswith("enabled"))


def _settled(text: str | None, uptime: float | None) -> float | None:
    finished = whole_number(text)
    if not finished or uptime is None:
        return None
    # Below zero the two clocks aren't the same one (a container that is shown another uptime).
    seconds = uptime - finished / 1_000_000
    return seconds if seconds >= 0 else None


def _seconds(text: str | None) -> float | None:
    whole, _, fraction = (text or "").partition(".")
    seconds = whole_number(whole)
    return None if seconds is None else seconds + float(f"0.{whole_number(fraction) or 0}")


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(job: dict[str, Any], key: str) -> str | None:
    value = job.get(key)
    return value if isinstance(value, str) and value else None
