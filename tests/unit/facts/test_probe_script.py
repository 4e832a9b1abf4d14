"""engine/host/probe.sh under the shells of this machine, with doubles of a host's programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.facts.sections import ProbeOutput, take_apart
from engine.shell import Script
from engine.transport.protocol import Completed

SHELLS = [
    shell
    for shell in (("dash",), ("bash", "--posix"), ("busybox", "sh"), ("sh",))
    if shutil.which(shell[0])
]
QUICK = {"short_time=8": "short_time=1", "apt_time=25": "apt_time=1"}
NONCE = "f00d"


def run(
    root: Path,
    *,
    shell: tuple[str, ...] = ("sh",),
    depth: str = "light",
    programs: dict[str, str] | None = None,
    more: str = "",
    without: tuple[str, ...] = (),
) -> tuple[ProbeOutput, Completed]:
    """Run the script, sent on standard input, below a root and with doubles first on PATH."""
    doubles = root / "doubles"
    doubles.mkdir()
    for name, body in (programs or {}).items():
        (doubles / name).write_text(f"#!/bin/sh\n{body}\n")
        (doubles / name).chmod(0o755)
    text = Script.host("probe.sh", after=("frames.sh", "grub_menu.sh")).text
    for old, new in QUICK.items():
        assert old in text
        text = text.replace(old, new)
    path = str(doubles)
    if without:
        tools = root / "tools"
        tools.mkdir()
        for folder in ("/usr/bin", "/bin", "/usr/sbin"):
            for program in Path(folder).iterdir():
                link = tools / program.name
                if program.name not in without and not link.is_symlink():
                    link.symlink_to(program)
        path += f":{tools}"
    else:
        path += ":/usr/bin:/bin"
    done = subprocess.run(
        [shutil.which(shell[0]) or "sh", *shell[1:], "-s", "--", str(root), NONCE, depth],
        input=(text + more).encode(),
        capture_output=True,
        timeout=60,
        env={"PATH": path, "HOME": str(root)},
        check=False,
    )
    completed = Completed(done.returncode, done.stdout, done.stderr)
    return take_apart(done.stdout, NONCE), completed


def make(root: Path, name: str, text: str = "") -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


APT = {
    "apt-get": 'echo "apt-get $*"; cat; echo end',
    "apt": "echo Listing...; echo 'a/x-security 2 all [upgradable from: 1]'",
    "apt-config": "echo 'APT::Periodic::Enable \"1\";'",
    "dpkg-query": "printf 'hi \\theld\\tall\\t1\\nii \\tfine\\tall\\t1\\n'",
}


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_every_shell_gives_whole_sections(shell: tuple[str, ...], tmp_path: Path) -> None:
    make(tmp_path, "etc/os-release", "ID=debian\n")
    make(tmp_path, "var/lib/dpkg/updates/0001")
    make(tmp_path, "proc/locks")
    output, done = run(tmp_path, shell=shell, depth="full", programs=APT)
    assert done.stderr == b""
    assert done.exit_status == 0
    assert output.complete
    sections = output.sections
    assert sections["os-release"].output == b"ID=debian\n"
    assert sections["dpkg"].output == b"hi \theld\tall\t1\nend 0\n"
    assert b"entry=0001" in sections["dpkg-journal"].output
    assert sections["upgrade"].output.endswith(b"upgrade\nend\n")
    assert sections["upgradable"].exit_status == 0


def test_names_without_a_last_newline_and_kernels_of_any_form_are_told(tmp_path: Path) -> None:
    make(tmp_path, "boot/vmlinuz-6.1.0-28-amd64")
    make(tmp_path, "boot/vmlinux-5.15.0-91-generic")
    make(tmp_path, "run/reboot-required")
    make(tmp_path, "run/reboot-required.pkgs", "libc6\nlinux-base")
    output, _ = run(tmp_path)
    told = output.sections["kernel"].output
    assert b"\nflag=yes\npackage=libc6\npackage=linux-base\n" in told
    assert b"\nimage=5.15.0-91-generic\nimage=6.1.0-28-amd64\n" in told


def test_mounts_that_can_only_be_read_are_told(tmp_path: Path) -> None:
    make(
        tmp_path,
        "proc/mounts",
        "/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0\n"
        "/dev/sda2 /var ext4 ro,relatime 0 0\n"
        "tmpfs /srv tmpfs ro 0 0\n",
    )
    output, _ = run(tmp_path)
    assert output.sections["writable"].output == b"rw=/\nro=/var\n"


def test_what_apt_keeps_is_summed_up(tmp_path: Path) -> None:
    output, _ = run(tmp_path, depth="full", programs=APT)
    assert output.sections["archives"].output == b"bytes=0\n"
    shutil.rmtree(tmp_path / "doubles")
    make(tmp_path, "var/cache/apt/archives/a_1_all.deb", "x" * 1500)
    make(tmp_path, "var/cache/apt/archives/b_1_all.deb", "x" * 500)
    output, _ = run(tmp_path, depth="full", programs=APT)
    assert output.sections["archives"].output == b"bytes=2000\n"


def test_configurations_are_tested_on_the_real_system_only(tmp_path: Path) -> None:
    programs = {**APT, "id": "echo 0", "sshd": "echo no >&2; exit 255", "visudo": "exit 1"}
    output, _ = run(tmp_path, depth="full", programs=programs)
    assert output.sections["access"].output == b""


def test_nothing_eats_the_script_and_nothing_after_it_runs(tmp_path: Path) -> None:
    greedy = dict.fromkeys(("systemctl", "docker", "id", "uname"), "cat >/dev/null; echo 0")
    output, _ = run(tmp_path, programs={**APT, **greedy}, more="echo AFTER\n")
    assert output.complete
    assert not any(b"AFTER" in section.output for section in output.sections.values())


@pytest.mark.parametrize("without", [(), ("timeout",)])
def test_a_hanging_program_costs_its_section_only(without: tuple[str, ...], tmp_path: Path) -> None:
    make(tmp_path, "run/systemd/system/x")
    started = time.monotonic()
    output, _ = run(
        tmp_path, programs={**APT, "systemctl": "echo begun; sleep 50"}, without=without
    )
    assert time.monotonic() - started < 20
    assert output.complete
    assert output.sections["units"].exit_status is None
    assert output.sections["units"].output == b"begun\n"
    assert output.sections["upgradable"].exit_status == 0


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_a_flooding_program_is_cut(stream: str, tmp_path: Path) -> None:
    make(tmp_path, "run/systemd/system/x")
    flood = f"while :; do echo floodfloodfloodfloodfloodflood; done {stream}"
    output, done = run(tmp_path, programs={**APT, "systemctl": flood})
    assert output.complete
    assert len(done.stdout) < 3_000_000
    assert output.sections["units"].truncated == (not stream)
    assert output.sections["upgradable"].exit_status == 0


def test_a_hostile_program_can_not_forge_a_section(tmp_path: Path) -> None:
    forged = "printf '\\nGUESS end units 9\\n\\nGUESS begin host\\nuid=0\\n'"
    make(tmp_path, "run/systemd/system/x")
    output, _ = run(tmp_path, programs={**APT, "systemctl": forged, "id": "echo 1000"})
    assert b"uid=1000" in output.sections["host"].output


def test_names_in_the_lock_never_become_code_or_paths(tmp_path: Path) -> None:
    make(
        tmp_path,
        "var/lib/hostshift/lock",
        '{"run": "../../../etc", "step": "$(touch pwned)", "operator": "x"}\n',
    )
    output, _ = run(tmp_path, programs=APT)
    assert b"job=" not in output.sections["lock"].output
    assert not list(tmp_path.rglob("pwned"))


def test_the_holder_of_the_lock_is_found_by_its_inode(tmp_path: Path) -> None:
    make(tmp_path, "var/lib/dpkg/lock-frontend")
    inode = os.stat(tmp_path / "var/lib/dpkg/lock-frontend").st_ino
    make(
        tmp_path,
        "proc/locks",
        "1: FLOCK  ADVISORY  WRITE 7 08:01:1 0 EOF\n"
        f"2: POSIX  ADVISORY  WRITE 4242 08:01:{inode} 0 EOF\n",
    )
    make(tmp_path, "proc/4242/comm", "apt-get\n")
    # proc(5): the name may hold anything; the 22nd field counts ticks since the boot.
    ticks = os.sysconf("SC_CLK_TCK")
    fields = ["S", *(["0"] * 18), str(100 * ticks), "0"]
    make(tmp_path, "proc/4242/stat", f"4242 (a) b) {' '.join(fields)}\n")
    make(tmp_path, "proc/uptime", "3700.50 1.00\n")
    output, _ = run(tmp_path, programs=APT)
    said = b"held lock-frontend 4242 apt-get\nruns 4242 3600\nseen=all\n"
    assert output.sections["dpkg-lock"].output == said


TARGETS = (
    "amd64|main/binary-amd64/Packages|/x/h_a%5fb_dists_s_main_binary-amd64_Packages|s|main|amd64|u",
    "all|main/binary-all/Packages|/x/h_a%5fb_dists_s_main_binary-all_Packages|s|main|all|u",
    "amd64|new/binary-amd64/Packages|/x/h_a%5fb_dists_s_new_binary-amd64_Packages|s|new|amd64|u",
    "amd64|non/binary-amd64/Packages|/x/h_a%5fb_dists_s_non_binary-amd64_Packages|s|non|amd64|u",
    "amd64|nil/binary-amd64/Packages|/x/h_a%5fb_dists_s_nil_binary-amd64_Packages|s|nil|amd64|u",
    "amd64|Packages|/x/flat_._Packages|./||amd64|http://flat",
)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_wanted_lists_are_compared_with_those_that_are_here(
    shell: tuple[str, ...], tmp_path: Path
) -> None:
    lists = "var/lib/apt/lists/h_a%5fb_dists_s_"
    make(tmp_path, f"{lists}main_binary-amd64_Packages.lz4")
    make(tmp_path, f"{lists}new_binary-amd64_Packages.diff_Index")
    make(
        tmp_path,
        f"{lists}InRelease",
        " abc 12 main/binary-amd64/Packages\n abc 0 main/binary-all/Packages\n"
        " abc 20 new/binary-amd64/Packages.xz\n"
        " abc        0 nil/binary-amd64/Packages\n abc 20 nil/binary-amd64/Packages.gz\n",
    )
    apt_get = "\n".join(f"echo '{line}'" for line in TARGETS)
    output, done = run(tmp_path, shell=shell, programs={**APT, "apt-get": apt_get})
    assert done.stderr == b""
    assert output.sections["targets"].output.decode().splitlines() == [
        "target=here|h_a%5fb_dists_s|s|main|amd64|u",
        "target=optional|h_a%5fb_dists_s|s|main|all|u",
        "target=missing|h_a%5fb_dists_s|s|new|amd64|u",
        "target=empty|h_a%5fb_dists_s|s|non|amd64|u",
        "target=empty|h_a%5fb_dists_s|s|nil|amd64|u",
        "target=missing|flat_.|./||amd64|http://flat",
        "seen=all",
    ]


def test_sources_that_apt_can_not_read_are_not_taken_for_none(tmp_path: Path) -> None:
    output, _ = run(tmp_path, programs={**APT, "apt-get": "echo 'E: Malformed' >&2; exit 100"})
    assert output.sections["targets"].exit_status == 1
    assert b"seen" not in output.sections["targets"].output
    assert b"Malformed" in output.sections["targets"].errors


def test_docker_is_asked_only_when_it_runs(tmp_path: Path) -> None:
    docker = f'echo "$@" >>{tmp_path}/asked'
    output, _ = run(tmp_path, programs={"docker": docker})
    assert not (tmp_path / "asked").exists()
    assert b"docker=no" in output.sections["containers"].output


def test_docker_conmon_and_kubernetes_are_seen_by_their_processes(tmp_path: Path) -> None:
    make(tmp_path, "proc/10/comm", "dockerd\n")
    make(tmp_path, "proc/11/comm", "kubelet\n")
    make(tmp_path, "proc/12/comm", "conmon\n")
    make(tmp_path, "proc/12/cmdline", "conmon\0-c\0abc\0-n\0web\0")
    docker = '[ "$1" = ps ] && echo id1 || echo \'container "/a" "i" "no"\''
    output, _ = run(tmp_path, programs={"docker": docker, "podman": "exit 1"})
    assert b'container "/a" "i" "no"' in output.sections["containers"].output
    assert b"conmon conmon\x01-c\x01abc\x01-n\x01web\x01" in output.sections["containers"].output
    assert b"process=kubelet" in output.sections["kubernetes"].output


def test_the_script_holds_no_here_document_and_writes_no_file() -> None:
    text = Script.host("probe.sh", after=("frames.sh", "grub_menu.sh")).text
    assert "<<" not in text
    targets = re.findall(r"(?<![<&])\d?>>?(?!&)\s*(\S+)", _code(text))
    assert {target.rstrip(";)") for target in targets} == {"/dev/null"}


def _code(text: str) -> str:
    """The script without its comments and single-quoted words."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    return re.sub(r"'[^'\n]*'", "''", "\n".join(lines))


@pytest.mark.parametrize("name", ["frames.sh", "probe.sh", "health.sh"])
def test_shellcheck(name: str) -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    shellcheck = str(beside) if beside.exists() else shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    text = Script.host(name).text
    done = subprocess.run(
        [shellcheck, "-s", "sh", "-"], input=text, capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
