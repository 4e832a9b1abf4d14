"""What a release upgrade makes of apt's sources, by the shipped functions under a real shell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.shell import Script

ORIGINS = """\
http://mirror/debian/ Debian
http://security/debian-security/ Debian
https://x/ Docker
"""


def become(place: Path, function: str, text: str) -> tuple[str, str]:
    """What is made of a file's text, and what is said of it."""
    home = place / "var/lib/hostshift/release"
    home.mkdir(parents=True, exist_ok=True)
    (home / "origins").write_text(ORIGINS)
    script = f"root={place}\n{Script.host('release.sh').text}\n{function} bookworm trixie"
    done = subprocess.run(
        ["sh", "-c", script], input=text, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("deb http://mirror/debian bookworm main", "deb http://mirror/debian trixie main"),
        ("deb http://mirror/debian/ bookworm-updates main contrib",
         "deb http://mirror/debian/ trixie-updates main contrib"),
        ("deb-src  http://mirror/debian\tbookworm main",
         "deb-src  http://mirror/debian\ttrixie main"),
        ("deb [ arch=amd64 signed-by=/k ] http://security/debian-security bookworm-security main",
         "deb [ arch=amd64 signed-by=/k ] http://security/debian-security trixie-security main"),
        ("deb http://security/debian-security bookworm/updates main",
         "deb http://security/debian-security trixie-security main"),
        ("deb http://mirror/debian bookworm-backports main",
         "# off for trixie, backports: deb http://mirror/debian bookworm-backports main"),
        ("deb https://x bookworm stable",
         "# off for trixie, not of Debian: deb https://x bookworm stable"),
        ("deb https://unheard/of bookworm main",
         "# off for trixie, not of Debian: deb https://unheard/of bookworm main"),
        ("deb http://mirror/debian stable main", "deb http://mirror/debian stable main"),
        ("deb http://mirror/debian bookwormish main", "deb http://mirror/debian bookwormish main"),
        ("# deb https://x bookworm stable", "# deb https://x bookworm stable"),
        ("", ""),
    ],
)  # fmt: skip
def test_one_line_sources(tmp_path: Path, line: str, becomes: str) -> None:
    made, said = become(tmp_path, "next_lines", f"# first\n{line}\n")
    assert made == f"# first\n{becomes}\n"
    assert ("hostshift: " in said) == (line != becomes)
    assert become(tmp_path, "next_lines", made)[0] == made, "a second time changes nothing"


STANZAS = """\
# Debian
Types: deb deb-src
URIs: http://mirror/debian
Suites: bookworm bookworm-updates
 bookworm-backports
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 bookworm
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: https://x
Suites: bookworm
Components: stable
Enabled: yes

types: deb
uris: http://mirror/debian/
suites: bookworm-backports
components: main

Types: deb
URIs: https://x
Suites: bookworm
Enabled: no
"""
BECOME = """\
# Debian
Types: deb deb-src
URIs: http://mirror/debian
Suites: trixie trixie-updates
# off for trixie, backports: bookworm-backports
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 bookworm
 -----END PGP PUBLIC KEY BLOCK-----

# Off for trixie: not of Debian.
Enabled: no
Types: deb
URIs: https://x
Suites: bookworm
Components: stable

# Off for trixie: backports.
Enabled: no
types: deb
uris: http://mirror/debian/
suites:
components: main

Types: deb
URIs: https://x
Suites: bookworm
Enabled: no
"""


def test_deb822_sources(tmp_path: Path) -> None:
    made, said = become(tmp_path, "next_stanzas", STANZAS)
    assert made == BECOME
    assert "off, not of Debian: https://x" in said
    assert "bookworm-updates becomes trixie-updates" in said


def test_a_source_with_another_beside_it_is_not_debians(tmp_path: Path) -> None:
    text = "Types: deb\nURIs: http://mirror/debian https://x\nSuites: bookworm\n"
    made, _ = become(tmp_path, "next_stanzas", text)
    assert made.endswith(f"Enabled: no\n{text}")
