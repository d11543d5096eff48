"""Whether rules let a terminal be served, slot after slot: MAY, for the emulator.

Takes rules, where a terminal is and what it is; gives May over the slots of a window. Rules are asked at the exact
place once for each time that their answer holds, not once a slot.

A slot is permitted as a whole or not at all: a terminal that may not be served at some instant of it is not served in
it. So a permit that begins inside a slot counts from the next one, and one that ends inside a slot ended before it
(denial on doubt). A moving terminal is decided for everywhere that it comes to in a slot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product

import numpy as np
from numpy.typing import NDArray

from openleo.geodesy import ecef_km
from openleo.instants import SlotGrid
from openleo.network.ground.tracks import Track
from openleo.network.journeys import Point
from openleo.places import point
from openleo.places.point import Where
from openleo.policy.decide import Decision, decide
from openleo.policy.request import Request
from openleo.policy.rules import RuleSet
from openleo.units import M_PER_KM

LandIn = tuple[str, ...] | None
SAMPLES = 9  # places looked at of a slot's way, its two ends among them
S_PER_H = 3600.0


@dataclass(frozen=True)
class Who:
    """What rules are asked about beside the place; None: not known, so that nothing is permitted on it."""

    class_: str
    groups: frozenset[str] | None = None


@dataclass(frozen=True, eq=False)
class May:
    """Axes (slot,). because: the rules that decided, separated by spaces. land_in: where traffic may leave."""

    permitted: NDArray[np.bool_]
    because: tuple[str, ...]
    land_in: tuple[LandIn, ...]


def may(rules: RuleSet | None, user: Point | Track, who: Who, window: SlotGrid) -> May:
    """What rules say in each slot of a window. Without any rules everything is permitted, as `openleo plan` has it."""
    slots = window.slots
    if rules is None:
        return May(np.ones(slots, np.bool_), ("",) * slots, (None,) * slots)
    decided = _on_track(rules, user, who, window) if isinstance(user, Track) else _at_rest(rules, user, who, window)
    return May(
        np.array([one.permitted for one in decided], np.bool_),
        tuple(" ".join(because.rule for because in one.because) for one in decided),
        tuple(one.land_in for one in decided),
    )


def _at_rest(rules: RuleSet, place: Point, who: Who, window: SlotGrid) -> list[Decision]:
    """Of a terminal that stands still: exactly where it is, at no speed; how high is not known."""
    where = point.where(place.latitude_deg, place.longitude_deg, 0.0, rules.regions)
    asked = Request(
        class_=who.class_, groups=who.groups, latitude_deg=place.latitude_deg, longitude_deg=place.longitude_deg,
        uncertainty_m=0.0, age_s=0.0, speed_kmh=0.0,
    )  # fmt: skip
    found: list[Decision] = []
    holding: Decision | None = None  # the last one of the slot before
    for slot in range(window.slots):
        ends = window.instant(slot + 1)
        if holding is not None and (holding.valid_until is None or holding.valid_until >= ends):
            found.append(holding)
            continue
        decided = _throughout(rules, asked, where, window.instant(slot), ends)
        holding = decided[-1]
        found.append(_of_all(decided))
    return found


def _on_track(rules: RuleSet, track: Track, who: Who, window: SlotGrid) -> list[Decision]:
    """Of a terminal that moves: in the circle around its way in the slot, at each of its extremes of speed and height.

    Heights are those above the ellipsoid, which mean sea level is up to 110 m away from.
    """
    found = []
    for slot in range(window.slots):
        where = track.at(window.start, (slot + np.linspace(0.0, 1.0, SAMPLES)) * window.slot_s)
        at_km = ecef_km(where.latitude_deg, where.longitude_deg, where.altitude_km)
        steps_km = np.linalg.norm(np.diff(at_km, axis=0), axis=1)
        middle = SAMPLES // 2
        around_m = float(np.linalg.norm(at_km - at_km[middle], axis=1).max() + steps_km.max() / 2.0) * M_PER_KM
        latitude, longitude = float(where.latitude_deg[middle]), float(where.longitude_deg[middle])
        place = point.where(latitude, longitude, around_m, rules.regions)
        asked = Request(
            class_=who.class_, groups=who.groups, latitude_deg=latitude, longitude_deg=longitude,
            uncertainty_m=around_m, age_s=0.0,
        )  # fmt: skip
        speeds = _extremes(steps_km * ((SAMPLES - 1) / window.slot_s * S_PER_H))
        decided: list[Decision] = []
        for speed_kmh, altitude_m in product(speeds, _extremes(where.altitude_km * M_PER_KM)):
            moving = replace(asked, speed_kmh=speed_kmh, altitude_m=altitude_m)
            decided += _throughout(rules, moving, place, window.instant(slot), window.instant(slot + 1))
        found.append(_of_all(decided))
    return found


def _extremes(values: NDArray[np.float64]) -> set[float]:
    """The least and the most; one where they are the same but for rounding."""
    return {round(float(values.min()), 3), round(float(values.max()), 3)}


def _throughout(
    rules: RuleSet, asked: Request, where: Where | None, begins: datetime, ends: datetime
) -> list[Decision]:
    """The decisions of a slot, one after the other, up to the first that does not permit."""
    found: list[Decision] = []
    at = begins
    while True:
        found.append(decide(rules, replace(asked, at=at), where))
        until = found[-1].valid_until
        if not found[-1].permitted or until is None or until >= ends:
            return found
        at = max(until, at + timedelta(microseconds=1))


def _of_all(decided: list[Decision]) -> Decision:
    """That of a slot with several: the first that does not permit; else traffic leaves where all of them let it."""
    for one in decided:
        if not one.permitted:
            return one
    lands = [frozenset(one.land_in) for one in decided if one.land_in is not None]
    return replace(decided[-1], land_in=tuple(sorted(frozenset.intersection(*lands))) if lands else None)
