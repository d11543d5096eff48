"""Which gateways may be used: the rules on gateways, decided for each of them.

Takes gateways and a rule set; gives the gateways that it withholds, with the rules that do it. A licence to serve
terminals and a licence to use a gateway are two things: neither follows from the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from openleo.network.ground.gateways import Gateways
from openleo.network.ground.stations import Station
from openleo.places import point
from openleo.places.expressions import WORLD
from openleo.places.territories import territories
from openleo.policy.decide import Decision, decide
from openleo.policy.request import Request
from openleo.policy.rules import Rule, RuleKey, RuleSet, union

STATIONS = 4096  # more than any network has: where each stands is found once
EVERYWHERE = Rule(
    "", "", "permit", WORLD, applies_to="gateway", authority="", reason="no rule permits gateways, so none needs one"
)


@dataclass(frozen=True)
class Withheld:
    """A gateway that rules do not let be used."""

    gateway: int
    name: str
    decision: Decision


def withheld(gateways: Gateways, rule_set: RuleSet | None, at: datetime) -> tuple[Withheld, ...]:
    """The gateways that may not be used at an instant, in the order of their list.

    A rule set that permits no gateway at all leaves them to its forbids and suspends; one that permits some withholds
    the others. A gateway stands where its list says, exactly.
    """
    own = of_gateways(rule_set) if rule_set else []
    if not own or rule_set is None:
        return ()
    if all(rule.effect != "permit" for rule in own):
        own.append(EVERYWHERE)
    asked = union(own, rule_set.classes)
    found = []
    for number, station in enumerate(gateways.stations):
        place = (station.latitude_deg, station.longitude_deg)
        request = Request(at=at, latitude_deg=place[0], longitude_deg=place[1], uncertainty_m=0.0, age_s=0.0)
        decision = decide(asked, request, point.where(*place, 0.0, asked.regions), "gateway")
        if not decision.permitted:
            found.append(Withheld(number, station.name, decision))
    return tuple(found)


def between(
    was: tuple[Withheld, ...],
    is_: tuple[Withheld, ...],
    permits: tuple[frozenset[Rule], frozenset[Rule]],
    names: Mapping[RuleKey, str],
) -> tuple[str, ...]:
    """What the rules are called by which one side withholds gateways that the other does not; none if none is.

    Gateway by gateway: what forbids or suspends it; or else, where permits withhold it by being there for others or by
    not being there, the permits of gateways that are in force on one side alone (`permits`, see `permits_at`).
    """
    changed = {one.gateway for one in was} ^ {one.gateway for one in is_}
    by_permits = _of_one_side(*permits) or {rule.key for rule in permits[0] | permits[1]}
    found: set[RuleKey] = set()
    for one in (*was, *is_):
        if one.gateway in changed:
            found |= {because.key for because in one.decision.because} or by_permits
    return tuple(sorted(names[key] for key in found))


def _of_one_side(*permits: frozenset[Rule]) -> set[RuleKey]:
    """The permits that say nothing that the other side says as well, in whatever book."""
    said = [{(rule.territory, rule.selector, rule.unless): rule.key for rule in side} for side in permits]
    return {said[side][one] for side in (0, 1) for one in said[side].keys() - said[1 - side].keys()}


@lru_cache(STATIONS)
def land_of(station: Station) -> str | None:
    """The territory that a station stands in, by its list or by its place; None where that is no land."""
    if station.territory in territories():
        return station.territory
    where = point.where(station.latitude_deg, station.longitude_deg, 0.0)
    label = where.labels[0] if where is not None and len(where.labels) == 1 else ""
    return label if label in territories() else None


def outside(gateways: Gateways, lands: Collection[str]) -> NDArray[np.int32]:
    """The gateways that traffic may not leave by, which has to leave in some territories, at gateway and PoP."""
    pops = [land_of(pop) in lands for pop in gateways.pops]
    own = [land_of(station) in lands for station in gateways.stations]
    leaves = np.array(own, np.bool_) & (gateways.pop >= 0) & np.array(pops, np.bool_)[gateways.pop]
    return np.flatnonzero(~leaves).astype(np.int32)


def permits_at(rule_set: RuleSet | None, at: datetime | None) -> frozenset[Rule]:
    """The permits of gateways that are in force at an instant; all that there are, where none is."""
    own = of_gateways(rule_set) if rule_set else []
    permits = frozenset(rule for rule in own if rule.effect == "permit")
    return frozenset(rule for rule in permits if at is not None and rule.window.holds(at)) or permits


def of_gateways(rule_set: RuleSet) -> list[Rule]:
    """The rules on gateways."""
    return [rule for rule in rule_set.rules if rule.applies_to == "gateway"]


def without(gateways: Gateways, those: tuple[Withheld, ...]) -> Gateways:
    """The gateways with some that take no satellite, as those that are out of order take none."""
    numbers = np.array([one.gateway for one in those], dtype=np.int32)
    return gateways.without(numbers, np.empty(0, dtype=np.int32)) if those else gateways
