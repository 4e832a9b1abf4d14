"""Laws of the score, over made-up hosts: whatever the numbers of the model are, these hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.candidates import foresee
from engine.candidates.reboot import reboot
from engine.candidates.replace import replace as successor
from engine.families.registry import family
from engine.model.candidate import Candidate, Effects, Risk
from engine.model.facts import (
    Action,
    Change,
    Conffile,
    ConffileState,
    Container,
    Deployment,
    Facts,
    Filesystem,
    Kernel,
    Update,
)
from engine.model.host import Host
from engine.risk import Circumstances, assess, parameters
from tests.unit.builders import (
    DEBIAN,
    NOW,
    THIRD_PARTY,
    deployment,
    facts,
    host,
    packages,
    rpm_ostree,
    service,
)
from tests.unit.risk.test_parameters import ROWS

TODAY = NOW.date()
# Other work shares the machine: how long one example takes tells nothing.
CALM = settings(deadline=None, max_examples=60)
NAMES = (
    "linux-image-6.1.0-41-amd64", "linux-headers-amd64", "zfs-dkms", "systemd", "libc6",
    "libc6:i386", "dbus", "openssh-server", "sudo", "netplan.io", "docker.io", "containerd",
    "grub-pc", "postgresql-15", "redis-server", "vim", "curl", "nginx", "python3",
    *(f"tool{i}" for i in range(20)),
)  # fmt: skip

names = st.sampled_from(NAMES)
ACTIONS: tuple[Action, ...] = ("upgrade", "install", "remove", "downgrade")
actions = st.sampled_from(ACTIONS)
origins = st.sampled_from((DEBIAN, THIRD_PARTY, None))
versions = st.sampled_from(("1.1", "2.0-1", "2026a"))


@st.composite
def changes(draw: st.DrawFn) -> Change:
    action = draw(actions)
    old = None if action == "install" else "1.0"
    new = None if action == "remove" else draw(versions)
    origin = None if action == "remove" else draw(origins)
    source = draw(st.sampled_from((None, "linux", "common")))
    return Change(draw(names), action, old, new, origin, draw(st.booleans()), source=source)


transactions = st.lists(changes(), max_size=25, unique_by=lambda c: c.name).map(tuple)
states: tuple[ConffileState, ...] = ("changed", "missing", "unreadable")
conffiles = st.none() | st.lists(
    st.builds(
        Conffile,
        st.sampled_from(("/etc/a", "/etc/b", "/etc/c")),
        names.map(lambda name: name.partition(":")[0]),
        st.sampled_from(states),
    ),
    max_size=6,
).map(tuple)
days = st.integers(0, 2_000)
boot_free = st.integers(0, 2_000_000_000)
var_free = st.integers(0, 5_000_000_000)
ages = st.integers(0, 60)
outages = st.sampled_from(("tolerable", "costly", "unacceptable", None))


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    maybe: Any = st.none()
    return host(
        console=draw(st.sampled_from((True, False, None))),
        outage=draw(outages),
        outage_cost_per_hour=draw(maybe | st.floats(0, 1e6)),
        redundancy=draw(st.sampled_from((None, "web"))),
        failover_tested=draw(maybe | ages.map(lambda d: TODAY - timedelta(days=d))),
        services=draw(st.sampled_from(((), (service(),), (service(checks=()),)))),
    )


def containers(number: int, policy: str | None = "always") -> tuple[Container, ...]:
    return tuple(Container(f"c{i}", None, policy) for i in range(number))


def mounts(boot: int, rest: int) -> tuple[Filesystem, ...]:
    return Filesystem("/boot", boot), Filesystem("/", rest)


@st.composite
def looks(draw: st.DrawFn) -> Facts:
    """Facts of a host with any part of them missing."""
    maybe: Any = st.none()
    policy = draw(st.sampled_from(("always", "unless-stopped", "no", None)))
    return facts(
        uptime_s=draw(maybe | days.map(lambda d: d * 86_400)),
        filesystems=draw(maybe | st.builds(mounts, boot_free, var_free)),
        containers=draw(maybe | st.integers(0, 3).map(lambda n: containers(n, policy))),
        kernel=draw(st.sampled_from((Kernel(), Kernel("1", "1"), Kernel("1", "2")))),
        backup_age_s=draw(maybe | st.integers(0, 200_000)),
    )


def candidate(declared: Host, found: Facts, kind: str) -> Candidate:
    """One candidate alone; to foresee them all would score them all."""
    if kind == "reboot":
        return reboot(declared, found, ())
    if kind == "replace":
        return successor(declared)
    if kind == "none":
        return Candidate("none", "none", "do nothing now")
    offered = family(found.family).candidates(declared, found)
    return next(candidate for candidate in offered if candidate.kind == kind)


def risk(declared: Host, found: Facts, kind: str, **around: Any) -> Risk:
    asked = candidate(declared, found, kind)
    score = assess(declared, found, asked, TODAY, Circumstances(**around))
    assert score is not None
    return score


NEVER = 10**9


def at_least(worse: Risk, better: Risk) -> bool:
    """Not safer in any of the numbers that are shown."""
    return (
        worse.score >= better.score
        and worse.outage_minutes.expected >= better.outage_minutes.expected
        and worse.outage_minutes.bad_day >= better.outage_minutes.bad_day
        and (worse.one_in or NEVER) <= (better.one_in or NEVER)
        and (worse.lost_day_one_in or NEVER) <= (better.lost_day_one_in or NEVER)
    )


def with_set(found: Facts, *some: Change, dist: tuple[Change, ...] = (), **fields: Any) -> Facts:
    return replace(found, packages=packages(*some, dist=dist, **fields))


@CALM
@given(hosts(), looks(), transactions, changes(), conffiles)
def test_adding_a_package_never_lowers_it(
    declared: Host,
    found: Facts,
    some: tuple[Change, ...],
    one: Change,
    files: tuple[Conffile, ...] | None,
) -> None:
    others = tuple(change for change in some if change.name != one.name)
    for kind in ("upgrade", "dist-upgrade"):
        more = risk(declared, with_set(found, *others, one, conffiles=files), kind)
        assert at_least(more, risk(declared, with_set(found, *others, conffiles=files), kind))


@CALM
@given(hosts(), looks(), transactions, transactions, st.none() | transactions, conffiles)
def test_nothing_is_safer_than_upgrade_than_dist_upgrade_than_a_release_upgrade(
    declared: Host,
    found: Facts,
    some: tuple[Change, ...],
    besides: tuple[Change, ...],
    release: tuple[Change, ...] | None,
    files: tuple[Conffile, ...] | None,
) -> None:
    taken = {change.name for change in some}
    rest = tuple(change for change in besides if change.name not in taken)
    both = with_set(found, *some, dist=rest, conffiles=files)
    none, upgrade, dist = (risk(declared, both, k) for k in ("none", "upgrade", "dist-upgrade"))
    assert none == Risk(0, "low", none.outage_minutes)
    assert (none.outage_minutes.expected, none.outage_minutes.bad_day) == (0, 0)
    assert at_least(upgrade, none)
    assert at_least(dist, upgrade)
    assume(release is None or release or some or rest)
    whole = Candidate("release-upgrade", "release-upgrade", "t", release, Effects())
    highest = assess(declared, both, whole, TODAY)
    assert highest is not None
    assert at_least(highest, dist)
    assert highest.outage_minutes.expected > dist.outage_minutes.expected


KINDS = ("upgrade", "dist-upgrade", "reboot", "replace")


@CALM
@given(
    looks(), transactions, st.tuples(days, days), st.tuples(boot_free, boot_free),
    st.tuples(var_free, var_free), st.integers(0, 3), outages,
)  # fmt: skip
def test_worse_facts_never_lower_it(
    found: Facts,
    some: tuple[Change, ...],
    up: tuple[int, int],
    boot: tuple[int, int],
    var: tuple[int, int],
    running: int,
    outage: Any,
) -> None:
    sound = replace(
        with_set(found, *some),
        uptime_s=min(up) * 86_400,
        filesystems=mounts(max(boot), max(var)),
        containers=containers(running),
        kernel=Kernel("1", "1"),
        backup_age_s=3_600,
    )
    checked = host(console=True, outage=outage, services=(service(),))
    worse: dict[str, Any] = {
        "uptime_s": max(up) * 86_400,
        "filesystems": mounts(min(boot), min(var)),
        "containers": containers(running + 1, "no"),
        "kernel": Kernel("1", "2"),
        "backup_age_s": 200_000,
        "packages": packages(*some, interrupted=True, held=("held",)),
    }
    unwell: dict[str, Any] = {"console": False, "services": (service(checks=()),)}
    for kind in KINDS:
        calm = risk(checked, sound, kind)
        for name, value in worse.items():
            assert at_least(risk(checked, replace(sound, **{name: value}), kind), calm), name
        for name, value in unwell.items():
            assert at_least(risk(replace(checked, **{name: value}), sound, kind), calm), name
        assert at_least(risk(replace(checked, **unwell), replace(sound, **worse), kind), calm)


@CALM
@given(hosts(), looks(), transactions, st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)))
def test_higher_stakes_never_lower_the_score(
    declared: Host, found: Facts, some: tuple[Change, ...], money: tuple[float, float]
) -> None:
    whole = with_set(found, *some)
    answered = replace(declared, outage_cost_per_hour=None)
    answers: Any = ("tolerable", "costly", "unacceptable")
    for kind in KINDS:
        scores = [risk(replace(answered, outage=a), whole, kind).score for a in answers]
        assert scores == sorted(scores)
        assert risk(replace(answered, outage=None), whole, kind).score == scores[1]
        dear = [
            risk(replace(declared, outage_cost_per_hour=cost), whole, kind).score
            for cost in sorted(money)
        ]
        assert dear == sorted(dear)


@CALM
@given(hosts(), looks(), transactions, ages)
def test_redundancy_counts_when_its_failover_was_tried_and_not_all_change_at_once(
    declared: Host, found: Facts, some: tuple[Change, ...], age: int
) -> None:
    whole = with_set(found, *some)
    single = replace(declared, redundancy=None)
    tried = replace(declared, redundancy="web", failover_tested=TODAY - timedelta(days=age))
    never = replace(tried, failover_tested=None)
    for kind in KINDS:
        alone = risk(single, whole, kind)
        redundant = risk(tried, whole, kind)
        unproven = risk(never, whole, kind)
        assert at_least(alone, redundant)
        assert (unproven.score, unproven.outage_minutes) == (alone.score, alone.outage_minutes)
        assert at_least(risk(tried, whole, kind, whole_group=True), alone), "that cancels it"
        if age > 30:
            assert redundant.score == alone.score
    if some:
        told = {f.id: f.origin for f in risk(never, whole, "upgrade").factors}
        assert told["redundancy"] == "unknown"


@CALM
@given(hosts(), looks(), st.none() | st.integers(0, 86_400))
def test_a_replacement_costs_its_cutover_and_at_worst_one_more(
    declared: Host, found: Facts, cutover_s: int | None
) -> None:
    numbers = parameters()
    minutes = numbers["planned_cutover"] if cutover_s is None else cutover_s / 60
    for rehearsed, number in ((True, "cutover_fails_rehearsed"), (False, "cutover_fails")):
        shown = risk(declared, found, "replace", cutover_s=cutover_s, rehearsed=rehearsed)
        for told, bound in (
            (shown.outage_minutes.expected, minutes * (1 + numbers[number])),
            (shown.outage_minutes.bad_day, minutes * 2),
        ):
            # Whole minutes of two significant digits.
            assert told <= max(1, bound + 0.5, bound * 1.05)
    tried, untried, unknown = (
        risk(declared, found, "replace", cutover_s=cutover_s, rehearsed=known)
        for known in (True, False, None)
    )
    assert at_least(untried, tried)
    assert at_least(unknown, untried)


@CALM
@given(hosts(), looks(), transactions, st.tuples(ages, ages), st.tuples(ages, ages))
def test_an_older_update_and_a_smaller_one_are_no_riskier(
    declared: Host,
    found: Facts,
    some: tuple[Change, ...],
    age: tuple[int, int],
    size: tuple[int, int],
) -> None:
    def known(cves: int, days_out: int) -> Facts:
        day = TODAY - timedelta(days=days_out)
        sources = sorted({c.source or c.name.partition(":")[0] for c in some})
        updates = tuple(Update(source, cves, day) for source in sources)
        return with_set(found, *some, updates=updates)

    for kind in ("upgrade", "dist-upgrade"):
        fresh = risk(declared, known(max(size), min(age)), kind)
        assert at_least(fresh, risk(declared, known(max(size), max(age)), kind))
        assert at_least(fresh, risk(declared, known(min(size), min(age)), kind))
        # What isn't known is no safer than the best that it could be.
        best = risk(declared, known(1, 60), kind)
        assert at_least(risk(declared, with_set(found, *some), kind), best)


@CALM
@given(hosts(), looks(), transactions)
def test_removing_a_fact_never_makes_it_safer(
    declared: Host, found: Facts, some: tuple[Change, ...]
) -> None:
    whole = with_set(found, *some)
    nameless = with_set(found, *(replace(change, origin=None) for change in some))
    poorer = (
        replace(whole, uptime_s=None),
        replace(whole, filesystems=None),
        replace(whole, containers=None),
        replace(whole, kernel=Kernel()),
        replace(whole, backup_age_s=None),
        with_set(found, *some, interrupted=None),
        with_set(found, *some, held=None),
        nameless,
    )
    for kind in KINDS:
        known = risk(declared, whole, kind)
        for unknown in poorer:
            assert at_least(risk(declared, unknown, kind), known)
        for unsaid in ({"console": None}, {"failover_tested": None}, {"services": ()}):
            assert at_least(risk(replace(declared, **unsaid), whole, kind), known)


@CALM
@given(hosts(), looks(), transactions, conffiles)
def test_a_configuration_file_that_can_not_be_read_is_no_safer_than_a_changed_one(
    declared: Host, found: Facts, some: tuple[Change, ...], files: tuple[Conffile, ...] | None
) -> None:
    hidden = tuple(replace(file, state="unreadable") for file in files or ())
    read = tuple(replace(file, state="changed") for file in files or ())
    for kind in ("upgrade", "dist-upgrade"):
        known = risk(declared, with_set(found, *some, conffiles=read), kind)
        assert at_least(risk(declared, with_set(found, *some, conffiles=hidden), kind), known)


@CALM
@given(hosts(), looks(), transactions, st.lists(st.sampled_from("abc"), max_size=4).map(tuple))
def test_conffiles_that_nobody_looked_at_are_no_safer_than_none(
    declared: Host, found: Facts, some: tuple[Change, ...], files: tuple[str, ...]
) -> None:
    asked = candidate(declared, with_set(found, *some), "upgrade")

    def with_files(names: tuple[str, ...] | None) -> Risk:
        shown = replace(asked, effects=replace(asked.effects, conffiles=names))
        scored = assess(declared, found, shown, TODAY)
        assert scored is not None
        return scored

    assert at_least(with_files(files), with_files(()))
    assert at_least(with_files(None), with_files(()))


@CALM
@given(hosts(), looks(), transactions, st.randoms(use_true_random=False), names)
def test_order_and_the_hosts_name_are_of_no_account(
    declared: Host, found: Facts, some: tuple[Change, ...], random: Any, name: str
) -> None:
    shuffled = list(some)
    random.shuffle(shuffled)
    whole = with_set(found, *some)
    for kind in KINDS:
        plain = risk(declared, whole, kind)
        assert risk(declared, with_set(found, *shuffled), kind) == plain
        assert risk(replace(declared, name=name, address=name), whole, kind) == plain


@CALM
@given(hosts(), looks(), transactions, transactions, st.booleans())
def test_the_explanation_is_the_score(
    declared: Host, found: Facts, some: tuple[Change, ...], more: tuple[Change, ...], every: bool
) -> None:
    whole = with_set(found, *some, dist=more)
    for shown in foresee(declared, whole, NOW, Circumstances(whole_group=every)).candidates:
        assert shown.risk is not None
        factors = shown.risk.factors
        assert sum(factor.points for factor in factors) == shown.risk.score
        assert 0 <= shown.risk.score <= 100
        assert shown.risk.score % 5 == 0
        assert all(factor.points >= 0 for factor in factors)
        assert len({factor.id for factor in factors}) == len(factors)
        assert all(factor.value and factor.evidence for factor in factors)
        assert list(factors) == sorted(factors, key=lambda f: (-f.points, f.id))
    assert foresee(declared, whole, NOW) == foresee(declared, whole, NOW)


@CALM
@given(hosts(), looks(), transactions)
def test_no_number_pretends_to_more_than_two_digits(
    declared: Host, found: Facts, some: tuple[Change, ...]
) -> None:
    for shown in foresee(declared, with_set(found, *some), NOW).candidates:
        assert shown.risk is not None
        minutes = shown.risk.outage_minutes
        assert minutes.expected <= minutes.bad_day
        chances = shown.risk.one_in, shown.risk.lost_day_one_in
        for number in (minutes.expected, minutes.bad_day, *chances):
            assert len(str(number or 0).rstrip("0")) <= 2
        assert all(chance is None or str(chance)[0] in "1235" for chance in chances)


@CALM
@given(
    hosts(), looks(), transactions, changes(), st.sampled_from(sorted(ROWS)),
    st.sampled_from(("least", "most")),
)  # fmt: skip
def test_the_laws_hold_with_a_teams_own_numbers(
    declared: Host, found: Facts, some: tuple[Change, ...], one: Change, name: str, end: str
) -> None:
    others = tuple(change for change in some if change.name != one.name)
    whole = with_set(found, *others, dist=(one,))
    odd = replace(declared, risk=((name, float(ROWS[name][end])),))
    upgrade, dist = (risk(odd, whole, kind) for kind in ("upgrade", "dist-upgrade"))
    assert at_least(dist, upgrade)
    for shown in (upgrade, dist, risk(odd, whole, "reboot"), risk(odd, whole, "replace")):
        assert sum(factor.points for factor in shown.factors) == shown.score
    bad = risk(replace(odd, console=False), replace(whole, uptime_s=None), "reboot")
    assert at_least(bad, risk(replace(odd, console=True), replace(whole, uptime_s=0), "reboot"))


@st.composite
def boot_orders(draw: st.DrawFn) -> tuple[Deployment, ...]:
    number = draw(st.integers(0, 4))
    booted = draw(st.integers(-1, 4))
    return tuple(
        deployment(
            i,
            booted=i == booted,
            staged=draw(st.booleans()),
            locked=draw(st.booleans()),
            rollback=i == booted + 1,
            layered=draw(st.sampled_from(((), ("htop",), ("a", "b", "c", "d", "e")))),
            version=draw(st.sampled_from((None, "43.1"))),
            checksum=draw(st.sampled_from((None, "c" * 64))),
            timestamp=draw(st.sampled_from((None, NOW))),
        )
        for i in range(number)
    )


FAMILIES = st.sampled_from(("apt", "rpm-ostree", "unknown", "rauc", ""))


@CALM
@given(
    hosts(), looks(), FAMILIES, st.none() | boot_orders(), st.booleans(), st.sampled_from((None, 0))
)
def test_foresee_has_an_answer_for_whatever_was_found(
    declared: Host,
    found: Facts,
    family: str,
    deployments: tuple[Deployment, ...] | None,
    has_packages: bool,
    age: int | None,
) -> None:
    odd = replace(
        found,
        family=family,
        deployments=deployments,
        packages=found.packages if has_packages else None,
        lists_age_s=age,
    )
    for outage in (None, "tolerable", "unacceptable"):
        answer = foresee(replace(declared, outage=outage), odd, NOW)
        kinds = [shown.kind for shown in answer.candidates]
        assert kinds[0] == "none"
        assert kinds[-1] == "replace"
        assert answer.recommendation is not None
        assert answer.recommendation.kind in kinds
        assert answer.recommendation.why
        assert all(answer.recommendation.why)
        assert answer.waiting is not None
        assert answer.waiting.reasons


@CALM
@given(boot_orders(), st.booleans())
def test_more_layers_and_unread_deployments_are_no_safer(
    order: tuple[Deployment, ...], console: bool
) -> None:
    declared = host(console=console)
    bare = tuple(replace(one, layered=()) for one in order)
    if not bare:
        return
    for kind in ("deploy-upgrade", "deploy-finalize", "deploy-rollback"):
        less = risk(declared, rpm_ostree(*bare), kind)
        assert at_least(risk(declared, rpm_ostree(*order), kind), less)
