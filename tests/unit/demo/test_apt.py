"""The doubles of apt and dpkg print what the host's files say, and change those files."""

from __future__ import annotations

import re
import shlex

import pytest

from engine.demo.opening import Fleet
from tests.unit.demo.conftest import Shell, package_state

SIMULATE = "apt-get -s -o Debug::NoLocking=true --with-new-pkgs upgrade"
UPGRADE = (
    "apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
    '-o DPkg::Lock::Timeout=5 -o APT::Status-Fd=3 --with-new-pkgs upgrade 3>"$1/tmp/progress"'
)
INST = re.compile(r"^Inst (\S+)(?: \[(\S+)\])? \((\S+) (.+) \[(\w+)\]\)$")


async def test_a_simulation_reads_as_apts_own(shell: Shell) -> None:
    lines = await shell.lines("server2", SIMULATE)
    found = [INST.match(line) for line in lines if line.startswith("Inst ")]
    assert all(found)
    kernel = next(m for m in found if m and m[1].startswith("linux-image-6.12.74"))
    assert kernel[2] is None
    assert kernel[4] == "Debian-Security:13/stable-security"
    assert "6 upgraded, 1 newly installed, 0 to remove and 0 not upgraded." in lines


async def test_without_new_packages_the_kernel_is_kept_back(shell: Shell) -> None:
    lines = await shell.lines("server2", "apt-get -s upgrade")
    at = lines.index("The following packages have been kept back:")
    assert lines[at + 1] == "  linux-image-amd64"


async def test_held_kept_back_and_phased_are_told_apart(shell: Shell) -> None:
    lines = await shell.lines("server6", SIMULATE)
    kept = lines[lines.index("The following packages have been kept back:") + 1].split()
    phased = lines[lines.index("The following upgrades have been deferred due to phasing:") + 1]
    assert kept == ["mysql-server-8.0", "ubuntu-pro-client"]
    assert phased.split() == ["python3-software-properties", "snapd", "software-properties-common"]
    assert await shell.lines("server6", "apt-mark showhold") == ["mysql-server-8.0"]
    dist = await shell.lines("server6", "apt-get -s dist-upgrade")
    assert "Remv ubuntu-advantage-tools [36ubuntu0~24.04]" in dist


async def test_an_upgrade_does_what_its_simulation_said(shell: Shell, fleet: Fleet) -> None:
    before = await shell.lines("server2", SIMULATE)
    promised = {m[1]: m[3] for m in map(INST.match, before) if m}
    done = await shell("server2", UPGRADE)
    assert done.exit_status == 0, done.stderr
    installed = dict(
        line.split(" ") for line in await shell.lines(
            "server2", "dpkg-query -W -f '${Package} ${Version}\\n'"
        )
    )  # fmt: skip
    assert {name: installed[name] for name in promised} == promised
    after = await shell.lines("server2", SIMULATE)
    assert "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded." in after
    assert await shell.lines("server2", "dpkg --audit") == []
    assert (fleet.root("server2") / "boot/vmlinuz-6.12.74+deb13-amd64").exists()
    restarts = await shell.lines("server2", "needrestart -b -l")
    assert "NEEDRESTART-SVC: nginx.service" in restarts


async def test_progress_goes_to_the_status_descriptor(shell: Shell, fleet: Fleet) -> None:
    await shell("server2", UPGRADE)
    progress = (fleet.root("server2") / "tmp/progress").read_text("utf-8").splitlines()
    kinds = [line.split(":", 1)[0] for line in progress]
    assert kinds == sorted(kinds, key=["dlstatus", "pmstatus"].index)
    for kind in ("dlstatus", "pmstatus"):
        percents = [float(line.split(":")[2]) for line in progress if line.startswith(kind)]
        assert percents == sorted(percents)
        assert 0 <= percents[0] <= percents[-1] <= 100


async def test_a_failing_script_leaves_dpkg_as_dpkg_would(shell: Shell) -> None:
    done = await shell("server8", UPGRADE)
    assert done.exit_status == 100
    assert b"dpkg: error processing package dovecot-core (--configure):" in done.stderr
    assert done.stderr.endswith(b"E: Sub-process /usr/bin/dpkg returned an error code (1)\n")
    states = await shell.lines("server8", "dpkg-query -W -f '${db:Status-Abbrev}${Package}\\n'")
    assert {"iF dovecot-core", "iU dovecot-imapd", "ii libcap2"} <= set(states)
    units = await shell.lines("server8", "systemctl list-units --state=failed --plain --no-legend")
    assert [unit.split()[:4] for unit in units] == [
        ["dovecot.service", "loaded", "failed", "failed"]
    ]


async def test_interrupted_dpkg_blocks_apt_until_it_is_configured(shell: Shell) -> None:
    refused = await shell("server5", UPGRADE)
    assert refused.exit_status == 100
    assert b"you must manually run 'dpkg --configure -a'" in refused.stderr
    await shell.lines("server5", "dpkg --force-confdef --force-confold --configure -a")
    assert await shell.lines("server5", "dpkg --audit") == []
    assert (await shell("server5", UPGRADE)).exit_status == 0


async def test_a_refresh_brings_what_the_mirror_has(shell: Shell, fleet: Fleet) -> None:
    def names(lines: list[str]) -> set[str]:
        return {line.split("/")[0] for line in lines if "upgradable from" in line}

    before = names(await shell.lines("server13", "apt list --upgradable"))
    await shell.lines("server13", "apt-get -o APT::Update::Error-Mode=any update")
    after = names(await shell.lines("server13", "apt list --upgradable"))
    assert after - before == {"libexpat1"}
    lists = fleet.root("server13") / "var/lib/apt/lists"
    assert {path.stat().st_mtime for path in lists.iterdir()} == {1774431000.0}


async def test_only_one_at_a_time(shell: Shell, fleet: Fleet) -> None:
    lock = fleet.root("server2") / "var/lib/dpkg/lock-frontend"
    script = (
        "import fcntl, subprocess, sys\n"
        "with open(sys.argv[1], 'a+') as lock:\n"
        "    fcntl.lockf(lock, fcntl.LOCK_EX)\n"
        "    sys.exit(subprocess.call(['apt-get', '-y', 'upgrade']))\n"
    )
    done = await shell(
        "server2",
        f'exec "$HOSTSHIFT_DEMO_PYTHON" -c {shlex.quote(script)} {shlex.quote(str(lock))}',
    )
    assert done.exit_status == 100
    assert b"Unable to acquire the dpkg frontend lock" in done.stderr


@pytest.mark.parametrize("command", ["apt-get -y upgrade", "apt-get update", "dpkg --configure -a"])
async def test_acting_needs_root(shell: Shell, fleet: Fleet, command: str) -> None:
    before = package_state(fleet.root("server14"))
    done = await shell("server14", command)
    assert done.exit_status in (2, 100)
    assert package_state(fleet.root("server14")) == before


async def test_unknown_options_are_refused(shell: Shell) -> None:
    done = await shell("server2", "apt-get --frobnicate upgrade")
    assert done.exit_status == 100
    assert b"--frobnicate is not understood" in done.stderr
