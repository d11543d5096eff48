"""One request for a lease, decided: may it, can it, and until when.

Takes what a terminal said, what the registry knows of it, the rules in force, and what the plan of the slot gives
where it is; gives a Lease, or Refused with the first reason that applies. A pure function, with time as an argument.
Where something is not known that has to be (no plan, an old one), there is no answer at all: Doubt.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, Protocol

from openleo.controller.lease_place import Circle, Placed, same_within_km
from openleo.controller.lease_request import LeaseForm, age_s
from openleo.instants import instant_of, instant_text
from openleo.places.expressions import Region
from openleo.places.point import Where
from openleo.policy import decide as deciding
from openleo.policy.decide import CAUSE_LOCATION, Decision, Outcome
from openleo.policy.request import STALE_AFTER_S, Request
from openleo.policy.rules import RuleSet
from openleo.units import BEAM_KM

OLDEST_PLAN_SLOTS = 2
OPERATOR = "operator"
CERTAIN = (Outcome.FORBIDDEN, Outcome.SUSPENDED, Outcome.NOT_PERMITTED)
MOST_INSTANTS = 4_096  # whose texts are kept: many leases end at one
Why = Literal["not_permitted", "no_satellite", "no_gateway", "no_capacity"]


class Doubt(Exception):
    """What has to be known for a decision is not known now: nothing is given, and asking again may help."""


@dataclass(frozen=True)
class LeasingTerminal:
    """What the registry knows of a terminal. `held`: evidence waits for a review, so nothing is renewed."""

    id: str
    account: str
    class_: str
    home: str
    groups: frozenset[str]
    public_key: bytes
    state: str
    subscription: str | None = None
    down_mbps: float | None = None  # of the subscription; None: what the network gives
    up_mbps: float | None = None
    subscribed_from_s: float | None = None
    subscribed_until_s: float | None = None
    account_suspended: bool = False
    held: bool = False
    days_abroad: float | None = None
    version: int = 1


class Rules(Protocol):
    """Of what the ledger says is in force, what a decision reads: in_force.InForce."""

    @property
    def rules(self) -> RuleSet: ...
    @property
    def ledger_size(self) -> int: ...


@dataclass(frozen=True)
class Offer:
    """What a plan gives in one cell to one class. `why_not`: its reason; None: it serves."""

    cell: int
    why_not: Why | None
    satellite: str = ""
    gateway: str = ""
    pop: str = ""
    lands: tuple[str | None, ...] = ()  # territories of the gateway and the PoP; None: not known
    down_mbps: float | None = None  # None: rates are not computed
    up_mbps: float | None = None


class Plan(Protocol):
    """Of a slot's plan, what a decision reads: lease_offers.Offers."""

    @property
    def number(self) -> int: ...
    @property
    def begins_s(self) -> float: ...
    @property
    def slot_s(self) -> float: ...
    @property
    def sha256(self) -> str: ...
    def offer(self, cell: int, class_: str) -> Offer: ...


@dataclass(frozen=True)
class Lease:
    """Permission to be served in cells, by what a plan gives there, until it lapses."""

    terminal: str
    cells: tuple[int, ...]
    offer: Offer  # of the first cell, which is the terminal's own
    down_mbps: float | None
    up_mbps: float | None
    slot: int  # the first that it holds in
    until_slot: int  # the first that it does not
    valid_from_s: float
    valid_until_s: float
    renew_after_s: float
    rule_set: str
    ledger_size: int
    plan: str
    decision: Decision

    def as_json(self, id_: str) -> dict[str, Any]:
        """As it is answered."""
        return {
            "lease": id_,
            "terminal": self.terminal,
            "cells": [format(cell, "x") for cell in self.cells],
            "satellite": self.offer.satellite,
            "gateway": self.offer.gateway,
            "pop": self.offer.pop,
            "down_mbps": self.down_mbps,
            "up_mbps": self.up_mbps,
            "valid_from": at_text(self.valid_from_s),
            "valid_until": at_text(self.valid_until_s),
            "slots": [self.slot, self.until_slot],
            "rule_set": self.rule_set,
            "ledger_size": self.ledger_size,
            "plan": self.plan,
            "renew_after": at_text(self.renew_after_s),
            "decision": self.decision.as_json(),
        }


@dataclass(frozen=True)
class Refused:
    """No lease. `decision`: what the rules say, None where it did not come to that."""

    terminal: str
    why: Why
    because: tuple[dict[str, str], ...]  # rule, authority, reason
    missing: tuple[str, ...]
    refusal: dict[str, Any]  # as 3GPP's cause #78
    rule_set: str
    ledger_size: int
    plan: str
    decision: Decision | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "decision": "NOT_SERVED" if self.decision is None else self.decision.outcome.value,
            "why": self.why,
            "because": list(self.because),
            "missing": list(self.missing),
            "refusal": self.refusal,
            "rule_set": self.rule_set,
            "ledger_size": self.ledger_size,
            "plan": self.plan,
        }


@dataclass(frozen=True)
class Terms:
    """What holds for every lease."""

    lease_slots: int
    stale_after_s: float = STALE_AFTER_S
    beam_km: float = BEAM_KM  # by which the rules in force withhold service around what beams keep dark


def circles(form: LeaseForm) -> tuple[Circle, ...]:
    """Where a terminal says that it is: without a radius nothing is known, and a radius nobody states is none."""
    if form.position is None or form.position.uncertainty_m is None:
        return ()
    return ((float(form.position.lat_deg), float(form.position.lon_deg), float(form.position.uncertainty_m)),)


def request(
    form: LeaseForm, terminal: LeasingTerminal, placed: Placed, now_s: float, network_age_s: float | None = None
) -> Request:
    """What the rules are asked: where and how by the terminal, who by the registry.

    Of several circles the rules are told the widest radius, and no source: they come from two. `network_age_s`: where
    the place is the network's alone, how old that is.
    """
    position, now = form.position, instant_of(now_s)
    first = placed.circles[0] if placed.circles else None
    several = len(placed.circles) > 1
    return Request(
        at=now,
        terminal=terminal.id,
        account=terminal.account,
        class_=terminal.class_,
        subscription=terminal.subscription,
        groups=terminal.groups,
        latitude_deg=first[0] if first else position.lat_deg if position else None,
        longitude_deg=first[1] if first else position.lon_deg if position else None,
        uncertainty_m=max(circle[2] for circle in placed.circles) if first else None,
        age_s=age_s(form, now) if network_age_s is None else network_age_s,
        source=None if several else "network" if network_age_s is not None else position.source if position else None,
        speed_kmh=form.speed_kmh,
        altitude_m=form.altitude_m,
        days_abroad=terminal.days_abroad,
        home_territory=terminal.home,
    )


def decide(
    asked: Request, terminal: LeasingTerminal, placed: Placed, rules: Rules, plan: Plan, terms: Terms, now_s: float
) -> Lease | Refused:
    """The first that applies: who it is, what the rules say, what the network can. Raises Doubt."""
    check_of_now(plan, now_s)
    if why := unfit(terminal, now_s):
        rule, reason = why
        because = ({"rule": f"registry/{rule}", "authority": OPERATOR, "reason": reason},)
        return _refused(terminal, rules, plan, "not_permitted", because=because)
    where = None if asked.stale(terms.stale_after_s) else placed.where
    decision = deciding.decide(rules.rules, asked, where, stale_after_s=terms.stale_after_s)
    if not decision.permitted:
        return _not_permitted(decision, terminal, placed, rules, plan, rules.rules.regions)
    offers = [plan.offer(cell, terminal.class_) for cell in placed.cells]
    served = [offer for offer in offers if _why_not(offer, decision) is None]
    if not served or served[0] is not offers[0]:
        why_not = _why_not(offers[0], decision) if offers else "no_satellite"
        return _unserved(why_not or "no_satellite", decision, terminal, rules, plan)
    return _lease(decision, terminal, served, rules, plan, terms, now_s)


def moved_out(
    found: Refused, asked: Request, before: Request, where: Where | None, rules: RuleSet, stale_after_s: float
) -> bool:
    """Whether the rules certainly refuse a terminal by what it says now, and permit it by what it said before.

    Plans go by what was said with the lease in hand (`before`, at `where`), so they would serve it on. What is refused
    by that too they drop by themselves, and serve again where it is permitted again before the lease lapses.
    """
    if found.decision is None or found.decision.outcome not in CERTAIN or asked.at is None or before.at is None:
        return False
    aged_s = None if before.age_s is None else before.age_s + (asked.at - before.at).total_seconds()
    who = {name: getattr(asked, name) for name in ("account", "class_", "subscription", "groups", "home_territory")}
    then = replace(before, at=asked.at, age_s=aged_s, **who)
    return deciding.decide(rules, then, where, stale_after_s=stale_after_s).permitted


def check_of_now(plan: Plan, now_s: float) -> None:
    """Whether a plan is one of now. Raises Doubt."""
    age_slots = (now_s - plan.begins_s) / plan.slot_s
    if age_slots >= OLDEST_PLAN_SLOTS:
        raise Doubt(f"the last plan is of slot {plan.number}, which began {age_slots:.1f} slots ago")
    if age_slots < -1.0:
        raise Doubt(f"the plan is of slot {plan.number}, which begins in {-age_slots:.1f} slots")


def unfit(terminal: LeasingTerminal, now_s: float) -> tuple[str, str] | None:
    """Why the registry lets a terminal have no lease, as (a word, a sentence); None where it does."""
    begins_s, ends_s = terminal.subscribed_from_s, terminal.subscribed_until_s
    if terminal.state != "active":
        return f"terminal-{terminal.state}", f"the terminal is {terminal.state}, and only active ones are served"
    if terminal.account_suspended:
        return "account-suspended", "its account is suspended"
    if (begins_s is not None and now_s < begins_s) or (ends_s is not None and now_s >= ends_s):
        return "subscription-over", "its subscription does not hold now"
    if terminal.held:
        return "under-review", "evidence about the terminal waits for a review"
    return None


def _why_not(offer: Offer, decision: Decision) -> Why | None:
    """Why a cell's offer does not serve under a decision: traffic that has to land elsewhere finds no gateway."""
    if offer.why_not is None and decision.land_in is not None and not set(offer.lands) <= set(decision.land_in):
        return "no_gateway"
    return offer.why_not


def _lease(
    decision: Decision,
    terminal: LeasingTerminal,
    served: Sequence[Offer],
    rules: Rules,
    plan: Plan,
    terms: Terms,
    now_s: float,
) -> Lease:
    ends_s = plan.begins_s + terms.lease_slots * plan.slot_s
    if decision.valid_until is not None:
        ends_s = min(ends_s, decision.valid_until.timestamp())
    if terminal.subscribed_until_s is not None:
        ends_s = min(ends_s, terminal.subscribed_until_s)
    slots = math.ceil((ends_s - plan.begins_s) / plan.slot_s)
    return Lease(
        terminal=terminal.id,
        cells=tuple(offer.cell for offer in served),
        offer=served[0],
        down_mbps=_least(served[0].down_mbps, terminal.down_mbps),
        up_mbps=_least(served[0].up_mbps, terminal.up_mbps),
        slot=plan.number,
        until_slot=plan.number + max(slots, 0),
        valid_from_s=now_s,
        valid_until_s=max(ends_s, now_s),
        renew_after_s=min(plan.begins_s + (1.0 + spread(terminal.id)) * plan.slot_s, max(ends_s, now_s)),
        rule_set=rules.rules.sha256,
        ledger_size=rules.ledger_size,
        plan=plan.sha256,
        decision=decision,
    )


def spread(terminal: str) -> float:
    """When in a slot a terminal renews, as a share of it: its own share, so that a slot's renewals spread over it.

    >>> 0.0 <= spread("t-1") < 0.95
    True
    """
    return LAST_SHARE * zlib.crc32(terminal.encode()) / 2**32


LAST_SHARE = 0.95  # of a slot: one that fails is asked for again before the next one begins, or early in it


def _least(given: float | None, bought: float | None) -> float | None:
    """The rate that the plan gives, at most what was bought; None while rates are not computed."""
    if given is None or bought is None:
        return given
    return min(given, bought)


def _refused(
    terminal: LeasingTerminal,
    rules: Rules,
    plan: Plan,
    why: Why,
    *,
    because: tuple[dict[str, str], ...] = (),
    missing: tuple[str, ...] = (),
    refusal: Mapping[str, Any] | None = None,
    decision: Decision | None = None,
) -> Refused:
    told = {"cause": CAUSE_LOCATION, "territory": None, "retry_not_before": None, "radius_km": None, **(refusal or {})}
    sha256, size = rules.rules.sha256, rules.ledger_size
    return Refused(terminal.id, why, because, missing, told, sha256, size, plan.sha256, decision)


def _not_permitted(
    decision: Decision, terminal: LeasingTerminal, placed: Placed, rules: Rules, plan: Plan, regions: Sequence[Region]
) -> Refused:
    refusal = decision.refusal
    assert refusal is not None, "whoever is not permitted is told how far that goes"
    known = replace(refusal, radius_km=same_within_km(placed, regions)) if refusal.territory is not None else refusal
    because = tuple(one.as_json() for one in decision.because)
    return _refused(
        terminal, rules, plan, "not_permitted", because=because, missing=decision.missing,
        refusal=known.as_json(), decision=replace(decision, refusal=known),
    )  # fmt: skip


def _unserved(why: Why, decision: Decision, terminal: LeasingTerminal, rules: Rules, plan: Plan) -> Refused:
    """Permitted, and not served in this slot: the next one may be otherwise."""
    refusal = {"retry_not_before": at_text(plan.begins_s + plan.slot_s)}
    because = tuple(one.as_json() for one in decision.because)
    if why == "not_permitted":  # rules changed since the plan was computed, and it never gives more than they did
        reason = f"the plan of slot {plan.number} was computed under rules that permit nobody of the class there"
        because = ({"rule": "plan", "authority": OPERATOR, "reason": reason},)
    return _refused(terminal, rules, plan, why, because=because, refusal=refusal, decision=decision)


@lru_cache(MOST_INSTANTS)
def at_text(at_s: float) -> str:
    """An instant in seconds since the Unix epoch as it is answered."""
    return instant_text(instant_of(at_s))
