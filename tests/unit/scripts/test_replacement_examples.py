"""The example scripts of a replacement, run with doubles of ssh, tofu and ansible-playbook."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from engine.inventory import schema
from engine.inventory.reading import read_text
from engine.scripts.events import VARIABLES
from engine.scripts.printed import read_backup_time, read_provisioned
from tests.unit.scripts.test_printed import host_key

EXAMPLES = Path(__file__).parents[3] / "docs/examples/replacement"
KEY = host_key()
# A hypervisor with the machines in $LAB/machines, a backup server, and hosts that run what they
# are told with /srv, /opt and systemctl in $LAB.
SSH = r"""#!/bin/sh
if [ "$1" = -n ]; then shift; exec </dev/null; fi
where=$1; shift
printf '%s: %s\n' "$where" "$*" >>"$LAB/calls"
cd "$LAB"
export PATH="$LAB/remote:$PATH"
printf '%s\n' "$*" | sed "s,/srv/,$LAB/srv/,g; s,/opt/,$LAB/opt/,g; s,/root/,$LAB/root/,g
s,/backup/,$LAB/backup/,g" >"$LAB/command"
exec sh "$LAB/command"
"""
VIRSH = r"""#!/bin/sh
state=$LAB/machines/$2
case $1 in
domstate) cat "$state" ;;
start) echo running >"$state" ;;
shutdown) echo 'shut off' >"$state" ;;
domifaddr) printf ' Name  MAC  Protocol  Address\n vnet0  52:54:00:1:2:3  ipv4  192.0.2.7/24\n' ;;
list) ls "$LAB/machines" ;;
undefine) rm "$state" ;;
esac
"""
VIRT_INSTALL = r"""#!/bin/sh
[ "$1" = --name ] && [ ! -e "$LAB/machines/$2" ] || exit 1
cp "$LAB/root/$2.user-data" "$LAB/seen-user-data"
echo running >"$LAB/machines/$2"
"""
KEYGEN = f"""#!/bin/sh
for file; do :; done
echo secret >"$file"
echo '{KEY} server2' >"$file.pub"
"""
TOFU = r"""#!/bin/sh
printf '%s\n' "$*" >>"$LAB/calls"
shift
case $1 in
apply) echo 'Apply complete!' ;;
output) printf '%s' "$OUTPUT" ;;
esac
"""
ANSIBLE = '#!/bin/sh\nprintf \'%s\\n\' "$@" >>"$LAB/calls"\n'


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("bin", "remote", "machines", "root", "srv", "opt", "backup/wiki", "team"):
        (tmp_path / folder).mkdir(parents=True)
    doubles = {
        "bin/ssh": SSH, "bin/ssh-keygen": KEYGEN, "bin/tofu": TOFU, "bin/ansible-playbook": ANSIBLE,
        "remote/virsh": VIRSH, "remote/virt-install": VIRT_INSTALL,
        "remote/systemctl": '#!/bin/sh\necho "$*" >>"$LAB/units"\n', "bin/sleep": "#!/bin/sh\n",
    }  # fmt: skip
    for name, text in doubles.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("LAB", str(tmp_path))
    for name, value in {
        "RUN": "r1", "OLD": "server1", "OLD_ADDRESS": "192.0.2.1", "NEW": "server2",
        "NEW_ADDRESS": "192.0.2.7", "SERVICE": "wiki",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"HOSTSHIFT_{name}", value)
    return tmp_path


def run(lab: Path, name: str, status: int = 0) -> bytes:
    """Run an example as hostshift does: its log, standard output and error together."""
    done = subprocess.run(
        [EXAMPLES / name],
        cwd=lab / "team",
        input=b'{"schema":1}\n',
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout.decode()
    return done.stdout


def test_every_script_and_variable_has_its_contract() -> None:
    text = (EXAMPLES.parents[1] / "scripts.md").read_text()
    tables = (schema.ReplacementTable, schema.ServiceTable, schema.HostSettings)
    fields = {key: field for table in tables for key, field in table.model_fields.items()}
    keys = [key for key, field in fields.items() if field.annotation == schema.Program | None]
    assert len(keys) == 15
    keys += ["freeze", "thaw"]
    named = [*keys, *VARIABLES, "HOSTSHIFT_PASS", "HOSTSHIFT_ZONE"]
    assert [name for name in named if f"`{name}`" not in text] == []


def tar(folder: Path, target: Path) -> None:
    subprocess.run(["tar", "-C", folder, "-cf", target, "."], check=True)


def test_the_inventory_of_the_examples_has_no_fault_and_names_files_that_are_there() -> None:
    path = EXAMPLES / "inventory.toml"
    assert read_text(path, path.read_text()).warnings == ()


def test_shell_provisions_once(lab: Path) -> None:
    first = read_provisioned(run(lab, "shell/provision.sh"))
    assert first.address == "192.0.2.7"
    assert first.host_keys == (KEY,)
    given = (lab / "seen-user-data").read_text()
    assert f"ed25519_public: {KEY}\n" in given
    assert "    secret\n" in given
    assert list((lab / "root").iterdir()) == []
    (lab / "machines/server2").write_text("shut off\n")
    assert read_provisioned(run(lab, "shell/provision.sh")) == first
    assert (lab / "machines/server2").read_text() == "running\n"
    assert (lab / "calls").read_text().count("virt-install") == 1


def test_shell_says_when_there_is_no_address(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADLINE", "4")
    (lab / "remote/virsh").write_text(VIRSH.replace("192.0.2.7/24", "none"))
    assert b"has no address yet" in run(lab, "shell/provision.sh", status=1)


def test_shell_deploys_and_deploys_again(lab: Path) -> None:
    files = lab / "team/services/wiki"
    files.mkdir(parents=True)
    (files / "install.sh").write_text('echo "$PWD" >>"$LAB/installed"\n')
    for _ in range(2):
        assert run(lab, "shell/deploy.sh").endswith(b"deployed wiki on server2\n")
    assert (lab / "installed").read_text() == f"{lab}/opt/deploy/wiki\n" * 2
    (files / "install.sh").write_text("exit 3\n")
    run(lab, "shell/deploy.sh", status=3)


def test_shell_restores_the_newest_backup_and_tells_its_age(lab: Path) -> None:
    data = lab / "data"
    data.mkdir()
    (data / "page").write_text("one")
    newest = lab / "backup/wiki/newest.tar"
    tar(data, newest)
    os.utime(newest, (1_800_000_000, 1_800_000_000))
    assert read_backup_time(run(lab, "shell/backup_age.sh")).timestamp() == 1_800_000_000
    (lab / "srv/wiki").mkdir()
    (lab / "srv/wiki/left").write_text("of the deployment")
    for _ in range(2):
        run(lab, "shell/restore.sh")
        assert [file.name for file in (lab / "srv/wiki").iterdir()] == ["page"]
    assert (lab / "units").read_text() == "stop wiki.service\nstart wiki.service\n" * 2


def test_shell_restores_nothing_from_a_torn_backup_or_onto_the_old_server(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lab / "srv/wiki").mkdir()
    (lab / "backup/wiki/newest.tar").write_bytes(b"torn" * 300)
    run(lab, "shell/restore.sh", status=2)
    (lab / "backup/wiki/newest.tar").unlink()
    run(lab, "shell/restore.sh", status=1)
    monkeypatch.setenv("HOSTSHIFT_NEW_ADDRESS", "192.0.2.1")
    assert b"nothing is restored" in run(lab, "shell/restore.sh", status=1)
    assert (lab / "srv/wiki").is_dir()
    assert not (lab / "units").exists()


def test_shell_ends_the_old_server_off_first(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("server1", "server10", "server2"):
        (lab / "machines" / name).write_text("running\n")
    assert run(lab, "shell/decommission.sh").endswith(b"server1 is off\nserver1 is gone\n")
    assert run(lab, "shell/decommission.sh") == b"server1 is gone already\n"
    assert sorted(file.name for file in (lab / "machines").iterdir()) == ["server10", "server2"]
    monkeypatch.setenv("HOSTSHIFT_OLD", "server2")
    for script in ("shell/decommission.sh", "opentofu/decommission.sh"):
        assert b"it is not ended" in run(lab, script, status=1)


def test_shell_leaves_the_disk_of_a_server_that_stays_up(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEADLINE", "4")
    (lab / "machines/server1").write_text("running\n")
    (lab / "remote/virsh").write_text(VIRSH.replace("echo 'shut off' >", ": "))
    assert b"its disk is not touched" in run(lab, "shell/decommission.sh", status=1)
    assert "undefine" not in (lab / "calls").read_text()


def test_opentofu_works_in_each_servers_own_workspace(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f'{{"address":"192.0.2.7","host_keys":["{KEY}"],"id":"42"}}'
    monkeypatch.setenv("OUTPUT", said)
    found = read_provisioned(run(lab, "opentofu/provision.sh"))
    assert (found.address, found.host_keys, found.more) == ("192.0.2.7", (KEY,), {"id": "42"})
    run(lab, "opentofu/decommission.sh")
    calls = [line.split(" ", 1)[1] for line in (lab / "calls").read_text().splitlines()]
    assert calls[1:4] == [
        "workspace select -no-color -or-create server2",
        "apply -input=false -no-color -auto-approve -var name=server2",
        "output -no-color -raw hostshift",
    ]
    assert calls[5:] == [
        "workspace select -no-color server1",
        "destroy -input=false -no-color -auto-approve -var name=server1",
    ]


def test_ansible_plays_on_the_successor_alone(lab: Path) -> None:
    run(lab, "ansible/deploy.sh")
    assert (lab / "calls").read_text().splitlines() == [
        "-i", "server2,", "-e", "ansible_host=192.0.2.7", "-e", "service=wiki",
        f"{EXAMPLES}/ansible/playbook.yml",
    ]  # fmt: skip
