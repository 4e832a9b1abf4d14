"""What a running lab was told by enter.sh, the only place that knows the defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

OUTSIDE = (
    "lab tests need root and systemd-nspawn; "
    "run them with `make test` as root or `tests/lab/enter.sh .venv/bin/pytest tests/lab`"
)


def is_inside(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process runs inside a lab."""
    return "LAB_CGROUPS" in environment and os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the lab around this process."""

    state: Path
    """Vanishes with the lab: hosts, keys, indexes."""
    cache: Path
    """Stays: bases, the package repository, downloaded packages."""
    suite: str
    network: str
    """The first three bytes of the lab's network; `.1` is the lab itself."""
    proxy_port: int
    cgroups: tuple[Path, ...]
    """The lab's directory in each cgroup hierarchy."""
    outer_network: Path
    """A handle of the network namespace outside, for the apt proxy."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read them.

        Raises:
            RuntimeError: outside a lab.
        """
        if not is_inside(environment):
            raise RuntimeError(OUTSIDE)
        return cls(
            state=Path(environment["LAB_STATE"]),
            cache=Path(environment["LAB_CACHE"]),
            suite=environment["LAB_SUITE"],
            network=environment["LAB_NETWORK"],
            proxy_port=int(environment["LAB_PROXY_PORT"]),
            cgroups=tuple(Path(part) for part in environment["LAB_CGROUPS"].split(":")),
            outer_network=Path(environment["LAB_OUTER_NETWORK"]),
        )

    @property
    def gateway(self) -> str:
        """The lab's own address on the bridge."""
        return f"{self.network}.1"

    @property
    def proxy_url(self) -> str:
        """Where hosts find their apt mirror."""
        return f"http://{self.gateway}:{self.proxy_port}"
