"""The steps that remove a successor before the cutover: it was built, and isn't used."""

from __future__ import annotations

import shlex

from engine.candidates.replace import moving
from engine.model.facts import BuiltSuccessor
from engine.model.host import Host
from engine.model.plan import ScriptAct, Step
from engine.model.replacing import ForgetAct, RecordsAct, UnusedAct
from engine.plan.replace import SCRIPT_S, Replacing
from engine.successor import own_dns_name


def remove_successor_steps(host: Host, built: BuiltSuccessor, about: Replacing) -> tuple[Step, ...]:
    """Proof first, then its records, the server itself, and at last what is remembered of it.

    So whatever fails, the same can be planned again.
    """
    name = built.name
    dns_name = own_dns_name(host, name)
    records: tuple[Step, ...] = ()
    if about.own_zone is not None and dns_name is not None:
        act = RecordsAct(about.own_zone, "remove", (dns_name,))
        records = (Step("own-records", f"Remove the records of {name}", "dns", act),)
    script = ScriptAct(
        tuple(shlex.split(host.replacement.decommission or "")), "decommission", SCRIPT_S
    )
    services = tuple(service.name for service in moving(host).services)
    unused = UnusedAct(name, built.address, services, about.zones)
    return (
        Step("unused", f"See that {name} isn't used", "host", unused),
        *records,
        Step("decommission", f"Remove {name}", "controller", script),
        Step("forget", f"Forget {name}", "controller", ForgetAct(name)),
    )
