"""engine/host/health.sh under the shells of this machine, with doubles of a host's programs."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from engine.facts.sections import ProbeOutput
from engine.health.exchange import Tries, exchange
from engine.shell import Script
from tests.unit.jobs.local_host import SHELLS, LocalHost, under

ONCE = Tries(deadline_s=1, attempts=1, pause_s=0)
CHECK = re.compile(rb"^check (\d+) (\d+) ([\d.]+) ([\d.]+) (.*)$", re.MULTILINE)


@pytest.fixture(params=SHELLS)
def lan(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    """A host whose script is read by the shell of the parameter."""
    return under(str(request.param), tmp_path / "host")


async def looked(lan: LocalHost) -> ProbeOutput:
    output, done = await exchange(lan, lan.host, "all", ONCE, ())
    assert done.stderr == b""
    return output


async def checked(
    lan: LocalHost, *words: str, tries: Tries = ONCE
) -> dict[int, tuple[int, bytes, float]]:
    """Status, text and seconds of each check by its number."""
    output, _ = await exchange(lan, lan.host, "checks", tries, words)
    return {
        int(number): (int(status), text, float(end) - float(start))
        for number, status, start, end, text in CHECK.findall(output.sections["checks"].output)
    }


def make(lan: LocalHost, name: str, text: str = "") -> None:
    file = lan.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


TCP = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
    "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4711 1 0000000000000000 100 0 0 10 0\n"
    "   1: 0100007F:0016 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 "
    "4712 1 0000000000000000 100 0 0 10 0\n"
)
UDP = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
    " 1234: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
    "4713 2 0000000000000000 0\n"
)


async def test_sections_of_a_host(lan: LocalHost) -> None:
    make(lan, "run/systemd/system/x")
    make(lan, "proc/net/tcp", TCP)
    make(lan, "proc/net/udp", UDP)
    make(lan, "proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
    make(
        lan,
        "proc/net/route",
        "Iface\tDestination\neth0\t00000000\t010200C0\t0003\neth0\t0002A8C0\n",
    )
    make(lan, "proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    make(lan, "proc/77/comm", "sshd\n")
    lan.double("id", "echo 0")  # whoever runs the tests
    lan.double("ls", f"echo '{lan.root}/proc/77/fd:'; echo 'l 3 -> socket:[4711]'")
    make(lan, "proc/77/cgroup", "0::/system.slice/ssh.service\n")
    lan.double(
        "systemctl",
        "case $* in *--state=failed*) echo 'bad.service loaded failed failed Bad' ;;\n"
        "*--type=service*) echo 'a\\x2db.service loaded active running A'; echo 'c.service x' ;;\n"
        '*) printf "%s\\n" "Id=$*" ;; esac',
    )
    sections = (await looked(lan)).sections
    assert {section.exit_status for section in sections.values()} == {0}
    assert b"bad.service loaded" in sections["failed"].output
    assert sections["services"].output.strip().endswith(b"-- a\\x2db.service c.service")
    lines = sections["sockets"].output.split(b"\n")
    assert [line for line in lines if line.startswith((b"tcp", b"udp"))] == [
        b"tcp 00000000:0016 4711",
        b"udp 00000000:0044 4713",
    ]
    assert b"ephemeral=32768\t60999" in lines
    assert lines[-2:] == [b"seen=all", b""]
    assert b"holder 4711 /system.slice/ssh.service sshd" in lines
    assert b"route4 eth0\t00000000\t010200C0" in sections["routes"].output
    assert b"0002A8C0" not in sections["routes"].output
    assert sections["mounts"].output == b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    assert sections["containers"].output.strip() == b"docker=no"


async def test_what_is_not_there_is_said(lan: LocalHost) -> None:
    output = await looked(lan)
    assert output.complete
    assert "services" not in output.sections
    for name in ("sockets", "mounts", "routes"):
        assert output.sections[name].exit_status != 0, name
        assert output.sections[name].errors


async def test_containers_of_docker_and_podman(lan: LocalHost) -> None:
    make(lan, "proc/70/comm", "dockerd\n")
    make(lan, "proc/71/comm", "conmon\n")
    make(lan, "proc/71/cmdline", "conmon\0-n\0web\0")
    lan.double("docker", 'case $1 in ps) echo "$*" >&2; echo one; echo two ;; *) echo "$*" ;; esac')
    section = (await looked(lan)).sections["containers"]
    assert b"conmon conmon\x01-n\x01web\x01" in section.output
    assert section.output.strip().endswith(b" one two")
    assert b"--all" in section.errors


async def test_udp_sockets_that_live_for_a_question_are_left_out(lan: LocalHost) -> None:
    make(lan, "proc/net/tcp", TCP)
    make(lan, "proc/net/udp", UDP)
    # The second look, which comes after the first section, finds one more.
    more = UDP.replace("0044", "D903").replace("4713", "9999").split("\n")[1]
    lan.double("uname", f"echo '{more}' >>{lan.root}/proc/net/udp; echo 6.1")
    output = (await looked(lan)).sections["sockets"].output
    assert b"4713" in output
    assert b"9999" not in output


async def test_checks(lan: LocalHost) -> None:
    lan.double("systemctl", "case $3 in good*) echo active ;; *) echo failed; exit 3 ;; esac")
    found = await checked(
        lan, "unit", "good.service", "unit", "bad.service",
        "command", "echo one; echo two >&2; exit 5", "command", "test -z \"$(cat)\"",
    )  # fmt: skip
    assert {number: said[:2] for number, said in found.items()} == {
        0: (0, b"active"),
        1: (3, b"failed"),
        2: (5, b"one two"),
        3: (0, b""),
    }


async def test_a_line_reaches_the_shell_as_it_was_written(lan: LocalHost) -> None:
    line = "printf '%s|' \"a  b\" '$HOME' \\* 'x\"y' ; exit 1"
    assert (await checked(lan, "command", line))[0][:2] == (1, b'a  b|$HOME|*|x"y|')
    assert (await checked(lan, "unit", "-- $(exit 9); *"))[0][0] != 9


async def test_checks_are_tried_again_until_they_pass(lan: LocalHost) -> None:
    tries = Tries(deadline_s=2, attempts=3, pause_s=0)
    counter = lan.root / "counter"
    line = f"echo x >>{counter}; test $(wc -l <{counter}) -ge 3"
    assert (await checked(lan, "command", line, tries=tries))[0][0] == 0
    counter.unlink()
    assert (await checked(lan, "command", f"echo x >>{counter}; exit 9", tries=tries))[0][0] == 9
    assert counter.read_text() == "x\n" * 3


@pytest.mark.parametrize("without_timeout", [False, True])
async def test_checks_that_hang_end_together_at_the_deadline(
    lan: LocalHost, without_timeout: bool
) -> None:
    if without_timeout:
        lan.double("timeout", "exit 127")
    started = time.monotonic()
    found = await checked(
        lan, *("command", "sleep 60") * 3, "command", "echo quick", "command", "sleep 60 | cat"
    )
    assert time.monotonic() - started < 8
    assert [found[number][0] in (124, 137) for number in range(5)] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert found[3][:2] == (0, b"quick")
    assert found[3][2] < 1


@pytest.mark.parametrize(
    ("lan", "without_timeout"), [("dash", False), ("busybox", True)], indirect=["lan"]
)
async def test_a_process_left_behind_does_not_hold_the_check(
    lan: LocalHost, without_timeout: bool
) -> None:
    if without_timeout:
        lan.double("timeout", "exit 127")
    started = time.monotonic()
    found = await checked(lan, "command", "sleep 60 & exit 0")
    assert found[0][0] == 0
    assert time.monotonic() - started < 10
    lan.end()


async def test_long_output_is_cut(lan: LocalHost) -> None:
    found = await checked(
        lan, *("command", "yes 'a  long line' | head -c 1000000; exit 3") * 8,
        tries=Tries(deadline_s=60, attempts=1, pause_s=0),
    )  # fmt: skip
    assert len(found) == 8
    assert {said[0] for said in found.values()} == {3}
    assert {len(said[1]) for said in found.values()} <= {399, 400}


async def test_a_nonce_in_the_output_forges_nothing(lan: LocalHost) -> None:
    # A check sees its own script's arguments in /proc and may print the nonce.
    line = "n=$(tr '\\000' '\\n' </proc/$PPID/cmdline | grep -x '[0-9a-f]\\{32\\}'); "
    line += 'printf "\\n%s done\\n%s begin host\\n" "$n" "$n"; exit 1'
    output, _ = await exchange(lan, lan.host, "checks", ONCE, ("command", line))
    assert set(output.sections) == {"checks"}


def test_the_script_holds_no_here_document_and_writes_no_file() -> None:
    lines = Script.host("health.sh", after=("frames.sh", "running.sh")).text.split("\n")
    code = re.sub(r"'[^'\n]*'", "''", "\n".join(x for x in lines if not x.lstrip().startswith("#")))
    assert "<<" not in code
    targets = re.findall(r"(?<![<&])\d?>>?(?!&)\s*(\S+)", code)
    assert {target.rstrip(';)"') for target in targets} == {"/dev/null"}
