"""A host's network: a namespace we made, so that faults come from outside and survive reboots."""

import socket
from pathlib import Path

from tests.lab.processes import run

DEVICE = "host0"
"""What the host calls its only network card."""


class Network:
    """A host's link to the lab's bridge. While it is down the host is silent, not refusing."""

    def __init__(self, name: str, address: str, gateway: str) -> None:
        self.name = name
        self.address = address
        self.gateway = gateway
        self.path = Path("/run/netns") / name
        self._ours = f"ve{address.rpartition('.')[2]}"

    def make(self) -> None:
        """Make the namespace, the cable and the address."""
        run(["ip", "netns", "add", self.name])
        run(
            [
                *("ip", "link", "add", self._ours, "type", "veth"),
                *("peer", "name", DEVICE, "netns", self.name),
            ]
        )
        run(["ip", "link", "set", self._ours, "master", "br0", "up"])
        inside = f"link set lo up\naddr add {self.address}/24 dev {DEVICE}\nlink set {DEVICE} up\n"
        run(["ip", "-n", self.name, "-batch", "-"], stdin=inside)
        run(["ip", "-n", self.name, "route", "add", "default", "via", self.gateway])

    def remove(self) -> None:
        """Take everything away."""
        run(["ip", "netns", "delete", self.name], check=False)
        # rules that name a device wait for the next of that name (Linux 6.16)
        run(["nft", "-f", "-"], stdin=_gone("netdev", self._ours), check=False)
        # the namespace may live on in a dying process; the address must be free now
        run(["ip", "link", "delete", self._ours], check=False)

    def link(self, *, up: bool) -> None:
        """Plug or pull the cable."""
        run(["ip", "link", "set", self._ours, "up" if up else "down"])

    def lose(self, percent: int) -> None:
        """Drop so many of the packets, each way."""
        self._rules(_losing("lab", DEVICE, percent))
        run(
            ["nft", "-f", "-"],
            stdin=_gone("netdev", self._ours) + _losing(self._ours, self._ours, percent),
        )

    def swallow(self, port: int) -> None:
        """Make a TCP port a black hole."""
        self._rules(self._on_arrival(f"tcp dport {port} drop"))

    def reset(self, port: int) -> None:
        """Answer a TCP port with resets."""
        self._rules(self._on_arrival(f"tcp dport {port} reject with tcp reset"))

    def only_from(self, address: str) -> None:
        """Drop what comes from anybody else, as behind a firewall."""
        self._rules(self._on_arrival(f"iifname {DEVICE} ip saddr != {address} drop"))

    def is_connected(self, port: int) -> bool:
        """Whether the lab has a connection to a TCP port of the host (proc(5), /proc/net/tcp)."""
        peer = f"{int.from_bytes(socket.inet_aton(self.address), 'little'):08X}:{port:04X}"
        lines = Path("/proc/net/tcp").read_text().splitlines()
        return any(line.split()[2:4] == [peer, "01"] for line in lines)

    def slow(self, rate: str) -> None:
        """Limit what the host sends, as `4mbit`."""
        run(
            [
                *("tc", "-n", self.name, "qdisc", "replace", "dev", DEVICE, "root", "tbf"),
                *("rate", rate, "burst", "16k", "latency", "50ms"),
            ]
        )

    def heal(self) -> None:
        """End every fault."""
        self._rules("")
        run(["nft", "-f", "-"], stdin=_gone("netdev", self._ours))
        run(["tc", "-n", self.name, "qdisc", "delete", "dev", DEVICE, "root"], check=False)
        self.link(up=True)

    def _on_arrival(self, rule: str) -> str:
        return (
            "table inet lab { chain arriving { type filter hook input priority 0; "
            + rule
            + "; }; }"
        )

    def _rules(self, ruleset: str) -> None:
        """Replace our own tables; what the host itself filters is the host's."""
        for family in ("netdev", "inet"):
            self._nft(_gone(family, "lab"))
        if ruleset:
            self._nft(ruleset)

    def _nft(self, text: str) -> None:
        run(["nsenter", f"--net={self.path}", "nft", "-f", "-"], stdin=text)


def _losing(table: str, device: str, percent: int) -> str:
    return (
        f"table netdev {table} {{ chain arriving {{ type filter hook ingress device {device} "
        f"priority 0; numgen random mod 100 < {percent} counter drop; }}; }}\n"
    )


def _gone(family: str, table: str) -> str:
    return f"add table {family} {table}\ndelete table {family} {table}\n"
