"""Every kind of fault: its line, its key path, what is wrong, what was probably meant."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path

import pytest

from engine.inventory import InventoryErrors, load

HOST = "[hosts.a]\n"
BELOW = "name the directories below it that hold data"


def told(tmp_path: Path, text: str) -> list[str]:
    """What load says of a text, without the directory."""
    path = tmp_path / "inventory.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    with pytest.raises(InventoryErrors) as raised:
        load(path)
    assert raised.value.exit_status == 2
    assert raised.value.hint
    return [str(error).removeprefix(f"{path}:") for error in raised.value.errors]


KEYS = [
    # unknown keys
    ('becom = "sudo"', 'becom: unknown key; did you mean "become"?'),
    ('ansible_host = "x"', 'ansible_host: unknown key; did you mean "address"?'),
    ('soak = "5d"', "soak: unknown key; it belongs to [replacement]"),
    ('volumes = ["/x"]', "volumes: unknown key; it belongs to [services.NAME]"),
    ("zzz = 1", "zzz: unknown key"),
    ('deadlines = {conect = "1s"}', 'deadlines.conect: unknown key; did you mean "connect"?'),
    # wrong types
    ('port = "22"', 'port: must be a whole number, not the text "22"; write 22 without quotes'),
    ("port = true", "port: must be a whole number, not true"),
    ("port = 22.5", "port: must be a whole number, not the number 22.5"),
    ("port = 0", "port: the number 0 is out of range: input should be greater than or equal to 1"),
    ("user = 7", 'user: must be text, not the number 7; write "7"'),
    ('user = ["ops"]', 'user: must be text, not a list; write "ops"'),
    ('groups = "a, b"', 'groups: must be a list, not the text "a, b"; write ["a", "b"]'),
    ("groups = [1]", 'groups[0]: must be text, not the number 1; write "1"'),
    ('exposed = "yes"', 'exposed: must be true or false, not the text "yes"; write true'),
    ("console = 0", "console: must be true or false, not the number 0; write false"),
    ("replacement = 3", "replacement: must be a table, not the number 3"),
    (
        'failover_tested = "2026-01-01"',
        (
            'failover_tested: must be a date, not the text "2026-01-01"; '
            "write 2026-01-01 without quotes"
        ),
    ),
    (
        "failover_tested = 2026-01-01T00:00:00Z",
        "failover_tested: must be a date, not a date with a time; write 2026-01-01",
    ),
    # choices
    ("become = true", 'become: true is none of "sudo", "none"; write "sudo"'),
    (
        'outage = "unaceptable"',
        (
            'outage: "unaceptable" is none of "tolerable", "costly", "unacceptable"; '
            'did you mean "unacceptable"?'
        ),
    ),
    ('transport = "SSH"', 'transport: "SSH" is none of "ssh", "local"; did you mean "ssh"?'),
    # numbers and durations
    ("outage_cost_per_hour = -1", "outage_cost_per_hour: must be a number from 0 up"),
    ("outage_cost_per_hour = nan", "outage_cost_per_hour: must be a number from 0 up"),
    (
        'deadlines.connect = "5 minutes"',
        'deadlines.connect: "5 minutes" is not a duration (a number and s, m, h or d); write "5m"',
    ),
    (
        'deadlines.connect = "1h30m"',
        'deadlines.connect: "1h30m" is not a duration (a number and s, m, h or d); write "90m"',
    ),
    (
        "deadlines.connect = 10",
        'deadlines.connect: must be a duration, not a number; write "10s" for seconds',
    ),
    ('deadlines.connect = "0s"', "deadlines.connect: must be longer than zero"),
    (
        'replacement.soak = "99999999d"',
        'replacement.soak: "99999999d" is longer than a hundred years',
    ),
    # windows
    (
        'window = "Son 02:00-05:00 UTC"',
        'window: "Son" is not a day of the week; did you mean "Sun"?',
    ),
    (
        'window = "Sun 2-5 UTC"',
        'window: "2-5" is not a pair of hours (HH:MM-HH:MM); did you mean "02:00-05:00"?',
    ),
    (
        'window = "Sun 02:00-05:00"',
        (
            'window: "Sun 02:00-05:00" is not a window; '
            'name the time zone too, such as "Sun 02:00-05:00 Europe/Paris" or UTC'
        ),
    ),
    (
        'window = "Sun 02:00-05:00 Europe/Pariss"',
        'window: "Europe/Pariss" is not a time zone; did you mean "Europe/Paris"?',
    ),
    (
        'window = "Sun 02:00-05:00 berlin"',
        'window: "berlin" is not a time zone; did you mean "Europe/Berlin"?',
    ),
    (
        'window = "02:00-02:00 UTC"',
        (
            'window: "02:00-02:00" opens and closes at the same time; '
            'write "00:00-24:00" for the whole day'
        ),
    ),
    (
        'window = "02:00-25:00 UTC"',
        'window: "02:00-25:00" has an hour that no clock shows (00:00 to 24:00)',
    ),
    # names and addresses
    (
        'address = "ops@h1:2222"',
        (
            'address: "ops@h1:2222" is not an address; '
            'write user = "ops" and address = "h1" and port = 2222'
        ),
    ),
    (
        'jump = "ops@gate"',
        (
            'jump: "ops@gate" is not the name of a host; '
            "a user, a port or further jumps belong to a Host entry of ~/.ssh/config"
        ),
    ),
    ('address = "-oProxyCommand=x"', 'address: "-oProxyCommand=x" is not an address'),
    ('user = "-l"', "user: \"-l\" is not one word (no blanks, no commas, no '-' in front)"),
    ('exclude = ["docker io"]', 'exclude[0]: "docker io" is not a package name'),
    ('identity = ""', "identity: must not be empty; leave the key out instead"),
    ('snapshot = "x \'y"', 'snapshot: "x \'y" leaves a quotation mark open'),
    (r'snapshot = "a\u0000b"', r'snapshot: "a\u0000b" holds a control character'),
]


@pytest.mark.parametrize(("line", "expected"), KEYS)
def test_a_key_of_a_host(tmp_path: Path, line: str, expected: str) -> None:
    assert told(tmp_path, f"{HOST}\n{line}\n") == [f"3: hosts.a.{expected}"]


SERVICES = [
    ('names = ["a b"]', 'names[0]: "a b" is not a DNS name'),
    (
        'names = ["https://x.example.com/"]',
        'names[0]: "https://x.example.com/" is not a DNS name; did you mean "x.example.com"?',
    ),
    (
        'names = ["münchen.example.com"]',
        (
            'names[0]: "münchen.example.com" is not a DNS name; '
            'write its ASCII form "xn--mnchen-3ya.example.com"'
        ),
    ),
    (
        'volumes = ["/"]',
        (
            'volumes[0]: "/" belongs to the system (the whole system); a volume is a directory of '
            "a service's data; name the directories below it that hold data"
        ),
    ),
    (
        'volumes = ["/var/lib/dpkg/info"]',
        (
            'volumes[0]: "/var/lib/dpkg/info" belongs to the system (the package manager\'s '
            "record of what is installed here); a volume is a directory of a service's data"
        ),
    ),
    *(
        (
            f'volumes = ["{path}"]',
            (
                f'volumes[0]: "{shown or path}" belongs to the system ({why}); a volume is a '
                f"directory of a service's data{'; ' + BELOW if below else ''}"
            ),
        )
        for path, shown, why, below in (
            (
                "/etc//",
                "/etc",
                "the configuration of this very machine, its name, accounts and addresses among it",
                True,
            ),
            ("/usr", None, "programs and libraries of the installed release", True),
            ("/var", None, "the package manager's records and the logs among the data", True),
            ("/boot/efi", None, "the kernels and the boot loader of this very machine", False),
            ("/proc", None, "made anew by the kernel and the system at each boot", False),
            ("/etc/ssh", None, "the host keys by which this very machine is known", False),
        )
    ),
    (
        'volumes = ["srv"]',
        'volumes[0]: "srv" is not an absolute path; volumes are paths on the host',
    ),
    (
        'volumes = ["/srv/../etc"]',
        'volumes[0]: "/srv/../etc" is not an absolute path; volumes are paths on the host',
    ),
    (
        'volumes = ["/srv/x", "/srv/x/y/"]',
        (
            "volumes[1]: /srv/x/y lies in the volume /srv/x; it would be copied twice "
            "(see line 4); name only one of them"
        ),
    ),
    ('volumes = ["/srv/x", "/srv//x"]', "volumes[1]: /srv/x is named twice (see line 4)"),
    (
        'freeze = "pause"',
        (
            "freeze: freeze is a command, and thaw is missing; "
            "the way back needs the command that undoes it: thaw = ..."
        ),
    ),
    (
        'freeze = "stop"',
        (
            'freeze: "stop" has nothing to stop: the service has neither units nor containers; '
            "name them, or give a command"
        ),
    ),
    (
        'workers = ["queue.service"]',
        'workers[0]: "queue.service" is not among the units of this service',
    ),
    ("checks = [{}]", "checks[0]: a check without a kind; one of http, tcp, unit, command"),
    (
        'checks = [{tcp = 1}, {tcp = 2, unit = "x"}]',
        "checks[1]: tcp and unit in one check; write each as a check of its own",
    ),
    (
        "checks = [{tcp = 1, expect = 200}]",
        "checks[0].expect: expect goes with http only; take it out",
    ),
    (
        'checks = [{http = "x.example.com"}]',
        (
            'checks[0].http: "x.example.com" is not an http or https URL; '
            'did you mean "https://x.example.com"?'
        ),
    ),
    ("checks = [{tpc = 1}, {tcp = 2}]", 'checks[0].tpc: unknown key; did you mean "tcp"?'),
]


@pytest.mark.parametrize(("line", "expected"), SERVICES)
def test_a_key_of_a_service(tmp_path: Path, line: str, expected: str) -> None:
    text = f'{HOST}[services.s]\nhost = "a"\n{line}\n'
    assert told(tmp_path, text) == [f"4: services.s.{expected}"]


WHOLE = [
    # references
    (
        '[hosts.web1]\n[services.s]\nhost = "web2"',
        ['3: services.s.host: there is no host "web2" in this inventory; did you mean "web1"?'],
    ),
    (
        "[hosts.web1]\n[services.s]",
        ['2: services.s: the key "host" is missing; host = "web1" says on which server s lives'],
    ),
    (
        '[hosts.db1]\n[hosts.a]\nafter = ["db1", "bd1"]',
        ['3: hosts.a.after[1]: there is no host "bd1" in this inventory; did you mean "db1"?'],
    ),
    (
        '[defaults]\nafter = ["gone"]\n[hosts.a]\n[hosts.b]',
        ['2: defaults.after[0]: there is no host "gone" in this inventory'],
    ),
    (
        '[hosts.db1]\nretiring = true\nsuccessor = "bd2"\n[hosts.db2]',
        ['3: hosts.db1.successor: there is no host "bd2" in this inventory; did you mean "db2"?'],
    ),
    # loops
    (
        '[hosts.a]\njump = "b"\n[hosts.b]\njump = "c"\n[hosts.c]\njump = "a"',
        [
            (
                "6: hosts.c.jump: a loop: a -> b -> c -> a; no host of it would ever be reached; "
                "take one jump out"
            )
        ],
    ),
    (
        '[hosts.a]\nafter = ["b"]\n[hosts.b]\nafter = ["a"]',
        [("4: hosts.b.after: a loop: a -> b -> a; none would ever be first; take one after out")],
    ),
    ('[hosts.a]\njump = "a"', ["2: hosts.a.jump: a names itself"]),
    # one machine twice
    (
        '[hosts.a]\naddress = "h.example.com"\n[hosts.b]\naddress = "H.example.com"\nport = 22',
        [
            (
                "4: hosts.b.address: the same address, port and user as a (see line 1); "
                "a server stands in the inventory once"
            )
        ],
    ),
    (
        '[hosts.a]\ntransport = "local"\n[hosts.b]\ntransport = "local"',
        [
            (
                "4: hosts.b.transport: this machine itself, as is a (see line 1); "
                "a server stands in the inventory once"
            )
        ],
    ),
    (
        '[hosts.a]\naddress = "x"\n[hosts.A]\naddress = "y"',
        ["3: hosts.A: differs from a by upper and lower case alone (see line 1)"],
    ),
    # names
    (
        (
            '[hosts."git.example.com"]\n[services.git]\nhost = "git.example.com"\n'
            'names = ["git.example.com."]'
        ),
        [
            (
                '1: hosts."git.example.com": git.example.com is a DNS name of the service git; '
                "servers are never named after a service, else its name could not move to a "
                "successor (see line 4); give the server a name of its own, such as server1"
            )
        ],
    ),
    (
        (
            '[hosts.a]\naddress = "git.example.com"\n[services.git]\nhost = "a"\n'
            'names = ["git.example.com"]'
        ),
        [
            (
                "2: hosts.a.address: git.example.com is a DNS name of the service git; servers "
                "are never named after a service, else its name could not move to a successor "
                "(see line 5); give the server a name of its own, such as server1"
            )
        ],
    ),
    (
        '[hosts."web 1"]',
        [
            (
                "1: hosts.\"web 1\": \"web 1\" can't name a host: letters, digits, '-', '_' "
                "and '.' "
                'in labels of 1 to 63, a letter or digit at both ends; such as "web-1"'
            )
        ],
    ),
    (
        "[hosts.web1.servers.example]\nport = 22",
        [
            (
                "1: hosts.web1.servers: unknown key; a name with dots is written in quotes: "
                '[hosts."web1.servers.example"]'
            )
        ],
    ),
    (
        (
            '[hosts.a]\n[services.s]\nhost="a"\nnames=["x.test"]\n'
            '[services.t]\nhost="a"\nnames=["X.test"]'
        ),
        ["7: services.t.names[0]: x.test already belongs to s (see line 4)"],
    ),
    # zones
    (
        '[zones."example.com"]',
        [
            (
                '1: zones."example.com": neither server nor command: nothing says how this zone is '
                "changed; server = the primary that takes RFC 2136 updates, or command = a script"
            )
        ],
    ),
    (
        '[zones.z]\nserver = "192.0.2.1:5353"',
        [
            (
                '2: zones.z.server: "192.0.2.1:5353" is not an address; '
                'write server = "192.0.2.1" and port = 5353'
            )
        ],
    ),
    (
        '[zones.z]\nserver = "192.0.2.1"\ncommand = "sh"',
        ["3: zones.z.command: server and command in one zone; keep one of them"],
    ),
    (
        '[zones.z]\nserver = "192.0.2.1"\nkey_name = "k."',
        [
            (
                "3: zones.z.key_name: nothing says where the key's secret is; "
                "one of key_file, key_env, key_command"
            )
        ],
    ),
    (
        '[zones.z]\nserver = "192.0.2.1"\nkey_env = "K"',
        ["3: zones.z.key_env: the key has no name; key_name = the TSIG key's name"],
    ),
    (
        '[zones.z]\nserver = "192.0.2.1"\nkey_name = "k"\nkey_env = "K"\nkey_file = "k"',
        ["4: zones.z.key_env: key_file and key_env in one zone; keep one of them"],
    ),
    (
        '[zones.z]\ncommand = "sh"\nport = 53',
        ["3: zones.z.port: port goes with server only"],
    ),
    # tables
    ("[default]", ['1: default: unknown table; did you mean "defaults"?']),
    ("[web1]", ['1: web1: unknown table; a host is written [hosts."web1"]']),
    (
        'user = "ops"',
        ["1: user: unknown key; write it below [defaults] or [hosts.NAME]: user = ..."],
    ),
    ("hosts = 3", ["1: hosts: must be tables; write [hosts.NAME]"]),
    ("[hosts]\na = 3", ["2: hosts.a: must be a table; write [hosts.a] and its keys below"]),
    (
        "[[hosts.a]]\nport = 1",
        ["1: hosts.a: must be one table, not a list of them; write [hosts.a]"],
    ),
    (
        '[defaults]\naddress = "x"',
        ["2: defaults.address: unknown key; it belongs to [hosts.NAME]"],
    ),
    (  # a store's URL may hold a password and is never repeated
        '[store]\nurl = "postgres://me:pw@x"',
        ['2: store.url: must begin with "sqlite:///" or "postgresql://"; write "postgresql://..."'],
    ),
]


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_a_whole_inventory(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert told(tmp_path, text) == expected


def test_all_faults_come_at_once_and_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        """\
        [services.s]
        host = "nowhere"
        volumes = ["/", "/srv/a", "/srv"]
        checks = [{}, {http = "x"}, {tcp = 3, unit = "u"}]
        [hosts.a]
        port = "x"
        window = "never"
        after = ["b", 3, "c"]
        [hosts.b]
        after = ["a"]
        """,
    )
    starts = [line.split(": ")[0] + " " + line.split(": ")[1] for line in found]
    assert starts == [
        "2 services.s.host",
        "3 services.s.volumes[0]",
        "3 services.s.volumes[1]",
        "4 services.s.checks[1].http",
        "4 services.s.checks[0]",
        "4 services.s.checks[2]",
        "6 hosts.a.port",
        "7 hosts.a.window",
        "8 hosts.a.after[1]",
        "8 hosts.a.after[2]",
        "10 hosts.b.after",
    ]


def test_lists_with_wrong_elements_keep_the_numbers_of_the_file(tmp_path: Path) -> None:
    found = told(tmp_path, "[hosts.a]\nafter = [\n 1,\n 'gone',\n]\n")
    assert found == [
        '3: hosts.a.after[0]: must be text, not the number 1; write "1"',
        '4: hosts.a.after[1]: there is no host "gone" in this inventory',
    ]


def test_control_characters_of_the_file_never_reach_the_terminal(tmp_path: Path) -> None:
    hostile = r"\u001b]0;x\u0007\u009b2J\u202e\u007f"
    found = told(
        tmp_path,
        f'[hosts."{hostile}"]\nwindow = "{hostile}"\n"{hostile}" = 1\nafter = ["{hostile}"]\n'
        f'[zones."{hostile}"]\nserver = "{hostile}"\n',
    )
    assert len(found) == 6
    assert all(line.isprintable() for line in found)


def test_a_wrong_value_is_not_told_as_missing_too(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        """\
        [services.s]
        host = 3
        freeze = "pause"
        thaw = 5
        [zones.z]
        server = 7
        """,
    )
    assert [line.split(": must be")[0] for line in found] == [
        "2: services.s.host",
        "4: services.s.thaw",
        "6: zones.z.server",
    ]


def test_suggestions_for_thousands_of_mistakes_stay_affordable(tmp_path: Path) -> None:
    hosts = "".join(f"[hosts.server{n}]\n" for n in range(2_000))
    services = "".join(f'[services.s{n}]\nhost = "sevrer{n}"\n' for n in range(2_000))
    started = time.process_time()
    found = told(tmp_path, hosts + services)
    assert time.process_time() - started < 20  # comparing all with all takes minutes
    assert len(found) == 2_000
    assert 'did you mean "server0"' in found[0]
