"""apt's command line: options before, between and after words; ``-o NAME=VALUE``."""

from __future__ import annotations

_FLAGS = {
    "-s": "simulate",
    "--simulate": "simulate",
    "--just-print": "simulate",
    "--dry-run": "simulate",
    "--recon": "simulate",
    "--no-act": "simulate",
    "-y": "yes",
    "--yes": "yes",
    "--assume-yes": "yes",
    "-f": "fix",
    "--fix-broken": "fix",
    "-d": "download",
    "--download-only": "download",
    "--with-new-pkgs": "new",
    "--print-uris": "uris",
    "--upgradable": "upgradable",
    "--upgradeable": "upgradable",
    "--no-remove": "no-remove",
    "--no-download": "no-download",
    "--only-upgrade": "only-upgrade",
    "-eany": "error-any",
    "--error-on=any": "error-any",
    "--no-install-recommends": "no-recommends",
    "--no-show-progress": "quiet",
    "-V": "verbose-versions",
    "--verbose-versions": "verbose-versions",
    "--show-progress": "progress",
    "--no-release-info": "no-release-info",
    "--version": "version",
    "-v": "version",
}


class Options:
    """A parsed command line."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.settings: dict[str, str] = {}
        self.words: list[str] = []

    def setting(self, name: str, default: str = "") -> str:
        """The value of ``-o NAME=VALUE``; names are without regard to case, as in apt."""
        return self.settings.get(name.lower(), default)

    def truth(self, name: str) -> bool:
        """A setting as apt reads truth (apt.conf(5))."""
        return self.setting(name).lower() in ("1", "yes", "true", "with", "on", "enable")


class UnknownOptionError(Exception):
    """An option that the double doesn't know: better said than passed over."""


def parse(arguments: list[str]) -> Options:
    """Take a command line apart.

    Raises:
        UnknownOptionError: an option is not known here.
    """
    options = Options()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-o", "--option"):
            _set(options, rest.pop(0) if rest else "")
        elif word == "--format":
            options.settings["format"] = rest.pop(0) if rest else ""
        elif word.startswith("-o") and "=" in word:
            _set(options, word[2:])
        elif word.startswith("--option="):
            _set(options, word[len("--option=") :])
        elif word in ("-q", "-qq", "--quiet") or word.startswith(("-q=", "--quiet=")):
            options.flags.add("very-quiet" if word == "-qq" or word[-1] == "2" else "quiet")
        elif word in _FLAGS:
            options.flags.add(_FLAGS[word])
        elif word.startswith("-") and not word.startswith("--") and len(word) > 2:
            # Short options may stand together: -yq is -y -q.
            rest[:0] = [f"-{letter}" for letter in word[1:]]
        elif word.startswith("-"):
            raise UnknownOptionError(
                f"E: Command line option {word} is not understood in combination with the other "
                "options"
            )
        else:
            options.words.append(word)
    return options


def _set(options: Options, text: str) -> None:
    name, equals, value = text.partition("=")
    if not equals:
        raise UnknownOptionError(
            f"E: Option {text}: Configuration item specification must have an =<val>."
        )
    options.settings[name.lower().removesuffix("::")] = value
