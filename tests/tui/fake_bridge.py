"""A fleet in memory: the bridge over verbs that know no host. For tests of screens.

`FakeVerbs` answers at once, unless a test holds it back by `FakeVerbs.gate`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

from engine.clock import FixedClock
from engine.dns.survey import Named, Place
from engine.dns.values import Answer, Records, Server
from engine.errors import HostshiftError, InputError, RefusedError
from engine.facts.conffiles import AskedFile, ConffileTexts
from engine.inventory import Inventory
from engine.model.candidate import (
    Blocker,
    Candidate,
    Effects,
    Factor,
    Foresight,
    Level,
    OutageMinutes,
    Recommendation,
    Risk,
    Waiting,
)
from engine.model.cutover import CutoverView
from engine.model.facts import (
    Action,
    AutoUpdate,
    Change,
    Conffile,
    Container,
    Depth,
    Facts,
    Failure,
    Filesystem,
    HostKeyOffer,
    HostLock,
    Kernel,
    Look,
    OperatingSystem,
    Packages,
    Problem,
    Reboot,
    Transaction,
    Update,
)
from engine.model.host import Host, Outage
from engine.model.journal import JournalEntry
from engine.model.plan import GateAct, JobAct, OutageWindow, Plan, RebootAct, Step, VerifyAct
from engine.model.run import Progress, Run, State, StepState
from engine.preflight import Finding, Preflight, Report
from engine.preflight.values import FileSystem, Volume
from engine.session import Session
from engine.shell import Secret
from engine.successor import Successor
from engine.transport.credentials import Credentials
from engine.transport.protocol import Transport
from tui.bridge import Bridge
from tui.verbs import GateAnswer, OnLook

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
KEY_LINE = "key1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8r4vUuGkN4jYkG6VnQm0mO5M5e0x7ZcY5m3b2a1c0d"
NAMES = (
    *("openssl", "libssl3", "openssh-server", "linux-image-amd64", "docker.io", "containerd"),
    *("curl", "libcurl4", "systemd", "libsystemd0", "tzdata", "vim-common", "nginx", "bind9-libs"),
    *("python3.11", "perl-base", "libc6", "libc-bin", "sudo", "rsync", "git", "postgresql-15"),
)


def make_host(
    name: str,
    groups: tuple[str, ...] = (),
    outage: Outage | None = "costly",
) -> Host:
    """A host of the inventory."""
    return Host(name=name, address=f"{name}.servers.example.com", groups=groups, outage=outage)


def make_changes(number: int, security: int = 0) -> tuple[Change, ...]:
    """Package changes, the first of them of security origin."""
    changes = []
    for i in range(number):
        name = NAMES[i] if i < len(NAMES) else f"lib{NAMES[i % len(NAMES)]}-extra{i}"
        secure = i < security
        action: Action = "install" if i % 17 == 16 else "upgrade"
        changes.append(
            Change(
                name=name,
                action=action,
                from_version=None if action == "install" else f"1.{i}.0-2+deb12u1",
                to_version=f"1.{i}.0-2+deb12u{2 + i % 3}",
                origin="Debian-Security:12/oldstable-security" if secure else "Debian:12/oldstable",
                security=secure,
                architecture="amd64",
            )
        )
    return tuple(sorted(changes, key=lambda c: c.name))


def make_facts(host: Host, pending: int = 0, security: int = 0, depth: Depth = "full") -> Facts:
    """Facts of a Debian host."""
    changes = make_changes(pending, security)
    full = depth == "full"
    return Facts(
        host=host.name,
        taken_at=NOW - timedelta(minutes=2),
        depth=depth,
        privileged=True,
        family="apt",
        fingerprint="f" * 16,
        boot_id="b1",
        uptime_s=41 * 86400 + 7200,
        os=OperatingSystem(
            "debian",
            "12",
            "bookworm",
            "Debian GNU/Linux 12 (bookworm)",
            (),
            None,
            date(2028, 6, 30),
        ),
        virtualization="kvm",
        kubernetes_node=False,
        kernel=Kernel("6.1.0-18-amd64", "6.1.0-25-amd64"),
        reboot=Reboot(True, ("running kernel 6.1.0-18, newest 6.1.0-25",)),
        failed_units=(),
        filesystems=(
            Filesystem("/", 18_300_000_000, 1_200_000),
            Filesystem("/boot", 120_000_000, 60_000),
            Filesystem("/var", 4_100_000_000, 800_000),
        ),
        lists_age_s=5 * 3600,
        packages=Packages(
            upgradable=pending,
            security=security,
            held=("postgresql-15",) if full else None,
            kept_back=() if full else None,
            phased=() if full else None,
            broken=(),
            transactions=(
                Transaction("upgrade", changes, 48_200_000, 12_000_000),
                Transaction("dist-upgrade", changes, 48_200_000, 12_000_000),
            )
            if full
            else None,
        ),
        auto_updates=(AutoUpdate("unattended-upgrades", True),),
        containers=(Container("gitlab", "gitlab/gitlab-ce:17", "always"),),
        services_to_restart=("cron.service",),
        systemd=True,
    )


def risk_of(score: int) -> Risk:
    """A risk with factors that add up."""
    level: Level = "low" if score < 25 else "moderate" if score < 50 else "high"
    parts = [
        Factor("reboot", "service", score // 2, "kernel", "linux-image-amd64 is replaced"),
        Factor("containers", "service", score // 3, "1", "docker.io restarts: gitlab stops"),
    ]
    rest = score - sum(p.points for p in parts)
    parts.append(Factor("size", "service", rest, "22 packages", "22 packages change"))
    return Risk(score, level, OutageMinutes(3, 45), 40, 900, tuple(parts))


def foresee(host: Host, facts: Facts) -> Foresight:
    """Candidates for made-up facts."""
    packages = facts.packages
    changes: tuple[Change, ...] = ()
    if packages is not None and (found := packages.transaction("upgrade")) is not None:
        changes = found.changes
    pending = (packages.upgradable or 0) if packages is not None else 0
    security = (packages.security or 0) if packages is not None else 0
    broken = packages is not None and bool(packages.interrupted)
    blockers: tuple[Blocker, ...] = ()
    if broken:
        blockers = (
            Blocker(
                "dpkg-interrupted",
                "dpkg was interrupted on this host: 2 packages are half configured.",
                f"hostshift plan {host.name} repair",
            ),
        )
    score = min(90, pending)
    effects = Effects(True, ("docker.service",), ("gitlab",), (), 48_200_000, 12_000_000)
    best = "replace" if host.outage == "unacceptable" else "upgrade" if pending else "none"
    candidates = (
        Candidate("none", "none", "Leave it as it is", risk=Risk(0, "low", OutageMinutes(0, 0))),
        Candidate("upgrade", "upgrade", "apt upgrade", changes, effects, blockers, risk_of(score)),
        Candidate(
            "dist-upgrade",
            "dist-upgrade",
            "apt dist-upgrade",
            changes,
            effects,
            blockers,
            risk_of(min(95, score + 8)),
        ),
        Candidate("reboot", "reboot", "Reboot", (), Effects(reboot=True), (), risk_of(12)),
        Candidate(
            "replace",
            "replace",
            "Build server(n+1) beside it",
            None,
            blockers=(
                Blocker(
                    "no-provision",
                    "The inventory names no script that provisions a successor.",
                    "Set `provision` under [replacement].",
                ),
            ),
        ),
    )
    why = {
        "upgrade": ("A one-day outage would be costly, not unacceptable.", "Risk 22 is low."),
        "replace": ("A one-day outage would be unacceptable: build its successor.",),
        "none": ("Nothing is pending.",),
    }[best]
    waiting = Waiting(
        "high" if security > 3 else "moderate" if security else "low",
        3 if security > 3 else 14 if security else None,
        (f"{security} security updates are pending",) if security else ("nothing presses",),
    )
    return Foresight(candidates, waiting, Recommendation(best, why))  # type: ignore[arg-type]


def make_plan(host: Host, candidate: str, changes: tuple[Change, ...] = ()) -> Plan:
    """A plan of two steps, or of one for the chore refresh."""
    if candidate == "refresh":
        job = JobAct(commands=(("apt-get", "update"),))
        steps: tuple[Step, ...] = (
            Step("refresh", "Fetch the package lists", "host", job, expected_s=20),
        )
        return Plan(
            host.name,
            candidate,
            NOW,
            steps,
            Effects(False, (), ()),
            None,
            OutageWindow(0, "estimated"),
            (),
            False,
        )
    job = JobAct(
        commands=(("apt-get", "-y", "-o", "Dpkg::Options::=--force-confold", "upgrade"),),
        simulation=("apt-get", "-s", "--with-new-pkgs", "upgrade"),
        expected=tuple(c.name for c in changes),
    )
    steps = (
        Step("upgrade", "Upgrade the packages", "host", job, expected_s=180),
        Step("verify", "Look again and compare", "controller", VerifyAct(changes, ())),
    )
    return Plan(
        host.name,
        candidate,
        NOW,
        steps,
        Effects(True, ("docker.service",), ("gitlab",), (), 48_200_000, 12_000_000),
        risk_of(22),
        OutageWindow(180, "estimated"),
        changes,
    )


def make_offer(name: str) -> HostKeyOffer:
    """A host key nobody has vouched for."""
    return HostKeyOffer(
        host=name,
        address=f"{name}.servers.example.com",
        port=22,
        algorithm="ssh-ed25519",
        fingerprint="SHA256:u1VnJwXlX0y2Jb9m1p0eT6m0cYk3pYfNn6w4sQ2yD5E",
        line=KEY_LINE,
        file="~/.ssh/known_hosts",
    )


def failure_look(name: str, kind: str, message: str, hint: str) -> Look:
    """A look that did not succeed."""
    key = make_offer(name) if kind == "host-key-unknown" else None
    return Look(name, NOW - timedelta(minutes=1), None, Failure(kind, message, hint, key))


def make_report(host: Host) -> Report:
    """A preflight of a host with a volume, a database and something that nobody knows."""
    system = FileSystem("/srv", "ext4", "/dev/vdb", "12ab-34")
    volume = Volume(
        "wiki", "/srv/wiki", "directory", "/srv/wiki", system,
        used_bytes=1_200_000_000, entries=3400, whole=True, free_bytes=80_000_000_000,
    )  # fmt: skip
    name, place = "wiki.example.com", Place(host.name, host.address, ("192.0.2.1",))
    primary, resolver = Server("ns1", "192.0.2.53"), Server("192.0.2.1", "192.0.2.1")
    new, former = (Records(name, "A", 300, (f"192.0.2.{n}",)) for n in (1, 9))
    answers = (
        Answer(primary, name, NOW, rcode="NOERROR", authoritative=True, records=(new,)),
        Answer(resolver, name, NOW, rcode="NOERROR", records=(former,)),
    )
    return Report(
        Successor("db3", "db3.servers.example.com", ("db2",)),
        Preflight(host.name, NOW, privileged=True, volumes=(volume,)),
        (
            Finding("volume-missing", "stops", "The volume [/srv/x] isn't there.", "mount it"),
            Finding("database-by-files", "warns", "PostgreSQL 15 in /srv/wiki/pg, in use."),
            Finding("dns-unknown", "tells", "Whether DNS knows db3 wasn't asked."),
        ),
        (Named("wiki", name, place, "example.com", answers, "cached"),),
    )


class FakeVerbs:
    """Verbs on values in memory.

    Attributes:
        looks: What a look at each host finds.
        gate: Cleared to hold every look and scan back.
        logs: Bytes of each run's step.
        plans, journals: What is on record of each run.
        written: What a run has written down of configuration files.
        inventory: What its file holds now, or what is wrong with it.
        cutovers: What is known of each run's cutover; no_cutover: why nothing can be known.
        evidence: What a host says of its lock.
        decided: What a person decided of runs and locks, in order.
    """

    def __init__(self, looks: dict[str, Look]) -> None:
        self.looks = looks
        self.gate = asyncio.Event()
        self.gate.set()
        self.runs: dict[str, Run] = {}
        self.logs: dict[tuple[str, str], bytes] = {}
        self.plans: dict[str, Plan] = {}
        self.journals: dict[str, tuple[JournalEntry, ...]] = {}
        self.cutovers: dict[str, CutoverView] = {}
        self.no_cutover: HostshiftError | None = None
        self.evidence: tuple[str, ...] = ("No unit and no process of the run is there.",)
        self.decided: list[tuple[object, ...]] = []
        self.accepted: list[HostKeyOffer] = []
        self.passwords: list[tuple[str, str | None]] = []
        self.asked: list[tuple[str, str]] = []
        self.refuse: RefusedError | None = None
        self.shell: tuple[str, ...] = ("true",)
        self.written: tuple[ConffileTexts, ...] = ()
        self.inventory: Inventory | HostshiftError | None = None
        self.closed = False
        self.resumed: list[str] = []
        self.confirmations: list[str] = []

    async def read_inventory(self) -> Inventory:
        assert self.inventory is not None
        if isinstance(self.inventory, HostshiftError):
            raise self.inventory
        return self.inventory

    async def scan(self, hosts: Sequence[Host], on_look: OnLook) -> None:
        self.asked.append(("scan", ",".join(host.name for host in hosts)))
        await self.gate.wait()
        for i, host in enumerate(hosts):
            on_look(self.looks[host.name])
            if i % 200 == 199:
                await asyncio.sleep(0)

    async def look_at(self, host: Host, depth: Depth) -> Look:
        self.asked.append((depth, host.name))
        await self.gate.wait()
        look = self.looks[host.name]
        if look.facts is not None and depth == "full" and look.facts.depth == "light":
            packages = look.facts.packages or Packages()
            look = replace(
                look,
                facts=make_facts(host, packages.upgradable or 0, packages.security or 0),
            )
            self.looks[host.name] = look
        return look

    async def examine(self, host: Host, facts: Facts | None) -> Report:
        self.asked.append(("examine", host.name))
        await self.gate.wait()
        self._refuse()
        return make_report(host)

    def shell_words(self, host: Host) -> tuple[str, ...]:
        self._refuse()
        return self.shell

    async def read_changelogs(self, host: Host, facts: Facts) -> Facts:
        self.asked.append(("changelogs", host.name))
        await self.gate.wait()
        self._refuse()
        packages = facts.packages or Packages()
        updates = (Update("libssl3", 2, NOW.date(), ("CVE-2026-1", "CVE-2021-44228")),)
        return replace(facts, packages=replace(packages, updates=updates))

    def foresee(self, host: Host, facts: Facts, now: datetime) -> Foresight:
        return foresee(host, facts)

    async def read_conffiles(
        self, host: Host, files: Sequence[AskedFile] | None
    ) -> tuple[ConffileTexts, ...]:
        if files is None:
            return self.written
        new = "# the package's\nWorkers 8\nTimeout 60\n"
        return tuple(
            ConffileTexts(one, "Workers 8\nTimeout [bold]5[/]\n", new, asks=i == 0)
            for i, one in enumerate(files)
        )

    def make_plan(
        self, host: Host, facts: Facts, candidate: str, now: datetime, take: Sequence[str] = ()
    ) -> Plan:
        found = foresee(host, facts).candidate(candidate)
        if candidate not in ("refresh", "repair"):
            if found is None:
                raise InputError(
                    f"{host.name} has no candidate {candidate!r}.", hint="See its list."
                )
            if found.blockers:
                raise RefusedError(found.blockers[0].message, hint=found.blockers[0].remedy)
        plan = make_plan(host, candidate, (found.changes or ()) if found is not None else ())
        return replace(plan, take=tuple(take))

    async def start(self, plan: Plan, confirmation: str) -> str:
        self.confirmations.append(confirmation)
        self._refuse()
        run_id = f"run-{len(self.runs) + 1}"
        self.runs[run_id] = make_run(run_id, plan.host, plan.candidate, steps=plan.steps)
        return run_id

    async def adopt(self, look: Look) -> str | None:
        if look.facts is None or look.facts.lock is None:
            return None
        run_id = look.facts.lock.run
        if run_id not in self.runs:
            self.runs[run_id] = make_run(run_id, look.host, "upgrade")
        return run_id

    def resume(self, run_id: str, *, take_over: bool = False) -> bool:
        self.resumed.append(run_id)
        return True

    def get(self, run_id: str) -> Run:
        return self.runs[run_id]

    def read_log(self, run_id: str, step_id: str, offset: int, limit: int) -> bytes:
        return self.logs.get((run_id, step_id), b"")[offset : offset + limit]

    async def history(self, limit: int) -> tuple[Run, ...]:
        runs = sorted(self.runs.values(), key=lambda run: run.started_at, reverse=True)
        return tuple(runs[:limit])

    async def plan_of(self, run_id: str) -> Plan | None:
        return self.plans.get(run_id)

    async def journal(self, run_id: str) -> tuple[JournalEntry, ...]:
        return self.journals.get(run_id, ())

    async def export(self, run_id: str, with_logs: bool) -> str:
        self._refuse()
        return f"# {run_id} with{'' if with_logs else 'out'} logs\n"

    async def answer(self, run_id: str, step_id: str, answer: GateAnswer, words: str) -> None:
        self._refuse()
        self.decided.append(("answer", run_id, step_id, answer, words))
        self.runs[run_id] = replace(
            self.runs[run_id], state="running" if answer == "go-on" else "cancelled", waits_for=None
        )

    async def stop(self, run_id: str, hard: bool, confirmation: str) -> None:
        self._refuse()
        self.decided.append(("stop", run_id, hard, confirmation))

    async def cutover(self, run_id: str) -> CutoverView | None:
        if self.no_cutover is not None:
            raise self.no_cutover
        return self.cutovers.get(run_id)

    async def go_back(self, run_id: str, confirmation: str) -> None:
        self._refuse()
        self.decided.append(("go back", run_id, confirmation))

    async def take_over(self, run_id: str, reason: str) -> None:
        self._refuse()
        self.decided.append(("take over", run_id, reason))
        self.runs[run_id] = replace(self.runs[run_id], owner=None, owner_alive=None)

    async def lock_evidence(self, host: Host) -> tuple[str, ...]:
        return self.evidence

    async def break_lock(self, host: Host, confirmation: str, reason: str) -> None:
        self._refuse()
        self.decided.append(("break lock", host.name, confirmation, reason))

    def _refuse(self) -> None:
        if self.refuse is not None:
            refusal, self.refuse = self.refuse, None
            raise refusal

    async def accept_host_keys(self, offers: Sequence[HostKeyOffer]) -> None:
        self.accepted.extend(offers)

    def set_sudo_password(self, password: Secret, host: str | None) -> None:
        self.passwords.append((password.reveal(), host))

    async def close(self) -> None:
        self.closed = True


def make_run(
    run_id: str,
    host: str,
    candidate: str,
    state: State = "running",
    steps: tuple[Step, ...] | None = None,
) -> Run:
    """A run in the middle of its first step, or at its end."""
    titles = [("upgrade", "Upgrade the packages"), ("verify", "Look again and compare")]
    if steps is not None:
        titles = [(step.id, step.title) for step in steps]
    began = NOW - timedelta(seconds=84)
    first: State = "running" if state == "running" else state
    states = [
        StepState(
            step_id,
            title,
            first if i == 0 else "planned" if state == "running" else state,
            began if i == 0 else None,
            None if state == "running" else NOW if i == 0 else None,
            ("the job's unit is active on server1",) if i == 0 else (),
            Progress("install", 43.0, "Unpacking libssl3 (amd64)")
            if i == 0 and state == "running"
            else None,
        )
        for i, (step_id, title) in enumerate(titles)
    ]
    return Run(
        id=run_id,
        host=host,
        candidate=candidate,
        state=state,
        operator="ada@laptop",
        digest="3f9c1b2a" * 8,
        started_at=began,
        steps=tuple(states),
        since=began,
        ended_at=NOW if state in ("succeeded", "failed") else None,
        reason=("dpkg returned an error: exit status 100",) if state == "failed" else (),
        hint="Read the log's end, then plan `repair`." if state == "failed" else None,
    )


def gated_plan(host: Host) -> Plan:
    """An upgrade, then a gate before the reboot, then clean-up that is always carried out."""
    plan = make_plan(host, "upgrade", make_changes(6, 2))
    always = JobAct(commands=(("apt-get", "clean"),))
    return replace(
        plan,
        steps=(
            plan.steps[0],
            Step(
                "gate",
                "Ask before the reboot",
                "controller",
                GateAct("Reboot into 6.1.0-25 now?", "Sun 02:00-05:00 Europe/Paris", 12 * 3600),
                gate=True,
            ),
            Step("reboot", "Reboot the host", "host", RebootAct("6.1.0-25-amd64")),
            plan.steps[1],
            Step("clean", "Remove downloaded packages", "host", always, always=True),
        ),
    )


def waiting_run(run_id: str, host: str, plan: Plan) -> Run:
    """A run of `gated_plan` that waits at its gate."""
    run = make_run(run_id, host, "upgrade", "planned", plan.steps)
    since = NOW - timedelta(minutes=12, seconds=5)
    began = since - timedelta(minutes=4)
    said = ("exit status 0", "22 of 22 packages at their planned version")
    first = replace(
        run.steps[0], state="succeeded", started_at=began, ended_at=since, evidence=said
    )
    gate = replace(run.steps[1], state="waiting", started_at=since, ended_at=None)
    rest = tuple(replace(step, state="planned", started_at=None) for step in run.steps[2:])
    return replace(
        run,
        state="waiting",
        started_at=began,
        since=since,
        steps=(first, gate, *rest),
        waits_for="Reboot into 6.1.0-25 now?",
    )


def fill_record(verbs: FakeVerbs) -> None:
    """Past and live runs of the small fleet, one of which waits at its gate on db1."""
    plan = gated_plan(make_host("db1"))
    waits = waiting_run("20261123T024355-9f3c1a", "db1", plan)
    verbs.plans[waits.id] = plan
    verbs.journals[waits.id] = journal_of(waits)
    past: tuple[tuple[str, str, str, State, int, int], ...] = (
        ("20261122T221500-71c2e0", "web1", "upgrade:security", "succeeded", 285, 134),
        ("20261122T214012-0b77d4", "gitlab", "upgrade", "attention", 320, 745),
        ("20261121T031000-aa10f2", "bastion", "reboot", "rolled-back", 2870, 4321),
        ("20261120T090503-5d5e51", "ns1", "refresh", "cancelled", 3955, 12),
        ("20261118T020000-c0ffee", "monitor", "dist-upgrade", "failed", 7260, 611),
        ("20261102T020000-e21b90", "retired7", "release-upgrade", "unknown", 30300, 5400),
    )
    verbs.runs = {waits.id: waits}
    for run_id, host, candidate, state, ago, took in past:
        began = NOW - timedelta(minutes=ago)
        end = began + timedelta(seconds=took)
        run = make_run(run_id, host, candidate, state)
        first = replace(run.steps[0], started_at=began, ended_at=end)
        verbs.runs[run_id] = replace(
            run,
            operator="grace@desk" if ago % 2 else "ada@laptop",
            started_at=began,
            since=end,
            ended_at=None if state == "unknown" else end,
            steps=(first, *run.steps[1:]),
        )


def journal_of(run: Run) -> tuple[JournalEntry, ...]:
    """What happened in a run of `waiting_run`, with a day before it."""
    said = (
        (-86400, "planned", "ada@laptop", "The plan 3f9c1b2a3f9c was shown."),
        (0, "confirmed", "ada@laptop", "The plan 3f9c1b2a3f9c was confirmed by the host's name."),
        (1, "locked", "ada@laptop", "The lock on the host is ours."),
        (3, "begun", "ada@laptop", "Step 1, Upgrade the packages: the job's unit was started."),
        (
            240,
            "ended",
            "ada@laptop",
            "Step 1 succeeded: exit status 0, 22 of 22 packages as planned, no unit fails newly.",
        ),
        (241, "asked", "ada@laptop", "Reboot into 6.1.0-25 now?"),
        (500, "watched", "grace@desk-with-a-long-name", "Attached, read-only."),
    )
    return tuple(
        JournalEntry(run.started_at + timedelta(seconds=after), kind, who, text)
        for after, kind, who, text in said
    )


def left_alone(look: Look) -> Look:
    """A look at a locked host whose job has gone, and whose hostshift is silent."""
    facts = cast("Facts", look.facts)
    lock = replace(cast("HostLock", facts.lock), job_alive=False, heartbeat_age_s=3 * 86400)
    return replace(look, facts=replace(facts, lock=lock))


def with_conffiles(look: Look, *paths: str) -> Look:
    """The look with these edited, all of one package that an upgrade changes."""
    facts = look.facts
    assert facts is not None
    assert facts.packages is not None
    transaction = facts.packages.transaction("upgrade")
    assert transaction is not None
    owner = transaction.changes[0].name.partition(":")[0]
    files = tuple(Conffile(path, owner, "changed") for path in paths)
    return replace(look, facts=replace(facts, packages=replace(facts.packages, conffiles=files)))


class RealForesight(FakeVerbs):
    """Foresees as the engine does."""

    def foresee(self, host: Host, facts: Facts, now: datetime) -> Foresight:
        from engine.candidates import foresee

        return foresee(host, facts, now)


def small_fleet() -> tuple[tuple[Host, ...], dict[str, Look]]:
    """A dozen hosts, one for each thing the fleet screen can say."""
    hosts = (
        make_host("bastion", ("edge",), "tolerable"),
        make_host("db1", ("production", "database"), "unacceptable"),
        make_host("db2", ("production", "database"), "costly"),
        make_host("gitlab", ("production", "forge"), None),
        make_host("mail", ("production",), "costly"),
        make_host("monitor", ("internal",), "tolerable"),
        make_host("ns1", ("edge", "dns"), "costly"),
        make_host("runner1", ("internal", "ci"), "tolerable"),
        make_host("runner2", ("internal", "ci"), "tolerable"),
        make_host("web1", ("production", "web"), "costly"),
        make_host("web2", ("production", "web"), "costly"),
        make_host("wiki", ("internal",), "tolerable"),
    )
    by_name = {host.name: host for host in hosts}

    def facts(name: str, pending: int = 0, security: int = 0, depth: Depth = "full") -> Facts:
        return make_facts(by_name[name], pending, security, depth)

    def look(found: Facts) -> Look:
        return Look(found.host, found.taken_at, found)

    clean = Reboot(False, ())
    broken = facts("runner1", 9, 1)
    packages = broken.packages
    if packages is not None:
        broken = replace(broken, packages=replace(packages, interrupted=True))
    locked = replace(
        facts("web2", 12, 4),
        lock=HostLock(
            "20261123-0258-web2",
            "web2",
            "upgrade",
            "upgrade",
            "grace@desk",
            NOW - timedelta(minutes=2),
            "ab" * 32,
            "b1",
            True,
            None,
            3,
        ),
    )
    looks = {
        "bastion": look(replace(facts("bastion"), reboot=clean)),
        "db1": look(facts("db1", 34, 11)),
        "db2": look(replace(facts("db2", 3), reboot=clean)),
        "gitlab": look(replace(facts("gitlab", 22, 5), failed_units=("backup.service",))),
        "mail": failure_look(
            "mail",
            "unreachable",
            "No connection to mail.servers.example.com port 22: no route to host.",
            "Check the address, the network and the firewall.",
        ),
        "monitor": look(replace(facts("monitor", 61, 2), lists_age_s=9 * 86400)),
        "ns1": failure_look(
            "ns1",
            "host-key-unknown",
            "Nobody has vouched for the key of ns1.",
            "Compare its fingerprint on the host's console, then accept it.",
        ),
        "runner1": look(broken),
        "runner2": look(facts("runner2")),
        "web1": look(facts("web1", 12, 4, "light")),
        "web2": look(locked),
        "wiki": failure_look(
            "wiki",
            "host-key-changed",
            "The key of wiki is not the one in ~/.ssh/known_hosts line 12: "
            "now SHA256:qqqq, before SHA256:pppp.",
            "If the host was reinstalled, remove that line yourself. Else somebody may be between.",
        ),
    }
    looks["gitlab"] = replace(
        looks["gitlab"],
        facts=replace(
            cast("Facts", looks["gitlab"].facts),
            problems=(Problem("needrestart", "needrestart isn't installed", "install it"),),
        ),
    )
    return hosts, looks


def big_fleet(number: int) -> tuple[tuple[Host, ...], dict[str, Look]]:
    """Many hosts, every fifth with nothing pending."""
    hosts = tuple(make_host(f"host{i:05}", (f"group{i % 40}",), "costly") for i in range(number))
    shapes = [make_facts(hosts[0], i * 7 % 60 if i % 5 else 0, i % 5, "light") for i in range(50)]
    looks = {
        host.name: Look(host.name, NOW, replace(shapes[i % 50], host=host.name))
        for i, host in enumerate(hosts)
    }
    return hosts, looks


def fake_session(
    hosts: Sequence[Host],
    *,
    read_only: bool = False,
    demo: bool = False,
    state_dir: Path = Path("/nonexistent"),
) -> Session:
    """A session without a transport, on a clock that stands still."""
    return Session(
        inventory=Inventory(path=Path("inventory.toml"), hosts=tuple(hosts)),
        transport=cast("Transport", None),
        credentials=Credentials(),
        state_dir=state_dir,
        clock=FixedClock(NOW),
        read_only=read_only,
        operator="ada@laptop",
        demo=demo,
    )


def fake_bridge(hosts: Sequence[Host], looks: dict[str, Look]) -> tuple[Bridge, FakeVerbs]:
    """A bridge over verbs in memory."""
    verbs = FakeVerbs(looks)
    return Bridge(fake_session(hosts), verbs), verbs
