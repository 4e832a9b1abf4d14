"""Who is logged in, as the lines of ``reboot.sh ready`` tell it.

``session KEY=VALUE`` is loginctl(1), ``who ...`` is who(1), ``ssh PID PARENT TITLE`` is how sshd
calls its processes: "sshd: USER@TTY", "sshd: USER@notty", "sshd: USER [priv]" (session.c and
sshd.c of OpenSSH). A line without its first word's sense is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.programs.lines import cleaned_lines

_TITLE = re.compile(r"sshd(?:-session)?: (?P<user>[^@\s]+)@(?P<tty>\S+)")
_FROM = re.compile(r"\((?P<origin>[^()]*)\)\s*$")
NO_TTY = "notty"


@dataclass(frozen=True, slots=True)
class Login:
    """One login.

    Attributes:
        tty: None: it has no terminal (a command, a copy of files), or that isn't known.
        since: In the program's own words.
    """

    user: str
    tty: str | None = None
    origin: str | None = None
    since: str | None = None

    @property
    def shown(self) -> str:
        """The login in words."""
        where = f"on {self.tty}" if self.tty else "without a terminal"
        origin = f" from {self.origin}" if self.origin else ""
        return f"{self.user} is logged in {where}{origin}" + (
            f" since {self.since}" if self.since else ""
        )


@dataclass(frozen=True, slots=True)
class _Session:
    login: Login
    uid: str
    leader: str


def parse(output: bytes) -> tuple[bool, tuple[Login, ...]]:
    """Whether logins other than by sshd could be read, and who is logged in.

    Counted is who has a terminal, and who is somebody else than the user of this very connection:
    hostshift's own connections have no terminal, and other programs of the same user neither.
    """
    words: dict[str, list[str]] = {}
    for line in cleaned_lines(output):
        word, _, rest = line.partition(" ")
        words.setdefault(word, []).append(rest)
    own = next(iter(words.get("own", [])), "")
    ttys = tuple(_ssh(words.get("ssh", [])))
    found = []
    for session in _sessions(words.get("session", [])):
        login = session.login
        if login.tty is None:
            login = replace(login, tty=_tty_of(session.leader, ttys))
        if login.tty is not None or session.uid != own:
            found.append(login)
    found += _who(words.get("who", []))
    seen = {(login.user, login.tty) for login in found}
    found += [
        Login(user, tty) for _, _, user, tty in ttys if tty != NO_TTY and (user, tty) not in seen
    ]
    read = words.get("logins", ["unread"])[0] != "unread"
    return read, tuple(sorted(set(found), key=lambda x: (x.user, x.tty or "", x.origin or "")))


def _sessions(lines: Iterable[str]) -> Iterable[_Session]:
    blocks: list[dict[str, str]] = []
    for line in lines:
        key, _, value = line.partition("=")
        # Id comes first in each, and blocks have no blank line between them.
        if key == "Id" or not blocks:
            blocks.append({})
        blocks[-1][key] = value
    for block in blocks:
        user, kind = block.get("Name", ""), block.get("Class", "")
        # Others are greeters, and work in the background such as cron's (pam_systemd(8)); a
        # session that is closing has left a process behind and nobody at it.
        if user and kind.startswith("user") and block.get("State") != "closing":
            login = Login(
                user,
                block.get("TTY") or None,
                block.get("RemoteHost") or None,
                block.get("Timestamp") or None,
            )
            yield _Session(login, block.get("User", ""), block.get("Leader", ""))


def _ssh(lines: Iterable[str]) -> Iterable[tuple[str, str, str, str]]:
    """Process, its parent, user and terminal of each sshd that serves a login."""
    for line in lines:
        pid, _, rest = line.partition(" ")
        parent, _, title = rest.partition(" ")
        found = _TITLE.match(title)
        if found is not None:
            yield pid, parent, found["user"], found["tty"]


def _tty_of(leader: str, ttys: tuple[tuple[str, str, str, str], ...]) -> str | None:
    """The terminal that a session's leader or its child serves (sshd's separated privileges)."""
    served = (tty for pid, parent, _, tty in ttys if leader and leader in (pid, parent))
    return next((tty for tty in served if tty != NO_TTY), None)


def _who(lines: Iterable[str]) -> Iterable[Login]:
    """Lines of who(1): user, terminal, time, and in brackets where from."""
    leading = 2
    for line in lines:
        fields = line.split(None, leading)
        if fields[:2] == ["USER", "TTY"]:
            leading = 3  # busybox: a heading, and for how long it was idle before the time
            continue
        if len(fields) < 2:
            continue
        rest = fields[leading] if len(fields) > leading else ""
        origin = _FROM.search(rest)
        since = (rest[: origin.start()] if origin else rest).strip()
        yield Login(fields[0], fields[1], origin["origin"] if origin else None, since or None)
