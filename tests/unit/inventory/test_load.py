"""What an inventory without faults becomes: defaults, services, paths, warnings."""

from __future__ import annotations

import textwrap
import time
from datetime import date
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.inventory import Inventory, load
from engine.inventory.value import Hooks
from engine.model.host import BUSY, Check, Deadlines, Replacement

EXAMPLE = Path(__file__).parents[3] / "inventory.toml"


def read(tmp_path: Path, text: str) -> Inventory:
    path = tmp_path / "inventory.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return load(path)


def test_the_example_is_without_faults_and_names_every_key() -> None:
    from engine.inventory import schema

    inventory = load(EXAMPLE)
    assert [host.name for host in inventory.hosts] == ["bastion", "db1", "db2", "server1", "laptop"]
    text = EXAMPLE.read_text("utf-8")
    tables: list[type[schema.Table]] = [
        # The numbers of the risk model have a list of their own, with their sources.
        *(t for t in schema.SINGLE_TABLES.values() if t is not schema.RiskTable),
        *schema.NAMED_TABLES.values(),
        schema.CheckTable,
    ]
    keys = {key for table in tables for key in table.model_fields}
    assert sorted(key for key in keys if key not in text) == []


def test_the_example_says_the_same_as_its_comments() -> None:
    server = load(EXAMPLE).host("server1")
    assert server.user == "ops"
    assert server.become == "sudo"
    assert server.jump == "bastion"
    assert server.outage == "unacceptable"
    assert server.outage_cost_per_hour == 400
    assert server.after == ("db1", "db2")
    assert server.deadlines == Deadlines(connect_s=10, light_probe_s=30, full_probe_s=300)
    assert server.replacement == Replacement(
        provision=str(EXAMPLE.parent / "iac/provision.sh"),
        decommission=str(EXAMPLE.parent / "iac/decommission.sh"),
        references=str(EXAMPLE.parent / "iac/references.sh"),
        soak_s=10 * 86_400,
        bandwidth_kib=20_000,
        start_within_s=180,
    )
    assert [service.name for service in server.services] == ["gitlab", "wiki"]
    assert server.services[0].checks == (
        Check(http="https://gitlab.servers.example.com/-/health", expect=200),
        Check(tcp=22),
        Check(unit="gitlab-runsvdir.service"),
        Check(command="gitlab-ctl status"),
    )
    assert server.services[0].backup_age == f"{EXAMPLE.parent}/backup/age.sh gitlab"
    assert server.services[1].freeze == "docker exec wiki maintenance on"
    assert server.zones_cover
    assert load(EXAMPLE).host("db1").failover_tested == date(2026, 11, 1)


def test_an_empty_inventory_can_be_looked_at(tmp_path: Path) -> None:
    inventory = read(tmp_path, "")
    assert inventory.hosts == ()
    assert inventory.retention_runs_s == 90 * 86_400
    assert [w.message for w in inventory.warnings] == ["there is no host in this inventory"]


def test_a_host_of_nothing_but_a_name(tmp_path: Path) -> None:
    host = read(tmp_path, "[hosts.web1]").host("web1")
    assert (host.address, host.transport, host.become) == ("web1", "ssh", "none")
    assert {host.user, host.port, host.jump, host.outage, host.exposed} == {None}
    assert host.deadlines == Deadlines(10, 30, 120, 900)
    assert host.busy == BUSY
    assert not host.retiring


def test_who_has_succeeded_knows_its_predecessor(tmp_path: Path) -> None:
    text = '[hosts.a]\nretiring = {}\nsuccessor = "b"\n[hosts.b]\n'
    a, b = read(tmp_path, text.format("true")).hosts
    assert (a.predecessor, b.predecessor) == (None, "a")
    assert read(tmp_path, text.format("false")).host("b").predecessor is None


def test_a_host_overrides_each_default_by_itself(tmp_path: Path) -> None:
    inventory = read(
        tmp_path,
        """\
        [defaults]
        exposed = true
        groups = ["all"]
        exclude = ["docker.io"]
        outage_cost_per_hour = 5
        deadlines = {connect = "3s", light_probe = "40s", reboot = "1h", guard = "5m"}
        busy = ["tar"]
        [hosts.a]
        busy = []
        exposed = false
        groups = []
        exclude = ["linux"]
        outage_cost_per_hour = 0
        deadlines.connect = "4s"
        [hosts.b]
        """,
    )
    a, b = inventory.hosts
    assert (a.exposed, a.groups, a.exclude, a.outage_cost_per_hour) == (False, (), ("linux",), 0)
    assert a.deadlines == Deadlines(4, 40, 120, 3600, 300)
    assert (a.busy, b.busy) == ((), ("tar",))
    assert (b.exposed, b.groups, b.exclude, b.outage_cost_per_hour) == (
        True,
        ("all",),
        ("docker.io",),
        5,
    )
    assert b.deadlines == Deadlines(3, 40, 120, 3600, 300)


def test_defaults_of_jump_and_after_do_not_hold_for_the_hosts_they_name(tmp_path: Path) -> None:
    inventory = read(
        tmp_path,
        """\
        [defaults]
        jump = "bastion"
        after = ["db1", "db2"]
        [hosts.bastion]
        [hosts.db1]
        [hosts.db2]
        [hosts.near]
        jump = "none"
        [hosts.here]
        transport = "local"
        """,
    )
    assert [host.jump for host in inventory.hosts] == [None, "bastion", "bastion", None, None]
    assert inventory.host("db1").after == inventory.host("db2").after == ()
    assert inventory.host("bastion").after == ("db1", "db2")


def test_the_same_private_address_behind_two_jump_hosts_is_two_hosts(tmp_path: Path) -> None:
    text = "".join(
        f'[hosts.{name}]\naddress = "10.0.0.1"\njump = "{name}-gate"\n' for name in ("east", "west")
    )
    assert len(read(tmp_path, text).hosts) == 2


def test_paths_count_from_the_file_and_home_is_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/op")
    inventory = read(
        tmp_path,
        """\
        [hosts.a]
        identity = "~/key"
        known_hosts = "keys/../known"
        snapshot = "./vm/snap.sh --name 'a b'"
        clone = "virt-clone x"
        destroy = "'~/my bin/destroy'"
        """,
    )
    host = inventory.host("a")
    assert host.identity == Path("/home/op/key")
    assert host.known_hosts == tmp_path / "known"
    assert host.snapshot == f"{tmp_path}/vm/snap.sh --name 'a b'"
    assert host.clone == "virt-clone x"
    assert host.destroy == "'/home/op/my bin/destroy'"


def test_paths_count_from_the_file_that_a_link_leads_to(tmp_path: Path) -> None:
    real = tmp_path / "infra"
    real.mkdir()
    (real / "inventory.toml").write_text('[hooks]\nnotify = "./n.sh"\n[hosts.a]\n')
    link = tmp_path / "inventory.toml"
    link.symlink_to(real / "inventory.toml")
    assert load(link).hooks.notify == f"{real}/n.sh"


def test_hooks_have_a_deadline(tmp_path: Path) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text("[hosts.a]\n")
    assert load(path).hooks == Hooks(deadline_s=300)
    path.write_text('[hooks]\nbefore = "true"\ndeadline = "90s"\n[hosts.a]\n')
    assert load(path).hooks == Hooks(before="true", deadline_s=90)


def test_zones_cover_needs_every_name(tmp_path: Path) -> None:
    inventory = read(
        tmp_path,
        """\
        [hosts.a]
        [hosts.b]
        [hosts.c]
        [services.s]
        host = "a"
        names = ["x.In.Example.com."]
        [services.t]
        host = "b"
        names = ["x.example.com", "example.org"]
        [zones."EXAMPLE.com."]
        command = "true"
        """,
    )
    assert [host.zones_cover for host in inventory.hosts] == [True, False, True]
    assert inventory.host("a").services[0].names == ("x.in.example.com",)
    assert inventory.zones[0].name == "example.com"


def test_unknown_hosts_are_told_with_the_nearest(tmp_path: Path) -> None:
    inventory = read(tmp_path, "[hosts.server1]\n[hosts.db1]\n")
    assert inventory.has("db1")
    assert not inventory.has("db2")
    with pytest.raises(InputError) as raised:
        inventory.host("sevrer1")
    assert raised.value.hint == "Did you mean server1?"


WARNINGS = [
    ('[hosts.a]\nsnapshot = "./no.sh"', "2: hosts.a.snapshot: there is no file {dir}/no.sh"),
    ('[hosts.a]\nsnapshot = "."', None),
    ('[hosts.a]\nsnapshot = "./"', "2: hosts.a.snapshot: {dir} is a directory"),
    (
        '[hosts.a]\nsnapshot = "./inventory.toml"',
        (
            "2: hosts.a.snapshot: {dir}/inventory.toml can't be executed; "
            "chmod +x {dir}/inventory.toml"
        ),
    ),
    (
        '[hosts.a]\nclone = "clone-it.sh now"',
        (
            '2: hosts.a.clone: there is no program "clone-it.sh" on this machine\'s PATH; '
            'did you mean "./clone-it.sh"?'
        ),
    ),
    (
        '[hosts.a]\nreplacement.provision = "./p.sh"',
        "2: hosts.a.replacement.provision: there is no file {dir}/p.sh",
    ),
    ('[hosts.a]\nidentity = "id"', "2: hosts.a.identity: there is no file {dir}/id"),
    (
        '[hosts.bastion]\n[hosts.a]\njump = "bastoin"',
        (
            '3: hosts.a.jump: "bastoin" is no host of this inventory and is taken as an OpenSSH '
            'alias; did you mean "bastion"?'
        ),
    ),
    (
        '[hosts.here]\ntransport = "local"\n[hosts.a]\njump = "here"',
        "4: hosts.a.jump: here is this machine itself; there is nothing to jump over",
    ),
    (
        '[hosts.here]\ntransport = "local"\nport = 22',
        '3: hosts.here.port: port has no effect with transport = "local"',
    ),
    (
        '[hosts.git]\n[services.git]\nhost = "git"',
        (
            "1: hosts.git: a host and a service are both called git; servers are never named "
            "after a service (see line 2); give the server a name of its own, such as server1"
        ),
    ),
    *(
        (
            f'[hosts.{name}]\naddress = "{address}"\n[services.Git]\nhost = "{name}"',
            (
                f"{place}: {told} is named after the service Git, which lives on it; servers are "
                "never named after a service (see line 3); give the server a name of its own, "
                "such as server1"
            ),
        )
        for name, address, place, told in (
            ("git2", "git2", "1: hosts.git2", "git2"),
            ("GIT-02", "x", "1: hosts.GIT-02", "GIT-02"),
            ("a", "git.example.com", "2: hosts.a.address", "git.example.com"),
        )
    ),
    (
        '[hosts.a]\n[services.s]\nhost = "a"\nunits = ["u"]\nfreeze = "stop"\nthaw = "go"',
        "6: services.s.thaw: thaw is only run when freeze is a command",
    ),
    (
        '[hosts.a]\n[store]\nurl = "postgresql://me:secret@db/x"',
        (
            "3: store.url: a password in a file that is kept in version control; "
            "leave it out and use ~/.pgpass (PGPASSFILE)"
        ),
    ),
]


@pytest.mark.parametrize(("text", "expected"), WARNINGS)
def test_what_does_not_forbid_looking_is_a_warning(
    tmp_path: Path, text: str, expected: str | None
) -> None:
    inventory = read(tmp_path, text)
    told = [str(w).removeprefix(f"{tmp_path}/inventory.toml:") for w in inventory.warnings]
    if expected is None:
        assert len(told) == 1  # "." is looked for on PATH, where it can't be
    else:
        assert told == [expected.format(dir=tmp_path)]


def test_a_script_that_is_there_is_no_warning(tmp_path: Path) -> None:
    script = tmp_path / "ok.sh"
    script.touch(0o755)
    text = '[hosts.a]\nsnapshot = "./ok.sh a b"\nclone = "sh -c true"\njump = "somewhere-else"\n'
    assert read(tmp_path, text).warnings == ()


def test_ten_thousand_hosts_load_within_seconds(tmp_path: Path) -> None:
    hosts = "".join(
        f'[hosts.server{n}]\naddress = "server{n}.example.com"\ngroups = ["web", "g{n % 7}"]\n'
        f'window = "Sun 02:00-05:00 Europe/Paris"\nafter = ["server{n - 1}"]\n'
        if n
        else "[hosts.server0]\n"
        for n in range(10_000)
    )
    started = time.process_time()
    inventory = read(tmp_path, hosts)
    assert time.process_time() - started < 8  # 1.2 s on an idle core; others share this machine
    assert len(inventory.hosts) == 10_000
    assert inventory.host("server9999").after == ("server9998",)


def test_two_logins_of_one_server_are_two_views_of_it(tmp_path: Path) -> None:
    inventory = read(
        tmp_path,
        """
        [hosts.web]
        address = "192.0.2.7"
        user = "ops"
        [hosts.web-as-root]
        address = "192.0.2.7"
        user = "root"
        """,
    )
    assert [host.user for host in inventory.hosts] == ["ops", "root"]
