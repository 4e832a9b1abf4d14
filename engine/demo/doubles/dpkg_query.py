"""dpkg-query(1): -W with a format, -l, -s."""

from __future__ import annotations

import fnmatch
import re
import sys

from .packages import Database, Installed, native
from .state import err, out, stanza_text

_FIELD = re.compile(r"\$\{([^};]+)(?:;(-?\d+))?\}")
_WANT = {"unknown": "u", "install": "i", "hold": "h", "deinstall": "r", "purge": "p"}
_STATE = {
    "not-installed": "n",
    "config-files": "c",
    "half-installed": "H",
    "unpacked": "U",
    "half-configured": "F",
    "triggers-awaited": "W",
    "triggers-pending": "t",
    "installed": "i",
}


def main(program: str, arguments: list[str]) -> int:
    """Run dpkg-query."""
    form, words, mode = "${binary:Package}\t${Version}\n", [], ""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-W", "--show", "-l", "--list", "-s", "--status"):
            mode = word
        elif word in ("-f", "--showformat"):
            form = rest.pop(0) if rest else ""
        elif word.startswith(("-f=", "--showformat=")):
            form = word.partition("=")[2]
        elif word.startswith("-f") and len(word) > 2:
            form = word[2:]
        elif word.startswith("-"):
            err(f"dpkg-query: error: unknown option {word}")
            return 2
        else:
            words.append(word)
    return _show(mode, form, words)


def _show(mode: str, form: str, words: list[str]) -> int:
    packages = sorted(Database().installed.values(), key=lambda package: package.key)
    status, chosen = 0, []
    for word in words or ["*"]:
        name, _, arch = word.partition(":")
        found = [
            package
            for package in packages
            if fnmatch.fnmatchcase(package.key[0], name) and arch in ("", "any", package.key[1])
        ]
        if not found:
            err(f"dpkg-query: no packages found matching {word}")
            status = 1
        chosen += [package for package in found if package not in chosen]
    for package in chosen:
        if mode in ("-s", "--status"):
            out(stanza_text(package.fields).rstrip("\n") + "\n")
        elif mode in ("-l", "--list"):
            summary = package.fields.get("Description", "").split("\n")[0]
            out(
                f"{_abbreviation(package).strip():3} {package.key[0]} {package.version} "
                f"{package.key[1]} {summary}"
            )
        else:
            sys.stdout.write(_formatted(form, package))
    return status


def _formatted(form: str, package: Installed) -> str:
    def value(match: re.Match[str]) -> str:
        text, width = _value(match.group(1), package), int(match.group(2) or 0)
        return text.ljust(-width) if width < 0 else text.rjust(width)

    text = form.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
    return _FIELD.sub(value, text)


def _value(name: str, package: Installed) -> str:
    fields = package.fields
    want, flag, state = fields["Status"].split()
    special = {
        "binary:Package": _binary_name(package),
        "binary:Summary": fields.get("Description", "").split("\n")[0],
        "db:Status-Abbrev": _abbreviation(package),
        "db:Status-Want": want,
        "db:Status-Eflag": flag,
        "db:Status-Status": state,
        "source:Package": fields.get("Source", fields["Package"]).split(" ")[0],
        "source:Version": fields.get("Version", ""),
        "Conffiles": fields.get("Conffiles", "").replace("\n", "\n "),
    }
    if name in special:
        return special[name]
    lowered = {key.lower(): text for key, text in fields.items()}
    return lowered.get(name.lower(), "")


def _binary_name(package: Installed) -> str:
    name, arch = package.key
    foreign = arch != native()
    return f"{name}:{arch}" if foreign or package.fields.get("Multi-Arch") == "same" else name


def _abbreviation(package: Installed) -> str:
    want, flag, state = package.fields["Status"].split()
    return _WANT[want] + _STATE[state] + ("R" if flag == "reinstreq" else " ")
