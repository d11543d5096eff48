"""Where a terminal is, for a lease: what it reports, held against the network's own round trips.

Takes the round trips that gateways and satellites measured (never a terminal's own word: whoever forges a position can
forge ranges beside it), the request as it was reported, and a lookup of where satellites were; gives Located: the discs
that all have to be permitted, and evidence for people to review. Pure: no clock, no files.

    report plausible, agrees with the round trips     its disc                        gnss
    report plausible, disagrees                       its disc and the network's      both
    no report, or one that cannot be (jamming)        the network's discs             network
    no round trips to go by                           its disc; else the beam's       gnss, beam
    round trips that fit but for one satellite        as theirs that fit, all of them
    round trips that fit nowhere                      its disc and the beam's         beam; none without one

The desk decides once, on every kind of place that any of the discs touches (lease_place): permitted only if all are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from openleo.geodesy import GEOD
from openleo.misuse.thresholds import FASTEST_KMH
from openleo.network.ranging.agreement import FALSE_ALARM, Agreement, compare
from openleo.network.ranging.errors import AT_SEA, ERRORS, IN_THE_AIR, Errors
from openleo.network.ranging.fix import Fix, without_one
from openleo.network.ranging.fix import locate as fix_of
from openleo.network.ranging.ranges import KM_PER_MS, KM_PER_NS, Ranges
from openleo.network.ranging.sky import Lookup
from openleo.policy.request import Instant, Request
from openleo.reading import Record
from openleo.units import M_PER_KM

Disc = tuple[float, float, float]  # latitude, longitude, radius in m
Beam = tuple[float, float, float]  # latitude, longitude, radius in km of what lit the terminal
Came = Literal["gnss", "network", "both", "beam", "none"]

UNCERTAIN_M_MAX = 10_000.0  # a receiver that knows no better has no fix; the network does
AGE_S_MAX = 600.0
UNKNOWN_SPEED_KMH = 130.0  # of a report of some age, without a speed
MOST_MEASUREMENTS = 64
KNOTS_AND_ROADS_KM_S, AIRLINER_KM_S = 0.025, 0.18  # one sigma east and north: 127 and 916 km/h in all

ERRORS_OF_CLASSES: Mapping[str, Errors] = {
    "fixed": ERRORS,
    "maritime": replace(ERRORS, height=AT_SEA, speed_km_s=KNOTS_AND_ROADS_KM_S),
    "aviation": replace(ERRORS, height=IN_THE_AIR, speed_km_s=AIRLINER_KM_S),
}
MOVING = replace(ERRORS, speed_km_s=KNOTS_AND_ROADS_KM_S)  # of every other class


class MeasurementRecord(Record):
    """One round trip, as gateways tell it (`POST /v1/ranging`)."""

    satellite: int = Field(description="Its number in the network's constellation.", ge=0)
    at: Instant = Field(description="The middle between sending and receiving.")
    round_trip_ms: Annotated[float, Field(gt=0.0, le=1_000.0)] = Field(description="Satellite to terminal and back.")
    processing_ms: float = Field(0.0, description="Known delay in it, which is taken off.", ge=0.0, le=1_000.0)
    sigma_ns: float = Field(description="One standard deviation of the round trip.", gt=0.0, le=1_000_000.0)


@dataclass(frozen=True)
class Evidence:
    """For a review queue: what was found, by which test, on which numbers."""

    kind: str
    says: str
    inputs: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Located:
    """`regions`: discs that all have to be permitted; none: nobody knows where the terminal is. `agrees`: of a report
    that could be tested.
    """

    regions: tuple[Disc, ...]
    source: Came
    agrees: bool | None
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None


def locate(
    measurements: Sequence[MeasurementRecord],
    reported: Request,
    lookup: Lookup,
    *,
    beam: Beam | None = None,
    false_alarm: float = FALSE_ALARM,
) -> Located:
    """The regions to decide for, of a request as it was reported (its class from the registry)."""
    why_not = implausible(reported)
    evidence = [] if why_not is None else [why_not]
    disc = None if why_not else _disc(reported)
    ranges, unknown = ranges_of(measurements, lookup, ERRORS_OF_CLASSES.get(reported.class_ or "", MOVING))
    evidence += unknown
    fix = fix_of(ranges, beam)
    doubted = without_one(ranges, beam) if fix.problem == "inconsistent" else {}
    if doubted:
        found = _of_fixes(list(doubted.values()), reported, disc, false_alarm)
        return replace(found, evidence=(*evidence, _satellite_doubted(doubted, fix), *found.evidence))
    beams = () if beam is None else ((beam[0], beam[1], beam[2] * M_PER_KM),)
    if fix.problem == "inconsistent":
        evidence.append(_fits_nowhere(fix, ranges))
        # Nothing is known but the beam: a disc that a terminal names is not enough against round trips that lie.
        both = (*beams, disc) if disc and beams else beams
        return Located(both, "beam" if beams else "none", None, tuple(evidence), fix)
    if not fix.located:
        if disc is None:
            return Located(beams, "beam" if beams else "none", None, tuple(evidence), fix)
        outside = _outside(reported, beam)
        told = (*evidence, *outside)
        return Located((disc, *beams) if outside else (disc,), "both" if outside else "gnss", None, told, fix)
    found = _of_fixes([(ranges, fix)], reported, disc, false_alarm)
    return replace(found, evidence=(*evidence, *found.evidence))


def _of_fixes(fixes: Sequence[tuple[Ranges, Fix]], reported: Request, disc: Disc | None, false_alarm: float) -> Located:
    """A report against every fix that may be the right one: it has to agree with all of them."""
    (_, first), *_ = fixes
    network = tuple(one for _, fix in fixes for place in fix.places for one in place.ellipse.discs())
    if disc is None:
        return Located(network, "network", None, (), first)
    found = [compare(ranges, fix, _spread(reported), false_alarm) for ranges, fix in fixes]
    against = [one for one in found if not one.agrees]
    if not against:
        return Located((disc,), "gnss", True, (), first)
    # Who could be in two places is refused where one of them is not permitted; only against all fixes is it told.
    told = (_disagrees(against[0], false_alarm),) if len(against) == len(found) else ()
    return Located((disc, *network), "both", False, told, first)


def implausible(reported: Request) -> Evidence | None:
    """Why a report is no position to go by, None where it is one: GNSS jammed, or a receiver that makes it up."""
    if reported.latitude_deg is None or reported.longitude_deg is None or reported.uncertainty_m is None:
        return Evidence("gnss-absent", "It reports no position, or one without its uncertainty.")
    if reported.uncertainty_m > UNCERTAIN_M_MAX:
        says = f"Its position is known to {reported.uncertainty_m / M_PER_KM:.0f} km: its receiver has no fix."
        return Evidence("gnss-uncertain", says, {"uncertainty_m": reported.uncertainty_m})
    if reported.age_s is not None and reported.age_s > AGE_S_MAX:
        says = f"Its position is {reported.age_s:.0f} s old, more than {AGE_S_MAX:.0f}."
        return Evidence("gnss-stale", says, {"age_s": reported.age_s})
    speed_kmh = reported.speed_kmh or 0.0
    if speed_kmh > FASTEST_KMH:
        says = f"It would have to move at {speed_kmh:.0f} km/h, faster than anything that carries a terminal."
        return Evidence("gnss-impossible", says, {"speed_kmh": speed_kmh})
    return None


def ranges_of(
    measurements: Sequence[MeasurementRecord], lookup: Lookup, errors: Errors = ERRORS
) -> tuple[Ranges, list[Evidence]]:
    """(round trips whose satellites' places are known, what is to be said of the others); the latest, if too many."""
    kept = sorted(measurements, key=lambda one: one.at)[-MOST_MEASUREMENTS:]
    flown = lookup([one.satellite for one in kept], [one.at for one in kept])
    there = flown.there
    lost = sorted({one.satellite for one, known in zip(kept, there, strict=True) if not known})
    says = f"Round trips of satellites without a place: {', '.join(map(str, lost))}."
    first: datetime | None = kept[0].at if kept else None
    at_s = [(one.at - first).total_seconds() for one in kept] if first else []
    distance = [(one.round_trip_ms - one.processing_ms) * KM_PER_MS for one in kept]
    ranges = Ranges(
        np.array([one.satellite for one in kept], dtype=np.int64)[there],
        np.array(at_s)[there],
        flown.position_km[there],
        flown.velocity_km_s[there],
        np.array(distance)[there],
        np.array([one.sigma_ns * KM_PER_NS for one in kept])[there],
        flown.ephemeris_km[there],
        errors,
    )
    return ranges, [Evidence("satellite-unknown", says)] if lost else []


# --- in words -----------------------------------------------------------------------------------------------------


def _disc(reported: Request) -> Disc | None:
    if reported.latitude_deg is None or reported.longitude_deg is None or reported.uncertainty_m is None:
        return None
    return (reported.latitude_deg, reported.longitude_deg, reported.uncertainty_m)


def _spread(reported: Request) -> tuple[float, float, float]:
    """The report as the test takes it: as far around it as the terminal may have gone since."""
    disc = _disc(reported)
    assert disc is not None
    speed_kmh = UNKNOWN_SPEED_KMH if reported.speed_kmh is None else reported.speed_kmh
    still = reported.class_ == "fixed" and reported.speed_kmh is None
    went_km = 0.0 if still else speed_kmh * (reported.age_s or 0.0) / 3600.0
    return disc[0], disc[1], disc[2] / M_PER_KM + went_km


def _outside(reported: Request, beam: Beam | None) -> tuple[Evidence, ...]:
    """What is to be said of a report that the serving beam does not reach, where no round trips say more."""
    if beam is None:
        return ()
    latitude, longitude, radius_km = _spread(reported)
    away_km = float(GEOD.inv(longitude, latitude, beam[1], beam[0])[2]) / M_PER_KM
    if away_km <= beam[2] + radius_km:
        return ()
    says = f"It reports a place {away_km:.0f} km from the middle of the beam of {beam[2]:.0f} km that serves it."
    return (Evidence("report-outside-beam", says, {"away_km": away_km, "beam_km": beam[2]}),)


def _fits_nowhere(fix: Fix, ranges: Ranges) -> Evidence:
    says = "The round trips fit no place: an answer was forged, or a satellite is not where its ephemeris has it."
    numbers = ", ".join(str(one) for one in np.unique(ranges.satellite))
    return Evidence("ranging-inconsistent", says, {"misfit": fix.misfit, "freedom": fix.freedom, "satellites": numbers})


def _satellite_doubted(doubted: Mapping[int, object], fix: Fix) -> Evidence:
    numbers = ", ".join(map(str, sorted(doubted)))
    says = f"The round trips fit a place without satellite {numbers}: it may have manoeuvred, or an answer was forged."
    return Evidence("satellite-doubted", says, {"satellites": numbers, "misfit": fix.misfit})


def _disagrees(agreement: Agreement, false_alarm: float) -> Evidence:
    away = f"{agreement.away_km:.1f} km" if math.isfinite(agreement.away_km) else "far"
    says = f"It reports a place {away} from where the network's round trips put it."
    inputs = {"away_km": agreement.away_km, "rise": agreement.rise, "limit": agreement.limit}
    return Evidence("position-disagrees", says, {**inputs, "false_alarm": false_alarm})
