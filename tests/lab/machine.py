"""One host of the lab: a booted Debian with sshd and apt, its files in reach from outside."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.container import Container
from tests.lab.disk import Disk
from tests.lab.keys import authorize, make_key
from tests.lab.network import Network
from tests.lab.processes import run, wait_until
from tests.lab.settings import Settings

BOOT_TIMEOUT_S = 90.0
# curve25519 alone: the post-quantum exchange doubles the cost of each connection
SSH_OPTIONS = (
    *("-F", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"),
    *("-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"),
    *("-o", "GlobalKnownHostsFile=/dev/null", "-o", "KexAlgorithms=curve25519-sha256"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What a host may have of its own."""

    layers: Sequence[Path] = ()
    """Trees between the base and the host, the uppermost first; see `Golden`."""
    base: Path | None = None
    """Another base than the lab's."""
    size: str | None = None
    """A real disk of this size, "330M"."""
    machine_id: str | None = None
    """Default: random."""
    unified: bool = True
    """cgroup v2 in the host. v1 is for Docker only: there, systemd stops slowly."""
    binds: Sequence[str] = ()
    """Paths from outside, `OUTSIDE:INSIDE`."""
    nspawn: Sequence[str] = ()
    """More arguments for systemd-nspawn."""


class Machine:
    """A host. Make it, start it, wait for it; destroy it whatever happened."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        number: int,
        *,
        base: Path,
        identities: dict[str, Path],
        options: Options | None = None,
    ) -> None:
        self.settings = settings
        self.name = name
        self.address = f"{settings.network}.{number}"
        self.identities = identities
        self.options = options or Options()
        self.directory = settings.state / "hosts" / name
        self.console = self.directory / "console.log"
        self.known_hosts = self.directory / "known_hosts"
        self.disk = Disk(
            self.directory, [*self.options.layers, self.options.base or base], self.options.size
        )
        self.network = Network(name, self.address, settings.gateway)
        self.container = Container(
            self._nspawn(),
            self.console,
            [cgroup / name for cgroup in settings.cgroups],
            unified=self.options.unified,
        )

    def __repr__(self) -> str:
        return f"<Machine {self.name} {self.address}>"

    @property
    def root(self) -> Path:
        """Its files from outside, also when it is off. Only `live_root` has /run, /tmp, /dev."""
        return self.disk.root

    @property
    def live_root(self) -> Path:
        """Its files as its own processes see them, with every mount. Only while it is on."""
        return Path(f"/proc/{self.leader()}/root")

    @property
    def suite(self) -> str:
        """The Debian suite it runs now: a release upgrade changes it."""
        lines = (self.root / "usr/lib/os-release").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("VERSION_CODENAME"))

    # ---- making and unmaking

    def make(self) -> None:
        """Make its disk and its network; it stays off."""
        self.disk.mount()
        root = self.root
        (root / "etc/hostname").write_text(f"{self.name}\n")
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        identifier = self.options.machine_id or secrets.token_hex(16)
        (root / "etc/machine-id").write_text(f"{identifier}\n")
        make_key(root / "etc/ssh/ssh_host_ed25519_key", f"root@{self.name}")
        self.known_hosts.write_text(self.known_hosts_line())
        authorize(root, self.identities)
        if not (root / "etc/apt/sources.list").exists():
            self.set_sources(self.suite)
        self.network.make()

    def start(self) -> None:
        """Switch it on, without waiting."""
        self.container.start()

    def destroy(self) -> None:
        """Take it away with everything that is its own."""
        self.container.power_cut()
        self.network.remove()
        self.disk.unmount()
        self.container.remove_cgroups()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- power

    def wait_ssh(self, timeout: float = BOOT_TIMEOUT_S) -> None:
        """Wait until its sshd says hello."""
        wait_until(self._has_banner, f"sshd of {self.name}", timeout=timeout)

    def wait_booted(self, timeout: float = BOOT_TIMEOUT_S) -> None:
        """Wait until it has finished booting and lets every user in."""
        wait_until(self.container.leader, f"PID 1 of {self.name}", timeout=timeout)
        self.wait_ssh(timeout)
        bus = self.live_root / "run/systemd/private"
        wait_until(lambda: os.path.lexists(bus), f"systemd of {self.name}", timeout=timeout)
        self.inside("systemctl is-system-running --wait", check=False, timeout=timeout)

    def leader(self) -> int:
        """The process id of its PID 1, as seen from the lab."""
        leader = self.container.leader()
        if leader is None:
            raise RuntimeError(f"{self.name} is off: {self.console_tail()}")
        return leader

    def boot_id(self) -> str:
        """The only sound proof of a reboot here: clock, uptime and kernel are the machine's."""
        return (self.live_root / "proc/sys/kernel/random/boot_id").read_text().strip()

    def reboot(self, timeout: float = BOOT_TIMEOUT_S) -> None:
        """Reboot it from inside and wait until it is back."""
        boots = self.container.boots
        self.inside("systemctl --no-block reboot")
        self.wait_reboot(boots, timeout)

    def wait_reboot(self, boots: int, timeout: float = BOOT_TIMEOUT_S) -> None:
        """Wait until it has booted more often than `container.boots` was before."""
        wait_until(lambda: self.container.boots > boots, f"{self.name} to reboot", timeout=timeout)
        self.wait_booted(timeout)

    def power_cut(self) -> None:
        """Pull the plug. Its address answers with resets; take the link down too for silence."""
        self.container.power_cut()

    def power_off(self) -> None:
        """Shut it down in order."""
        self.container.power_off()

    def freeze(self) -> None:
        """Let it hang: nothing answers, nothing is refused."""
        self.container.freeze()

    def thaw(self) -> None:
        """Let a frozen host go on."""
        self.container.thaw()

    def link(self, *, up: bool) -> None:
        """Plug or pull its network cable."""
        self.network.link(up=up)

    # ---- talking to it

    def ssh_command(self, user: str = "root") -> list[str]:
        """The ssh command line for a user, with the real host key and nothing of the machine's."""
        key = ["-i", str(self.identities[user]), "-o", f"UserKnownHostsFile={self.known_hosts}"]
        return ["ssh", *SSH_OPTIONS, *key, f"{user}@{self.address}"]

    def ssh(
        self,
        command: str,
        user: str = "root",
        *,
        check: bool = True,
        stdin: str | None = None,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on it over SSH."""
        words = [*self.ssh_command(user), command]
        return run(words, check=check, stdin=stdin, timeout=timeout)

    def inside_command(self) -> list[str]:
        """What runs a program on it as root without SSH, as if from its console."""
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root"]
        return ["nsenter", "--target", str(self.leader()), "--all", "--", *clean]

    def inside(
        self,
        command: str,
        *,
        check: bool = True,
        stdin: str | None = None,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on it as root without SSH: cheap, and works with the link down."""
        words = [*self.inside_command(), "sh", "-c", command]
        return run(words, check=check, stdin=stdin, timeout=timeout)

    def known_hosts_line(self) -> str:
        """Its real host key, for a known_hosts file."""
        key = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        return f"{self.address} {key[0]} {key[1]}\n"

    def console_tail(self, length: int = 4000) -> str:
        """The end of what it wrote to its console."""
        if not self.console.exists():
            return ""
        return self.console.read_text(errors="replace")[-length:]

    # ---- apt

    def set_sources(self, *suites: str, lab: str | None = None) -> None:
        """Write its apt sources: suites of Debian, and a suite of the lab's own repository."""
        proxy = self.settings.proxy_url
        lines = [
            f"deb {proxy}/debian{'-security' if suite.endswith('-security') else ''} {suite} main"
            for suite in suites
        ]
        if lab is not None:
            lines.append(f"deb [trusted=yes] {proxy}/lab {lab} main")
        (self.root / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in lines))

    # ----

    def _has_banner(self) -> bool:
        if not self.container.is_on():
            raise RuntimeError(f"{self.name} ended: {self.console_tail()}")
        try:
            with socket.create_connection((self.address, 22), 1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _nspawn(self) -> list[str]:
        return [
            *("systemd-nspawn", "--quiet", f"--directory={self.disk.root}", "--boot"),
            *("--register=no", "--keep-unit", f"--machine={self.name}", f"--hostname={self.name}"),
            *(f"--network-namespace-path={self.network.path}", "--capability=CAP_NET_ADMIN"),
            *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe"),
            "--kill-signal=SIGRTMIN+3",
            *(f"--bind={bind}" for bind in self.options.binds),
            *self.options.nspawn,
        ]
