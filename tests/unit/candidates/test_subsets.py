"""Parts of ``upgrade``: their ids, what they take, and why one can't be had alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from engine.candidates import foresee, picked
from engine.errors import InputError
from engine.families.apt import subset
from engine.families.apt.parts import left_behind, with_parts
from engine.model.candidate import Candidate
from engine.model.facts import Change, Facts, Left, Part, Transaction
from engine.model.host import Host
from engine.model.plan import JobAct, Plan
from engine.plan import make_plan
from engine.plan.make import BlockedError
from engine.programs import apt_records
from tests.unit.builders import NOW, facts, host, install, packages, upgrade

SSL = (
    upgrade("libssl3", source="openssl", security=True),
    upgrade("openssl", source="openssl", security=True),
)
DOCKER = upgrade("docker.io", source="docker.io")
KERNEL = (
    upgrade("linux-image-amd64", source="linux-signed-amd64", security=True),
    install("linux-image-6.1.0-42-amd64", source="linux-signed-amd64", security=True),
)
VIM = upgrade("vim", source="vim")
ALL = (*SSL, DOCKER, *KERNEL, VIM)
NEEDS = {"linux-image-amd64": ("linux-image-6.1.0-42-amd64",), "openssl": ("libssl3",)}


def whole(*changes: Change, needs: Mapping[str, tuple[str, ...]], **fields: Any) -> Transaction:
    parts = tuple(Part(c.name, needs.get(c.name, ()), 100, c.name == "libssl3") for c in changes)
    return Transaction("upgrade", changes, 100 * len(parts), 2_000, parts=parts, **fields)


def looked(
    *changes: Change, needs: Mapping[str, tuple[str, ...]] = NEEDS, left: tuple[Left, ...] = ()
) -> Facts:
    found = packages(*changes)
    dist = found.transaction("dist-upgrade")
    assert dist is not None
    both = (whole(*changes, needs=needs, left=left), dist)
    return facts(packages=replace(found, transactions=both))


def offered(found: Facts, declared: Host | None = None) -> dict[str, Candidate]:
    every = foresee(declared or host(), found, NOW).candidates
    return {c.id: c for c in every if c.subset is not None}


def pick(found: Facts, name: str, declared: Host | None = None) -> Candidate:
    one = picked(declared or host(), found, name, NOW)
    assert one is not None
    return one


def names(candidate: Candidate) -> list[str]:
    return [change.name for change in candidate.changes or ()]


def blocked(found: Facts, name: str, declared: Host | None = None) -> list[tuple[str, str]]:
    return [(b.id, b.remedy) for b in pick(found, name, declared).blockers]


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("upgrade:security", "upgrade:security"),
        ("upgrade:only=vim,openssl,vim", "upgrade:only=openssl,vim"),
        ("upgrade:without=docker.io", "upgrade:without=docker.io"),
        ("upgrade:only=gtk+3.0,g++", "upgrade:only=g++,gtk+3.0"),
    ],
)
def test_an_id_is_read_and_ordered(typed: str, canonical: str) -> None:
    assert subset.parse(typed).id == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "upgrade:", "upgrade:only", "upgrade:only=", "upgrade:only=a,,b", "upgrade:only=-y",
        "upgrade:only=Vim", "upgrade:only=vim;id", "upgrade:security=vim", "upgrade:besides=vim",
        "dist-upgrade:security", "upgrade:only=vim=1", "upgrade:only=" + "a" * 3_000,
    ],
)  # fmt: skip
def test_an_id_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(InputError, match="is no candidate: a part of an upgrade is"):
        make_plan(host(), looked(*ALL), typed, NOW)


def test_what_is_offered() -> None:
    found = offered(looked(*ALL))
    assert {name: names(c) for name, c in found.items()} == {
        "upgrade:security": [c.name for c in (*SSL, *KERNEL)],
        "upgrade:without=docker.io": [c.name for c in (*SSL, *KERNEL, VIM)],
        "upgrade:without=linux-signed-amd64": [c.name for c in (*SSL, DOCKER, VIM)],
    }
    assert all(c.kind == "upgrade" and not c.blockers for c in found.values())
    security = found["upgrade:security"]
    assert (security.subset, security.effects.download_bytes) == ("security", 400)
    assert security.effects.reboot is True
    assert found["upgrade:without=linux-signed-amd64"].effects.reboot is False


def test_a_part_that_is_the_whole_or_nothing_is_not_offered() -> None:
    assert offered(looked(*SSL)) == {}
    assert offered(looked(VIM)) == {}
    assert offered(looked(DOCKER)) == {}
    assert offered(facts(*ALL)) == {}, "what they need of each other isn't known"


def test_what_needs_what_is_left_out_goes_with_it() -> None:
    addon = upgrade("docker-addon", source="addon")
    found = offered(looked(DOCKER, addon, VIM, needs={"docker-addon": ("docker.io",)}))
    assert {name: names(c) for name, c in found.items()} == {
        "upgrade:without=addon,docker.io": ["vim"]
    }


def test_what_the_inventory_excludes_is_in_no_part() -> None:
    declared = host(exclude=("docker.io",))
    found = looked(*ALL)
    every = foresee(declared, found, NOW)
    upgrade_itself = every.candidate("upgrade")
    assert upgrade_itself is not None
    remedies = [b.remedy for b in upgrade_itself.blockers if b.id == "excluded"]
    assert remedies == ["hostshift plan server1 upgrade:without=docker.io"]
    parts = offered(found, declared)
    assert "upgrade:without=docker.io" in parts
    assert all("docker.io" not in names(c) for c in parts.values())
    assert [b for b, _ in blocked(found, "upgrade:only=docker.io", declared)] == ["excluded"]


def test_a_part_that_needs_the_rest_says_what() -> None:
    app, library = upgrade("app", source="app"), install("newlib", source="lib")
    found = looked(app, library, VIM, needs={"app": ("newlib",)})
    assert blocked(found, "upgrade:only=app") == [
        ("not-separable", "hostshift plan server1 upgrade:only=app,lib")
    ]
    message = pick(found, "upgrade:only=app").blockers[0].message
    assert "app 1.1 needs newlib 1.1 of the source package lib" in message
    assert blocked(found, "upgrade:only=app,lib") == []
    assert blocked(found, "upgrade:only=lib") == [
        ("not-separable", "hostshift plan server1 upgrade:only=app,lib")
    ]
    assert [b for b, _ in blocked(facts(app, VIM), "upgrade:only=app")] == ["not-separable"]


def test_a_source_that_would_be_split_says_by_what() -> None:
    found = looked(*ALL, left=(Left("libssl-dev", "openssl", "held"),))
    unhold = "hostshift plan server1 unhold:libssl-dev\n# by hand: apt-mark unhold libssl-dev"
    assert blocked(found, "upgrade:only=openssl") == [
        (
            "split-source",
            unhold,
        )
    ]
    assert blocked(found, "upgrade:only=vim") == []


@pytest.mark.parametrize(("typed", "meant"), [("opensll", "openssl"), ("libssl3", "openssl")])
def test_an_unknown_source(typed: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"Did you mean '{meant}'"):
        pick(looked(*ALL), f"upgrade:only={typed}")


def job(plan: Plan) -> JobAct:
    return next(step.act for step in plan.steps if isinstance(step.act, JobAct))


def test_a_part_is_carried_out_by_names_and_versions() -> None:
    plan = make_plan(host(), looked(*ALL), "upgrade:security", NOW)
    act = job(plan)
    selection = (
        "--only-upgrade", "install", "libssl3=1.1", "linux-image-amd64=1.1", "openssl=1.1",
    )  # fmt: skip
    assert act.commands[0][-5:] == selection
    assert act.commands[1:] == (("apt-mark", "auto", "libssl3"),)
    assert act.simulation is not None
    assert act.simulation[-5:] == selection
    assert act.expected is not None
    assert "Inst linux-image-6.1.0-42-amd64 - 1.1" in act.expected
    assert len(act.expected) == 4
    assert plan.candidate == "upgrade:security"
    with pytest.raises(BlockedError, match="nothing-to-do"):
        make_plan(host(), looked(VIM, needs={}), "upgrade:security", NOW)


def test_subsets_change_no_advice() -> None:
    advice = foresee(host(), looked(*ALL), NOW).recommendation
    assert advice is not None
    assert advice.kind == "upgrade"


RECORDS = b"""Package: app
Version: 1.1
Architecture: amd64
Source: app-source (1.0)
Depends: newlib (>= 1.1) | other, vim (>= 1.0), libc6
Recommends: extra, docs
Breaks: plug (<< 1.1)
Size: 42

Package: newlib
Version: 1.1
Architecture: amd64

Package: extra
Version: 1.1
Architecture: amd64
Source: extras

Package: vim
Version: 1.1
Architecture: amd64

Package: plug
Version: 1.1
Architecture: amd64
"""


def test_what_versions_need_is_read_from_their_records() -> None:
    every = tuple(
        replace(change, architecture="amd64")
        for change in (
            upgrade("app"),
            install("extra"),
            install("newlib"),
            upgrade("plug"),
            upgrade("vim"),
        )
    )
    found = with_parts(
        Transaction("upgrade", every),
        apt_records.parse(RECORDS),
        apt_records.automatic(b"Package: vim\nArchitecture: amd64\nAuto-Installed: 1\n"),
        {("app", ""): "app-source", ("libc6", ""): "glibc"},
    )
    assert found.parts is not None
    assert {part.name: part.needs for part in found.parts} == {
        "app": ("extra", "newlib", "plug"), "extra": (), "newlib": (), "plug": (), "vim": (),
    }  # fmt: skip
    assert [part.name for part in found.parts if part.automatic] == ["vim"]
    assert found.parts[0].download_bytes == 42
    sources = [change.source for change in found.changes]
    assert sources == ["app-source", "extras", "newlib", "plug", "vim"]
    lacking = with_parts(Transaction("upgrade", every), (), frozenset(), {})
    assert lacking.parts is None


def test_what_stays_of_a_source_is_told() -> None:
    stays = {"held": ("libssl-dev", "hello"), "phased": ("openssl",)}
    sources = {("libssl-dev", ""): "openssl", ("openssl", ""): "openssl", ("hello", ""): "hello"}
    assert left_behind(Transaction("upgrade", SSL), sources, stays) == (
        Left("libssl-dev", "openssl", "held"),
    )
