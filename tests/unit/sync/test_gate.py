"""sync_gate.sh under each shell: what a one-time key can do, and that it can do nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.sync.passes import wire_of
from tests.unit.sync.gate import RUN, SHELLS, Gate

ODD = "/srv/o dd*[x]?'\"$(id)\\`~ü%\nline"
VOLUMES = ("/srv/data", "/srv/data2", ODD)
OPTIONS = "-logDtpHAXrxSe.iLsfxCIvu --timeout=120 --numeric-ids"
ASKED = f"rsync --server --sender {OPTIONS} . /srv/data/"


@pytest.fixture(params=SHELLS)
def gate(request: pytest.FixtureRequest, tmp_path: Path) -> Gate:
    return Gate(tmp_path / "host", str(request.param), VOLUMES)


@pytest.mark.parametrize("volume", VOLUMES)
@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        "-nlHogDtpAXrcxSe.LsfxCIvu --timeout=120 --bwlimit=1000 --numeric-ids",
        "-nldHogDtpAXxSe.LsfxCIvu --numeric-ids",
    ],
)
def test_a_volume_is_read(gate: Gate, volume: str, options: str) -> None:
    answer = gate.ask(f"rsync --server --sender {options} . {wire_of(volume)}/")
    assert answer.status == 0, answer.error
    assert answer.words == ("--server", "--sender", *options.split(), ".", "./")
    assert answer.directory == str(gate.directory(volume)).replace("\n", " ") + " "


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "id",
        "sh -c id",
        f"rsync --server {OPTIONS} . /srv/data/",
        ASKED + "../",
        ASKED + " ",
        ASKED.removesuffix("/"),
        ASKED.replace("/srv/data/", "/srv/"),
        ASKED.replace("/srv/data/", "/etc/"),
        ASKED.replace("/srv/data/", "/srv/data2x/"),
        ASKED.replace("/srv/data/", "/srv/./data/"),
        ASKED.replace("/srv/data/", "/srv/data/ /etc/"),
        ASKED.replace(" . ", " . /etc . "),
        ASKED.replace(" . ", " /etc . "),
        ASKED.replace("rsync ", "/tmp/rsync "),
        ASKED + "\nid",
        ASKED + "; id",
        ASKED + "$(id)",
        ASKED.replace("/srv/data/", "$HOME/"),
        *(
            ASKED.replace("--numeric-ids", option)
            for option in (
                "--remove-source-files", "--remove-sent-files", "--log-file=/root/x", "--daemon",
                "--files-from=/etc/shadow", "--config=/tmp/x", "--delete", "--copy-links",
                "--copy-unsafe-links", "--rsync-path=x", "--timeout=", "--timeout=1x",
                "--bwlimit=-1",
                "--secluded-args", "--protect-args", "--write-batch=x", "--sender", "--server",
                "--",
                "-s", "-L", "-k", "-K", "-R", "-M--x", "-", "-e", "-le", "-lesh", "-le/bin/sh",
                "-le.i/x", "-l-", "--temp-dir=/root", "--chmod=777", "-e.i,x", "--no-numeric-ids",
            )
        ),
    ],
)  # fmt: skip
def test_everything_else_is_refused_in_words(gate: Gate, asked: str) -> None:
    answer = gate.ask(asked)
    assert (answer.directory, answer.status) == (None, 43)
    assert answer.error.startswith("hostshift: server1 refuses: ")
    assert answer.error.count("\n") == 1


def test_sums_are_told_of_a_volume_of_the_run_and_of_nothing_else(gate: Gate) -> None:
    place = gate.directory("/srv/data")
    (place / "large").write_bytes(bytes(1024))
    (place / "link").symlink_to("/etc/passwd")
    done = gate.run("sums 1 . /srv/data/")
    assert done.stdout.decode() == f"{hashlib.sha256(b'x').hexdigest()}  ./file\0"
    assert (done.returncode, done.stderr) == (0, b"")
    for asked in (
        "sums 1 . /etc/", "sums 1 . /srv/data/../", "sums 1 . /srv/data", "sums . /srv/data/",
        "sums x . /srv/data/", "sums -1 . /srv/data/", "sums 1 2 . /srv/data/",
        "sums 1 . /srv/data/;id", "sums 1 . /etc/ . /srv/data/",
    ):  # fmt: skip
        refused = gate.run(asked)
        assert (refused.returncode, refused.stdout) == (43, b""), asked


def test_a_volume_that_is_gone_or_empty_is_refused(gate: Gate) -> None:
    place = gate.directory("/srv/data")
    (place / "file").rename(place / "lost+found")
    assert "is empty" in gate.ask(ASKED).error
    (place / "lost+found").unlink()
    assert "is empty" in gate.ask(ASKED).error
    (place / ".hidden").touch()
    assert gate.ask(ASKED).status == 0
    (place / ".hidden").unlink()
    place.rmdir()
    assert "not there" in gate.ask(ASKED).error
    place.write_text("a file")
    assert "no directory" in gate.ask(ASKED).error


@pytest.mark.parametrize(
    "direction",
    ["", f"{RUN} target 10.0.0.2\n", f"{RUN} source x\n{RUN} target y\n", "x source y\n"],
)
def test_only_the_source_of_the_run_gives(gate: Gate, direction: str) -> None:
    gate.direction.write_text(direction)
    answer = gate.ask(ASKED)
    assert (answer.directory, answer.status) == (None, 43)
    assert "not the source" in answer.error
    gate.direction.unlink()
    assert gate.ask(ASKED).status == 43
