"""Facts: what one read-only look at a host found, as an immutable value.

Throughout, ``None`` means "not looked at, or not to be known"; an empty tuple means "looked, and
there is none".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Depth = Literal["light", "full"]
Action = Literal["upgrade", "install", "remove", "downgrade"]
ConffileState = Literal["changed", "missing", "unreadable"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A section of the probe that could not be read; the others stand.

    ``kind`` is the kind of the failure behind it, where a person can do something about that one
    (``sudo-password``).
    """

    section: str
    message: str
    hint: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """os-release(5), with the end of support where it is known."""

    id: str | None = None
    version_id: str | None = None
    codename: str | None = None
    pretty_name: str | None = None
    id_like: tuple[str, ...] = ()
    variant_id: str | None = None
    support_ends: date | None = None


@dataclass(frozen=True, slots=True)
class Kernel:
    """The running kernel's release and the one that the next boot is expected to run."""

    running: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class GrubMenu:
    """What GRUB boots by itself.

    Attributes:
        releases: Kernels that have an entry of their own, in the menu's order.
        saved: It goes by what is saved in its environment, and boots don't change that
            (``GRUB_DEFAULT=saved``).
        newest: Nobody has chosen another than the first entry, the newest kernel.
        writes: It can take back by itself what it is to boot once.
    """

    releases: tuple[str, ...]
    saved: bool
    newest: bool
    writes: bool


@dataclass(frozen=True, slots=True)
class Reboot:
    """Whether a reboot is due, and why; None where nothing on the host can tell."""

    required: bool | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filesystem:
    """One mounted file system with what is free for root."""

    mount: str
    free_bytes: int | None = None
    free_inodes: int | None = None


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The process that holds dpkg's lock.

    Attributes:
        running_s: For how many seconds it has run.
    """

    pid: int | None
    command: str | None
    running_s: int | None = None


@dataclass(frozen=True, slots=True)
class AutoUpdate:
    """A program that updates the host by itself, such as unattended-upgrades or Zincati."""

    name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Container:
    """A running container."""

    name: str
    image: str | None = None
    restart_policy: str | None = None


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """A package that is neither properly installed nor properly removed.

    ``state`` is dpkg's three-letter abbreviation, such as ``iF`` or ``iU`` (dpkg-query(1)).
    """

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Change:
    """One package of a transaction.

    ``name`` is exactly as apt prints it in ``Inst`` and ``Remv``, with ``:arch`` where it prints
    that: the guard on the host compares these very words (`engine.programs.apt_transaction`).
    """

    name: str
    action: Action
    from_version: str | None
    to_version: str | None
    origin: str | None
    """Origins as apt names them, such as ``Debian-Security:12/oldstable-security``."""
    security: bool = False
    architecture: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one change of a transaction needs of the others, by their names.

    Attributes:
        name: The change's.
        needs: Without these changes its new version can't be installed; names of new packages
            that it recommends are here too, because apt installs them with it.
        download_bytes: Of its archive.
        automatic: It is marked as installed automatically (apt-mark(8)).
    """

    name: str
    needs: tuple[str, ...] = ()
    download_bytes: int | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """An installed binary with a newer version that a transaction leaves, of a source it takes."""

    name: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one candidate's simulation on the host would change.

    ``candidate`` is a candidate's kind. ``changes`` is sorted by name and architecture.
    ``error`` is the simulation's own words when it could not be made; changes is then empty.
    ``parts`` has one for each change; None where what they need of each other isn't known.
    ``left`` are binaries of its sources that stay as they are.
    """

    candidate: str
    changes: tuple[Change, ...]
    download_bytes: int | None = None
    disk_bytes: int | None = None
    error: str | None = None
    parts: tuple[Part, ...] | None = None
    left: tuple[Left, ...] = ()

    @property
    def unfit(self) -> bool:
        """It could not be made because installed packages don't fit together (apt-get(8), -f)."""
        words = " ".join((self.error or "").split())
        return any(mark in words for mark in ("nmet dependencies", "fix-broken", "-f install"))


@dataclass(frozen=True, slots=True)
class Cve:
    """A hole that a pending update closes.

    Attributes:
        id: Such as ``CVE-2024-6387``.
        vector: The CVSS vector; only versions 3.0 and 3.1 are read, others count as not known.
        exploited: It is in CISA's list (KEV); None: nobody has looked it up.
        predicted: It is expected to be exploited soon (EPSS), which counts the same.
    """

    id: str
    vector: str | None = None
    exploited: bool | None = None
    predicted: bool = False


@dataclass(frozen=True, slots=True)
class EndedSupport:
    """An installed source package whose security support ends before its release's."""

    source: str
    ends: date


@dataclass(frozen=True, slots=True)
class Update:
    """What is known of a pending update of one source package beyond its versions.

    Attributes:
        cves: How many CVEs it fixes.
        published: When the vendor published it.
        cve_ids: Those that its changelog names, also where that isn't known whole.
        oldest: When the first version above the installed one was published.
    """

    source: str
    cves: int | None = None
    published: date | None = None
    cve_ids: tuple[str, ...] = ()
    oldest: date | None = None


@dataclass(frozen=True, slots=True)
class Conffile:
    """A configuration file of a package that isn't as dpkg recorded it.

    Obsolete ones are left out.

    Attributes:
        state: What is ``unreadable`` may be as recorded or not.
        same_in: Versions of the package, fetched already, that change nothing about it: their
            file is the recorded one, or as it is on the host.
    """

    path: str
    package: str
    state: ConffileState
    same_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageService:
    """A service that runs, and a package that owns its unit file, init script or template.

    Attributes:
        stays: The package's scripts let it run on when the package changes.
    """

    name: str
    package: str
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Packages:
    """The package side of a host.

    Attributes:
        upgradable: Installed packages with a newer version in the lists, whether or not an
            upgrade would take it.
        security: How many of those come from a security origin.
        held: Names with dpkg's hold mark.
        kept_back: What `upgrade` leaves although it is neither held nor phased (full depth).
        phased: What waits for its phase (full depth).
        esm: What exists only with a subscription.
        broken: What dpkg has half done; normal while packages are at work (Facts says whether).
        interrupted: dpkg's journal is dirty: `dpkg --configure -a` is due, unless dpkg runs now.
        third_party: Names in a transaction from an origin that is not the distribution.
        transactions: One for each simulated candidate; None when nothing was simulated (light).
        updates: What is known of the pending updates beyond their versions.
        conffiles: Configuration files of any package that aren't as dpkg recorded them, also of
            removed ones that left theirs (full depth).
        services: Running services of packages (full depth, with systemd).
        repair_removes: What would be removed to finish what is half done; None: not known, or
            nothing is (full depth).
        archive_bytes: What apt has fetched and kept in its cache (full depth).
        boot_bytes: What the running kernel and its initramfs take in /boot (full depth).
        cves: What is published of the holes that `updates` name, looked up when they were.
        kev_date: The day of the list of exploited holes in which they were.
        sources: Source packages that are installed (full depth); only kept until it was looked up
            which of them are in ``ended``, since there are hundreds on each host.
        ended: Those whose support ends early, as it was published.
    """

    upgradable: int | None = None
    security: int | None = None
    held: tuple[str, ...] | None = None
    kept_back: tuple[str, ...] | None = None
    phased: tuple[str, ...] | None = None
    esm: tuple[str, ...] | None = None
    broken: tuple[BrokenPackage, ...] | None = None
    interrupted: bool | None = None
    transactions: tuple[Transaction, ...] | None = None
    updates: tuple[Update, ...] = ()
    conffiles: tuple[Conffile, ...] | None = None
    services: tuple[PackageService, ...] | None = None
    repair_removes: tuple[str, ...] | None = None
    archive_bytes: int | None = None
    boot_bytes: int | None = None
    cves: tuple[Cve, ...] = ()
    kev_date: date | None = None
    sources: tuple[str, ...] = ()
    ended: tuple[EndedSupport, ...] = ()

    @property
    def repair(self) -> str:
        """The chore that finishes what is half done: where it means removals, one that asks."""
        return "repair:removing" if self.repair_removes else "repair"

    @property
    def needs_repair(self) -> bool:
        """dpkg has something half done, or installed packages don't fit together."""
        return bool(
            self.interrupted or self.broken or any(t.unfit for t in self.transactions or ())
        )

    def transaction(self, candidate: str) -> Transaction | None:
        """The simulation of one candidate's kind, if it was made."""
        return next((t for t in self.transactions or () if t.candidate == candidate), None)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One bootable operating system tree of an image-based host, in boot order."""

    index: int
    version: str | None
    checksum: str | None
    image: str | None
    origin: str | None
    booted: bool
    staged: bool
    rollback: bool
    pinned: bool
    unlocked: str | None
    layered: tuple[str, ...]
    timestamp: datetime | None
    locked: bool = False
    """Finalization is locked: a reboot does not apply this staged deployment."""
    end_of_life: str | None = None


@dataclass(frozen=True, slots=True)
class HostLock:
    """The lock that a hostshift holds on the host, from ``/var/lib/hostshift/lock``.

    Attributes:
        run: The run's id.
        job_alive: Whether the job's unit or process is there now.
        job_exit: The job's exit status once it has ended and root could read it.
        heartbeat_age_s: Seconds since the controller was last heard of, on the host's clock.
        boot_id: The boot in which the job was started.
        claim: The run waits at a gate; others may act, but only by naming it.
    """

    run: str
    host: str | None
    candidate: str | None
    step: str | None
    operator: str | None
    since: datetime | None
    digest: str | None
    boot_id: str | None
    job_alive: bool | None
    job_exit: int | None
    heartbeat_age_s: int | None
    claim: bool = False


@dataclass(frozen=True, slots=True)
class BuiltSuccessor:
    """The successor that was being built for this host, as the last run that did has noted it.

    Attributes:
        serves: It has the right to write, and so it is no spare thing any more.
    """

    name: str
    address: str
    serves: bool = False


@dataclass(frozen=True, slots=True)
class TakenSnapshot:
    """A snapshot of the host that a run had taken; whether it is still there isn't known.

    Attributes:
        run: The run, which gives it its name.
        taken_at: By the host's clock.
    """

    run: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedConfig:
    """A configuration that its program refuses, so that its next start fails.

    Attributes:
        program: ``sshd`` or ``visudo``, which tests sudo's.
        said: Its own words, with the file's line where it names one.
    """

    program: str
    said: str


@dataclass(frozen=True, slots=True)
class ReleaseUpgrader:
    """Ubuntu's do-release-upgrade on a host.

    Attributes:
        prompt: ``lts``, ``normal`` or ``never``; None: its configuration says nothing of these.
        asked: The host has a file of Ubuntu that lists the releases; None of what follows else.
        codename: Of the release that is offered, with its `version` as Ubuntu writes it.
        broken: Why Ubuntu itself says that this way is not to be taken now.
    """

    prompt: str | None = None
    asked: bool = False
    codename: str | None = None
    version: str | None = None
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at one host.

    Attributes:
        taken_at: Controller's wall clock, UTC.
        depth: ``light`` looks cheaply and simulates nothing; ``full`` simulates.
        privileged: Whether the probe ran as root; facts that need root are None without it.
        fingerprint: A digest of what decides a simulation (dpkg status, lists, configuration,
            machine-id); while it stands, a former full result stands too.
        family: The way of updating, a folder's name below ``engine/families`` with dashes.
        lists_age_s: Seconds since the package lists were last refreshed.
        deployments: Boot order, index 0 boots next; None where the family has none.
        live_restore: Docker's containers run on while its daemon is restarted; None: no answer.
        docker_bound: systemd stops docker.service with containerd.service.
        lock: A hostshift's lock on this host, or None where there is none.
        successor: A successor that was built for this host; whether it is still there isn't known.
        grub: Its menu, where GRUB boots the host and root could read it (full depth).
        grub_devices_gone: Where grub-pc is to install its boot loader, and what isn't there.
        snapshots: Taken of this host by runs that were to change packages, the oldest first.
        taken_in_dns: DNS names, the nearest first, that a successor can't have since they lead
            somewhere (full depth); None: nobody was asked, or nobody could tell.
        systemd: Whether systemd is PID 1.
        busy: Another package operation runs, in the program's own words.
        read_only: Mount points that updates write to and that can only be read.
        clock_off_s: Seconds that the host's clock is before (or behind, negative) the controller's.
        refused_configs: What sshd and sudo would not start with (full depth, root).
        release_upgrader: Ubuntu's, where it is there (full depth).
    """

    host: str
    taken_at: datetime
    depth: Depth
    privileged: bool
    family: str
    problems: tuple[Problem, ...] = ()
    fingerprint: str | None = None
    boot_id: str | None = None
    uptime_s: int | None = None
    os: OperatingSystem = OperatingSystem()
    virtualization: str | None = None
    kubernetes_node: bool | None = None
    kernel: Kernel = Kernel()
    reboot: Reboot = Reboot()
    failed_units: tuple[str, ...] | None = None
    backup_age_s: int | None = None
    filesystems: tuple[Filesystem, ...] | None = None
    dpkg_lock: LockHolder | None = None
    lists_age_s: int | None = None
    packages: Packages | None = None
    deployments: tuple[Deployment, ...] | None = None
    auto_updates: tuple[AutoUpdate, ...] | None = None
    services_to_restart: tuple[str, ...] | None = None
    containers: tuple[Container, ...] | None = None
    live_restore: bool | None = None
    docker_bound: bool = False
    systemd: bool | None = None
    busy: str | None = None
    lock: HostLock | None = None
    successor: BuiltSuccessor | None = None
    grub: GrubMenu | None = None
    grub_devices_gone: tuple[str, ...] = ()
    snapshots: tuple[TakenSnapshot, ...] = ()
    taken_in_dns: tuple[str, ...] | None = None
    read_only: tuple[str, ...] | None = None
    clock_off_s: int | None = None
    refused_configs: tuple[RefusedConfig, ...] | None = None
    release_upgrader: ReleaseUpgrader | None = None

    @property
    def packages_at_work(self) -> bool:
        """Whether dpkg's lock is held or a hostshift's job runs: half-done packages are normal."""
        return self.dpkg_lock is not None or (self.lock is not None and bool(self.lock.job_alive))


@dataclass(frozen=True, slots=True)
class HostKeyOffer:
    """A host key that nobody has vouched for yet.

    Attributes:
        fingerprint: ``SHA256:...`` as ssh-keygen(1) prints it.
        line: The exact line that known_hosts would need (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
        file: The known_hosts file that it would be added to.
    """

    host: str
    address: str
    port: int
    algorithm: str
    fingerprint: str
    line: str
    file: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a host could not be looked at, or root not be had; the words of an error, as a value.

    ``host_key`` is set with kind ``host-key-unknown`` only.
    """

    kind: str
    message: str
    hint: str
    host_key: HostKeyOffer | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The outcome of looking at one host: facts, or the reason why there are none.

    ``depth`` is what was asked for; the facts say what was had.
    """

    host: str
    taken_at: datetime
    facts: Facts | None = None
    error: Failure | None = None
    depth: Depth = "full"
