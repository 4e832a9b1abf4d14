"""The inventory's keys: their types, and what each means. `hostshift schema` is made from this."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from datetime import date
from importlib import resources
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)
from pydantic_core import PydanticCustomError

from engine.inventory import durations, names, windows
from engine.inventory.value import KeyAlgorithm
from engine.inventory.wrong import WrongValue
from engine.model.host import Become, Guarding, Outage, TransportKind

TOLD: Final = "told"
"""The type of errors whose message and suggestion are ready to be shown."""


def tell(error: WrongValue) -> PydanticCustomError:
    """A wrong value as an error of pydantic's, its message in the context."""
    context = {"message": error.message, "suggestion": error.suggestion}
    return PydanticCustomError(TOLD, "{message}", context)


def _reading(parse: Callable[[str], object]) -> Callable[[object], object]:
    def read(value: object) -> object:
        if not isinstance(value, str):
            return value  # the type behind it tells what is wrong
        try:
            return parse(value)
        except WrongValue as error:
            raise tell(error) from error

    return read


def _duration(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        raise tell(WrongValue("must be a duration, not a number", f'write "{value}s" for seconds'))
    if not isinstance(value, str):
        raise tell(WrongValue('must be a duration such as "90s" or "5d"'))
    return _reading(durations.parse)(value)


def _positive(value: int) -> int:
    if value < 1:
        raise tell(WrongValue("must be longer than zero"))
    return value


def _window(value: str) -> str:
    try:
        windows.parse(value)
    except WrongValue as error:
        raise tell(error) from error
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value) or value < 0:
        raise tell(WrongValue("must be a number from 0 up"))
    return value


_DURATION_SCHEMA: Final = {"type": "string", "pattern": durations.PATTERN}
Duration = Annotated[int, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
Deadline = Annotated[
    int, AfterValidator(_positive), BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)
]
Word = Annotated[
    str,
    AfterValidator(_reading(names.word)),
    WithJsonSchema({"type": "string", "pattern": names.WORD}),
]
Line = Annotated[
    str,
    AfterValidator(_reading(names.line)),
    WithJsonSchema({"type": "string", "pattern": r"\S"}),
]
Program = Annotated[
    str,
    AfterValidator(_reading(names.program)),
    WithJsonSchema({"type": "string", "pattern": r"\S"}),
]
Address = Annotated[
    str,
    AfterValidator(_reading(names.address)),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s@/-][^\s@/]*$"}),
]
JumpName = Annotated[
    str,
    AfterValidator(_reading(names.jump)),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s@/-][^\s@/]*$"}),
]
Server = Annotated[
    str,
    AfterValidator(_reading(names.server)),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s@/-][^\s@/]*$"}),
]
DnsName = Annotated[str, AfterValidator(_reading(names.dns_name))]
SourcePackage = Annotated[
    str,
    AfterValidator(_reading(names.source_package)),
    WithJsonSchema({"type": "string", "pattern": names.SOURCE_PACKAGE}),
]
Volume = Annotated[
    str,
    AfterValidator(_reading(names.volume)),
    WithJsonSchema({"type": "string", "pattern": "^/."}),
]
Url = Annotated[
    str,
    AfterValidator(_reading(names.url)),
    WithJsonSchema({"type": "string", "pattern": "^https?://[^/ ]"}),
]
StoreUrl = Annotated[
    str,
    AfterValidator(_reading(names.store_url)),
    WithJsonSchema({"type": "string", "pattern": "^(sqlite:///|postgresql://)."}),
]
WindowText = Annotated[str, AfterValidator(_window)]
Money = Annotated[float, AfterValidator(_finite), WithJsonSchema({"type": "number", "minimum": 0})]
Port = Annotated[int, Field(ge=1, le=65_535)]


def key(description: str, **more: Any) -> Any:
    """A key that may be left out."""
    return Field(default=None, description=description, **more)


class Table(BaseModel):
    """A table of the inventory: no unknown keys, no silent conversions.

    Attributes:
        meant: Keys that people write for ours, and what they probably meant.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    meant: ClassVar[dict[str, str]] = {}


class DeadlinesTable(Table):
    """Within which time an operation must end."""

    connect: Deadline | None = key('A connection, with authentication. Default "10s".')
    light_probe: Deadline | None = key('The short look of a fleet scan. Default "30s".')
    full_probe: Deadline | None = key('The whole look, with simulations. Default "2m".')
    reboot: Deadline | None = key('A reboot, until the host has settled again. Default "15m".')
    guard: Deadline | None = key(
        'To confirm a guard, from the end of what it guards; then the host judges. Default "15m".'
    )


class ReplacementTable(Table):
    """How a successor is made, and how the old host is ended."""

    provision: Program | None = key(
        "Makes the successor; ends by printing one line of JSON with its address and host keys."
    )
    decommission: Program | None = key("Ends the old host after the soak.")
    references: Program | None = key(
        "Lists what still names the old host, such as monitoring and backups, before it is ended."
    )
    soak: Duration | None = key('How long the old host is kept after the cutover, such as "5d".')
    ttl: Deadline | None = key(
        'To how much the TTL of the services\' names is lowered before the cutover. Default "60s".'
    )
    thaw_after: Deadline | None = key(
        "After so long without hostshift the old host serves again, until the cutover. "
        'Default "30m".'
    )
    bandwidth: int | None = key(
        "KiB a second that copying may take while the old host serves. Default: no bound.", ge=1
    )
    checksum: bool | None = key(
        "The pass that verifies the copy compares contents, not only sizes and times: it reads all "
        "on both sides while nobody may write, which lengthens the outage. Default false."
    )
    checksum_below: Annotated[int, Field(ge=0, le=1_048_576)] | None = key(
        "Files smaller than so many KiB are compared by their contents in any case; the rehearsal "
        "tells how long that takes. 0: none. Default 64."
    )
    start_within: Deadline | None = key(
        "How long the services of the successor may take to pass their checks once they were "
        'started; after the cutover it is a part of the outage. Default "2m".'
    )
    forward: bool | None = key(
        "After the cutover the old host passes on to its successor what still comes to it by TCP; "
        "the successor sees it come from the old host's address. Default false."
    )


class HostSettings(Table):
    """What a host may say, and [defaults] for all of them."""

    meant: ClassVar[dict[str, str]] = {
        "ansible_become": "become", "ansible_host": "address", "ansible_port": "port",
        "ansible_ssh_private_key_file": "identity", "ansible_user": "user",
        "connection": "transport", "depends_on": "after", "host": "address", "hostname": "address",
        "identity_file": "identity", "ip": "address", "key": "identity", "key_file": "identity",
        "labels": "groups", "login": "user", "maintenance_window": "window",
        "proxy_jump": "jump", "proxyjump": "jump", "roles": "groups", "bastion": "jump",
        "ssh_key": "identity", "sudo": "become", "tags": "groups", "timeouts": "deadlines",
        "username": "user",
    }  # fmt: skip

    transport: TransportKind | None = key('"ssh", or "local" for this very machine. Default "ssh".')
    user: Word | None = key("Who logs in. Default: what the OpenSSH client configuration says.")
    port: Port | None = key("SSH port. Default: what the OpenSSH client configuration says.")
    identity: Line | None = key("Private key file. Default: the agent and OpenSSH's own.")
    known_hosts: Line | None = key("Host keys are looked up in this file. Default: OpenSSH's own.")
    jump: JumpName | None = key(
        "Another host of this inventory, or an OpenSSH alias, to connect through. "
        '"none": not through the one in [defaults].'
    )
    become: Become | None = key('How root is had: "sudo", or "none". Default "none".')
    groups: list[Word] | None = key("Names to filter and choose by.")
    redundancy: Word | None = key("Hosts with the same word must never be down together.")
    outage: Outage | None = key(
        "What it would mean if this host were down for a whole day: tolerable, costly, "
        "unacceptable. Not answered counts as costly."
    )
    exposed: bool | None = key("It can be reached from the internet.")
    console: bool | None = key("Someone can reach its console when SSH is gone.")
    guard: Guarding | None = key(
        'The dead-man switch of steps that could lock you out: "normal" reverts when nobody comes '
        'back and the host\'s own test fails; "strict" also when it passes, where network or '
        'firewall are touched; "off". Default "normal".'
    )
    retiring: bool | None = key("A successor has taken over; it is kept until decommissioned.")
    successor: str | None = key(
        "The host that has taken over, from which one can go back; written with retiring."
    )
    after: list[str] | None = key("It is rebooted and upgraded only when these hosts are well.")
    window: WindowText | None = key(
        'When acting needs no further question: "Sun 02:00-05:00 Europe/Paris".'
    )
    exclude: list[SourcePackage] | None = key("Source packages left out of every candidate.")
    busy: list[Word] | None = key(
        "Programs that a reboot must not interrupt, by the names of their processes. Default: the "
        "common backup and dump programs."
    )
    failover_tested: date | None = key("When the failover of its redundancy was last tried.")
    outage_cost_per_hour: Money | None = key("What an hour of outage costs, in your currency.")
    snapshot: Program | None = key("Takes a snapshot of this virtual machine.")
    snapshot_restore: Program | None = key("Puts the snapshot back.")
    snapshot_remove: Program | None = key("Removes the snapshot.")
    snapshot_keep: Duration | None = key(
        "A snapshot that is older than this is removed by the next run that takes one. "
        'Default "5d".'
    )
    clone: Program | None = key("Clones this virtual machine for a trial.")
    destroy: Program | None = key("Destroys the clone.")
    deadlines: DeadlinesTable | None = key("Within which time operations on it must end.")


class DefaultsTable(HostSettings):
    """For every host that doesn't say otherwise."""


class HostTable(HostSettings):
    """One server. Its table's name is its name, never that of a service."""

    address: Address | None = key("Where SSH connects to. Default: the table's name.")
    replacement: ReplacementTable | None = key("What differs from [replacement] for this host.")


def _one_kind(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [kind]} for kind in ("http", "tcp", "unit", "command")]


class CheckTable(Table):
    """A health check: exactly one of http, tcp, unit, command."""

    model_config = ConfigDict(json_schema_extra=_one_kind)
    meant: ClassVar[dict[str, str]] = {
        "url": "http", "https": "http", "port": "tcp", "status": "expect", "systemd": "unit",
        "service": "unit", "cmd": "command",
    }  # fmt: skip

    http: Url | None = key("This URL answers.")
    tcp: Port | None = key("This port of the host takes connections.")
    unit: Word | None = key("This unit is active.")
    command: Line | None = key("This command, run on the host, exits with 0.")
    expect: Annotated[int, Field(ge=100, le=599)] | None = key(
        "The HTTP status that the URL must answer with."
    )

    def kinds(self) -> list[str]:
        """The kinds that are set."""
        return [k for k in ("http", "tcp", "unit", "command") if getattr(self, k) is not None]


def _host_needed(schema: dict[str, Any]) -> None:
    schema["required"] = ["host"]


class ServiceTable(Table):
    """What runs on a host under its own DNS names."""

    # Told as missing with the references, so that the rest of the table is checked all the same.
    model_config = ConfigDict(json_schema_extra=_host_needed)
    meant: ClassVar[dict[str, str]] = {
        "server": "host", "dns": "names", "domains": "names", "dns_names": "names",
        "hostnames": "names", "name": "names", "systemd": "units", "data": "volumes",
        "directories": "volumes", "paths": "volumes", "backup": "backup_age",
        "healthchecks": "checks", "health": "checks",
    }  # fmt: skip

    host: str | None = key("The host of this inventory that it lives on.")
    names: list[DnsName] | None = key("DNS names that point to the host it lives on.")
    units: list[Word] | None = key("systemd units: started in this order, stopped in reverse.")
    workers: list[Word] | None = key(
        "Those of its units that act by themselves, such as queues: held on a successor until the "
        "cutover, while the others run to be tested."
    )
    containers: list[Word] | None = key("Containers of the service.")
    volumes: list[Volume] | None = key("Directories of its data on the host.")
    freeze: Line | None = key(
        'What stops its writers during the final sync: "stop" (the units), a command on the host, '
        'or "none" only where nothing writes.'
    )
    thaw: Line | None = key("Undoes a freeze that is a command; run on the way back.")
    sync: Program | None = key("Instead of rsync: called with HOSTSHIFT_PASS=bulk, then final.")
    verify: Program | None = key("Checks the copy after the final pass.")
    deploy: Program | None = key("Deploys the service on a successor.")
    restore: Program | None = key("Restores its data from the backups.")
    backup_age: Program | None = key("Prints the time of the newest restorable backup, RFC 3339.")
    stays: bool | None = key("A replacement of its host leaves it where it is.")
    test: Program | None = key("Tests it on the successor, beyond its checks, before the copy.")
    final_backup: Program | None = key("The last backup of the old server's data, kept apart.")
    checks: list[CheckTable] | None = key("Health checks.")

    @property
    def freeze_is_command(self) -> bool:
        """Whether freezing runs a command on the host, which then needs its counterpart."""
        return self.freeze not in (None, "stop", "none")


def _server_or_command(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": ["server"]}, {"required": ["command"]}]


class ZoneTable(Table):
    """A DNS zone that hostshift may change."""

    model_config = ConfigDict(json_schema_extra=_server_or_command)
    meant: ClassVar[dict[str, str]] = {
        "key": "key_name", "algorithm": "key_algorithm", "primary": "server", "master": "server",
        "secondaries": "watch", "resolvers": "watch", "key_secret": "key_file", "script": "command",
    }  # fmt: skip

    server: Server | None = key("The primary that takes updates by RFC 2136.")
    port: Port | None = key("Its port. Default 53.")
    key_name: DnsName | None = key("Name of the TSIG key.")
    key_algorithm: KeyAlgorithm | None = key('Default "hmac-sha256".')
    key_file: Line | None = key("File that holds the key's secret.")
    key_env: Line | None = key("Environment variable that holds the key's secret.")
    key_command: Program | None = key("Program that prints the key's secret.")
    command: Program | None = key("Changes the zone, for a provider without RFC 2136.")
    watch: list[Server] | None = key("Secondaries and resolvers to watch besides the NS set.")


class HooksTable(Table):
    """Scripts that are told of events; the event comes as JSON on standard input."""

    before: Program | None = key("Before a host is touched, such as silencing alerts.")
    after: Program | None = key("After it, however it ended.")
    notify: Program | None = key("When a run waits for a person, or has ended.")
    deadline: Deadline | None = key('Within which time each must end. Default "5m".')


class RetentionTable(Table):
    """How long things are kept."""

    runs: Deadline | None = key('Finished runs. Default "90d".')


class LimitsTable(Table):
    """How much may happen at once."""

    at_once: Annotated[int, Field(ge=1, le=1000)] | None = key(
        "How many runs may act at once; those that wait for a person don't count. Default 8."
    )


class DataTable(Table):
    """Other places than the publishers' for what `hostshift data refresh` fetches."""

    kev: Url | None = key("CISA's known exploited vulnerabilities, as JSON.")
    epss: Url | None = key("The day's scores of EPSS, as CSV, gzipped or not.")
    cvss: Url | None = key("Records of holes in the form of OSV: a CVE's is at this address, /CVE.")
    debian: Url | None = key("The file debian.csv of distro-info-data.")
    ubuntu: Url | None = key("The file ubuntu.csv of distro-info-data.")
    packages: Url | None = key(
        "Files of debian-security-support: this with a release's number is its "
        "security-support-ended.debN."
    )


class StoreTable(Table):
    """Where runs are recorded."""

    url: StoreUrl | None = key(
        '"sqlite:///PATH" or, for a team, "postgresql://...". Default: the user\'s state directory.'
    )


def _risk_table() -> type[Table]:
    """[risk]: a key for each number of the model, with its bounds; the file is the only list."""
    text = resources.files("engine").joinpath("risk/parameters.toml").read_text("utf-8")
    fields: dict[str, Any] = {
        name: (
            Annotated[float, Field(ge=row["least"], le=row["most"])] | None,
            key(f"{row['source'][0].upper()}{row['source'][1:]}. Default {row['value']:g}."),
        )
        for name, row in tomllib.loads(text)["parameters"].items()
    }
    doc = "Numbers of the risk model that shall have another value (docs/risk.md)."
    return create_model("RiskTable", __base__=Table, __doc__=doc, **fields)


RiskTable: Final = _risk_table()


def _named_as(pattern: str) -> dict[str, Any]:
    return {"propertyNames": {"pattern": pattern}}


class InventoryTable(Table):
    """hostshift's inventory: hosts, services and zones."""

    meant: ClassVar[dict[str, str]] = {"default": "defaults", "host": "hosts", "servers": "hosts"}

    defaults: DefaultsTable | None = key("What holds for every host that doesn't say otherwise.")
    hosts: dict[str, HostTable] | None = key(
        "The servers, by name.", json_schema_extra=_named_as(names.HOST_NAME)
    )
    services: dict[str, ServiceTable] | None = key(
        "The services, by name.", json_schema_extra=_named_as(names.HOST_NAME)
    )
    zones: dict[str, ZoneTable] | None = key("The DNS zones, by name.")
    replacement: ReplacementTable | None = key("How successors are made, for every host.")
    hooks: HooksTable | None = key("Scripts that are told of events.")
    limits: LimitsTable | None = key("How much may happen at once.")
    retention: RetentionTable | None = key("How long things are kept.")
    store: StoreTable | None = key("Where runs are recorded.")
    data: DataTable | None = key("Where published data are fetched from, if not from publishers.")
    risk: RiskTable | None = key("Numbers of the risk model that shall have another value.")  # type: ignore[valid-type]


SINGLE_TABLES: Final[dict[str, type[Table]]] = {
    "defaults": DefaultsTable,
    "replacement": ReplacementTable,
    "hooks": HooksTable,
    "limits": LimitsTable,
    "retention": RetentionTable,
    "store": StoreTable,
    "data": DataTable,
    "risk": RiskTable,
}
NAMED_TABLES: Final[dict[str, type[Table]]] = {
    "hosts": HostTable,
    "services": ServiceTable,
    "zones": ZoneTable,
}
