"""DNS: what each server of a zone answers, one update as a plan, and how it spreads (docs/dns.md).

The only room that knows dnspython, and that only once `open_wire` is called.
"""

from engine.dns import hook
from engine.dns.carry_out import Outcome, carry_out
from engine.dns.change import (
    Decision,
    Target,
    backwards,
    change,
    decide,
    edit,
    lower_ttl,
    old_ttl,
    point,
    run_out,
)
from engine.dns.follow import Snapshot, State, follow, snapshot
from engine.dns.key import read as read_key
from engine.dns.look import Look, ask_all, look
from engine.dns.names import name_of, records, reverse_name
from engine.dns.scratch import Proof, prove
from engine.dns.servers import servers_of
from engine.dns.survey import Survey, survey
from engine.dns.values import Answer, Change, Edit, Key, Limits, Problem, Records, Server, Wire

__all__ = [
    "Answer",
    "Change",
    "Decision",
    "Edit",
    "Key",
    "Limits",
    "Look",
    "Outcome",
    "Problem",
    "Proof",
    "Records",
    "Server",
    "Snapshot",
    "State",
    "Survey",
    "Target",
    "Wire",
    "ask_all",
    "backwards",
    "carry_out",
    "change",
    "decide",
    "edit",
    "follow",
    "hook",
    "look",
    "lower_ttl",
    "name_of",
    "old_ttl",
    "open_wire",
    "point",
    "prove",
    "read_key",
    "records",
    "reverse_name",
    "run_out",
    "servers_of",
    "snapshot",
    "survey",
]


def open_wire(limits: Limits | None = None, *, read_only: bool) -> Wire:
    """The way to the servers. Open it in a running loop, and use one for what is done together."""
    from engine.dns.wire import Network

    return Network(limits or Limits(), read_only=read_only)
