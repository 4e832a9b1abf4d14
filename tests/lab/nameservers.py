"""Real name servers on loopback addresses of the lab: BIND as primary and secondary, unbound as
resolver. Each is a copy of the installed program, which AppArmor's profiles of paths don't bind."""

import base64
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query

from tests.lab.processes import run, stop, wait_until

ZONE = "lab.test"
REVERSE = "53.127.in-addr.arpa"
PRIMARY, SECONDARY, RESOLVER = "127.53.0.1", "127.53.0.2", "127.53.0.3"
POLICY = "update-policy { grant hostshift. zonesub A AAAA CNAME TXT; };"
RECORDS = """\
www IN A 127.53.1.1
both IN A 127.53.1.1
both IN AAAA fd00::1
db IN CNAME server1
*.wild IN A 127.53.1.1
server1 IN A 127.53.1.1
server2 IN A 127.53.1.2
"""
POINTERS = f"1.1 IN PTR server1.{ZONE}.\n"


def secret() -> str:
    """A key's secret."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass
class NameServers:
    """The three, each up unless a test stops it."""

    directory: Path
    keys: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def stop(self, address: str) -> None:
        """End a server."""
        stop(self.processes.pop(address))

    def freeze(self, address: str) -> None:
        """Let a server take packets and answer none."""
        self.processes[address].send_signal(signal.SIGSTOP)

    def thaw(self, address: str) -> None:
        """Let it go on."""
        self.processes[address].send_signal(signal.SIGCONT)

    def notify(self) -> None:
        """Tell the secondary that its zone has changed, as a primary does (RFC 1996)."""
        message = dns.message.make_query(ZONE, "SOA")
        message.set_opcode(dns.opcode.NOTIFY)
        message.flags |= dns.flags.AA
        dns.query.udp(message, SECONDARY, timeout=10, source=PRIMARY)

    def fill_resolver(self, name: str) -> None:
        """Let the resolver remember a name's addresses."""
        for kind in ("A", "AAAA"):
            dns.query.udp(dns.message.make_query(name, kind), RESOLVER, timeout=10)


@contextmanager
def running(
    directory: Path,
    *,
    notify: bool = True,
    policy: str = POLICY,
    ttl: int = 300,
    records: str = RECORDS,
    reverse: str = REVERSE,
    pointers: str = POINTERS,
) -> Iterator[NameServers]:
    """Three servers with the zone and its reverse zone, up and answering.

    Args:
        notify: The primary tells the secondary of changes.
        policy: Who may change the zone, in BIND's words.
        ttl: Of all records.
        records: What the zone has besides its name servers, as in a master file (RFC 1035, 5).
        reverse: The name of the reverse zone.
        pointers: What that has.
    """
    keys = {name: secret() for name in ("hostshift.", "other.", "transfer.")}
    servers = NameServers(directory, keys)
    zones = {
        ZONE: _zone(ttl, _OWN + records),
        reverse: _zone(ttl, f"@ IN NS dns1.{ZONE}.\n{pointers}"),
    }
    for address in (
        PRIMARY,
        SECONDARY,
        RESOLVER,
    ):  # BIND listens only where an interface has the address
        run(["ip", "address", "replace", f"{address}/32", "dev", "lo"])
    try:
        # One after the other: a secondary that finds no primary tries again much later.
        _start_bind(servers, PRIMARY, _primary(keys, notify, policy, reverse), zones)
        _wait(PRIMARY)
        _start_bind(servers, SECONDARY, _secondary(keys), {})
        _start_unbound(servers)
        _wait(SECONDARY)
        _wait(RESOLVER)
        yield servers
    finally:
        for address in list(servers.processes):
            servers.thaw(address)
            servers.stop(address)


def _wait(address: str) -> None:
    wait_until(lambda: _has_zone(address), f"the zone at {address}")


def _has_zone(address: str) -> bool:
    try:
        answer = dns.query.udp(dns.message.make_query(ZONE, "SOA"), address, timeout=0.1)
    except (OSError, dns.exception.DNSException):
        return False
    return bool(answer.answer)


def _start_bind(
    servers: NameServers, address: str, configuration: str, zones: dict[str, str]
) -> None:
    home = servers.directory / address
    home.mkdir()
    for name, text in zones.items():
        (home / name).write_text(text)
    common = f"""
options {{
  directory "{home}"; pid-file none; session-keyfile "{home}/session.key";
  managed-keys-directory "{home}"; recursion no; dnssec-validation no; notify-delay 0;
  listen-on port 53 {{ {address}; }}; listen-on-v6 {{ none; }};
  notify-source {address}; transfer-source {address}; query-source address {address};
  min-refresh-time 1; min-retry-time 1; empty-zones-enable no;
  allow-transfer {{ key transfer.; }}; {_options(address)}
}};
controls {{ }};
"""
    (home / "named.conf").write_text(common + configuration)
    program = str(shutil.copy(shutil.which("named") or "/usr/sbin/named", home / "named"))
    _start(servers, address, [program, "-4", "-g", "-n", "1", "-c", str(home / "named.conf")])


def _options(address: str) -> str:
    return f"allow-notify {{ {PRIMARY}; }};" if address == SECONDARY else ""


def _start_unbound(servers: NameServers) -> None:
    home = servers.directory / RESOLVER
    home.mkdir()
    (home / "unbound.conf").write_text(f"""
server:
  interface: {RESOLVER}
  outgoing-interface: {RESOLVER}
  access-control: 127.0.0.0/8 allow
  directory: "{home}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  do-ip6: no
  num-threads: 1
  do-not-query-localhost: no
  local-zone: "test." nodefault
  infra-host-ttl: 1
stub-zone:
  name: "{ZONE}"
  stub-addr: {PRIMARY}
  stub-addr: {SECONDARY}
""")
    program = str(shutil.copy(shutil.which("unbound") or "/usr/sbin/unbound", home / "unbound"))
    _start(servers, RESOLVER, [program, "-d", "-c", str(home / "unbound.conf")])


def _start(servers: NameServers, address: str, command: list[str]) -> None:
    with (servers.directory / address / "log").open("wb") as log:
        servers.processes[address] = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=servers.directory / address,
            env={"PATH": os.environ["PATH"]},
        )


def _key_clauses(keys: dict[str, str]) -> str:
    return "".join(
        f'key "{name}" {{ algorithm hmac-sha256; secret "{text}"; }};\n'
        for name, text in keys.items()
    )


def _primary(keys: dict[str, str], notify: bool, policy: str, reverse: str) -> str:
    told = f"notify explicit; also-notify {{ {SECONDARY}; }};" if notify else "notify no;"
    return f"""{_key_clauses(keys)}
zone "{ZONE}" {{ type primary; file "{ZONE}"; {policy} {told} }};
zone "{reverse}" {{
  type primary; file "{reverse}"; update-policy {{ grant hostshift. zonesub PTR TXT; }}; notify no;
}};
"""


def _secondary(keys: dict[str, str]) -> str:
    return f"""{_key_clauses({"transfer.": keys["transfer."]})}
server {PRIMARY} {{ keys {{ transfer.; }}; }};
zone "{ZONE}" {{ type secondary; primaries {{ {PRIMARY}; }}; file "{ZONE}"; }};
"""


_OWN = f"""\
@ IN NS dns1
@ IN NS dns2
dns1 IN A {PRIMARY}
dns2 IN A {SECONDARY}
"""


def _zone(ttl: int, records: str) -> str:
    return f"""$TTL {ttl}
@ IN SOA dns1.{ZONE}. admin.{ZONE}. 1 3600 5 604800 5
{records}"""
