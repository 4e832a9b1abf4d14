"""What follows from the name and the address: who knows them, and certificates. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from engine.model.host import Host
from engine.preflight.values import Finding, Preflight
from engine.preflight.words import some


def name_and_address(host: Host, found: Preflight) -> Iterator[Finding]:
    """What hangs on the server's own name and address."""
    where: dict[str, set[str]] = defaultdict(set)
    for mention in found.mentions or ():
        where[mention.path].add(mention.text)
    own = [path for path in sorted(where) if path not in ("/etc/hostname", "/etc/hosts")]
    if own:
        files = (f"{path} ({', '.join(sorted(where[path]))})" for path in own)
        yield Finding(
            "own-address", "warns",
            f"Configuration holds this server's own name or address: {some(files)}. Whoever else "
            "allows that address (firewalls, database grants, partners, SPF) isn't known here.",
            "let the deploy scripts write the successor's, or a service's name",
        )  # fmt: skip
    if found.mentions is not None and not found.mentions_whole:
        yield Finding(
            "own-address-unknown",
            "warns",
            "Not all of /etc could be searched for this server's own name and address.",
        )
    firewall = found.firewall
    if firewall is not None and (firewall.files or firewall.rules):
        rules = f"{firewall.rules} rules or tables in the kernel" if firewall.rules else ""
        parts = filter(None, (rules, some(firewall.files)))
        yield Finding(
            "firewall", "tells",
            f"A firewall is set up here ({'; '.join(parts)}): the successor needs its like.",
        )  # fmt: skip
    six = [address for _, address in found.addresses or () if ":" in address]
    if six:
        yield Finding(
            "ipv6", "warns" if any(s.names for s in host.services) else "tells",
            f"This server has IPv6 ({some(six, 2)}), and its names may have AAAA records. Whether "
            "the successor will have IPv6 isn't known yet.",
            "give the successor IPv6, or plan to remove the AAAA records",
        )  # fmt: skip
    elif found.addresses is not None:
        yield Finding(
            "ipv6", "tells",
            "This server has no IPv6 address that others can reach: an AAAA record of its names "
            "would lead elsewhere.",
        )  # fmt: skip


def certificates(found: Preflight) -> Iterator[Finding]:
    """Which certificates can't be renewed elsewhere before the DNS has turned."""
    http = [f"{c.name} ({c.client})" for c in found.certificates or () if c.challenge == "http"]
    if http:
        yield Finding(
            "certificate-http", "warns",
            f"Certificates are renewed by a challenge that needs the name to lead here: "
            f"{some(http)}. On the successor it fails until the DNS has turned.",
            "copy the certificates with the data, or renew by a dns challenge",
        )  # fmt: skip
    unknown = [
        f"{c.name} ({c.client})" for c in found.certificates or () if c.challenge == "unknown"
    ]
    if unknown:
        yield Finding(
            "certificate-unknown", "tells",
            f"How these certificates come to the successor isn't known: {some(unknown)}.",
        )  # fmt: skip
