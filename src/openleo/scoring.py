"""A case scored: its network computed over the territories that were measured, with what explains the errors.

Takes a Case and measured rows; gives a Score. The figures are those of `plan`: medians over people and slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo import scoring_rates, uncertainty
from openleo.network import journeys
from openleo.network.ground.gateways import geodesics_km, places_of
from openleo.network.journeys import Point
from openleo.network.pop_reach import served_cells
from openleo.network.reach import Network, place_users, reach
from openleo.places.areas import Area
from openleo.places.parts import Parts
from openleo.results import Case, OnProgress, Results, compute, count_reach, labels_of_cells
from openleo.score import WAYS, Measured, Modelled, Score, as_rows
from openleo.score_trace import Twin
from openleo.service.serve import serve
from openleo.service.summary import TerritoryRow, by_territory

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ground:
    """What is cut once for all computations of a score: the table's territories, and everybody who shares the network
    (None where rates are not computed).
    """

    parts: Parts
    everybody: Parts | None


def score(
    case: Case, measured: Sequence[Measured], *, threads: int | None = None, on_progress: OnProgress | None = None,
    draws: int = 0, seed: int = 0,
) -> Score:  # fmt: skip
    """Compute the territories of the table, with the case's serving PoPs and with nearest ones, and compare.

    Rates, where the case has capacity, are those among everybody in the case's own area and in these territories. With
    `draws`, figures have intervals of what is not known.
    """
    tell = on_progress or (lambda _what, _done, _of: None)
    asked = tuple(one.iso3 for one in measured)
    tell("cutting cells by territory", 0, 1)
    everybody = scoring_rates.everybody(case, asked) if case.capacity else None
    results = compute(_of_table(case, asked), threads=threads, on_progress=on_progress)
    ground = Ground(results.parts, everybody)
    rates = scoring_rates.rates(case, asked, ground.everybody, threads, tell)
    rows = {row.territory: row for row in results.territories}
    nearest = rows
    if case.network.serving is not None:
        nearest = _with_nearest_pops(results, threads, tell)
    known = _known(results, asked)
    modelled = {}
    for iso3 in asked:
        row, near = rows.get(iso3), nearest.get(iso3)
        modelled[iso3] = replace(
            known[iso3],
            rtt_ms=row.rtt_ms_p50 if row else None,
            why_missing=_why(row),
            nearest_pop_rtt_ms=near.rtt_ms_p50 if near else None,
            **rates.of_territory.get(iso3, {}),
        )
    found = Score(as_rows(measured, modelled), (*results.case.notes, *rates.notes))
    return replace(found, intervals=_drawn(case, found, ground, draws, seed, threads, tell)) if draws else found


def _of_table(case: Case, asked: tuple[str, ...]) -> Case:
    """The case over the territories of a table, everybody alone on the network."""
    return replace(case, area=Area(asked), compare=None, compare_network=None, capacity=None)


FIGURES = {"rtt": ("mae_ms", "bias_ms", "spearman"), **dict.fromkeys(WAYS, ("mae_mbps", "bias_mbps", "spearman"))}
OF_TERRITORY = ("rtt_ms", "down_mbps", "up_mbps")


def _drawn(
    case: Case, found: Score, ground: Ground, draws: int, seed: int, threads: int | None, tell: OnProgress
) -> dict[str, Any]:
    """The intervals of a score's figures and of its territories."""
    asked = tuple(row.measured.iso3 for row in found.rows)

    def figures(drawn: Case) -> uncertainty.Figures:
        again = compute(_of_table(drawn, asked), threads=threads, parts=ground.parts).territories
        rtt_ms = {row.territory: row.rtt_ms_p50 for row in again}
        rates = scoring_rates.rates(drawn, asked, ground.everybody, threads, lambda _what, _done, _of: None)
        rows = [
            replace(row, modelled=replace(
                row.modelled, rtt_ms=rtt_ms.get(row.measured.iso3), **rates.of_territory.get(row.measured.iso3, {})
            ))
            for row in found.rows
        ]  # fmt: skip
        told = Score(tuple(rows)).figures()
        of_territory = {(row.measured.iso3, name): getattr(row.modelled, name) for row in rows for name in OF_TERRITORY}
        return {(part, name): told[part][name] for part, names in FIGURES.items() for name in names} | of_territory

    spread = uncertainty.spread(case, figures, draws, seed, tell, alone=0)
    return {
        **spread.as_json(),
        **{part: spread.row(part, names) for part, names in FIGURES.items()},
        "territories": [{"iso3": iso3, **spread.row(iso3, OF_TERRITORY)} for iso3 in asked],
    }


def twin_of(case: Case, start_s: float, place: Point, threads: int | None = None) -> Twin:
    """What the case's network says of a place over all of its slots. `start_s`: of the scenario, POSIX time.

    Without the jitter: a slot of a trace has its own, and its median is compared.
    """
    network = journeys.seen_by(case.network, place)
    if network.chain is not None:
        network = replace(network, chain=replace(network.chain, jitter_ms=0.0))
    one = (np.array([place.latitude_deg]), np.array([place.longitude_deg]), np.array([place.altitude_km]))
    chunks = list(reach(network, case.grid, place_users(network, *one, (place.name,)), threads))
    begin_s = case.grid.start.timestamp() + case.grid.seconds(0, case.grid.slots) - start_s
    return Twin(
        begin_s,
        case.grid.slot_s,
        np.concatenate([chunk.rtt_ms[:, 0] for chunk in chunks]).astype(np.float64),
        np.concatenate([chunk.satellite[:, 0] for chunk in chunks]),
    )


def _with_nearest_pops(results: Results, threads: int | None, tell: OnProgress) -> dict[str, TerritoryRow]:
    case = replace(results.case, network=replace(results.case.network, serving=None))
    statistics, _ = count_reach(case, results.parts, threads, tell)
    service = serve(statistics, results.parts, results.service.mask, results.service.class_)
    return {row.territory: row for row in by_territory(service)}


def _why(row: TerritoryRow | None) -> str | None:
    """Why a territory has no round-trip time; None where it has one."""
    if row is None:
        return "no cell of the area lies in it"
    if row.rtt_ms_p50 is not None:
        return None
    most = max(row.not_served_because, key=lambda reason: row.not_served_because[reason])
    return most if row.not_served_because[most] > 0.0 else "slower than is told apart"


def _known(results: Results, asked: Sequence[str]) -> Mapping[str, Modelled]:
    """What is known of the ways of each territory, without its times."""
    network, parts = results.case.network, results.parts
    pops = network.gateways.pops
    latitude, longitude = h3cells.centres_deg(parts.cells)
    distance_km = geodesics_km(latitude, longitude, *places_of(pops))
    weight = np.zeros(distance_km.shape)
    fallback: Mapping[str, float] = {}
    labels, people = labels_of_cells(parts)
    if network.serving is None:
        weight[np.arange(len(weight)), distance_km.argmin(axis=1)] = 1.0
    else:
        served = served_cells(network, parts.cells, labels, people)
        weight[served.place, served.pop] = served.weight
        fallback = served.fallback
    territory = parts.territory.astype(str)
    found = {}
    for iso3 in asked:
        mine = np.flatnonzero(territory == iso3)
        centre_km = _centre_km(parts, mine, (latitude, longitude), places_of(pops)) if len(mine) else 0.0
        theirs = parts.people[mine] if parts.people[mine].sum() > 0.0 else parts.area_km2[mine]
        of_pop = theirs @ weight[parts.cell[mine]]
        far = float((theirs @ (weight * distance_km)[parts.cell[mine]]).sum() / max(theirs.sum(), 1e-9))
        order = [int(pop) for pop in np.argsort(-of_pop, kind="stable") if of_pop[pop] > 0.05 * of_pop.sum()]
        found[iso3] = Modelled(
            iso3, None, None, None, centre_km, far, tuple(pops[pop].name for pop in order), iso3 in fallback
        )
    return found


def naive_distances_km(network: Network, parts: Parts, asked: Sequence[str]) -> Floats:
    """From the centre of each territory to the nearest PoP: what a naive model knows."""
    where, pops = h3cells.centres_deg(parts.cells), places_of(network.gateways.pops)
    territory = parts.territory.astype(str)
    return np.array([_centre_km(parts, np.flatnonzero(territory == iso3), where, pops) for iso3 in asked])


def _centre_km(
    parts: Parts, mine: NDArray[np.intp], where: tuple[Floats, Floats], pops: tuple[Floats, Floats]
) -> float:
    """From the middle of a territory's land, on a sphere, to the nearest PoP."""
    latitude, longitude = (np.radians(axis[parts.cell[mine]]) for axis in where)
    unit = np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    x, y, z = unit @ parts.area_km2[mine]
    centre = np.degrees([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)])
    return float(geodesics_km(centre[:1], centre[1:], *pops).min())
