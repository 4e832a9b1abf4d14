"""Probe output made by hand, and a transport that answers with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.clock import FixedClock
from engine.errors import HostshiftError
from engine.inventory import Inventory
from engine.model.host import Host
from engine.session import Session
from engine.shell import Script
from engine.transport.credentials import Credentials
from engine.transport.protocol import AsRoot, Completed
from tests.unit.transport.doubles import NoTunnels

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "programs" / "data"
HOST = f"root=\nuid=0\nnow={int(NOW.timestamp())}\nboot_id=b1\nuptime=12.5 3\nsystemd=yes\n"
HOST += "ostree=no\nhas=apt-get\nhas=dpkg-query\n"
RELEASE = f"any=a_InRelease\nrelease {int(NOW.timestamp()) - 3600} /lists/a_InRelease\n"
TARGETS = "target=here|a|stable|main|amd64|http://deb.example.com/a\nseen=all\n"


def data(name: str) -> str:
    return (DATA / f"{name}.txt").read_text("utf-8")


APT: dict[str, str] = {
    "host": HOST,
    "os-release": data("os_release/ubuntu-24.04"),
    "virtualization": "detected=kvm\n",
    "filesystems": "/ 100 4096 50 100\n",
    "kernel": data("kernel/made-ubuntu-flag"),
    "units": "",
    "updaters": data("units_show/lab-masked-and-missing-bookworm"),
    "containers": "conmons=0\ndocker=no\n",
    "kubernetes": "seen=all\n",
    "lock": "",
    "periodic": "",
    "dpkg": "hi \tlab-conf\tall\t1\nend 0\n",
    "dpkg-kernels": "",
    "dpkg-journal": "seen=all\n",
    "dpkg-lock": "seen=all\n",
    "lists": RELEASE,
    "targets": TARGETS,
    "fingerprint": "1 2 3 /var/lib/dpkg/status\n",
    "upgradable": data("apt_list/lab-five-of-a-local-repository-bookworm"),
}
FULL: dict[str, str] = {
    **APT,
    "upgrade": data("apt_simulation/lab-upgrade-held-and-kept-bookworm"),
    "dist-upgrade": data("apt_simulation/lab-dist-upgrade-with-removal-bookworm"),
    "upgrade-size": data("apt_size/lab-security-bookworm"),
    "dist-upgrade-size": data("apt_size/lab-security-bookworm"),
    "sources": "lab-lib\tall\tlab-source\n",
    "conffiles": "changed=lab-lib|/etc/lab/lib.ini\nunreadable=sudo|/etc/sudoers\nseen=all\n",
    "running-services": "lab.service loaded active running Lab\n",
    "unit-files": "./lab-lib.list:/lib/systemd/system/lab.service\n",
}


def framed(
    sections: Mapping[str, str | bytes],
    nonce: str,
    *,
    statuses: Mapping[str, int] | None = None,
    errors: Mapping[str, str] | None = None,
    limit: int = 100_000,
    done: bool = True,
) -> bytes:
    """Sections as engine/host/probe.sh frames them."""
    parts = [f"{nonce} probe 1 full\n".encode()]
    for name, body in sections.items():
        raw = body.encode() if isinstance(body, str) else body
        status = (statuses or {}).get(name, 0)
        error = (errors or {}).get(name, "")
        parts.append(f"\n{nonce} begin {name}\n".encode() + raw)
        parts.append(f"\n{nonce} tail {name}\n\n{nonce} status {status}\n{error}".encode())
        parts.append(f"\n{nonce} end {name} {limit}\n".encode())
    if done:
        parts.append(f"\n{nonce} done\n".encode())
    return b"".join(parts)


Answer = Callable[[Host, str, str], bytes | HostshiftError]
"""Host, nonce, depth -> standard output, or the error that the transport raises."""


@dataclass
class FakeTransport(NoTunnels):
    """Answers as told; counts what runs at the same time."""

    answer: Answer
    hangs: frozenset[str] = frozenset()
    calls: list[tuple[str, str]] = field(default_factory=list)
    running: int = 0
    most: int = 0
    cancelled: list[str] = field(default_factory=list)

    async def run(
        self,
        host: Host,
        script: Script,
        *,
        as_root: AsRoot = "no",
        deadline_s: float,
        limit_bytes: int = 0,
        sink: Callable[[bytes], None] | None = None,
    ) -> Completed:
        nonce, depth, *_ = script.args  # health.sh has more
        self.calls.append((host.name, depth))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            if host.name in self.hangs:
                await asyncio.Event().wait()
            answer = self.answer(host, nonce, depth)
        except asyncio.CancelledError:
            self.cancelled.append(host.name)
            raise
        finally:
            self.running -= 1
        if isinstance(answer, HostshiftError):
            raise answer
        return Completed(0, answer, b"", as_root=True)

    async def forget(self, host_name: str) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""


def session(transport: FakeTransport, state_dir: Path, *, read_only: bool = False) -> Session:
    return Session(
        inventory=Inventory(path=state_dir / "inventory.toml", hosts=()),
        transport=transport,
        credentials=Credentials(),
        state_dir=state_dir,
        clock=FixedClock(NOW),
        read_only=read_only,
    )


def apt_answer(host: Host, nonce: str, depth: str) -> bytes:
    return framed(FULL if depth == "full" else APT, nonce)
