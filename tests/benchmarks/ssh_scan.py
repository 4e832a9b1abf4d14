"""What one connection costs: hostshift against the ssh program and against bare asyncssh.

All three run `true` on the same N addresses of one sshd on loopback, each host by a connection of
its own and 64 at once, in turn and several times, so that a busy machine is busy for all of them.
What is compared is the CPU time of the client with all its children, divided by N; the best of the
rounds counts. Then the same with long known_hosts files, and once more over living connections.

    python tests/benchmarks/ssh_scan.py [--hosts 200] [--rounds 3]

It needs sshd (Debian: openssh-server), binds 127.77.x.y only, and takes about a minute.
"""

# ruff: noqa: T201  a benchmark prints its figures

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SSHD = "/usr/sbin/sshd"
AT_ONCE = 64
LIMIT_S = 300
"""Seconds after which one client is ended: a benchmark must end."""
SCANS = ("hostshift", "bare asyncssh", "ssh, xargs")


@dataclass(frozen=True)
class Place:
    """The server, and the files of the clients."""

    folder: Path
    port: int
    hosts: int

    @property
    def identity(self) -> Path:
        return self.folder / "identity"

    @property
    def addresses(self) -> list[str]:
        return [f"127.77.{n // 250}.{1 + n % 250}" for n in range(self.hosts)]

    def key(self) -> str:
        """The server's key as in known_hosts."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def names(self) -> list[str]:
        return [f"[{address}]:{self.port}" for address in self.addresses]

    def known_hosts(self, name: str, lines: int, *, hashed: bool) -> Path:
        """A file with this many lines, those of our hosts spread among others."""
        path = self.folder / name
        names = [f"other{n}.example.com" for n in range(lines - self.hosts)] + self.names()
        shown = [_hashed(one) if hashed else one for one in names]
        path.write_text("".join(f"{one} {self.key()}\n" for one in shown))
        return path


def _hashed(name: str) -> str:
    salt = hashlib.sha1(name.encode()).digest()
    digest = hmac.digest(salt, name.encode(), "sha1")
    return "|1|{}|{}".format(*(base64.b64encode(part).decode() for part in (salt, digest)))


def serve(folder: Path) -> subprocess.Popen[bytes]:
    """Start the one sshd; its port is in the file `port`."""
    for name in ("host_key", "identity"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    (folder / "port").write_text(str(port))
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 0.0.0.0\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/identity.pub\nStrictModes no\nUseDNS no\n"
        "PasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 1000:30:2000\nLogLevel QUIET\n"
        # bash then leaves out the user's .bashrc: what is in there is not to be measured
        "KexAlgorithms curve25519-sha256\nSetEnv SHLVL=2\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen([SSHD, "-D", "-f", str(folder / "sshd_config")])
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until or server.poll() is not None:
                raise
            time.sleep(0.02)
        else:
            return server


# --- the clients; each is a process of its own: python ssh_scan.py --client NAME FOLDER HOSTS FILE


async def client_hostshift(place: Place, known: Path, scans: int) -> list[float]:
    """The CPU seconds of each scan; connections are closed in between when there are several."""
    from engine.model.host import Deadlines, Host
    from engine.shell import Script
    from engine.transport.client_config import ClientConfig
    from engine.transport.credentials import Credentials
    from engine.transport.ssh import SshTransport

    @dataclass(frozen=True)
    class Fleet:
        hosts: tuple[Host, ...]

    hosts = tuple(
        Host(
            address,
            address,
            port=place.port,
            identity=place.identity,
            known_hosts=known,
            deadlines=Deadlines(connect_s=120),
        )
        for address in place.addresses
    )
    transport = SshTransport(
        Fleet(hosts), Credentials(), config=ClientConfig(place.folder / "no-config", None)
    )
    script = Script("true", "true")
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(host: Host) -> None:
        async with gate:
            done = await transport.run(host, script, deadline_s=120)
        if done.exit_status != 0:
            raise SystemExit(f"{host.name}: {done}")

    spent = []
    for scan in range(scans):
        before = time.process_time()
        await asyncio.gather(*(one(host) for host in hosts))
        spent.append(time.process_time() - before)
        if scans > 1 and scan == 0:
            before = time.process_time()
            await asyncio.gather(*(one(host) for host in hosts))
            spent.append(time.process_time() - before)  # the second figure: over living connections
        await transport.close()
    return spent


async def client_asyncssh(place: Place) -> None:
    """As little as can be asked of asyncssh while host keys are checked."""
    import asyncssh

    key = asyncssh.read_private_key(str(place.identity))
    known = asyncssh.import_known_hosts(
        "".join(f"{name} {place.key()}\n" for name in place.names())
    )
    gate = asyncio.Semaphore(AT_ONCE)
    options = asyncssh.SSHClientConnectionOptions(
        client_keys=[key],
        known_hosts=known,
        agent_path=None,
        config=None,
        kex_algs=["curve25519-sha256"],
        encryption_algs=["aes128-gcm@openssh.com"],
        compression_algs=["none"],
        server_host_key_algs=["ssh-ed25519"],
        gss_host=None,
        x509_trusted_certs=None,
        preferred_auth="publickey",
        encoding=None,
    )

    async def one(address: str) -> None:
        async with (
            gate,
            asyncssh.connect(address, place.port, options=options, config=None) as connection,
        ):
            done = await connection.run("true")
        if done.exit_status != 0:
            raise SystemExit(address)

    await asyncio.gather(*(one(address) for address in place.addresses))


def ssh_words(place: Place, known: Path) -> list[str]:
    """The ssh program by xargs, with the key exchange that is cheap for it."""
    options = {
        "UserKnownHostsFile": str(known),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentityFile": str(place.identity),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "BatchMode": "yes",
        "KexAlgorithms": "curve25519-sha256",
        "Port": str(place.port),
    }
    words = ["xargs", "-P", str(AT_ONCE), "-I", "ADDRESS", "ssh", "-F", "none"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return [*words, "ADDRESS", "true"]


# --- measuring


def cpu_of(words: list[str], stdin: str = "") -> tuple[float, float, str]:
    """CPU seconds of a command with all its children, its wall seconds, and what it printed.

    Raises:
        SystemExit: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(stdin, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise SystemExit(f"{words[0]} did not end within {LIMIT_S} s") from None
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(words[:3])} ended with status {process.returncode}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall, printed


def own(name: str, place: Place, known: Path, scans: int = 1) -> list[str]:
    """The command line of one of our own clients."""
    return [
        *(sys.executable, __file__, "--client", name, str(place.folder), str(place.hosts)),
        *(str(known), str(scans)),
    ]


def measure(place: Place, rounds: int) -> None:
    """Run everything and print the tables."""
    plain = place.known_hosts("known_1k", max(1_000, place.hosts), hashed=False)
    commands = {
        "hostshift": own("hostshift", place, plain),
        "bare asyncssh": own("asyncssh", place, plain),
        "ssh, xargs": ssh_words(place, plain),
    }
    best: dict[str, float] = {}
    walls: dict[str, float] = {}
    stdin = "".join(f"{address}\n" for address in place.addresses)
    for _ in range(rounds):
        for name, words in commands.items():
            cpu, wall, _ = cpu_of(words, stdin if words[0] == "xargs" else "")
            best[name] = min(best.get(name, cpu), cpu)
            walls[name] = min(walls.get(name, wall), wall)
    print(f"{place.hosts} hosts, a new connection each, {AT_ONCE} at once; best of {rounds} rounds")
    print(f"{'client':<16}{'CPU ms/host':>12}{'wall s':>9}{'to ssh':>9}{'to bare':>9}")
    for name in SCANS:
        print(
            f"{name:<16}{1000 * best[name] / place.hosts:>12.2f}{walls[name]:>9.2f}"
            f"{best[name] / best['ssh, xargs']:>9.2f}{best[name] / best['bare asyncssh']:>9.2f}"
        )
    known_hosts_table(place, rounds)


def known_hosts_table(whole: Place, rounds: int) -> None:
    """hostshift's scans with long files; start and imports are left out, they are the same."""
    place = Place(whole.folder, whole.port, min(whole.hosts, 60))
    files = {
        "1,000 lines": place.known_hosts("known_few", 1_000, hashed=False),
        "10,000 lines": place.known_hosts("known_10k", 10_000, hashed=False),
        "10,000 hashed": place.known_hosts("known_10k_hashed", 10_000, hashed=True),
    }
    best: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, file in files.items():
            _, _, printed = cpu_of(own("hostshift", place, file, 2))
            spent = [float(word) for word in printed.split()]
            held = best.setdefault(name, spent)
            best[name] = [min(pair) for pair in zip(held, spent, strict=True)]
    print("\nhostshift with long known_hosts files, CPU ms/host without start and imports")
    print(f"{'known_hosts':<16}{'first scan':>12}{'second scan':>13}{'to 1,000':>10}{'living':>8}")
    for name, (first, living, second) in best.items():
        per = 1000 / place.hosts
        ratio = second / best["1,000 lines"][2]
        print(
            f"{name:<16}{first * per:>12.2f}{second * per:>13.2f}{ratio:>10.2f}{living * per:>8.2f}"
        )
    print("(the second scan makes new connections; `living` is a script over one that is there)")


def client(words: Iterable[str]) -> None:
    """Be one of the clients."""
    name, folder, hosts, known, scans = words
    place = Place(Path(folder), int((Path(folder) / "port").read_text()), int(hosts))
    if name == "asyncssh":
        asyncio.run(client_asyncssh(place))
        return
    spent = asyncio.run(client_hostshift(place, Path(known), int(scans)))
    print(" ".join(str(seconds) for seconds in spent))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--client", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client:
        client(arguments.client)
        return
    missing = [
        program for program in (SSHD, "ssh", "ssh-keygen", "xargs") if not shutil.which(program)
    ]
    if missing:
        print(f"skipped: {', '.join(missing)} is missing (Debian: openssh-server, openssh-client)")
        return
    with tempfile.TemporaryDirectory(prefix="ssh-scan-") as name:
        folder = Path(name)
        server = serve(folder)
        try:
            measure(
                Place(folder, int((folder / "port").read_text()), arguments.hosts), arguments.rounds
            )
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
