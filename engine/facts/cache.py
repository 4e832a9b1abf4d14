"""Former full looks, kept on the controller and used while what decided them stands."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from engine.families.protocol import Sections
from engine.files import write_whole
from engine.model.facts import Facts, Packages, Reboot

SCHEMA = 5
"""Of the kept files and of what a fingerprint covers; a new one makes the old ones worthless."""
LONGEST = timedelta(hours=24)
"""A full look is not used longer, because services to restart change without a trace."""
_DECIDES = ("fingerprint", "rpm-ostree")
_FULL_ONLY = frozenset(
    {"upgrade", "dist-upgrade", "upgrade-size", "dist-upgrade-size", "upgrade-phased", "fix-broken"}
    | {"sources", "records", "automatic", "needrestart"}
    | {"conffiles", "running-services", "unit-files", "service-acts"}
)


def fingerprint(sections: Sections, facts: Facts) -> str | None:
    """A digest of what decides a full look; None where that could not be read whole.

    Besides the files that decide a simulation: whether root looked, and the boot, because a
    reboot ends what needrestart saw.
    """
    digest = hashlib.sha256(f"{SCHEMA} {facts.family} {facts.privileged} {facts.boot_id}".encode())
    for name in _DECIDES:
        section = sections.get(name)
        if section is None:
            continue
        if section.truncated or section.exit_status != 0:
            return None
        digest.update(f"\0{name}\0".encode() + section.output)
    return digest.hexdigest()


def _file(state_dir: Path, host: str) -> Path:
    return state_dir / "facts" / f"{quote(host, safe='')}.json"


def keep(state_dir: Path, facts: Facts) -> None:
    """Write a full look, whole or not at all, readable by its owner only.

    A disk that can't be written to costs the next scan time and nothing else.
    """
    if facts.fingerprint is None:
        return
    from engine.model.json_form import to_json

    text = json.dumps({"schema": SCHEMA, "facts": to_json(facts)})
    with contextlib.suppress(OSError):
        write_whole(_file(state_dir, facts.host), text.encode())


def recall(state_dir: Path, host: str) -> Facts | None:
    """The former full look at a host; None where there is none that can be read."""
    from engine.model.json_form import from_json

    try:
        document = json.loads(_file(state_dir, host).read_text("utf-8"))
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            return None
        facts = from_json(Facts, document.get("facts"))
    except (OSError, ValueError, RecursionError):  # pydantic's errors are ValueErrors
        return None
    return facts if facts.host == host and facts.depth == "full" else None


def join(light: Facts, former: Facts | None) -> Facts | None:
    """A light look completed with a former full one; None where that one no longer stands."""
    if (
        former is None
        or light.fingerprint is None
        or former.fingerprint != light.fingerprint
        or not timedelta(0) <= light.taken_at - former.taken_at <= LONGEST
    ):
        return None
    kept_reasons = tuple(
        reason
        for reason in former.reboot.reasons
        if reason.startswith("needrestart") and reason not in light.reboot.reasons
    )
    reasons = (*light.reboot.reasons, *kept_reasons)
    return replace(
        light,
        depth="full",
        packages=_packages(light.packages, former.packages),
        services_to_restart=former.services_to_restart,
        refused_configs=former.refused_configs,
        reboot=Reboot(True if reasons else light.reboot.required, reasons),
        problems=(*light.problems, *(p for p in former.problems if p.section in _FULL_ONLY)),
    )


def _packages(light: Packages | None, former: Packages | None) -> Packages | None:
    """The former simulations under what dpkg says now."""
    if light is None or former is None:
        return light
    return replace(
        former,
        held=light.held,
        broken=light.broken,
        interrupted=light.interrupted,
        upgradable=light.upgradable,
        security=max(light.security, former.security or 0) if light.security is not None else None,
    )
