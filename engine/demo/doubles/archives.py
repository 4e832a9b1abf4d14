"""Archives of packages that are on offer: a tar with their configuration files, and no more.

Made up like all of the demo; dpkg-deb(1), as far as ``--fsys-tarfile`` goes, only prints it.
"""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

from .packages import Available, Database
from .state import ROOT, err, now

KEPT = ROOT / "var/cache/apt/archives"


def conffile_text(path: str, name: str, version: str) -> str:
    """What a package brings as this configuration file."""
    return f"# {path} of {name} {version}\n"


def keep(folder: Path, offer: Available, database: Database) -> None:
    """Put an archive there, named as apt names it."""
    installed = database.installed.get(offer.key)
    lines = installed.fields.get("Conffiles", "").split("\n") if installed else []
    paths = [line.rpartition(" ")[0] for line in lines if line]
    name = f"{offer.key[0]}_{offer.version.replace(':', '%3a')}_{offer.fields['Architecture']}.deb"
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / name, "w") as archive:
        for path in paths:
            text = conffile_text(path, offer.key[0], offer.version).encode()
            member = tarfile.TarInfo(f".{path}")
            member.size, member.mode, member.mtime = len(text), 0o644, int(now())
            archive.addfile(member, io.BytesIO(text))


def download(words: list[str]) -> int:
    """apt-get download NAME=VERSION..., into the working directory."""
    database = Database()
    for word in words:
        name, _, version = word.partition("=")
        for package, offer in database.upgradable():
            if package.key[0] == name.partition(":")[0] and offer.version == version:
                keep(Path.cwd(), offer, database)
                break
        else:
            err(f"E: Version '{version}' for '{name}' was not found")
            return 100
    return 0


def main(program: str, arguments: list[str]) -> int:
    """Run dpkg-deb."""
    if len(arguments) != 2 or arguments[0] != "--fsys-tarfile":
        err("dpkg-deb: error: need an action option")
        return 2
    sys.stdout.buffer.write(Path(arguments[1]).read_bytes())
    return 0
