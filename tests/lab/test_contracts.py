"""The command line from outside, on booted hosts: shapes, exit statuses, and what is true there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import NewHost
from tests.lab.inventory import isolated_home, write_inventory
from tests.lab.machine import Machine, Options
from tests.lab.processes import wait_until
from tests.lab.scenarios import (
    apt_get,
    clean,
    interrupted_dpkg,
    lab_packages,
    package_state,
    switch_to,
    wait_quiet,
    with_security_updates,
)
from tests.lab.session import Prepare
from tests.lab.settings import REPOSITORY
from tests.lab.snapshot import Difference, difference, snapshot_tree

Golden = Callable[[str, Prepare], Path]
Document = dict[str, Any]
COMMAND = REPOSITORY / ".venv/bin/hostshift"
HOME = "var/lib/hostshift"

# ---- the shape of `status --json`, schema 1: key -> what may stand there


class Maybe:
    """Null, or this."""

    def __init__(self, shape: object) -> None:
        self.shape = shape


class Time(str):
    """RFC 3339."""


TEXT, LIST_OF_TEXT = Maybe(str), Maybe([str])
CHANGE = {
    "name": str, "from": TEXT, "to": TEXT, "origin": TEXT, "security": bool,
    "action": {"upgrade", "install", "remove", "downgrade"},
}  # fmt: skip
FACTOR = {
    "id": str, "mode": str, "points": int, "value": str, "evidence": str,
    "origin": {"measured", "anchored", "judgement", "unknown"},
}  # fmt: skip
LEVEL = {"low", "moderate", "high", "critical"}
RISK = {
    "score": int, "level": LEVEL, "outage_minutes": {"expected": Maybe(int), "bad_day": Maybe(int)},
    "one_in": Maybe(int), "lost_day_one_in": Maybe(int), "factors": [FACTOR],
}  # fmt: skip
EFFECTS = {
    "reboot": Maybe(bool), "units": LIST_OF_TEXT, "containers": LIST_OF_TEXT,
    "conffiles": LIST_OF_TEXT, "download_bytes": Maybe(int), "disk_bytes": Maybe(int),
}  # fmt: skip
CANDIDATE = {
    "id": str, "kind": str, "subset": TEXT, "to": TEXT, "changes": Maybe([CHANGE]),
    "effects": EFFECTS, "blockers": [{"id": str, "message": str, "remedy": str}],
    "risk": Maybe(RISK),
}  # fmt: skip
HOST = {
    "name": str, "address": str, "reachable": bool,
    "error": Maybe({"kind": str, "message": str, "hint": str}), "probed_at": Time,
    "depth": Maybe({"light", "full"}),
    "problems": [{"section": str, "message": str, "hint": str}],
    "outage": TEXT, "groups": [str], "redundancy": TEXT, "exposed": Maybe(bool),
    "console": Maybe(bool), "retiring": bool, "uptime_s": Maybe(int), "boot_id": TEXT,
    "failed_units": LIST_OF_TEXT, "backup_age_s": Maybe(int),
    "filesystems": Maybe([{"mount": str, "free_bytes": int, "free_inodes": Maybe(int)}]),
    "dpkg_lock": Maybe({"pid": Maybe(int), "command": TEXT}),
    "os": {
        "id": TEXT, "version_id": TEXT, "codename": TEXT, "pretty_name": TEXT,
        "support_ends": TEXT, "support_ended": Maybe(bool),
    },
    "family": TEXT, "virtualization": TEXT, "kubernetes_node": Maybe(bool),
    "lists_age_s": Maybe(int), "kernel": {"running": TEXT, "expected": TEXT},
    "reboot": {"required": Maybe(bool), "reasons": [str]},
    "packages": {
        "upgradable": Maybe(int), "security": Maybe(int), "held": LIST_OF_TEXT,
        "kept_back": LIST_OF_TEXT, "phased": LIST_OF_TEXT, "esm": LIST_OF_TEXT,
        "broken": Maybe([{"name": str, "state": str}]),
    },
    "deployments": Maybe([]), "auto_updates": Maybe([{"name": str, "enabled": Maybe(bool)}]),
    "services_to_restart": LIST_OF_TEXT,
    "containers": Maybe([{"name": str, "image": TEXT, "restart_policy": TEXT}]),
    "candidates": [CANDIDATE],
    "waiting": Maybe({"level": LEVEL, "due_days": Maybe(int), "reasons": [str]}),
    "recommendation": Maybe({"kind": str, "why": [str]}),
    "run": Maybe({
        "id": str, "kind": TEXT, "state": str, "operator": TEXT, "started_at": Maybe(Time),
        "step": TEXT,
    }),
}  # fmt: skip
STATUS = {
    "schema": int,
    "model": {"version": str, "digest": str, "data_date": TEXT},
    "hosts": [HOST],
}


def faults(value: object, shape: object, place: str = "$") -> list[str]:
    """Where a value is not of its shape. Keys are exactly those of the shape."""
    if isinstance(shape, Maybe):
        return [] if value is None else faults(value, shape.shape, place)
    if isinstance(shape, dict):
        if not isinstance(value, dict) or value.keys() != shape.keys():
            return [f"{place}: {value!r:.200}"]
        return [
            f for key, part in shape.items() for f in faults(value[key], part, f"{place}.{key}")
        ]
    if isinstance(shape, list):
        if not isinstance(value, list) or (value and not shape):
            return [f"{place}: {value!r:.200}"]
        return [f for n, part in enumerate(value) for f in faults(part, shape[0], f"{place}[{n}]")]
    if isinstance(shape, set):
        return [] if value in shape else [f"{place}: {value!r}"]
    if shape is Time:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return [] if moment is not None and moment.tzinfo else [f"{place}: {value!r}"]
    # a boolean is no number here
    return [] if type(value) is shape else [f"{place}: {value!r}"]


def unclean(value: object) -> bool:
    """Whether any text in it could do something to a terminal."""
    controls = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
    return re.search(controls, json.dumps(value, ensure_ascii=False).replace("\\n", "")) is not None


class Operator:
    """Somebody's machine, with the command as it is typed."""

    def __init__(self, directory: Path, *hosts: Machine, **settings: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.environment = isolated_home(directory)
        self.inventory = write_inventory(directory, hosts, **settings)

    def words(self, *arguments: str) -> list[str]:
        return [str(COMMAND), "--inventory", str(self.inventory), *arguments]

    def call(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            self.words(*arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self.environment,
            cwd=self.directory,
            timeout=240,
            check=False,
        )
        said = f"{arguments}\n{done.stdout.decode()[-2000:]}\n{done.stderr.decode()}"
        assert done.returncode == status, f"exit status {done.returncode}: {said}"
        assert b"Traceback" not in done.stderr, said
        return done

    def refused(self, *arguments: str, status: int = 5) -> str:
        done = self.call(*arguments, status=status)
        assert done.stdout == b""
        assert b"hint:" in done.stderr
        return done.stderr.decode()

    def document(self, *arguments: str, status: int = 0) -> Document:
        found: Document = json.loads(
            self.call("status", "--json", *arguments, status=status).stdout
        )
        assert faults(found, STATUS) == []
        assert not unclean(found)
        names = [host["name"] for host in found["hosts"]]
        assert names == sorted(names)
        return found

    def hosts(self, *arguments: str, status: int = 0) -> Mapping[str, Document]:
        return {host["name"]: host for host in self.document(*arguments, status=status)["hosts"]}

    def digest(self, *arguments: str) -> str:
        return str(json.loads(self.call("plan", *arguments, "--json").stdout)["digest"])

    def carry_out(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[bytes]:
        return self.call("run", *arguments, "--confirm", self.digest(*arguments), status=status)

    def runs(self) -> list[Document]:
        found: list[Document] = json.loads(self.call("runs", "--json").stdout)["runs"]
        return found


def candidate(host: Document, name: str) -> Document:
    return next(c for c in host["candidates"] if c["id"] == name)


def blockers(host: Document, name: str = "upgrade") -> list[str]:
    return [blocker["id"] for blocker in candidate(host, name)["blockers"]]


def without_times(document: Document) -> Document:
    moving = {"probed_at": None, "uptime_s": None, "lists_age_s": None, "filesystems": None}
    return {**document, "hosts": [{**host, **moving} for host in document["hosts"]]}


def write(host: Machine, path: str, text: str) -> None:
    file = host.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text)


# ---- status

KINDS = (
    *("lab-lib", "lab-conf", "lab-kept", "lab-eater", "lab-victim", "lab-unmet"),
    *("lab-reboot", "linux-image-lab"),
)


def of_many_kinds(host: Machine) -> None:
    """Held, kept back, removing, installing, asking for a reboot."""
    lab_packages(host, "v1", KINDS)
    host.inside("rm -f /run/reboot-required*; apt-mark hold lab-conf")
    switch_to(host, "v2")


def without_lists(host: Machine) -> None:
    clean(host)
    host.inside("rm -rf /var/lib/apt/lists/*")


def rebooting(host: Machine) -> None:
    lab_packages(host, "v1", ["lab-reboot"])
    switch_to(host, "v2")
    apt_get(host, "upgrade")


def hostile(host: Machine) -> None:
    """Start-up files that talk, and text that would like to reach a terminal."""
    clean(host)
    noise = "echo '[sudo] password for admin: '; echo noise; echo noise >&2\n"
    for file in ("root/.bashrc", "root/.profile", "home/admin/.bashrc", "etc/profile.d/noise.sh"):
        write(host, file, noise)
    told = (host.root / "usr/lib/os-release").read_text()
    name = 'PRETTY_NAME="\x1b[2J\x1b]0;pwned\x07[red]Deb\u202eian[/]"'
    write(host, "etc/os-release", re.sub("PRETTY_NAME=.*", name.replace("\\", r"\\"), told))
    host.inside("systemd-run --unit='bad[red]' --description=\"$(printf 'x\\033[31m')\" false")


STATES: dict[str, Callable[[Machine], object]] = {
    "security": with_security_updates,
    "kinds": of_many_kinds,
    "killed": interrupted_dpkg,
    "nolists": without_lists,
    "reboot": rebooting,
    "hostile": hostile,
}


def test_status_of_hosts_in_every_state(new_host: NewHost, tmp_path: Path) -> None:
    made = {name: new_host(name) for name in STATES}
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda name: STATES[name](made[name]), STATES))
    eve = Operator(tmp_path / "eve", *made.values())

    light = eve.document("--light")
    again = eve.document("--light")
    assert json.dumps(without_times(light)) == json.dumps(without_times(again))
    for host in light["hosts"]:
        assert host["depth"] == "light"
        for name in ("upgrade", "dist-upgrade"):
            assert candidate(host, name)["changes"] is None
            assert candidate(host, name)["risk"] is None
            assert blockers(host, name)
        assert host["packages"]["kept_back"] is None
        assert host["packages"]["phased"] is None

    full = {host["name"]: host for host in json.loads(saved_and_asked_again(eve))["hosts"]}
    assert all(host["depth"] == "full" and host["error"] is None for host in full.values())
    _secure(made["security"], full["security"])
    _kinds(full["kinds"])
    assert {"dpkg-interrupted", "dpkg-broken"} <= set(blockers(full["killed"]))
    assert full["killed"]["packages"]["broken"] == [{"name": "lab-slow", "state": "iF"}]
    assert full["nolists"]["lists_age_s"] is None
    assert full["nolists"]["packages"]["upgradable"] is None
    for name in ("upgrade", "dist-upgrade"):
        assert blockers(full["nolists"], name) == ["lists-missing"]
    assert full["reboot"]["reboot"]["required"] is True
    assert "lab-reboot" in " ".join(full["reboot"]["reboot"]["reasons"])
    assert "[red]" in full["hostile"]["os"]["pretty_name"]
    assert full["hostile"]["os"]["id"] == "debian"


def saved_and_asked_again(eve: Operator) -> bytes:
    """A full look; its saved file gives the same bytes again with no host in reach."""
    live = eve.call("status", "--json", "--save", "scan.json").stdout
    assert faults(json.loads(live), STATUS) == []
    assert not unclean(json.loads(live))
    file = eve.directory / "scan.json"
    assert file.stat().st_mode & 0o077 == 0
    nowhere = {**eve.environment, "HOSTSHIFT_INVENTORY": "/nowhere"}
    asked = subprocess.run(
        [COMMAND, "status", "--json", "--from", file],
        capture_output=True,
        env=nowhere,
        check=True,
        cwd="/",
    )
    assert asked.stdout == live
    file.write_bytes(live)
    eve.refused("status", "--from", str(file), status=2)
    return live


def _secure(machine: Machine, host: Document) -> None:
    simulated = re.findall(r"(?m)^Inst (\S+)", apt_get(machine, "-s dist-upgrade").stdout)
    packages = host["packages"]
    assert packages["upgradable"] == len(simulated) >= packages["security"] > 0
    changes = candidate(host, "upgrade")["changes"]
    assert [c["name"] for c in changes] == sorted(simulated)
    assert sum(c["security"] for c in changes) == packages["security"]
    assert candidate(host, "upgrade")["blockers"] == []
    assert host["recommendation"]["kind"] == "upgrade"
    assert host["waiting"]["level"] in ("moderate", "high", "critical")
    for shown in host["candidates"]:
        if shown["risk"] is not None:
            assert sum(f["points"] for f in shown["risk"]["factors"]) == shown["risk"]["score"]


def _kinds(host: Document) -> None:
    packages = host["packages"]
    assert packages["held"] == ["lab-conf"]
    assert packages["kept_back"] == ["lab-eater", "lab-unmet"]
    for name, removed in (("upgrade", []), ("dist-upgrade", ["lab-victim"])):
        changes = candidate(host, name)["changes"]
        assert [c["name"] for c in changes if c["action"] == "remove"] == removed
        by_name = {c["name"]: c for c in changes}
        assert by_name["lab-newdep"]["action"] == "install"
        assert by_name["lab-newdep"]["from"] is None
        assert (by_name["lab-kept"]["from"], by_name["lab-kept"]["to"]) == ("1.0-1", "2.0-1")
        assert candidate(host, name)["effects"]["reboot"] is True
        assert not {"lab-conf", "lab-unmet"} & by_name.keys()


def test_hosts_out_of_reach_do_not_hold_up_the_others(new_host: NewHost, tmp_path: Path) -> None:
    names = ("fine", "frozen", "silent", "stranger", "changed")
    hosts = {name: new_host(name) for name in names}
    eve = Operator(tmp_path / "eve", *hosts.values())
    known = eve.directory / "known_hosts"
    lines = known.read_text().splitlines()
    key = hosts["fine"].known_hosts_line().split(" ", 1)[1].strip()
    lines = [line for line in lines if not line.startswith(f"{hosts['stranger'].address} ")]
    lines = [
        f"{hosts['changed'].address} {key}"
        if line.startswith(f"{hosts['changed'].address} ")
        else line
        for line in lines
    ]
    known.write_text("\n".join(lines) + "\n")
    hosts["frozen"].freeze()
    hosts["silent"].link(up=False)
    reached = eve.hosts("--light", "fine", "frozen", "silent", status=3)
    assert [name for name in names if reached.get(name, {}).get("reachable")] == ["fine"]
    assert reached["silent"]["error"]["hint"]
    assert reached["silent"]["packages"]["upgradable"] is None
    hosts["frozen"].thaw()
    keys = eve.hosts("--light", "fine", "stranger", "changed", status=4)
    assert keys["fine"]["reachable"]
    assert hosts["stranger"].known_hosts_line().strip() in keys["stranger"]["error"]["hint"]
    changed = keys["changed"]["error"]
    assert str(known) in changed["message"] + changed["hint"]
    assert len(set(re.findall(r"SHA256:[\w+/]+", changed["message"]))) == 2
    assert eve.refused("plan", "stranger", "upgrade", status=4)
    assert known.read_text() == "\n".join(lines) + "\n"


@pytest.mark.parametrize("user", ["admin", "asker"])
def test_without_root_all_is_shown_and_nothing_done(
    new_host: NewHost, tmp_path: Path, user: str
) -> None:
    host = new_host("plain")
    lab_packages(host, "v1", ["lab-lib"])
    switch_to(host, "v2")
    become = "sudo" if user == "asker" else "none"
    eve = Operator(tmp_path / "eve", host, user=user, become=become)
    shown = eve.hosts()["plain"]
    assert "root" in {problem["section"] for problem in shown["problems"]}
    for name in ("upgrade", "dist-upgrade", "reboot"):
        assert "privilege" in blockers(shown, name)
    remedy = next(
        b["remedy"] for b in candidate(shown, "upgrade")["blockers"] if b["id"] == "privilege"
    )
    assert f"{user} ALL=" in remedy
    assert candidate(shown, "upgrade")["changes"]
    assert "privilege" in eve.refused("plan", "plain", "upgrade")
    assert not (host.root / HOME).exists()


# ---- plan and run


def due(host: Machine) -> None:
    lab_packages(host, "v1", ["lab-lib", "lab-conf", "lab-ask", "lab-docker"])


def modes(host: Machine) -> dict[str, str]:
    found = host.inside(f"cd /{HOME} && find . -printf '%P %y%m %u:%g\\n'").stdout
    return {line.split(" ")[0]: line.partition(" ")[2] for line in found.splitlines()}


def test_a_plan_for_two_hosts_is_carried_out_on_both(
    new_host: NewHost, golden: Golden, tmp_path: Path
) -> None:
    layer = golden("contracts-due", due)
    hosts = [new_host(name, Options(layers=[layer])) for name in ("a1", "a2")]
    for host in hosts:
        switch_to(host, "v2")
    write(hosts[0], "etc/lab/conf.ini", "setting=mine\n")
    eve = Operator(tmp_path / "eve", *hosts)
    digest = eve.digest("a1", "a2", "upgrade")
    assert digest == eve.digest("a1", "a2", "upgrade")

    assert "upgrade" in eve.refused("plan", "a1", "upgrad", status=2)
    assert "a1" in eve.refused("plan", "a11", "upgrade", status=2)
    eve.refused("run", "a1", "upgrade", "--confirm", digest)
    eve.refused("run", "a1", "a2", "upgrade", "--confirm", "0" * 64)
    eve.refused("--read-only", "run", "a1", "a2", "upgrade", "--confirm", digest)
    hosts[1].inside("apt-mark hold lab-lib")
    eve.refused("run", "a1", "a2", "upgrade", "--confirm", digest)
    hosts[1].inside("apt-mark unhold lab-lib")
    for host in hosts:
        assert not (host.root / HOME).exists(), "a refusal leaves nothing behind"
    assert eve.runs() == []

    eve.call("run", "a1", "a2", "upgrade", "--confirm", digest)
    assert {(r["host"], r["state"]) for r in eve.runs()} == {
        ("a1", "succeeded"),
        ("a2", "succeeded"),
    }
    for run in eve.runs():
        host = next(h for h in hosts if h.name == run["host"])
        _what_is_left(eve, host, run)
    assert (hosts[0].root / "etc/lab/conf.ini").read_text() == "setting=mine\n"
    assert (hosts[1].root / "etc/lab/conf.ini").read_text() == "setting=2\n"
    assert "nothing-to-do" in eve.refused("plan", "a1", "upgrade")
    eve.carry_out("a1", "refresh")


def _what_is_left(eve: Operator, host: Machine, run: Document) -> None:
    assert run.keys() == {
        "id", "host", "candidate", "state", "operator", "started_at", "ended_at", "digest", "steps",
    }  # fmt: skip
    for step in run["steps"]:
        assert step.keys() == {"id", "state", "started_at", "ended_at"}
    job = host.root / HOME / "runs" / run["id"] / "upgrade"
    found = modes(host)
    assert found[""] == "d755 root:root"
    assert found["runs"] == "d700 root:root"
    assert found[f"runs/{run['id']}/upgrade"] == "d700 root:root"
    assert {"script", "log", "progress", "exit", "job.json"} <= {p.name for p in job.iterdir()}
    assert int((job / "exit").read_text()) == 0
    told = json.loads((job / "job.json").read_text())
    assert told["boot_id"] == host.boot_id()
    assert told["digest"] == run["digest"]
    assert told["operator"] == run["operator"]
    assert not (host.root / HOME / "lock").exists()
    assert eve.call("log", run["id"]).stdout == (job / "log").read_bytes()
    assert host.inside("systemctl list-units --all --no-legend 'hostshift*'").stdout == ""
    assert package_state(host, "lab-lib") == "ii"


def test_a_failure_needs_a_person_and_repair_heals_it(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host("f1")
    lab_packages(host, "v1", ["lab-fail", "lab-lib"])
    switch_to(host, "v2")
    eve = Operator(tmp_path / "eve", host)
    assert b"lab-fail" in eve.carry_out("f1", "upgrade", status=4).stderr
    assert eve.runs()[0]["state"] == "attention"
    assert host.inside("systemctl is-system-running").stdout.strip() == "running"
    shown = eve.hosts()["f1"]
    assert shown["run"] is None
    assert shown["packages"]["broken"] == [{"name": "lab-fail", "state": "iF"}]
    assert "dpkg-broken" in eve.refused("plan", "f1", "upgrade")
    write(host, "etc/lab/allow", "")
    eve.carry_out("f1", "repair")
    assert package_state(host, "lab-fail") == "ii"
    eve.refused("plan", "f1", "repair")


def test_a_power_cut_never_looks_like_work(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host("p1")
    lab_packages(host, "v1", ["lab-slow"])
    switch_to(host, "v2")
    write(host, "etc/lab/slow", "60\n")
    eve = Operator(tmp_path / "eve", host)
    digest = eve.digest("p1", "upgrade")
    errors = tmp_path / "errors"
    with errors.open("wb") as out:
        running = subprocess.Popen(
            eve.words("run", "p1", "upgrade", "--confirm", digest),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=out,
            env=eve.environment,
        )
    try:
        lock = host.root / HOME / "lock"
        steps = host.root / HOME / "runs"
        wait_until(
            lambda: any(b"step 1 of" in log.read_bytes() for log in steps.glob("*/*/log")),
            "the slow step",
            timeout=60,
        )
        held = json.loads(lock.read_text().splitlines()[0])
        assert lock.stat().st_mode & 0o777 == 0o644
        assert held["host"] == "p1"
        assert held["digest"] == digest
        shown = eve.hosts("--light")["p1"]["run"]
        assert (shown["id"], shown["state"]) == (held["run"], "running")
        host.power_cut()
        wait_until(lambda: ": unknown" in errors.read_text(), "the loss to be told", timeout=60)
        host.start()
        host.wait_booted()
        assert running.wait(120) == 4
    finally:
        running.kill()
        running.wait()
    after = errors.read_text().partition(": unknown")[2]
    assert ": running" not in after, after
    assert ": attention" in after
    assert eve.runs()[0]["state"] == "attention"
    write(host, "etc/lab/slow", "0\n")
    eve.carry_out("p1", "repair")
    assert package_state(host, "lab-slow") == "ii"


def test_no_room_is_told_before_and_not_after(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host("small", Options(size="200M"))
    lab_packages(host, "v1", ["lab-big"])
    switch_to(host, "v2")
    eve = Operator(tmp_path / "eve", host)
    assert "no-room" in eve.refused("plan", "small", "upgrade")
    assert blockers(eve.hosts()["small"]) == ["no-room"]


# ---- no trace


@pytest.mark.parametrize(("user", "become"), [("root", "none"), ("admin", "sudo")])
def test_status_leaves_no_trace(new_host: NewHost, tmp_path: Path, user: str, become: str) -> None:
    def trace(look: bool) -> Difference:
        host = new_host("subject", Options(machine_id="2" * 32))
        with_security_updates(host)
        eve = Operator(tmp_path / f"eve-{look}", host, user=user, become=become)
        true = "sudo -n true" if become == "sudo" else "true"
        host.ssh(true, user)
        wait_quiet(host)
        before = snapshot_tree(host.live_root)
        if look:
            assert eve.hosts()["subject"]["packages"]["upgradable"]
        else:
            host.ssh(true, user)
        wait_quiet(host)
        found = difference(before, snapshot_tree(host.live_root, before))
        host.destroy()
        return found

    control = trace(look=False)
    assert control
    beyond = trace(look=True).beyond(control)
    assert not beyond, f"\n{beyond}"
