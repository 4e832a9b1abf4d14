"""The lab itself: its hosts boot, reboot, break and upgrade like real ones, and leave nothing."""

import http.server
import os
import subprocess
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.aptproxy import Fault, download
from tests.lab.bases import prune
from tests.lab.conftest import NewHost
from tests.lab.inventory import isolated_home, write_inventory
from tests.lab.keys import PASSWORDS
from tests.lab.machine import Machine, Options
from tests.lab.processes import run
from tests.lab.scenarios import (
    apt_get,
    clean,
    hold_dpkg_lock,
    interrupted_dpkg,
    lab_packages,
    package_state,
    sudo_defaults,
    switch_to,
    wait_quiet,
    with_security_updates,
)
from tests.lab.session import Lab, Prepare
from tests.lab.snapshot import difference, snapshot_tree

Golden = Callable[[str, Prepare], Path]


def pending(host: Machine) -> str:
    return apt_get(host, "--simulate upgrade").stdout


def test_host_boots_and_lets_every_user_in(new_host: NewHost) -> None:
    host = new_host()
    assert host.inside("systemctl is-system-running", check=False).stdout == "running\n"
    for user in host.identities:
        assert host.ssh("id -un", user).stdout == f"{user}\n"


def test_sudo_differs_by_user(new_host: NewHost) -> None:
    host = new_host()
    assert host.ssh("sudo -n id -u", "admin").stdout == "0\n"
    assert host.ssh("sudo -n id -u", "asker", check=False).returncode != 0
    ask = "sudo -S -p '' id -u"
    assert host.ssh(ask, "asker", stdin=PASSWORDS["asker"] + "\n").stdout == "0\n"
    refused = host.ssh(ask, "outsider", stdin=PASSWORDS["outsider"] + "\n", check=False)
    assert "not in the sudoers file" in refused.stderr
    sudo_defaults(host, "requiretty", "use_pty")
    assert "you must have a tty" in host.ssh("sudo -n true", "admin", check=False).stderr
    sudo_defaults(host)
    assert host.ssh("sudo -n true", "admin").returncode == 0


def test_reboot_gives_a_new_boot_id_and_keeps_files(new_host: NewHost) -> None:
    host = new_host()
    before = host.boot_id()
    assert host.ssh("cat /proc/sys/kernel/random/boot_id").stdout.strip() == before
    host.ssh("touch /root/kept /tmp/lost")
    host.reboot()
    assert host.boot_id() != before
    assert host.ssh("ls /root /tmp/lost", check=False).stdout.splitlines() == ["/root:", "kept"]


def test_power_cut_link_and_freeze_are_seen_from_outside(new_host: NewHost) -> None:
    host = new_host()
    before = host.boot_id()
    host.link(up=False)
    assert host.ssh("true", check=False).returncode == 255
    host.link(up=True)
    assert host.ssh("true").returncode == 0
    host.freeze()
    assert host.ssh("true", check=False, timeout=60).returncode == 255
    host.thaw()
    assert host.ssh("true").returncode == 0
    host.power_cut()
    assert "refused" in host.ssh("true", check=False).stderr
    host.start()
    host.wait_booted()
    assert host.boot_id() != before


def test_faults_of_the_network_heal(new_host: NewHost) -> None:
    host = new_host()
    host.network.reset(22)
    assert "refused" in host.ssh("true", check=False).stderr
    host.network.swallow(22)
    assert "timed out" in host.ssh("true", check=False).stderr
    host.network.lose(30)
    host.network.slow("4mbit")
    assert "tbf" in host.inside("tc qdisc show dev host0").stdout
    assert "random mod 100 < 30" in host.inside("nft list ruleset").stdout
    host.network.heal()
    assert host.inside("nft list ruleset").stdout == ""
    assert host.ssh("true").returncode == 0


def test_hosts_that_come_and_go_leave_the_bridge_as_it_was(lab: Lab) -> None:
    # a bridge whose address changed was a gateway that the other hosts could not find for a minute
    bridge = run(["ip", "-brief", "link", "show", "br0"]).stdout.split()[2]
    with lab.machine() as host:
        host.network.lose(30)
        assert run(["ip", "-brief", "link", "show", "br0"]).stdout.split()[2] == bridge
    assert run(["nft", "list", "ruleset"]).stdout == ""


def test_hosts_reach_the_lab_and_nothing_else(new_host: NewHost) -> None:
    one, other = new_host(), new_host()
    assert one.inside(f"ping -c1 -W2 {other.address}").returncode == 0
    assert one.inside("ping -c1 -W1 192.0.2.1", check=False).returncode != 0
    assert one.inside("getent hosts example.com", check=False).returncode != 0


def test_security_updates_of_the_mirror_are_pending(lab: Lab, new_host: NewHost) -> None:
    if lab.mirror.security is None:
        pytest.skip("the machine's apt sources name no security archive")
    host = new_host()
    clean(host)
    assert "0 upgraded, 0 newly installed" in pending(host)
    with_security_updates(host)
    assert pending(host).count("Debian-Security") > 5


def test_every_kind_of_upgrade(new_host: NewHost, golden: Golden) -> None:
    host = new_host(options=Options(layers=[golden("lab-v1", lab_packages)]))
    switch_to(host, "v2")
    kept = pending(host).partition("kept back:")[2].partition("The following")[0].split()
    assert kept == ["lab-eater", "lab-kept", "lab-unmet", "linux-image-lab"]
    apt_get(host, "install --only-upgrade lab-lib lab-docker lab-reboot lab-ask lab-conf")
    assert package_state(host, "lab-lib") == "ii"
    assert "lab-reboot" in host.inside("cat /run/reboot-required.pkgs").stdout
    assert host.inside("systemctl is-active lab-docker").stdout == "active\n"
    assert "Hash Sum mismatch" in apt_get(host, "install lab-badhash", check=False).stderr
    assert "Remv lab-victim" in apt_get(host, "--simulate dist-upgrade").stdout


def test_clones_of_a_golden_layer_are_hosts_of_their_own(new_host: NewHost, golden: Golden) -> None:
    layer = golden("lab-v1", lab_packages)
    one, other = (new_host(options=Options(layers=[layer])) for _ in range(2))
    assert one.known_hosts_line().split()[2] != other.known_hosts_line().split()[2]
    assert one.inside("cat /etc/machine-id").stdout != other.inside("cat /etc/machine-id").stdout
    assert package_state(other, "lab-lib") == "ii"


@pytest.mark.parametrize(("how", "state"), [("killed", "iF"), ("failed", "iF"), ("unpacked", "iU")])
def test_interrupted_dpkg(new_host: NewHost, how: str, state: str) -> None:
    host = new_host()
    package = interrupted_dpkg(host, how)  # type: ignore[arg-type]
    assert package_state(host, package) == state
    after = apt_get(host, "install lab-conf", check=False)
    assert after.returncode == (0 if how == "unpacked" else 100)
    assert ("dpkg was interrupted" in after.stderr) == (how == "killed")


def test_dpkg_lock_is_held_against_apt(new_host: NewHost) -> None:
    host = new_host()
    install = "apt-get -y install lab-lib"
    host.set_sources(lab="v1")
    apt_get(host, "update")
    with hold_dpkg_lock(host) as holder:
        refused = host.inside(install, check=False)
        assert f"held by process {holder}" in refused.stderr
    assert host.inside(install).returncode == 0


def test_small_disk_fills_up(new_host: NewHost) -> None:
    host = new_host(options=Options(size="100M"))
    lab_packages(host, "v1", ["lab-big"])
    switch_to(host, "v2")
    failed = apt_get(host, "install lab-big", check=False)
    assert "No space left on device" in failed.stdout + failed.stderr
    assert package_state(host, "lab-big") == "ii"


def test_mirror_faults_reach_apt(lab: Lab, new_host: NewHost) -> None:
    host = new_host()
    host.set_sources(lab="v1")
    apt_get(host, "update")
    with lab.fault(Fault(match="pool/lab-lib", status=503)):
        assert "503" in apt_get(host, "install lab-lib", check=False).stderr
    with lab.fault(Fault(match="pool/lab-lib", truncate=100)):
        assert apt_get(host, "install lab-lib", check=False).returncode == 100
    assert apt_get(host, "install lab-lib").returncode == 0


def test_the_mirror_gets_another_try_and_nothing_is_kept_half(tmp_path: Path) -> None:
    answers = [(200, b"whole"[:2]), (503, b""), (200, b"whole"), (404, b"")]

    class Stumbling(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(5 if status == 200 else 0))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Stumbling) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/pool/x.deb"
        assert download(url, tmp_path / "x.deb") == 200
        assert (tmp_path / "x.deb").read_bytes() == b"whole"
        assert download(url, tmp_path / "y.deb") == 404
        server.shutdown()
    assert answers == []


def test_snapshot_sees_every_trace_beyond_a_control_run(new_host: NewHost) -> None:
    found = {}
    for name, command in {
        "control": "true",
        "same": "true",
        "other": "echo >/tmp/x; exit 0",
    }.items():
        host = new_host("subject", Options(machine_id="1" * 32))
        host.ssh("true")
        wait_quiet(host)
        before = snapshot_tree(host.live_root)
        host.ssh(command)
        wait_quiet(host)
        found[name] = difference(before, snapshot_tree(host.live_root, before))
        host.destroy()
    assert not found["same"].beyond(found["control"]), str(found["same"].beyond(found["control"]))
    assert "tmp/x" in found["other"].beyond(found["control"]).added


def test_inventory_names_real_keys(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host("web1")
    path = write_inventory(tmp_path, [host], hosts={"web1": {"outage": "tolerable"}})
    written = tomllib.loads(path.read_text())["hosts"]["web1"]
    words = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    words += ["-o", f"UserKnownHostsFile={written['known_hosts']}", "-i", written["identity"]]
    home = isolated_home(tmp_path)
    done = subprocess.run(
        [*words, f"admin@{written['address']}", "true"], check=False, timeout=60, env=home
    )
    assert done.returncode == 0
    assert written["outage"] == "tolerable"


def test_a_build_under_way_is_never_pruned(tmp_path: Path) -> None:
    """A base's directory has the old date of a package's while it is unpacked."""
    old, building = tmp_path / "trixie-1", tmp_path / ".trixie-2.building"
    for folder in (old, building):
        folder.mkdir()
        os.utime(folder, (0, 0))
    prune(tmp_path, "*-*", 86400.0)
    assert (old.exists(), building.exists()) == (False, True)
