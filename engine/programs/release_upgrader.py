"""do-release-upgrade(8) of Ubuntu: what its configuration and its last word from Ubuntu say.

Its own check is not asked for by a look, as it writes below /var/lib; the run asks.
"""

from __future__ import annotations

from engine.model.facts import ReleaseUpgrader
from engine.programs.lines import pairs

_PROMPTS = ("lts", "normal", "never")


def parse(output: bytes, exit_status: int | None, codename: str | None) -> ReleaseUpgrader | None:
    """Read the section ``release-upgrader``; None where it wasn't read to its end.

    Its meta-release file lists releases from the oldest on. Offered is the first one after this
    host's that is supported by now: an LTS is, for the one before it, from its first point release
    on (MetaRelease.py in update-manager).
    """
    if exit_status != 0:
        return None
    prompt, seen = None, False
    releases: list[dict[str, str]] = []
    for key, value in pairs(output):
        match key:
            case "prompt":
                prompt = value.strip().lower()
            case "dist":
                releases.append({"dist": value})
            case "version" | "supported" | "broken" if releases:
                releases[-1].setdefault(key, value)
            case "seen":
                seen = True
            case _:
                pass
    if not seen:
        return None
    known = [release["dist"] for release in releases]
    offered = None
    if codename in known:
        following = releases[known.index(codename) + 1 :]
        offered = next((r for r in following if r.get("supported") == "1"), None)
    return ReleaseUpgrader(
        prompt=prompt if prompt in _PROMPTS else None,
        asked=bool(releases),
        codename=offered["dist"] if offered else None,
        version=offered.get("version") if offered else None,
        broken=(offered.get("broken") or None) if offered else None,
    )
