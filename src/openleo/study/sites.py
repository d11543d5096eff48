"""The best next gateway sites for a territory.

Takes the cases of operators, after any withdrawal, and candidate sites; gives the sites that together serve most people
of a territory for most of the time. What a gateway serves alone adds to what is served without it, so the share served
by a set of sites is a coverage: taking the best site again and again gives at least 1 − 1/e of the most that any so
many sites could add (Nemhauser, Wolsey and Fisher 1978), and the gains that are left bound that most from above.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.errors import InputError, Problem
from openleo.network.ground.gateways import join
from openleo.network.ground.stations import Station
from openleo.places.parts import Parts
from openleo.results import Case, Source
from openleo.service import licences
from openleo.study.providers import check, check_size, only
from openleo.study.restore import Restored, Step, curve, restored
from openleo.study.served import served_parts, weights
from openleo.study.tasks import OnDone, each
from openleo.study.withdrawal import Operators, Thing

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

GREEDY = 1.0 - 1.0 / math.e


@dataclass(frozen=True)
class Chosen:
    """A site, and the share of the territory that is served with it and those before it."""

    site: Station
    served: float


@dataclass(frozen=True)
class Sites:
    """Sites in the order in which they were chosen, after some things were withdrawn.

    `at_most`: no set of as many candidates as were `asked` for serves a larger share.
    """

    territory: str
    operator: str
    candidates: int
    asked: int
    before: float
    chosen: tuple[Chosen, ...]
    at_most: float
    after: tuple[Thing, ...] = ()
    restored: Restored | None = None  # where the candidates say when they can stand, and a share is wanted
    steps: tuple[Step, ...] = ()  # of the chosen sites alone: a day, and the share from it on

    @property
    def served(self) -> float:
        """The share that all of them together serve."""
        return self.chosen[-1].served if self.chosen else self.before

    def as_json(self) -> dict[str, object]:
        """With each site's place."""
        return {
            "territory": self.territory, "operator": self.operator, "candidates": self.candidates,
            "after": [str(thing) for thing in self.after],
            "served": round(self.before, 6), "at_most": round(self.at_most, 6),
            "sites": [
                {"name": one.site.name, "lat_deg": one.site.latitude_deg, "lon_deg": one.site.longitude_deg,
                 "days": one.site.days, "served": round(one.served, 6)} for one in self.chosen
            ],
            "steps": [{"day": day, "served": round(share, 6)} for day, share in self.steps],
            "restored": None if self.restored is None else self.restored.as_json(),
        }  # fmt: skip


def best(
    cases: Operators,
    operator: str,
    territory: str,
    candidates: Sequence[Station],
    number: int,
    parts: Parts,
    executor: Executor,
    *,
    threads: int | None = None,
    file: str = "",
    on_done: OnDone | None = None,
    wanted: float | None = None,
) -> Sites:
    """The best sites for gateways of one operator, beside all that serves already.

    `wanted`: tell when so great a share is served again, by candidates that say in how many days they can stand.
    """
    check_days(candidates, wanted, file)
    check({operator: cases[operator]}, "gateway", (), file)
    mine = parts.territory == territory
    if not mine.any():
        raise InputError(
            Problem(file, "sites.territory", f"{territory} has no part in the area.", "Add it to [ground].")
        )
    candidates = permitted(cases[operator], candidates, file)
    candidates = sorted(candidates, key=lambda site: site.days or 0.0)  # of equal ones the first is taken
    known = {one.name for one in cases[operator].network.gateways.stations}
    if taken := [site.name for site in candidates if site.name in known]:
        rule = f'"{taken[0]}" is a gateway already.'
        raise InputError(Problem(file, "sites.candidates", rule, "Leave it out, or call the site otherwise."))
    check_size(len(candidates), cases, parts, "the choice of sites", file)
    base = np.logical_or.reduce(
        each(executor, served_parts, [(case, parts, threads) for case in cases.values()], "what serves", on_done)
    )
    wider = with_gateways(cases[operator], candidates)
    arguments = [(only(wider, [site.name]), parts, threads) for site in candidates]
    able = np.stack([one[:, mine].ravel() for one in each(executor, served_parts, arguments, "each site", on_done)])
    weight = np.tile(weights(parts, territory)[mine] / len(base), len(base))
    served = base[:, mine].ravel()
    before, order, shares, at_most = greedy(served, able, weight, number)
    chosen = tuple(Chosen(candidates[site], share) for site, share in zip(order, shares, strict=True))
    found = Sites(territory, operator, len(candidates), number, before, chosen, at_most)
    if candidates[0].days is None:
        return found
    days = np.array([candidates[site].days for site in order], np.float64)
    again = None if wanted is None else restored(served, able, weight, candidates, wanted)
    return replace(found, steps=curve(served, able[order], weight, days), restored=again)


def check_days(candidates: Sequence[Station], wanted: float | None, file: str) -> None:
    """Raise InputError unless all candidates say in how many days they can stand, or none does and no day is asked."""
    without = [one.name for one in candidates if one.days is None]
    if without and (wanted is not None or len(without) < len(candidates)):
        rule = f'has no days: "{without[0]}"' + (f" and {len(without) - 1} more." if len(without) > 1 else ".")
        way_out = "Give each candidate a column days: how long until a gateway could stand there."
        raise InputError(Problem(file, "sites.candidates", rule, way_out))


def permitted(case: Case, candidates: Sequence[Station], file: str) -> Sequence[Station]:
    """Candidates whose use no rule on gateways forbids at the start. Raises InputError where none is left."""
    with_them = with_gateways(case, candidates).network.gateways
    own = len(case.network.gateways.stations)
    out = {one.gateway - own for one in licences.withheld(with_them, case.rules, case.grid.start)}
    left = [site for number, site in enumerate(candidates) if number not in out]
    if candidates and not left:
        rule = f"rules on gateways permit none of the {len(candidates):,} candidates."
        raise InputError(Problem(file, "sites.candidates", rule, "Name others, or leave those rules out."))
    return left


def greedy(base: Bools, able: Bools, weight: Floats, number: int) -> tuple[float, list[int], list[float], float]:
    """(share served before, sites in the order chosen, the share after each, a bound on any so many sites).

    base (row,): served already; able (site, row): by each site alone; weight (row,). It ends early when nothing is
    gained any more.
    """
    left = np.where(base, 0.0, weight)
    before = share = float(weight[base].sum())
    order: list[int] = []
    shares: list[float] = []
    gains: Floats = np.asarray(able @ left, np.float64)
    at_most = share + _largest(gains, number)
    for _ in range(min(number, len(able))):
        site = int(gains.argmax())
        if gains[site] <= 0.0:
            break
        share += float(gains[site])
        left[able[site]] = 0.0
        order.append(site)
        shares.append(share)
        gains = np.asarray(able @ left, np.float64)
        at_most = min(at_most, share + _largest(gains, number))
    if len(order) == number:
        at_most = min(at_most, before + (share - before) / GREEDY)
    return before, order, shares, max(at_most, share)


def _largest(gains: Floats, number: int) -> float:
    return float(np.sort(gains)[::-1][:number].sum())


def with_gateways(case: Case, sites: Sequence[Station]) -> Case:
    """The case with further gateways, each joined to the nearest PoP that works, under the scenario's own masks."""
    network, limits = case.network, case.network.limits
    own = network.gateways
    works = [number for number in range(len(own.pops)) if number not in own.dark]
    pop, fibre_km = np.full(len(sites), -1, np.int32), np.full(len(sites), np.inf)
    if works:
        new = join(tuple(sites), tuple(own.pops[number] for number in works), own.detour)
        pop, fibre_km = np.array(works, np.int32)[new.pop], new.fibre_km
    more = replace(
        own,
        stations=(*own.stations, *sites),
        latitude_deg=np.append(own.latitude_deg, [one.latitude_deg for one in sites]),
        longitude_deg=np.append(own.longitude_deg, [one.longitude_deg for one in sites]),
        pop=np.append(own.pop, pop).astype(np.int32),
        fibre_km=np.append(own.fibre_km, fibre_km),
    )
    if limits.gateway_own_deg:
        masks = [np.nan if one.elevation_deg is None else one.elevation_deg for one in sites]
        limits = replace(limits, gateway_own_deg=(*limits.gateway_own_deg, *masks))
    if limits.gateway_antennas:
        limits = replace(limits, gateway_antennas=(*limits.gateway_antennas, *(one.antennas or -1 for one in sites)))
    placed = ", ".join(f"{one.name} {one.latitude_deg} {one.longitude_deg}" for one in sites)
    source = Source("placed by the study", hashlib.sha256(placed.encode()).hexdigest())
    wider = replace(network, gateways=more, limits=limits)
    return replace(case, network=wider, every_gateway=None, inputs={**case.inputs, "placed": source})


def centres(parts: Parts, territories: Sequence[str]) -> tuple[Station, ...]:
    """The centres of the cells that hold a part of some territories, as candidates."""
    found = np.unique(parts.cell[np.isin(parts.territory.astype(str), list(territories))])
    latitude, longitude = h3cells.centres_deg(parts.cells[found])
    names = h3cells.text(parts.cells[found])
    places = zip(names, latitude.tolist(), longitude.tolist(), strict=True)
    return tuple(Station(f"cell {name}", round(lat, 4), round(lon, 4)) for name, lat, lon in places)
