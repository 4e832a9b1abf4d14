"""What is wrong with a host before it is touched: named, and only what it would hit is blocked."""

from __future__ import annotations

from typing import Any

import pytest

from engine.candidates import foresee
from engine.facts.cache import join
from engine.model.facts import RefusedConfig
from tests.unit.builders import NOW, facts, host, light, upgrade

SSHD = RefusedConfig("sshd", 'line 2: unsupported option "maybe".')
SUDO = RefusedConfig("visudo", "/etc/sudoers.d/ops:1:5: syntax error")


def blockers(name: str, **fields: Any) -> dict[str, str]:
    candidate = foresee(host(), facts(upgrade("vim"), **fields), NOW).candidate(name)
    assert candidate is not None
    return {blocker.id: blocker.message for blocker in candidate.blockers}


@pytest.mark.parametrize(
    ("fields", "named", "said", "reboot"),
    [
        ({"refused_configs": (SSHD,)}, "sshd-config", "line 2", True),
        ({"refused_configs": (SUDO,)}, "sudo-config", "ops:1:5", False),
        ({"read_only": ("/var",)}, "read-only", "/var can only", False),
        ({"clock_off_s": 7_300}, "clock-off", "2 hours ahead of", False),
        ({"clock_off_s": -301}, "clock-off", "5 minutes behind", False),
        ({"clock_off_s": 90_000}, "clock-off", "1 day ahead of", False),
    ],
)
def test_what_is_wrong_is_named(
    fields: dict[str, Any], named: str, said: str, reboot: bool
) -> None:
    for name in ("upgrade", "dist-upgrade"):
        found = blockers(name, **fields)
        assert list(found) == [named]
        assert said in found[named]
    assert (named in blockers("reboot", **fields)) == reboot


def test_what_is_well_or_not_known_blocks_nothing() -> None:
    assert blockers("upgrade", clock_off_s=-300, read_only=(), refused_configs=()) == {}
    assert blockers("upgrade", clock_off_s=None, read_only=None, refused_configs=None) == {}


def test_a_refused_configuration_is_remembered_while_its_files_stand() -> None:
    former = facts(upgrade("vim"), refused_configs=(SSHD,))
    joined = join(light(), former)
    assert joined is not None
    assert joined.refused_configs == (SSHD,)
    assert join(light(fingerprint="other"), former) is None
