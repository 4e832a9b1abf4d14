"""What an upgrade was foreseen to do, held against what it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller
from tests.lab.machine import Machine
from tests.lab.scenarios import apt_get, lab_packages, switch_to

SERVICES = (
    "systemctl show -p Id -p SubState -p MainPID -p ActiveEnterTimestampMonotonic '*.service'"
)


def running(host: Machine) -> dict[str, tuple[str, str]]:
    """Main process and start of each service that runs."""
    found = {}
    for block in host.inside(SERVICES).stdout.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines())
        if fields["SubState"] == "running" and not fields["Id"].startswith(("user@", "hostshift")):
            found[fields["Id"]] = (fields["MainPID"], fields["ActiveEnterTimestampMonotonic"])
    return found


def look(eve: Controller) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The effects of an upgrade as the status tells them, and its problems by section."""
    (host,) = json.loads(eve.call("status", "--json").stdout)["hosts"]
    upgrade = next(c for c in host["candidates"] if c["id"] == "upgrade")
    return upgrade["effects"], {p["section"]: p["message"] for p in host["problems"]}


def test_what_was_foreseen_happens_and_nothing_else(new_host: NewHost, tmp_path: Path) -> None:
    host = new_host()
    lab_packages(host, "v1", ["lab-lib", "lab-docker", "lab-conf"])
    etc = host.root / "etc/lab"
    for name in ("conf", "same", "old"):
        (etc / f"{name}.ini").write_text("setting=mine\n")
    (etc / "with a blank.ini").unlink()
    (host.root / "etc/bash.bashrc").write_text("# of a package that stays\n")
    switch_to(host, "v2")
    eve = Controller(tmp_path / "eve", host)
    effects, problems = look(eve)
    assert effects["units"] == ["lab-docker.service"]
    names = ["conf.ini", "old.ini", "same.ini", "with a blank.ini"]
    assert effects["conffiles"] == [f"/etc/lab/{name}" for name in names]
    assert problems == {}
    planned = eve.call("plan", host.name, "upgrade").stdout.decode()
    assert "lab-docker.service" in planned
    assert "/etc/lab/same.ini" in planned

    # Of a package that was fetched it is known that same.ini isn't another there, and old.ini gone.
    apt_get(host, "--download-only upgrade")
    effects, problems = look(eve)
    asked = ["/etc/lab/conf.ini", "/etc/lab/with a blank.ini"]
    assert effects["conffiles"] == asked
    assert problems == {}

    # Without root a file that can't be read is unknown, and so is the whole.
    (etc / "conf.ini").chmod(0o600)
    guest = Controller(tmp_path / "guest", host, {"become": "none"})
    effects, problems = look(guest)
    assert effects["conffiles"] is None
    assert effects["units"] == ["lab-docker.service"]
    assert "root" in problems["conffiles"]

    before = running(host)
    eve.run()
    after = running(host)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"lab-docker.service"}
    beside = {path.name for path in etc.glob("*.dpkg-*")}
    assert beside == {"conf.ini.dpkg-dist", "with a blank.ini.dpkg-dist"}
    assert not [*host.root.glob("etc/**/*.dpkg-new"), *host.root.glob("etc/*.dpkg-dist")]
    effects, _ = look(eve)
    assert (effects["units"], effects["conffiles"]) == ([], [])
    story = eve.call("export", eve.last()["id"]).stdout.decode()
    table = story.split("## Foreseen and observed")[1].split("##")[0]
    assert "| units | lab-docker.service | lab-docker.service | yes |" in table
    assert f"| conffiles | {', '.join(asked)} | {', '.join(asked)} | yes |" in table
    assert "| download | 0 B | 0 B | yes |" in table
    assert "| packages | 3 changes | 3 changes | yes |" in table
    assert "| reboot | not due | not due | yes |" in table
    assert "It happened as foreseen: packages, units, containers, conffiles, reboot" in story
