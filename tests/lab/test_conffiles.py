"""Configuration files: shown as diffs, kept or taken by choice, and put back where it fails."""

from __future__ import annotations

import json
from pathlib import Path

from tests.lab.conftest import NewHost
from tests.lab.controller import Controller
from tests.lab.machine import Machine
from tests.lab.scenarios import lab_packages, switch_to

CONF = "/etc/lab/conf.ini"
BLANK = "/etc/lab/with a blank.ini"


def edited(new_host: NewHost) -> tuple[Machine, Path]:
    host = new_host()
    lab_packages(host, "v1", ["lab-conf"])
    etc = host.root / "etc/lab"
    for name in ("conf.ini", "same.ini"):
        (etc / name).write_text("setting=mine\x1b[31m\n")
    (etc / "conf.ini").chmod(0o640)
    (etc / "with a blank.ini").unlink()
    switch_to(host, "v2")
    return host, etc


def texts(etc: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(etc.iterdir())}


def test_a_file_that_is_taken_is_the_packages_and_the_other_is_kept(
    new_host: NewHost, tmp_path: Path
) -> None:
    host, etc = edited(new_host)
    before = texts(etc)
    eve = Controller(tmp_path / "eve", host)

    told = eve.call("conffiles", host.name, "upgrade").stdout.decode()
    assert "\x1b" not in told
    assert "  -setting=mine\n  +setting=2\n" in told
    assert "(you removed it)" in told
    assert "--take '/etc/lab/with a blank.ini'" in told
    found = json.loads(eve.call("conffiles", host.name, "upgrade", "--json").stdout)["conffiles"]
    assert {one["path"]: one["asks"] for one in found} == {
        CONF: True, BLANK: True, "/etc/lab/same.ini": False,
    }  # fmt: skip
    assert texts(etc) == before, "to look changes nothing"
    assert not [*host.root.glob("tmp/hostshift*")]

    wrong = eve.call("plan", host.name, "upgrade", "--take", "/etc/passwd", check=2)
    assert b"asks about no configuration file /etc/passwd" in wrong.stderr
    words = (host.name, "upgrade", "--take", CONF)
    plan = json.loads(eve.call("plan", *words, "--json").stdout)
    plain = json.loads(eve.call("plan", host.name, "upgrade", "--json").stdout)
    assert plan["digest"] != plain["digest"]
    refused = eve.call("run", host.name, "upgrade", "--confirm", plan["digest"], check=5)
    assert b"take_new" in refused.stderr
    done = eve.call("run", *words, "--confirm", plan["digest"])
    after = texts(etc)
    assert (after["conf.ini"], after["conf.ini.dpkg-old"]) == ("setting=2\n", before["conf.ini"])
    assert (etc / "conf.ini").stat().st_mode & 0o777 == 0o640
    assert after["same.ini"] == before["same.ini"]
    assert {name for name in after if ".dpkg-" in name} == {
        "conf.ini.dpkg-old", "with a blank.ini.dpkg-dist",
    }  # fmt: skip
    said = f"took the package's {CONF}; yours is beside it as .dpkg-old"
    assert said in done.stderr.decode()


def test_what_was_taken_goes_back_where_the_package_does_not_come(
    new_host: NewHost, tmp_path: Path
) -> None:
    host, etc = edited(new_host)
    before = texts(etc)
    hook = host.root / "etc/apt/apt.conf.d/99stop"
    hook.write_text('DPkg::Pre-Invoke {"exit 1";};\n')
    eve = Controller(tmp_path / "eve", host)
    words = (host.name, "upgrade", "--take", CONF, "--take", BLANK)
    digest = json.loads(eve.call("plan", *words, "--json").stdout)["digest"]
    done = eve.call("run", *words, "--confirm", digest, check=1)
    assert texts(etc) == before
    assert b"put back /etc/lab/conf.ini: lab-conf is not 2.0-1" in done.stdout

    hook.unlink()
    eve.call("run", *words, "--confirm", digest)
    after = texts(etc)
    assert (after["conf.ini"], after["with a blank.ini"]) == ("setting=2\n", "setting=2\n")
