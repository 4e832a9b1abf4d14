"""The plan and the job on the host must say the same words of the same transaction."""

from __future__ import annotations

import subprocess
from importlib import resources

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.programs.apt_simulation import parse
from engine.programs.apt_transaction import expected_lines

names = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}(:(i386|arm64))?", fullmatch=True)
versions = st.from_regex(r"([0-9]:)?[0-9][0-9a-z.+~]{0,12}(-[0-9a-z.+~]{1,6})?", fullmatch=True)
origins = st.sampled_from(
    (
        "Debian:12.12/oldstable",
        "Debian:12.12/oldstable, Debian-Security:12/oldstable-security",
        "Raspberry Pi Foundation:stable",
        "noble/stable noble:noble",
        "localhost",
    )
)
tails = st.sampled_from(("", " []", " [systemd:amd64 ]", " [a on b] [c:amd64 ]"))


@st.composite
def lines(draw: st.DrawFn, name: str) -> str:
    old, new = draw(versions), draw(versions)
    if draw(st.booleans()):
        was = draw(st.sampled_from((f" [{old}]", "")))
        return f"Inst {name}{was} ({new} {draw(origins)} [amd64]){draw(tails)}"
    return f"{draw(st.sampled_from(('Remv', 'Purg')))} {name} [{old}]{draw(tails)}"


@st.composite
def simulations(draw: st.DrawFn) -> bytes:
    chosen = draw(st.lists(names, max_size=8, unique_by=lambda n: n.partition(":")[0]))
    shown = [draw(lines(name)) for name in chosen]
    gone = sum(not line.startswith("Inst") for line in shown)
    summary = (
        f"{len(shown) - gone} upgraded, 0 newly installed, {gone} to remove and 0 not upgraded."
    )
    noise = ["Reading package lists...", *(f"Conf {name} (1.0 x [amd64])" for name in chosen)]
    return "\n".join([*noise[:1], summary, *shown, *noise[1:], ""]).encode()


def on_the_host(output: bytes) -> tuple[str, ...]:
    """What the job's own script makes of the same output."""
    script = resources.files("engine").joinpath("host", "act.sh").read_text("utf-8")
    done = subprocess.run(
        ["sh", "-c", f"{script}\ncanonical", "sh", "/nowhere", "/nowhere"],
        input=output,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return tuple(done.stdout.decode().splitlines())


@settings(max_examples=60, deadline=None)
@given(simulations())
def test_plan_and_host_say_the_same(output: bytes) -> None:
    simulation = parse(output)
    assert simulation is not None
    assert expected_lines(simulation.changes) == on_the_host(output)
