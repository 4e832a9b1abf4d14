"""ostree, rpm-ostree and bootc: the deployments of a demo host; and which one a reboot starts.

They are kept as ``rpm-ostree status --json`` shows them, the next one first.
"""

from __future__ import annotations

import json
from typing import Any

from .state import CONTROL, ROOT, err, out, replace_file

Deployment = dict[str, Any]
_STATUS = CONTROL / "rpm-ostree.json"
_RELEASE = ROOT / "etc/os-release"


def main(program: str, arguments: list[str]) -> int:
    """The exit status of one of the programs, or of ``boot``, which reboot(8) ends with."""
    match program, arguments:
        case "rpm-ostree", ["status", "--json"]:
            out(_STATUS.read_text("utf-8").rstrip())
            return 0
        case "ostree", ["admin", "status"]:
            return _admin_status()
        case "rpm-ostree", ["rollback"]:
            return _rollback(keeps_staged=True)
        case "bootc", ["rollback"]:
            return _rollback(keeps_staged=False)
        case "rpm-ostree", ["cleanup", "-p"]:
            return _cleanup_pending()
        case "boot", []:
            return _boot()
        case _:
            err(f"error: Unknown command '{' '.join(arguments)}'")
            return 1


def _deployments() -> list[Deployment]:
    found: list[Deployment] = json.loads(_STATUS.read_text("utf-8"))["deployments"]
    return found


def _keep(deployments: list[Deployment]) -> int:
    status = json.loads(_STATUS.read_text("utf-8"))
    replace_file(_STATUS, json.dumps({**status, "deployments": deployments}, indent=2) + "\n")
    return 0


def _booted_at(deployments: list[Deployment]) -> int:
    return next(i for i, one in enumerate(deployments) if one["booted"])


def _admin_status() -> int:
    deployments = _deployments()
    at = _booted_at(deployments)
    for i, one in enumerate(deployments):
        mark = ""
        if one.get("finalization-locked"):
            mark = " (finalization locked)"
        elif one["staged"]:
            mark = " (staged)"
        elif i in (at - 1, at + 1):
            mark = " (pending)" if i < at else " (rollback)"
        star = "*" if one["booted"] else " "
        out(f"{star} {one['osname']} {one['checksum']}.{one['serial']}{mark}")
        out(f"    Version: {one['version']}")
        out(f"    origin refspec: {one['origin']}")
    return 0


def _rollback(*, keeps_staged: bool) -> int:
    """The one behind the booted one boots next; or, where another does already, the booted one."""
    deployments = _deployments()
    if any(one["staged"] for one in deployments):
        if keeps_staged:
            err("error: Staged deployment (remove with cleanup -p)")
            return 1
        deployments = [one for one in deployments if not one["staged"]]
    at = _booted_at(deployments)
    if len(deployments) < 2:
        err("error: No rollback deployment found")
        return 1
    chosen = at + 1 if at == 0 else at
    deployments.insert(0, deployments.pop(chosen))
    return _keep(deployments)


def _cleanup_pending() -> int:
    deployments = _deployments()
    return _keep(deployments[_booted_at(deployments) :])


def _boot() -> int:
    """What was staged is finalized, and pushes out what lay behind the booted one."""
    if not _STATUS.exists():
        return 0
    deployments = _deployments()
    at = _booted_at(deployments)
    before = deployments[at]
    following = next(one for one in deployments if not one.get("finalization-locked"))
    if following["staged"]:
        deployments = deployments[: at + 1]
    for one in deployments:
        one["booted"] = one is following
        one["staged"] = False
    release = _RELEASE.read_text("utf-8")
    replace_file(_RELEASE, release.replace(before["version"], following["version"]))
    return _keep([one for one in deployments if not one.get("finalization-locked")])
