"""change_zone.py KEY_FILE: carry out the change on standard input (docs/dns.md) by RFC 2136."""

import json
import sys
from pathlib import Path

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

PRIMARY = "127.53.0.1"


def main() -> int:
    """Every change in one message, with what was there before as its condition."""
    told = json.load(sys.stdin)
    keys = dns.tsigkeyring.from_text({"hostshift.": Path(sys.argv[1]).read_text().strip()})
    message = dns.update.UpdateMessage(told["zone"], keyring=keys)
    for edit in told["changes"]:
        name, kind, old, new = (edit[key] for key in ("name", "type", "old", "new"))
        message.present(f"{name}.", kind, *old["values"])
        message.replace(f"{name}.", new["ttl"], kind, *new["values"])
    answer = dns.query.tcp(message, PRIMARY, timeout=10).rcode()
    sys.stdout.write(f"{told['zone']}: {dns.rcode.to_text(answer)}\n")
    return int(answer)


if __name__ == "__main__":
    sys.exit(main())
