"""What the doctrine would do with this host now, and why, in words for whoever is on call.

The questions are asked in this order, and the first that answers wins: may anything be done here
at all; is anything pending; is the host half-way and to be mended first; may this server be touched
(the one-day question); and only then which of the candidates, and when. Whatever the answer, the
price of doing nothing stands beside it.
"""

from __future__ import annotations

from dataclasses import replace as with_fields
from datetime import datetime

from engine.candidates.backup import databases, is_recent
from engine.candidates.blockers import REPAIRS, WAITS_FOR_A_LOOK
from engine.candidates.choice import is_much_safer, least_risky
from engine.candidates.deadline import is_at_once, price_of_nothing, timing
from engine.candidates.redundancy import one_by_one, tried_days
from engine.candidates.turning import OPEN_QUESTION, of_acting, of_the_gate
from engine.model.candidate import Blocker, Candidate, Kind, Recommendation, Waiting
from engine.model.facts import Facts, Packages
from engine.model.host import Host
from engine.risk.waiting import LISTS_OLD_S, kernel_waits

Why = tuple[str, ...]
_NOT_OURS = ("hostshift-run", "kubernetes", "kubernetes-unknown")


def recommend(
    host: Host, facts: Facts, candidates: tuple[Candidate, ...], waiting: Waiting, now: datetime
) -> Recommendation:
    """The doctrine's choice among the candidates."""
    case = _Case(host, facts, candidates, waiting, now)
    advice = (
        case.left_alone()
        or case.nothing_pending()
        or case.half_way()
        or case.unacceptable()
        or case.mended_and_unsupported()
        or case.choice()
    )
    price = price_of_nothing(waiting, ended=case.support_ended())
    return with_fields(advice, why=(*advice.why, price))


def _none(*why: str) -> Recommendation:
    return Recommendation("none", why)


class _Case:
    """One host with what could be done to it."""

    def __init__(
        self,
        host: Host,
        facts: Facts,
        candidates: tuple[Candidate, ...],
        waiting: Waiting,
        now: datetime,
    ) -> None:
        self.host = host
        self.facts = facts
        self.waiting = waiting
        self.packages = facts.packages or Packages()
        self.today = now.date()
        self.by_kind: dict[Kind, Candidate] = {c.kind: c for c in candidates if c.subset is None}
        self.failover_days = tried_days(host, self.today)

    # -- may anything be done here at all ------------------------------------------------------

    def left_alone(self) -> Recommendation | None:
        """Hosts that aren't ours to touch now."""
        if self.host.retiring:
            # Not `decommission`, which only its run can judge: nothing is to be done from here.
            return _none(
                "This server is retiring: its successor has taken over, and until the soak is over "
                "it is the way back as it stands. The run that replaced it ends it then."
            )
        # The same for everything that acts, so any acting candidate tells.
        found = [b for b in self.by_kind["reboot"].blockers if b.id in _NOT_OURS]
        return _none(*(b.message for b in found)) if found else None

    # -- is anything pending -------------------------------------------------------------------

    def nothing_pending(self) -> Recommendation | None:
        """Leave a host alone that has nothing to gain."""
        pending = self._pending()
        if pending or (pending is None and self.host.outage == "unacceptable"):
            return None
        if pending is False:
            return _none(*(self._refresh_first() or ("Nothing is pending.",)))
        if self.facts.deployments is not None:
            return _none(
                "The booted deployment is the one that boots next. A look doesn't ask whether a "
                "newer one exists; `rpm-ostree upgrade --check` does."
            )
        return _none(
            "What is pending here isn't known, and hostshift changes nothing that it doesn't "
            "understand: look by hand, or replace the server."
        )

    def _pending(self) -> bool | None:
        """Whether there is anything to gain; None where that isn't known."""
        packages = self.facts.packages
        reboot = self.facts.reboot.required or kernel_waits(self.facts)
        if reboot or self._waits_to_boot() or self.support_ended():
            return True
        if packages is None:
            return None
        if packages.broken or packages.interrupted or self._would_change():
            return True
        # Where their number isn't known something is taken to wait.
        return packages.upgradable is None or packages.upgradable > 0

    def _would_change(self) -> bool:
        kinds: tuple[Kind, ...] = ("upgrade", "dist-upgrade")
        found = (self.by_kind.get(kind) for kind in kinds)
        return any(candidate.changes for candidate in found if candidate is not None)

    def _waits_to_boot(self) -> bool:
        finalize = self.by_kind.get("deploy-finalize")
        return finalize is not None and finalize.to is not None

    def support_ended(self) -> bool:
        """Whether the release gets no security fixes any more."""
        ends = self.facts.os.support_ends
        return ends is not None and ends < self.today

    def _refresh_first(self) -> Why:
        age = self.facts.lists_age_s
        if self.facts.packages is None:
            return ()
        if self.packages.security is None and self.packages.upgradable is not None:
            return ("Refresh first: the list of a security archive was never fetched.",)
        if age is not None and age <= LISTS_OLD_S:
            return ()
        if age is None:
            return ("Refresh first: it isn't known how old the package lists are.",)
        days = "1 day" if age < 2 * 86_400 else f"{age // 86_400} days"
        return (f"Refresh first: the package lists are {days} old, so more may be pending.",)

    # -- is it half-way ------------------------------------------------------------------------

    def half_way(self) -> Recommendation | None:
        """A server that must not be touched, and is half-way already: that is mended first.

        On every other host `choice` says so, with whatever else is in the way.
        """
        if not self._closed():
            return None
        broken = [b for b in self._in_the_way("upgrade") if b.id in REPAIRS]
        if not broken:
            return None
        return _none(
            *(f"{_first(b)}: {b.message} ({_short(b.remedy)})" for b in broken),
            "Nothing else on the running server, of which a day's outage is unacceptable. "
            "Then replace.",
        )

    # -- may this server be touched ------------------------------------------------------------

    def _closed(self) -> bool:
        """Whether the gate is closed: nobody is known to stand in for what must not be down.

        Where others do, replacing it is still better, as soon as nothing is lacking for it.
        """
        if self.host.outage != "unacceptable":
            return False
        return self.failover_days is None or not self.by_kind["replace"].blockers

    def unacceptable(self) -> Recommendation | None:
        """The doctrine's gate: what must not be down for a day is replaced, never updated."""
        if not self._closed():
            return None
        why = (
            "A day without this server is unacceptable, so the running server is not touched: "
            "build its successor, move the services, keep this one as the way back."
        )
        lacking = [b for b in self.by_kind["replace"].blockers if b.id == "replace-incomplete"]
        missing = "Still missing: " + " ".join(b.message for b in lacking)
        meanwhile = "Until it is done: "
        return Recommendation(
            "replace",
            (
                why,
                *((missing,) if lacking else ()),
                meanwhile + self._meanwhile(ready=not lacking),
                *one_by_one(self.host),
                of_the_gate(self.host, stands_in=self.failover_days is not None),
            ),
        )

    def _meanwhile(self, *, ready: bool) -> str:
        prepare = "prepare the deploy and restore scripts and prove the backups"
        if ready:
            prepare = (
                "carry it out up to the question before the cutover, as often as you like: that "
                "proves scripts and backups, and this server serves on"
            )
        if not self.packages.security:
            return f"{prepare}."
        reach = "" if self.host.exposed is False else ", limit who can reach it"
        if reach and is_at_once(self.waiting):
            reach += " today, look for signs of a break-in"
        return f"{_fixes(self.packages.security)} still missing; {prepare}{reach}."

    # -- is something to be mended first; which candidate --------------------------------------

    def _in_the_way(self, kind: Kind) -> tuple[Blocker, ...]:
        candidate = self.by_kind.get(kind)
        blockers = candidate.blockers if candidate else ()
        return tuple(b for b in blockers if b.id not in WAITS_FOR_A_LOOK)

    def mended_and_unsupported(self) -> Recommendation | None:
        """A release without support and with nothing left to install can only be left behind."""
        if not self.support_ended() or self._wanted()[0] is not None:
            return None
        why = (*self._unsupported(), *self._refresh_first())
        return Recommendation("replace", why + self._outage())

    def _unsupported(self) -> Why:
        if not self.support_ended():
            return ()
        system = self.facts.os
        name = system.pretty_name or system.id or "The system"
        why = (
            f"{name} has had no security fixes since {system.support_ends}: move to a newer "
            "release, at best on a successor."
        )
        return (why,)

    def choice(self) -> Recommendation:
        """Least risk that clears what is pending; none where something is to be mended first."""
        kind, why = self._wanted()
        if kind is None:
            return _none(*why, *self._refresh_first())
        blocked = self._in_the_way(kind)
        if blocked:
            mend = (f"{_first(b)}: {b.message} ({_short(b.remedy)})" for b in blocked)
            return _none(*mend, *(f"Then {kind}: {text}" for text in why))
        best = self.by_kind[kind]
        held = databases(best)
        recent = is_recent(self.host, self.facts) if held else True
        when = timing(self.host, self.packages, best, self.waiting, self.today)
        if recent is False:
            return _none(
                f"Back up first: {_named(held)} may change how data lie on disk, and the newest "
                "backup is too old to go back to.",
                f"If a backup younger than a day existed: {kind} in place. {' '.join(why)}",
            )
        if when.rests_until is not None:
            then = (f"From {when.rests_until} on, {kind}: {text}" for text in why)
            return _none(*self._refresh_first(), *when.why, *then)
        if self._successor_is_safer(best):
            return self._by_successor(best)
        to_look = [b for b in best.blockers if b.id in WAITS_FOR_A_LOOK]
        return Recommendation(
            kind,
            (
                *(() if recent else (_no_backup_known(held),)),
                *self._refresh_first(),
                *why,
                *when.why,
                *self._price(kind),
                *self._in_turn(),
                *self._unsupported(),
                *(f"{b.message} ({b.remedy})" for b in to_look),
                of_acting(self.host, kind, self.waiting),
            ),
        )

    def _successor_is_safer(self, best: Candidate) -> bool:
        """Building one is work of hours that no score counts: a near tie doesn't earn it."""
        may = self.host.outage != "tolerable" and not is_at_once(self.waiting)
        return may and is_much_safer(self.by_kind["replace"], best)

    def _by_successor(self, best: Candidate) -> Recommendation:
        risk, other = self.by_kind["replace"].risk, best.risk
        scores = f" ({risk.score} against {other.score})" if risk and other else ""
        return Recommendation(
            "replace",
            (
                f"To update in place is much riskier than to move to a successor{scores}.",
                *self._refresh_first(),
                *self._in_turn(),
                *self._unsupported(),
                of_acting(self.host, "replace", self.waiting),
            ),
        )

    def _in_turn(self) -> Why:
        found = one_by_one(self.host)
        if self.failover_days is None or self.host.outage != "unacceptable":
            return found
        days = "1 day" if self.failover_days == 1 else f"{self.failover_days} days"
        stands_in = (
            f"A day without this server is unacceptable, but {self.host.redundancy} stands in for "
            f"it: its failover was tried {days} ago. A successor would still be better."
        )
        return (stands_in, *found)

    def _wanted(self) -> tuple[Kind | None, Why]:
        """What would help most, before asking whether it can be had."""
        kind, why = self._wanted_of_packages() if "upgrade" in self.by_kind else (None, ())
        if kind is not None and not self._only_a_reboot_closes(kind):
            return kind, why
        if self._waits_to_boot():
            title = self.by_kind["deploy-finalize"].title
            return "deploy-finalize", (f"What is staged waits for a reboot: {title}.",)
        if self.facts.reboot.required:
            reasons = "; ".join(self.facts.reboot.reasons) or "the host says so"
            return "reboot", (f"A reboot is due: {reasons}.",)
        if kernel_waits(self.facts):
            return "reboot", (self._kernel_is_open(),)
        return None, why or ("Nothing that hostshift could do here would help.",)

    def _only_a_reboot_closes(self, kind: Kind) -> bool:
        """A newer kernel waits for a reboot, and the packages bring no fix that would come first.

        With something in the way of the packages it is in the way of a reboot, or it can wait.
        """
        if not kernel_waits(self.facts) or self.packages.security is None:
            return False
        candidate = self.by_kind[kind]
        if candidate.changes is None:
            return self.packages.security == 0
        return not _security_names(candidate) and not self._half_done()

    def _half_done(self) -> bool:
        return self.facts.packages_at_work or self.packages.needs_repair

    def _kernel_is_open(self) -> str:
        kernel = self.facts.kernel
        return (
            f"Kernel {kernel.expected} is installed and {kernel.running} runs: until a reboot what "
            "the new one closes is open."
        )

    def _wanted_of_packages(self) -> tuple[Kind | None, Why]:
        upgrade, dist = self.by_kind["upgrade"], self.by_kind["dist-upgrade"]
        pending = _security_names(upgrade) | _security_names(dist)
        clearing = [
            candidate
            for candidate in (upgrade, dist)
            if pending <= _security_names(candidate) and not self._in_the_way(candidate.kind)
        ]
        if pending and clearing and least_risky(self.host, clearing) is dist:
            names = ", ".join(sorted(pending - _security_names(upgrade))[:5])
            why = (
                f"apt upgrade would leave security fixes behind ({names}): they need "
                "dist-upgrade, which may remove packages. Read its list."
            )
            return "dist-upgrade", (why,)
        if upgrade.changes == () and not self._in_the_way("upgrade"):
            return None, (self._why_left(),)
        return "upgrade", (self._what_upgrade_brings(upgrade),)

    def _what_upgrade_brings(self, upgrade: Candidate) -> str:
        pending = self.packages.security
        brings = (pending or 0) if upgrade.changes is None else _security_fixes(upgrade)
        if pending is None and not brings:
            return "Whether security fixes are pending isn't known."
        more = max((pending or 0) - brings, 0)
        if brings:
            rest = f" {more} more it doesn't bring: held, phased or kept back." if more else ""
            return f"It brings {_fixes(brings)} at the least risk: it removes nothing.{rest}"
        if more:
            return f"{_fixes(more)} pending, none of which it brings: held, phased or kept back."
        return "No security fix is among what is pending: it can wait for the next quiet hour."

    def _why_left(self) -> str:
        packages = self.packages
        parts = (
            (packages.held, "held"),
            (packages.phased, "waiting for their phase"),
            (packages.kept_back, "kept back (dist-upgrade may take them)"),
        )
        words = [f"{len(names)} {what}" for names, what in parts if names]
        return "apt upgrade would change nothing" + (f": {', '.join(words)}." if words else ".")

    def _price(self, kind: Kind) -> Why:
        """What it costs the services, as far as that is known."""
        effects = self.by_kind[kind].effects
        found = []
        if effects.containers:
            names = ", ".join(effects.containers[:5])
            number = len(effects.containers)
            what = "1 running container" if number == 1 else f"{number} running containers"
            found.append(f"It stops {what} ({names}).")
        if effects.reboot and kind in ("upgrade", "dist-upgrade"):
            found.append("It wants a reboot afterwards.")
        elif kind in ("upgrade", "dist-upgrade") and kernel_waits(self.facts):
            found.append(f"A reboot is due too. {self._kernel_is_open()}")
        return tuple(found)

    def _outage(self) -> Why:
        if self.host.outage is not None:
            return ()
        return (OPEN_QUESTION,)


def _fixes(number: int) -> str:
    return "1 security fix" if number == 1 else f"{number} security fixes"


def _short(remedy: str) -> str:
    """The command of a remedy, without the lines of a file that may follow it."""
    return remedy.partition("\n")[0]


def _first(blocker: Blocker) -> str:
    if blocker.id == "dpkg-lock":
        return "Wait for it"
    if blocker.id == "lists-missing":
        return "Refresh first"
    return "Repair first" if blocker.id in REPAIRS else "In the way"


def _security_fixes(candidate: Candidate) -> int:
    """How many pending updates it brings; a fix that comes as a new package counts by itself."""
    found = [change for change in candidate.changes or () if change.security]
    upgraded = sum(change.action == "upgrade" for change in found)
    return upgraded or len(found)


def _security_names(candidate: Candidate) -> set[str]:
    return {change.name for change in candidate.changes or () if change.security}


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _no_backup_known(held: tuple[str, ...]) -> str:
    return (
        f"Back up first: {_named(held)} may change how data lie on disk, and how old the newest "
        "backup is isn't known."
    )
