"""What each refusal means and what to do about it. Pure."""

from __future__ import annotations

from engine.dns.values import Key, Problem, Server


def silent(server: Server, seconds: float) -> Problem:
    """No answer in time."""
    return Problem(
        "timeout",
        f"no answer from {server.shown} within {seconds:g} s",
        "Is it up, and do firewalls let UDP and TCP to its port through from here?",
    )


def unreachable(server: Server, reason: str, *, listening: bool) -> Problem:
    """The system could not carry the message there; ``listening`` is false where it said no."""
    if not listening:
        return Problem(
            "not-listening",
            f"nothing takes DNS at {server.shown}",
            "Start the name server there, or mend its address in the inventory or the NS set.",
        )
    return Problem(
        "unreachable",
        f"{server.shown} can't be reached from here: {reason}",
        "Mend the way there: address family, route, firewall.",
    )


def garbled(server: Server, what: str) -> Problem:
    """An answer that can't be read."""
    return Problem(
        "garbled",
        f"{server.shown} answers something that is no DNS message: {what}",
        "Does a name server listen at that port, and no box on the way change its answers?",
    )


def unnamed(name: str, reason: str) -> Problem:
    """A server's name that leads nowhere."""
    return Problem(
        "no-address",
        f"the name server {name} has no address that can be asked: {reason}",
        "Mend its A record, or name its address in the inventory.",
    )


def lame(server: Server, zone: str) -> Problem:
    """A server of the NS set, or the inventory's, that doesn't hold the zone."""
    if server.role == "primary":
        return Problem(
            "notauth",
            f"{server.shown} doesn't hold {zone}",
            "Name the zone's primary as server (dig SOA), and the zone as the server has it.",
        )
    return Problem(
        "lame",
        f"{server.shown} is a name server of {zone} and doesn't hold the zone",
        "Load the zone there (has the transfer expired?), or take it out of the NS set.",
    )


_ASKED = {
    "REFUSED": (
        "refused",
        "refuses to answer",
        "It doesn't hold the zone, or its access list (allow-query) leaves us out.",
    ),
    "SERVFAIL": (
        "servfail",
        "can't answer (SERVFAIL)",
        "Its log says why: zone expired or broken, DNSSEC, or a server it can't reach itself.",
    ),
}


def asked(server: Server, rcode: str) -> Problem | None:
    """What an RCODE to a question means; None where it is an answer."""
    if rcode in ("NOERROR", "NXDOMAIN"):
        return None
    kind, what, hint = _ASKED.get(
        rcode, (rcode.lower(), f"answers {rcode}", "Its log says why; is it a name server?")
    )
    return Problem(kind, f"{server.shown} {what}", hint)


def updated(server: Server, zone: str, rcode: str, key: Key | None) -> Problem | None:
    """What an RCODE to an update, or one of TSIG's errors, means; None where it was taken."""
    if rcode == "NOERROR":
        return None
    by = f"the key {key.name}" if key is not None else "unsigned updates"
    policy = f"update-policy {{ grant {key.name if key else 'KEY'} zonesub A AAAA CNAME TXT; }}"
    refused = (
        f"Allow its types there (in reverse zones PTR), such as in BIND: {policy}. A frozen zone "
        "and a secondary refuse too."
    )
    known = {
        "BADKEY": (
            f"{server.shown} doesn't know {by}",
            "key_name and key_algorithm must be those of the server's key clause, dot for dot.",
        ),
        "BADSIG": (
            f"{server.shown} finds the signature of {by} wrong",
            "The secret differs from the server's: compare both, and the algorithm.",
        ),
        "BADTIME": (
            f"{server.shown} finds the time of the signature of {by} wrong",
            "The clocks of this machine and the server differ by minutes: mend them (NTP).",
        ),
        "BADTRUNC": (
            f"{server.shown} wants a longer signature of {by}",
            "Give key_algorithm without truncation, as in the server's key clause.",
        ),
        "REFUSED": (
            f"{server.shown} doesn't let {by} change {zone}",
            refused,
        ),
        "NOTAUTH": (
            f"{server.shown} is not the primary of {zone}",
            "Name the zone's primary as server (dig SOA), and the zone as the server has it.",
        ),
        "NOTZONE": (
            f"{server.shown} finds a name outside of {zone}",
            "The name belongs to another zone: give that one a table of its own.",
        ),
        "NOTIMP": (
            f"{server.shown} takes no updates (RFC 2136)",
            "Turn them on there, or give the zone a command instead of server.",
        ),
        "FORMERR": (
            f"{server.shown} can't read the update",
            "Its log says why. Does a box on the way change messages?",
        ),
        "SERVFAIL": (
            f"{server.shown} could not carry the update out (SERVFAIL)",
            "Its log says why; mostly it may not write the zone's journal in its directory.",
        ),
    }
    if rcode in ("NXRRSET", "YXRRSET", "NXDOMAIN", "YXDOMAIN"):
        return Problem(
            "race",
            f"the records of {zone} are no longer what they were when the change was planned "
            f"({rcode}); nothing was changed",
            "Somebody else changed them. Look at what is there now, and plan again.",
        )
    message, hint = known.get(
        rcode, (f"{server.shown} answers {rcode} to the update", "Its log says why.")
    )
    return Problem(rcode.lower(), message, hint)


def untrusted(server: Server, what: str) -> Problem:
    """An answer that can't be read, or that nobody vouches for (RFC 8945 section 5.3)."""
    return Problem(
        "untrusted",
        f"the answer of {server.shown} to the update can't be read or trusted: {what}; whether it "
        "was carried out is not known",
        "Look again what is there. Does the server hold the key, and is nothing between that "
        "changes answers?",
    )


def lost(server: Server, seconds: float, reason: str = "") -> Problem:
    """A message that was sent, and no answer came."""
    return Problem(
        "lost",
        f"no answer from {server.shown} to the update"
        + (f": {reason}" if reason else f" within {seconds:g} s")
        + "; whether it arrived is not known",
        "Look again what is there: the same change may be sent again without harm.",
    )
