"""An old host under load, name servers, and scripts that replace it: what hostshift is given."""

import ipaddress
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import dns.query
import dns.rcode
import dns.reversename
import dns.tsigkeyring
import dns.update

from tests.lab.inventory import write_known_hosts
from tests.lab.machine import Machine, Options
from tests.lab.nameservers import PRIMARY, RESOLVER, ZONE, NameServers, running
from tests.lab.processes import CommandError
from tests.lab.replacement.cloud import Cloud
from tests.lab.replacement.writers import Kind, Writer, look_up
from tests.lab.session import Lab

HERE: Final = Path(__file__).parent
OLD, NEW = "server1", "server2"
SERVICES: Final = ("files", "shop", "web")
PACKAGES: Final = ("nginx", "postgresql", "python3")
OLD_SUITE, NEW_SUITE = "bookworm", "trixie"
TTL: Final = 20
SHOP: Final = "/usr/local/sbin/shop"
"""On a host: opens, closes, freezes and thaws the database; see its head."""

DATA: Final = """\
set -e
cd /srv/web
echo welcome >index.html
for n in $(seq 40); do echo page $n >$n.html; done
ln 1.html same.html
mkdir /srv/files/archive
cd /srv/files/archive
for n in $(seq 100); do echo old request $n >$n; done
head -c 2000000 /dev/urandom >big
setfacl -m u:www-data:r big
chown -R files:files .
"""
"""What the volumes have at first; on the old host, as root."""

INVENTORY: Final = """\
# The fleet of {zone}; this comment is to be kept.
[defaults]
user = "admin"
become = "sudo"

[hosts.server1]                 # the one that is replaced
address = "{address}"
identity = "{identity}"
known_hosts = "{known_hosts}"
outage = "unacceptable"

[services.files]                # requests with numbers
host = "server1"
names = ["files.{zone}"]
units = ["files.service", "files-queue.service"]
workers = ["files-queue.service"]
volumes = ["/srv/files"]
freeze = "stop"
deploy = "./scripts/deploy.sh files"
restore = "./scripts/restore.sh files"
backup_age = "./scripts/backup_age.sh files"
test = "./scripts/test.sh"
final_backup = "./scripts/final_backup.sh"
checks = [
  {{http = "http://files.{zone}:8080/health", expect = 200}},
  {{unit = "files.service"}},
  {{unit = "files-queue.service"}},
]

[services.shop]                 # PostgreSQL: another major on the successor
host = "server1"
names = ["shop.{zone}"]
units = ["shop.service"]
freeze = "/usr/local/sbin/shop freeze"
thaw = "/usr/local/sbin/shop thaw"
sync = "./scripts/sync.sh"
verify = "./scripts/verify.sh"
deploy = "./scripts/deploy.sh shop"
restore = "./scripts/restore.sh shop"
backup_age = "./scripts/backup_age.sh shop"
checks = [{{tcp = 5432}}, {{command = "/usr/local/sbin/shop is-open"}}]

[services.web]
host = "server1"
names = ["web.{zone}"]
units = ["nginx.service"]
volumes = ["/srv/web"]
freeze = "stop"
deploy = "./scripts/deploy.sh web"
restore = "./scripts/restore.sh web"
backup_age = "./scripts/backup_age.sh web"
checks = [{{http = "http://web.{zone}/", expect = 200}}]

[zones."{zone}"]
server = "{primary}"
key_name = "hostshift."
key_file = "{key_file}"
watch = ["{resolver}"]          # and what its clients see

[zones."{reverse}"]
server = "{primary}"
key_name = "hostshift."
key_file = "{key_file}"

[replacement]
provision = "./scripts/provision.sh"
decommission = "./scripts/decommission.sh"
references = "./scripts/references.sh"
soak = "5s"
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One request as a host has it."""

    number: int
    sent: float
    host: str
    """Who took it: the name for files, the address for rows."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a host has of the requests, in no order; one that it has twice is here twice."""

    files: tuple[Kept, ...]
    rows: tuple[Kept, ...]

    def of(self, kind: Kind) -> Counter[int]:
        """How often it has each number."""
        kept = self.files if kind == "files" else self.rows
        return Counter(one.number for one in kept)


class Scripts:
    """The scripts of an inventory's directory, and how hostshift runs them."""

    def __init__(self, directory: Path, identity: Path, socket: Path) -> None:
        self.directory = directory
        self.known_hosts = directory / "scripts.known_hosts"
        shutil.copytree(HERE / "scripts", directory / "scripts")
        shutil.copytree(HERE / "host", directory / "scripts/host")
        (directory / "world.env").write_text(
            f"LAB_KEY='{identity}'\nLAB_KNOWN_HOSTS='{self.known_hosts}'\n"
            f"LAB_PYTHON='{sys.executable}'\nLAB_CLOUD='{socket}'\n"
        )

    def run(
        self,
        name: str,
        *words: str,
        old: str = "",
        new: str = "",
        sync_pass: str | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end.

        Args:
            name: As `deploy`; with the words of the inventory after it.
            old: The old host's address.
            new: The successor's address.
            sync_pass: `bulk` or `final`.

        Raises:
            CommandError: it failed, and `check` is set.
        """
        environment = {
            **os.environ,
            "HOSTSHIFT_RUN": "by-hand",
            "HOSTSHIFT_OLD": OLD,
            "HOSTSHIFT_OLD_ADDRESS": old,
            "HOSTSHIFT_NEW": NEW,
            "HOSTSHIFT_NEW_ADDRESS": new,
            **({"HOSTSHIFT_SERVICE": words[0]} if words else {}),
            **({"HOSTSHIFT_PASS": sync_pass} if sync_pass else {}),
        }
        command = [f"./scripts/{name}.sh", *words]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=environment,
            input="{}\n",
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        if check and done.returncode != 0:
            raise CommandError(command, done.returncode, done.stdout, done.stderr)
        return done


@dataclass
class World:
    """Everything a replacement needs, and what tells how it went."""

    directory: Path
    """The inventory's directory."""
    inventory: Path
    cloud: Cloud
    dns: NameServers
    scripts: Scripts
    old: Machine
    ttl: int
    """Of the services' names."""
    reverse: str
    """The name of the reverse zone."""
    writers: list[Writer] = field(default_factory=list)

    @property
    def successor(self) -> Machine:
        """The host that `provision` made.

        Raises:
            KeyError: it has made none yet.
        """
        return self.cloud.machines[NEW]

    def hasten(self, ttl_s: int) -> None:
        """Have the names' TTL lowered to so few seconds, and late clients passed on."""
        quick = f'soak = "5s"\nttl = "{ttl_s}s"\nforward = true'
        self.inventory.write_text(self.inventory.read_text().replace('soak = "5s"', quick))

    def script(
        self, name: str, *words: str, sync_pass: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a script by hand, as hostshift does."""
        new = self.cloud.machines.get(NEW)
        return self.scripts.run(
            name,
            *words,
            old=self.old.address,
            new=new.address if new else "",
            sync_pass=sync_pass,
            check=check,
        )

    def writer(self, kind: Kind, server: str = PRIMARY) -> Writer:
        """A client that writes from now on; the test's end stops it."""
        writer = Writer(kind, server, self.directory)
        self.writers.append(writer)
        return writer.start()

    def stop_writers(self) -> None:
        """End all load."""
        for writer in self.writers:
            writer.stop()

    def for_each_service(self, script: str) -> None:
        """Run a script for every service, by hand and all at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda service: self.script(script, service), SERVICES))

    def address_of(self, service: str, server: str = PRIMARY) -> str:
        """Where a service's name leads, by one DNS server."""
        return look_up(f"{service}.{ZONE}", server)

    def point(self, old: str, new: str) -> None:
        """Change all services' names by hand: one message, the old addresses its prerequisite."""
        keys = dns.tsigkeyring.from_text({"hostshift.": self.dns.keys["hostshift."]})
        message = dns.update.UpdateMessage(ZONE, keyring=keys)
        for service in SERVICES:
            message.present(service, "A", old)
            message.replace(service, self.ttl, "A", new)
        answer = dns.query.tcp(message, PRIMARY, timeout=10)
        assert answer.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(answer.rcode())

    def counts_on(self, machine: Machine) -> Counts:
        """What a host has; it must be on, with PostgreSQL running."""
        return Counts(files=tuple(_files(machine)), rows=tuple(_rows(machine)))

    def assert_nothing_lost(self, machine: Machine | None = None) -> None:
        """Every acknowledged request is on a host exactly once (default: the successor)."""
        counts = self.counts_on(machine or self.successor)
        for writer in self.writers:
            kept, told = counts.of(writer.kind), writer.acknowledged()
            assert told, f"no request of {writer.kind} by {writer.server} was acknowledged"
            lost = sorted(number for number in told if number not in kept)
            assert not lost, f"{writer.kind} by {writer.server}: lost {lost}"
        for kind in ("files", "shop"):
            twice = [number for number, times in counts.of(kind).items() if times > 1]
            assert not twice, f"{kind}: {twice} are there twice"

    def assert_never_two_writers(self) -> None:
        """Nothing that the old host took was sent after anything that the successor took."""
        counts = self.counts_on(self.successor)
        for kept, old, new in (
            (counts.files, OLD, NEW),
            (counts.rows, self.old.address, self.successor.address),
        ):
            by_old = [one.sent for one in kept if one.host == old]
            by_new = [one.sent for one in kept if one.host == new]
            assert len(by_old) + len(by_new) == len(kept)
            assert not by_new or not by_old or max(by_old) < min(by_new)


def _files(machine: Machine) -> Iterator[Kept]:
    for file in (machine.root / "srv/files/requests").iterdir():
        for line in file.read_text().splitlines():
            number, sent, host, _ = line.split()
            yield Kept(int(number), float(sent), host)


def _rows(machine: Machine) -> Iterator[Kept]:
    query = "select id, extract(epoch from at), host(taken_by) from orders"
    psql = f"cd / && runuser -u postgres -- psql -XAtq -F ' ' -d shop -c '{query}'"
    for line in machine.inside(psql).stdout.splitlines():
        number, sent, host = line.split()
        yield Kept(int(number), float(sent), host)


def _without_services(machine: Machine) -> None:
    """Take away what the packages of a new host have set up by themselves."""
    root = machine.root
    for unit in ("nginx", "postgresql"):
        (root / f"etc/systemd/system/multi-user.target.wants/{unit}.service").unlink(
            missing_ok=True
        )
    for folder in ("etc/postgresql", "var/lib/postgresql"):
        for cluster in (root / folder).glob("[0-9]*"):
            shutil.rmtree(cluster)


def _with_packages(lab: Lab, suite: str) -> Options:
    return Options(base=lab.base(suite), layers=[lab.layer(suite, PACKAGES)])


def _with_services(lab: Lab, options: Options) -> Options:
    """A host on which the services were deployed, and have data."""

    def prepare(machine: Machine) -> None:
        directory = lab.settings.state / "prepare-replacement"
        directory.mkdir()
        scripts = Scripts(directory, lab.identities["root"], directory / "no-cloud")
        write_known_hosts(scripts.known_hosts, [machine])
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda one: scripts.run("deploy", one, new=machine.address), SERVICES))
        machine.inside(DATA)

    layer = lab.golden("replacement", prepare, options)
    return replace(options, layers=[layer, *options.layers])


@contextmanager
def open_world(
    lab: Lab,
    directory: Path,
    made: Callable[[Machine], object],
    *,
    ttl: int = TTL,
    notify: bool = True,
) -> Iterator[World]:
    """The old host up, with its services, backups and names; nothing writes yet.

    Args:
        made: Is told of each host that is made.
        ttl: Of the services' names.
        notify: The primary tells the secondary of changes.
    """
    with ThreadPoolExecutor(1) as pool:  # the first use builds two bases
        later = pool.submit(_with_packages, lab, NEW_SUITE)
        for_old = _with_services(lab, _with_packages(lab, OLD_SUITE))
        for_new = later.result()
    home = directory / "controller"
    home.mkdir()
    socket = lab.settings.state / "cloud"
    scripts = Scripts(home, lab.identities["root"], socket)

    def fresh(machine: Machine) -> None:
        made(machine)
        if machine.name != OLD:
            _without_services(machine)

    cloud = Cloud(lab, socket, scripts.known_hosts, for_new, fresh)
    with cloud.serving():
        old = cloud.create(OLD, for_old)
        network = ipaddress.ip_network(f"{old.address}/24", strict=False)
        reverse = dns.reversename.from_address(str(network.network_address)).to_text()
        reverse = reverse.partition(".")[2].rstrip(".")
        last = old.address.rpartition(".")[2]
        records = "".join(f"{name} IN A {old.address}\n" for name in (OLD, *SERVICES))
        records += f'@ IN TXT "v=spf1 ip4:{old.address} -all"\n'
        with running(
            directory,
            notify=notify,
            ttl=ttl,
            records=records,
            reverse=reverse,
            pointers=f"{last} IN PTR {OLD}.{ZONE}.\n",
        ) as servers:
            key_file = home / "tsig.key"
            key_file.write_text(servers.keys["hostshift."] + "\n")
            inventory = home / "inventory.toml"
            inventory.write_text(
                INVENTORY.format(
                    zone=ZONE,
                    address=old.address,
                    identity=lab.identities["admin"],
                    known_hosts=write_known_hosts(home / "known_hosts", [old]),
                    primary=PRIMARY,
                    resolver=RESOLVER,
                    reverse=reverse,
                    key_file=key_file,
                )
            )
            old.wait_booted()
            world = World(home, inventory, cloud, servers, scripts, old, ttl, reverse)
            world.for_each_service("backup")
            try:
                yield world
            finally:
                world.stop_writers()
